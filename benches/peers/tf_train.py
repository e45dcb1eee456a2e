"""Training and inference rows by TensorFlow: a custom step in graph mode. --variant function|function-xla."""

import resource
import sys

import common
from common import emit, integers, measure, np, peak_rss_mb, uniform, wanted

import tensorflow as tf
from tensorflow import keras

tf.config.threading.set_intra_op_parallelism_threads(common.THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(0)
L = keras.layers
VARIANT = sys.argv[sys.argv.index("--variant") + 1] if "--variant" in sys.argv else "function"
XLA = "xla" in VARIANT


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


def characters(recurrent):
    """Embedding, one recurrent layer, a dense layer at every position."""
    # A loop in the graph is slower than the steps one by one, except when XLA compiles it.
    recurrent = recurrent(256, return_sequences=True, unroll=not XLA)
    return keras.Sequential([keras.Input((64,), dtype="int64"), L.Embedding(65, 64), recurrent, L.Dense(65)])


class Positions(L.Layer):
    """Adds a learned vector to every position."""

    def build(self, shape):
        self.weight = self.add_weight(shape=shape[1:], initializer="uniform")

    def call(self, x):
        return x + self.weight


class Attention(L.Layer):
    """Causal self-attention of 4 heads, a little faster than MultiHeadAttention's einsums."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = L.Dense(3 * 128), L.Dense(128)

    def call(self, x):
        steps = x.shape[1]
        parts = tf.reshape(self.qkv(x), (-1, steps, 3, 4, 32))
        q, k, v = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
        future = 1e9 * (np.tri(steps, dtype=np.float32) - 1)
        seen = tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * 32**-0.5 + future), v)
        return self.out(tf.reshape(tf.transpose(seen, (0, 2, 1, 3)), (-1, steps, 128)))


def transformer():
    def norm():
        return L.LayerNormalization(epsilon=1e-5)

    symbols = keras.Input((128,), dtype="int64")
    x = Positions()(L.Embedding(65, 128)(symbols))
    for _ in range(4):
        x = x + Attention()(norm()(x))
        x = x + L.Dense(128)(L.Dense(512, activation="gelu")(norm()(x)))
    return keras.Model(symbols, L.Dense(65)(norm()(x)))


class BatchNorm(L.Layer):
    """Batch normalization in training by the fused kernel, which Keras's own layer does without."""

    def build(self, shape):
        self.gamma, self.beta, self.mean, self.variance = (
            self.add_weight(shape=shape[-1:], initializer=initializer, trainable=trainable)
            for initializer, trainable in (("ones", True), ("zeros", True), ("zeros", False), ("ones", False))
        )

    def call(self, x):
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            x, self.gamma.value, self.beta.value, self.mean.value, self.variance.value,
            epsilon=1e-5, exponential_avg_factor=0.1,
        )
        self.mean.assign(mean)
        self.variance.assign(variance)
        return y


def resnet18():
    def conv(x, out, kernel, stride):
        # Padding "same" with a stride of 2 would pad one side only.
        padding = "valid" if kernel == 3 and stride == 2 else "same"
        if padding == "valid":
            x = L.ZeroPadding2D(1)(x)
        return BatchNorm()(L.Conv2D(out, kernel, stride, padding, use_bias=False)(x))

    images = keras.Input((32, 32, 3))
    x = L.ReLU()(conv(images, 64, 3, 1))
    for out, first in (64, 1), (128, 2), (256, 2), (512, 2):
        for stride in first, 1:
            y = conv(L.ReLU()(conv(x, out, 3, stride)), out, 3, 1)
            x = L.ReLU()(y + (conv(x, out, 1, stride) if stride > 1 else x))
    return keras.Model(images, L.Dense(10)(L.GlobalAveragePooling2D()(x)))


# Name: build, shape of an input (or a number of symbols), batch, classes, batches in memory.
TASKS = {
    "keras-cnn-150": (keras_cnn, (150, 150, 3), 32, 1, 8),
    "fashion-cnn": (fashion_cnn, (28, 28, 1), 64, 10, 8),
    "mlp-small": (mlp_small, (784,), 32, 10, 64),
    "char-lstm": (lambda: characters(L.LSTM), 64, 32, 65, 8),
    "char-gru": (lambda: characters(L.GRU), 64, 32, 65, 8),
    "char-rnn": (lambda: characters(L.SimpleRNN), 64, 32, 65, 8),
    "transformer": (transformer, 128, 16, 65, 8),
    "resnet18-cifar": (resnet18, (32, 32, 3), 32, 10, 8),
}


def batches(task, shape, batch, classes, count):
    for i in range(count):
        if isinstance(shape, int):
            of = lambda seed: integers(seed + i, batch * shape, classes).reshape(batch, shape)
            yield tf.constant(of(10)), tf.constant(of(50))
            continue
        numbers = common.normal if task == "resnet18-cifar" else uniform
        y = integers(50 + i, batch, max(classes, 2))
        yield (
            tf.constant(numbers(10 + i, batch, *shape).astype(np.float32)),
            tf.constant(y[:, None].astype(np.float32) if classes == 1 else y),
        )


def run_steps(task, graph_step, data, labels, unit):
    """Times graph_step, which gives its losses, on the batches in turn."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    state = {"step": 0, "loss": 0.0}

    def step():
        losses = graph_step(*data[state["step"] % len(data)])
        state["loss"] = [float(loss) for loss in losses][0]
        state["step"] += 1

    timing = measure(step)
    timing |= {"loss": state["loss"], "steps": state["step"], "peak_rss_mb": peak_rss_mb(),
               "rss_before_training_mb": before}
    emit(task, f"tf-{VARIANT}", labels / timing["median_s"], unit, True, timing)


def train(task, build, shape, batch, classes, count):
    model = build()
    weights, decay = model.trainable_variables, 0.0
    if task == "resnet18-cifar":
        # Keras's own weight_decay would pass by the momentum.
        optimizer, decay = keras.optimizers.SGD(0.01, momentum=0.9), 5e-4
    else:
        optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(weights)

    @tf.function(jit_compile=XLA)
    def graph_step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            if classes == 1:
                losses = tf.nn.sigmoid_cross_entropy_with_logits(y, logits)
            else:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(losses)
        # An embedding's gradient becomes dense: Adam squares its rows before it adds those of one symbol.
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
        if decay:
            gradients = [g + decay * w for g, w in zip(gradients, weights)]
        optimizer.apply(gradients, weights)
        return (loss,)

    data = list(batches(task, shape, batch, classes, count))
    labels, unit = (batch * shape, "tokens/s") if isinstance(shape, int) else (batch, "samples/s")
    run_steps(task, graph_step, data, labels, unit)


def dcgan(task):
    """A step of the discriminator on real and generated images, then one of the generator."""
    latent, batch = 64, 64
    generator = keras.Sequential([
        keras.Input((latent,)), L.Dense(7 * 7 * 128), L.Reshape((7, 7, 128)),
        L.Conv2DTranspose(64, 4, 2, "same"), BatchNorm(), L.ReLU(),
        L.Conv2DTranspose(1, 4, 2, "same", activation="tanh"),
    ])
    discriminator = keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(64, 4, 2, "same"), L.LeakyReLU(0.2),
        L.Conv2D(128, 4, 2, "same"), BatchNorm(), L.LeakyReLU(0.2), L.Flatten(), L.Dense(1),
    ])
    makes, judges = generator.trainable_variables, discriminator.trainable_variables
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999) for _ in range(2)]
    optimizers[0].build(makes)
    optimizers[1].build(judges)

    def loss_of(images, label):
        logits = discriminator(images, training=True)
        labels = tf.fill((batch, 1), label)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))

    @tf.function(jit_compile=XLA)
    def graph_step(real):
        with tf.GradientTape() as make_tape:
            fake = generator(tf.random.normal((batch, latent)), training=True)
            with tf.GradientTape() as judge_tape:
                loss = loss_of(real, 1.0) + loss_of(tf.stop_gradient(fake), 0.0)
            optimizers[1].apply(judge_tape.gradient(loss, judges), judges)
            fooled = loss_of(fake, 1.0)
        # Of the discriminator's weights nothing is asked here, so the graph leaves their gradients out.
        optimizers[0].apply(make_tape.gradient(fooled, makes), makes)
        return loss, fooled

    data = [(x,) for x, _ in batches(task, (28, 28, 1), batch, 1, 8)]
    run_steps(task, graph_step, data, batch, "samples/s")


def infer(task, batch):
    model = keras_cnn()
    data = [tf.constant(uniform(10 + i, batch, 150, 150, 3).astype(np.float32)) for i in range(8)]
    forward = tf.function(lambda x: tf.sigmoid(model(x, training=False)), jit_compile=XLA)
    state = {"i": 0, "sum": 0.0}

    def call():
        state["sum"] = float(tf.reduce_sum(forward(data[state["i"] % 8])))
        state["i"] += 1

    timing = measure(call) | {"sum": state["sum"], "peak_rss_mb": peak_rss_mb()}
    if batch == 1:
        emit(task, f"tf-{VARIANT}", 1e3 * timing["median_s"], "ms", False, timing)
    else:
        emit(task, f"tf-{VARIANT}", batch / timing["median_s"], "samples/s", True, timing)


for task, arguments in TASKS.items():
    if wanted(task):
        train(task, *arguments)
if wanted("dcgan-28"):
    dcgan("dcgan-28")
if wanted("keras-cnn-150-infer/batch32"):
    infer("keras-cnn-150-infer/batch32", 32)
if wanted("keras-cnn-150-infer/batch1"):
    infer("keras-cnn-150-infer/batch1", 1)
