//! Normalisation over groups of channels of a sample.

use super::{at_least_one, checked, positive};
use crate::{Context, Forward, Module, Param};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Tensor, group_norm};

/// Group normalisation of `(batch, ..., channels)`: the channels are cut into `num_groups` equal
/// runs, and each run of each sample gets mean 0 and variance 1 over its channels and all
/// positions, then each channel a scale and a shift. It does not depend on the batch size, and is
/// the same in training and evaluation.
///
/// With one group it is layer normalisation over the whole sample, with `num_channels` groups
/// instance normalisation.
///
/// # Examples
///
/// ```
/// use purlin_core::Shape;
/// use purlin_nn::{Forward, layers::GroupNorm};
///
/// let layer: GroupNorm = GroupNorm::new(4, 16);
/// assert_eq!(layer.output_shape(&Shape::from([2, 8, 8, 16]))?, Shape::from([2, 8, 8, 16]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - Y. Wu, K. He, *Group normalization*, ECCV 2018.
#[derive(Debug, Clone, Module)]
pub struct GroupNorm<T: Real = f32> {
    /// The scale per channel, unless `affine` is off; begins as 1.
    pub weight: Option<Param<T>>,
    /// The shift per channel, unless `affine` is off; begins as 0.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    num_groups: usize,
    #[module(skip)]
    num_channels: usize,
    #[module(skip)]
    eps: f64,
}

impl<T: Real> GroupNorm<T> {
    /// `num_channels` channels in `num_groups` groups; with `eps` 1e-5, scale and shift.
    ///
    /// # Panics
    ///
    /// When a count is 0, or `num_groups` does not divide `num_channels`.
    #[track_caller]
    pub fn new(num_groups: usize, num_channels: usize) -> Self {
        at_least_one("group_norm", "num_channels", num_channels);
        let divides = num_groups > 0 && num_channels.is_multiple_of(num_groups);
        let rule = || format!("a divisor of num_channels {num_channels}");
        assert!(divides, "{}", Error::param("group_norm", "num_groups", rule(), num_groups));
        let weight = Some(Param::new(Tensor::ones(num_channels)));
        let bias = Some(Param::new(Tensor::zeros(num_channels)));
        Self { weight, bias, num_groups, num_channels, eps: 1e-5 }
    }

    /// What is added to the variance.
    ///
    /// # Panics
    ///
    /// Unless it is finite and positive.
    #[must_use]
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        positive("group_norm", "eps", eps);
        self.eps = eps;
        self
    }

    /// With (the default) or without scale and shift.
    #[must_use]
    pub fn affine(mut self, affine: bool) -> Self {
        self.weight = affine.then(|| Param::new(Tensor::ones(self.num_channels)));
        self.bias = affine.then(|| Param::new(Tensor::zeros(self.num_channels)));
        self
    }
}

impl<T: Real> Forward<T> for GroupNorm<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let (weight, bias) = (self.weight.as_deref(), self.bias.as_deref());
        group_norm(x, self.num_groups, weight, bias, self.eps)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            [_, .., channels] if *channels == self.num_channels => Ok(*input),
            _ => {
                let expected = format!("input (batch, ..., {})", self.num_channels);
                Err(Error::shape("group_norm", expected, input))
            }
        }
    }
}
