//! The fully connected layer.

use super::{Reweight, Setup, at_least_one, checked, weight_builders};
use crate::{Context, Forward, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Tensor, linear};

/// `y = activation(x weight + bias)`, a fully connected (dense) layer.
///
/// | value    | shape                         |
/// |----------|-------------------------------|
/// | `x`      | `(..., in_features)`          |
/// | `weight` | `(in_features, out_features)` |
/// | `bias`   | `(out_features,)`             |
/// | `y`      | `(..., out_features)`         |
///
/// Bias and activation are applied while the product is written. PyTorch stores the transpose of
/// this weight; the import of its files transposes it.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, Forward, Init, layers::Linear};
/// use purlin_tensor::{Activation, Tensor};
///
/// let layer = Linear::new(3, 2, &Stream::new(0, "init"))
///     .init(Init::Ones)
///     .bias_init(Init::Constant(-4.0))
///     .activation(Activation::Relu);
/// let y = layer.forward(&Tensor::<f32>::from([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]), &mut Context::eval());
/// assert_eq!(y.to_vec(), [2.0, 2.0, 0.0, 0.0]);
/// ```
#[derive(Debug, Clone, Module)]
pub struct Linear<T: Real = f32> {
    /// `(in_features, out_features)`.
    pub weight: Param<T>,
    /// `(out_features,)`, unless switched off.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    setup: Setup,
}

impl<T: Real> Linear<T> {
    /// A layer with bias and without activation; weight and bias begin uniform within
    /// `1 / sqrt(in_features)` ([`Init::FanInUniform`](crate::Init)).
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(in_features: usize, out_features: usize, stream: &Stream) -> Self {
        at_least_one("linear", "in_features", in_features);
        at_least_one("linear", "out_features", out_features);
        let shape = Shape::from([in_features, out_features]);
        let setup = Setup::new(stream);
        let bias = Some(setup.bias(out_features, &shape));
        Self { weight: setup.weight(&shape), bias, setup }
    }

    fn out_channels(&self) -> usize {
        self.weight.shape()[1]
    }

    weight_builders!();

    /// What is applied to the sums.
    pub(super) fn applied(&self) -> Activation {
        self.setup.activation
    }
}

impl<T: Real> Forward<T> for Linear<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.forward_with(&self.weight, x, ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let (in_features, out_features) = (self.weight.shape()[0], self.weight.shape()[1]);
        match input.rank() {
            rank if rank > 0 && input[rank - 1] == in_features => {
                Ok(input.with(rank - 1, out_features))
            }
            _ => Err(Error::shape("linear", format!("input (..., {in_features})"), input)),
        }
    }
}

impl<T: Real> Reweight<T> for Linear<T> {
    fn weight(&self) -> &Param<T> {
        &self.weight
    }

    #[track_caller]
    fn forward_with(&self, weight: &Tensor<T>, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        linear(x, weight, self.bias.as_deref(), self.setup.activation)
    }
}
