//! Initialisers and layers.

use crate::table::{Hash, Table};
use purlin::core::rng::Stream;
use purlin::core::{Real, Shape};
use purlin::nn::blocks::{DepthwiseSeparable, Residual, SqueezeExcitation};
use purlin::nn::init::{Distribution, Fan};
use purlin::nn::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d,
    Conv2d, ConvTranspose2d, Dropout, Dropout1d, Dropout2d, Elu, Flatten, Gelu, GeluTanh,
    GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d, GroupNorm, Gru, LayerNorm,
    LeakyRelu, Linear, LogSoftmax, Lstm, MaxPool1d, MaxPool2d, MultiHeadAttention, Padding, Relu,
    RmsNorm, Rnn, Sigmoid, Silu, SinusoidalPositions, Softmax, Softplus, Tanh,
    TransformerEncoderLayer,
};
use purlin::nn::models::{ResNet, ResNetConfig, VisionTransformerConfig};
use purlin::nn::{Context, Forward, Init, Sequential};
use purlin::tensor::{Activation, Tensor};

const SEED: u64 = 1;

pub(crate) fn initialisers(t: &mut Table) {
    let scaled = Init::VarianceScaling {
        gain: 1.5,
        fan: Fan::Average,
        distribution: Distribution::TruncatedNormal,
    };
    for (name, init) in [
        ("uniform", Init::Uniform { lo: -0.5, hi: 2.0 }),
        ("normal", Init::Normal { mean: 1.0, std: 0.5 }),
        ("truncated_normal", Init::TruncatedNormal { mean: 0.0, std: 1.0, lo: -1.0, hi: 2.0 }),
        ("xavier_uniform", Init::XavierUniform),
        ("xavier_normal", Init::XavierNormal),
        ("kaiming_uniform", Init::KaimingUniform),
        ("kaiming_normal", Init::KaimingNormal),
        ("fan_in_uniform", Init::FanInUniform),
        ("variance_scaling", scaled),
        ("orthogonal", Init::Orthogonal { gain: 1.5 }),
    ] {
        for seed in [0, SEED] {
            let stream = Stream::new(seed, "values");
            let single = init.tensor::<f32>([3, 3, 12, 50], &stream).unwrap();
            let double = init.tensor::<f64>([60, 20], &stream).unwrap();
            t.row(format!("init/{name}"), seed, Hash::new().tensor(&single).tensor(&double));
        }
    }
}

type Case<T> = (&'static str, Shape, Box<dyn Forward<T>>);

fn case<T: Real>(
    name: &'static str,
    input: impl Into<Shape>,
    layer: impl Forward<T> + 'static,
) -> Case<T> {
    (name, input.into(), Box::new(layer))
}

fn cases<T: Real>() -> Vec<Case<T>> {
    let s = &Stream::new(SEED, "values");
    let image = [3, 9, 8, 6];
    let vit = VisionTransformerConfig::new(8, 4).features(12).heads(3).hidden(20).depth(2);
    let inner = Sequential::new().push(Linear::new(20, 20, s)).push(BatchNorm1d::new(20));
    vec![
        case("linear", [7, 20], Linear::new(20, 33, s)),
        case("linear_tanh", [2, 3, 20], Linear::new(20, 9, s).activation(Activation::Tanh)),
        case("conv2d", image, Conv2d::new(6, 10, 3, s).padding(Padding::Same)),
        case("conv2d_grouped", image, Conv2d::new(6, 4, [3, 2], s).groups(2).stride(2)),
        case("conv2d_relu", image, Conv2d::new(6, 9, 1, s).activation(Activation::Relu)),
        case("conv1d", [3, 30, 6], Conv1d::new(6, 8, 5, s).dilation(2).padding(3)),
        case("conv_transpose2d", image, ConvTranspose2d::new(6, 5, 3, s).stride(2).padding(1)),
        case("max_pool2d", image, MaxPool2d::new(3).stride(2).padding(1)),
        case("max_pool1d", [3, 30, 6], MaxPool1d::new(2)),
        case("avg_pool2d", image, AvgPool2d::new(3).stride(2).padding(1)),
        case("avg_pool1d", [3, 30, 6], AvgPool1d::new(4)),
        case("adaptive_avg_pool2d", image, AdaptiveAvgPool2d::new([4, 3])),
        case("adaptive_avg_pool1d", [3, 30, 6], AdaptiveAvgPool1d::new(7)),
        case("global_avg_pool2d", image, GlobalAvgPool2d),
        case("global_avg_pool1d", [3, 30, 6], GlobalAvgPool1d),
        case("global_max_pool2d", image, GlobalMaxPool2d),
        case("global_max_pool1d", [3, 30, 6], GlobalMaxPool1d),
        case("batch_norm1d", [40, 20], BatchNorm1d::new(20)),
        case("batch_norm2d", image, BatchNorm2d::new(6)),
        case("layer_norm", [7, 45], LayerNorm::new(45)),
        case("group_norm", image, GroupNorm::new(3, 6)),
        case("rms_norm", [7, 45], RmsNorm::new(45)),
        case("rnn", [3, 7, 9], Rnn::new(9, 21, s)),
        case("gru", [3, 7, 9], Gru::new(9, 21, s).n_layers(2).bidirectional(true)),
        case("lstm", [3, 7, 9], Lstm::new(9, 21, s).n_layers(2).dropout(0.3)),
        case("lstm_projection", [3, 7, 9], Lstm::new(9, 21, s).projection(5)),
        case("attention", [3, 70, 12], MultiHeadAttention::new(12, 4, s).key_heads(2)),
        case("attention_rotary", [3, 70, 12], MultiHeadAttention::new(12, 2, s).rotary(1e4)),
        case("transformer_encoder", [2, 9, 12], TransformerEncoderLayer::new(12, 3, 20, s)),
        case("sinusoidal_positions", [2, 9, 12], SinusoidalPositions),
        case("relu", [7, 45], Relu),
        case("leaky_relu", [7, 45], LeakyRelu::new(0.1)),
        case("elu", [7, 45], Elu::default()),
        case("gelu", [7, 45], Gelu),
        case("gelu_tanh", [7, 45], GeluTanh),
        case("silu", [7, 45], Silu),
        case("softplus", [7, 45], Softplus::default()),
        case("sigmoid", [7, 45], Sigmoid),
        case("tanh", [7, 45], Tanh),
        case("softmax", [7, 45], Softmax::default()),
        case("softmax_first", [7, 45], Softmax::new(0)),
        case("log_softmax", [7, 45], LogSoftmax::default()),
        case("flatten", image, Flatten),
        case("dropout", [7, 45], Dropout::new(0.3)),
        case("dropout1d", [7, 5, 9], Dropout1d::new(0.3)),
        case("dropout2d", image, Dropout2d::new(0.3)),
        case("residual", [7, 20], Residual::new(inner).activation(Activation::Sigmoid)),
        case("squeeze_excitation", image, SqueezeExcitation::new(6, 2, s)),
        case("depthwise_separable", image, DepthwiseSeparable::new(6, 9, s).stride(2)),
        case("resnet_cifar", [3, 9, 8, 3], ResNet::cifar(8, 5, s)),
        case(
            "resnet_bottleneck",
            [3, 9, 8, 3],
            ResNetConfig::resnet50()
                .width(2)
                .pre_activation(true)
                .squeeze_excitation(2)
                .build(5, s),
        ),
        case("vision_transformer", [3, 8, 8, 3], vit.build(5, s)),
    ]
}

/// Output, gradients and buffers of a pass in training, and the output in evaluation after it.
pub(crate) fn rows<T: Real>(t: &mut Table) {
    for (name, input, layer) in cases::<T>() {
        let x = Tensor::normal(input, 0.0, 1.0, &Stream::new(SEED, "x")).requires_grad();
        let y = layer.forward(&x, &mut Context::train(SEED));
        let grad_y = Tensor::normal(*y.shape(), 0.0, 1.0, &Stream::new(SEED, "grad_y"));
        let grads = y.backward_with(&grad_y);
        let mut hash = Hash::new().tensor(&y).tensor(grads.require(&x).unwrap());
        layer.for_each_param(&mut |_, param| {
            hash = hash.tensor(param).tensor(grads.require(param).unwrap());
        });
        layer.for_each_buffer(&mut |_, buffer| hash = hash.tensor(&buffer.get()));
        let hash = hash.tensor(&layer.forward(&x, &mut Context::eval()));
        t.row(format!("layer/{name}/{}", T::NAME), SEED, hash);
    }
}
