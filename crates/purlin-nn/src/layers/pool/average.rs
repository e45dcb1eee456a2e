//! Average pooling.

use super::window_builders;
use super::{as_image, image_options, image_shape, sequence_options, sequence_shape};
use crate::layers::size::{Padding, Size, Window};
use crate::layers::{all_at_least_one, at_least_one, checked};
use crate::{Context, Forward, Module};
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{Tensor, avg_pool2d};

/// The mean of each window of an image.
///
/// `(batch, height, width, channels)` becomes `(batch, out_height, out_width, channels)` with
/// `out = (in + pads - kernel) / stride + 1`.
///
/// Whether cells of the padding count as zeros differs between libraries, and unless
/// [`count_include_pad`](Self::count_include_pad) is set, each padding means what it means where
/// it comes from: explicit padding counts (PyTorch), [`Padding::Same`] does not (Keras).
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, layers::AvgPool2d};
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::<f32>::from([[[[1.0], [2.0]], [[4.0], [3.0]]]]);
/// assert_eq!(AvgPool2d::new(2).forward(&x, &mut Context::eval()).to_vec(), [2.5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct AvgPool2d {
    #[module(skip)]
    window: Window<2>,
    #[module(skip)]
    count_include_pad: Option<bool>,
}

impl AvgPool2d {
    /// Windows side by side: the stride is the kernel size, no padding.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(kernel_size: impl Into<Size<2>>) -> Self {
        let kernel = kernel_size.into().0;
        all_at_least_one("avg_pool2d", "kernel_size", &kernel);
        Self { window: Window::new(kernel, kernel), count_include_pad: None }
    }

    window_builders!("avg_pool2d", 2);

    /// Whether cells of the padding count as zeros (`true`) or not at all.
    #[must_use]
    pub fn count_include_pad(mut self, count: bool) -> Self {
        self.count_include_pad = Some(count);
        self
    }
}

impl<T: Real> Forward<T> for AvgPool2d {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        let count = self.count_include_pad.unwrap_or(self.window.padding != Padding::Same);
        avg_pool2d(x, &image_options(&self.window, x.shape()), count)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        image_shape("avg_pool2d", &self.window, input)
    }
}

/// The mean of each window of a sequence `(batch, length, channels)`; see [`AvgPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
pub struct AvgPool1d {
    #[module(skip)]
    window: Window<1>,
    #[module(skip)]
    count_include_pad: Option<bool>,
}

impl AvgPool1d {
    /// Windows side by side: the stride is the kernel size, no padding.
    ///
    /// # Panics
    ///
    /// When the size is 0.
    #[track_caller]
    pub fn new(kernel_size: usize) -> Self {
        at_least_one("avg_pool1d", "kernel_size", kernel_size);
        Self { window: Window::new([kernel_size], [kernel_size]), count_include_pad: None }
    }

    window_builders!("avg_pool1d", 1);

    /// Whether cells of the padding count as zeros (`true`) or not at all.
    #[must_use]
    pub fn count_include_pad(mut self, count: bool) -> Self {
        self.count_include_pad = Some(count);
        self
    }
}

impl<T: Real> Forward<T> for AvgPool1d {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(Forward::<T>::output_shape(self, x.shape()));
        ctx.record::<T>(self, &shape);
        let count = self.count_include_pad.unwrap_or(self.window.padding != Padding::Same);
        let image = x.reshape(as_image(x.shape()));
        avg_pool2d(&image, &sequence_options(&self.window, x.shape()), count).reshape(shape)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        sequence_shape("avg_pool1d", &self.window, input)
    }
}
