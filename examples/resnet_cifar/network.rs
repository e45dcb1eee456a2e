//! The networks.

use clap::ValueEnum;
use purlin::core::Shape;
use purlin::core::rng::Stream;
use purlin::nn::blocks::DepthwiseSeparable;
use purlin::nn::layers::{BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear};
use purlin::nn::models::{ResNetConfig, VisionTransformerConfig};
use purlin::nn::{Forward, Sequential};
use purlin::tensor::Activation;

/// Sides of the patches that a vision transformer sees.
pub(crate) const PATCH: usize = 4;

/// Which network.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A residual network of `--depth` layers.
    Resnet,
    /// Depthwise separable convolutions.
    Mobilenet,
    /// A vision transformer on patches of 4 x 4 pixels.
    Vit,
}

/// What a network is made of.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) kind: Kind,
    pub(crate) depth: usize,
    pub(crate) pre_activation: bool,
    pub(crate) squeeze_excitation: Option<usize>,
}

impl Options {
    /// A new network for pictures of `(height, width, channels)`.
    pub(crate) fn build(
        self,
        input: &Shape,
        n_classes: usize,
        stream: &Stream,
    ) -> Box<dyn Forward> {
        match self.kind {
            Kind::Resnet => {
                let mut config = ResNetConfig::cifar(self.depth)
                    .in_channels(input[2])
                    .pre_activation(self.pre_activation);
                if let Some(reduction) = self.squeeze_excitation {
                    config = config.squeeze_excitation(reduction);
                }
                Box::new(config.build::<f32>(n_classes, stream))
            }
            Kind::Mobilenet => Box::new(mobilenet(input[2], n_classes, stream)),
            Kind::Vit => {
                let config = VisionTransformerConfig::new([input[0], input[1]], PATCH)
                    .in_channels(input[2])
                    .features(64)
                    .heads(4)
                    .hidden(128)
                    .depth(4)
                    .dropout(0.1);
                Box::new(config.build::<f32>(n_classes, stream))
            }
        }
    }
}

/// MobileNet for small pictures: the whole convolution keeps the size, every second block halves it.
fn mobilenet(in_channels: usize, n_classes: usize, stream: &Stream) -> Sequential {
    let conv = Conv2d::new(in_channels, 32, 3, &stream.child("stem")).padding(1).bias(false);
    let norm = BatchNorm2d::new(32).activation(Activation::Relu);
    let mut model = Sequential::new().push(conv).push(norm);
    let widths = [32, 64, 64, 128, 128, 256];
    for (i, pair) in widths.windows(2).enumerate() {
        let block = DepthwiseSeparable::new(pair[0], pair[1], &stream.child_at(i as u64));
        model = model.push(block.stride(1 + i % 2));
    }
    model.push(GlobalAvgPool2d).push(Linear::new(256, n_classes, &stream.child("head")))
}
