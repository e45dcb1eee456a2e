//! The vision transformer.

use crate::init::{Distribution, Fan};
use crate::layers::{
    Conv2d, Dropout, FeedForwardActivation, LayerNorm, LearnedPositions, Linear, Size,
    TransformerEncoderLayer, all_at_least_one, at_least_one, checked, within_one,
};
use crate::{Context, Forward, Init, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// What of the last layer the scores are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooling {
    /// A step of its own before those of the patches.
    #[default]
    ClassToken,
    /// The mean over all patches.
    Mean,
}

/// What a [`VisionTransformer`] is made of.
///
/// # Examples
///
/// ```
/// use purlin_nn::models::{Pooling, VisionTransformer, VisionTransformerConfig};
/// use purlin_nn::{Forward, Shape, Stream};
///
/// let model: VisionTransformer = VisionTransformerConfig::new([32, 32], 8)
///     .features(32)
///     .heads(4)
///     .hidden(64)
///     .depth(2)
///     .pooling(Pooling::Mean)
///     .build(10, &Stream::new(0, "init"));
/// assert_eq!(model.output_shape(&Shape::from([2, 32, 32, 3]))?, Shape::from([2, 10]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct VisionTransformerConfig {
    image: [usize; 2],
    patch: [usize; 2],
    in_channels: usize,
    features: usize,
    depth: usize,
    heads: usize,
    hidden: usize,
    dropout: f64,
    pooling: Pooling,
}

const OP: &str = "vision_transformer";

/// A setter of a size that is at least 1.
macro_rules! sizes {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Panics
            ///
            /// When it is 0.
            #[must_use]
            #[track_caller]
            pub fn $name(mut self, $name: usize) -> Self {
                at_least_one(OP, stringify!($name), $name);
                self.$name = $name;
                self
            }
        )*
    };
}

impl VisionTransformerConfig {
    /// For images of this height and width, cut into patches of that size. The other sizes are those
    /// of the small network "ViT-Ti": 192 features, 12 layers of 3 heads, 768 hidden units; colour
    /// images, no dropout, a class token.
    ///
    /// # Panics
    ///
    /// When a size is 0, or patches do not cover the image exactly.
    #[track_caller]
    pub fn new(image_size: impl Into<Size<2>>, patch_size: impl Into<Size<2>>) -> Self {
        let (image, patch) = (image_size.into().0, patch_size.into().0);
        all_at_least_one(OP, "image_size", &image);
        all_at_least_one(OP, "patch_size", &patch);
        for (size, patch) in image.into_iter().zip(patch) {
            let rule = || format!("a divisor of image_size {size}");
            let is_met = size.is_multiple_of(patch);
            assert!(is_met, "{}", Error::param(OP, "patch_size", rule(), patch));
        }
        Self {
            image,
            patch,
            in_channels: 3,
            features: 192,
            depth: 12,
            heads: 3,
            hidden: 768,
            dropout: 0.0,
            pooling: Pooling::ClassToken,
        }
    }

    sizes! {
        /// Channels of the images.
        in_channels
        /// Numbers of each step.
        features
        /// Layers.
        depth
        /// Heads of the attention of each layer; they must divide `features`.
        heads
        /// Units of the feed-forward part of each layer.
        hidden
    }

    /// Dropout behind the positions and in each layer.
    ///
    /// # Panics
    ///
    /// Unless `0 <= p <= 1`.
    #[must_use]
    #[track_caller]
    pub fn dropout(mut self, p: f64) -> Self {
        within_one(OP, "dropout", p);
        self.dropout = p;
        self
    }

    /// What of the last layer the scores are made from.
    #[must_use]
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = pooling;
        self
    }

    /// Draws the weights.
    ///
    /// # Panics
    ///
    /// When `n_classes` is 0, or `heads` does not divide `features`.
    #[track_caller]
    pub fn build<T: Real>(&self, n_classes: usize, stream: &Stream) -> VisionTransformer<T> {
        at_least_one(OP, "n_classes", n_classes);
        let Self { image, patch, features, dropout, .. } = *self;
        let has_token = self.pooling == Pooling::ClassToken;
        let steps = image[0] / patch[0] * (image[1] / patch[1]) + usize::from(has_token);
        let lecun = Init::VarianceScaling {
            gain: 1.0,
            fan: Fan::In,
            distribution: Distribution::TruncatedNormal,
        };
        let layer = |i| {
            let stream = stream.child("layers").child_at(i as u64);
            TransformerEncoderLayer::new(features, self.heads, self.hidden, &stream)
                .norm_first(true)
                .activation(FeedForwardActivation::Gelu)
                .dropout(dropout)
        };
        VisionTransformer {
            patches: Conv2d::new(self.in_channels, features, patch, &stream.child("patches"))
                .stride(patch)
                .init(lecun)
                .bias_init(Init::Zeros),
            class_token: has_token.then(|| Param::new(Tensor::zeros([1, 1, features]))),
            positions: LearnedPositions::new(steps, features, &stream.child("positions")),
            dropout: Dropout::new(dropout),
            layers: (0..self.depth).map(layer).collect(),
            norm: LayerNorm::new([features]),
            head: Linear::new(features, n_classes, &stream.child("head")),
            image,
        }
    }
}

/// A vision transformer: patches of an image, each made into a row of numbers, are the steps of a
/// transformer's encoder.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(batch, height, width, in_channels)`, the size of the images that it is built for |
/// | `patches.weight` | `(patch_h, patch_w, in_channels, features)` |
/// | `class_token` | `(1, 1, features)` |
/// | `positions.weight` | `(patches, or one more, features)` |
/// | result | `(batch, n_classes)` scores (logits) |
///
/// Layers normalise before each part, with GELU between the products; a last norm stands before the
/// head. Patches begin by LeCun's truncated normal, the class token as 0, positions normal with a
/// deviation of 0.02, the rest as its layers do.
///
/// # Examples
///
/// ```
/// use purlin_nn::models::{VisionTransformer, VisionTransformerConfig};
/// use purlin_nn::{Context, Forward, Stream, Tensor};
///
/// let config = VisionTransformerConfig::new(8, 4).features(8).heads(2).hidden(16).depth(1);
/// let model: VisionTransformer = config.build(3, &Stream::new(0, "init"));
/// let x = Tensor::normal([2, 8, 8, 3], 0.0, 1.0, &Stream::new(1, "x"));
/// assert_eq!(model.forward(&x, &mut Context::eval()).dims(), [2, 3]);
/// assert_eq!(model.positions.weight.dims(), [5, 8]); // four patches and the class token
/// ```
///
/// # References
///
/// - A. Dosovitskiy et al., *An image is worth 16x16 words: transformers for image recognition at
///   scale*, ICLR 2021, section 3.1.
/// - H. Touvron et al., *Training data-efficient image transformers*, ICML 2021, for the sizes of
///   ViT-Ti.
#[derive(Debug, Clone, Module)]
pub struct VisionTransformer<T: Real = f32> {
    /// Makes a row of numbers of each patch.
    pub patches: Conv2d<T>,
    /// The step before the patches.
    pub class_token: Option<Param<T>>,
    /// Where each step is.
    pub positions: LearnedPositions<T>,
    dropout: Dropout,
    /// The layers of the encoder.
    pub layers: Vec<TransformerEncoderLayer<T>>,
    /// Follows them.
    pub norm: LayerNorm<T>,
    /// From features to scores.
    pub head: Linear<T>,
    #[module(skip)]
    image: [usize; 2],
}

impl<T: Real> VisionTransformer<T> {
    /// What the head reads, `(batch, features)`.
    ///
    /// # Panics
    ///
    /// When the shape of `x` does not fit.
    #[track_caller]
    pub fn features(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let patches = self.patches.forward(x, ctx);
        let &[batch, rows, columns, features] = patches.dims() else { unreachable!() };
        let mut h = patches.reshape([batch, rows * columns, features]);
        if let Some(token) = &self.class_token {
            h = Tensor::concat(&[&token.broadcast_to([batch, 1, features]), &h], 1);
        }
        h = self.dropout.forward(&self.positions.forward(&h, ctx), ctx);
        for layer in &self.layers {
            h = layer.forward(&h, ctx);
        }
        if self.class_token.is_none() {
            return self.norm.forward(&h, ctx).mean_axis(1, false);
        }
        // The norm is of each step by itself.
        self.norm.forward(&h.slice(1, ..1).reshape([batch, features]), ctx)
    }
}

impl<T: Real> Forward<T> for VisionTransformer<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.head.forward(&self.features(x, ctx), ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let (weight, [height, width]) = (self.patches.weight.dims(), self.image);
        match input.dims() {
            &[batch, h, w, channels] if [h, w] == self.image && channels == weight[2] => {
                self.head.output_shape(&Shape::from([batch, weight[3]]))
            }
            _ => {
                let expected = format!("input (batch, {height}, {width}, {})", weight[2]);
                Err(Error::shape(OP, expected, input))
            }
        }
    }
}
