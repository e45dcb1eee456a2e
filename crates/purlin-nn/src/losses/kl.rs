//! Kullback-Leibler divergence.

use super::{Loss, Reduction, Target, reduce, same_shape};
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
    reduction: KlReduction,
}

/// One of two: the last one asked for counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KlReduction {
    Elements(Reduction),
    BatchMean,
}

impl Default for KlReduction {
    fn default() -> Self {
        Self::Elements(Reduction::default())
    }
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
    /// place of a [`Reduction`], and [`reduction`](Self::reduction) that of this: the last call
    /// counts.
    #[must_use]
    pub fn batch_mean(self) -> Self {
        Self { reduction: KlReduction::BatchMean, ..self }
    }

    /// How the losses of the elements are put together; the mean unless set.
    #[must_use]
    pub fn reduction(self, reduction: Reduction) -> Self {
        Self { reduction: KlReduction::Elements(reduction), ..self }
    }

    /// The loss of log-probabilities `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a probability is
    /// negative or NaN, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        let loss = self.elements(x, target)?;
        match (self.reduction, x.dims()) {
            (KlReduction::Elements(reduction), _) => reduce("kl_div", reduction, loss),
            (KlReduction::BatchMean, [rows, ..]) if *rows > 0 => {
                Ok(loss.sum() / T::from_usize(*rows))
            }
            (KlReduction::BatchMean, []) => {
                Err(Error::shape("kl_div", "prediction with a batch axis", x.shape()))
            }
            _ => Err(Error::TooFewSamples { op: "kl_div", expected: 1, got: 0 }),
        }
    }

    fn elements<T: Real>(self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("kl_div", x, target)?;
        if self.log_target {
            return Ok(target.exp() * (target - x));
        }
        super::within("kl_div", "target", target, 0.0, f64::INFINITY)?;
        let one = Tensor::ones(*target.shape());
        let positive = where_(&target.gt(&Tensor::zeros(*target.shape())), target, &one);
        Ok(target * (positive.ln() - x))
    }
}

impl<T: Real> Loss<T> for KlDiv {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.values("kl_div")?)
    }

    /// For [`KlDiv::batch_mean`] the divergence of each row, else that of each element.
    fn each(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let elements = self.elements(prediction, target.values("kl_div")?)?;
        match (self.reduction, elements.dims()) {
            (KlReduction::BatchMean, &[rows, _, ..]) if rows > 0 => {
                Ok(elements.reshape([rows, elements.numel() / rows]).sum_axis(1, false))
            }
            _ => Ok(elements),
        }
    }
}
