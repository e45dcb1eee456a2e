//! Normalisation over the features of a sample.

use super::{checked, positive};
use crate::{Context, Forward, Module, Param};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Tensor, layer_norm};

/// Layer normalisation: the last axes, those of `normalized_shape`, get mean 0 and variance 1
/// together, then an elementwise scale and shift. The same in training and evaluation.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, layers::LayerNorm};
/// use purlin_tensor::Tensor;
///
/// let layer = LayerNorm::new(2).eps(1e-12);
/// let y = layer.forward(&Tensor::<f64>::from([[1.0, 3.0], [10.0, 0.0]]), &mut Context::eval());
/// assert!(y.data().iter().zip([-1.0, 1.0, 1.0, -1.0]).all(|(y, e)| (y - e).abs() < 1e-11));
/// ```
///
/// # References
///
/// - J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer normalization*, 2016.
#[derive(Debug, Clone, Module)]
pub struct LayerNorm<T: Real = f32> {
    /// The scale, of shape `normalized_shape`, unless `affine` is off; begins as 1.
    pub weight: Option<Param<T>>,
    /// The shift, of shape `normalized_shape`, unless `affine` is off; begins as 0.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    normalized_shape: Shape,
    #[module(skip)]
    eps: f64,
}

impl<T: Real> LayerNorm<T> {
    /// Over the last axes, which must have these sizes; with `eps` 1e-5, scale and shift.
    ///
    /// # Panics
    ///
    /// When the shape is empty or holds a 0.
    #[track_caller]
    pub fn new(normalized_shape: impl Into<Shape>) -> Self {
        let shape = normalized_shape.into();
        let is_met = shape.rank() > 0 && shape.numel() > 0;
        let error = || Error::param("layer_norm", "normalized_shape", "non-empty", shape);
        assert!(is_met, "{}", error());
        let weight = Some(Param::new(Tensor::ones(shape)));
        let bias = Some(Param::new(Tensor::zeros(shape)));
        Self { weight, bias, normalized_shape: shape, eps: 1e-5 }
    }

    /// What is added to the variance. Keras's default is 1e-3.
    ///
    /// # Panics
    ///
    /// Unless it is finite and positive.
    #[must_use]
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        positive("layer_norm", "eps", eps);
        self.eps = eps;
        self
    }

    /// With (the default) or without scale and shift.
    #[must_use]
    pub fn affine(mut self, affine: bool) -> Self {
        self.weight = affine.then(|| Param::new(Tensor::ones(self.normalized_shape)));
        self.bias = affine.then(|| Param::new(Tensor::zeros(self.normalized_shape)));
        self
    }
}

impl<T: Real> Forward<T> for LayerNorm<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let (weight, bias) = (self.weight.as_deref(), self.bias.as_deref());
        layer_norm(x, self.normalized_shape.rank(), weight, bias, self.eps)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        if input.ends_with(&self.normalized_shape) {
            return Ok(*input);
        }
        let sizes: Vec<String> = self.normalized_shape.iter().map(ToString::to_string).collect();
        Err(Error::shape("layer_norm", format!("input (..., {})", sizes.join(", ")), input))
    }
}
