//! Two-dimensional convolution.

use super::size::{Padding, Size, Window};
use super::{Reweight, Setup, all_at_least_one, at_least_one, checked, weight_builders};
use crate::{Context, Forward, Init, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Conv2dOptions, Tensor, conv2d};

/// A two-dimensional convolution (cross-correlation, as everywhere in the field) over
/// channels-last images.
///
/// | value    | shape                                                        |
/// |----------|--------------------------------------------------------------|
/// | `x`      | `(batch, height, width, in_channels)`                        |
/// | `weight` | `(kernel_h, kernel_w, in_channels / groups, out_channels)`   |
/// | `bias`   | `(out_channels,)`                                            |
/// | `y`      | `(batch, out_height, out_width, out_channels)`               |
///
/// With fixed padding `out = (in + before + after - dilation (kernel - 1) - 1) / stride + 1`,
/// rounded down; with [`Padding::Same`] it is `in / stride`, rounded up. The weight has Keras's
/// layout; PyTorch's `(out, in / groups, kernel_h, kernel_w)` is permuted on import.
///
/// # Examples
///
/// ```
/// use purlin_core::{Shape, rng::Stream};
/// use purlin_nn::{Forward, layers::{Conv2d, Padding}};
/// use purlin_tensor::Activation;
///
/// let layer: Conv2d = Conv2d::new(3, 32, 3, &Stream::new(0, "init"))
///     .stride(2)
///     .padding(Padding::Same)
///     .activation(Activation::Relu);
/// assert_eq!(layer.output_shape(&Shape::from([8, 151, 150, 3]))?, Shape::from([8, 76, 75, 32]));
/// let err = layer.output_shape(&Shape::from([8, 28, 28, 1])).unwrap_err();
/// assert_eq!(err.to_string(), "conv2d: expected input (batch, height, width, 3), got (8, 28, 28, 1)");
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Conv2d<T: Real = f32> {
    /// `(kernel_h, kernel_w, in_channels / groups, out_channels)`.
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
    setup: Setup,
}

impl<T: Real> Conv2d<T> {
    /// Stride 1, no padding, no dilation, one group, with bias, without activation. Weight and
    /// bias begin uniform within `1 / sqrt(fan_in)` ([`Init::FanInUniform`](crate::Init)).
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
        at_least_one("conv2d", "in_channels", in_channels);
        at_least_one("conv2d", "out_channels", out_channels);
        all_at_least_one("conv2d", "kernel_size", &kernel);
        let setup = Setup::new(stream);
        let conv = Self::drawn(in_channels, out_channels, kernel, 1, setup);
        conv.bias(true)
    }

    /// Without bias, drawn once by `init`, for blocks that know all this beforehand.
    #[track_caller]
    pub(crate) fn unbiased(
        [in_channels, out_channels]: [usize; 2],
        kernel_size: usize,
        groups: usize,
        init: Init,
        stream: &Stream,
    ) -> Self {
        super::check_groups("conv2d", groups, in_channels, out_channels);
        let setup = Setup { init, ..Setup::new(stream) };
        Self::drawn(in_channels, out_channels, [kernel_size; 2], groups, setup)
    }

    fn drawn(
        in_channels: usize,
        out_channels: usize,
        kernel: [usize; 2],
        groups: usize,
        setup: Setup,
    ) -> Self {
        let shape: Shape = [kernel[0], kernel[1], in_channels / groups, out_channels].into();
        Self {
            weight: setup.weight(&shape),
            bias: None,
            in_channels,
            groups,
            window: Window::new(kernel, [1, 1]),
            setup,
        }
    }

    /// Steps of the window, down and right.
    ///
    /// # Panics
    ///
    /// When one is 0.
    #[must_use]
    #[track_caller]
    pub fn stride(mut self, stride: impl Into<Size<2>>) -> Self {
        self.window.stride = stride.into().0;
        all_at_least_one("conv2d", "stride", &self.window.stride);
        self
    }

    /// Zeros around the image.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding<2>>) -> Self {
        self.window.padding = padding.into();
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
        all_at_least_one("conv2d", "dilation", &self.window.dilation);
        self
    }

    /// Runs of channels that do not see each other; `in_channels` of them make the convolution
    /// depthwise. Draws weight and bias anew, because their shape and fan change.
    ///
    /// # Panics
    ///
    /// When `groups` does not divide both channel counts.
    #[must_use]
    #[track_caller]
    pub fn groups(mut self, groups: usize) -> Self {
        let [kernel_h, kernel_w] = self.window.kernel;
        let out_channels = self.out_channels();
        super::check_groups("conv2d", groups, self.in_channels, out_channels);
        let shape: Shape = [kernel_h, kernel_w, self.in_channels / groups, out_channels].into();
        self.weight = self.setup.weight(&shape);
        self.groups = groups;
        let has_bias = self.bias.is_some();
        self.bias(has_bias) // its default depends on the weight's fan
    }

    fn out_channels(&self) -> usize {
        self.weight.shape()[3]
    }

    weight_builders!();
}

impl<T: Real> Forward<T> for Conv2d<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.forward_with(&self.weight, x, ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            &[batch, height, width, channels] if channels == self.in_channels => {
                let [height, width] = self.window.output("conv2d", [height, width])?;
                Ok(Shape::from([batch, height, width, self.out_channels()]))
            }
            _ => {
                let expected = format!("input (batch, height, width, {})", self.in_channels);
                Err(Error::shape("conv2d", expected, input))
            }
        }
    }
}

impl<T: Real> Reweight<T> for Conv2d<T> {
    fn weight(&self) -> &Param<T> {
        &self.weight
    }

    #[track_caller]
    fn forward_with(&self, weight: &Tensor<T>, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let options = Conv2dOptions {
            stride: self.window.stride,
            padding: self.window.pads([x.shape()[1], x.shape()[2]]),
            dilation: self.window.dilation,
            groups: self.groups,
        };
        conv2d(x, weight, self.bias.as_deref(), &options, self.setup.activation)
    }
}
