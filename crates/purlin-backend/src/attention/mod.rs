//! Scaled dot-product attention.
//!
//! `out = softmax(scale q k^T + bias) v` for each head, where a query sees the keys that it may: up
//! to the length of its sequence, and up to its own place where attention is causal. A query that
//! sees no key gives 0. (Values must be finite: those that a block of 64 queries sees count as 0 for those
//! of them that do not, so that an infinity among them gives NaN. What lies behind the length of a
//! sequence is not read.)
//!
//! Some queries at a time are taken through all their keys, so that memory beside the arrays is
//! linear in the number of keys; the way back computes the scores again, from the two numbers that
//! each row kept of its softmax. The order of every sum is that of [`gemm`](crate::gemm) and
//! [`softmax`](crate::softmax).
//!
//! # References
//!
//! - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017.
//! - T. Dao et al., *FlashAttention: fast and memory-efficient exact attention with IO-awareness*,
//!   NeurIPS 2022, for the way back.
//! - J. Ainslie et al., *GQA: training generalized multi-query transformer models from multi-head
//!   checkpoints*, EMNLP 2023, for groups of heads that share their keys.

mod backward;
mod forward;
pub mod naive;
#[cfg(test)]
mod tests;

pub use backward::{Backward, Grads, backward};
pub use forward::{Forward, forward};

use crate::gemm::pack::Source;
use purlin_core::Real;
use std::ops::Range;

/// Queries that a task takes at a time: their scores stay in the second cache.
const ROWS: usize = 64;

/// The sizes of an attention, and who sees whom.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a, T> {
    /// Sequences.
    pub batch: usize,
    /// Queries of each.
    pub queries: usize,
    /// Keys of each.
    pub keys: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values, a divisor of `heads`: head `h` of the queries uses head
    /// `h / (heads / key_heads)`.
    pub key_heads: usize,
    /// Features of a query and a key.
    pub features: usize,
    /// Features of a value.
    pub value_features: usize,
    /// What the product of a query and a key is multiplied by; `1 / sqrt(features)` is usual.
    pub scale: f64,
    /// Whether query `i` sees no key after `i + keys - queries`: the last query sees all.
    pub is_causal: bool,
    /// Keys of each sequence that there are; the others are padding. All without.
    pub lengths: Option<&'a [usize]>,
    /// Added to the scaled products.
    pub bias: Option<Bias<'a, T>>,
}

/// Numbers that are added to the scores; `-inf` hides a key.
#[derive(Debug, Clone, Copy)]
pub struct Bias<'a, T> {
    /// Tables of `(queries, keys)`.
    pub items: &'a [T],
    /// Items from the table of a sequence to the next; 0 if all share one.
    pub batch_step: usize,
    /// Items from the table of a head to the next; 0 if all share one.
    pub head_step: usize,
}

/// Queries, keys or values: the numbers of head `h` at place `t` of sequence `b` begin at
/// `(b * places + t) * step + h * features`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// From the first number of the first head on.
    pub items: &'a [T],
    /// Items from a place to the next: at least heads times features.
    pub step: usize,
}

impl<T: Real> Attention<'_, T> {
    /// Heads of the queries that share a head of the keys.
    fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// Keys that query `i` of sequence `b` sees: the first ones.
    fn seen(&self, b: usize, i: usize) -> usize {
        let there = self.lengths.map_or(self.keys, |lengths| lengths[b]);
        if self.is_causal {
            there.min((i + 1 + self.keys).saturating_sub(self.queries))
        } else {
            there
        }
    }

    /// Keys that any of these queries sees.
    fn seen_by(&self, b: usize, rows: &Range<usize>) -> usize {
        if rows.is_empty() { 0 } else { self.seen(b, rows.end - 1) }
    }

    /// The bias of query `i` for the first `n` keys.
    fn bias_of(&self, b: usize, h: usize, i: usize, n: usize) -> Option<&[T]> {
        let bias = self.bias.as_ref()?;
        let first = b * bias.batch_step + h * bias.head_step + i * self.keys;
        Some(&bias.items[first..first + n])
    }

    /// Multiply-adds, in the unit of [`parallel::THRESHOLD`](crate::parallel::THRESHOLD).
    fn work(&self) -> usize {
        let pairs = (self.batch * self.heads).saturating_mul(self.queries * self.keys);
        pairs.saturating_mul(self.features + self.value_features) / 16
    }

    #[track_caller]
    fn check(&self) {
        let Self { batch, queries, keys, heads, key_heads, features, value_features, .. } = *self;
        // What follows may multiply freely.
        product(&[2, batch, heads, queries.max(keys), features.max(value_features)]);
        product(&[batch, heads, queries, keys]);
        assert!(
            key_heads > 0 && heads > 0 && heads.is_multiple_of(key_heads),
            "attention: expected a divisor of {heads} heads, got {key_heads} heads of the keys"
        );
        assert!(
            self.features > 0 && self.value_features > 0,
            "attention: expected at least 1 feature, got {} and {}",
            self.features,
            self.value_features
        );
        if let Some(lengths) = self.lengths {
            check_len("lengths", batch, lengths.len());
            let longest = lengths.iter().max().copied().unwrap_or(0);
            assert!(
                longest <= keys,
                "attention: expected lengths of at most {keys}, got {longest}"
            );
        }
        if let Some(bias) = self.bias {
            let tables = product(&[batch.saturating_sub(1), bias.batch_step])
                .checked_add(product(&[heads - 1, bias.head_step]));
            let needed = tables.and_then(|tables| tables.checked_add(product(&[queries, keys])));
            let got = bias.items.len();
            assert!(
                batch == 0 || needed.is_some_and(|needed| got >= needed),
                "attention: expected a bias of {needed:?} items, got {got}"
            );
        }
    }
}

impl<T: Real> Rows<'_, T> {
    /// The rows of a head: of `(places, features)` from place `first` on.
    fn of(self, places: usize, features: usize, b: usize, h: usize, first: usize) -> Source<T> {
        let skip = (b * places + first) * self.step + h * features;
        let first = self.items.as_ptr().wrapping_add(skip);
        Source { first, row_step: self.step, column_step: 1 }
    }

    #[track_caller]
    fn check(&self, name: &str, batch: usize, places: usize, heads: usize, features: usize) {
        check_rows(name, self.items.len(), self.step, [batch, places, heads, features]);
    }
}

/// Whether rows of these sizes lie in so many items.
#[track_caller]
fn check_rows(name: &str, got: usize, step: usize, [batch, places, heads, features]: [usize; 4]) {
    let width = product(&[heads, features]);
    assert!(step >= width, "attention: expected a step of at least {width} of {name}, got {step}");
    let n = product(&[batch, places]);
    let needed = if n == 0 { 0 } else { product(&[n - 1, step]).saturating_add(width) };
    assert!(got >= needed, "attention: expected {name} with {needed} items, got {got}");
}

/// A product of sizes; a panic where it does not fit.
#[track_caller]
fn product(sizes: &[usize]) -> usize {
    crate::sizes::product("attention", sizes)
}

#[track_caller]
fn check_len(name: &str, expected: usize, got: usize) {
    assert!(expected == got, "attention: expected {name} with {expected} items, got {got}");
}

/// The blocks of queries.
fn blocks(queries: usize) -> impl Iterator<Item = Range<usize>> {
    (0..queries).step_by(ROWS).map(move |first| first..queries.min(first + ROWS))
}

/// Writes 0 to `m` rows of `n` items, `step` apart.
///
/// # Safety
///
/// They must be writable.
unsafe fn zero<T: Real>(out: *mut T, step: usize, m: usize, n: usize) {
    for row in 0..m {
        // SAFETY: the row is writable (`# Safety`).
        unsafe { std::slice::from_raw_parts_mut(out.add(row * step), n) }.fill(T::ZERO);
    }
}
