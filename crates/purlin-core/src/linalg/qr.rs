//! Orthogonal times triangular.

use super::householder::{reflect, reflector, two_rows};
use super::{Scaled, check};
use crate::{Matrix, MatrixView, Real, Result};

/// The factors of [`qr`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Qr {
    /// Orthonormal columns, `(n_rows, k)` with `k = min(n_rows, n_cols)`.
    pub q: Matrix<f64>,
    /// Upper triangular, `(k, n_cols)`, no negative number on the diagonal.
    pub r: Matrix<f64>,
}

/// `x = q r` with orthonormal columns in `q` and `r` upper triangular, by Householder reflections.
///
/// Without pivoting: a column that depends on those before it gives a diagonal near 0 in `r`.
/// `q` is orthonormal all the same.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for an empty table,
/// [`Error::NonFinite`](crate::Error::NonFinite) for NaN or an infinity.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// let x = Matrix::from_rows(&[[3.0, 1.0], [4.0, 2.0]]);
/// let qr = linalg::qr(x.view())?;
/// assert!((qr.r[(0, 0)] - 5.0).abs() < 1e-14); // the length of the first column
/// assert_eq!(qr.r[(1, 0)], 0.0);
/// assert!((qr.q[(1, 0)] - 0.8).abs() < 1e-14);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn qr<T: Real>(x: MatrixView<'_, T>) -> Result<Qr> {
    check("qr", "x", x)?;
    let scaled = Scaled::new(x);
    let (qt, rt) = decompose(scaled.matrix.transpose());
    Ok(Qr { q: qt.transpose(), r: rt.transpose().map(|v| scaled.restore(v)) })
}

/// `(q^T, r^T)` of the scaled table whose columns are the rows of `columns`.
pub(super) fn decompose(mut columns: Matrix<f64>) -> (Matrix<f64>, Matrix<f64>) {
    let (n, m) = columns.shape();
    let k = n.min(m);
    // Column `j` becomes `r[..j, j]` followed by the vector of reflection `j`.
    let mut diagonal = Vec::with_capacity(k);
    let mut taus = Vec::with_capacity(k);
    for j in 0..k {
        let (alpha, tau) = reflector(&mut columns.row_mut(j)[j..]);
        diagonal.push(alpha);
        taus.push(tau);
        for other in j + 1..n {
            let (v, y) = two_rows(&mut columns, j, other);
            reflect(&v[j..], tau, &mut y[j..]);
        }
    }

    // q = H_0 H_1 .. H_{k-1}, applied to unit vectors from the last reflection on.
    let mut qt = Matrix::zeros(k, m);
    for i in (0..k).rev() {
        qt[(i, i)] = 1.0;
        for row in i..k {
            reflect(&columns.row(i)[i..], taus[i], &mut qt.row_mut(row)[i..]);
        }
    }
    // The diagonal of r made positive.
    let mut rt = Matrix::from_fn(n, k, |col, row| match row.cmp(&col) {
        std::cmp::Ordering::Less => columns[(col, row)],
        std::cmp::Ordering::Equal => diagonal[row],
        std::cmp::Ordering::Greater => 0.0,
    });
    for (i, alpha) in diagonal.into_iter().enumerate() {
        if alpha.is_sign_negative() {
            qt.row_mut(i).iter_mut().for_each(|v| *v = -*v);
            for col in i..n {
                rt[(col, i)] = -rt[(col, i)];
            }
        }
    }
    (qt, rt)
}
