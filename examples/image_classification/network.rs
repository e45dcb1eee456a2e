//! The two networks.

use clap::ValueEnum;
use purlin::core::rng::Stream;
use purlin::core::{Error, Result, Shape};
use purlin::nn::layers::{
    BatchNorm2d, Conv2d, Dropout, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Padding, Relu,
};
use purlin::nn::{Forward, Sequential};
use purlin::tensor::Activation;

/// Which network.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Three convolutions with batch norm and a global average: any size of picture.
    Small,
    /// The classic of four convolutions, 32, 64, 128, 128, each followed by pooling, and a hidden
    /// layer of 512: 150 x 150 pixels.
    Keras,
}

impl Kind {
    /// The name in the weight file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small-cnn",
            Self::Keras => "keras-cnn",
        }
    }

    /// The kind that a weight file names.
    pub(crate) fn from_name(name: &str) -> Result<Self> {
        (Self::value_variants().iter().copied().find(|kind| kind.name() == name)).ok_or_else(|| {
            Error::param("image_classification", "architecture", "small-cnn or keras-cnn", name)
        })
    }

    /// A new network for pictures of `(height, width, channels)`. Two classes get one logit.
    pub(crate) fn build(
        self,
        input: &Shape,
        n_classes: usize,
        stream: &Stream,
    ) -> Result<Sequential> {
        let n_outputs = if n_classes == 2 { 1 } else { n_classes };
        match self {
            Self::Small => Ok(small(input[2], n_outputs, stream)),
            Self::Keras => keras(input, n_outputs, stream),
        }
    }
}

fn small(channels: usize, n_outputs: usize, stream: &Stream) -> Sequential {
    let conv = |i: usize, from: usize, to: usize| {
        Conv2d::new(from, to, 3, &stream.child_at(i as u64)).padding(Padding::Same).bias(false)
    };
    Sequential::new()
        .push(conv(0, channels, 32))
        .push(BatchNorm2d::new(32))
        .push(Relu)
        .push(conv(1, 32, 64))
        .push(BatchNorm2d::new(64))
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(conv(2, 64, 128))
        .push(BatchNorm2d::new(128))
        .push(Relu)
        .push(GlobalAvgPool2d)
        .push(Dropout::new(0.3))
        .push(Linear::new(128, n_outputs, &stream.child("head")))
}

fn keras(input: &Shape, n_outputs: usize, stream: &Stream) -> Result<Sequential> {
    let mut model = Sequential::new();
    let mut from = input[2];
    for (i, to) in [32, 64, 128, 128].into_iter().enumerate() {
        let conv = Conv2d::new(from, to, 3, &stream.child_at(i as u64));
        model = model.push(conv.activation(Activation::Relu)).push(MaxPool2d::new(2));
        from = to;
    }
    let batched = Shape::new(&[&[1], input.dims()].concat());
    let n_features = model.output_shape(&batched)?.numel();
    Ok(model
        .push(Flatten)
        .push(Linear::new(n_features, 512, &stream.child("hidden")).activation(Activation::Relu))
        .push(Linear::new(512, n_outputs, &stream.child("head"))))
}
