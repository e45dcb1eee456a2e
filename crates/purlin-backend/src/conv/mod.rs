//! Two-dimensional convolution (cross-correlation, as the field's networks mean it) and its
//! gradients, over channels-last images.
//!
//! Transposed convolution is the same three functions with the roles swapped: its forward pass
//! is [`conv2d_input_grad`], its input gradient [`conv2d`].

mod band;
mod correlate;
mod depthwise;
mod driver;
pub mod naive;
mod narrow;
#[cfg(test)]
mod tests;
mod units;
mod weight;

use units::Units;

use crate::gemm::Epilogue;
use purlin_core::{Error, Real, Result};

/// Partial sums of the weight gradient that are formed independently, at most.
pub const WEIGHT_GRAD_RUNS: usize = 8;

/// The sizes of a convolution.
///
/// | array | shape |
/// |---|---|
/// | `x` | `(batch, height, width, in_channels)` |
/// | `weight` | `(kernel_h, kernel_w, in_channels / groups, out_channels)` |
/// | `y` | `(batch, out_height, out_width, out_channels)` |
///
/// With `groups` above 1 the channels of `x` and `y` are cut into that many equal runs, and run
/// `g` of `y` sees only run `g` of `x`. Outside the image there are zeros. Those beside its
/// rows take part in the sum like any other (an infinite weight makes NaN of them); kernel rows
/// that lie above or below the image are skipped.
///
/// # Examples
///
/// ```
/// use purlin_backend::conv::{Conv2d, conv2d};
/// use purlin_backend::gemm::Epilogue;
///
/// // The sum of each 2x2 window of a 3x3 image.
/// let spec = Conv2d::new(1, 3, 3, 1, 1, [2, 2]);
/// let x: Vec<f32> = (1..=9).map(|v| v as f32).collect();
/// let mut y = [0.0; 4];
/// conv2d(&spec, &x, &[1.0; 4], &Epilogue::none(), &mut y);
/// assert_eq!(y, [12.0, 16.0, 24.0, 28.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of `x`.
    pub in_channels: usize,
    /// Channels of `y`.
    pub out_channels: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps of the window, down and right.
    pub stride: [usize; 2],
    /// Distance of neighbouring taps, down and right.
    pub dilation: [usize; 2],
    /// Zeros around the image: `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
    /// Runs of channels that do not see each other; `in_channels` makes it depthwise.
    pub groups: usize,
}

impl Conv2d {
    /// Stride and dilation 1, no padding, one group.
    pub fn new(
        batch: usize,
        height: usize,
        width: usize,
        in_channels: usize,
        out_channels: usize,
        kernel: [usize; 2],
    ) -> Self {
        Self {
            batch,
            height,
            width,
            in_channels,
            out_channels,
            kernel,
            stride: [1; 2],
            dilation: [1; 2],
            padding: [[0; 2]; 2],
            groups: 1,
        }
    }

    /// Rows of `y`; 0 when the window does not fit.
    pub fn out_height(&self) -> usize {
        self.out_size(0, self.height)
    }

    /// Columns of `y`; 0 when the window does not fit.
    pub fn out_width(&self) -> usize {
        self.out_size(1, self.width)
    }

    fn out_size(&self, axis: usize, size: usize) -> usize {
        let extent = (self.kernel[axis].max(1) - 1) * self.dilation[axis] + 1;
        let padded = size + self.padding[axis][0] + self.padding[axis][1];
        padded.checked_sub(extent).map_or(0, |room| room / self.stride[axis].max(1) + 1)
    }

    /// Whether the sizes make a convolution.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when a kernel size, stride, dilation or `groups` is 0, `groups`
    /// does not divide both channel counts, the window is larger than the padded image, or the
    /// arrays could not be addressed.
    pub fn check(&self) -> Result<()> {
        self.check_as("conv2d")
    }

    /// [`Conv2d::check`] in the name of another operation, made of this one.
    ///
    /// # Errors
    ///
    /// As [`Conv2d::check`], with `op` at the head of the text.
    pub fn check_as(&self, op: &'static str) -> Result<()> {
        let axes = ["height", "width"];
        for (axis, name) in axes.into_iter().enumerate() {
            for (param, value) in [
                ("kernel", self.kernel[axis]),
                ("stride", self.stride[axis]),
                ("dilation", self.dilation[axis]),
            ] {
                if value == 0 {
                    return Err(Error::param(op, param, format!("at least 1 ({name})"), 0));
                }
            }
        }
        let (inputs, outputs, groups) = (self.in_channels, self.out_channels, self.groups);
        if groups == 0 || inputs % groups != 0 || outputs % groups != 0 {
            let rule = format!("a divisor of in_channels {inputs} and out_channels {outputs}");
            return Err(Error::param(op, "groups", rule, groups));
        }
        self.sizes().ok_or_else(|| {
            Error::param(op, "sizes", "small enough to address", format!("{self:?}"))
        })?;
        for (axis, (name, size)) in axes.into_iter().zip([self.height, self.width]).enumerate() {
            if self.out_size(axis, size) == 0 {
                let padded = size + self.padding[axis][0] + self.padding[axis][1];
                let extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
                let rule = format!("at most the padded {name} {padded} after dilation");
                return Err(Error::param(op, "kernel", rule, extent));
            }
        }
        Ok(())
    }

    /// Items of `x`, `weight` and `y`; `None` where a size that kernels compute overflows.
    fn sizes(&self) -> Option<[usize; 3]> {
        let product = |sizes: [usize; 4]| {
            sizes
                .into_iter()
                .try_fold(1usize, usize::checked_mul)
                .filter(|&len| len <= isize::MAX as usize / 8)
        };
        let mut padded = [self.height, self.width];
        for (axis, size) in padded.iter_mut().enumerate() {
            let extent = self.kernel[axis].checked_sub(1)?.checked_mul(self.dilation[axis])?;
            *size = size.checked_add(self.padding[axis][0])?.checked_add(self.padding[axis][1])?;
            // The input gradient pads `y` by the window on both sides.
            size.checked_add(extent.checked_mul(2)?)?.checked_add(self.stride[axis])?;
        }
        product([self.batch.max(1), padded[0], padded[1], self.in_channels.max(1)])?;
        let group_inputs = self.in_channels.checked_div(self.groups)?;
        Some([
            product([self.batch, self.height, self.width, self.in_channels])?,
            product([self.kernel[0], self.kernel[1], group_inputs, self.out_channels])?,
            product([self.batch, self.out_height(), self.out_width(), self.out_channels])?,
        ])
    }

    /// Panics unless the sizes make a convolution and the slices have them.
    #[track_caller]
    fn check_slices(
        &self,
        op: &'static str,
        x: (&str, usize),
        weight: (&str, usize),
        y: (&str, usize),
    ) {
        if let Err(error) = self.check_as(op) {
            panic!("{error}");
        }
        let sizes = self.sizes().unwrap_or_default();
        for ((name, got), expected) in [x, weight, y].into_iter().zip(sizes) {
            assert!(got == expected, "{op}: expected {name} with {expected} items, got {got}");
        }
    }
}

/// `y = activation(x * weight + bias)`.
///
/// Each element is one chain of fused multiply-adds from 0 over kernel row, kernel column and
/// input channel, in that order; then bias and activation.
///
/// # Panics
///
/// When [`Conv2d::check`] refuses the sizes, or a slice has not the length they say.
#[track_caller]
pub fn conv2d<T: Real>(
    spec: &Conv2d,
    x: &[T],
    weight: &[T],
    epilogue: &Epilogue<'_, T>,
    y: &mut [T],
) {
    spec.check_slices("conv2d", ("x", x.len()), ("weight", weight.len()), ("y", y.len()));
    epilogue.check("conv2d", spec.out_channels);
    driver::forward(spec, x, weight, epilogue, y);
}

/// The gradient of `x`: `grad_x = grad_y * weight^T`, every element written.
///
/// Each element is one chain of fused multiply-adds over the taps that reach it, last kernel row
/// and column first, then output channel.
///
/// # Panics
///
/// When [`Conv2d::check`] refuses the sizes, or a slice has not the length they say.
#[track_caller]
pub fn conv2d_input_grad<T: Real>(spec: &Conv2d, grad_y: &[T], weight: &[T], grad_x: &mut [T]) {
    spec.check_slices(
        "conv2d_input_grad",
        ("grad_x", grad_x.len()),
        ("weight", weight.len()),
        ("grad_y", grad_y.len()),
    );
    driver::input_grad(spec, grad_y, weight, grad_x);
}

/// The gradient of `weight`: `grad_weight = x^T * grad_y`, every element written.
///
/// The output pixels are cut into units (a band of rows of a large image, several small images),
/// the units into at most [`WEIGHT_GRAD_RUNS`] runs of nearly equal length, both by the sizes
/// alone. An element is a chain of fused multiply-adds over the pixels of a unit; units are
/// added in order, runs in a fixed tree (neighbours in pairs, then pairs of pairs).
///
/// # Panics
///
/// When [`Conv2d::check`] refuses the sizes, or a slice has not the length they say.
#[track_caller]
pub fn conv2d_weight_grad<T: Real>(spec: &Conv2d, x: &[T], grad_y: &[T], grad_weight: &mut [T]) {
    spec.check_slices(
        "conv2d_weight_grad",
        ("x", x.len()),
        ("grad_weight", grad_weight.len()),
        ("grad_y", grad_y.len()),
    );
    driver::weight_grad(spec, x, grad_y, grad_weight);
}
