//! Maximum pooling.

use super::{as_image, check_padding, image_options, image_shape, sequence_options};
use super::{sequence_shape, window_builders};
use crate::layers::size::{Size, Window};
use crate::layers::{all_at_least_one, at_least_one, checked};
use crate::{Context, Forward, Module};
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{Tensor, max_pool2d};

/// The largest value of each window of an image.
///
/// `(batch, height, width, channels)` becomes `(batch, out_height, out_width, channels)` with
/// `out = (in + pads - dilation (kernel - 1) - 1) / stride + 1`. Padding is never chosen. The
/// gradient goes to the first of equal maxima; a NaN in a window is its maximum.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, layers::MaxPool2d};
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::<f32>::from([[[[1.0], [2.0]], [[4.0], [3.0]]]]);
/// assert_eq!(MaxPool2d::new(2).forward(&x, &mut Context::eval()).to_vec(), [4.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct MaxPool2d {
    #[module(skip)]
    window: Window<2>,
}

impl MaxPool2d {
    /// Windows side by side: the stride is the kernel size, no padding.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(kernel_size: impl Into<Size<2>>) -> Self {
        let kernel = kernel_size.into().0;
        all_at_least_one("max_pool2d", "kernel_size", &kernel);
        Self { window: Window::new(kernel, kernel) }
    }

    window_builders!("max_pool2d", 2);

    /// Distance of neighbouring cells of a window.
    ///
    /// # Panics
    ///
    /// When one is 0.
    #[must_use]
    #[track_caller]
    pub fn dilation(mut self, dilation: impl Into<Size<2>>) -> Self {
        self.window.dilation = dilation.into().0;
        all_at_least_one("max_pool2d", "dilation", &self.window.dilation);
        check_padding("max_pool2d", &self.window);
        self
    }
}

impl<T: Real> Forward<T> for MaxPool2d {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        max_pool2d(x, &image_options(&self.window, x.shape()))
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        image_shape("max_pool2d", &self.window, input)
    }
}

/// The largest value of each window of a sequence `(batch, length, channels)`; see
/// [`MaxPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct MaxPool1d {
    #[module(skip)]
    window: Window<1>,
}

impl MaxPool1d {
    /// Windows side by side: the stride is the kernel size, no padding.
    ///
    /// # Panics
    ///
    /// When the size is 0.
    #[track_caller]
    pub fn new(kernel_size: usize) -> Self {
        at_least_one("max_pool1d", "kernel_size", kernel_size);
        Self { window: Window::new([kernel_size], [kernel_size]) }
    }

    window_builders!("max_pool1d", 1);

    /// Distance of neighbouring cells of a window.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn dilation(mut self, dilation: usize) -> Self {
        at_least_one("max_pool1d", "dilation", dilation);
        self.window.dilation = [dilation];
        check_padding("max_pool1d", &self.window);
        self
    }
}

impl<T: Real> Forward<T> for MaxPool1d {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        let image = x.reshape(as_image(x.shape()));
        max_pool2d(&image, &sequence_options(&self.window, x.shape())).reshape(shape)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        sequence_shape("max_pool1d", &self.window, input)
    }
}
