//! Conversions from and to nalgebra, whose matrices are column-major: each copies once.

use super::{Matrix, MatrixCow, MatrixView};
use crate::Real;
use nalgebra::{DMatrix, Dim, RawStorage};

impl<T, R, C, S> From<&nalgebra::Matrix<T, R, C, S>> for Matrix<T>
where
    T: Real,
    R: Dim,
    C: Dim,
    S: RawStorage<T, R, C>,
{
    /// Copies, column-major to row-major. Takes owned matrices and views of any size type.
    fn from(matrix: &nalgebra::Matrix<T, R, C, S>) -> Self {
        Self::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)])
    }
}

impl<T, R, C, S> From<&nalgebra::Matrix<T, R, C, S>> for MatrixCow<'_, T>
where
    T: Real,
    R: Dim,
    C: Dim,
    S: RawStorage<T, R, C>,
{
    /// Copies, column-major to row-major.
    fn from(matrix: &nalgebra::Matrix<T, R, C, S>) -> Self {
        Self::Owned(matrix.into())
    }
}

impl<T: Real> From<MatrixView<'_, T>> for DMatrix<T> {
    /// Copies, row-major to column-major.
    fn from(view: MatrixView<'_, T>) -> Self {
        let rows = view.rows().flatten().copied();
        DMatrix::from_row_iterator(view.n_rows(), view.n_cols(), rows)
    }
}

impl<T: Real> From<&Matrix<T>> for DMatrix<T> {
    /// Copies, row-major to column-major.
    fn from(matrix: &Matrix<T>) -> Self {
        matrix.view().into()
    }
}
