//! Normalisation by the root of the mean square.

use super::{at_least_one, checked, positive};
use crate::{Context, Forward, Module, Param};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// `y = x / sqrt(mean(x^2) + eps) * weight` over the last axis: layer normalisation without mean
/// and shift. The same in training and evaluation.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, layers::RmsNorm};
/// use purlin_tensor::Tensor;
///
/// let layer = RmsNorm::new(2).eps(1e-12);
/// let y = layer.forward(&Tensor::<f64>::from([[1.0, 7.0]]), &mut Context::eval());
/// assert!((y.data()[0] - 0.2).abs() < 1e-12 && (y.data()[1] - 1.4).abs() < 1e-12);
/// ```
///
/// # References
///
/// - B. Zhang, R. Sennrich, *Root mean square layer normalization*, NeurIPS 2019.
#[derive(Debug, Clone, Module)]
pub struct RmsNorm<T: Real = f32> {
    /// The scale, `(features,)`; begins as 1.
    pub weight: Param<T>,
    #[module(skip)]
    eps: f64,
}

impl<T: Real> RmsNorm<T> {
    /// Of `features` numbers, with `eps` 1e-6.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn new(features: usize) -> Self {
        at_least_one("rms_norm", "features", features);
        Self { weight: Param::new(Tensor::ones([features])), eps: 1e-6 }
    }

    /// What is added to the mean square.
    ///
    /// # Panics
    ///
    /// Unless it is finite and above 0.
    #[must_use]
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        positive("rms_norm", "eps", eps);
        self.eps = eps;
        self
    }
}

impl<T: Real> Forward<T> for RmsNorm<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let scale = (x.square().mean_axis(-1, true) + T::from_f64(self.eps)).rsqrt();
        &(x * &scale) * &*self.weight
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let features = self.weight.numel();
        match input.dims().last() {
            Some(&last) if last == features => Ok(*input),
            _ => Err(Error::shape("rms_norm", format!("input (.., {features})"), input)),
        }
    }
}
