//! Linear systems, square and overdetermined.

use super::{Scaled, check, check_square, product, svd};
use crate::{Error, Matrix, MatrixView, Real, Result};
use nalgebra::{DMatrix, Dyn, LU};

/// The solution `z` of `a z = b`, column by column of `b`, by LU with row exchanges.
///
/// # Errors
///
/// [`Error::Shape`] when `a` is not square or `b` has not as many rows, [`Error::NonFinite`] for
/// NaN or an infinity in the input or, by overflow, in the solution, [`Error::InvalidParam`] where
/// `a` is singular to working precision: a pivot is no larger than the rounding error of the
/// elimination. [`lstsq`] answers then.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// let a = Matrix::from_rows(&[[0.0, 2.0], [1.0, 1.0]]);
/// let b = Matrix::from_rows(&[[4.0], [3.0]]);
/// assert_eq!(linalg::solve(a.view(), b.view())?.as_slice(), [1.0, 2.0]);
///
/// let a = Matrix::from_rows(&[[1.0, 2.0], [2.0, 4.0]]);
/// let err = linalg::solve(a.view(), b.view()).unwrap_err();
/// assert_eq!(
///     err.to_string(),
///     "solve: a must be invertible, got pivot 0e0 in column 1 after scaling rows"
/// );
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn solve<A: Real, B: Real>(a: MatrixView<'_, A>, b: MatrixView<'_, B>) -> Result<Matrix<f64>> {
    const OP: &str = "solve";
    check_square(OP, "a", a)?;
    check_rhs(OP, a.shape(), b)?;
    let (lu, exponents) = invertible(OP, a)?;
    let rhs = Matrix::from_fn(b.n_rows(), b.n_cols(), |i, j| {
        libm::scalbn(b[(i, j)].to_f64(), -exponents[i])
    });
    let mut z = DMatrix::from(&rhs);
    let solved = lu.solve_mut(&mut z);
    debug_assert!(solved, "no pivot is zero");
    finite(OP, Matrix::from(&z))
}

/// The inverse of a square matrix, by LU with row exchanges. To solve a system, [`solve`] is
/// faster and more accurate.
///
/// # Errors
///
/// As [`solve`].
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// let a = Matrix::from_rows(&[[2.0, 1.0], [1.0, 1.0]]);
/// assert_eq!(linalg::inverse(a.view())?.as_slice(), [1.0, -1.0, -1.0, 2.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn inverse<T: Real>(a: MatrixView<'_, T>) -> Result<Matrix<f64>> {
    const OP: &str = "inverse";
    check_square(OP, "a", a)?;
    let (lu, exponents) = invertible(OP, a)?;
    let mut z = DMatrix::identity(a.n_rows(), a.n_rows());
    let solved = lu.solve_mut(&mut z);
    debug_assert!(solved, "no pivot is zero");
    // (d a)^-1 d
    let z = Matrix::from_fn(a.n_rows(), a.n_rows(), |i, j| libm::scalbn(z[(i, j)], -exponents[j]));
    finite(OP, z)
}

/// The determinant of a square matrix, by LU with row exchanges; 0 for a singular one, infinite
/// where it exceeds the largest number.
///
/// # Errors
///
/// [`Error::Shape`] when `a` is not square, [`Error::NonFinite`] for NaN or an infinity.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// assert_eq!(linalg::determinant(Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]).view())?, -2.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn determinant<T: Real>(a: MatrixView<'_, T>) -> Result<f64> {
    check_square("determinant", "a", a)?;
    let (matrix, exponents) = scale_rows(a);
    let lu = matrix.lu();
    // Mantissa and exponent apart: a partial product may leave the range of f64, the whole not.
    let mut mantissa: f64 = lu.p().determinant();
    let mut exponent: i64 = exponents.into_iter().map(i64::from).sum();
    for pivot in &lu.u().diagonal() {
        mantissa *= pivot;
        let shift = if mantissa == 0.0 { 0 } else { libm::ilogb(mantissa) };
        mantissa = libm::scalbn(mantissa, -shift);
        exponent += i64::from(shift);
    }
    Ok(libm::scalbn(mantissa, exponent.clamp(-4000, 4000) as i32))
}

/// What [`lstsq`] found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Lstsq {
    /// The solution, `(n_features, n_targets)`.
    pub solution: Matrix<f64>,
    /// The sum of squared residuals of each column of `b`.
    pub residuals: Vec<f64>,
    /// The numerical rank of `a`.
    pub rank: usize,
    /// The singular values of `a`, falling.
    pub singular_values: Vec<f64>,
}

/// The `z` that makes the sum of squares of `a z - b` least, column by column of `b`, by singular
/// values.
///
/// Where many do (`a` has fewer independent rows than columns), the one of least length is taken:
/// singular values below `max(n_rows, n_cols)` roundings of the largest count as 0.
///
/// # Errors
///
/// [`Error::Shape`] for an empty `a` or when `b` has not as many rows, [`Error::NonFinite`] for
/// NaN or an infinity, [`Error::Diverged`] should the singular values not settle.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg};
///
/// // The line through (0, 1), (1, 3), (2, 5): slope 2, intercept 1.
/// let a = Matrix::from_rows(&[[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]);
/// let b = Matrix::from_rows(&[[1.0], [3.0], [5.0]]);
/// let fit = linalg::lstsq(a.view(), b.view())?;
/// assert!((fit.solution[(0, 0)] - 2.0).abs() < 1e-14);
/// assert!((fit.solution[(1, 0)] - 1.0).abs() < 1e-14);
/// assert_eq!(fit.rank, 2);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn lstsq<A: Real, B: Real>(a: MatrixView<'_, A>, b: MatrixView<'_, B>) -> Result<Lstsq> {
    const OP: &str = "lstsq";
    check(OP, "a", a)?;
    check_rhs(OP, a.shape(), b)?;
    let scaled = Scaled::new(a);
    let factors = svd::decompose(OP, &scaled.matrix)?;
    let rank = factors.rank();
    // z = v diag(1 / s) u^T b over the first `rank` singular values
    let mut coefficients =
        product(factors.u.transpose().view(), b).view().row_range(0..rank).to_matrix();
    for (i, s) in factors.singular_values[..rank].iter().enumerate() {
        coefficients.row_mut(i).iter_mut().for_each(|c| *c = scaled.scale.shrink(*c / s));
    }
    let v = factors.vt.view().row_range(0..rank).to_matrix().transpose();
    let solution = finite(OP, product(v.view(), coefficients.view()))?;
    let fitted = product(a, solution.view());
    let mut residuals = vec![0.0; b.n_cols()];
    for (fitted, b) in fitted.rows().zip(b.rows()) {
        for ((sum, f), y) in residuals.iter_mut().zip(fitted).zip(b) {
            let residual = f - y.to_f64();
            *sum += residual * residual;
        }
    }
    let singular_values =
        factors.singular_values.iter().map(|&s| scaled.scale.restore(s)).collect();
    Ok(Lstsq { solution, residuals, rank, singular_values })
}

/// `a` with every row scaled by a power of two to a largest magnitude in `[1, 2)`, and the
/// exponents that undo it.
fn scale_rows<T: Real>(a: MatrixView<'_, T>) -> (DMatrix<f64>, Vec<i32>) {
    let mut matrix = DMatrix::from(a.cast::<f64>().view());
    let mut exponents = Vec::with_capacity(a.n_rows());
    for mut row in matrix.row_iter_mut() {
        let largest = row.amax();
        let exponent = if largest > 0.0 { libm::ilogb(largest) } else { 0 };
        row.iter_mut().for_each(|v| *v = libm::scalbn(*v, -exponent));
        exponents.push(exponent);
    }
    (matrix, exponents)
}

/// The LU factors of the row-scaled `a`, and the exponents; or the error that names the pivot
/// that vanished.
fn invertible<T: Real>(
    op: &'static str,
    a: MatrixView<'_, T>,
) -> Result<(LU<f64, Dyn, Dyn>, Vec<i32>)> {
    let (matrix, exponents) = scale_rows(a);
    let sizes: Vec<f64> = matrix.column_iter().map(|column| column.amax()).collect();
    let lu = matrix.lu();
    // Elimination loses at most some n roundings of the numbers it started from.
    let noise = a.n_rows() as f64 * f64::EPSILON;
    for (column, (pivot, size)) in lu.u().diagonal().iter().zip(sizes).enumerate() {
        if pivot.abs() <= noise * size {
            let got = format!("pivot {pivot:e} in column {column} after scaling rows");
            return Err(Error::param(op, "a", "invertible", got));
        }
    }
    Ok((lu, exponents))
}

/// Refuses a result that left the range of `f64`.
pub(super) fn finite(op: &'static str, z: Matrix<f64>) -> Result<Matrix<f64>> {
    match z.as_slice().iter().position(|v| !v.is_finite()) {
        None => Ok(z),
        Some(i) => {
            let (row, column) = (i / z.n_cols(), i % z.n_cols());
            Err(Error::NonFinite { op, name: "solution", value: z[(row, column)], row, column })
        }
    }
}

/// Refuses a right-hand side that does not fit `a`.
pub(super) fn check_rhs<T: Real>(
    op: &'static str,
    a: (usize, usize),
    b: MatrixView<'_, T>,
) -> Result<()> {
    if b.n_rows() != a.0 {
        let expected = format!("b with {} rows, as a {a:?} has", a.0);
        return Err(Error::shape(op, expected, format!("{:?}", b.shape())));
    }
    b.check_finite(op, "b")
}
