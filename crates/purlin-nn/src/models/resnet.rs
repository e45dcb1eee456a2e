//! Residual networks.

use crate::blocks::{KAIMING_FAN_OUT, ResidualBlock, Shortcut};
use crate::layers::{BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, MaxPool2d};
use crate::layers::{at_least_one, checked};
use crate::{Context, Forward, Module};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Tensor};

/// What stands before the first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// A 7x7 convolution with stride 2 and 3x3 max pooling with stride 2: a quarter of the height
    /// and width is left.
    ImageNet,
    /// A 3x3 convolution with stride 1: small images keep their size.
    Cifar,
}

/// What a [`ResNet`] is made of.
///
/// | | blocks of the stages | channels | stem | shortcut |
/// |---|---|---|---|---|
/// | [`resnet18`](Self::resnet18) | 2, 2, 2, 2 basic | 64, 128, 256, 512 | ImageNet | projection |
/// | [`resnet34`](Self::resnet34) | 3, 4, 6, 3 basic | 64, 128, 256, 512 | ImageNet | projection |
/// | [`resnet50`](Self::resnet50) | 3, 4, 6, 3 bottlenecks | 256, 512, 1024, 2048 | ImageNet | projection |
/// | [`cifar`](Self::cifar) | n, n, n basic | 16, 32, 64 | CIFAR | padding |
///
/// # Examples
///
/// ```
/// use purlin_nn::models::{ResNet, ResNetConfig, Stem};
/// use purlin_nn::{Forward, Shape, Stream};
///
/// let model: ResNet = ResNetConfig::resnet18()
///     .stem(Stem::Cifar)
///     .width(8) // 64 in the paper
///     .pre_activation(true)
///     .squeeze_excitation(4)
///     .build(10, &Stream::new(0, "init"));
/// assert_eq!(model.output_shape(&Shape::from([2, 32, 32, 3]))?, Shape::from([2, 10]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetConfig {
    blocks: Vec<usize>,
    is_bottleneck: bool,
    width: usize,
    in_channels: usize,
    stem: Stem,
    shortcut: Shortcut,
    is_norm_first: bool,
    reduction: Option<usize>,
    zero_init: bool,
}

impl ResNetConfig {
    fn new(blocks: Vec<usize>, is_bottleneck: bool) -> Self {
        Self {
            blocks,
            is_bottleneck,
            width: 64,
            in_channels: 3,
            stem: Stem::ImageNet,
            shortcut: Shortcut::Projection,
            is_norm_first: false,
            reduction: None,
            zero_init: false,
        }
    }

    /// ResNet-18.
    pub fn resnet18() -> Self {
        Self::new(vec![2; 4], false)
    }

    /// ResNet-34.
    pub fn resnet34() -> Self {
        Self::new(vec![3, 4, 6, 3], false)
    }

    /// ResNet-50.
    pub fn resnet50() -> Self {
        Self::new(vec![3, 4, 6, 3], true)
    }

    /// The network of `6 n + 2` layers for small images: 20, 32, 44, 56 and 110 in the paper.
    ///
    /// # Panics
    ///
    /// When `depth` is not `6 n + 2` with an `n` of at least 1.
    #[track_caller]
    pub fn cifar(depth: usize) -> Self {
        let is_met = depth >= 8 && depth % 6 == 2;
        let error = || Error::param("resnet", "depth", "6 n + 2 with n at least 1", depth);
        assert!(is_met, "{}", error());
        let three = vec![(depth - 2) / 6; 3];
        let config = Self::new(three, false);
        Self { width: 16, stem: Stem::Cifar, shortcut: Shortcut::Pad, ..config }
    }

    /// What stands before the first block.
    #[must_use]
    pub fn stem(mut self, stem: Stem) -> Self {
        self.stem = stem;
        self
    }

    /// Channels of the first stage (before the factor 4 of bottlenecks); each further stage has
    /// twice as many.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn width(mut self, width: usize) -> Self {
        at_least_one("resnet", "width", width);
        self.width = width;
        self
    }

    /// Channels of the images, 3 unless set.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn in_channels(mut self, in_channels: usize) -> Self {
        at_least_one("resnet", "in_channels", in_channels);
        self.in_channels = in_channels;
        self
    }

    /// How a block's input gets the shape of its output; see [`Shortcut`].
    #[must_use]
    pub fn shortcut(mut self, shortcut: Shortcut) -> Self {
        self.shortcut = shortcut;
        self
    }

    /// Norm and ReLU before each convolution and not after it; see
    /// [`ResidualBlock::pre_activation`]. The norm of the stem then stands behind the last block.
    #[must_use]
    pub fn pre_activation(mut self, pre_activation: bool) -> Self {
        self.is_norm_first = pre_activation;
        self
    }

    /// Weighs the channels of each block; see
    /// [`SqueezeExcitation`](crate::blocks::SqueezeExcitation).
    #[must_use]
    pub fn squeeze_excitation(mut self, reduction: usize) -> Self {
        self.reduction = Some(reduction);
        self
    }

    /// Whether each block begins as its shortcut; see [`ResidualBlock::zero_init`].
    #[must_use]
    pub fn zero_init(mut self, zero_init: bool) -> Self {
        self.zero_init = zero_init;
        self
    }

    /// Draws the weights.
    ///
    /// # Panics
    ///
    /// When `n_classes` is 0, or the reduction of squeeze and excitation does not divide the
    /// channels of a block.
    #[track_caller]
    pub fn build<T: Real>(&self, n_classes: usize, stream: &Stream) -> ResNet<T> {
        at_least_one("resnet", "n_classes", n_classes);
        let (kernel, stride) = match self.stem {
            Stem::ImageNet => (7, 2),
            Stem::Cifar => (3, 1),
        };
        let channels = [self.in_channels, self.width];
        let conv1 = Conv2d::unbiased(channels, kernel, 1, KAIMING_FAN_OUT, &stream.child("conv1"))
            .stride(stride)
            .padding(kernel / 2);
        let mut from = self.width;
        let mut stages = [const { Vec::new() }; 4];
        for (i, (stage, &n_blocks)) in stages.iter_mut().zip(&self.blocks).enumerate() {
            let stream = stream.child(&format!("layer{}", i + 1));
            for j in 0..n_blocks {
                let stride = if i > 0 && j == 0 { 2 } else { 1 };
                let stream = stream.child_at(j as u64);
                stage.push(self.block(&mut from, self.width << i, stride, &stream));
            }
        }
        let [layer1, layer2, layer3, layer4] = stages;
        let norm = |n| BatchNorm2d::new(n).activation(Activation::Relu);
        ResNet {
            conv1,
            bn1: (!self.is_norm_first).then(|| norm(self.width)),
            layer1,
            layer2,
            layer3,
            layer4,
            norm: self.is_norm_first.then(|| norm(from)),
            fc: Linear::new(from, n_classes, &stream.child("fc")),
            has_pool: self.stem == Stem::ImageNet,
        }
    }

    /// A block from `from` channels, which becomes the number of those that it gives.
    #[track_caller]
    fn block<T: Real>(
        &self,
        from: &mut usize,
        channels: usize,
        stride: usize,
        stream: &Stream,
    ) -> ResidualBlock<T> {
        let block = if self.is_bottleneck {
            ResidualBlock::bottleneck(*from, channels, stride, stream)
        } else {
            ResidualBlock::basic(*from, channels, stride, stream)
        };
        *from = block.out_channels();
        let block = block
            .shortcut(self.shortcut)
            .pre_activation(self.is_norm_first)
            .zero_init(self.zero_init);
        match self.reduction {
            Some(reduction) => block.squeeze_excitation(reduction),
            None => block,
        }
    }
}

/// A residual network: a convolution, stages of [residual blocks](ResidualBlock), the mean over all
/// pixels and a linear layer.
///
/// `x` is `(batch, height, width, in_channels)` of any size, the result `(batch, n_classes)` scores
/// (logits). Convolutions begin by He's normal with the outgoing connections, the linear layer as
/// [`Linear`] does.
///
/// Parameters are called as in torchvision (`layer1.0.conv1.weight`, `fc.bias`), so that
/// [`weights::PyTorch`](crate::weights::PyTorch) reads its files without renaming; its input is
/// normalised by the channel means and deviations that belong to the file.
///
/// # Examples
///
/// ```
/// use purlin_nn::models::ResNet;
/// use purlin_nn::{Context, Forward, Module, Stream, Tensor};
///
/// let model: ResNet = ResNet::cifar(20, 10, &Stream::new(0, "init"));
/// assert_eq!(model.n_params(), 269_722); // 0.27 M in the paper
/// let x = Tensor::normal([1, 8, 8, 3], 0.0, 1.0, &Stream::new(1, "x"));
/// assert_eq!(model.forward(&x, &mut Context::eval()).dims(), [1, 10]);
/// assert_eq!(model.features(&x, &mut Context::eval()).dims(), [1, 64]);
/// ```
///
/// # References
///
/// - K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016;
///   for small images section 4.2.
#[derive(Debug, Clone, Module)]
pub struct ResNet<T: Real = f32> {
    /// The convolution of the stem.
    pub conv1: Conv2d<T>,
    /// Follows it, unless norms stand before convolutions.
    pub bn1: Option<BatchNorm2d<T>>,
    /// The first stage.
    pub layer1: Vec<ResidualBlock<T>>,
    /// The second, of half the height and width.
    pub layer2: Vec<ResidualBlock<T>>,
    /// The third.
    pub layer3: Vec<ResidualBlock<T>>,
    /// The fourth; networks for CIFAR have none.
    pub layer4: Vec<ResidualBlock<T>>,
    /// Follows the last block, where norms stand before convolutions.
    pub norm: Option<BatchNorm2d<T>>,
    /// From features to scores.
    pub fc: Linear<T>,
    #[module(skip)]
    has_pool: bool,
}

impl<T: Real> ResNet<T> {
    /// [`ResNetConfig::resnet18`], built.
    ///
    /// # Panics
    ///
    /// When `n_classes` is 0.
    #[track_caller]
    pub fn resnet18(n_classes: usize, stream: &Stream) -> Self {
        ResNetConfig::resnet18().build(n_classes, stream)
    }

    /// [`ResNetConfig::resnet34`], built.
    ///
    /// # Panics
    ///
    /// When `n_classes` is 0.
    #[track_caller]
    pub fn resnet34(n_classes: usize, stream: &Stream) -> Self {
        ResNetConfig::resnet34().build(n_classes, stream)
    }

    /// [`ResNetConfig::resnet50`], built.
    ///
    /// # Panics
    ///
    /// When `n_classes` is 0.
    #[track_caller]
    pub fn resnet50(n_classes: usize, stream: &Stream) -> Self {
        ResNetConfig::resnet50().build(n_classes, stream)
    }

    /// [`ResNetConfig::cifar`], built.
    ///
    /// # Panics
    ///
    /// When `depth` is not `6 n + 2` with an `n` of at least 1, or `n_classes` is 0.
    #[track_caller]
    pub fn cifar(depth: usize, n_classes: usize, stream: &Stream) -> Self {
        ResNetConfig::cifar(depth).build(n_classes, stream)
    }

    /// What the linear layer reads: the means of the last stage, `(batch, channels)`.
    ///
    /// # Panics
    ///
    /// When the shape of `x` does not fit.
    #[track_caller]
    pub fn features(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let mut h = self.conv1.forward(x, ctx);
        if let Some(bn1) = &self.bn1 {
            h = bn1.forward(&h, ctx);
        }
        if self.has_pool {
            h = Self::pool().forward(&h, ctx);
        }
        for block in self.blocks() {
            h = block.forward(&h, ctx);
        }
        if let Some(norm) = &self.norm {
            h = norm.forward(&h, ctx);
        }
        GlobalAvgPool2d.forward(&h, ctx)
    }

    fn blocks(&self) -> impl Iterator<Item = &ResidualBlock<T>> {
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten()
    }

    fn pool() -> MaxPool2d {
        MaxPool2d::new(3).stride(2).padding(1)
    }
}

impl<T: Real> Forward<T> for ResNet<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.fc.forward(&self.features(x, ctx), ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let mut shape = self.conv1.output_shape(input)?;
        if self.has_pool {
            shape = Forward::<T>::output_shape(&Self::pool(), &shape)?;
        }
        for block in self.blocks() {
            shape = block.output_shape(&shape)?;
        }
        self.fc.output_shape(&Forward::<T>::output_shape(&GlobalAvgPool2d, &shape)?)
    }
}
