//! The operations: one file per family, each with values, derivatives, docs and tests.
//!
//! A new elementwise operation is one file with a [`elementwise::Unary`] (value and gradient as
//! formulas over vectors) and a method on [`Tensor`](crate::Tensor), and one line here.

mod activation;
mod arithmetic;
mod attention;
mod batch_norm;
mod broadcast;
mod compare;
mod concat;
mod conv;
mod conv_transpose;
mod cross_entropy;
mod ctc;
mod cumulative;
mod dropout;
mod einsum;
mod elementwise;
mod exponential;
mod extrema;
mod feed_forward;
mod index;
mod layer_norm;
mod linear;
mod linear_map;
mod matmul;
mod norm;
mod permute;
mod pool;
mod power;
mod product;
mod recurrent;
mod reduce;
mod reorder;
mod reshape;
mod rounding;
mod scatter;
mod select;
mod slice;
mod softmax;
mod sort;
mod triangle;
mod trigonometry;
mod variance;

pub use attention::{AttentionOptions, attention, attention_weights, self_attention};
pub use batch_norm::{BatchNormOutput, batch_norm, batch_norm_infer};
pub use conv::{Conv1dOptions, Conv2dOptions, conv1d, conv2d};
pub use conv_transpose::{ConvTranspose2dOptions, conv_transpose2d};
pub use cross_entropy::{CrossEntropyOptions, Reduction, check_targets, cross_entropy};
pub use ctc::{CtcOptions, ctc};
pub use dropout::{dropout, dropout_mask};
pub use einsum::einsum;
pub use feed_forward::{FeedForwardWeights, feed_forward};
pub use layer_norm::{group_norm, layer_norm};
pub use linear::linear;
pub use norm::Norm;
pub use pool::{Pool2dOptions, adaptive_avg_pool2d, avg_pool2d, max_pool2d};
pub use recurrent::{RecurrentOptions, RecurrentOutput, RecurrentWeights, recurrent};
pub use select::where_;

/// The value, or a panic with the error's text at the caller.
#[track_caller]
pub(crate) fn or_panic<R>(result: purlin_core::Result<R>) -> R {
    match result {
        Ok(value) => value,
        Err(err) => panic!("{err}"),
    }
}
