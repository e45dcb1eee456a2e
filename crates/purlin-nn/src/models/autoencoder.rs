//! A network that repeats its input through a narrow place.

use crate::layers::{Linear, at_least_one};
use crate::{Context, Forward, Module, Sequential};
use purlin_core::rng::Stream;
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{Activation, Tensor};

/// An encoder to a few numbers (the code), and a decoder that makes the input of them again.
///
/// `forward(x) = decode(encode(x))`, trained to be `x`: with
/// [`Mse`](crate::losses::Mse), or with [`BceWithLogits`](crate::losses::BceWithLogits) for numbers in 0..=1,
/// of which the decoder then gives the logits. What the code cannot hold comes back wrong, so the error of a
/// sample tells how strange it is.
///
/// | value | shape |
/// |---|---|
/// | `x` | what the encoder takes, `(batch, features)` for [`Autoencoder::mlp`] |
/// | code | what the encoder gives, `(batch, latent_dim)` |
/// | result | what the decoder gives |
///
/// A data set for the [`Trainer`](crate::trainer::Trainer) has each sample as its own target,
/// `Targets::Values` of shape `(n, numbers of a sample)`; a decoder of pictures ends in
/// [`Flatten`](crate::layers::Flatten) to match.
///
/// # Examples
///
/// ```
/// use purlin_data::{Loader, MemoryDataset, Targets};
/// use purlin_nn::losses::Mse;
/// use purlin_nn::models::Autoencoder;
/// use purlin_nn::optim::Adam;
/// use purlin_nn::trainer::Trainer;
/// use purlin_nn::{Context, Stream, Tensor};
///
/// // Points on a circle: one number is enough to tell which.
/// let x = Tensor::from_fn([64, 2], |i| {
///     let turn = (i / 2) as f32 / 10.0;
///     if i % 2 == 0 { turn.cos() } else { turn.sin() }
/// });
/// let data = Loader::new(MemoryDataset::new(x.clone(), Targets::Values(x.clone()))?).shuffle(1);
/// let mut model = Autoencoder::mlp(2, &[32], 1, &Stream::new(1, "init"));
/// assert_eq!(model.encode(&x, &mut Context::eval()).dims(), [64, 1]);
/// let history = Trainer::new(Mse::new(), Adam::new(0.01)).epochs(200).fit(&mut model, &data, None)?;
/// assert!(history.last().unwrap().get("loss").unwrap() < 0.1); // the mean of both: 0.5
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - G. E. Hinton, R. R. Salakhutdinov, *Reducing the dimensionality of data with neural networks*,
///   Science 313, 2006.
#[derive(Debug, Module)]
pub struct Autoencoder<T: Real = f32> {
    /// To the code.
    pub encoder: Sequential<T>,
    /// From the code.
    pub decoder: Sequential<T>,
}

impl<T: Real> Autoencoder<T> {
    /// Of any two networks of which the second takes what the first gives.
    pub fn new(encoder: Sequential<T>, decoder: Sequential<T>) -> Self {
        Self { encoder, decoder }
    }

    /// Dense layers with rectifiers between them: `features`, the `hidden` sizes, `latent_dim`, and
    /// back the same way.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn mlp(features: usize, hidden: &[usize], latent_dim: usize, stream: &Stream) -> Self {
        at_least_one("autoencoder", "features", features);
        at_least_one("autoencoder", "latent_dim", latent_dim);
        let sizes = [&[features], hidden, &[latent_dim]].concat();
        let back: Vec<usize> = sizes.iter().rev().copied().collect();
        Self::new(dense(&sizes, &stream.child("encoder")), dense(&back, &stream.child("decoder")))
    }

    /// The code of `x`.
    ///
    /// # Panics
    ///
    /// When the shape does not fit.
    #[track_caller]
    pub fn encode(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.encoder.forward(x, ctx)
    }

    /// What a code stands for.
    ///
    /// # Panics
    ///
    /// When the shape does not fit.
    #[track_caller]
    pub fn decode(&self, code: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.decoder.forward(code, ctx)
    }
}

impl<T: Real> Forward<T> for Autoencoder<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let code = self.encode(x, ctx);
        self.decode(&code, ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.decoder.output_shape(&self.encoder.output_shape(input)?)
    }
}

/// Linear layers of these sizes, a rectifier after each but the last.
#[track_caller]
pub(super) fn dense<T: Real>(sizes: &[usize], stream: &Stream) -> Sequential<T> {
    let mut network = Sequential::new();
    for (i, pair) in sizes.windows(2).enumerate() {
        at_least_one("autoencoder", "hidden size", pair[1]);
        let is_last = i + 2 == sizes.len();
        let activation = if is_last { Activation::Identity } else { Activation::Relu };
        let layer = Linear::new(pair[0], pair[1], &stream.child_at(i as u64));
        network = network.push(layer.activation(activation));
    }
    network
}
