//! Training steps (forward, loss, backward, optimizer) and inference of the measured networks.

use crate::Task;
use crate::inputs::{integers, normal, to_f32, uniform};
use crate::measure::{Row, peak_rss_mb, time};
use purlin_core::rng::Stream;
use purlin_nn::layers::{
    Conv2d, Embedding, FeedForwardActivation, Flatten, Gru, LayerNorm, LearnedPositions, Linear,
    Lstm, MaxPool2d, Rnn, TransformerEncoderLayer,
};
use purlin_nn::losses::{BceWithLogits, CrossEntropy};
use purlin_nn::models::{ResNet, ResNetConfig, Stem};
use purlin_nn::optim::{Adam, Optimizer, Sgd};
use purlin_nn::{Context, Forward, Sequential};
use purlin_tensor::{Activation, Tensor, no_grad};

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks: Vec<Task> = networks()
        .into_iter()
        .map(|network| Task::new(network.task, move || train(&network)))
        .collect();
    for batch in [32, 1] {
        let name = format!("keras-cnn-150-infer/batch{batch}");
        tasks.push(Task::new(name, move || infer(batch)));
    }
    tasks
}

struct Network {
    task: &'static str,
    build: fn(&Stream) -> Sequential,
    input: Input,
    batch: usize,
    /// 1 for a single logit.
    n_classes: usize,
    n_batches: u64,
}

/// What a network reads.
#[derive(Clone, Copy)]
enum Input {
    /// Numbers in [0, 1), of this shape.
    Numbers(&'static [usize]),
    /// Standard normal numbers, of this shape.
    Normal(&'static [usize]),
    /// So many symbols, each below `n_classes`, with a label for each.
    Symbols(usize),
}

impl Input {
    /// The batch `i`: numbers by seed 10 + i.
    fn batch(self, i: u64, batch: usize, n_classes: usize) -> Tensor {
        match self {
            Self::Numbers(shape) => input(i, batch, shape),
            Self::Normal(shape) => {
                let dims = [&[batch], shape].concat();
                let numbers = to_f32(&normal(10 + i, dims.iter().product()));
                Tensor::from_vec(numbers, dims).expect("the length is the product")
            }
            Self::Symbols(steps) => {
                let symbols = integers(10 + i, batch * steps, n_classes as u64);
                let symbols: Vec<f32> = symbols.into_iter().map(|symbol| symbol as f32).collect();
                Tensor::from_slice(&symbols).reshape([batch, steps])
            }
        }
    }

    /// Labels of a sample.
    fn labels(self) -> usize {
        match self {
            Self::Numbers(_) | Self::Normal(_) => 1,
            Self::Symbols(steps) => steps,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Numbers(_) | Self::Normal(_) => "samples/s",
            Self::Symbols(_) => "tokens/s",
        }
    }
}

fn networks() -> Vec<Network> {
    let image = Input::Numbers(&[150, 150, 3]);
    let characters = |task, build| Network {
        task,
        build,
        input: Input::Symbols(64),
        batch: 32,
        n_classes: VOCABULARY,
        n_batches: 8,
    };
    vec![
        Network {
            task: "keras-cnn-150",
            build: keras_cnn,
            input: image,
            batch: 32,
            n_classes: 1,
            n_batches: 8,
        },
        Network {
            task: "fashion-cnn",
            build: fashion_cnn,
            input: Input::Numbers(&[28, 28, 1]),
            batch: 64,
            n_classes: 10,
            n_batches: 8,
        },
        Network {
            task: "mlp-small",
            build: |s| mlp(&[784, 128, 10], s),
            input: Input::Numbers(&[784]),
            batch: 32,
            n_classes: 10,
            n_batches: 64,
        },
        Network {
            task: "mlp-1024",
            build: |s| mlp(&[784, 1024, 1024, 10], s),
            input: Input::Numbers(&[784]),
            batch: 256,
            n_classes: 10,
            n_batches: 8,
        },
        characters("char-lstm", |s| character_model(s, |stream| Lstm::new(64, 256, stream))),
        characters("char-gru", |s| character_model(s, |stream| Gru::new(64, 256, stream))),
        characters("char-rnn", |s| character_model(s, |stream| Rnn::new(64, 256, stream))),
        Network {
            task: "transformer",
            build: transformer,
            input: Input::Symbols(128),
            batch: 16,
            n_classes: VOCABULARY,
            n_batches: 8,
        },
        Network {
            task: RESNET,
            build: |s| {
                let config = ResNetConfig::resnet18().stem(Stem::Cifar);
                let model: ResNet = config.build(10, s);
                Sequential::new().push(model)
            },
            input: Input::Normal(&[32, 32, 3]),
            batch: 32,
            n_classes: 10,
            n_batches: 8,
        },
    ]
}

/// The network that is trained by SGD; all others by Adam.
const RESNET: &str = "resnet18-cifar";

fn optimizer(task: &str) -> Box<dyn Optimizer> {
    match task {
        RESNET => Box::new(Sgd::new(0.01).momentum(0.9).weight_decay(5e-4)),
        _ => Box::new(Adam::new(1e-3)),
    }
}

/// Symbols of the models of characters.
pub(crate) const VOCABULARY: usize = 65;

fn character_model<L: Forward + 'static>(
    stream: &Stream,
    recurrent: impl Fn(&Stream) -> L,
) -> Sequential {
    Sequential::new()
        .push(Embedding::new(VOCABULARY, 64, &stream.child("embedding")))
        .push(recurrent(&stream.child("recurrent")))
        .push(Linear::new(256, VOCABULARY, &stream.child("head")))
}

fn keras_cnn(stream: &Stream) -> Sequential {
    let mut model = Sequential::new();
    let mut channels = 3;
    for (i, out) in [32, 64, 128, 128].into_iter().enumerate() {
        let stream = stream.child_at(i as u64);
        model = model
            .push(Conv2d::new(channels, out, 3, &stream).activation(Activation::Relu))
            .push(MaxPool2d::new(2));
        channels = out;
    }
    model
        .push(Flatten)
        .push(Linear::new(7 * 7 * 128, 512, &stream.child("hidden")).activation(Activation::Relu))
        .push(Linear::new(512, 1, &stream.child("head")))
}

fn fashion_cnn(stream: &Stream) -> Sequential {
    Sequential::new()
        .push(Conv2d::new(1, 32, 3, &stream.child("0")).activation(Activation::Relu))
        .push(Conv2d::new(32, 64, 3, &stream.child("1")).activation(Activation::Relu))
        .push(MaxPool2d::new(2))
        .push(Flatten)
        .push(Linear::new(12 * 12 * 64, 128, &stream.child("2")).activation(Activation::Relu))
        .push(Linear::new(128, 10, &stream.child("3")))
}

fn mlp(sizes: &[usize], stream: &Stream) -> Sequential {
    let mut model = Sequential::new();
    for (i, pair) in sizes.windows(2).enumerate() {
        let is_last = i + 2 == sizes.len();
        let activation = if is_last { Activation::Identity } else { Activation::Relu };
        let layer = Linear::new(pair[0], pair[1], &stream.child_at(i as u64));
        model = model.push(layer.activation(activation));
    }
    model
}

fn transformer(stream: &Stream) -> Sequential {
    let mut model = Sequential::new()
        .push(Embedding::new(VOCABULARY, 128, &stream.child("embedding")))
        .push(LearnedPositions::new(128, 128, &stream.child("positions")));
    for i in 0..4 {
        let layer = TransformerEncoderLayer::new(128, 4, 512, &stream.child_at(i));
        let layer = layer.norm_first(true).causal(true).activation(FeedForwardActivation::Gelu);
        model = model.push(layer);
    }
    model.push(LayerNorm::new([128])).push(Linear::new(128, VOCABULARY, &stream.child("head")))
}

/// Inputs uniform in [0, 1), by seed 10 + i.
pub(crate) fn input(i: u64, batch: usize, shape: &[usize]) -> Tensor {
    let dims = [&[batch], shape].concat();
    let n = dims.iter().product();
    Tensor::from_vec(to_f32(&uniform(10 + i, n)), dims).expect("the length is the product")
}

fn train(network: &Network) -> Row {
    let mut model = (network.build)(&Stream::new(0, "init"));
    let mut optimizer = optimizer(network.task);
    let batches: Vec<(Tensor, Vec<usize>)> = (0..network.n_batches)
        .map(|i| {
            let n = network.batch * network.input.labels();
            let labels = integers(50 + i, n, network.n_classes.max(2) as u64);
            (network.input.batch(i, network.batch, network.n_classes), labels)
        })
        .collect();
    let before = peak_rss_mb();
    let (mut step, mut last) = (0, 0.0);
    let timing = time(|| {
        let (x, labels) = &batches[step % batches.len()];
        let mut ctx = Context::train(0).at_step(step as u64);
        let logits = model.forward(x, &mut ctx);
        let loss = if network.n_classes == 1 {
            let targets: Vec<f32> = labels.iter().map(|&label| label as f32).collect();
            let targets = Tensor::from_slice(&targets).reshape([network.batch, 1]);
            BceWithLogits::new().loss(&logits, &targets).expect("one target per logit")
        } else {
            CrossEntropy::new().loss(&logits, labels).expect("one label per row")
        };
        last = loss.item();
        let grads = loss.backward();
        optimizer.step(&mut model, &grads).expect("every parameter has a gradient");
        step += 1;
    });
    let n = network.batch * network.input.labels();
    Row::rate(&timing, n as f64, network.input.unit())
        .with("loss", last)
        .with("steps", step)
        .with("peak_rss_mb", peak_rss_mb())
        .with("rss_before_training_mb", before)
}

fn infer(batch: usize) -> Row {
    let model = keras_cnn(&Stream::new(0, "init"));
    let inputs: Vec<Tensor> = (0..8).map(|i| input(i, batch, &[150, 150, 3])).collect();
    let (mut i, mut sum) = (0, 0.0);
    let timing = time(|| {
        let probs = no_grad(|| model.forward(&inputs[i % 8], &mut Context::eval()).sigmoid());
        sum = probs.sum().item();
        i += 1;
    });
    let row = if batch == 1 {
        Row::duration(&timing, 1e3, "ms")
    } else {
        Row::rate(&timing, batch as f64, "samples/s")
    };
    row.with("sum", sum).with("peak_rss_mb", peak_rss_mb())
}
