//! Losses of differences: squared, absolute, and between.

use super::{Loss, Reduction, Target, each_option, reduce, reduction_option, same_shape};
use crate::layers::positive;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// The mean of `(x - t)^2`.
///
/// ```
/// use purlin_nn::losses::Mse;
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f32>::from([1.0, 5.0]), Tensor::from([2.0, 2.0]));
/// assert_eq!(Mse::new().loss(&x, &t)?.item(), 5.0);
/// let err = Mse::new().loss(&x, &t.unsqueeze(1)).unwrap_err();
/// assert_eq!(err.to_string(), "mse: expected target of shape (2,), as the prediction, got (2, 1)");
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mse {
    reduction: Reduction,
}

impl Mse {
    /// The mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    reduction_option!();

    /// The loss of `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](purlin_core::Error::Shape) when the shapes differ;
    /// [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples) for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("mse", x, target)?;
        reduce("mse", self.reduction, (x - target).square())
    }
}

/// The mean of `|x - t|`; the slope at 0 is 0.
#[doc(alias = "Mae")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct L1 {
    reduction: Reduction,
}

impl L1 {
    /// The mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    reduction_option!();

    /// The loss of `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// As [`Mse::loss`].
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("l1", x, target)?;
        reduce("l1", self.reduction, (x - target).abs())
    }
}

/// `d^2 / 2` where `d = |x - t|` is at most `delta`, `delta (d - delta / 2)` beyond.
///
/// P. J. Huber, *Robust estimation of a location parameter*, Ann. Math. Stat. 35, 1964.
///
/// ```
/// use purlin_nn::losses::{Huber, Reduction};
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f32>::from([1.0, 5.0]), Tensor::from([2.0, 2.0]));
/// let each = Huber::new(1.0).reduction(Reduction::None).loss(&x, &t)?;
/// assert_eq!(each.to_vec(), [0.5, 2.5]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Huber {
    delta: f64,
    reduction: Reduction,
}

impl Huber {
    /// Quadratic up to `delta`.
    ///
    /// # Panics
    ///
    /// Unless `delta` is finite and positive.
    #[track_caller]
    pub fn new(delta: f64) -> Self {
        positive("huber", "delta", delta);
        Self { delta, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// As [`Mse::loss`].
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("huber", x, target)?;
        reduce("huber", self.reduction, huber(x, target, self.delta))
    }
}

impl Default for Huber {
    /// `delta` = 1.
    fn default() -> Self {
        Self::new(1.0)
    }
}

/// [`Huber`] divided by `beta`: slope 1 far out (PyTorch's smooth L1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothL1 {
    beta: f64,
    reduction: Reduction,
}

impl SmoothL1 {
    /// Quadratic up to `beta`.
    ///
    /// # Panics
    ///
    /// Unless `beta` is finite and positive.
    #[track_caller]
    pub fn new(beta: f64) -> Self {
        positive("smooth_l1", "beta", beta);
        Self { beta, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// As [`Mse::loss`].
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("smooth_l1", x, target)?;
        let loss = huber(x, target, self.beta) / T::from_f64(self.beta);
        reduce("smooth_l1", self.reduction, loss)
    }
}

/// With `c = min(d, delta)`: `c (d - c / 2)`, which is both branches at once.
fn huber<T: Real>(x: &Tensor<T>, target: &Tensor<T>, delta: f64) -> Tensor<T> {
    let distance = (x - target).abs();
    let cut = distance.clamp(0.0, delta);
    let half = &cut * T::from_f64(0.5);
    cut * (distance - half)
}

macro_rules! loss_of_values {
    ($($name:ident $op:literal),*) => {$(
        impl<T: Real> Loss<T> for $name {
            fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
                self.loss(prediction, target.values($op)?)
            }

            each_option!();
        }
    )*};
}

loss_of_values!(Mse "mse", L1 "l1", Huber "huber", SmoothL1 "smooth_l1");
