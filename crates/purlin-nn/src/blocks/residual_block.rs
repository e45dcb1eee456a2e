//! The blocks of residual networks.

use super::{KAIMING_FAN_OUT, SqueezeExcitation};
use crate::layers::{BatchNorm2d, Conv2d, at_least_one, checked};
use crate::{Context, Forward, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Tensor};

/// How the input of a block gets the shape of its output, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shortcut {
    /// A 1x1 convolution with the block's stride (option B of the paper).
    #[default]
    Projection,
    /// Every `stride`-th pixel, with zeros for the channels that are new (option A): no parameters.
    Pad,
}

/// A block of a residual network: two or three convolutions, and its input added to what they give.
///
/// | block | convolutions | output channels |
/// |---|---|---|
/// | [`basic`](Self::basic) | 3x3 with the stride, 3x3 | `channels` |
/// | [`bottleneck`](Self::bottleneck) | 1x1, 3x3 with the stride, 1x1 | `4 channels` |
///
/// `x` is `(batch, height, width, in_channels)`, the result
/// `(batch, height / stride, width / stride, output channels)`, rounded up. No convolution has a
/// bias; all begin by He's normal with the outgoing connections.
///
/// - After the convolutions (the default): `y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`,
///   and a projection is followed by a batch norm.
/// - [Before them](Self::pre_activation): `y = conv2(relu(bn2(conv1(a)))) + shortcut(x)` with
///   `a = relu(bn1(x))`. Where the shape changes, the shortcut takes `a`.
///
/// Parameters are called as in torchvision: `conv1.weight`, `bn1.weight`, `downsample.0.weight`.
/// There, too, the stride of a bottleneck is that of its 3x3 convolution.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Forward, Module, Shape, Stream, blocks::ResidualBlock};
///
/// let stream = Stream::new(0, "init");
/// let block: ResidualBlock = ResidualBlock::basic(64, 128, 2, &stream).squeeze_excitation(16);
/// assert_eq!(block.output_shape(&Shape::from([8, 32, 32, 64]))?, Shape::from([8, 16, 16, 128]));
///
/// // The same shapes from a bottleneck, with a twenty-fourth of the weights in 3x3 convolutions.
/// let block: ResidualBlock = ResidualBlock::bottleneck(64, 32, 2, &stream).pre_activation(true);
/// assert_eq!(block.output_shape(&Shape::from([8, 32, 32, 64]))?, Shape::from([8, 16, 16, 128]));
/// assert_eq!(block.conv2.weight.dims(), [3, 3, 32, 32]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - K. He et al., *Deep residual learning for image recognition*, CVPR 2016, sections 3.2 and 4.1.
/// - K. He et al., *Identity mappings in deep residual networks*, ECCV 2016, section 4.1.
#[derive(Debug, Clone, Module)]
pub struct ResidualBlock<T: Real = f32> {
    /// The first convolution.
    pub conv1: Conv2d<T>,
    /// Follows it, or stands before it.
    pub bn1: BatchNorm2d<T>,
    /// The second.
    pub conv2: Conv2d<T>,
    /// Follows it, or stands before it.
    pub bn2: BatchNorm2d<T>,
    /// The third of a bottleneck.
    pub conv3: Option<Conv2d<T>>,
    /// Follows it, or stands before it.
    pub bn3: Option<BatchNorm2d<T>>,
    /// Weighs the channels before the sum, where asked for.
    pub se: Option<SqueezeExcitation<T>>,
    /// The projection of the shortcut, and its batch norm unless norms stand before convolutions.
    pub downsample: Option<(Conv2d<T>, Option<BatchNorm2d<T>>)>,
    #[module(skip)]
    setup: Setup,
}

/// What a block was made from.
#[derive(Debug, Clone, Copy)]
struct Setup {
    channels: [usize; 2],
    stride: usize,
    shortcut: Shortcut,
    is_norm_first: bool,
    begins_as_identity: bool,
    /// Whether the last convolution is 0 because of that.
    is_last_zero: bool,
    stream: Stream,
}

const OP: &str = "residual_block";

/// Output channels of a bottleneck for each channel of its 3x3 convolution.
const EXPANSION: usize = 4;

impl<T: Real> ResidualBlock<T> {
    /// Two 3x3 convolutions, the first with the stride.
    ///
    /// # Panics
    ///
    /// When a number is 0.
    #[track_caller]
    pub fn basic(in_channels: usize, channels: usize, stride: usize, stream: &Stream) -> Self {
        check(in_channels, channels, stride);
        let conv = |i, from| conv(i, [from, channels], 3, stream);
        let convs = [conv(1, in_channels).stride(stride), conv(2, channels)];
        Self::of(convs, None, [in_channels, channels], stride, stream)
    }

    /// A 1x1 convolution to `channels`, a 3x3 convolution with the stride, a 1x1 convolution to
    /// `4 channels`.
    ///
    /// # Panics
    ///
    /// When a number is 0.
    #[track_caller]
    pub fn bottleneck(in_channels: usize, channels: usize, stride: usize, stream: &Stream) -> Self {
        check(in_channels, channels, stride);
        let out = EXPANSION * channels;
        let narrow = conv(1, [in_channels, channels], 1, stream);
        let wide = conv(3, [channels, out], 1, stream);
        let convs = [narrow, conv(2, [channels; 2], 3, stream).stride(stride)];
        Self::of(convs, Some(wide), [in_channels, out], stride, stream)
    }

    fn of(
        [conv1, conv2]: [Conv2d<T>; 2],
        conv3: Option<Conv2d<T>>,
        channels: [usize; 2],
        stride: usize,
        stream: &Stream,
    ) -> Self {
        let setup = Setup {
            channels,
            stride,
            shortcut: Shortcut::Projection,
            is_norm_first: false,
            begins_as_identity: false,
            is_last_zero: false,
            stream: *stream,
        };
        let norm = || BatchNorm2d::new(1); // `arranged` makes the one that fits
        let bn3 = conv3.is_some().then(norm);
        let (bn1, bn2) = (norm(), norm());
        Self { conv1, bn1, conv2, bn2, conv3, bn3, se: None, downsample: None, setup }.arranged()
    }

    /// Norm and ReLU before each convolution (`true`) or after it. The path of the identity is
    /// free of both then, which helps networks of more than a hundred layers.
    #[must_use]
    pub fn pre_activation(mut self, pre_activation: bool) -> Self {
        self.setup.is_norm_first = pre_activation;
        self.arranged()
    }

    /// Weighs the channels before the sum; see [`SqueezeExcitation`].
    ///
    /// # Panics
    ///
    /// When `reduction` does not divide the output channels.
    #[must_use]
    #[track_caller]
    pub fn squeeze_excitation(mut self, reduction: usize) -> Self {
        let stream = self.setup.stream.child("se");
        self.se = Some(SqueezeExcitation::new(self.setup.channels[1], reduction, &stream));
        self.arranged()
    }

    /// What the shortcut is where the shape changes, [`Shortcut::Projection`] without.
    ///
    /// # Panics
    ///
    /// When channels are to be padded and the block has fewer after it than before.
    #[must_use]
    #[track_caller]
    pub fn shortcut(mut self, shortcut: Shortcut) -> Self {
        let [before, after] = self.setup.channels;
        let rule = || format!("Projection where channels fall from {before} to {after}");
        let is_met = shortcut == Shortcut::Projection || after >= before;
        assert!(is_met, "{}", Error::param(OP, "shortcut", rule(), format!("{shortcut:?}")));
        self.setup.shortcut = shortcut;
        self.arranged()
    }

    /// Whether the sum is the shortcut at first: the scale of the last norm begins as 0 and not as 1;
    /// with [`pre_activation`](Self::pre_activation), where a ReLU behind that norm would let no
    /// gradient pass, the last convolution begins as 0.
    ///
    /// P. Goyal et al., *Accurate, large minibatch SGD*, 2017, section 5.1.
    #[must_use]
    pub fn zero_init(mut self, zero_init: bool) -> Self {
        self.setup.begins_as_identity = zero_init;
        self.arranged()
    }

    /// Makes the norms and the projection that the options ask for. Norms draw nothing; a projection
    /// that is there already stays.
    fn arranged(mut self) -> Self {
        let Setup { channels, stride, shortcut, is_norm_first, begins_as_identity, .. } =
            self.setup;
        let stream = self.setup.stream;
        let is_weighed = self.se.is_some();
        let norm = |conv: &Conv2d<T>, is_last: bool| {
            let n = conv.weight.dims()[if is_norm_first { 2 } else { 3 }];
            let mut norm = BatchNorm2d::new(n);
            // What is weighed is not what the activation of the sum made of it.
            if is_norm_first || !is_last || !is_weighed {
                norm = norm.activation(Activation::Relu);
            }
            if is_last && begins_as_identity && !is_norm_first {
                norm.weight = Some(Param::new(Tensor::zeros([n])));
            }
            norm
        };
        self.bn1 = norm(&self.conv1, false);
        self.bn2 = norm(&self.conv2, self.conv3.is_none());
        self.bn3 = self.conv3.as_ref().map(|conv| norm(conv, true));
        let is_zero = begins_as_identity && is_norm_first;
        if is_zero != self.setup.is_last_zero {
            self.setup.is_last_zero = is_zero;
            let (i, last) = match &mut self.conv3 {
                Some(conv3) => (3, conv3),
                None => (2, &mut self.conv2),
            };
            let shape = *last.weight.shape();
            last.weight = if is_zero {
                Param::new(Tensor::zeros(shape))
            } else {
                conv(i, [shape[2], shape[3]], shape[0], &stream).weight
            };
        }
        let is_projected = self.changes_shape() && shortcut == Shortcut::Projection;
        let earlier = self.downsample.take();
        self.downsample = is_projected.then(|| {
            let stream = stream.child("downsample");
            let new = || Conv2d::unbiased(channels, 1, 1, KAIMING_FAN_OUT, &stream).stride(stride);
            let conv = earlier.map_or_else(new, |(conv, _)| conv);
            (conv, (!is_norm_first).then(|| BatchNorm2d::new(channels[1])))
        });
        self
    }

    /// Channels of the result.
    pub fn out_channels(&self) -> usize {
        self.setup.channels[1]
    }

    fn changes_shape(&self) -> bool {
        let Setup { channels: [before, after], stride, .. } = self.setup;
        before != after || stride > 1
    }

    fn shortcut_of(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let Setup { channels: [before, after], stride, .. } = self.setup;
        match &self.downsample {
            Some((conv, Some(norm))) => norm.forward(&conv.forward(x, ctx), ctx),
            Some((conv, None)) => conv.forward(x, ctx),
            None if stride == 1 => padded(x, after - before),
            None => padded(&x.slice_step(1, .., stride).slice_step(2, .., stride), after - before),
        }
    }

    /// The convolutions with the norms that belong to them.
    fn pairs(&self) -> impl Iterator<Item = (&Conv2d<T>, &BatchNorm2d<T>)> {
        let third = self.conv3.as_ref().zip(self.bn3.as_ref());
        [(&self.conv1, &self.bn1), (&self.conv2, &self.bn2)].into_iter().chain(third)
    }

    /// `relu(norm(conv(..)) + shortcut)`.
    fn norms_after(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let mut h = x.clone();
        let mut pairs = self.pairs().peekable();
        while let Some((conv, norm)) = pairs.next() {
            h = conv.forward(&h, ctx);
            if pairs.peek().is_none() && self.se.is_none() {
                return norm.forward_add(&h, &self.shortcut_of(x, ctx), ctx);
            }
            h = norm.forward(&h, ctx);
        }
        if let Some(se) = &self.se {
            h = se.forward(&h, ctx);
        }
        (h + self.shortcut_of(x, ctx)).relu()
    }

    /// `conv(relu(norm(..))) + shortcut`.
    fn norms_before(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let first = self.bn1.forward(x, ctx);
        let mut h = self.conv1.forward(&first, ctx);
        for (conv, norm) in self.pairs().skip(1) {
            h = conv.forward(&norm.forward(&h, ctx), ctx);
        }
        if let Some(se) = &self.se {
            h = se.forward(&h, ctx);
        }
        h + self.shortcut_of(if self.changes_shape() { &first } else { x }, ctx)
    }
}

#[track_caller]
fn check(in_channels: usize, channels: usize, stride: usize) {
    at_least_one(OP, "in_channels", in_channels);
    at_least_one(OP, "channels", channels);
    at_least_one(OP, "stride", stride);
}

fn conv<T: Real>(i: u64, channels: [usize; 2], kernel: usize, stream: &Stream) -> Conv2d<T> {
    let stream = stream.child(&format!("conv{i}"));
    Conv2d::unbiased(channels, kernel, 1, KAIMING_FAN_OUT, &stream).padding(kernel / 2)
}

/// With so many channels of zeros behind those that there are.
fn padded<T: Real>(x: &Tensor<T>, channels: usize) -> Tensor<T> {
    if channels == 0 { x.clone() } else { x.pad(&[[0, 0], [0, 0], [0, 0], [0, channels]], T::ZERO) }
}

impl<T: Real> Forward<T> for ResidualBlock<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        if self.setup.is_norm_first { self.norms_before(x, ctx) } else { self.norms_after(x, ctx) }
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.pairs().try_fold(*input, |shape, (conv, _)| conv.output_shape(&shape))
    }
}
