//! Average pooling to a given size.

use super::as_image;
use crate::layers::size::Size;
use crate::layers::{all_at_least_one, at_least_one, checked};
use crate::{Context, Forward, Module};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Tensor, adaptive_avg_pool2d};

/// Means over windows that are cut so that the output has a given size, whatever the input's:
/// window `i` of `n` over `size` cells reaches from `floor(i size / n)` to
/// `ceil((i + 1) size / n)`, as in PyTorch.
///
/// ```
/// use purlin_core::Shape;
/// use purlin_nn::{Forward, layers::AdaptiveAvgPool2d};
///
/// let layer = AdaptiveAvgPool2d::new([3, 4]);
/// let shape = Forward::<f32>::output_shape(&layer, &Shape::from([8, 7, 9, 16]))?;
/// assert_eq!(shape, Shape::from([8, 3, 4, 16]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct AdaptiveAvgPool2d {
    #[module(skip)]
    output_size: [usize; 2],
}

impl AdaptiveAvgPool2d {
    /// To `[height, width]`, or the same for both.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(output_size: impl Into<Size<2>>) -> Self {
        let output_size = output_size.into().0;
        all_at_least_one("adaptive_avg_pool2d", "output_size", &output_size);
        Self { output_size }
    }
}

impl<T: Real> Forward<T> for AdaptiveAvgPool2d {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        adaptive_avg_pool2d(x, self.output_size)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            &[batch, height, width, channels] if height > 0 && width > 0 => {
                let [height, width] = self.output_size;
                Ok(Shape::from([batch, height, width, channels]))
            }
            _ => {
                let expected = "input (batch, height, width, channels) with pixels";
                Err(Error::shape("adaptive_avg_pool2d", expected, input))
            }
        }
    }
}

/// [`AdaptiveAvgPool2d`] for sequences `(batch, length, channels)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct AdaptiveAvgPool1d {
    #[module(skip)]
    output_size: usize,
}

impl AdaptiveAvgPool1d {
    /// To this length.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[track_caller]
    pub fn new(output_size: usize) -> Self {
        at_least_one("adaptive_avg_pool1d", "output_size", output_size);
        Self { output_size }
    }
}

impl<T: Real> Forward<T> for AdaptiveAvgPool1d {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        let image = x.reshape(as_image(x.shape()));
        adaptive_avg_pool2d(&image, [1, self.output_size]).reshape(shape)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            &[batch, length, channels] if length > 0 => {
                Ok(Shape::from([batch, self.output_size, channels]))
            }
            _ => {
                let expected = "input (batch, length, channels) with items";
                Err(Error::shape("adaptive_avg_pool1d", expected, input))
            }
        }
    }
}
