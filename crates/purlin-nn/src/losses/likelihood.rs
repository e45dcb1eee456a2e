//! Negative log-likelihood of numbers.

use super::{Loss, Reduction, Target, reduce, reduction_option, same_shape, within};
use crate::layers::positive;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// `e^x - t x`, for counts `t` that are Poisson with the logarithm of the rate `x`; what does not
/// depend on `x`, `ln t!`, is left out.
///
/// ```
/// use purlin_nn::losses::PoissonNll;
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f64>::from([0.0, 2f64.ln()]), Tensor::from([3.0, 1.0]));
/// let loss = PoissonNll::new().loss(&x, &t)?.item();
/// assert!((loss - (1.0 + 2.0 - 2f64.ln()) / 2.0).abs() < 1e-15);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoissonNll {
    reduction: Reduction,
}

impl PoissonNll {
    /// The mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    reduction_option!();

    /// The loss of logarithms of rates `x` against counts of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](purlin_core::Error::Shape) when the shapes differ;
    /// [`Error::InvalidParam`](purlin_core::Error::InvalidParam) when a count is negative or NaN;
    /// [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples) for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("poisson_nll", x, target)?;
        within("poisson_nll", "target", target, 0.0, f64::INFINITY)?;
        reduce("poisson_nll", self.reduction, x.exp() - target * x)
    }
}

impl<T: Real> Loss<T> for PoissonNll {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.values("poisson_nll")?)
    }

    super::each_option!();
}

/// `(ln v + (m - t)^2 / v) / 2`, for targets `t` that are normal with mean `m` and variance `v`; the
/// constant `ln(2 pi) / 2` is left out.
///
/// A variance below `eps` counts as `eps`, and has no slope.
///
/// D. A. Nix, A. S. Weigend, *Estimating the mean and variance of the target probability
/// distribution*, ICNN 1994.
///
/// ```
/// use purlin_nn::losses::GaussianNll;
/// use purlin_tensor::Tensor;
///
/// let (mean, variance) = (Tensor::<f64>::from([1.0]), Tensor::from([4.0]));
/// let loss = GaussianNll::new().loss(&mean, &variance, &Tensor::from([3.0]))?.item();
/// assert!((loss - (4f64.ln() + 1.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianNll {
    eps: f64,
    reduction: Reduction,
}

impl Default for GaussianNll {
    fn default() -> Self {
        Self::new()
    }
}

impl GaussianNll {
    /// `eps` is 1e-6; the mean over all elements.
    pub fn new() -> Self {
        Self { eps: 1e-6, reduction: Reduction::Mean }
    }

    /// The least variance.
    ///
    /// # Panics
    ///
    /// Unless it is finite and positive.
    #[must_use]
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        positive("gaussian_nll", "eps", eps);
        self.eps = eps;
        self
    }

    reduction_option!();

    /// The loss of means and variances against targets, all of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](purlin_core::Error::Shape) when the shapes differ;
    /// [`Error::InvalidParam`](purlin_core::Error::InvalidParam) when a variance is negative or NaN;
    /// [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples) for the mean of nothing.
    pub fn loss<T: Real>(
        &self,
        mean: &Tensor<T>,
        variance: &Tensor<T>,
        target: &Tensor<T>,
    ) -> Result<Tensor<T>> {
        same_shape("gaussian_nll", mean, variance)?;
        same_shape("gaussian_nll", mean, target)?;
        within("gaussian_nll", "variance", variance, 0.0, f64::INFINITY)?;
        let variance = variance.clamp(self.eps, f64::INFINITY);
        let loss = (variance.ln() + (mean - target).square() / &variance).mul_scalar(0.5);
        reduce("gaussian_nll", self.reduction, loss)
    }
}
