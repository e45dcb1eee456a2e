//! Autoencoders whose codes are distributions.

use super::autoencoder::dense;
use crate::layers::{Flatten, Linear, Relu, at_least_one, checked};
use crate::{Context, Forward, Module, Sequential};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Tensor, no_grad};

/// A normal distribution with independent coordinates for each sample.
///
/// | value | shape |
/// |---|---|
/// | `mean`, `log_var` | `(batch, latent_dim)` |
#[derive(Debug, Clone)]
pub struct Posterior<T: Real = f32> {
    /// The means.
    pub mean: Tensor<T>,
    /// The natural logarithms of the variances.
    pub log_var: Tensor<T>,
}

impl<T: Real> Posterior<T> {
    /// `mean + exp(log_var / 2) e` with a standard normal `e` from the next stream of the context: a
    /// draw through which gradients reach mean and variance. In evaluation mode the mean itself.
    pub fn sample(&self, ctx: &mut Context) -> Tensor<T> {
        if !ctx.is_training() {
            return self.mean.clone();
        }
        let noise = Tensor::normal(*self.mean.shape(), 0.0, 1.0, &ctx.stream());
        &self.mean + &(self.log_var.mul_scalar(0.5).exp() * noise)
    }
}

/// An autoencoder that encodes each sample as a normal distribution, and whose codes, all samples
/// together, are kept near the standard normal distribution: new samples are decoded draws from it.
///
/// With the encoder's last features `h`, `mean` and `log_var` are the halves of `h W + b`, the code is
/// `z = mean + exp(log_var / 2) e`, `e` standard normal (the mean alone in evaluation mode), and the decoder gives
/// what belongs to `z`. [`Elbo`](crate::losses::Elbo) is its loss.
///
/// | value | shape |
/// |---|---|
/// | `x` | what the encoder takes, `(batch, features)` for [`VariationalAutoencoder::mlp`] |
/// | `mean`, `log_var`, `z` | `(batch, latent_dim)` |
/// | [`decode`](Self::decode) | what the decoder gives |
/// | [`forward`](Forward::forward) | `(batch, numbers + 2 latent_dim)`: the reconstruction, flattened, then `mean`, then `log_var`, as [`Elbo`](crate::losses::Elbo) takes them |
///
/// # Examples
///
/// ```
/// use purlin_data::{Loader, MemoryDataset, Targets, sets};
/// use purlin_nn::losses::Elbo;
/// use purlin_nn::models::VariationalAutoencoder;
/// use purlin_nn::optim::Adam;
/// use purlin_nn::trainer::Trainer;
/// use purlin_nn::{Context, Stream, Tensor, no_grad};
///
/// let digits = sets::digits().x;
/// let x = Tensor::from_fn([200, 64], |i| digits.as_slice()[i] as f32 / 16.0);
/// let data = Loader::new(MemoryDataset::new(x.clone(), Targets::Values(x))?).shuffle(1);
/// let mut model = VariationalAutoencoder::mlp(64, &[32], 2, &Stream::new(1, "init"));
/// let mut trainer = Trainer::new(Elbo::bernoulli(2), Adam::new(5e-3)).epochs(20);
/// let history = trainer.fit(&mut model, &data, None)?;
/// let losses = history.values("loss");
/// assert!(losses[19] < 0.75 * losses[0]);
///
/// // New digits: decoded draws.
/// let z = Tensor::normal([3, 2], 0.0, 1.0, &Stream::new(2, "codes"));
/// let pictures = no_grad(|| model.decode(&z, &mut Context::eval()).sigmoid());
/// assert_eq!(pictures.dims(), [3, 64]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - D. P. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014, sections 2.4 and 3.
#[derive(Debug, Module)]
pub struct VariationalAutoencoder<T: Real = f32> {
    /// To features `(batch, ..)`, which are flattened.
    pub encoder: Sequential<T>,
    /// From features to mean and logarithm of the variance.
    pub head: Linear<T>,
    /// From a code `(batch, latent_dim)`.
    pub decoder: Sequential<T>,
}

impl<T: Real> VariationalAutoencoder<T> {
    /// Of any two networks: the encoder gives `features` numbers for each sample, the decoder takes
    /// `latent_dim`.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(
        encoder: Sequential<T>,
        features: usize,
        latent_dim: usize,
        decoder: Sequential<T>,
        stream: &Stream,
    ) -> Self {
        at_least_one("vae", "features", features);
        at_least_one("vae", "latent_dim", latent_dim);
        let head = Linear::new(features, 2 * latent_dim, &stream.child("head"));
        Self { encoder, head, decoder }
    }

    /// Dense layers with rectifiers between them: `features`, the `hidden` sizes (at least one),
    /// `latent_dim`, and back the same way.
    ///
    /// # Panics
    ///
    /// When a size is 0, or there is no hidden layer.
    #[track_caller]
    pub fn mlp(features: usize, hidden: &[usize], latent_dim: usize, stream: &Stream) -> Self {
        at_least_one("vae", "features", features);
        at_least_one("vae", "hidden layers", hidden.len());
        let sizes = [&[features], hidden].concat();
        let back: Vec<usize> =
            [latent_dim].into_iter().chain(sizes.iter().rev().copied()).collect();
        let last = sizes[sizes.len() - 1];
        let encoder: Sequential<T> = dense(&sizes, &stream.child("encoder")).push(Relu);
        Self::new(encoder, last, latent_dim, dense(&back, &stream.child("decoder")), stream)
    }

    /// The number of coordinates of a code.
    pub fn latent_dim(&self) -> usize {
        self.head.weight.shape()[1] / 2
    }

    /// The distributions of the codes of `x`.
    ///
    /// # Panics
    ///
    /// When the shape does not fit.
    #[track_caller]
    pub fn encode(&self, x: &Tensor<T>, ctx: &mut Context) -> Posterior<T> {
        let features = Flatten.forward(&self.encoder.forward(x, ctx), ctx);
        let both = self.head.forward(&features, ctx);
        let latent_dim = self.latent_dim();
        let [mean, log_var] = &both.split(1, &[latent_dim, latent_dim])[..] else {
            unreachable!("split in two")
        };
        Posterior { mean: mean.clone(), log_var: log_var.clone() }
    }

    /// What codes `(batch, latent_dim)` stand for: logits where the loss is
    /// [`Elbo::bernoulli`](crate::losses::Elbo::bernoulli).
    ///
    /// # Panics
    ///
    /// When the shape does not fit.
    #[track_caller]
    pub fn decode(&self, z: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.decoder.forward(z, ctx)
    }

    /// `n` codes from the standard normal distribution, the draws of `stream`, decoded in evaluation
    /// mode.
    #[track_caller]
    pub fn generate(&self, n: usize, stream: &Stream) -> Tensor<T> {
        let z = Tensor::normal([n, self.latent_dim()], 0.0, 1.0, stream);
        no_grad(|| self.decode(&z, &mut Context::eval()))
    }
}

impl<T: Real> Forward<T> for VariationalAutoencoder<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let posterior = self.encode(x, ctx);
        let z = posterior.sample(ctx);
        let reconstruction = Flatten.forward(&self.decode(&z, ctx), ctx);
        Tensor::concat(&[&reconstruction, &posterior.mean, &posterior.log_var], 1)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let features = self.encoder.output_shape(input)?;
        let (batch, numbers) = per_sample(&features)?;
        self.head.output_shape(&Shape::from([batch, numbers]))?;
        let latent_dim = self.latent_dim();
        let output = self.decoder.output_shape(&Shape::from([batch, latent_dim]))?;
        let (_, numbers) = per_sample(&output)?;
        Ok(Shape::from([batch, numbers + 2 * latent_dim]))
    }
}

/// Samples, and numbers of each.
fn per_sample(shape: &Shape) -> Result<(usize, usize)> {
    match shape.dims() {
        [batch, rest @ ..] if !rest.is_empty() => Ok((*batch, rest.iter().product())),
        _ => Err(Error::shape("vae", "a network to (batch, ..)", shape)),
    }
}
