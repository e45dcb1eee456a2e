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
        if let Some(at) = target.data().iter().position(|t| t.abs() != T::ONE) {
            let value = format!("{} at element {at}", target.data()[at]);
            return Err(Error::param("hinge", "target", "-1 or 1", value));
        }
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
                let zero_one = super::bce::zero_one("hinge", prediction, classes)?;
                self.loss(prediction, &zero_one.mul_scalar(2.0).add_scalar(-1.0))
            }
        }
    }

    each_option!();
}
