"""Training and inference rows by TensorFlow: a custom step in graph mode."""

import resource

import common
from common import emit, integers, measure, np, peak_rss_mb, uniform, wanted

import tensorflow as tf
from tensorflow import keras

tf.config.threading.set_intra_op_parallelism_threads(common.THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(0)
L = keras.layers


def keras_cnn():
    convs = []
    for out in (32, 64, 128, 128):
        convs += [L.Conv2D(out, 3, activation="relu"), L.MaxPooling2D(2)]
    return keras.Sequential(
        [keras.Input((150, 150, 3)), *convs, L.Flatten(), L.Dense(512, activation="relu"), L.Dense(1)]
    )


def fashion_cnn():
    return keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.Conv2D(64, 3, activation="relu"),
        L.MaxPooling2D(2), L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10),
    ])


def mlp_small():
    return keras.Sequential([keras.Input((784,)), L.Dense(128, activation="relu"), L.Dense(10)])


TASKS = {
    "keras-cnn-150": (keras_cnn, (150, 150, 3), 32, 1, 8),
    "fashion-cnn": (fashion_cnn, (28, 28, 1), 64, 10, 8),
    "mlp-small": (mlp_small, (784,), 32, 10, 64),
}


def train(task, build, shape, batch, classes, count):
    model = build()
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    data = []
    for i in range(count):
        y = integers(50 + i, batch, max(classes, 2))
        data.append((
            tf.constant(uniform(10 + i, batch, *shape).astype(np.float32)),
            tf.constant(y[:, None].astype(np.float32) if classes == 1 else y),
        ))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    @tf.function
    def graph_step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            if classes == 1:
                losses = tf.nn.sigmoid_cross_entropy_with_logits(y, logits)
            else:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    state = {"step": 0, "loss": 0.0}

    def step():
        x, y = data[state["step"] % count]
        state["loss"] = float(graph_step(x, y))
        state["step"] += 1

    timing = measure(step)
    timing |= {"loss": state["loss"], "steps": state["step"], "peak_rss_mb": peak_rss_mb(),
               "rss_before_training_mb": before}
    emit(task, "tf-function", batch / timing["median_s"], "samples/s", True, timing)


def infer(task, batch):
    model = keras_cnn()
    data = [tf.constant(uniform(10 + i, batch, 150, 150, 3).astype(np.float32)) for i in range(8)]
    forward = tf.function(lambda x: tf.sigmoid(model(x, training=False)))
    state = {"i": 0, "sum": 0.0}

    def call():
        state["sum"] = float(tf.reduce_sum(forward(data[state["i"] % 8])))
        state["i"] += 1

    timing = measure(call) | {"sum": state["sum"], "peak_rss_mb": peak_rss_mb()}
    if batch == 1:
        emit(task, "tf-function", 1e3 * timing["median_s"], "ms", False, timing)
    else:
        emit(task, "tf-function", batch / timing["median_s"], "samples/s", True, timing)


for task, arguments in TASKS.items():
    if wanted(task):
        train(task, *arguments)
if wanted("keras-cnn-150-infer/batch32"):
    infer("keras-cnn-150-infer/batch32", 32)
if wanted("keras-cnn-150-infer/batch1"):
    infer("keras-cnn-150-infer/batch1", 1)
