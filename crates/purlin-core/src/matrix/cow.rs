//! A table that is borrowed where it can be.

use super::{Matrix, MatrixView};
use crate::Real;

/// A table from elsewhere: borrowed where its memory lies as a [`MatrixView`] needs it, else
/// copied once.
///
/// # Examples
///
/// ```
/// use purlin_core::{MatrixCow, MatrixView};
///
/// fn mean<'a>(x: impl Into<MatrixCow<'a, f64>>) -> f64 {
///     let x = x.into();
///     let (n_rows, n_cols) = x.view().shape();
///     x.view().rows().flatten().sum::<f64>() / (n_rows * n_cols) as f64
/// }
/// assert_eq!(mean(MatrixView::from_rows(&[[1.0, 2.0], [3.0, 6.0]])), 3.0);
/// assert_eq!(mean(&nalgebra::Matrix2::new(1.0, 2.0, 3.0, 6.0)), 3.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum MatrixCow<'a, T: Real> {
    /// The numbers lie elsewhere.
    Borrowed(MatrixView<'a, T>),
    /// The numbers were copied.
    Owned(Matrix<T>),
}

impl<T: Real> MatrixCow<'_, T> {
    /// The table, borrowed.
    pub fn view(&self) -> MatrixView<'_, T> {
        match self {
            Self::Borrowed(view) => *view,
            Self::Owned(matrix) => matrix.view(),
        }
    }

    /// Whether nothing was copied.
    pub fn is_borrowed(&self) -> bool {
        matches!(self, Self::Borrowed(_))
    }

    /// The table with numbers of its own; copies if it was borrowed.
    pub fn into_owned(self) -> Matrix<T> {
        match self {
            Self::Borrowed(view) => view.to_matrix(),
            Self::Owned(matrix) => matrix,
        }
    }
}

impl<'a, T: Real> From<MatrixView<'a, T>> for MatrixCow<'a, T> {
    fn from(view: MatrixView<'a, T>) -> Self {
        Self::Borrowed(view)
    }
}

impl<'a, T: Real> From<&'a Matrix<T>> for MatrixCow<'a, T> {
    fn from(matrix: &'a Matrix<T>) -> Self {
        Self::Borrowed(matrix.view())
    }
}

impl<T: Real> From<Matrix<T>> for MatrixCow<'_, T> {
    fn from(matrix: Matrix<T>) -> Self {
        Self::Owned(matrix)
    }
}

impl<'a, T: Real, const D: usize> From<&'a [[T; D]]> for MatrixCow<'a, T> {
    fn from(rows: &'a [[T; D]]) -> Self {
        Self::Borrowed(MatrixView::from_rows(rows))
    }
}
