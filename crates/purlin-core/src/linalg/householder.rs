//! Reflections, rotations and products of columns: what the decompositions are made of.
//!
//! Columns are held as rows of a [`Matrix`], so that all of this walks over contiguous memory.

use crate::Matrix;

/// In a table whose largest magnitude is near 1, a column of numbers below this is 0: their
/// squares leave the normal numbers, and reflections made of them would not be orthogonal.
const TINY: f64 = 1e-140;

/// Turns `x` into the vector `v` of the reflection `1 - tau v v^T` that maps `x` to
/// `(alpha, 0, .., 0)`, with `v[0] = 1`. Gives `(alpha, tau)`; `tau` is 0, and the reflection the
/// identity, where nothing is left to remove.
pub(super) fn reflector(x: &mut [f64]) -> (f64, f64) {
    let (head, rest) = (x[0], &mut x[1..]);
    if rest.iter().all(|v| v.abs() < TINY) {
        rest.fill(0.0);
        x[0] = 1.0;
        return (head, 0.0);
    }
    let length = (head * head + dot(rest, rest)).sqrt();
    // Away from the head, so that nothing cancels in `head - alpha`.
    let alpha = -length.copysign(head);
    for v in rest {
        *v /= head - alpha;
    }
    x[0] = 1.0;
    (alpha, (alpha - head) / alpha)
}

/// `y - tau v (v . y)`.
pub(super) fn reflect(v: &[f64], tau: f64, y: &mut [f64]) {
    if tau != 0.0 {
        add_scaled(-tau * dot(v, y), v, y);
    }
}

/// `y += a x`.
pub(super) fn add_scaled(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `(c x - s y, s x + c y)`.
pub(super) fn rotate(x: &mut [f64], y: &mut [f64], c: f64, s: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

/// Rows `p < q`, both to write.
pub(super) fn two_rows(matrix: &mut Matrix<f64>, p: usize, q: usize) -> (&mut [f64], &mut [f64]) {
    let n = matrix.n_cols();
    let (head, tail) = matrix.as_mut_slice().split_at_mut(q * n);
    (&mut head[p * n..(p + 1) * n], &mut tail[..n])
}

/// The product in eight lanes, added in a fixed tree.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let ((xs, x_tail), (ys, y_tail)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(x_tail.iter().zip(y_tail)) {
        *sum += x * y;
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
