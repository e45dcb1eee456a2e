//! Sizes and paddings of windows that slide over one or two axes.

use purlin_core::{Error, Result};

/// One number per axis a window slides over, `[height, width]` in two dimensions. Where it is
/// asked for, one number stands for both.
///
/// ```
/// use purlin_nn::layers::Size;
///
/// assert_eq!(Size::<2>::from(3), Size::from([3, 3]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for Size<N> {
    fn from(size: usize) -> Self {
        Self([size; N])
    }
}

impl<const N: usize> From<[usize; N]> for Size<N> {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes)
    }
}

impl From<(usize, usize)> for Size<2> {
    fn from((height, width): (usize, usize)) -> Self {
        Self([height, width])
    }
}

/// What surrounds the input before a window slides over it.
///
/// Pads are zeros for convolution and never chosen by max pooling. One number stands for
/// [`Explicit`](Self::Explicit) with that many on every side.
///
/// ```
/// use purlin_nn::layers::Padding;
///
/// assert_eq!(Padding::<2>::from(1), Padding::Explicit([[1, 1], [1, 1]]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding<const N: usize = 2> {
    /// None: the window stays inside.
    Valid,
    /// As many as give an output of `ceil(input / stride)`, as Keras and TensorFlow define it:
    /// `max((output - 1) * stride + dilation * (kernel - 1) + 1 - input, 0)` in all per axis,
    /// half of them before and half after, an odd one after. The number depends on the size of
    /// the input, and with a stride above 1 it differs from any fixed padding.
    Same,
    /// `[before, after]` per axis: `[[top, bottom], [left, right]]` in two dimensions.
    Explicit([[usize; 2]; N]),
}

impl<const N: usize> From<usize> for Padding<N> {
    fn from(size: usize) -> Self {
        Self::Explicit([[size; 2]; N])
    }
}

impl<const N: usize> From<[usize; N]> for Padding<N> {
    fn from(sizes: [usize; N]) -> Self {
        Self::Explicit(sizes.map(|size| [size; 2]))
    }
}

/// A window that slides over `N` axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window<const N: usize> {
    pub(crate) kernel: [usize; N],
    pub(crate) stride: [usize; N],
    pub(crate) dilation: [usize; N],
    pub(crate) padding: Padding<N>,
    pub(crate) ceil_mode: bool,
}

impl<const N: usize> Window<N> {
    pub(crate) fn new(kernel: [usize; N], stride: [usize; N]) -> Self {
        Self { kernel, stride, dilation: [1; N], padding: Padding::Valid, ceil_mode: false }
    }

    /// The kernel's reach along an axis, holes included.
    pub(crate) fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// `[before, after]` per axis for an input of these sizes.
    pub(crate) fn pads(&self, input: [usize; N]) -> [[usize; 2]; N] {
        match self.padding {
            Padding::Valid => [[0; 2]; N],
            Padding::Explicit(pads) => pads,
            Padding::Same => std::array::from_fn(|axis| {
                let stride = self.stride[axis];
                let output = input[axis].div_ceil(stride);
                let needed = output.saturating_sub(1) * stride + self.reach(axis);
                let total = needed.saturating_sub(input[axis]);
                [total / 2, total - total / 2]
            }),
        }
    }

    /// The sizes of the output, or an error that names the axis whose window does not fit.
    pub(crate) fn output(&self, op: &'static str, input: [usize; N]) -> Result<[usize; N]> {
        let pads = self.pads(input);
        let mut output = [0; N];
        for axis in 0..N {
            let padded = input[axis] + pads[axis][0] + pads[axis][1];
            let reach = self.reach(axis);
            let Some(room) = padded.checked_sub(reach) else {
                let name = if N == 1 { "length" } else { ["height", "width"][axis] };
                return Err(Error::shape(
                    op,
                    format!("{name} of at least {reach} with padding"),
                    padded,
                ));
            };
            let stride = self.stride[axis];
            output[axis] = 1 + if self.ceil_mode { room.div_ceil(stride) } else { room / stride };
            // As in PyTorch: the last window must begin inside the input or the pad before it.
            if self.ceil_mode && (output[axis] - 1) * stride >= input[axis] + pads[axis][0] {
                output[axis] -= 1;
            }
        }
        Ok(output)
    }
}
