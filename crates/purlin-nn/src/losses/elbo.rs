//! What a variational autoencoder minimises.

use super::{BceWithLogits, Loss, Mse, Reduction, Target, each_option, reduce, reduction_option};
use crate::layers::at_least_one;
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;

const OP: &str = "elbo";

/// The evidence lower bound of a variational autoencoder, with the sign of a loss: what the
/// reconstruction lacks, and what the code tells beyond the standard normal distribution.
///
/// `R + beta KL` for each sample, in nats, where `KL = sum (mean^2 + exp(log_var) - 1 - log_var) / 2` over the
/// coordinates of the code, and `R` is, summed over the numbers of the sample,
///
/// - [`Elbo::bernoulli`]: `-(t ln p + (1 - t) ln(1 - p))`, `p = sigmoid(x)`, for targets `t` in 0..=1;
/// - [`Elbo::gaussian`]: `(x - t)^2 / 2`, a normal distribution of variance 1 without its constant.
///
/// | value | shape |
/// |---|---|
/// | prediction | `(batch, numbers + 2 latent_dim)`: `x`, `mean`, `log_var` side by side, as [`VariationalAutoencoder`](crate::models::VariationalAutoencoder) gives them |
/// | target | `(batch, numbers)` |
///
/// `beta` is 1 unless set: above 1 coordinates of the code become more independent, below 1
/// reconstructions sharper.
///
/// # Examples
///
/// ```
/// use purlin_nn::losses::Elbo;
/// use purlin_tensor::Tensor;
///
/// // One number, and a code of one coordinate: mean 2, variance 1.
/// let (prediction, target) = (Tensor::<f64>::from([[3.0, 2.0, 0.0]]), Tensor::from([[1.0]]));
/// let parts = Elbo::gaussian(1).parts(&prediction, &target)?;
/// assert_eq!((parts[0].item(), parts[1].item()), (2.0, 2.0));
/// assert_eq!(Elbo::gaussian(1).beta(0.5).loss(&prediction, &target)?.item(), 3.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - D. P. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014, equation 10 and appendix B.
/// - I. Higgins et al., *beta-VAE: learning basic visual concepts with a constrained variational
///   framework*, ICLR 2017.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elbo {
    latent_dim: usize,
    likelihood: Likelihood,
    beta: f64,
    reduction: Reduction,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Likelihood {
    Bernoulli,
    Gaussian,
}

impl Elbo {
    /// For numbers in 0..=1 and their logits.
    ///
    /// # Panics
    ///
    /// When `latent_dim` is 0.
    #[track_caller]
    pub fn bernoulli(latent_dim: usize) -> Self {
        Self::of(Likelihood::Bernoulli, latent_dim)
    }

    /// For any numbers.
    ///
    /// # Panics
    ///
    /// When `latent_dim` is 0.
    #[track_caller]
    pub fn gaussian(latent_dim: usize) -> Self {
        Self::of(Likelihood::Gaussian, latent_dim)
    }

    #[track_caller]
    fn of(likelihood: Likelihood, latent_dim: usize) -> Self {
        at_least_one(OP, "latent_dim", latent_dim);
        Self { latent_dim, likelihood, beta: 1.0, reduction: Reduction::Mean }
    }

    /// The factor of the divergence.
    ///
    /// # Panics
    ///
    /// Unless it is finite and at least 0.
    #[must_use]
    #[track_caller]
    pub fn beta(mut self, beta: f64) -> Self {
        let is_met = beta.is_finite() && beta >= 0.0;
        assert!(is_met, "{}", Error::param(OP, "beta", "finite and at least 0", beta));
        self.beta = beta;
        self
    }

    reduction_option!();

    /// `R` and `KL` of each sample, both `(batch,)`, the latter without `beta`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when prediction and target do not fit together and the code;
    /// [`Error::InvalidParam`] when a target of [`Elbo::bernoulli`] lies outside 0..=1.
    pub fn parts<T: Real>(
        &self,
        prediction: &Tensor<T>,
        target: &Tensor<T>,
    ) -> Result<[Tensor<T>; 2]> {
        let code = self.latent_dim;
        let numbers = match (prediction.dims(), target.dims()) {
            (&[n, width], &[m, numbers]) if n == m && width == numbers + 2 * code => numbers,
            (&[n, width], _) if width > 2 * code => {
                let expected = format!("target ({n}, {width} - 2 * {code})");
                return Err(Error::shape(OP, expected, target.shape()));
            }
            _ => {
                let expected = format!("prediction (batch, numbers + 2 * {code})");
                return Err(Error::shape(OP, expected, prediction.shape()));
            }
        };
        let parts = prediction.split(1, &[numbers, code, code]);
        let (x, mean, log_var) = (&parts[0], &parts[1], &parts[2]);
        let each = match self.likelihood {
            Likelihood::Bernoulli => {
                BceWithLogits::new().reduction(Reduction::None).loss(x, target)?
            }
            Likelihood::Gaussian => {
                Mse::new().reduction(Reduction::None).loss(x, target)?.mul_scalar(0.5)
            }
        };
        // exp(v) - 1 - v, with fewer digits lost near 0.
        let divergence = (mean.square() + (log_var.expm1() - log_var)).mul_scalar(0.5);
        Ok([each.sum_axis(1, false), divergence.sum_axis(1, false)])
    }

    /// The loss, in nats per sample.
    ///
    /// # Errors
    ///
    /// As [`Elbo::parts`], and [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, prediction: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        let [reconstruction, divergence] = self.parts(prediction, target)?;
        reduce(OP, self.reduction, reconstruction + divergence.mul_scalar(self.beta))
    }
}

impl<T: Real> Loss<T> for Elbo {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.values(OP)?)
    }

    each_option!();
}
