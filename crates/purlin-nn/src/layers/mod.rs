//! The layers.
//!
//! Images are channels-last, `(batch, height, width, channels)`; sequences are
//! `(batch, length, channels)`; the last axis holds features everywhere.
//!
//! # Where weights come from
//!
//! A layer with weights is handed a [`Stream`] and draws them from it. A
//! stream has no position: **give each layer one of its own**, `&init.child("conv1")`, or layers
//! of the same shape begin with the same weights. In return a weight depends on the seed and the
//! name alone, not on what was built before it.
//!
//! # What is refused, and how
//!
//! A network is written in code, so constructors and builders **panic** on sizes and options that
//! cannot be, and so does `forward` on an input that does not fit. The shape of an input often
//! comes from data: [`output_shape`](crate::Forward::output_shape) answers with a `Result` and the
//! same text, and `Trainer` asks it before the first step.

mod activation;
mod attention;
mod batch_norm;
mod conv1d;
mod conv2d;
mod conv_transpose2d;
mod dropout;
mod embedding;
mod flatten;
mod group_norm;
mod layer_norm;
mod linear;
mod pool;
mod recurrent;
mod rms_norm;
mod size;
mod spectral_norm;
mod unflatten;

pub use activation::{
    Elu, Gelu, GeluTanh, LeakyRelu, LogSoftmax, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh,
};
pub use attention::{
    FeedForwardActivation, KeyValueCache, LearnedPositions, MultiHeadAttention,
    SinusoidalPositions, TransformerDecoderLayer, TransformerEncoderLayer, rotary,
};
pub use batch_norm::{BatchNorm1d, BatchNorm2d};
pub use conv_transpose2d::ConvTranspose2d;
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use dropout::{Dropout, Dropout1d, Dropout2d};
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use pool::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, GlobalAvgPool1d, GlobalAvgPool2d,
    GlobalMaxPool1d, GlobalMaxPool2d, MaxPool1d, MaxPool2d,
};
pub use recurrent::{
    CellState, Gru, GruCell, Lstm, LstmCell, RecurrentLayer, RecurrentParams, RecurrentState, Rnn,
    RnnCell,
};
pub use rms_norm::RmsNorm;
pub use size::{Padding, Size};
pub use spectral_norm::{Reweight, SpectralNorm};
pub use unflatten::Unflatten;

use crate::Param;
use crate::init::{Init, fans};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Activation;

/// The value, or a panic with the error's text.
#[track_caller]
pub(crate) fn checked<R>(result: Result<R>) -> R {
    match result {
        Ok(value) => value,
        Err(err) => panic!("{err}"),
    }
}

/// A panic unless a count is at least 1.
#[track_caller]
pub(crate) fn at_least_one(op: &'static str, param: &'static str, value: usize) {
    assert!(value > 0, "{}", Error::param(op, param, "at least 1", value));
}

/// A panic unless all of several counts are at least 1.
#[track_caller]
pub(crate) fn all_at_least_one(op: &'static str, param: &'static str, values: &[usize]) {
    for &value in values {
        at_least_one(op, param, value);
    }
}

/// A panic unless a probability or a share lies in 0..=1.
#[track_caller]
pub(crate) fn within_one(op: &'static str, param: &'static str, value: f64) {
    assert!((0.0..=1.0).contains(&value), "{}", Error::param(op, param, "in 0..=1", value));
}

/// A panic unless a number is finite.
#[track_caller]
pub(crate) fn finite(op: &'static str, param: &'static str, value: f64) {
    assert!(value.is_finite(), "{}", Error::param(op, param, "finite", value));
}

/// A panic unless a number is finite and positive.
#[track_caller]
pub(crate) fn positive(op: &'static str, param: &'static str, value: f64) {
    let is_met = value.is_finite() && value > 0.0;
    assert!(is_met, "{}", Error::param(op, param, "finite and above 0", value));
}

/// A panic unless `groups` divides both channel counts.
#[track_caller]
fn check_groups(op: &'static str, groups: usize, in_channels: usize, out_channels: usize) {
    let divides = |n: usize| groups > 0 && n.is_multiple_of(groups);
    let rule = || format!("a divisor of in_channels {in_channels} and out_channels {out_channels}");
    let is_met = divides(in_channels) && divides(out_channels);
    assert!(is_met, "{}", Error::param(op, "groups", rule(), groups));
}

/// What a layer without sizes of its own answers: any shape, unchanged.
#[allow(clippy::unnecessary_wraps, reason = "the signature of `Forward::output_shape`")]
pub(crate) fn stateless_shape(input: &Shape) -> Result<Shape> {
    Ok(*input)
}

/// What a layer with `weight` and `bias` was made from: enough to draw them anew.
#[derive(Debug, Clone, Copy)]
struct Setup {
    stream: Stream,
    init: Init,
    bias_init: Init,
    activation: Activation,
}

impl Setup {
    fn new(stream: &Stream) -> Self {
        Self {
            stream: *stream,
            init: Init::FanInUniform,
            bias_init: Init::FanInUniform,
            activation: Activation::Identity,
        }
    }

    #[track_caller]
    fn weight<T: Real>(&self, shape: &Shape) -> Param<T> {
        Param::new(checked(self.init.tensor(*shape, &self.stream.child("weight"))))
    }

    /// A bias of `size` numbers; `FanInUniform` takes the fan of the weight.
    #[track_caller]
    fn bias<T: Real>(&self, size: usize, weight: &Shape) -> Param<T> {
        let init = match self.bias_init {
            Init::FanInUniform => {
                let bound = 1.0 / (fans(weight).0.max(1) as f64).sqrt();
                Init::Uniform { lo: -bound, hi: bound }
            }
            init => init,
        };
        Param::new(checked(init.tensor(size, &self.stream.child("bias"))))
    }
}

/// The options that every layer with `weight`, `bias` and `setup` has; `out_channels(&self)`
/// counts the outputs.
macro_rules! weight_builders {
    () => {
        /// With (the default) or without a bias.
        #[must_use]
        #[track_caller]
        pub fn bias(mut self, bias: bool) -> Self {
            self.bias = bias.then(|| self.setup.bias(self.out_channels(), self.weight.shape()));
            self
        }

        /// What is applied to the output while it is written.
        #[must_use]
        pub fn activation(mut self, activation: purlin_tensor::Activation) -> Self {
            self.setup.activation = activation;
            self
        }

        /// Draws the weight anew, from the stream that the layer was made with.
        ///
        /// # Panics
        ///
        /// When the parameters of `init` are invalid; see [`Init::tensor`](crate::Init::tensor).
        #[must_use]
        #[track_caller]
        pub fn init(mut self, init: crate::Init) -> Self {
            self.setup.init = init;
            self.weight = self.setup.weight(self.weight.shape());
            self
        }

        /// Draws the bias anew, if there is one. [`Init::FanInUniform`](crate::Init) takes the
        /// weight's fan.
        ///
        /// # Panics
        ///
        /// As [`init`](Self::init).
        #[must_use]
        #[track_caller]
        pub fn bias_init(mut self, init: crate::Init) -> Self {
            self.setup.bias_init = init;
            let has_bias = self.bias.is_some();
            self.bias(has_bias)
        }
    };
}
use weight_builders;
