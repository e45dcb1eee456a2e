//! Kullback-Leibler divergence.

use super::{Loss, Reduction, Target, reduce, reduction_option, same_shape};
use purlin_core::{Error, Real, Result};
use purlin_tensor::{Tensor, where_};

/// `t (ln t - x)` for log-probabilities `x` and probabilities `t`; 0 where `t` is 0.
///
/// Summed over all elements it is the Kullback-Leibler divergence of the prediction from the
/// target. [`Reduction::Mean`] divides by the number of elements, as PyTorch's `mean` does, which
/// is not the mean divergence per row: that is [`batch_mean`](Self::batch_mean).
///
/// S. Kullback, R. A. Leibler, *On information and sufficiency*, Ann. Math. Stat. 22, 1951.
///
/// ```
/// use purlin_nn::losses::KlDiv;
/// use purlin_tensor::Tensor;
///
/// let t = Tensor::<f64>::from([[0.5, 0.5], [1.0, 0.0]]);
/// let x = Tensor::from([[0.5, 0.5], [0.25, 0.75]]).ln();
/// let loss = KlDiv::new().batch_mean().loss(&x, &t)?.item();
/// assert!((loss - 4f64.ln() / 2.0).abs() < 1e-15); // (0 + ln 4) / 2 rows
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KlDiv {
    log_target: bool,
    batch_mean: bool,
    reduction: Reduction,
}

impl KlDiv {
    /// Targets are probabilities; the mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Targets are log-probabilities, too.
    #[must_use]
    pub fn log_target(mut self) -> Self {
        self.log_target = true;
        self
    }

    /// The sum divided by the size of the first axis: the mean divergence per row. It takes the
    /// place of a [`Reduction`].
    #[must_use]
    pub fn batch_mean(mut self) -> Self {
        self.batch_mean = true;
        self
    }

    reduction_option!();

    /// The loss of log-probabilities `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a probability is
    /// negative or NaN, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("kl_div", x, target)?;
        let loss = if self.log_target {
            target.exp() * (target - x)
        } else {
            super::within("kl_div", "target", target, 0.0, f64::INFINITY)?;
            let one = Tensor::ones(*target.shape());
            let positive = where_(&target.gt(&Tensor::zeros(*target.shape())), target, &one);
            target * (positive.ln() - x)
        };
        if !self.batch_mean {
            return reduce("kl_div", self.reduction, loss);
        }
        match x.dims() {
            [rows, ..] if *rows > 0 => Ok(loss.sum() / T::from_usize(*rows)),
            [] => Err(Error::shape("kl_div", "prediction with a batch axis", x.shape())),
            _ => Err(Error::TooFewSamples { op: "kl_div", expected: 1, got: 0 }),
        }
    }
}

impl<T: Real> Loss<T> for KlDiv {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.values("kl_div")?)
    }
}
