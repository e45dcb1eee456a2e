//! Two products with an activation between them, `f(x W + b) V + c`: the feed-forward part of a
//! transformer.
//!
//! What is between the products is several times as wide as what goes in and comes out, and would be
//! written to memory and read again by each step of the way. Here a task takes some rows through all of it:
//!
//! | way | a task | what stays in its second cache |
//! |---|---|---|
//! | forwards | some rows, [`K_BLOCK`] hidden columns at a time | the hidden values of these rows and columns |
//! | backwards | [`K_BLOCK`] hidden columns, as many rows at a time | their hidden values and gradients, and the gradients of both weights |
//!
//! (The gradients of both weights for up to some 500 features and outputs and a cache of 2 MiB; beyond, they
//! come from the third.)
//!
//! Forwards keeps the sums before the activation; backwards computes the activation again, which takes
//! less time than reading it.
//!
//! Few rows, and the way back where parts of the hidden columns would not keep the threads busy, go one
//! operation after the other (`whole`), with the same bits: blocks end where the chains of [`gemm`](crate::gemm) end, and what several
//! tasks add to is added in their order.

mod backward;
mod forward;
mod rule;
#[cfg(test)]
mod tests;
mod whole;

pub use backward::{Backward, backward};
pub use forward::forward;
pub use rule::FeedForwardActivation;

use crate::gemm::K_BLOCK;
use crate::sizes::product;
use purlin_core::Real;

/// The sizes and parameters of `f(x W + b) V + c`.
///
/// # Examples
///
/// ```
/// use purlin_backend::feed_forward::{FeedForward, FeedForwardActivation, forward};
///
/// let spec = FeedForward {
///     rows: 1,
///     features: 2,
///     hidden: 2,
///     outputs: 1,
///     weight1: &[1.0, -1.0, 1.0, -1.0],
///     bias1: None,
///     weight2: &[1.0, 1.0],
///     bias2: Some(&[0.5]),
///     activation: FeedForwardActivation::Relu,
///     mask: None,
/// };
/// let mut y = [0.0f32];
/// forward(&spec, &[1.0, 2.0], None, &mut y);
/// assert_eq!(y, [3.5]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FeedForward<'a, T> {
    /// Rows of `x`.
    pub rows: usize,
    /// Columns of `x`.
    pub features: usize,
    /// Columns between the products.
    pub hidden: usize,
    /// Columns of the result.
    pub outputs: usize,
    /// `W`, of shape `(features, hidden)`.
    pub weight1: &'a [T],
    /// `b`, of shape `(hidden,)`.
    pub bias1: Option<&'a [T]>,
    /// `V`, of shape `(hidden, outputs)`.
    pub weight2: &'a [T],
    /// `c`, of shape `(outputs,)`.
    pub bias2: Option<&'a [T]>,
    /// `f`.
    pub activation: FeedForwardActivation,
    /// What the hidden values are multiplied with after the activation, of shape `(rows, hidden)`:
    /// dropout.
    pub mask: Option<&'a [T]>,
}

impl<T: Real> FeedForward<'_, T> {
    /// Parts of at most [`K_BLOCK`] hidden columns.
    fn parts(&self) -> usize {
        self.hidden.div_ceil(K_BLOCK)
    }

    /// First hidden column of part `i`, and how many it has.
    fn part(&self, i: usize) -> (usize, usize) {
        let first = i * K_BLOCK;
        (first, K_BLOCK.min(self.hidden - first))
    }

    /// Multiply-adds of both products, in the unit of
    /// [`parallel::THRESHOLD`](crate::parallel::THRESHOLD).
    fn work(&self) -> usize {
        let columns = self.features.saturating_add(self.outputs);
        self.rows.saturating_mul(self.hidden).saturating_mul(columns) / 16
    }

    #[track_caller]
    fn check(&self) {
        let &Self { rows, features, hidden, outputs, .. } = self;
        let product = |sizes: [usize; 2]| product("feed_forward", &sizes);
        check_len("weight1", product([features, hidden]), self.weight1.len());
        check_len("weight2", product([hidden, outputs]), self.weight2.len());
        check_len("bias1", hidden, self.bias1.map_or(hidden, <[T]>::len));
        check_len("bias2", outputs, self.bias2.map_or(outputs, <[T]>::len));
        let len = product([rows, hidden]);
        check_len("mask", len, self.mask.map_or(len, <[T]>::len));
        // What follows multiplies freely.
        product([rows, features]);
        product([rows, outputs]);
    }
}

#[track_caller]
fn check_len(name: &str, expected: usize, got: usize) {
    assert!(expected == got, "feed_forward: expected {name} with {expected} items, got {got}");
}
