//! A convolution in two steps: within each channel, then across channels.

use super::KAIMING_FAN_OUT;
use crate::layers::{BatchNorm2d, Conv2d, at_least_one};
use crate::{Context, Forward, Module};
use purlin_core::rng::Stream;
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{Activation, Tensor};

/// The block of MobileNet: a 3x3 convolution of each channel by itself, then a 1x1 convolution
/// across channels, each followed by batch norm and ReLU.
///
/// `y = relu(bn2(pointwise(relu(bn1(depthwise(x))))))`
///
/// | value              | shape                                           |
/// |--------------------|-------------------------------------------------|
/// | `x`                | `(batch, height, width, in_channels)`           |
/// | `depthwise.weight` | `(3, 3, 1, in_channels)`                        |
/// | `pointwise.weight` | `(1, 1, in_channels, out_channels)`             |
/// | `y`                | `(batch, height / stride, width / stride, out_channels)`, rounded up |
///
/// It takes `9 + out_channels` multiplications for each number of `x`, where a whole 3x3
/// convolution takes `9 out_channels`.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Forward, Module, Shape, Stream, blocks::DepthwiseSeparable};
///
/// let block: DepthwiseSeparable = DepthwiseSeparable::new(32, 64, &Stream::new(0, "init")).stride(2);
/// assert_eq!(block.output_shape(&Shape::from([8, 15, 16, 32]))?, Shape::from([8, 8, 8, 64]));
/// assert_eq!(block.n_params(), 9 * 32 + 2 * 32 + 32 * 64 + 2 * 64);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - A. G. Howard et al., *MobileNets: efficient convolutional neural networks for mobile vision
///   applications*, 2017, section 3.1.
#[derive(Debug, Clone, Module)]
pub struct DepthwiseSeparable<T: Real = f32> {
    /// 3x3, each channel by itself.
    pub depthwise: Conv2d<T>,
    /// Follows it.
    pub bn1: BatchNorm2d<T>,
    /// 1x1, across channels.
    pub pointwise: Conv2d<T>,
    /// Follows it.
    pub bn2: BatchNorm2d<T>,
}

impl<T: Real> DepthwiseSeparable<T> {
    /// With stride 1; convolutions begin by He's normal with the outgoing connections (as
    /// PyTorch counts them: of a depthwise convolution for all channels together).
    ///
    /// # Panics
    ///
    /// When a channel count is 0.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: usize, stream: &Stream) -> Self {
        at_least_one("depthwise_separable", "in_channels", in_channels);
        at_least_one("depthwise_separable", "out_channels", out_channels);
        let conv = |channels, kernel, groups, name| {
            Conv2d::unbiased(channels, kernel, groups, KAIMING_FAN_OUT, &stream.child(name))
        };
        Self {
            depthwise: conv([in_channels; 2], 3, in_channels, "depthwise").padding(1),
            bn1: BatchNorm2d::new(in_channels).activation(Activation::Relu),
            pointwise: conv([in_channels, out_channels], 1, 1, "pointwise"),
            bn2: BatchNorm2d::new(out_channels).activation(Activation::Relu),
        }
    }

    /// Steps of the depthwise convolution, down and right.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn stride(mut self, stride: usize) -> Self {
        at_least_one("depthwise_separable", "stride", stride);
        self.depthwise = self.depthwise.stride(stride);
        self
    }
}

impl<T: Real> Forward<T> for DepthwiseSeparable<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let h = self.bn1.forward(&self.depthwise.forward(x, ctx), ctx);
        self.bn2.forward(&self.pointwise.forward(&h, ctx), ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.pointwise.output_shape(&self.depthwise.output_shape(input)?)
    }
}
