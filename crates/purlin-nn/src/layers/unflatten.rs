//! From vectors to images.

use super::{all_at_least_one, checked};
use crate::{Context, Forward, Module};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// Gives each sample a shape: `(batch, features)` becomes `(batch, shape...)`. No copy.
///
/// The inverse of [`Flatten`](super::Flatten), as Keras's `Reshape`.
///
/// ```
/// use purlin_nn::{Context, Forward, layers::Unflatten};
/// use purlin_tensor::Tensor;
///
/// let y = Unflatten::new([5, 5, 3]).forward(&Tensor::<f32>::zeros([8, 75]), &mut Context::eval());
/// assert_eq!(y.dims(), [8, 5, 5, 3]);
/// ```
#[doc(alias = "Reshape")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct Unflatten {
    #[module(skip)]
    shape: Shape,
}

impl Unflatten {
    /// The shape of a sample.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        all_at_least_one("unflatten", "shape", shape.dims());
        Self { shape }
    }
}

impl<T: Real> Forward<T> for Unflatten {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        x.reshape(shape)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let n = self.shape.numel();
        match input.dims() {
            &[batch, features] if features == n => {
                Ok(Shape::new(&[&[batch], self.shape.dims()].concat()))
            }
            _ => Err(Error::shape("unflatten", format!("input (batch, {n})"), input)),
        }
    }
}
