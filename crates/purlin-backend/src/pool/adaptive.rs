//! Average pooling to a given output size.

use crate::mono::once;
use crate::{Kernel, dispatch, parallel};
use purlin_core::simd::Isa;
use purlin_core::{Error, Real, Result};
use std::ops::Range;

/// The sizes of an adaptive average pooling: window `i` of `out` along an axis of `size` pixels
/// covers `floor(i * size / out) .. ceil((i + 1) * size / out)`.
///
/// `x` is `(batch, height, width, channels)`, `y` `(batch, out_height, out_width, channels)`;
/// an output of 1x1 is the global average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAvgPool2d {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Rows of the result.
    pub out_height: usize,
    /// Columns of the result.
    pub out_width: usize,
}

impl AdaptiveAvgPool2d {
    /// Whether the sizes make a pooling.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when there are windows but no pixels, or the arrays could not be
    /// addressed.
    pub fn check(&self) -> Result<()> {
        let op = "adaptive_avg_pool2d";
        for (param, size, out) in
            [("height", self.height, self.out_height), ("width", self.width, self.out_width)]
        {
            if size == 0 && out > 0 {
                return Err(Error::param(op, param, "at least 1", size));
            }
        }
        self.sizes().ok_or_else(|| {
            Error::param(op, "sizes", "small enough to address", format!("{self:?}"))
        })?;
        Ok(())
    }

    pub(super) fn sizes(&self) -> Option<[usize; 2]> {
        let product = |height: usize, width: usize| {
            let pixels = self.batch.checked_mul(height)?.checked_mul(width)?;
            pixels.checked_mul(self.channels).filter(|&len| len <= isize::MAX as usize / 8)
        };
        self.height.checked_mul(self.out_height)?;
        self.width.checked_mul(self.out_width)?;
        Some([product(self.height, self.width)?, product(self.out_height, self.out_width)?])
    }

    #[track_caller]
    fn check_slices(&self, op: &str, x: (&str, usize), y: (&str, usize)) {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
        for ((name, got), expected) in [x, y].into_iter().zip(self.sizes().unwrap_or_default()) {
            assert!(got == expected, "{op}: expected {name} with {expected} items, got {got}");
        }
    }

    fn rows(&self, o: usize) -> Range<usize> {
        o * self.height / self.out_height..((o + 1) * self.height).div_ceil(self.out_height)
    }

    fn columns(&self, o: usize) -> Range<usize> {
        o * self.width / self.out_width..((o + 1) * self.width).div_ceil(self.out_width)
    }
}

/// The mean of each window: the sum of its cells in order, divided by their number.
///
/// # Panics
///
/// When [`AdaptiveAvgPool2d::check`] refuses the sizes, or a slice has not the length they say.
///
/// # Examples
///
/// ```
/// use purlin_backend::pool::{AdaptiveAvgPool2d, adaptive_avg_pool2d};
///
/// let spec = AdaptiveAvgPool2d {
///     batch: 1, height: 1, width: 3, channels: 1, out_height: 1, out_width: 2,
/// };
/// let mut y = [0.0; 2];
/// adaptive_avg_pool2d(&spec, &[1.0, 3.0, 7.0], &mut y);
/// assert_eq!(y, [2.0, 5.0]); // the middle pixel belongs to both windows
/// ```
#[track_caller]
pub fn adaptive_avg_pool2d<T: Real>(spec: &AdaptiveAvgPool2d, x: &[T], y: &mut [T]) {
    spec.check_slices("adaptive_avg_pool2d", ("x", x.len()), ("y", y.len()));
    if y.is_empty() {
        return;
    }
    once!(|spec: &AdaptiveAvgPool2d, x: &[T], y: &mut [T]| {
        let row = spec.out_width * spec.channels;
        parallel::for_each_chunk(y, row, size_of_val(x), |r, y| {
            dispatch(Row { spec, x, r, y });
        });
    });
}

/// The gradient of `x` for [`adaptive_avg_pool2d`].
///
/// # Panics
///
/// When [`AdaptiveAvgPool2d::check`] refuses the sizes, or a slice has not the length they say.
#[track_caller]
pub fn adaptive_avg_pool2d_grad<T: Real>(spec: &AdaptiveAvgPool2d, grad_y: &[T], grad_x: &mut [T]) {
    let op = "adaptive_avg_pool2d_grad";
    spec.check_slices(op, ("grad_x", grad_x.len()), ("grad_y", grad_y.len()));
    if grad_x.is_empty() {
        return;
    }
    once!(|spec: &AdaptiveAvgPool2d, grad_y: &[T], grad_x: &mut [T]| {
        let image = spec.height * spec.width * spec.channels;
        let out_image = spec.out_height * spec.out_width * spec.channels;
        let work = (grad_x.len() + grad_y.len()) * size_of::<T>();
        parallel::for_each_chunk(grad_x, image, work, |n, grad_x| {
            dispatch(GradImage { spec, grad_y: &grad_y[n * out_image..][..out_image], grad_x });
        });
    });
}

/// One row of windows. Plain loops over channels, which the compiler vectorises.
struct Row<'a, T> {
    spec: &'a AdaptiveAvgPool2d,
    x: &'a [T],
    r: usize,
    y: &'a mut [T],
}

impl<T: Real> Kernel for Row<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, x, r, y } = self;
        let &AdaptiveAvgPool2d { height, width, channels, out_height, .. } = spec;
        let image = &x[r / out_height * height * width * channels..][..height * width * channels];
        let rows = spec.rows(r % out_height);
        for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
            let columns = spec.columns(ox);
            y.fill(T::ZERO);
            for iy in rows.clone() {
                for ix in columns.clone() {
                    let pixel = &image[(iy * width + ix) * channels..][..channels];
                    for (sum, &value) in y.iter_mut().zip(pixel) {
                        *sum += value;
                    }
                }
            }
            let count = T::from_usize(rows.len() * columns.len());
            for sum in y {
                *sum /= count;
            }
        }
    }
}

struct GradImage<'a, T> {
    spec: &'a AdaptiveAvgPool2d,
    grad_y: &'a [T],
    grad_x: &'a mut [T],
}

impl<T: Real> Kernel for GradImage<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, grad_y, grad_x } = self;
        let &AdaptiveAvgPool2d { width, channels, out_height, out_width, .. } = spec;
        grad_x.fill(T::ZERO);
        for oy in 0..out_height {
            for ox in 0..out_width {
                let grad_y = &grad_y[(oy * out_width + ox) * channels..][..channels];
                let count = T::from_usize(spec.rows(oy).len() * spec.columns(ox).len());
                for iy in spec.rows(oy) {
                    for ix in spec.columns(ox) {
                        let grad_x = &mut grad_x[(iy * width + ix) * channels..][..channels];
                        for (out, &g) in grad_x.iter_mut().zip(grad_y) {
                            *out += g / count;
                        }
                    }
                }
            }
        }
    }
}
