//! The way forwards.

use super::{Attention, ROWS, Rows, check_len, zero};
use crate::gemm::K_BLOCK;
use crate::gemm::inner::{Right, pack, product};
use crate::gemm::pack::Source;
use crate::gemm::tile::Out;
use crate::mono::once;
use crate::parallel::{self, Shared};
use crate::reduce::row;
use crate::softmax::scale;
use crate::{Buffer, Kernel, dispatch, math};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};
use std::ops::Range;

/// What [`forward`] reads and writes.
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// The queries.
    pub q: Rows<'a, T>,
    /// The keys.
    pub k: Rows<'a, T>,
    /// The values.
    pub v: Rows<'a, T>,
    /// `(batch, queries, heads, value_features)`.
    pub out: &'a mut [T],
    /// `(batch, heads, queries, 2)`, for the way back: the greatest score, and the inverse of the
    /// sum of the exponentials of what the scores are beside it; 0 for a query that sees nothing.
    pub norms: Option<&'a mut [T]>,
}

/// Attention of all heads.
///
/// # Panics
///
/// When an array has not the length that the sizes say.
///
/// # Examples
///
/// ```
/// use purlin_backend::attention::{Attention, Forward, Rows, forward};
///
/// // One query, two keys that are alike: the mean of their values.
/// let spec = Attention {
///     batch: 1,
///     queries: 1,
///     keys: 2,
///     heads: 1,
///     key_heads: 1,
///     features: 1,
///     value_features: 1,
///     scale: 1.0,
///     is_causal: false,
///     lengths: None,
///     bias: None,
/// };
/// let (q, k, v) = ([3.0], [1.0, 1.0], [2.0, 4.0]);
/// let rows = |items| Rows { items, step: 1 };
/// let mut out = [0.0];
/// let (q, k, v) = (rows(&q), rows(&k), rows(&v));
/// forward(&spec, Forward { q, k, v, out: &mut out, norms: None });
/// assert_eq!(out, [3.0]);
/// ```
#[track_caller]
pub fn forward<T: Real>(spec: &Attention<'_, T>, arrays: Forward<'_, T>) {
    once!(|spec: &Attention<'_, T>, arrays: Forward<'_, T>| {
        spec.check();
        let &Attention { batch, queries, keys, heads, key_heads, .. } = spec;
        let &Attention { features, value_features, .. } = spec;
        let Forward { q, k, v, out, norms } = arrays;
        q.check("q", batch, queries, heads, features);
        k.check("k", batch, keys, key_heads, features);
        v.check("v", batch, keys, key_heads, value_features);
        check_len("out", batch * queries * heads * value_features, out.len());
        let norms = norms.map(|norms| {
            check_len("norms", 2 * batch * heads * queries, norms.len());
            Shared(norms.as_mut_ptr())
        });
        let out = Shared(out.as_mut_ptr());
        let per_head = queries.div_ceil(ROWS);
        parallel::for_each(batch * heads * per_head, spec.work(), |i| {
            let (b, h) = (i / per_head / heads, i / per_head % heads);
            let first = i % per_head * ROWS;
            let rows = first..queries.min(first + ROWS);
            dispatch(Queries { spec, q, k, v, out, norms, b, h, rows });
        });
    });
}

/// Some queries of one head.
struct Queries<'a, T> {
    spec: &'a Attention<'a, T>,
    q: Rows<'a, T>,
    k: Rows<'a, T>,
    v: Rows<'a, T>,
    out: Shared<T>,
    norms: Option<Shared<T>>,
    b: usize,
    h: usize,
    rows: Range<usize>,
}

impl<T: Real> Kernel for Queries<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, q, k, v, out, norms, b, h, rows } = self;
        let &Attention { queries, keys, heads, features, value_features, .. } = spec;
        let (m, n, key_head) = (rows.len(), spec.seen_by(b, &rows), h / spec.group());
        let mut k_panels = Buffer::scratch(Right::<T>::panels_len(features, n));
        let mut v_panels = Buffer::scratch(Right::<T>::panels_len(n, value_features));
        let mut scores = Buffer::scratch(m * n);
        let mut scratch = Buffer::scratch(m * features.max(n).min(K_BLOCK));
        let q_rows = q.of(queries, features, b, h, rows.start);
        let k_rows = k.of(keys, features, b, key_head, 0);
        let v_rows = v.of(keys, value_features, b, key_head, 0);
        // SAFETY: `check` has seen that all places of all heads lie in their arrays; `n` is at most
        // the number of keys.
        unsafe {
            pack::<T::Lanes<I>>(k_rows.transposed(), features, n, &mut k_panels);
            pack::<T::Lanes<I>>(v_rows, n, value_features, &mut v_panels);
            let k_panels = Right::panels(&k_panels, features, n).whole();
            let to = scores.as_mut_ptr();
            product::<T::Lanes<I>>(m, q_rows, k_panels, Out::sums(to, n, false), &mut scratch);
        }
        for (i, row) in rows.clone().zip(0..m) {
            let scores = &mut scores[row * n..(row + 1) * n];
            let (seen, hidden) = scores.split_at_mut(spec.seen(b, i));
            hidden.fill(T::ZERO);
            let bias = spec.bias_of(b, h, i, seen.len());
            let norm = probabilities::<I, T>(seen, spec.scale, bias);
            if let Some(norms) = norms {
                // SAFETY: each task writes the places of its own queries.
                unsafe {
                    norms.at(2 * ((b * heads + h) * queries + i)).0.cast::<[T; 2]>().write(norm);
                };
            }
        }
        let left = Source { first: scores.as_ptr(), row_step: n, column_step: 1 };
        let right = Right::panels(&v_panels, n, value_features).whole();
        let step = heads * value_features;
        let out = out.at((b * queries + rows.start) * step + h * value_features).0;
        if n == 0 {
            // SAFETY: as below.
            unsafe { zero(out, step, m, value_features) };
            return;
        }
        let out = Out::sums(out, step, false);
        // SAFETY: the scores are `m` rows of `n`; of `out`, whose length was checked, each task
        // writes the rows of its own queries and head.
        unsafe { product::<T::Lanes<I>>(m, left, right, out, &mut scratch) };
    }
}

/// Makes probabilities of products; returns the greatest score and the inverse of the sum of the
/// exponentials: apart, because beside a large score the logarithm of the sum would be rounded away.
#[inline(always)]
fn probabilities<I: Isa, T: Real>(row: &mut [T], factor: f64, bias: Option<&[T]>) -> [T; 2] {
    scores::<I, T>(row, factor, bias);
    let (max, sum) = softmax_in_place::<I, T>(row);
    if max == T::NEG_INFINITY {
        // Nothing is seen.
        row.fill(T::ZERO);
        return [T::ZERO; 2];
    }
    [max, T::ONE / sum]
}

/// `row = factor row + bias`.
#[inline(always)]
pub(super) fn scores<I: Isa, T: Real>(row: &mut [T], factor: f64, bias: Option<&[T]>) {
    let lanes = T::Lanes::<I>::LANES;
    let factor = T::Lanes::<I>::splat_f64(factor);
    for first in (0..row.len()).step_by(lanes) {
        let end = row.len().min(first + lanes);
        let mut x = T::Lanes::<I>::load_partial(&row[first..end], T::ZERO) * factor;
        if let Some(bias) = bias {
            x = x + T::Lanes::<I>::load_partial(&bias[first..end], T::ZERO);
        }
        x.store_partial(&mut row[first..end]);
    }
}

/// The softmax of a row in its place, with the order of [`softmax`](crate::softmax::softmax);
/// returns its maximum and the sum of the shifted exponentials.
#[inline(always)]
fn softmax_in_place<I: Isa, T: Real>(row: &mut [T]) -> (T, T) {
    let lanes = T::Lanes::<I>::LANES;
    let max = row::max::<I, T>(row);
    let shift = T::Lanes::<I>::splat(max);
    let mut sum = T::Lanes::<I>::splat(T::ZERO);
    for first in (0..row.len()).step_by(lanes) {
        let end = row.len().min(first + lanes);
        let x = T::Lanes::<I>::load_partial(&row[first..end], T::NEG_INFINITY);
        let e = math::exp(x - shift);
        e.store_partial(&mut row[first..end]);
        sum = sum + e;
    }
    let sum = sum.sum();
    scale::<I, T>(row, T::ONE / sum);
    (max, sum)
}
