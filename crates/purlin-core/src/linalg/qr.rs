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
    Ok(Qr { q: qt.transpose(), r: rt.transpose().map(|v| scaled.scale.restore(v)) })
}

/// Reflects the columns, the rows of `columns`, until they are triangular: column `j` becomes
/// `r[..j, j]` followed by the vector of reflection `j`. Gives the diagonal of `r` and the taus.
fn reduce(columns: &mut Matrix<f64>) -> (Vec<f64>, Vec<f64>) {
    let (n, m) = columns.shape();
    let triangular = |j: usize| {
        let (alpha, tau) = reflector(&mut columns.row_mut(j)[j..]);
        for other in j + 1..n {
            let (v, y) = two_rows(columns, j, other);
            reflect(&v[j..], tau, &mut y[j..]);
        }
        (alpha, tau)
    };
    (0..n.min(m)).map(triangular).unzip()
}

/// `r^T` of a tall table of `m` rows of `n` numbers, which `row` writes one after the other: the
/// triangle of the rows so far and some further rows are one small table.
///
/// J. Demmel, L. Grigori, M. Hoemmen, J. Langou, *Communication-optimal parallel and sequential QR
/// and LU factorizations*, SIAM J. Sci. Comput. 34(1), 2012, section 3.
pub(super) fn triangle(m: usize, n: usize, row: impl Fn(usize, &mut [f64])) -> Matrix<f64> {
    let block = ROWS.max(2 * n);
    let mut columns = Matrix::zeros(n, n + block);
    let mut values = vec![0.0; n];
    for start in (0..m).step_by(block) {
        for i in 0..block {
            if start + i < m {
                row(start + i, &mut values);
            } else {
                values.fill(0.0);
            }
            for (j, &value) in values.iter().enumerate() {
                columns[(j, n + i)] = value;
            }
        }
        let (diagonal, _) = reduce(&mut columns);
        for (j, alpha) in diagonal.into_iter().enumerate() {
            columns[(j, j)] = alpha;
            columns.row_mut(j)[j + 1..].fill(0.0);
        }
    }
    Matrix::from_fn(n, n, |j, i| columns[(j, i)])
}

/// Rows that [`triangle`] takes at a time, for few columns.
const ROWS: usize = 256;

/// `(q^T, r^T)` of the scaled table whose columns are the rows of `columns`.
pub(super) fn decompose(mut columns: Matrix<f64>) -> (Matrix<f64>, Matrix<f64>) {
    let (n, m) = columns.shape();
    let k = n.min(m);
    let (diagonal, taus) = reduce(&mut columns);

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
