//! Tables of numbers: rows are samples, columns are features.

mod cow;
mod from_nalgebra;
#[cfg(feature = "ndarray")]
mod from_ndarray;
mod view;

pub use cow::MatrixCow;
pub use view::MatrixView;

use crate::{Error, Real, Result};
use std::fmt;
use std::ops::{Index, IndexMut};

/// A table that owns its numbers, row-major and contiguous.
///
/// | door | copies |
/// |---|---|
/// | [`Matrix::from_vec`] | nothing: the vector becomes the table |
/// | [`Matrix::from_rows`], [`Matrix::from_row_slices`] | once |
/// | `From<&nalgebra::Matrix>` | once, column-major to row-major |
/// | `From<ndarray::Array2>` (feature `ndarray`) | nothing in standard layout, else once |
///
/// Algorithms take a [`MatrixView`]; `x.view()` gives one.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
///
/// let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
/// assert_eq!(x.shape(), (3, 2));
/// assert_eq!(x.row(1), [3.0, 4.0]);
/// assert_eq!(x[(2, 0)], 5.0);
/// assert_eq!(x.column(1).collect::<Vec<_>>(), [2.0, 4.0, 6.0]);
/// assert_eq!(x.transpose().row(0), [1.0, 3.0, 5.0]);
/// ```
#[derive(Clone, PartialEq)]
pub struct Matrix<T> {
    data: Vec<T>,
    n_rows: usize,
    n_cols: usize,
}

impl<T: Real> Matrix<T> {
    /// All zeros.
    ///
    /// # Panics
    ///
    /// When the number of elements overflows `usize`.
    #[track_caller]
    pub fn zeros(n_rows: usize, n_cols: usize) -> Self {
        let numel = numel(n_rows, n_cols).unwrap_or_else(|err| panic!("{err}"));
        Self { data: vec![T::ZERO; numel], n_rows, n_cols }
    }

    /// Ones on the diagonal, zeros elsewhere.
    ///
    /// # Panics
    ///
    /// When the number of elements overflows `usize`.
    #[track_caller]
    pub fn identity(n: usize) -> Self {
        Self::from_fn(n, n, |i, j| if i == j { T::ONE } else { T::ZERO })
    }

    /// `f(row, column)` everywhere, row by row.
    ///
    /// # Panics
    ///
    /// When the number of elements overflows `usize`.
    #[track_caller]
    pub fn from_fn(n_rows: usize, n_cols: usize, mut f: impl FnMut(usize, usize) -> T) -> Self {
        let mut out = Self::zeros(n_rows, n_cols);
        for i in 0..n_rows {
            for (j, x) in out.row_mut(i).iter_mut().enumerate() {
                *x = f(i, j);
            }
        }
        out
    }

    /// A table from its numbers, row by row. Copies nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there are not `n_rows * n_cols` numbers.
    pub fn from_vec(data: Vec<T>, n_rows: usize, n_cols: usize) -> Result<Self> {
        check_len(data.len(), n_rows, n_cols)?;
        Ok(Self { data, n_rows, n_cols })
    }

    /// A table from rows of one length, known when compiling.
    pub fn from_rows<const D: usize>(rows: &[[T; D]]) -> Self {
        Self { data: rows.as_flattened().to_vec(), n_rows: rows.len(), n_cols: D }
    }

    /// A table from rows held apart (`&[Vec<T>]`, `&[&[T]]`). No rows give a 0 by 0 table.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when a row differs from the first in length.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::Matrix;
    ///
    /// let err = Matrix::from_row_slices(&[vec![1.0, 2.0], vec![3.0]]).unwrap_err();
    /// assert_eq!(err.to_string(), "matrix: expected 2 numbers in every row, got 1 in row 1");
    /// ```
    pub fn from_row_slices(rows: &[impl AsRef<[T]>]) -> Result<Self> {
        let n_cols = rows.first().map_or(0, |row| row.as_ref().len());
        let mut data = Vec::with_capacity(numel(rows.len(), n_cols)?);
        for (i, row) in rows.iter().enumerate() {
            let row = row.as_ref();
            if row.len() != n_cols {
                return Err(Error::shape(
                    "matrix",
                    format!("{n_cols} numbers in every row"),
                    format!("{} in row {i}", row.len()),
                ));
            }
            data.extend_from_slice(row);
        }
        Ok(Self { data, n_rows: rows.len(), n_cols })
    }

    /// The number of rows (samples).
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns (features).
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// `(n_rows, n_cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.n_rows, self.n_cols)
    }

    /// The table, borrowed.
    pub fn view(&self) -> MatrixView<'_, T> {
        MatrixView::contiguous(&self.data, self.n_rows, self.n_cols)
    }

    /// Row `i`. Panics when it is out of range.
    #[track_caller]
    pub fn row(&self, i: usize) -> &[T] {
        self.view().row(i)
    }

    /// Row `i`, to write. Panics when it is out of range.
    #[track_caller]
    pub fn row_mut(&mut self, i: usize) -> &mut [T] {
        assert!(i < self.n_rows, "matrix: row must be below {}, got {i}", self.n_rows);
        &mut self.data[i * self.n_cols..(i + 1) * self.n_cols]
    }

    /// The rows from first to last.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[T]> + DoubleEndedIterator + Clone {
        self.view().rows()
    }

    /// The numbers of column `j`. Panics when it is out of range.
    #[track_caller]
    pub fn column(
        &self,
        j: usize,
    ) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator + Clone + '_ {
        self.view().column(j)
    }

    /// All numbers, row by row.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// All numbers, row by row, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The numbers, row by row. Copies nothing.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// Rows become columns.
    #[must_use]
    pub fn transpose(&self) -> Self {
        Self::from_fn(self.n_cols, self.n_rows, |i, j| self[(j, i)])
    }

    /// `f` of every number.
    #[must_use]
    pub fn map(&self, f: impl FnMut(T) -> T) -> Self {
        Self { data: self.data.iter().copied().map(f).collect(), ..*self }
    }

    /// The table in another precision, each number rounded to the nearest.
    #[must_use]
    pub fn cast<U: Real>(&self) -> Matrix<U> {
        self.view().cast()
    }
}

impl<T: Real> Index<(usize, usize)> for Matrix<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, (i, j): (usize, usize)) -> &T {
        check_index((i, j), self.shape());
        &self.data[i * self.n_cols + j]
    }
}

impl<T: Real> IndexMut<(usize, usize)> for Matrix<T> {
    #[track_caller]
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut T {
        check_index((i, j), self.shape());
        &mut self.data[i * self.n_cols + j]
    }
}

impl<T: Real> fmt::Debug for Matrix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

#[track_caller]
fn check_index(index: (usize, usize), shape: (usize, usize)) {
    let inside = index.0 < shape.0 && index.1 < shape.1;
    assert!(inside, "matrix: expected an index below {shape:?}, got {index:?}");
}

/// `n_rows * n_cols`, or an error where that overflows.
fn numel(n_rows: usize, n_cols: usize) -> Result<usize> {
    n_rows.checked_mul(n_cols).ok_or_else(|| {
        Error::shape(
            "matrix",
            "a number of elements that fits in usize",
            format!("{n_rows} rows of {n_cols}"),
        )
    })
}

fn check_len(len: usize, n_rows: usize, n_cols: usize) -> Result<()> {
    let expected = numel(n_rows, n_cols)?;
    if len == expected {
        Ok(())
    } else {
        let expected = format!("{expected} numbers for {n_rows} rows of {n_cols}");
        Err(Error::shape("matrix", expected, len))
    }
}
