//! The way back.

use super::forward::scores;
use super::{Attention, ROWS, Rows, blocks, check_len, check_rows, zero};
use crate::gemm::K_BLOCK;
use crate::gemm::inner::{Right, pack, product};
use crate::gemm::pack::Source;
use crate::gemm::tile::Out;
use crate::mono::once;
use crate::parallel::{self, Shared};
use crate::reduce::row;
use crate::{Buffer, Kernel, dispatch, math};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// What [`backward`] reads and writes.
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// The queries.
    pub q: Rows<'a, T>,
    /// The keys.
    pub k: Rows<'a, T>,
    /// The values.
    pub v: Rows<'a, T>,
    /// What [`forward`](super::forward) wrote, `(batch, heads, queries, 2)`.
    pub norms: &'a [T],
    /// The gradient of what [`forward`](super::forward) wrote,
    /// `(batch, queries, heads, value_features)`.
    pub grad_out: &'a [T],
    /// Takes the gradients.
    pub grads: Grads<'a, T>,
}

/// Where the gradients of queries, keys and values go.
#[derive(Debug)]
pub enum Grads<'a, T> {
    /// Each in an array of its own: `(batch, places, heads, features)` without gaps.
    Apart {
        /// Of the queries.
        q: &'a mut [T],
        /// Of the keys.
        k: &'a mut [T],
        /// Of the values.
        v: &'a mut [T],
    },
    /// At each place those of all heads of the query, then of the key, then of the value; there are
    /// as many queries as keys.
    Packed(&'a mut [T]),
}

/// The gradients of [`forward`](super::forward); those of padding are 0. The bias has none.
///
/// Heads run on several threads, the queries of a head one after the other.
///
/// # Panics
///
/// When an array has not the length that the sizes say.
#[track_caller]
pub fn backward<T: Real>(spec: &Attention<'_, T>, arrays: Backward<'_, T>) {
    once!(|spec: &Attention<'_, T>, arrays: Backward<'_, T>| {
        spec.check();
        let &Attention { batch, queries, keys, heads, key_heads, .. } = spec;
        let &Attention { features, value_features, .. } = spec;
        let Backward { q, k, v, norms, grad_out, grads } = arrays;
        q.check("q", batch, queries, heads, features);
        k.check("k", batch, keys, key_heads, features);
        v.check("v", batch, keys, key_heads, value_features);
        check_len("norms", 2 * batch * heads * queries, norms.len());
        check_len("grad_out", batch * queries * heads * value_features, grad_out.len());
        let (q_width, k_width) = (heads * features, key_heads * features);
        let v_width = key_heads * value_features;
        let grads = match grads {
            Grads::Apart { q, k, v } => {
                check_rows("grad q", q.len(), q_width, [batch, queries, heads, features]);
                check_rows("grad k", k.len(), k_width, [batch, keys, key_heads, features]);
                check_rows("grad v", v.len(), v_width, [batch, keys, key_heads, value_features]);
                let at = |items: &mut [T]| Shared(items.as_mut_ptr());
                [(at(q), q_width), (at(k), k_width), (at(v), v_width)]
            }
            Grads::Packed(items) => {
                assert!(
                    queries == keys,
                    "attention: expected as many queries as keys, got {queries} and {keys}"
                );
                let step = q_width + k_width + v_width;
                check_len("grads", batch * keys * step, items.len());
                let first = Shared(items.as_mut_ptr());
                [(first, step), (first.at(q_width), step), (first.at(q_width + k_width), step)]
            }
        };
        parallel::for_each(batch * key_heads, 3 * spec.work(), |i| {
            let (b, group) = (i / key_heads, i % key_heads);
            dispatch(Head { spec, q, k, v, norms, grad_out, grads, b, group });
        });
    });
}

/// A head of the keys, with all heads of the queries that use it.
struct Head<'a, T> {
    spec: &'a Attention<'a, T>,
    q: Rows<'a, T>,
    k: Rows<'a, T>,
    v: Rows<'a, T>,
    norms: &'a [T],
    grad_out: &'a [T],
    /// Of queries, keys and values: the first item, and the step from a place to the next.
    grads: [(Shared<T>, usize); 3],
    b: usize,
    /// The head of the keys.
    group: usize,
}

impl<T: Real> Kernel for Head<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, q, k, v, norms, grad_out, grads, b, group } = self;
        let &Attention { queries, keys, heads, features, value_features, scale, .. } = spec;
        let [(grad_q, q_step), (grad_k, k_step), (grad_v, v_step)] = grads;
        let grad_k = grad_k.at(b * keys * k_step + group * features).0;
        let grad_v = grad_v.at(b * keys * v_step + group * value_features).0;
        // SAFETY: the lengths were checked; each task writes the rows of its own sequence and head.
        unsafe {
            zero(grad_k, k_step, keys, features);
            zero(grad_v, v_step, keys, value_features);
        }
        let n_all = spec.seen_by(b, &(0..queries));
        let rows_max = ROWS.min(queries);
        let room = |k: usize, n: usize| Buffer::scratch(Right::<T>::panels_len(k, n));
        let mut k_across = room(features, n_all);
        let mut k_down = room(n_all, features);
        let mut v_across = room(value_features, n_all);
        let mut q_panels = room(rows_max, features);
        let mut grad_panels = room(rows_max, value_features);
        let mut probs = Buffer::scratch(rows_max * n_all);
        let mut grad_scores = Buffer::scratch(rows_max * n_all);
        let longest = features.max(value_features).max(n_all).min(K_BLOCK);
        let mut scratch = Buffer::scratch(rows_max * n_all.max(longest));
        let k_rows = k.of(keys, features, b, group, 0);
        let v_rows = v.of(keys, value_features, b, group, 0);
        // SAFETY: `check` has seen that all places of all heads lie in their arrays; `n_all` is at
        // most the number of keys.
        unsafe {
            pack::<T::Lanes<I>>(k_rows.transposed(), features, n_all, &mut k_across);
            pack::<T::Lanes<I>>(k_rows, n_all, features, &mut k_down);
            pack::<T::Lanes<I>>(v_rows.transposed(), value_features, n_all, &mut v_across);
        }
        let k_across = Right::panels(&k_across, features, n_all);
        let k_down = Right::panels(&k_down, n_all, features);
        let v_across = Right::panels(&v_across, value_features, n_all);
        let out_step = heads * value_features;
        let size = spec.group();
        for h in group * size..(group + 1) * size {
            for rows in blocks(queries) {
                let (m, n) = (rows.len(), spec.seen_by(b, &rows));
                let q_rows = q.of(queries, features, b, h, rows.start);
                let first = (b * queries + rows.start) * out_step + h * value_features;
                let grad_rows = Source {
                    first: grad_out.as_ptr().wrapping_add(first),
                    row_step: out_step,
                    column_step: 1,
                };
                let (probs, grad_scores) = (&mut probs[..m * n], &mut grad_scores[..m * n]);
                // SAFETY: as above; `probs` and `grad_scores` are `m` rows of `n`.
                unsafe {
                    let (to, grad_to) = (probs.as_mut_ptr(), grad_scores.as_mut_ptr());
                    let (k, v) = (k_across.first(features, n), v_across.first(value_features, n));
                    let out = Out::sums(to, n, false);
                    product::<T::Lanes<I>>(m, q_rows, k, out, &mut scratch);
                    let out = Out::sums(grad_to, n, false);
                    product::<T::Lanes<I>>(m, grad_rows, v, out, &mut scratch);
                    pack::<T::Lanes<I>>(q_rows, m, features, &mut q_panels);
                    pack::<T::Lanes<I>>(grad_rows, m, value_features, &mut grad_panels);
                }
                for (i, row) in rows.clone().zip(0..m) {
                    let probs = &mut probs[row * n..(row + 1) * n];
                    let grad_scores = &mut grad_scores[row * n..(row + 1) * n];
                    let seen = spec.seen(b, i);
                    probs[seen..].fill(T::ZERO);
                    grad_scores[seen..].fill(T::ZERO);
                    let (probs, grad_scores) = (&mut probs[..seen], &mut grad_scores[..seen]);
                    scores::<I, T>(probs, scale, spec.bias_of(b, h, i, seen));
                    let norm = &norms[2 * ((b * heads + h) * queries + i)..][..2];
                    softmax_back::<I, T>(probs, grad_scores, norm, scale);
                }
                let q_right = Right::panels(&q_panels, m, features).whole();
                let grad_right = Right::panels(&grad_panels, m, value_features).whole();
                let scores_of =
                    |items: &[T]| Source { first: items.as_ptr(), row_step: n, column_step: 1 };
                let grad_q = grad_q.at((b * queries + rows.start) * q_step + h * features).0;
                // SAFETY: as above; of the gradients each task writes the rows of its own sequence
                // and heads.
                unsafe {
                    let left = scores_of(grad_scores);
                    let k = k_down.first(n, features);
                    if n == 0 {
                        zero(grad_q, q_step, m, features);
                    }
                    let out = Out::sums(grad_q, q_step, false);
                    product::<T::Lanes<I>>(m, left, k, out, &mut scratch);
                    let left = left.transposed();
                    let out = Out::sums(grad_k, k_step, true);
                    product::<T::Lanes<I>>(n, left, q_right, out, &mut scratch);
                    let left = scores_of(probs).transposed();
                    let out = Out::sums(grad_v, v_step, true);
                    product::<T::Lanes<I>>(n, left, grad_right, out, &mut scratch);
                }
            }
        }
    }
}

/// From scores to probabilities, and from the gradient of the probabilities to that of the
/// products: `p (grad_p - <grad_p, p>) scale`. (The inner product is that of output and its gradient
/// too, but rounded otherwise: this one makes the sum of the row vanish.)
#[inline(always)]
fn softmax_back<I: Isa, T: Real>(scores: &mut [T], grads: &mut [T], norm: &[T], scale: f64) {
    let lanes = T::Lanes::<I>::LANES;
    let (max, inverse) = (T::Lanes::<I>::splat(norm[0]), T::Lanes::<I>::splat(norm[1]));
    for first in (0..scores.len()).step_by(lanes) {
        let end = scores.len().min(first + lanes);
        let score = T::Lanes::<I>::load_partial(&scores[first..end], T::ZERO);
        (math::exp(score - max) * inverse).store_partial(&mut scores[first..end]);
    }
    let inner = T::Lanes::<I>::splat(row::dot::<I, T>(scores, grads));
    let scale = T::Lanes::<I>::splat_f64(scale);
    for first in (0..scores.len()).step_by(lanes) {
        let end = scores.len().min(first + lanes);
        let p = T::Lanes::<I>::load_partial(&scores[first..end], T::ZERO);
        let grad = T::Lanes::<I>::load_partial(&grads[first..end], T::ZERO);
        (p * (grad - inner) * scale).store_partial(&mut grads[first..end]);
    }
}
