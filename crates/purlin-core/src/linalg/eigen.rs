//! Eigenvalues and eigenvectors of symmetric matrices.

use super::householder::{add_scaled, dot, reflect, reflector, rotate, two_rows};
use super::{Scaled, check_square, no_convergence, sign_of_largest};
use crate::{Error, Matrix, MatrixView, Real, Result};

/// The factors of [`symmetric_eigen`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SymmetricEigen {
    /// The eigenvalues, rising.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors in columns, in the order of the values; the largest magnitude of
    /// each is positive.
    pub vectors: Matrix<f64>,
}

/// `x = v diag(w) v^T` for symmetric `x`.
///
/// `x` may be off symmetry by rounding (a few units in the last place of `T` at its largest
/// magnitude); the mean of both halves is taken. Householder reflections to tridiagonal form,
/// then implicit QR steps with Wilkinson's shift; each eigenvalue is exact for a matrix within
/// rounding of `x`, so small ones are accurate relative to the largest.
///
/// # Errors
///
/// [`Error::Shape`] for an empty table or one that is not square, [`Error::NonFinite`] for NaN or
/// an infinity, [`Error::InvalidParam`] where `x` is not symmetric, [`Error::Diverged`] should
/// the iteration not settle.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// let x = Matrix::from_rows(&[[2.0, 1.0], [1.0, 2.0]]);
/// let eigen = linalg::symmetric_eigen(x.view())?;
/// assert!((eigen.values[0] - 1.0).abs() < 1e-15);
/// assert!((eigen.values[1] - 3.0).abs() < 1e-15);
/// assert!((eigen.vectors[(0, 1)] - eigen.vectors[(1, 1)]).abs() < 1e-15); // along (1, 1)
///
/// let err = linalg::symmetric_eigen(Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]).view());
/// assert_eq!(
///     err.unwrap_err().to_string(),
///     "symmetric_eigen: x must be symmetric, got 3 at (1, 0) and 2 at (0, 1)"
/// );
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th edition, 2013: section 8.3.
pub fn symmetric_eigen<T: Real>(x: MatrixView<'_, T>) -> Result<SymmetricEigen> {
    const OP: &str = "symmetric_eigen";
    check_square(OP, "x", x)?;
    check_symmetric(OP, x)?;
    let scaled = Scaled::new(x);
    let n = x.n_rows();
    let a = &scaled.matrix;
    let symmetric = Matrix::from_fn(n, n, |i, j| 0.5 * (a[(i, j)] + a[(j, i)]));
    let Tridiagonal { mut diagonal, mut off, mut vectors } = tridiagonal(symmetric);
    diagonalise(OP, &mut diagonal, &mut off, &mut vectors)?;

    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| diagonal[a].total_cmp(&diagonal[b]));
    let mut vectors = vectors.view().select_rows(&order);
    for i in 0..n {
        let sign = sign_of_largest(vectors.row(i).iter().copied());
        vectors.row_mut(i).iter_mut().for_each(|v| *v *= sign);
    }
    let values = order.iter().map(|&i| scaled.scale.restore(diagonal[i])).collect();
    Ok(SymmetricEigen { values, vectors: vectors.transpose() })
}

/// `a = q t q^T`: the diagonal and the off-diagonal of `t`, and the columns of `q` in rows.
struct Tridiagonal {
    diagonal: Vec<f64>,
    off: Vec<f64>,
    vectors: Matrix<f64>,
}

/// Reflects from both sides, column by column.
fn tridiagonal(mut a: Matrix<f64>) -> Tridiagonal {
    let n = a.n_rows();
    let mut off = Vec::with_capacity(n.saturating_sub(1));
    let mut reflections: Vec<(Vec<f64>, f64)> = Vec::with_capacity(n.saturating_sub(1));
    for k in 0..n.saturating_sub(1) {
        let mut v = a.row(k)[k + 1..].to_vec();
        let (alpha, tau) = reflector(&mut v);
        off.push(alpha);
        if tau != 0.0 {
            // H B H = B - v w^T - w v^T with w = p - (tau / 2) (p . v) v, p = tau B v
            let mut w: Vec<f64> = (k + 1..n).map(|i| tau * dot(&a.row(i)[k + 1..], &v)).collect();
            let half = 0.5 * tau * dot(&w, &v);
            add_scaled(-half, &v, &mut w);
            for i in 0..v.len() {
                let row = &mut a.row_mut(k + 1 + i)[k + 1..];
                add_scaled(-v[i], &w, row);
                add_scaled(-w[i], &v, row);
            }
        }
        reflections.push((v, tau));
    }
    let diagonal = (0..n).map(|i| a[(i, i)]).collect();
    let mut vectors = Matrix::identity(n);
    for (k, (v, tau)) in reflections.iter().enumerate().rev() {
        for row in k + 1..n {
            reflect(v, *tau, &mut vectors.row_mut(row)[k + 1..]);
        }
    }
    Tridiagonal { diagonal, off, vectors }
}

/// Implicit QR steps until the off-diagonal vanishes; the vectors are turned along.
fn diagonalise(
    op: &'static str,
    d: &mut [f64],
    e: &mut [f64],
    vectors: &mut Matrix<f64>,
) -> Result<()> {
    /// Steps allowed per eigenvalue; two or three are usual.
    const STEPS_PER_VALUE: usize = 60;
    let size = d.iter().chain(e.iter()).fold(0.0f64, |m, v| m.max(v.abs()));
    let negligible = f64::EPSILON * size;
    let mut n_steps = 0;
    let mut end = d.len() - 1; // of the block still coupled
    while end > 0 {
        if e[end - 1].abs() <= negligible {
            end -= 1;
            continue;
        }
        let start = e[..end].iter().rposition(|v| v.abs() <= negligible).map_or(0, |i| i + 1);
        if n_steps == STEPS_PER_VALUE * d.len() {
            return Err(no_convergence(op, n_steps, "off-diagonal", e[end - 1]));
        }
        n_steps += 1;
        step(d, e, vectors, start, end);
    }
    Ok(())
}

/// One step on the block `start..=end`: the shift is the eigenvalue of the last 2 by 2 block
/// nearer to its corner, and rotations chase the bulge from the top down.
fn step(d: &mut [f64], e: &mut [f64], vectors: &mut Matrix<f64>, start: usize, end: usize) {
    let delta = 0.5 * (d[end - 1] - d[end]);
    let last = e[end - 1];
    let shift =
        d[end] - last * last / (delta + (delta * delta + last * last).sqrt().copysign(delta));
    let (mut x, mut z) = (d[start] - shift, e[start]);
    for k in start..end {
        let length = (x * x + z * z).sqrt();
        let (c, s) = if length > 0.0 { (x / length, z / length) } else { (1.0, 0.0) };
        if k > start {
            e[k - 1] = length;
        }
        let (d0, d1, off) = (d[k], d[k + 1], e[k]);
        d[k] = c * c * d0 + 2.0 * c * s * off + s * s * d1;
        d[k + 1] = s * s * d0 - 2.0 * c * s * off + c * c * d1;
        e[k] = c * s * (d1 - d0) + (c * c - s * s) * off;
        if k + 1 < end {
            x = e[k];
            z = s * e[k + 1];
            e[k + 1] *= c;
        }
        let (low, high) = two_rows(vectors, k, k + 1);
        rotate(low, high, c, -s);
    }
}

/// Refuses a difference between the halves that rounding in `T` does not explain.
pub(super) fn check_symmetric<T: Real>(op: &'static str, x: MatrixView<'_, T>) -> Result<()> {
    let largest = x.rows().flatten().fold(0.0f64, |m, v| m.max(v.to_f64().abs()));
    let slack = 16.0 * T::EPSILON.to_f64() * largest;
    for i in 0..x.n_rows() {
        for j in 0..i {
            let (low, high) = (x[(i, j)], x[(j, i)]);
            // Halved so that opposite huge numbers do not overflow.
            if (0.5 * low.to_f64() - 0.5 * high.to_f64()).abs() > 0.5 * slack {
                let got = format!("{low} at ({i}, {j}) and {high} at ({j}, {i})");
                return Err(Error::param(op, "x", "symmetric", got));
            }
        }
    }
    Ok(())
}
