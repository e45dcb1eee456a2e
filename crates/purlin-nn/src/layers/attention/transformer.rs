//! The layers of a transformer.

use super::{KeyValueCache, MultiHeadAttention};
use crate::layers::{LayerNorm, Linear, at_least_one, checked, within_one};
use crate::{Context, Forward, Module};
use purlin_core::rng::Stream;
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{
    Activation, AttentionOptions, FeedForwardActivation, FeedForwardWeights, Tensor, dropout_mask,
    feed_forward,
};

/// Options of a layer of either kind.
#[derive(Debug, Clone, Copy)]
struct Setup {
    activation: FeedForwardActivation,
    dropout: f64,
    is_norm_first: bool,
}

impl Setup {
    /// What dropout multiplies with, where there is any.
    fn mask<T: Real>(self, shape: Shape, ctx: &mut Context) -> Option<Tensor<T>> {
        let is_on = self.dropout > 0.0 && ctx.is_training();
        is_on.then(|| dropout_mask(shape, self.dropout, &ctx.stream()))
    }

    fn dropped<T: Real>(self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.mask(*x.shape(), ctx).map_or_else(|| x.clone(), |mask| x * &mask)
    }

    /// `x + part(norm(x))`, or `norm(x + part(x))`.
    fn residual<T: Real>(
        self,
        x: &Tensor<T>,
        norm: &LayerNorm<T>,
        ctx: &mut Context,
        part: impl FnOnce(&Tensor<T>, &mut Context) -> Tensor<T>,
    ) -> Tensor<T> {
        if self.is_norm_first {
            let y = part(&norm.forward(x, ctx), ctx);
            return x + &self.dropped(&y, ctx);
        }
        let y = part(x, ctx);
        norm.forward(&(x + &self.dropped(&y, ctx)), ctx)
    }

    fn feed_forward<T: Real>(
        self,
        x: &Tensor<T>,
        linear1: &Linear<T>,
        linear2: &Linear<T>,
        ctx: &mut Context,
    ) -> Tensor<T> {
        let applied = (linear1.applied(), linear2.applied());
        if applied != (first_activation(self.activation), Activation::Identity) {
            // Layers of the caller's, with activations of their own.
            let mut hidden = linear1.forward(x, ctx);
            if self.activation == FeedForwardActivation::Gelu {
                hidden = hidden.gelu();
            }
            return linear2.forward(&self.dropped(&hidden, ctx), ctx);
        }
        let between = checked(linear1.output_shape(x.shape()));
        ctx.record(linear1, &between);
        let mask = self.mask(between, ctx);
        ctx.record(linear2, &checked(linear2.output_shape(&between)));
        let weights = FeedForwardWeights {
            weight1: &linear1.weight,
            bias1: linear1.bias.as_deref(),
            weight2: &linear2.weight,
            bias2: linear2.bias.as_deref(),
        };
        feed_forward(x, weights, self.activation, mask.as_ref())
    }
}

/// What the first layer of a feed-forward part applies itself.
fn first_activation(activation: FeedForwardActivation) -> Activation {
    match activation {
        FeedForwardActivation::Relu => Activation::Relu,
        FeedForwardActivation::Gelu => Activation::Identity,
    }
}

/// The options that both layers have.
macro_rules! builders {
    ($op:literal) => {
        /// What stands in the feed-forward part, [`FeedForwardActivation::Relu`] without.
        #[must_use]
        pub fn activation(mut self, activation: FeedForwardActivation) -> Self {
            self.setup.activation = activation;
            self.linear1 = self.linear1.activation(first_activation(activation));
            self
        }

        /// Dropout after each part and within the feed-forward part, with probability `p` while
        /// training; 0 without.
        ///
        /// # Panics
        ///
        /// Unless `0 <= p <= 1`.
        #[must_use]
        #[track_caller]
        pub fn dropout(mut self, p: f64) -> Self {
            within_one($op, "p", p);
            self.setup.dropout = p;
            self
        }

        /// Whether each part is normalised before it (which trains more steadily) and not its sum
        /// after it.
        ///
        /// R. Xiong et al., *On layer normalization in the transformer architecture*, ICML 2020.
        #[must_use]
        pub fn norm_first(mut self, norm_first: bool) -> Self {
            self.setup.is_norm_first = norm_first;
            self
        }
    };
}

/// A layer of a transformer's encoder: attention of the sequence to itself, then two products at
/// each step; each part is added to what it read. With [`causal`](Self::causal) attention it is the
/// layer of a model of language.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, Forward, layers::TransformerEncoderLayer};
/// use purlin_tensor::Tensor;
///
/// let layer = TransformerEncoderLayer::<f32>::new(8, 2, 16, &Stream::new(0, "layer"))
///     .norm_first(true)
///     .causal(true);
/// let y = layer.forward(&Tensor::ones([2, 5, 8]), &mut Context::eval());
/// assert_eq!(y.dims(), [2, 5, 8]);
/// ```
///
/// # References
///
/// - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017.
#[derive(Debug, Clone, Module)]
pub struct TransformerEncoderLayer<T: Real = f32> {
    /// Attention of the sequence to itself.
    pub self_attention: MultiHeadAttention<T>,
    /// The norm of the attention.
    pub norm1: LayerNorm<T>,
    /// The first product of the feed-forward part.
    pub linear1: Linear<T>,
    /// The second.
    pub linear2: Linear<T>,
    /// The norm of the feed-forward part.
    pub norm2: LayerNorm<T>,
    #[module(skip)]
    setup: Setup,
}

impl<T: Real> TransformerEncoderLayer<T> {
    /// Of `heads` heads, with `hidden` units in the feed-forward part; normalised after each sum,
    /// ReLU, no dropout.
    ///
    /// # Panics
    ///
    /// When a size is 0, or `heads` does not divide `features`.
    #[track_caller]
    pub fn new(features: usize, heads: usize, hidden: usize, stream: &Stream) -> Self {
        at_least_one("transformer_encoder_layer", "hidden", hidden);
        let setup =
            Setup { activation: FeedForwardActivation::Relu, dropout: 0.0, is_norm_first: false };
        Self {
            self_attention: MultiHeadAttention::new(
                features,
                heads,
                &stream.child("self_attention"),
            ),
            norm1: LayerNorm::new([features]),
            linear1: Linear::new(features, hidden, &stream.child("linear1"))
                .activation(Activation::Relu),
            linear2: Linear::new(hidden, features, &stream.child("linear2")),
            norm2: LayerNorm::new([features]),
            setup,
        }
    }

    builders!("transformer_encoder_layer");

    /// Whether a step sees no later one.
    #[must_use]
    pub fn causal(mut self, causal: bool) -> Self {
        self.self_attention = self.self_attention.causal(causal);
        self
    }

    /// [`Forward::forward`] with a mask.
    ///
    /// # Panics
    ///
    /// When `x` or the options do not fit.
    #[track_caller]
    pub fn attend(
        &self,
        x: &Tensor<T>,
        options: AttentionOptions<'_, T>,
        ctx: &mut Context,
    ) -> Tensor<T> {
        self.run(x, ctx, |x, _| self.self_attention.attend(x, options))
    }

    /// The next steps of sequences whose earlier ones are in the cache, in evaluation mode; no step
    /// sees a later one.
    ///
    /// # Panics
    ///
    /// When `x` does not fit, or has another batch than the cache.
    #[track_caller]
    pub fn step(&self, x: &Tensor<T>, cache: &mut KeyValueCache<T>) -> Tensor<T> {
        self.run(x, &mut Context::eval(), |x, _| self.self_attention.step(x, cache))
    }

    fn run(
        &self,
        x: &Tensor<T>,
        ctx: &mut Context,
        attend: impl FnOnce(&Tensor<T>, &mut Context) -> Tensor<T>,
    ) -> Tensor<T> {
        let Self { norm1, linear1, linear2, norm2, setup, .. } = self;
        let x = setup.residual(x, norm1, ctx, attend);
        setup.residual(&x, norm2, ctx, |x, ctx| setup.feed_forward(x, linear1, linear2, ctx))
    }
}

impl<T: Real> Forward<T> for TransformerEncoderLayer<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        self.attend(x, AttentionOptions::default(), ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.self_attention.output_shape(input)
    }
}

/// A layer of a transformer's decoder: causal attention of the sequence to itself, attention to
/// what an encoder made, then two products at each step.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, layers::TransformerDecoderLayer};
/// use purlin_tensor::Tensor;
///
/// let layer = TransformerDecoderLayer::<f32>::new(8, 2, 16, &Stream::new(0, "layer"));
/// let (x, memory) = (Tensor::ones([2, 5, 8]), Tensor::ones([2, 7, 8]));
/// let y = layer.decode(&x, &memory, Some(&[7, 3]), &mut Context::eval());
/// assert_eq!(y.dims(), [2, 5, 8]);
/// ```
///
/// # References
///
/// - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017.
#[derive(Debug, Clone, Module)]
pub struct TransformerDecoderLayer<T: Real = f32> {
    /// Causal attention of the sequence to itself.
    pub self_attention: MultiHeadAttention<T>,
    /// Its norm.
    pub norm1: LayerNorm<T>,
    /// Attention to the memory.
    pub cross_attention: MultiHeadAttention<T>,
    /// Its norm.
    pub norm2: LayerNorm<T>,
    /// The first product of the feed-forward part.
    pub linear1: Linear<T>,
    /// The second.
    pub linear2: Linear<T>,
    /// The norm of the feed-forward part.
    pub norm3: LayerNorm<T>,
    #[module(skip)]
    setup: Setup,
}

impl<T: Real> TransformerDecoderLayer<T> {
    /// As [`TransformerEncoderLayer::new`].
    ///
    /// # Panics
    ///
    /// When a size is 0, or `heads` does not divide `features`.
    #[track_caller]
    pub fn new(features: usize, heads: usize, hidden: usize, stream: &Stream) -> Self {
        let TransformerEncoderLayer { self_attention, norm1, linear1, linear2, norm2, setup } =
            TransformerEncoderLayer::new(features, heads, hidden, stream);
        let stream = stream.child("cross_attention");
        Self {
            self_attention: self_attention.causal(true),
            norm1,
            cross_attention: MultiHeadAttention::new(features, heads, &stream),
            norm2,
            linear1,
            linear2,
            norm3: LayerNorm::new([features]),
            setup,
        }
    }

    builders!("transformer_decoder_layer");

    /// `x`, `(batch, steps, features)`, after attention to `memory`, `(batch, keys, features)`, of
    /// which the first `lengths` are no padding.
    ///
    /// # Panics
    ///
    /// When a shape does not fit.
    #[track_caller]
    pub fn decode(
        &self,
        x: &Tensor<T>,
        memory: &Tensor<T>,
        lengths: Option<&[usize]>,
        ctx: &mut Context,
    ) -> Tensor<T> {
        self.run(x, memory, lengths, ctx, |x, _| {
            self.self_attention.attend(x, AttentionOptions::default())
        })
    }

    /// [`TransformerDecoderLayer::decode`] of the next steps of sequences whose earlier ones are in
    /// the cache, in evaluation mode.
    ///
    /// # Panics
    ///
    /// When a shape does not fit, or the cache has another batch.
    #[track_caller]
    pub fn step(
        &self,
        x: &Tensor<T>,
        memory: &Tensor<T>,
        lengths: Option<&[usize]>,
        cache: &mut KeyValueCache<T>,
    ) -> Tensor<T> {
        let mut ctx = Context::eval();
        self.run(x, memory, lengths, &mut ctx, |x, _| self.self_attention.step(x, cache))
    }

    fn run(
        &self,
        x: &Tensor<T>,
        memory: &Tensor<T>,
        lengths: Option<&[usize]>,
        ctx: &mut Context,
        attend: impl FnOnce(&Tensor<T>, &mut Context) -> Tensor<T>,
    ) -> Tensor<T> {
        let Self { norm1, norm2, norm3, linear1, linear2, setup, .. } = self;
        let x = setup.residual(x, norm1, ctx, attend);
        let options = AttentionOptions { lengths, ..AttentionOptions::default() };
        let x = setup.residual(&x, norm2, ctx, |x, _| {
            self.cross_attention.attend_to(x, memory, memory, options)
        });
        setup.residual(&x, norm3, ctx, |x, ctx| setup.feed_forward(x, linear1, linear2, ctx))
    }
}
