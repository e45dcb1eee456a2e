//! Attention as its definition says it: the twin of the fast one.

use super::{Attention, Rows};
use crate::gemm::{Epilogue, Gemm, naive};
use crate::softmax::softmax;
use purlin_core::Real;

/// The output `(batch, queries, heads, value_features)`.
pub fn forward<T: Real>(
    spec: &Attention<'_, T>,
    q: Rows<'_, T>,
    k: Rows<'_, T>,
    v: Rows<'_, T>,
) -> Vec<T> {
    let &Attention { batch, queries, keys, heads, features, value_features, .. } = spec;
    let mut out = vec![T::ZERO; batch * queries * heads * value_features];
    let none = Epilogue::none();
    let rows = |of: Rows<'_, T>, first: usize, n: usize, skip: usize, width: usize| {
        let row = |t: usize| of.items[(first + t) * of.step + skip..][..width].to_vec();
        (0..n).flat_map(row).collect::<Vec<T>>()
    };
    for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
        let key_head = h / spec.group();
        for i in 0..queries {
            let n = spec.seen(b, i);
            let query = rows(q, b * queries + i, 1, h * features, features);
            let all_keys = rows(k, b * keys, n, key_head * features, features);
            let values = rows(v, b * keys, n, key_head * value_features, value_features);
            let mut scores = vec![T::ZERO; n];
            naive::gemm(
                &Gemm::new(1, features, n).trans_b(),
                &query,
                &all_keys,
                &mut scores,
                &none,
            );
            for (j, score) in scores.iter_mut().enumerate() {
                *score *= T::from_f64(spec.scale);
                if let Some(bias) = spec.bias_of(b, h, i, n) {
                    *score += bias[j];
                }
            }
            if scores.iter().all(|&score| score == T::NEG_INFINITY) {
                continue;
            }
            let mut probs = vec![T::ZERO; n];
            softmax(&scores, 1, n, &mut probs);
            // Hidden keys beyond the last one seen take part as 0, in their places.
            let out = &mut out[((b * queries + i) * heads + h) * value_features..];
            let out = &mut out[..value_features];
            naive::gemm(&Gemm::new(1, n, value_features), &probs, &values, out, &none);
        }
    }
    out
}
