//! Margins.

use super::{Loss, Reduction, Target, each_option, reduce, reduction_option, same_shape};
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;

/// `max(0, 1 - t x)` for targets -1 and 1: no loss beyond the margin. Squared on request.
///
/// The slope at the margin itself is 0.
///
/// ```
/// use purlin_nn::losses::Hinge;
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f32>::from([2.0, 0.5, 0.5]), Tensor::from([1.0, 1.0, -1.0]));
/// assert_eq!(Hinge::new().loss(&x, &t)?.item(), (0.0 + 0.5 + 1.5) / 3.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hinge {
    squared: bool,
    reduction: Reduction,
}

impl Hinge {
    /// Linear, the mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    /// The square of it.
    #[must_use]
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    reduction_option!();

    /// The loss of scores `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a target is neither
    /// -1 nor 1, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("hinge", x, target)?;
        check_signs("hinge", target)?;
        let loss = (-(x * target)).add_scalar(1.0).relu();
        reduce("hinge", self.reduction, if self.squared { loss.square() } else { loss })
    }
}

impl<T: Real> Loss<T> for Hinge {
    /// Classes 0 and 1 stand for -1 and 1.
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        match target {
            Target::Values(values) => self.loss(prediction, values),
            Target::Classes(classes) => {
                self.loss(prediction, &signs("hinge", prediction, classes)?)
            }
        }
    }

    each_option!();
}

/// Every target must be -1 or 1.
pub(super) fn check_signs<T: Real>(op: &'static str, target: &Tensor<T>) -> Result<()> {
    match target.data().iter().position(|t| t.abs() != T::ONE) {
        None => Ok(()),
        Some(at) => {
            let value = format!("{} at element {at}", target.data()[at]);
            Err(Error::param(op, "target", "-1 or 1", value))
        }
    }
}

/// Classes 0 and 1 as -1 and 1, in the shape of the prediction.
pub(super) fn signs<T: Real>(
    op: &'static str,
    prediction: &Tensor<T>,
    classes: &[usize],
) -> Result<Tensor<T>> {
    let zero_one = super::bce::zero_one(op, prediction, classes)?;
    Ok(zero_one.mul_scalar(2.0).add_scalar(-1.0))
}
