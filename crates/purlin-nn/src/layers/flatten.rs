//! From images to vectors.

use crate::{Context, Forward, Module};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// Joins all axes after the first: `(batch, ...)` becomes `(batch, features)`. No copy.
///
/// An image is read in its channels-last order, so a [`Linear`](super::Linear) after it sees
/// `(height, width, channels)`, as in Keras; a weight that PyTorch trained on `(channels, height,
/// width)` is permuted on import.
///
/// ```
/// use purlin_nn::{Context, Forward, layers::Flatten};
/// use purlin_tensor::Tensor;
///
/// let y = Flatten.forward(&Tensor::<f32>::zeros([8, 5, 5, 3]), &mut Context::eval());
/// assert_eq!(y.dims(), [8, 75]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct Flatten;

impl<T: Real> Forward<T> for Flatten {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = super::checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        x.reshape(shape)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            [batch, features @ ..] => Ok(Shape::from([*batch, features.iter().product()])),
            [] => Err(Error::shape("flatten", "input (batch, ...)", input)),
        }
    }
}
