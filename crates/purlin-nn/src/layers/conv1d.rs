//! One-dimensional convolution.

use super::size::{Padding, Window};
use super::{Setup, at_least_one, check_groups, checked, weight_builders};
use crate::{Context, Forward, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Conv1dOptions, Tensor, conv1d};

/// A convolution over sequences; computed as a [`Conv2d`](super::Conv2d) over images of height 1.
///
/// | value    | shape                                              |
/// |----------|----------------------------------------------------|
/// | `x`      | `(batch, length, in_channels)`                     |
/// | `weight` | `(kernel_size, in_channels / groups, out_channels)`|
/// | `bias`   | `(out_channels,)`                                  |
/// | `y`      | `(batch, out_length, out_channels)`                |
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, Forward, Init, layers::{Conv1d, Padding}};
/// use purlin_tensor::Tensor;
///
/// // The sum of three neighbours.
/// let layer = Conv1d::new(1, 1, 3, &Stream::new(0, "init"))
///     .padding(Padding::Same)
///     .init(Init::Ones)
///     .bias(false);
/// let x = Tensor::<f32>::from([[[1.0], [2.0], [3.0], [4.0]]]);
/// assert_eq!(layer.forward(&x, &mut Context::eval()).to_vec(), [3.0, 6.0, 9.0, 7.0]);
/// ```
#[derive(Debug, Clone, Module)]
pub struct Conv1d<T: Real = f32> {
    /// `(kernel_size, in_channels / groups, out_channels)`.
    pub weight: Param<T>,
    /// `(out_channels,)`, unless switched off.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    in_channels: usize,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    window: Window<1>,
    #[module(skip)]
    setup: Setup,
}

impl<T: Real> Conv1d<T> {
    /// Stride 1, no padding, no dilation, one group, with bias, without activation. Weight and
    /// bias begin uniform within `1 / sqrt(fan_in)` ([`Init::FanInUniform`](crate::Init)).
    ///
    /// # Panics
    ///
    /// When a channel count or the kernel size is 0.
    #[track_caller]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: usize,
        stream: &Stream,
    ) -> Self {
        at_least_one("conv1d", "in_channels", in_channels);
        at_least_one("conv1d", "out_channels", out_channels);
        at_least_one("conv1d", "kernel_size", kernel_size);
        let shape: Shape = [kernel_size, in_channels, out_channels].into();
        let setup = Setup::new(stream);
        Self {
            weight: setup.weight(&shape),
            bias: Some(setup.bias(out_channels, &shape)),
            in_channels,
            groups: 1,
            window: Window::new([kernel_size], [1]),
            setup,
        }
    }

    /// Steps of the window.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn stride(mut self, stride: usize) -> Self {
        at_least_one("conv1d", "stride", stride);
        self.window.stride = [stride];
        self
    }

    /// Zeros around the sequence: `Explicit([[before, after]])`, one number for both, `Same`.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding<1>>) -> Self {
        self.window.padding = padding.into();
        self
    }

    /// Distance of neighbouring taps.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn dilation(mut self, dilation: usize) -> Self {
        at_least_one("conv1d", "dilation", dilation);
        self.window.dilation = [dilation];
        self
    }

    /// Runs of channels that do not see each other. Draws weight and bias anew,
    /// because their shape and fan change.
    ///
    /// # Panics
    ///
    /// When `groups` does not divide both channel counts.
    #[must_use]
    #[track_caller]
    pub fn groups(mut self, groups: usize) -> Self {
        let out_channels = self.out_channels();
        check_groups("conv1d", groups, self.in_channels, out_channels);
        let shape: Shape = [self.window.kernel[0], self.in_channels / groups, out_channels].into();
        self.weight = self.setup.weight(&shape);
        self.groups = groups;
        let has_bias = self.bias.is_some();
        self.bias(has_bias) // its default depends on the weight's fan
    }

    fn out_channels(&self) -> usize {
        self.weight.shape()[2]
    }

    weight_builders!();
}

impl<T: Real> Forward<T> for Conv1d<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let options = Conv1dOptions {
            stride: self.window.stride[0],
            padding: self.window.pads([x.shape()[1]])[0],
            dilation: self.window.dilation[0],
            groups: self.groups,
        };
        conv1d(x, &self.weight, self.bias.as_deref(), &options, self.setup.activation)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            &[batch, length, channels] if channels == self.in_channels => {
                let [length] = self.window.output("conv1d", [length])?;
                Ok(Shape::from([batch, length, self.out_channels()]))
            }
            _ => {
                let expected = format!("input (batch, length, {})", self.in_channels);
                Err(Error::shape("conv1d", expected, input))
            }
        }
    }
}
