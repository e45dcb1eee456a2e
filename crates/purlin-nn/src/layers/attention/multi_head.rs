//! Attention of several heads.

use super::rotary;
use crate::layers::{Linear, at_least_one, checked, positive};
use crate::{Context, Forward, Init, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{
    Activation, AttentionOptions, Tensor, attention, attention_weights, linear, self_attention,
};

/// Attention of several heads, with the products before and after it.
///
/// | parameter | shape |
/// |---|---|
/// | `weight_in` | `(features, (heads + 2 key_heads) * size)`: makes queries, keys, values |
/// | `bias_in` | as many |
/// | `output.weight` | `(features, features)` |
///
/// where `size = features / heads`. PyTorch's `in_proj_weight` is the transpose of `weight_in`.
///
/// [`Forward::forward`] attends to the sequence itself, [`MultiHeadAttention::attend`] with a mask,
/// [`MultiHeadAttention::attend_to`] to another sequence, [`MultiHeadAttention::step`] to what a
/// cache holds.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, Forward, layers::{KeyValueCache, MultiHeadAttention}};
/// use purlin_tensor::Tensor;
///
/// let layer = MultiHeadAttention::<f64>::new(8, 2, &Stream::new(0, "attention")).causal(true);
/// let x = Tensor::uniform([1, 3, 8], -1.0, 1.0, &Stream::new(1, "x"));
/// let y = layer.forward(&x, &mut Context::eval());
/// // The same, step by step.
/// let mut cache = KeyValueCache::new();
/// for t in 0..3 {
///     let step = layer.step(&x.slice(1, t..=t), &mut cache);
///     let apart = (&step - &y.slice(1, t..=t)).abs().max();
///     assert!(apart.item() < 1e-15);
/// }
/// ```
///
/// # References
///
/// - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017.
#[derive(Debug, Clone, Module)]
pub struct MultiHeadAttention<T: Real = f32> {
    /// Makes queries, keys and values.
    pub weight_in: Param<T>,
    /// Added to them, unless switched off.
    pub bias_in: Option<Param<T>>,
    /// What follows.
    pub output: Linear<T>,
    #[module(skip)]
    setup: Setup,
}

#[derive(Debug, Clone, Copy)]
struct Setup {
    features: usize,
    heads: usize,
    key_heads: usize,
    is_causal: bool,
    has_bias: bool,
    rotary_base: Option<f64>,
    stream: Stream,
}

impl Setup {
    fn size(&self) -> usize {
        self.features / self.heads
    }

    /// Numbers of the keys, and of the values.
    fn key_width(&self) -> usize {
        self.key_heads * self.size()
    }

    #[track_caller]
    fn layer<T: Real>(self) -> MultiHeadAttention<T> {
        let Self { features, has_bias, stream, .. } = self;
        let width = features + 2 * self.key_width();
        let weight = Init::XavierUniform.tensor([features, width], &stream.child("weight_in"));
        MultiHeadAttention {
            weight_in: Param::new(checked(weight)),
            bias_in: has_bias.then(|| Param::new(Tensor::zeros([width]))),
            output: Linear::new(features, features, &stream.child("output"))
                .bias_init(Init::Zeros)
                .bias(has_bias),
            setup: self,
        }
    }
}

/// A part of what the input is made into.
#[derive(Debug, Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

/// The keys and values of the steps so far.
#[derive(Debug, Clone, Default)]
pub struct KeyValueCache<T: Real = f32> {
    pair: Option<[Tensor<T>; 2]>,
}

impl<T: Real> KeyValueCache<T> {
    /// Of no step.
    pub fn new() -> Self {
        Self { pair: None }
    }

    /// Steps.
    pub fn len(&self) -> usize {
        self.pair.as_ref().map_or(0, |[k, _]| k.dims()[1])
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The caches of some sequences of the batch, as often as they are named: what beam search
    /// keeps.
    ///
    /// # Panics
    ///
    /// When there is no such sequence.
    #[must_use]
    #[track_caller]
    pub fn select(&self, sequences: &[usize]) -> Self {
        let select = |x: &Tensor<T>| x.index_select(0, sequences);
        Self { pair: self.pair.as_ref().map(|pair| pair.each_ref().map(select)) }
    }
}

impl<T: Real> MultiHeadAttention<T> {
    /// Of `heads` heads that share `features` numbers; the weight of the input begins by Xavier's
    /// rule, biases as 0.
    ///
    /// # Panics
    ///
    /// When a size is 0, or `heads` does not divide `features`.
    #[track_caller]
    pub fn new(features: usize, heads: usize, stream: &Stream) -> Self {
        at_least_one("attention", "features", features);
        at_least_one("attention", "heads", heads);
        let rule = || format!("a divisor of {features} features");
        let error = || Error::param("attention", "heads", rule(), heads);
        assert!(features.is_multiple_of(heads), "{}", error());
        let stream = *stream;
        let setup = Setup {
            features,
            heads,
            key_heads: heads,
            is_causal: false,
            has_bias: true,
            rotary_base: None,
            stream,
        };
        setup.layer()
    }

    /// The number of heads of keys and values, each of which several heads share (grouped heads;
    /// 1: multi-query).
    ///
    /// # Panics
    ///
    /// Unless it divides the number of heads.
    #[must_use]
    #[track_caller]
    pub fn key_heads(mut self, key_heads: usize) -> Self {
        let heads = self.setup.heads;
        let is_met = key_heads > 0 && heads.is_multiple_of(key_heads);
        let rule = || format!("a divisor of {heads} heads");
        assert!(is_met, "{}", Error::param("attention", "key_heads", rule(), key_heads));
        self.setup.key_heads = key_heads;
        self.setup.layer()
    }

    /// With (the default) or without biases.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.setup.has_bias = bias;
        self.setup.layer()
    }

    /// Whether a step sees no later one. Not between two sequences.
    #[must_use]
    pub fn causal(mut self, causal: bool) -> Self {
        self.setup.is_causal = causal;
        self
    }

    /// Turns queries and keys by their places ([`rotary`]); 10,000 is usual. Not between two
    /// sequences, whose places are not compared.
    ///
    /// # Panics
    ///
    /// Unless it is finite and above 0, and heads have an even number of features.
    #[must_use]
    #[track_caller]
    pub fn rotary(mut self, base: f64) -> Self {
        positive("attention", "rotary base", base);
        let size = self.setup.size();
        let error = || Error::shape("rotary", "heads of an even number of features", size);
        assert!(size.is_multiple_of(2), "{}", error());
        self.setup.rotary_base = Some(base);
        self
    }

    /// [`Forward::forward`] with a mask: `x` and the result are `(batch, steps, features)`.
    ///
    /// # Panics
    ///
    /// When `x` or the options do not fit.
    #[track_caller]
    pub fn attend(&self, x: &Tensor<T>, options: AttentionOptions<'_, T>) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let Setup { heads, key_heads, is_causal, rotary_base, .. } = self.setup;
        let options = AttentionOptions { causal: options.causal || is_causal, ..options };
        let qkv = linear(x, &self.weight_in, self.bias_in.as_deref(), Activation::Identity);
        let seen = if rotary_base.is_some() {
            let [q, k, v] = self.heads_of(&qkv, 0);
            joined(&attention(&q, &k, &v, options))
        } else {
            self_attention(&qkv, heads, key_heads, options)
        };
        self.out(&seen)
    }

    /// Attends from `x`, `(batch, steps, features)`, to the steps of another sequence:
    /// `keys` and `values`, which may be the same, are `(batch, keys, features)`, and the lengths of
    /// the options are theirs.
    ///
    /// # Panics
    ///
    /// When a shape or the options do not fit.
    #[track_caller]
    pub fn attend_to(
        &self,
        x: &Tensor<T>,
        keys: &Tensor<T>,
        values: &Tensor<T>,
        options: AttentionOptions<'_, T>,
    ) -> Tensor<T> {
        let [q, k, v] = [(x, Part::Query), (keys, Part::Key), (values, Part::Value)]
            .map(|(x, part)| self.part(x, part));
        self.out(&joined(&attention(&q, &k, &v, options)))
    }

    /// What each step takes of each step in [`MultiHeadAttention::attend`],
    /// `(batch, heads, steps, steps)`.
    ///
    /// # Panics
    ///
    /// When `x` or the options do not fit.
    #[track_caller]
    pub fn weights(&self, x: &Tensor<T>, options: AttentionOptions<'_, T>) -> Tensor<T> {
        let Setup { is_causal, rotary_base, .. } = self.setup;
        let [q, k] = [Part::Query, Part::Key].map(|part| {
            let y = self.part(x, part);
            rotary_base.map_or_else(|| y.clone(), |base| rotary(&y, 0, base))
        });
        let options = AttentionOptions { causal: options.causal || is_causal, ..options };
        attention_weights(&q, &k, options)
    }

    /// What each step takes of each of the `keys` in [`MultiHeadAttention::attend_to`],
    /// `(batch, heads, steps, keys)`.
    ///
    /// # Panics
    ///
    /// When a shape or the options do not fit.
    #[track_caller]
    pub fn weights_to(
        &self,
        x: &Tensor<T>,
        keys: &Tensor<T>,
        options: AttentionOptions<'_, T>,
    ) -> Tensor<T> {
        attention_weights(&self.part(x, Part::Query), &self.part(keys, Part::Key), options)
    }

    /// Queries, keys or values alone, by heads.
    #[track_caller]
    fn part(&self, x: &Tensor<T>, part: Part) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let Setup { features, heads, key_heads, .. } = self.setup;
        let (size, key_width) = (self.setup.size(), self.setup.key_width());
        let (from, heads) = match part {
            Part::Query => (0, heads),
            Part::Key => (features, key_heads),
            Part::Value => (features + key_width, key_heads),
        };
        let columns = from..from + heads * size;
        let bias = self.bias_in.as_ref().map(|bias| bias.slice(0, columns.clone()));
        let weight = self.weight_in.slice(1, columns);
        let y = linear(x, &weight, bias.as_ref(), Activation::Identity);
        y.reshape([x.dims()[0], x.dims()[1], heads, size])
    }

    /// Attends from the next steps `x`, `(batch, steps, features)`, to what the cache holds and to
    /// themselves, no step to a later one; then the cache holds them too.
    ///
    /// # Panics
    ///
    /// When `x` does not fit, or has another batch than the cache.
    #[track_caller]
    pub fn step(&self, x: &Tensor<T>, cache: &mut KeyValueCache<T>) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let qkv = linear(x, &self.weight_in, self.bias_in.as_deref(), Activation::Identity);
        let [q, k, v] = self.heads_of(&qkv, cache.len());
        let pair = match &cache.pair {
            Some([keys, values]) => {
                [Tensor::concat(&[keys, &k], 1), Tensor::concat(&[values, &v], 1)]
            }
            None => [k, v],
        };
        let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
        let seen = attention(&q, &pair[0], &pair[1], options);
        cache.pair = Some(pair);
        self.out(&joined(&seen))
    }

    /// Queries, keys and values by heads, turned where they are to be.
    fn heads_of(&self, qkv: &Tensor<T>, first: usize) -> [Tensor<T>; 3] {
        let Setup { heads, key_heads, rotary_base, .. } = self.setup;
        let (batch, steps) = (qkv.dims()[0], qkv.dims()[1]);
        let all = qkv.reshape([batch, steps, heads + 2 * key_heads, self.setup.size()]);
        let parts = all.split(2, &[heads, key_heads, key_heads]);
        let turned = |x: &Tensor<T>| match rotary_base {
            Some(base) => rotary(x, first, base),
            None => x.clone(),
        };
        [turned(&parts[0]), turned(&parts[1]), parts[2].clone()]
    }

    fn out(&self, seen: &Tensor<T>) -> Tensor<T> {
        self.output.forward(seen, &mut Context::eval())
    }
}

/// The heads of each step side by side.
fn joined<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    x.reshape([x.dims()[0], x.dims()[1], x.dims()[2] * x.dims()[3]])
}

impl<T: Real> Forward<T> for MultiHeadAttention<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        self.attend(x, AttentionOptions::default())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let features = self.setup.features;
        if input.rank() == 3 && input[2] == features {
            return Ok(*input);
        }
        Err(Error::shape("attention", format!("input (batch, steps, {features})"), input))
    }
}
