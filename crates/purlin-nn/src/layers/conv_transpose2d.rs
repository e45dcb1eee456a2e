//! Transposed two-dimensional convolution.

use super::size::{Padding, Size, Window};
use super::{Setup, all_at_least_one, at_least_one, check_groups, checked, weight_builders};
use crate::{Context, Forward, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{ConvTranspose2dOptions, Tensor, conv_transpose2d};

/// A transposed convolution over channels-last images: the gradient of a [`Conv2d`](super::Conv2d)
/// with respect to its input, used to enlarge images.
///
/// | value    | shape                                                        |
/// |----------|--------------------------------------------------------------|
/// | `x`      | `(batch, height, width, in_channels)`                        |
/// | `weight` | `(kernel_h, kernel_w, out_channels / groups, in_channels)`   |
/// | `bias`   | `(out_channels,)`                                            |
/// | `y`      | `(batch, out_height, out_width, out_channels)`               |
///
/// `out = (in - 1) stride - before - after + dilation (kernel - 1) + output_padding + 1`; padding
/// *removes* rows and columns here. With [`Padding::Same`] `out = in stride`, as in Keras. The
/// weight has Keras's layout, that of the convolution it is the gradient of.
///
/// # Examples
///
/// ```
/// use purlin_core::{Shape, rng::Stream};
/// use purlin_nn::{Forward, layers::{ConvTranspose2d, Padding}};
///
/// let layer: ConvTranspose2d = ConvTranspose2d::new(64, 32, 4, &Stream::new(0, "init"))
///     .stride(2)
///     .padding(1);
/// assert_eq!(layer.output_shape(&Shape::from([8, 7, 7, 64]))?, Shape::from([8, 14, 14, 32]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct ConvTranspose2d<T: Real = f32> {
    /// `(kernel_h, kernel_w, out_channels / groups, in_channels)`.
    pub weight: Param<T>,
    /// `(out_channels,)`, unless switched off.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    in_channels: usize,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    window: Window<2>,
    #[module(skip)]
    output_padding: Option<[usize; 2]>,
    #[module(skip)]
    setup: Setup,
}

impl<T: Real> ConvTranspose2d<T> {
    /// Stride 1, no padding, no dilation, one group, with bias, without activation. Weight and
    /// bias begin uniform within `1 / sqrt(fan_in)` ([`Init::FanInUniform`](crate::Init)), where
    /// the fan is that of the layout: `kernel_h kernel_w out_channels / groups`, as in PyTorch.
    ///
    /// # Panics
    ///
    /// When a channel count or a kernel size is 0.
    #[track_caller]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: impl Into<Size<2>>,
        stream: &Stream,
    ) -> Self {
        let kernel = kernel_size.into().0;
        at_least_one("conv_transpose2d", "in_channels", in_channels);
        at_least_one("conv_transpose2d", "out_channels", out_channels);
        all_at_least_one("conv_transpose2d", "kernel_size", &kernel);
        let shape: Shape = [kernel[0], kernel[1], out_channels, in_channels].into();
        let setup = Setup::new(stream);
        Self {
            weight: setup.weight(&shape),
            bias: Some(setup.bias(out_channels, &shape)),
            in_channels,
            groups: 1,
            window: Window::new(kernel, [1, 1]),
            output_padding: None,
            setup,
        }
    }

    /// How far apart the pixels of the input land, down and right.
    ///
    /// # Panics
    ///
    /// When one is 0.
    #[must_use]
    #[track_caller]
    pub fn stride(mut self, stride: impl Into<Size<2>>) -> Self {
        self.window.stride = stride.into().0;
        all_at_least_one("conv_transpose2d", "stride", &self.window.stride);
        self
    }

    /// Rows and columns to remove on each side.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding<2>>) -> Self {
        self.window.padding = padding.into();
        self
    }

    /// Rows and columns to add at the bottom and right, where several input sizes of the
    /// convolution give the same output size. Below the stride or the
    /// dilation, and not together with [`Padding::Same`], which fixes the output.
    #[must_use]
    pub fn output_padding(mut self, output_padding: impl Into<Size<2>>) -> Self {
        self.output_padding = Some(output_padding.into().0);
        self
    }

    /// Distance of neighbouring taps, down and right.
    ///
    /// # Panics
    ///
    /// When one is 0.
    #[must_use]
    #[track_caller]
    pub fn dilation(mut self, dilation: impl Into<Size<2>>) -> Self {
        self.window.dilation = dilation.into().0;
        all_at_least_one("conv_transpose2d", "dilation", &self.window.dilation);
        self
    }

    /// Runs of channels that do not see each other. Draws weight and bias anew, because their
    /// shape and fan change.
    ///
    /// # Panics
    ///
    /// When `groups` does not divide both channel counts.
    #[must_use]
    #[track_caller]
    pub fn groups(mut self, groups: usize) -> Self {
        let [kernel_h, kernel_w] = self.window.kernel;
        let out_channels = self.out_channels();
        check_groups("conv_transpose2d", groups, self.in_channels, out_channels);
        let shape: Shape = [kernel_h, kernel_w, out_channels / groups, self.in_channels].into();
        self.weight = self.setup.weight(&shape);
        self.groups = groups;
        let has_bias = self.bias.is_some();
        self.bias(has_bias) // its default depends on the weight's fan
    }

    fn out_channels(&self) -> usize {
        self.weight.shape()[2] * self.groups
    }

    weight_builders!();

    /// `([before, after], output_padding)` of an axis.
    fn margins(&self, axis: usize) -> ([usize; 2], usize) {
        let extra = self.output_padding.unwrap_or([0, 0])[axis];
        match self.window.padding {
            Padding::Valid => ([0, 0], extra),
            Padding::Explicit(pads) => (pads[axis], extra),
            Padding::Same => {
                let (reach, stride) = (self.window.reach(axis), self.window.stride[axis]);
                let cut = reach.saturating_sub(stride);
                ([cut / 2, cut - cut / 2], stride.saturating_sub(reach))
            }
        }
    }

    /// The size of an axis of the output.
    fn output_size(&self, axis: usize, size: usize) -> Result<usize> {
        const OP: &str = "conv_transpose2d";
        let (pads, extra) = self.margins(axis);
        let (stride, dilation) = (self.window.stride[axis], self.window.dilation[axis]);
        let is_same = self.window.padding == Padding::Same;
        if let (true, Some(given)) = (is_same, self.output_padding) {
            let value = format!("{given:?}");
            return Err(Error::param(OP, "output_padding", "unset with padding Same", value));
        }
        if !is_same && extra >= stride.max(dilation) {
            let rule = format!("below stride {stride} or dilation {dilation}");
            return Err(Error::param(OP, "output_padding", rule, extra));
        }
        let cut = pads[0].saturating_add(pads[1]);
        let full = size.saturating_sub(1) * stride + self.window.reach(axis) + extra;
        if size == 0 || full <= cut {
            let name = ["height", "width"][axis];
            let expected = format!("{name} large enough for padding {cut}");
            return Err(Error::shape(OP, expected, size));
        }
        Ok(full - cut)
    }
}

impl<T: Real> Forward<T> for ConvTranspose2d<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let [vertical, horizontal] = [self.margins(0), self.margins(1)];
        let options = ConvTranspose2dOptions {
            stride: self.window.stride,
            padding: [vertical.0, horizontal.0],
            output_padding: [vertical.1, horizontal.1],
            dilation: self.window.dilation,
            groups: self.groups,
        };
        conv_transpose2d(x, &self.weight, self.bias.as_deref(), &options, self.setup.activation)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            &[batch, height, width, channels] if channels == self.in_channels => {
                let (height, width) = (self.output_size(0, height)?, self.output_size(1, width)?);
                Ok(Shape::from([batch, height, width, self.out_channels()]))
            }
            _ => {
                let expected = format!("input (batch, height, width, {})", self.in_channels);
                Err(Error::shape("conv_transpose2d", expected, input))
            }
        }
    }
}
