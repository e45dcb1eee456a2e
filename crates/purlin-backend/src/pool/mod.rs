//! Maximum and average pooling over channels-last images, and their gradients.

mod adaptive;
mod average;
mod max;
pub mod naive;
#[cfg(test)]
mod tests;

pub use adaptive::{AdaptiveAvgPool2d, adaptive_avg_pool2d, adaptive_avg_pool2d_grad};
pub use average::{avg_pool2d, avg_pool2d_grad};
pub use max::{max_pool2d, max_pool2d_grad, max_pool2d_infer};

use purlin_core::{Error, Result};

/// The sizes of a pooling.
///
/// | array | shape |
/// |---|---|
/// | `x` | `(batch, height, width, channels)` |
/// | `y`, `indices` | `(batch, out_height, out_width, channels)` |
///
/// Padding holds no values: it is skipped by the maximum and counted by the average only on
/// request. With `ceil_mode` a last window that sticks out of the padded image is kept, as long
/// as it starts inside the image or the padding before it.
///
/// # Examples
///
/// ```
/// use purlin_backend::pool::Pool2d;
///
/// let spec = Pool2d::new(32, 148, 148, 32, [2, 2]);
/// assert_eq!((spec.out_height(), spec.out_width()), (74, 74));
/// assert_eq!(Pool2d { height: 15, ceil_mode: true, ..spec }.out_height(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool2d {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps of the window, down and right.
    pub stride: [usize; 2],
    /// Cells around the image: `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
    /// Distance of neighbouring cells of a window, down and right.
    pub dilation: [usize; 2],
    /// Whether a last window that sticks out is kept.
    pub ceil_mode: bool,
}

impl Pool2d {
    /// Windows side by side: stride as the kernel, no padding, no dilation.
    pub fn new(
        batch: usize,
        height: usize,
        width: usize,
        channels: usize,
        kernel: [usize; 2],
    ) -> Self {
        Self {
            batch,
            height,
            width,
            channels,
            kernel,
            stride: kernel,
            padding: [[0; 2]; 2],
            dilation: [1; 2],
            ceil_mode: false,
        }
    }

    /// Rows of `y`; 0 when no window fits.
    pub fn out_height(&self) -> usize {
        self.out_size(0, self.height)
    }

    /// Columns of `y`; 0 when no window fits.
    pub fn out_width(&self) -> usize {
        self.out_size(1, self.width)
    }

    fn out_size(&self, axis: usize, size: usize) -> usize {
        let stride = self.stride[axis].max(1);
        let extent = (self.kernel[axis].max(1) - 1) * self.dilation[axis] + 1;
        let [before, after] = self.padding[axis];
        let Some(room) = (size + before + after).checked_sub(extent) else { return 0 };
        let mut windows = room / stride + 1;
        if self.ceil_mode && room % stride > 0 && windows * stride < size + before {
            windows += 1;
        }
        windows
    }

    /// Whether the sizes make a pooling.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when a kernel size, stride or dilation is 0, the window is larger
    /// than the padded image, a window would hold nothing but padding, or the arrays could not
    /// be addressed (an index into an image plane must fit `u32`).
    pub fn check(&self) -> Result<()> {
        let axes = ["height", "width"];
        for (axis, name) in axes.into_iter().enumerate() {
            for (param, value) in [
                ("kernel", self.kernel[axis]),
                ("stride", self.stride[axis]),
                ("dilation", self.dilation[axis]),
            ] {
                if value == 0 {
                    return Err(Error::param("pool2d", param, format!("at least 1 ({name})"), 0));
                }
            }
        }
        self.sizes().ok_or_else(|| {
            Error::param("pool2d", "sizes", "small enough to address", format!("{self:?}"))
        })?;
        for (axis, (name, size)) in axes.into_iter().zip([self.height, self.width]).enumerate() {
            let windows = self.out_size(axis, size);
            if windows == 0 {
                let padded = size + self.padding[axis][0] + self.padding[axis][1];
                let extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
                let rule = format!("at most the padded {name} {padded} after dilation");
                return Err(Error::param("pool2d", "kernel", rule, extent));
            }
            if (0..windows).any(|o| self.taps(axis, size, o).is_empty()) {
                let rule = format!("small enough that each window holds a cell ({name})");
                let [before, after] = self.padding[axis];
                return Err(Error::param("pool2d", "padding", rule, before.max(after)));
            }
        }
        Ok(())
    }

    /// The taps of window `o` that lie inside the image.
    fn taps(&self, axis: usize, size: usize, o: usize) -> std::ops::Range<usize> {
        let (dilation, before) = (self.dilation[axis], self.padding[axis][0]);
        let start = o * self.stride[axis];
        let first = before.saturating_sub(start).div_ceil(dilation);
        let end = (size + before).saturating_sub(start).div_ceil(dilation).min(self.kernel[axis]);
        first..end.max(first)
    }

    /// The pixel under tap `k` of window `o`; the tap must be one of [`Self::taps`].
    fn under(&self, axis: usize, o: usize, k: usize) -> usize {
        o * self.stride[axis] + k * self.dilation[axis] - self.padding[axis][0]
    }

    /// Items of `x` and `y`; `None` where a size overflows.
    fn sizes(&self) -> Option<[usize; 2]> {
        let product = |sizes: [usize; 4]| {
            sizes
                .into_iter()
                .try_fold(1usize, usize::checked_mul)
                .filter(|&len| len <= isize::MAX as usize / 8)
        };
        for (axis, size) in [self.height, self.width].into_iter().enumerate() {
            let extent = self.kernel[axis].checked_sub(1)?.checked_mul(self.dilation[axis])?;
            size.checked_add(self.padding[axis][0])?
                .checked_add(self.padding[axis][1])?
                .checked_add(extent)?
                .checked_add(self.stride[axis].checked_mul(2)?)?;
        }
        u32::try_from(self.height.checked_mul(self.width)?).ok()?;
        Some([
            product([self.batch, self.height, self.width, self.channels])?,
            product([self.batch, self.out_height(), self.out_width(), self.channels])?,
        ])
    }

    /// Panics unless the sizes make a pooling and the slices have them.
    #[track_caller]
    fn check_slices(&self, op: &str, inputs: &[(&str, usize)], outputs: &[(&str, usize)]) {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
        let [x, y] = self.sizes().unwrap_or_default();
        for (slices, expected) in [(inputs, x), (outputs, y)] {
            for &(name, got) in slices {
                assert!(got == expected, "{op}: expected {name} with {expected} items, got {got}");
            }
        }
    }
}
