//! A borrowed table.

use super::{Matrix, check_index, check_len, numel};
use crate::{Error, Real, Result};
use std::fmt;
use std::ops::{Index, Range};

/// A table that borrows its numbers: `n_rows` rows of `n_cols` numbers, each row contiguous, the
/// starts of neighbouring rows `row_stride` numbers apart.
///
/// The input of every algorithm on tables. It is a few words, and copied freely.
///
/// | door | copies |
/// |---|---|
/// | [`MatrixView::from_slice`], [`MatrixView::from_strided`], [`MatrixView::from_rows`] | nothing |
/// | [`Matrix::view`] | nothing |
/// | `TryFrom<ndarray::ArrayView2>` (feature `ndarray`) | nothing; an error unless in standard layout |
/// | [`MatrixCow`](super::MatrixCow) | only what cannot be borrowed |
///
/// # Examples
///
/// ```
/// use purlin_core::MatrixView;
///
/// let x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
/// let x = MatrixView::from_rows(&x);
/// assert_eq!(x.shape(), (3, 3));
/// assert_eq!(x.row_range(1..3).column_range(0..2).to_vec(), [4.0, 5.0, 7.0, 8.0]);
/// assert_eq!(x.select_rows(&[2, 0]).row(0), [7.0, 8.0, 9.0]);
/// x.check_finite("pca", "x")?;
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct MatrixView<'a, T> {
    pub(super) data: &'a [T],
    n_rows: usize,
    n_cols: usize,
    row_stride: usize,
}

impl<'a, T: Real> MatrixView<'a, T> {
    /// A view of contiguous rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there are not `n_rows * n_cols` numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::MatrixView;
    ///
    /// let err = MatrixView::from_slice(&[1.0, 2.0, 3.0], 2, 2).unwrap_err();
    /// assert_eq!(err.to_string(), "matrix: expected 4 numbers for 2 rows of 2, got 3");
    /// ```
    pub fn from_slice(data: &'a [T], n_rows: usize, n_cols: usize) -> Result<Self> {
        check_len(data.len(), n_rows, n_cols)?;
        Ok(Self::contiguous(data, n_rows, n_cols))
    }

    /// A view of rows that start `row_stride` numbers apart, as a block of columns of a wider
    /// table does. What lies behind the last row is ignored.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: the stride is smaller than `n_cols`, so rows would overlap.
    /// - [`Error::Shape`]: the slice ends before the last row does.
    pub fn from_strided(
        data: &'a [T],
        n_rows: usize,
        n_cols: usize,
        row_stride: usize,
    ) -> Result<Self> {
        if row_stride < n_cols {
            let rule = format!("at least the {n_cols} columns");
            return Err(Error::param("matrix", "row_stride", rule, row_stride));
        }
        let needed = match n_rows {
            0 => 0,
            _ => numel(n_rows - 1, row_stride)?.saturating_add(n_cols),
        };
        if data.len() < needed {
            let expected = format!(
                "at least {needed} numbers for {n_rows} rows of {n_cols}, {row_stride} apart"
            );
            return Err(Error::shape("matrix", expected, data.len()));
        }
        Ok(Self { data: &data[..needed], n_rows, n_cols, row_stride })
    }

    /// A view of an array of arrays.
    pub fn from_rows<const D: usize>(rows: &'a [[T; D]]) -> Self {
        Self::contiguous(rows.as_flattened(), rows.len(), D)
    }

    /// The caller has compared the length with the shape.
    pub(super) fn contiguous(data: &'a [T], n_rows: usize, n_cols: usize) -> Self {
        Self { data, n_rows, n_cols, row_stride: n_cols }
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

    /// How many numbers apart the starts of neighbouring rows lie.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Row `i`. Panics when it is out of range.
    #[inline]
    #[track_caller]
    pub fn row(&self, i: usize) -> &'a [T] {
        assert!(i < self.n_rows, "matrix: row must be below {}, got {i}", self.n_rows);
        let start = i * self.row_stride;
        &self.data[start..start + self.n_cols]
    }

    /// The rows from first to last.
    pub fn rows(
        &self,
    ) -> impl ExactSizeIterator<Item = &'a [T]> + DoubleEndedIterator + Clone + use<'a, T> {
        let view = *self;
        (0..self.n_rows).map(move |i| view.row(i))
    }

    /// The numbers of column `j`. Panics when it is out of range.
    #[track_caller]
    pub fn column(
        &self,
        j: usize,
    ) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator + Clone + use<'a, T> {
        assert!(j < self.n_cols, "matrix: column must be below {}, got {j}", self.n_cols);
        self.rows().map(move |row| row[j])
    }

    /// The rows in `range`. Panics when it reaches past the last.
    #[track_caller]
    #[must_use]
    pub fn row_range(&self, range: Range<usize>) -> Self {
        check_range("row", &range, self.n_rows);
        let n_rows = range.len();
        let data = match n_rows {
            0 => &[],
            _ => {
                &self.data[range.start * self.row_stride..]
                    [..(n_rows - 1) * self.row_stride + self.n_cols]
            }
        };
        Self { data, n_rows, ..*self }
    }

    /// The columns in `range`. Panics when it reaches past the last.
    #[track_caller]
    #[must_use]
    pub fn column_range(&self, range: Range<usize>) -> Self {
        check_range("column", &range, self.n_cols);
        let n_cols = range.len();
        let data = match self.n_rows {
            0 => self.data,
            _ => &self.data[range.start..][..(self.n_rows - 1) * self.row_stride + n_cols],
        };
        Self { data, n_cols, ..*self }
    }

    /// All numbers as one slice, if no gaps lie between the rows.
    pub fn as_slice(&self) -> Option<&'a [T]> {
        (self.row_stride == self.n_cols || self.n_rows <= 1).then_some(self.data)
    }

    /// The numbers, row by row.
    pub fn to_vec(&self) -> Vec<T> {
        let mut out = Vec::with_capacity(self.n_rows * self.n_cols);
        self.rows().for_each(|row| out.extend_from_slice(row));
        out
    }

    /// A copy that owns its numbers.
    pub fn to_matrix(&self) -> Matrix<T> {
        Matrix { data: self.to_vec(), n_rows: self.n_rows, n_cols: self.n_cols }
    }

    /// A copy of the rows at `indices`, in that order; an index may repeat.
    ///
    /// # Panics
    ///
    /// When an index is out of range.
    #[track_caller]
    pub fn select_rows(&self, indices: &[usize]) -> Matrix<T> {
        let mut data = Vec::with_capacity(indices.len() * self.n_cols);
        for &i in indices {
            data.extend_from_slice(self.row(i));
        }
        Matrix { data, n_rows: indices.len(), n_cols: self.n_cols }
    }

    /// A copy in another precision, each number rounded to the nearest.
    pub fn cast<U: Real>(&self) -> Matrix<U> {
        let data = self.rows().flatten().map(|x| U::from_f64(x.to_f64())).collect();
        Matrix { data, n_rows: self.n_rows, n_cols: self.n_cols }
    }

    /// Refuses NaN and infinities.
    ///
    /// # Errors
    ///
    /// [`Error::NonFinite`] with the row and column of the first one, in the words
    /// `<op>: <name> must be finite, got NaN at row 12, column 3`.
    pub fn check_finite(&self, op: &'static str, name: &'static str) -> Result<()> {
        for (row, numbers) in self.rows().enumerate() {
            // Without an early exit the row is checked in vectors.
            if numbers.iter().fold(true, |all, x| all & x.is_finite()) {
                continue;
            }
            for (column, x) in numbers.iter().enumerate() {
                if !x.is_finite() {
                    return Err(Error::NonFinite { op, name, value: x.to_f64(), row, column });
                }
            }
        }
        Ok(())
    }
}

#[track_caller]
fn check_range(what: &str, range: &Range<usize>, size: usize) {
    let inside = range.start <= range.end && range.end <= size;
    assert!(inside, "matrix: {what} range must be within 0..{size}, got {range:?}");
}

impl<T: Real> Index<(usize, usize)> for MatrixView<'_, T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, (i, j): (usize, usize)) -> &T {
        check_index((i, j), self.shape());
        &self.data[i * self.row_stride + j]
    }
}

impl<'a, T: Real> From<&'a Matrix<T>> for MatrixView<'a, T> {
    fn from(matrix: &'a Matrix<T>) -> Self {
        matrix.view()
    }
}

/// Equal shapes and numbers; the strides may differ.
impl<T: Real> PartialEq for MatrixView<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.rows().eq(other.rows())
    }
}

impl<T: Real> fmt::Debug for MatrixView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {} ", self.n_rows, self.n_cols)?;
        f.debug_list().entries(self.rows()).finish()
    }
}
