//! The product as its definition says it, in the documented order: the twin of the fast one.

use super::{Epilogue, Gemm, K_BLOCK};
use purlin_core::Real;

/// [`gemm`](super::gemm()) as three loops.
pub fn gemm<T: Real>(spec: &Gemm, a: &[T], b: &[T], c: &mut [T], epilogue: &Epilogue<'_, T>) {
    let &Gemm { m, k, n, trans_a, trans_b, accumulate } = spec;
    let a_at = |i: usize, p: usize| if trans_a { a[p * m + i] } else { a[i * k + p] };
    let b_at = |p: usize, j: usize| if trans_b { b[j * k + p] } else { b[p * n + j] };
    for i in 0..m {
        for j in 0..n {
            let mut total = accumulate.then(|| c[i * n + j]);
            for start in (0..k).step_by(K_BLOCK) {
                let mut sum = T::ZERO;
                for p in start..k.min(start + K_BLOCK) {
                    sum = a_at(i, p).mul_add(b_at(p, j), sum);
                }
                total = Some(total.map_or(sum, |total| total + sum));
            }
            c[i * n + j] = epilogue.apply(j, total.unwrap_or(T::ZERO));
        }
    }
}
