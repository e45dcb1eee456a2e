//! Transposed convolution: the input gradient of a convolution as a layer.

use crate::Tensor;
use crate::ops::conv::input_grad;
use crate::ops::linear::check_bias;
use crate::ops::or_panic;
use purlin_backend::conv::Conv2d;
use purlin_backend::gemm::Activation;
use purlin_core::{Error, Real, Result};

/// How the window of [`conv_transpose2d`] moves over the *result*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2dOptions {
    /// Steps of the window, down and right; 1.
    pub stride: [usize; 2],
    /// Cut off the result, `[[top, bottom], [left, right]]`; nothing.
    pub padding: [[usize; 2]; 2],
    /// Rows added at the bottom, columns at the right of the result, of the sizes that a
    /// convolution with this stride maps to the same size; below the stride or the dilation; 0.
    pub output_padding: [usize; 2],
    /// Distance of neighbouring taps, down and right; 1.
    pub dilation: [usize; 2],
    /// Runs of channels that do not see each other; 1.
    pub groups: usize,
}

impl Default for ConvTranspose2dOptions {
    fn default() -> Self {
        Self {
            stride: [1; 2],
            padding: [[0; 2]; 2],
            output_padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
        }
    }
}

/// The convolution whose input gradient this is, and how many rows and columns behind it no window
/// reaches.
fn spec_of<T: Real>(
    x: &Tensor<T>,
    weight: &Tensor<T>,
    options: &ConvTranspose2dOptions,
) -> Result<(Conv2d, [usize; 2])> {
    let op = "conv_transpose2d";
    let [kernel_h, kernel_w, group_channels, in_channels] = *weight.dims() else {
        let expected = "weight (kernel_h, kernel_w, out_channels / groups, in_channels)";
        return Err(Error::shape(op, expected, weight.shape()));
    };
    let wrong =
        || Error::shape(op, format!("input (batch, height, width, {in_channels})"), x.shape());
    let [batch, height, width, channels] = *x.dims() else { return Err(wrong()) };
    if channels != in_channels {
        return Err(wrong());
    }
    let kernel = [kernel_h, kernel_w];
    let mut padding = options.padding;
    let mut out_size = |axis: usize, name: &str, size: usize| {
        let (stride, dilation) = (options.stride[axis], options.dilation[axis]);
        let extra = options.output_padding[axis];
        if extra > 0 && extra >= stride.max(dilation) {
            let rule = format!("below the stride {stride} or the dilation {dilation} ({name})");
            return Err(Error::param(op, "output_padding", rule, extra));
        }
        let reach = dilation.saturating_mul(kernel[axis].saturating_sub(1));
        let [before, after] = padding[axis];
        let cut = before.saturating_add(after);
        let full = size
            .saturating_sub(1)
            .saturating_mul(stride)
            .saturating_add(reach)
            .saturating_add(extra + 1);
        if cut >= full {
            return Err(Error::param(op, "padding", format!("below {full} in all ({name})"), cut));
        }
        // The convolution maps back to this size from less than a stride more. What is beyond
        // takes the place of what is cut off behind, and is empty where nothing is.
        let beyond = extra - extra.min(stride.saturating_sub(1));
        padding[axis][1] = after.saturating_sub(beyond);
        let empty = beyond.saturating_sub(after);
        Ok((full - cut - empty.min(full - cut), empty))
    };
    let (out_height, empty_rows) = out_size(0, "height", height)?;
    let (out_width, empty_columns) = out_size(1, "width", width)?;
    let spec = Conv2d {
        batch,
        height: out_height,
        width: out_width,
        in_channels: group_channels.saturating_mul(options.groups),
        out_channels: in_channels,
        kernel,
        stride: options.stride,
        dilation: options.dilation,
        padding,
        groups: options.groups,
    };
    spec.check_as(op)?;
    if (spec.out_height(), spec.out_width()) != (height, width) {
        return Err(Error::shape(op, "input with at least 1 row and 1 column", x.shape()));
    }
    Ok((spec, [empty_rows, empty_columns]))
}

/// `activation(x *^T W + b)`, the transposed convolution: the adjoint of the [`conv2d`] with
/// this weight, which maps the result's shape to the input's.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(batch, height, width, in_channels)` |
/// | `weight` | `(kernel_h, kernel_w, out_channels / groups, in_channels)` |
/// | `bias` | `(out_channels,)` |
/// | result | `(batch, out_h, out_w, out_channels)` |
///
/// with `out_h = (height - 1) stride + dilation (kernel_h - 1) + output_padding + 1 - top - bottom`.
///
/// [`conv2d`]: crate::conv2d
///
/// # Panics
///
/// When the shapes do not fit, an option is 0 that must not be, or `output_padding` reaches both
/// the stride and the dilation.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Activation, ConvTranspose2dOptions, Tensor, conv_transpose2d};
///
/// // Every pixel becomes a block of 2x2.
/// let x = Tensor::from([1.0f32, 2.0]).reshape([1, 1, 2, 1]);
/// let options = ConvTranspose2dOptions { stride: [2, 2], ..Default::default() };
/// let y = conv_transpose2d(&x, &Tensor::ones([2, 2, 1, 1]), None, &options, Activation::Identity);
/// assert_eq!(y.dims(), [1, 2, 4, 1]);
/// assert_eq!(y.data(), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
/// ```
#[track_caller]
pub fn conv_transpose2d<T: Real>(
    x: &Tensor<T>,
    weight: &Tensor<T>,
    bias: Option<&Tensor<T>>,
    options: &ConvTranspose2dOptions,
    activation: Activation,
) -> Tensor<T> {
    let (spec, [empty_rows, empty_columns]) = or_panic(spec_of(x, weight, options));
    or_panic(check_bias("conv_transpose2d", bias, spec.in_channels));
    let mut y = input_grad(&spec, x, weight);
    if empty_rows + empty_columns > 0 {
        y = y.pad(&[[0, 0], [0, empty_rows], [0, empty_columns], [0, 0]], T::ZERO);
    }
    if let Some(bias) = bias {
        y += bias;
    }
    y.activate(activation)
}
