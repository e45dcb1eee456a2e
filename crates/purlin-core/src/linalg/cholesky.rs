//! The square root of a positive definite matrix.

use super::eigen::check_symmetric;
use super::{check_square, solve};
use crate::{Error, Matrix, MatrixView, Real, Result};
use nalgebra::DMatrix;

/// The factor of [`cholesky`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Cholesky {
    /// Lower triangular, positive diagonal; zeros above it.
    pub l: Matrix<f64>,
}

impl Cholesky {
    /// The solution `z` of `x z = b`, column by column of `b`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `b` has not as many rows as `x`, [`Error::NonFinite`] for NaN or an
    /// infinity in `b`, or where the solution leaves the range of `f64`.
    pub fn solve<T: Real>(&self, b: MatrixView<'_, T>) -> Result<Matrix<f64>> {
        solve::check_rhs("cholesky", self.l.shape(), b)?;
        let mut z = DMatrix::from(b.cast::<f64>().view());
        let l = DMatrix::from(&self.l);
        let solved =
            l.solve_lower_triangular_mut(&mut z) && l.tr_solve_lower_triangular_mut(&mut z);
        debug_assert!(solved, "the diagonal is positive");
        solve::finite("cholesky", Matrix::from(&z))
    }

    /// The natural logarithm of the determinant of `x`, which itself may overflow.
    pub fn ln_determinant(&self) -> f64 {
        (0..self.l.n_rows()).map(|i| 2.0 * libm::log(self.l[(i, i)])).sum()
    }
}

/// `x = l l^T` for symmetric positive definite `x`.
///
/// # Errors
///
/// [`Error::Shape`] for an empty table or one that is not square, [`Error::NonFinite`] for NaN or
/// an infinity, [`Error::InvalidParam`] where `x` is not symmetric or not positive definite; the
/// text names the first pivot that is not positive.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// let x = Matrix::from_rows(&[[4.0, 2.0], [2.0, 5.0]]);
/// let factor = linalg::cholesky(x.view())?;
/// assert_eq!(factor.l.as_slice(), [2.0, 0.0, 1.0, 2.0]);
/// let z = factor.solve(Matrix::from_rows(&[[2.0], [-3.0]]).view())?;
/// assert_eq!(z.as_slice(), [1.0, -1.0]);
///
/// let err = linalg::cholesky(Matrix::from_rows(&[[1.0, 2.0], [2.0, 1.0]]).view()).unwrap_err();
/// assert_eq!(err.to_string(), "cholesky: x must be positive definite, got pivot -3 in row 1");
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn cholesky<T: Real>(x: MatrixView<'_, T>) -> Result<Cholesky> {
    const OP: &str = "cholesky";
    check_square(OP, "x", x)?;
    check_symmetric(OP, x)?;
    let Some(factor) = DMatrix::from(x.cast::<f64>().view()).cholesky() else {
        let (row, pivot) = first_bad_pivot(x.cast());
        let got = format!("pivot {pivot} in row {row}");
        return Err(Error::param(OP, "x", "positive definite", got));
    };
    Ok(Cholesky { l: Matrix::from(&factor.l()) })
}

/// The row and value of the first pivot that is not positive, for the error text: the same
/// elimination as the decomposition, which does not tell.
fn first_bad_pivot(mut x: Matrix<f64>) -> (usize, f64) {
    let n = x.n_rows();
    for j in 0..n {
        let pivot = x[(j, j)];
        if pivot <= 0.0 || pivot.is_nan() || j + 1 == n {
            return (j, pivot);
        }
        let root = pivot.sqrt();
        for i in j..n {
            x[(i, j)] /= root;
        }
        for k in j + 1..n {
            for i in k..n {
                x[(i, k)] -= x[(i, j)] * x[(k, j)];
            }
        }
    }
    unreachable!("a table has a last row")
}
