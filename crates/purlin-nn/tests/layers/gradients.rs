//! Every layer and loss against central differences in f64: input and all parameters.

use purlin_core::rng::Stream;
use purlin_nn::blocks::Residual;
use purlin_nn::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d,
    Conv2d, ConvTranspose2d, Dropout, Dropout1d, Dropout2d, Elu, Flatten, Gelu, GeluTanh,
    GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d, GroupNorm, LayerNorm,
    LeakyRelu, Linear, LogSoftmax, MaxPool1d, MaxPool2d, Padding, Relu, Sigmoid, Silu, Softmax,
    Softplus, Tanh,
};
use purlin_nn::{Context, Forward, Sequential};
use purlin_tensor::{Activation, Tensor};

/// Central difference of a smooth function in f64: error about `h^2 + eps / h`.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-7;

fn stream(name: &str) -> Stream {
    Stream::new(11, name)
}

/// Irregular weights, so that an error in one output does not hide behind another.
fn score(y: &Tensor<f64>) -> Tensor<f64> {
    let weights = Tensor::uniform(*y.shape(), 0.5, 1.5, &stream("score"));
    (y * weights).sum()
}

fn close(what: &str, analytic: &Tensor<f64>, numeric: impl Fn(usize, f64) -> f64) {
    for i in 0..analytic.numel() {
        let difference = (numeric(i, STEP) - numeric(i, -STEP)) / (2.0 * STEP);
        let gradient = analytic.data()[i];
        assert!(
            (gradient - difference).abs() <= TOLERANCE * (1.0 + difference.abs()),
            "{what}: element {i}: gradient {gradient}, difference {difference}"
        );
    }
}

fn nudged(x: &Tensor<f64>, i: usize, h: f64) -> Tensor<f64> {
    let mut moved = x.detach();
    moved.data_mut()[i] += h;
    moved
}

/// Checks the layer on an input of this shape, in evaluation and in training.
#[track_caller]
fn check(layer: impl Forward<f64> + 'static, shape: &[usize]) {
    check_boxed(Box::new(layer), shape); // compiled once, not once per layer
}

#[track_caller]
fn check_boxed(mut layer: Box<dyn Forward<f64>>, shape: &[usize]) {
    let kind = layer.kind();
    // Distinct values: a maximum pool has no ties, no activation is near its kink.
    let n: usize = shape.iter().product();
    let order = stream("order").rng(0).permutation(n);
    let values = order.iter().map(|&i| (i as f64 + 0.5) / n.max(1) as f64 * 3.0 - 1.5).collect();
    let x = Tensor::from_vec(values, shape.to_vec()).unwrap();
    for training in [false, true] {
        let context = || if training { Context::train(5) } else { Context::eval() };
        let leaf = x.clone().requires_grad();
        let y = layer.forward(&leaf, &mut context());
        assert_eq!(layer.output_shape(leaf.shape()).unwrap(), *y.shape(), "{kind}");
        let grads = score(&y).backward();
        let value = |layer: &dyn Forward<f64>, x: &Tensor<f64>| {
            score(&layer.forward(x, &mut context())).item()
        };
        close(&format!("{kind}, x, training {training}"), grads.require(&leaf).unwrap(), |i, h| {
            value(&layer, &nudged(&x, i, h))
        });
        let mut params = Vec::new();
        layer.for_each_param(&mut |name, param| {
            params.push((name.to_owned(), param.detach(), grads.require(param).unwrap().clone()));
        });
        for (name, before, gradient) in params {
            for i in 0..before.numel() {
                let mut at = |h: f64| {
                    let moved = nudged(&before, i, h);
                    layer.for_each_param_mut(&mut |n, param| {
                        if n == name {
                            param.set(&moved).unwrap();
                        }
                    });
                    value(&layer, &x)
                };
                let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                at(0.0);
                let g = gradient.data()[i];
                assert!(
                    (g - difference).abs() <= TOLERANCE * (1.0 + difference.abs()),
                    "{kind}, {name}, training {training}: element {i}: gradient {g}, difference {difference}"
                );
            }
        }
    }
}

#[test]
fn linear() {
    for activation in [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu(0.1),
        Activation::Sigmoid,
        Activation::Tanh,
    ] {
        check(Linear::new(3, 4, &stream("w")).activation(activation), &[5, 3]);
    }
    check(Linear::new(2, 3, &stream("w")).bias(false), &[2, 1, 3, 2]);
    check(Linear::new(1, 1, &stream("w")), &[1]);
}

#[test]
fn convolutions() {
    check(Conv2d::new(2, 3, [2, 3], &stream("w")), &[2, 4, 5, 2]);
    check(
        Conv2d::new(2, 4, 3, &stream("w"))
            .stride([2, 1])
            .padding(Padding::Same)
            .groups(2)
            .activation(Activation::Tanh),
        &[1, 5, 4, 2],
    );
    check(
        Conv2d::new(1, 2, [3, 2], &stream("w"))
            .dilation([1, 2])
            .padding(Padding::Explicit([[1, 0], [0, 2]]))
            .bias(false),
        &[2, 3, 4, 1],
    );
    check(Conv1d::new(2, 3, 3, &stream("w")).padding(Padding::Same).stride(2), &[2, 6, 2]);
    check(Conv1d::new(4, 2, 2, &stream("w")).groups(2).dilation(2).padding(1), &[1, 4, 4]);
    check(ConvTranspose2d::new(2, 3, 3, &stream("w")).stride(2).padding(1), &[1, 3, 2, 2]);
    check(
        ConvTranspose2d::new(4, 2, [2, 3], &stream("w"))
            .stride(2)
            .output_padding([1, 0])
            .groups(2)
            .dilation([1, 2]),
        &[1, 2, 3, 4],
    );
    check(
        ConvTranspose2d::new(1, 2, 3, &stream("w")).stride([1, 2]).padding(Padding::Same),
        &[2, 3, 2, 1],
    );
}

#[test]
fn poolings() {
    check(MaxPool2d::new(2), &[2, 4, 5, 2]);
    check(MaxPool2d::new([3, 2]).stride(2).padding([1, 0]).ceil_mode(true), &[1, 5, 4, 2]);
    check(MaxPool2d::new(2).stride(1).dilation(2), &[1, 4, 5, 1]);
    check(MaxPool2d::new(3).stride(2).padding(Padding::Same), &[1, 5, 4, 2]);
    check(MaxPool1d::new(3).stride(2).padding(1), &[2, 7, 3]);
    check(AvgPool2d::new([2, 3]).stride([2, 1]), &[2, 4, 5, 2]);
    check(AvgPool2d::new(3).stride(2).padding(1).count_include_pad(false), &[1, 5, 4, 2]);
    check(AvgPool2d::new(3).stride(2).padding(1).ceil_mode(true), &[1, 4, 6, 1]);
    check(AvgPool2d::new(2).padding(Padding::Same), &[1, 3, 5, 2]);
    check(AvgPool1d::new(3).stride(1), &[2, 5, 2]);
    check(AdaptiveAvgPool2d::new([2, 3]), &[2, 5, 7, 2]);
    check(AdaptiveAvgPool1d::new(3), &[2, 7, 2]);
    check(GlobalAvgPool2d, &[2, 3, 4, 2]);
    check(GlobalAvgPool1d, &[2, 5, 3]);
    check(GlobalMaxPool2d, &[2, 3, 4, 2]);
    check(GlobalMaxPool1d, &[2, 5, 3]);
}

#[test]
fn normalisations() {
    check(BatchNorm1d::new(3), &[5, 3]);
    check(BatchNorm1d::new(2).affine(false), &[2, 3, 2]);
    check(BatchNorm2d::new(3).eps(1e-3), &[2, 3, 2, 3]);
    check(LayerNorm::new(4), &[3, 4]);
    check(LayerNorm::new([2, 3]).affine(false), &[2, 2, 3]);
    check(GroupNorm::new(2, 4), &[2, 3, 2, 4]);
    check(GroupNorm::new(1, 3), &[2, 3]);
    check(GroupNorm::new(4, 4).affine(false), &[1, 3, 4]);
}

#[test]
fn activations_dropouts_and_shapes() {
    let shape = [3, 4];
    check(Relu, &shape);
    check(LeakyRelu::new(0.2), &shape);
    check(Elu::new(0.7), &shape);
    check(Gelu, &shape);
    check(GeluTanh, &shape);
    check(Silu, &shape);
    check(Softplus::default(), &shape);
    check(Softplus::new(2.0).threshold(3.0), &shape);
    check(Sigmoid, &shape);
    check(Tanh, &shape);
    check(Softmax::default(), &shape);
    check(Softmax::new(0), &shape);
    check(LogSoftmax::new(-2), &shape);
    check(Flatten, &[2, 3, 2]);
    check(Dropout::new(0.4), &[4, 5]);
    check(Dropout1d::new(0.4), &[3, 4, 5]);
    check(Dropout2d::new(0.4), &[3, 2, 2, 5]);
}

#[test]
fn blocks_and_sequences_of_layers() {
    let block = Residual::new(
        Sequential::new()
            .push(Conv2d::new(2, 3, 3, &stream("a")).padding(1).stride(2).bias(false))
            .push(BatchNorm2d::new(3))
            .push(Tanh),
    )
    .shortcut(Conv2d::new(2, 3, 1, &stream("b")).stride(2))
    .activation(Activation::Sigmoid);
    check(block, &[2, 4, 3, 2]);
    check(Residual::new(Linear::new(3, 3, &stream("c"))), &[2, 3]);
    check(Sequential::new(), &[2, 3]);
}

#[test]
fn an_empty_batch_has_empty_input_gradients_and_zero_weight_gradients() {
    let layers: Vec<(Box<dyn Forward<f64>>, Vec<usize>)> = vec![
        (Box::new(Linear::new(3, 2, &stream("a")).activation(Activation::Tanh)), vec![0, 3]),
        (Box::new(Conv2d::new(2, 3, 3, &stream("a")).padding(1)), vec![0, 4, 5, 2]),
        (Box::new(Conv1d::new(2, 3, 3, &stream("a"))), vec![0, 4, 2]),
        (Box::new(ConvTranspose2d::new(2, 3, 3, &stream("a"))), vec![0, 4, 5, 2]),
        (Box::new(MaxPool2d::new(2)), vec![0, 4, 5, 2]),
        (Box::new(AvgPool2d::new(2)), vec![0, 4, 5, 2]),
        (Box::new(AdaptiveAvgPool2d::new(2)), vec![0, 4, 5, 2]),
        (Box::new(GlobalAvgPool2d), vec![0, 4, 5, 2]),
        (Box::new(GlobalMaxPool2d), vec![0, 4, 5, 2]),
        (Box::new(LayerNorm::new(2)), vec![0, 2]),
        (Box::new(GroupNorm::new(1, 2)), vec![0, 3, 2]),
        (Box::new(BatchNorm1d::new(2)), vec![0, 2]),
        (Box::new(Softmax::default()), vec![0, 2]),
        (Box::new(LogSoftmax::default()), vec![0, 2]),
        (Box::new(Dropout::new(0.5)), vec![0, 2]),
        (Box::new(Gelu), vec![0, 2]),
        (Box::new(Flatten), vec![0, 2, 3]),
    ];
    for (layer, shape) in layers {
        let x = Tensor::zeros(shape).requires_grad();
        let y = layer.forward(&x, &mut Context::eval());
        assert_eq!(layer.output_shape(x.shape()).unwrap(), *y.shape(), "{}", layer.kind());
        let grads = y.sum().backward();
        assert_eq!(grads.require(&x).unwrap().shape(), x.shape(), "{}", layer.kind());
        layer.for_each_param(&mut |name, param| {
            let grad = grads.require(param).unwrap();
            assert!(grad.data().iter().all(|&g| g == 0.0), "{} {name}", layer.kind());
        });
    }
}

#[test]
fn axes_of_size_one() {
    check(Conv2d::new(1, 1, 1, &stream("one")), &[1, 1, 1, 1]);
    check(Conv2d::new(1, 2, 3, &stream("one")).padding(Padding::Same), &[1, 1, 4, 1]);
    check(ConvTranspose2d::new(1, 1, 1, &stream("one")), &[1, 1, 1, 1]);
    check(MaxPool2d::new(1), &[1, 1, 1, 2]);
    check(AvgPool2d::new(3).padding(1), &[1, 1, 1, 2]);
    check(AdaptiveAvgPool2d::new(3), &[1, 1, 2, 2]);
    check(Softmax::default(), &[2, 1]);
    check(LogSoftmax::default(), &[2, 1]);
    check(GlobalAvgPool1d, &[2, 1, 2]);
}

mod of_losses {
    use super::{Tensor, close, nudged, stream};
    use purlin_core::Result;
    use purlin_nn::losses::{
        Bce, BceWithLogits, CrossEntropy, Hinge, Huber, KlDiv, L1, Mse, Nll, Reduction, SmoothL1,
    };

    #[track_caller]
    fn check(x: &Tensor<f64>, loss: impl Fn(&Tensor<f64>, Reduction) -> Result<Tensor<f64>>) {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            let value = |x: &Tensor<f64>| {
                let each = loss(x, reduction).unwrap();
                let weights = Tensor::uniform(*each.shape(), 0.5, 1.5, &stream("losses"));
                (each * weights).sum()
            };
            let leaf = x.clone().requires_grad();
            let grads = value(&leaf).backward();
            let what = format!("{reduction:?}");
            close(&what, grads.require(&leaf).unwrap(), |i, h| value(&nudged(x, i, h)).item());
        }
    }

    #[test]
    fn every_loss() {
        let x = Tensor::from([[0.3, -1.2, 2.1], [-0.4, 0.9, 1.7]]);
        let t = Tensor::from([[1.0, 0.0, 0.3], [0.7, 0.2, 1.0]]);
        let signs = Tensor::from([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]]);
        let probs = Tensor::from([[0.5, 0.2, 0.3], [0.0, 0.1, 0.9]]);
        check(&x, |x, r| Mse::new().reduction(r).loss(x, &t));
        check(&x, |x, r| L1::new().reduction(r).loss(x, &t));
        check(&x, |x, r| Huber::new(0.8).reduction(r).loss(x, &t));
        check(&x, |x, r| SmoothL1::new(0.8).reduction(r).loss(x, &t));
        check(&x.sigmoid(), |p, r| Bce::new().reduction(r).loss(p, &t));
        check(&x.sigmoid(), |p, r| Bce::new().reduction(r).weighted_loss(p, &t, &probs));
        check(&x, |x, r| BceWithLogits::new().reduction(r).loss(x, &t));
        check(&x, |x, r| BceWithLogits::new().pos_weight([3.0]).reduction(r).loss(x, &t));
        check(&x, |x, r| BceWithLogits::new().pos_weight([3.0, 0.5, 1.0]).reduction(r).loss(x, &t));
        check(&x, |x, r| CrossEntropy::new().reduction(r).loss(x, &[2, 0]));
        check(&x, |x, r| {
            let loss = CrossEntropy::new().label_smoothing(0.2).weight([1.0, 2.0, 0.5]);
            loss.ignore_index(0).reduction(r).loss(x, &[2, 0])
        });
        check(&x, |x, r| {
            CrossEntropy::new().label_smoothing(0.2).reduction(r).soft_loss(x, &probs)
        });
        check(&x, |x, r| Nll::new().weight([1.0, 2.0, 0.5]).reduction(r).loss(x, &[1, 2]));
        check(&x, |x, r| KlDiv::new().reduction(r).loss(x, &probs));
        check(&x, |x, r| KlDiv::new().log_target().reduction(r).loss(x, &t));
        check(&x, |x, _| KlDiv::new().batch_mean().loss(x, &probs));
        check(&x, |x, r| Hinge::new().reduction(r).loss(x, &signs));
        check(&x, |x, r| Hinge::new().squared().reduction(r).loss(x, &signs));
    }

    #[test]
    fn the_target_of_binary_cross_entropy_may_be_trained_too() {
        let (p, t) = (Tensor::from([0.2, 0.7]), Tensor::from([0.4, 0.9]));
        check(&t, |t, r| Bce::new().reduction(r).loss(&p, t));
    }
}
