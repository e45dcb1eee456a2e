//! Layer, batch and group normalisation, forward and backward.
//!
//! Channels lie last. Statistics are the mean and `rstd = 1 / sqrt(var + eps)`, with the
//! population variance, computed in two passes so that a large mean does not cancel.

mod batch;
mod group;
mod layer;

pub use batch::{BatchNorm, batch_norm_stats};
pub use group::GroupNorm;
pub use layer::{layer_norm, layer_norm_grad};

use purlin_core::Real;

/// `1 / sqrt(var + eps)` in double precision, rounded once.
#[inline(always)]
pub(crate) fn rstd<T: Real>(var: T, eps: f64) -> T {
    T::from_f64(1.0 / (var.to_f64() + eps).sqrt())
}
