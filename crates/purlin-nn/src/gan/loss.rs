//! What the two networks minimise.

use crate::losses::BceWithLogits;
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;

/// The losses of a generator and a discriminator, from the discriminator's scores (logits, without a
/// sigmoid) of real samples `r` and of generated ones `f`.
///
/// | loss | discriminator | generator |
/// |---|---|---|
/// | `NonSaturating` | `mean(softplus(-r)) + mean(softplus(f))` | `mean(softplus(-f))` |
/// | `LeastSquares` | `mean((r - 1)^2) / 2 + mean(f^2) / 2` | `mean((f - 1)^2) / 2` |
/// | `Hinge` | `mean(max(0, 1 - r)) + mean(max(0, 1 + f))` | `-mean(f)` |
/// | `Wasserstein` | `mean(f) - mean(r)` | `-mean(f)` |
///
/// `NonSaturating` is binary cross-entropy against 1 for real and 0 for generated samples, and against
/// 1 for the generator. `Wasserstein` needs a critic of bounded slope: [`clip_weights`], a
/// [`gradient_penalty`] or [`SpectralNorm`].
///
/// [`clip_weights`]: super::clip_weights
/// [`gradient_penalty`]: super::gradient_penalty
/// [`SpectralNorm`]: crate::layers::SpectralNorm
///
/// # Examples
///
/// ```
/// use purlin_nn::gan::GanLoss;
/// use purlin_tensor::Tensor;
///
/// let (real, fake) = (Tensor::<f32>::from([2.0, 0.5]), Tensor::from([-3.0, 0.0]));
/// assert_eq!(GanLoss::Hinge.discriminator(&real, &fake)?.item(), 0.25 + 0.5);
/// assert_eq!(GanLoss::Hinge.generator(&fake)?.item(), 1.5);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - I. Goodfellow et al., *Generative adversarial nets*, NeurIPS 2014: section 3.
/// - X. Mao et al., *Least squares generative adversarial networks*, ICCV 2017: equation 9.
/// - J. H. Lim, J. C. Ye, *Geometric GAN*, 2017 (the hinge).
/// - M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein generative adversarial networks*, ICML 2017.
/// - T. Salimans et al., *Improved techniques for training GANs*, NeurIPS 2016: section 3.4
///   (one-sided label smoothing).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GanLoss {
    /// Binary cross-entropy, the generator against turned labels.
    NonSaturating {
        /// Real samples count as `1 - smoothing` for the discriminator, in `[0, 1)`; 0 is none.
        smoothing: f64,
    },
    /// Squared distance from the labels 0 and 1.
    LeastSquares,
    /// Scores beyond 1 and -1 are good enough.
    Hinge,
    /// The difference of the mean scores.
    Wasserstein,
}

impl Default for GanLoss {
    /// Non-saturating, without smoothing.
    fn default() -> Self {
        Self::NonSaturating { smoothing: 0.0 }
    }
}

impl GanLoss {
    /// The loss of the discriminator, from its scores of real and of generated samples.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewSamples`] without a score, [`Error::InvalidParam`] when the smoothing is not in
    /// `[0, 1)`.
    pub fn discriminator<T: Real>(self, real: &Tensor<T>, fake: &Tensor<T>) -> Result<Tensor<T>> {
        self.check()?;
        check_any(real)?;
        check_any(fake)?;
        Ok(match self {
            Self::NonSaturating { smoothing } => {
                let is_real = Tensor::full(*real.shape(), T::from_f64(1.0 - smoothing));
                let bce = BceWithLogits::new();
                bce.loss(real, &is_real)? + bce.loss(fake, &fake.zeros_like())?
            }
            Self::LeastSquares => {
                (real.add_scalar(-1.0).square().mean() + fake.square().mean()).mul_scalar(0.5)
            }
            Self::Hinge => {
                (-real).add_scalar(1.0).relu().mean() + fake.add_scalar(1.0).relu().mean()
            }
            Self::Wasserstein => fake.mean() - real.mean(),
        })
    }

    /// The loss of the generator, from the discriminator's scores of what it made.
    ///
    /// # Errors
    ///
    /// As [`discriminator`](Self::discriminator).
    pub fn generator<T: Real>(self, fake: &Tensor<T>) -> Result<Tensor<T>> {
        self.check()?;
        check_any(fake)?;
        Ok(match self {
            Self::NonSaturating { .. } => BceWithLogits::new().loss(fake, &fake.ones_like())?,
            Self::LeastSquares => fake.add_scalar(-1.0).square().mean().mul_scalar(0.5),
            Self::Hinge | Self::Wasserstein => -fake.mean(),
        })
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::NonSaturating { smoothing } if !(0.0..1.0).contains(&smoothing) => {
                Err(Error::param("gan_loss", "smoothing", "in [0, 1)", smoothing))
            }
            _ => Ok(()),
        }
    }
}

fn check_any<T: Real>(scores: &Tensor<T>) -> Result<()> {
    if scores.is_empty() {
        Err(Error::TooFewSamples { op: "gan_loss", expected: 1, got: 0 })
    } else {
        Ok(())
    }
}
