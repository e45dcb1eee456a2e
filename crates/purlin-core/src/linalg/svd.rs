//! Singular values and vectors.

use super::householder::{dot, rotate, two_rows};
use super::{Scaled, check, no_convergence, product, qr, sign_of_largest};
use crate::{Matrix, MatrixView, Real, Result};

/// The factors of [`svd`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Svd {
    /// Left singular vectors in columns, `(n_rows, k)` with `k = min(n_rows, n_cols)`.
    pub u: Matrix<f64>,
    /// `k` singular values, falling, none negative.
    pub singular_values: Vec<f64>,
    /// Right singular vectors in rows, `(k, n_cols)`; the largest magnitude of each is positive.
    pub vt: Matrix<f64>,
}

impl Svd {
    /// How many singular values exceed `max(n_rows, n_cols)` roundings of the largest: the
    /// numerical rank.
    pub fn rank(&self) -> usize {
        let size = self.u.n_rows().max(self.vt.n_cols());
        let cutoff = self.singular_values[0] * size as f64 * f64::EPSILON;
        self.singular_values.iter().filter(|&&s| s > cutoff).count()
    }
}

/// `x = u diag(singular_values) vt`, thin.
///
/// One-sided Jacobi rotations on the triangular factor of a QR decomposition: the vectors are
/// orthonormal to rounding for tables of any rank, and small singular values keep their relative
/// accuracy where columns differ in size. Singular values below `1e-145` of the largest become 0.
/// Vectors of equal singular values span the right space but are not unique.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for an empty table,
/// [`Error::NonFinite`](crate::Error::NonFinite) for NaN or an infinity,
/// [`Error::Diverged`](crate::Error::Diverged) should the rotations not settle.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// let x = Matrix::from_rows(&[[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]]);
/// let svd = linalg::svd(x.view())?;
/// assert_eq!(svd.singular_values, [3.0, 2.0]);
/// assert_eq!(svd.vt.row(0), [1.0, 0.0]);
/// assert_eq!(svd.rank(), 2);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - M. R. Hestenes, *Inversion of matrices by biorthogonalization and related results*, J. SIAM
///   6(1), 1958.
/// - Z. Drmač, K. Veselić, *New fast and accurate Jacobi SVD algorithm I*, SIAM J. Matrix Anal.
///   Appl. 29(4), 2008: why to start from a triangular factor.
pub fn svd<T: Real>(x: MatrixView<'_, T>) -> Result<Svd> {
    check("svd", "x", x)?;
    let scaled = Scaled::new(x);
    let mut factors = decompose("svd", &scaled.matrix)?;
    for s in &mut factors.singular_values {
        *s = scaled.scale.restore(*s);
    }
    Ok(factors)
}

/// The decomposition of a scaled table, signs fixed.
pub(super) fn decompose(op: &'static str, matrix: &Matrix<f64>) -> Result<Svd> {
    let is_wide = matrix.n_rows() < matrix.n_cols();
    let (qt, rt) = qr::decompose(if is_wide { matrix.clone() } else { matrix.transpose() });
    let (mut left, singular_values, mut right) = jacobi(op, rt)?;
    left = product(left.view(), qt.view());
    if is_wide {
        (left, right) = (right, left);
    }
    for i in 0..singular_values.len() {
        if sign_of_largest(right.row(i).iter().copied()) < 0.0 {
            left.row_mut(i).iter_mut().for_each(|v| *v = -*v);
            right.row_mut(i).iter_mut().for_each(|v| *v = -*v);
        }
    }
    Ok(Svd { u: left.transpose(), singular_values, vt: right })
}

/// Sweeps over all pairs that are allowed; about six are usual, ten many.
const MAX_SWEEPS: usize = 60;

/// Squared lengths below this are 0: products of shorter columns leave the normal numbers.
const TINY: f64 = 1e-290;

/// Left vectors in rows, singular values falling, right vectors in rows, of the square matrix
/// with those columns (held in rows), whose largest magnitude is near 1.
///
/// Rotates pairs of columns until all are orthogonal; their lengths are the singular values,
/// their directions the left vectors, the accumulated rotations the right ones.
fn jacobi(
    op: &'static str,
    mut columns: Matrix<f64>,
) -> Result<(Matrix<f64>, Vec<f64>, Matrix<f64>)> {
    let n = columns.n_rows();
    let mut rotations = Matrix::<f64>::identity(n);
    // Orthogonal to the rounding of a dot product of n terms.
    let settled = f64::EPSILON * (n as f64).sqrt();
    let mut n_sweeps = 0;
    loop {
        let mut largest_cosine = 0.0f64;
        for p in 0..n {
            for q in p + 1..n {
                let (x, y) = two_rows(&mut columns, p, q);
                let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
                if xx < TINY || yy < TINY {
                    continue;
                }
                let cosine = xy.abs() / (xx.sqrt() * yy.sqrt());
                if cosine <= settled {
                    continue;
                }
                largest_cosine = largest_cosine.max(cosine);
                let (c, s) = rotation(xx, yy, xy);
                rotate(x, y, c, s);
                let (x, y) = two_rows(&mut rotations, p, q);
                rotate(x, y, c, s);
            }
        }
        n_sweeps += 1;
        if largest_cosine == 0.0 {
            break;
        }
        if n_sweeps == MAX_SWEEPS {
            return Err(no_convergence(op, n_sweeps, "cosine between columns", largest_cosine));
        }
    }

    let lengths: Vec<f64> = columns
        .rows()
        .map(|x| dot(x, x))
        .map(|xx| if xx < TINY { 0.0 } else { xx.sqrt() })
        .collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| lengths[b].total_cmp(&lengths[a]));
    let mut left = columns.view().select_rows(&order);
    for (i, &from) in order.iter().enumerate() {
        if lengths[from] > 0.0 {
            left.row_mut(i).iter_mut().for_each(|v| *v /= lengths[from]);
        } else {
            complete(&mut left, i);
        }
    }
    let singular_values = order.iter().map(|&i| lengths[i]).collect();
    Ok((left, singular_values, rotations.view().select_rows(&order)))
}

/// The cosine and sine of the rotation that makes two columns orthogonal, from their squared
/// lengths and their product; of the two angles the smaller.
fn rotation(xx: f64, yy: f64, xy: f64) -> (f64, f64) {
    let zeta = (yy - xx) / (2.0 * xy);
    // 1 + zeta^2 would overflow; it is zeta^2 to rounding long before.
    let root = if zeta.abs() > 1e10 { zeta.abs() } else { (1.0 + zeta * zeta).sqrt() };
    let tangent = 1.0f64.copysign(zeta) / (zeta.abs() + root);
    let c = 1.0 / (1.0 + tangent * tangent).sqrt();
    (c, c * tangent)
}

/// Writes to row `i` a unit vector orthogonal to the rows before it: of the unit vectors, the one
/// that they cover least (the first such), less its shares of them.
fn complete(rows: &mut Matrix<f64>, i: usize) {
    let n = rows.n_cols();
    let covered = |j: usize| (0..i).map(|k| rows[(k, j)] * rows[(k, j)]).sum::<f64>();
    let axis = (0..n).min_by(|&a, &b| covered(a).total_cmp(&covered(b))).unwrap_or(0);
    let mut unit = vec![0.0; n];
    unit[axis] = 1.0;
    // Twice: the second pass removes what rounding left in the first.
    for _ in 0..2 {
        for k in 0..i {
            let row = rows.row(k);
            let share = dot(&unit, row);
            unit.iter_mut().zip(row).for_each(|(u, v)| *u -= share * v);
        }
    }
    let length = dot(&unit, &unit).sqrt();
    rows.row_mut(i).iter_mut().zip(unit).for_each(|(v, u)| *v = u / length);
}
