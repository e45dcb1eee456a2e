//! Pooling over channels-last images.

use crate::Tensor;
use crate::ops::linear_map::{self, LinearMap};
use crate::ops::or_panic;
use purlin_backend::pool::{self, AdaptiveAvgPool2d, Pool2d};
use purlin_backend::{Buffer, parallel};
use purlin_core::{Error, Real, Result, Shape};
use std::sync::Arc;

/// How the window of a pooling moves.
///
/// # Examples
///
/// ```
/// use purlin_tensor::Pool2dOptions;
///
/// let options = Pool2dOptions::new([2, 2]);
/// assert_eq!(options.stride, [2, 2]); // windows side by side
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool2dOptions {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps of the window, down and right; the kernel.
    pub stride: [usize; 2],
    /// Cells around the image, `[[top, bottom], [left, right]]`; none. A maximum skips them.
    pub padding: [[usize; 2]; 2],
    /// Distance of neighbouring cells of a window, down and right; 1.
    pub dilation: [usize; 2],
    /// Whether a last window that sticks out of the image is kept; no.
    pub ceil_mode: bool,
}

impl Pool2dOptions {
    /// Windows side by side.
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: kernel, padding: [[0; 2]; 2], dilation: [1; 2], ceil_mode: false }
    }

    fn spec<T: Real>(&self, op: &'static str, x: &Tensor<T>) -> Result<Pool2d> {
        let [batch, height, width, channels] = *x.dims() else {
            return Err(Error::shape(op, "input (batch, height, width, channels)", x.shape()));
        };
        let Self { kernel, stride, padding, dilation, ceil_mode } = *self;
        let spec =
            Pool2d { batch, height, width, channels, kernel, stride, padding, dilation, ceil_mode };
        spec.check()?;
        Ok(spec)
    }
}

fn out_shape(spec: &Pool2d) -> Shape {
    Shape::from([spec.batch, spec.out_height(), spec.out_width(), spec.channels])
}

fn in_shape(spec: &Pool2d) -> Shape {
    Shape::from([spec.batch, spec.height, spec.width, spec.channels])
}

/// With the place of each maximum fixed, the pooling picks: `y = x[at]`.
struct MaxPool {
    spec: Pool2d,
    /// `row * width + column` of the maximum, for each output element.
    at: Buffer<u32>,
}

impl<T: Real> LinearMap<T> for MaxPool {
    const NAME: &'static str = "max_pool2d";
    const ADJOINT: &'static str = "max_pool2d_grad";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let shape = out_shape(&self.spec);
        let mut out = Buffer::scratch(shape.numel());
        let channels = self.spec.channels;
        let image = self.spec.height * self.spec.width * channels;
        let block = (shape.numel() / self.spec.batch.max(1)).max(1);
        let work = 8 * out.len();
        parallel::for_each_chunk(&mut out, block, work, |n, out| {
            let x = &x.data()[n * image..][..image];
            let at = &self.at[n * block..][..out.len()];
            for (i, (y, &at)) in out.iter_mut().zip(at).enumerate() {
                *y = x[at as usize * channels + i % channels];
            }
        });
        Tensor::new(shape, out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        let shape = in_shape(&self.spec);
        let mut out = Buffer::scratch(shape.numel());
        pool::max_pool2d_grad(&self.spec, y.data(), &self.at, &mut out);
        Tensor::new(shape, out)
    }
}

struct AvgPool {
    spec: Pool2d,
    count_include_pad: bool,
}

impl<T: Real> LinearMap<T> for AvgPool {
    const NAME: &'static str = "avg_pool2d";
    const ADJOINT: &'static str = "avg_pool2d_grad";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let shape = out_shape(&self.spec);
        let mut out = Buffer::scratch(shape.numel());
        pool::avg_pool2d(&self.spec, self.count_include_pad, x.data(), &mut out);
        Tensor::new(shape, out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        let shape = in_shape(&self.spec);
        let mut out = Buffer::scratch(shape.numel());
        pool::avg_pool2d_grad(&self.spec, self.count_include_pad, y.data(), &mut out);
        Tensor::new(shape, out)
    }
}

struct AdaptiveAvgPool(AdaptiveAvgPool2d);

impl<T: Real> LinearMap<T> for AdaptiveAvgPool {
    const NAME: &'static str = "adaptive_avg_pool2d";
    const ADJOINT: &'static str = "adaptive_avg_pool2d_grad";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let AdaptiveAvgPool2d { batch, out_height, out_width, channels, .. } = self.0;
        let shape = Shape::from([batch, out_height, out_width, channels]);
        let mut out = Buffer::scratch(shape.numel());
        pool::adaptive_avg_pool2d(&self.0, x.data(), &mut out);
        Tensor::new(shape, out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        let AdaptiveAvgPool2d { batch, height, width, channels, .. } = self.0;
        let shape = Shape::from([batch, height, width, channels]);
        let mut out = Buffer::scratch(shape.numel());
        pool::adaptive_avg_pool2d_grad(&self.0, y.data(), &mut out);
        Tensor::new(shape, out)
    }
}

/// The greatest element of each window, per channel: `(batch, height, width, channels)` to
/// `(batch, out_h, out_w, channels)`. At a tie the gradient goes to the first in reading order.
///
/// # Panics
///
/// When `x` has not four axes, the window does not fit, or an option is 0 that must not be.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Pool2dOptions, Tensor, max_pool2d};
///
/// let x = Tensor::<f32>::arange(16).reshape([1, 4, 4, 1]);
/// let y = max_pool2d(&x, &Pool2dOptions::new([2, 2]));
/// assert_eq!(y.data(), [5.0, 7.0, 13.0, 15.0]);
/// ```
#[must_use]
#[track_caller]
pub fn max_pool2d<T: Real>(x: &Tensor<T>, options: &Pool2dOptions) -> Tensor<T> {
    let spec = or_panic(options.spec("max_pool2d", x));
    let shape = out_shape(&spec);
    let mut out = Buffer::scratch(shape.numel());
    if !linear_map::is_recorded(x) {
        pool::max_pool2d_infer(&spec, x.data(), &mut out);
        return Tensor::new(shape, out).checked("max_pool2d");
    }
    let mut at = Buffer::scratch(shape.numel());
    pool::max_pool2d(&spec, x.data(), &mut out, &mut at);
    linear_map::record(x, Tensor::new(shape, out), &Arc::new(MaxPool { spec, at }))
}

/// The mean of each window, per channel: `(batch, height, width, channels)` to
/// `(batch, out_h, out_w, channels)`. With `count_include_pad` padding counts as zeros, else it
/// is left out of the mean.
///
/// # Panics
///
/// As [`max_pool2d`].
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Pool2dOptions, Tensor, avg_pool2d};
///
/// let x = Tensor::<f32>::arange(16).reshape([1, 4, 4, 1]);
/// let y = avg_pool2d(&x, &Pool2dOptions::new([2, 2]), true);
/// assert_eq!(y.data(), [2.5, 4.5, 10.5, 12.5]);
/// ```
#[must_use]
#[track_caller]
pub fn avg_pool2d<T: Real>(
    x: &Tensor<T>,
    options: &Pool2dOptions,
    count_include_pad: bool,
) -> Tensor<T> {
    let spec = or_panic(options.spec("avg_pool2d", x));
    linear_map::apply(x, &Arc::new(AvgPool { spec, count_include_pad }))
}

/// The mean of `out_size` windows of (nearly) equal size that cover the image, per channel;
/// `[1, 1]` is the global average.
///
/// Window `i` of `n` along an axis of size `s` covers `floor(i s / n) .. ceil((i + 1) s / n)`.
///
/// # Panics
///
/// When `x` has not four axes, or an image without pixels is to have windows.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, adaptive_avg_pool2d};
///
/// let x = Tensor::<f32>::arange(16).reshape([1, 4, 4, 1]);
/// assert_eq!(adaptive_avg_pool2d(&x, [1, 1]).data(), [7.5]);
/// ```
#[must_use]
#[track_caller]
pub fn adaptive_avg_pool2d<T: Real>(x: &Tensor<T>, out_size: [usize; 2]) -> Tensor<T> {
    let [batch, height, width, channels] = *x.dims() else {
        panic!(
            "adaptive_avg_pool2d: expected input (batch, height, width, channels), got {}",
            x.shape()
        )
    };
    let [out_height, out_width] = out_size;
    let spec = AdaptiveAvgPool2d { batch, height, width, channels, out_height, out_width };
    or_panic(spec.check());
    linear_map::apply(x, &Arc::new(AdaptiveAvgPool(spec)))
}
