//! Generators and discriminators of grey pictures, and the classifier that judges.

use purlin::core::rng::Stream;
use purlin::nn::layers::{
    BatchNorm2d, Conv2d, ConvTranspose2d, Flatten, LeakyRelu, Linear, Padding, Relu, SpectralNorm,
    Unflatten,
};
use purlin::nn::{Activation, Sequential};

/// What the networks are made for.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Pixels each way: a multiple of 4.
    pub(crate) size: usize,
    /// Channels of the widest layer.
    pub(crate) width: usize,
    pub(crate) latent: usize,
    /// Classes that both networks are told, 0 where they are not.
    pub(crate) n_classes: usize,
}

/// From latent numbers to pictures in -1..1.
pub(crate) fn generator(shape: Shape, stream: &Stream) -> Sequential {
    let Shape { size, width, latent, n_classes } = shape;
    let base = size / 4;
    let up = |from, to, name| {
        ConvTranspose2d::new(from, to, 4, &stream.child(name)).stride(2).padding(1)
    };
    Sequential::new()
        .push(Linear::new(latent + n_classes, base * base * width, &stream.child("0")))
        .push(Unflatten::new([base, base, width]))
        .push(BatchNorm2d::new(width))
        .push(Relu)
        .push(up(width, width / 2, "1"))
        .push(BatchNorm2d::new(width / 2))
        .push(Relu)
        .push(up(width / 2, 1, "2").activation(Activation::Tanh))
}

/// How a discriminator is kept in bounds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Norm {
    Batch,
    Spectral,
    None,
}

/// From pictures to scores.
pub(crate) fn discriminator(shape: Shape, norm: Norm, stream: &Stream) -> Sequential {
    let Shape { size, width, n_classes, .. } = shape;
    let base = size / 4;
    let down = |from, to, name| Conv2d::new(from, to, 4, &stream.child(name)).stride(2).padding(1);
    let (first, second) = (down(1 + n_classes, width / 2, "0"), down(width / 2, width, "1"));
    let head = Linear::new(base * base * width, 1, &stream.child("2"));
    let model = Sequential::new();
    let leaky = LeakyRelu::new(0.2);
    if norm == Norm::Spectral {
        let stream = |name| stream.child("norm").child(name);
        return model
            .push(SpectralNorm::new(first, &stream("0")))
            .push(leaky)
            .push(SpectralNorm::new(second, &stream("1")))
            .push(leaky)
            .push(Flatten)
            .push(SpectralNorm::new(head, &stream("2")));
    }
    let mut model = model.push(first).push(leaky).push(second);
    if norm == Norm::Batch {
        model = model.push(BatchNorm2d::new(width));
    }
    model.push(leaky).push(Flatten).push(head)
}

/// Numbers of a picture that distances are measured in.
pub(crate) const N_FEATURES: usize = 64;

/// From pictures to logits; the features are what its last layer reads.
pub(crate) fn classifier(size: usize, n_classes: usize, stream: &Stream) -> Sequential {
    let conv =
        |from, to, name| Conv2d::new(from, to, 3, &stream.child(name)).padding(Padding::Same);
    let half = size.div_ceil(2);
    Sequential::new()
        .push(conv(1, 16, "0").activation(Activation::Relu))
        .push(conv(16, 32, "1").stride(2).activation(Activation::Relu))
        .push(Flatten)
        .push(
            Linear::new(half * half * 32, N_FEATURES, &stream.child("2"))
                .activation(Activation::Relu),
        )
        .push(Linear::new(N_FEATURES, n_classes, &stream.child("3")))
}
