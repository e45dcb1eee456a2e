//! Pooling over images and sequences. A sequence is an image of height 1.

mod adaptive;
mod average;
mod global;
mod max;

pub use adaptive::{AdaptiveAvgPool1d, AdaptiveAvgPool2d};
pub use average::{AvgPool1d, AvgPool2d};
pub use global::{GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d};
pub use max::{MaxPool1d, MaxPool2d};

use super::size::Window;
use purlin_core::{Error, Result, Shape};
use purlin_tensor::Pool2dOptions;

/// The shape after a window over images.
fn image_shape(op: &'static str, window: &Window<2>, input: &Shape) -> Result<Shape> {
    let &[batch, height, width, channels] = input.dims() else {
        return Err(Error::shape(op, "input (batch, height, width, channels)", input));
    };
    let [height, width] = window.output(op, [height, width])?;
    Ok(Shape::from([batch, height, width, channels]))
}

/// The shape after a window over sequences.
fn sequence_shape(op: &'static str, window: &Window<1>, input: &Shape) -> Result<Shape> {
    let &[batch, length, channels] = input.dims() else {
        return Err(Error::shape(op, "input (batch, length, channels)", input));
    };
    let [length] = window.output(op, [length])?;
    Ok(Shape::from([batch, length, channels]))
}

/// The window over an image of this shape, as the tensor operation takes it.
fn image_options(window: &Window<2>, input: &Shape) -> Pool2dOptions {
    Pool2dOptions {
        kernel: window.kernel,
        stride: window.stride,
        padding: window.pads([input[1], input[2]]),
        dilation: window.dilation,
        ceil_mode: window.ceil_mode,
    }
}

/// The window over a sequence of this shape, as an image of height 1.
fn sequence_options(window: &Window<1>, input: &Shape) -> Pool2dOptions {
    Pool2dOptions {
        kernel: [1, window.kernel[0]],
        stride: [1, window.stride[0]],
        padding: [[0, 0], window.pads([input[1]])[0]],
        dilation: [1, window.dilation[0]],
        ceil_mode: window.ceil_mode,
    }
}

/// `(batch, length, channels)` as an image.
fn as_image(input: &Shape) -> Shape {
    Shape::from([input[0], 1, input[1], input[2]])
}

/// The options of a pooling layer with a `window`; `$n` axes.
macro_rules! window_builders {
    ($op:literal, $n:literal) => {
        /// Steps of the window; the kernel size unless set.
        ///
        /// # Panics
        ///
        /// When one is 0.
        #[must_use]
        #[track_caller]
        pub fn stride(mut self, stride: impl Into<crate::layers::Size<$n>>) -> Self {
            self.window.stride = stride.into().0;
            crate::layers::all_at_least_one($op, "stride", &self.window.stride);
            self
        }

        /// Cells around the input. They hold no values: see the layer's page.
        ///
        /// # Panics
        ///
        /// When explicit padding reaches the size of the (dilated) kernel: a window would hold
        /// nothing but padding.
        #[must_use]
        #[track_caller]
        pub fn padding(mut self, padding: impl Into<crate::layers::Padding<$n>>) -> Self {
            self.window.padding = padding.into();
            crate::layers::pool::check_padding($op, &self.window);
            self
        }

        /// Keeps a last window that sticks out of the input, as long as it begins inside it or
        /// in the padding before it (PyTorch's `ceil_mode`).
        #[must_use]
        pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
            self.window.ceil_mode = ceil_mode;
            self
        }
    };
}
use window_builders;

/// A panic when a window could hold nothing but padding.
#[track_caller]
fn check_padding<const N: usize>(op: &'static str, window: &Window<N>) {
    let super::Padding::Explicit(pads) = window.padding else { return };
    for (axis, sides) in pads.into_iter().enumerate() {
        let reach = window.reach(axis);
        for pad in sides {
            let rule = || format!("below the kernel's reach {reach}");
            assert!(pad < reach, "{}", Error::param(op, "padding", rule(), pad));
        }
    }
}
