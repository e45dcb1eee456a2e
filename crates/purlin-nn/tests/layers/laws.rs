//! Every layer obeys the laws of layers: shapes, gradients, modes, saved weights, equal bits.

use purlin_core::Shape;
use purlin_core::rng::Stream;
use purlin_nn::blocks::Residual;
use purlin_nn::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d,
    Conv2d, ConvTranspose2d, Dropout, Dropout1d, Dropout2d, Elu, Flatten, Gelu, GeluTanh,
    GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d, GroupNorm, Gru, LayerNorm,
    LeakyRelu, LearnedPositions, Linear, LogSoftmax, Lstm, MaxPool1d, MaxPool2d,
    MultiHeadAttention, Padding, Relu, RmsNorm, Rnn, Sigmoid, Silu, SinusoidalPositions, Softmax,
    Softplus, Tanh, TransformerEncoderLayer, Unflatten,
};
use purlin_nn::{Context, Forward, Sequential};
use purlin_tensor::{Activation, Tensor};
use purlin_testkit::LayerCheck;

/// All laws; boxed, so that they are compiled once and not once per layer.
#[track_caller]
fn check<L: Forward<f64> + 'static>(input: impl Into<Shape>, build: impl Fn(&Stream) -> L + Sync) {
    run(&LayerCheck::new(input), &|stream| Box::new(build(stream)));
}

#[track_caller]
fn run(check: &LayerCheck, build: &(dyn Fn(&Stream) -> Box<dyn Forward<f64>> + Sync)) {
    check.run(build);
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
        check([5, 3], |s| Linear::new(3, 4, s).activation(activation));
    }
    check([2, 1, 3, 2], |s| Linear::new(2, 3, s).bias(false));
    check([1], |s| Linear::new(1, 1, s));
}

#[test]
fn convolutions() {
    check([2, 4, 5, 2], |s| Conv2d::new(2, 3, [2, 3], s));
    check([1, 5, 4, 2], |s| {
        let conv = Conv2d::new(2, 4, 3, s).stride([2, 1]).padding(Padding::Same);
        conv.groups(2).activation(Activation::Tanh)
    });
    check([2, 3, 4, 1], |s| {
        let padding = Padding::Explicit([[1, 0], [0, 2]]);
        Conv2d::new(1, 2, [3, 2], s).dilation([1, 2]).padding(padding).bias(false)
    });
    check([2, 6, 2], |s| Conv1d::new(2, 3, 3, s).padding(Padding::Same).stride(2));
    check([1, 4, 4], |s| Conv1d::new(4, 2, 2, s).groups(2).dilation(2).padding(1));
    check([2, 5, 2], |s| Conv1d::new(2, 3, 3, s).bias(false).activation(Activation::Sigmoid));
    check([2, 3, 2, 2], |s| ConvTranspose2d::new(2, 3, 3, s).stride(2).padding(1));
    check([1, 2, 3, 4], |s| {
        let conv = ConvTranspose2d::new(4, 2, [2, 3], s).stride(2).output_padding([1, 0]);
        conv.groups(2).dilation([1, 2])
    });
    check([2, 3, 2, 1], |s| {
        ConvTranspose2d::new(1, 2, 3, s).stride([1, 2]).padding(Padding::Same).bias(false)
    });
}

#[test]
fn poolings() {
    check([2, 4, 5, 2], |_| MaxPool2d::new(2));
    check([1, 5, 4, 2], |_| MaxPool2d::new([3, 2]).stride(2).padding([1, 0]).ceil_mode(true));
    check([1, 4, 5, 1], |_| MaxPool2d::new(2).stride(1).dilation(2));
    check([1, 5, 4, 2], |_| MaxPool2d::new(3).stride(2).padding(Padding::Same));
    check([2, 7, 3], |_| MaxPool1d::new(3).stride(2).padding(1));
    check([2, 4, 5, 2], |_| AvgPool2d::new([2, 3]).stride([2, 1]));
    check([1, 5, 4, 2], |_| AvgPool2d::new(3).stride(2).padding(1).count_include_pad(false));
    check([1, 4, 6, 1], |_| AvgPool2d::new(3).stride(2).padding(1).ceil_mode(true));
    check([1, 3, 5, 2], |_| AvgPool2d::new(2).padding(Padding::Same));
    check([2, 5, 2], |_| AvgPool1d::new(3).stride(1));
    check([2, 5, 7, 2], |_| AdaptiveAvgPool2d::new([2, 3]));
    check([2, 7, 2], |_| AdaptiveAvgPool1d::new(3));
    check([2, 3, 4, 2], |_| GlobalAvgPool2d);
    check([2, 5, 3], |_| GlobalAvgPool1d);
    check([2, 3, 4, 2], |_| GlobalMaxPool2d);
    check([2, 5, 3], |_| GlobalMaxPool1d);
}

#[test]
fn normalisations() {
    check([5, 3], |_| BatchNorm1d::new(3));
    check([2, 3, 2], |_| BatchNorm1d::new(2).affine(false));
    check([2, 3, 2, 3], |_| BatchNorm2d::new(3).eps(1e-3));
    check([3, 4], |_| LayerNorm::new(4));
    check([2, 2, 3], |_| LayerNorm::new([2, 3]).affine(false));
    check([2, 3, 2, 4], |_| GroupNorm::new(2, 4));
    check([2, 3], |_| GroupNorm::new(1, 3));
    check([2, 3, 4], |_| GroupNorm::new(4, 4).affine(false));
}

#[test]
fn recurrent_layers() {
    check([2, 4, 3], |s| Rnn::new(3, 5, s));
    check([2, 3, 2], |s| Gru::new(2, 4, s).n_layers(2).bidirectional(true));
    check([1, 3, 2], |s| Gru::new(2, 3, s).bias(false));
    check([2, 3, 2], |s| Lstm::new(2, 4, s).projection(3).n_layers(2).dropout(0.4));
    check([1, 1, 1], |s| Lstm::new(1, 1, s).forget_bias(1.0).bidirectional(true));
}

#[test]
fn attention_and_what_belongs_to_it() {
    check([2, 4, 6], |s| MultiHeadAttention::new(6, 3, s));
    check([1, 3, 8], |s| MultiHeadAttention::new(8, 4, s).key_heads(2).causal(true).rotary(100.0));
    check([2, 3, 4], |s| MultiHeadAttention::new(4, 1, s).bias(false));
    check([2, 3, 4], |s| TransformerEncoderLayer::new(4, 2, 6, s).norm_first(true).dropout(0.3));
    check([2, 3, 4], |_| RmsNorm::new(4));
    check([2, 3, 4], |s| LearnedPositions::new(5, 4, s));
    check([2, 3, 5], |_| SinusoidalPositions);
}

#[test]
fn activations_dropouts_and_shapes() {
    let shape = [3, 4];
    check(shape, |_| Relu);
    check(shape, |_| LeakyRelu::new(0.2));
    check(shape, |_| Elu::new(0.7));
    check(shape, |_| Gelu);
    check(shape, |_| GeluTanh);
    check(shape, |_| Silu);
    check(shape, |_| Softplus::default());
    check(shape, |_| Softplus::new(2.0).threshold(3.0));
    check(shape, |_| Sigmoid);
    check(shape, |_| Tanh);
    check(shape, |_| Softmax::default());
    check([2, 3, 4], |_| LogSoftmax::new(-2));
    check([2, 3, 2], |_| Flatten);
    check([2, 12], |_| Unflatten::new([2, 2, 3]));
    check([4, 5], |_| Dropout::new(0.4));
    check([3, 4, 5], |_| Dropout1d::new(0.4));
    check([3, 2, 2, 5], |_| Dropout2d::new(0.4));
    let mixing = LayerCheck::new(shape).mixes_samples();
    run(&mixing, &|_| Box::new(Softmax::new(0)));
    run(&mixing, &|_| Box::new(LogSoftmax::new(-2)));
}

#[test]
fn blocks_and_sequences_of_layers() {
    check([2, 4, 3, 2], |s| {
        let inner = Sequential::new()
            .push(Conv2d::new(2, 3, 3, &s.child("a")).padding(1).stride(2).bias(false))
            .push(BatchNorm2d::new(3))
            .push(Tanh);
        let shortcut = Conv2d::new(2, 3, 1, &s.child("b")).stride(2);
        Residual::new(inner).shortcut(shortcut).activation(Activation::Sigmoid)
    });
    check([2, 3], |s| Residual::new(Linear::new(3, 3, s)));
    check([2, 3], |_| Sequential::new());
}

#[test]
fn axes_of_size_one() {
    check([1, 1, 1, 1], |s| Conv2d::new(1, 1, 1, s));
    check([1, 1, 4, 1], |s| Conv2d::new(1, 2, 3, s).padding(Padding::Same));
    check([1, 1, 1, 1], |s| ConvTranspose2d::new(1, 1, 1, s));
    check([1, 1, 1, 2], |_| MaxPool2d::new(1));
    check([1, 1, 1, 2], |_| AvgPool2d::new(3).padding(1));
    check([1, 1, 2, 2], |_| AdaptiveAvgPool2d::new(3));
    check([2, 1], |_| Softmax::default());
    check([2, 1], |_| LogSoftmax::default());
    check([2, 1, 2], |_| GlobalAvgPool1d);
}

#[test]
fn an_empty_batch_has_empty_input_gradients_and_zero_weight_gradients() {
    let init = Stream::new(11, "empty batch");
    let layers: Vec<(Box<dyn Forward<f64>>, Vec<usize>)> = vec![
        (Box::new(Linear::new(3, 2, &init).activation(Activation::Tanh)), vec![0, 3]),
        (Box::new(Conv2d::new(2, 3, 3, &init).padding(1)), vec![0, 4, 5, 2]),
        (Box::new(Conv1d::new(2, 3, 3, &init)), vec![0, 4, 2]),
        (Box::new(ConvTranspose2d::new(2, 3, 3, &init)), vec![0, 4, 5, 2]),
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
