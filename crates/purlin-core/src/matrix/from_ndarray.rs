//! Conversions from and to ndarray.
//!
//! An array in standard layout (row-major, no gaps) is borrowed; any other (transposed, sliced
//! with a step, column-major) is copied once, or refused where the caller asked to borrow.

use super::{Matrix, MatrixCow, MatrixView};
use crate::{Error, Real};
use ndarray::{Array2, ArrayBase, ArrayView2, Data, Ix2, ShapeBuilder};

impl<'a, T: Real> TryFrom<ArrayView2<'a, T>> for MatrixView<'a, T> {
    type Error = Error;

    /// Borrows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the array is not in standard layout; [`MatrixCow`] copies it then.
    fn try_from(array: ArrayView2<'a, T>) -> Result<Self, Error> {
        let ((n_rows, n_cols), strides) = (array.dim(), array.strides().to_vec());
        match array.to_slice() {
            Some(data) => Ok(Self::contiguous(data, n_rows, n_cols)),
            None => Err(Error::shape(
                "matrix",
                "an array in standard layout",
                format!("shape ({n_rows}, {n_cols}) with strides {strides:?}"),
            )),
        }
    }
}

impl<'a, T: Real> From<ArrayView2<'a, T>> for MatrixCow<'a, T> {
    /// Borrows an array in standard layout, copies any other.
    fn from(array: ArrayView2<'a, T>) -> Self {
        MatrixView::try_from(array).map_or_else(|_| Self::Owned((&array).into()), Self::Borrowed)
    }
}

impl<T: Real, S: Data<Elem = T>> From<&ArrayBase<S, Ix2>> for Matrix<T> {
    /// Copies.
    fn from(array: &ArrayBase<S, Ix2>) -> Self {
        let (n_rows, n_cols) = array.dim();
        Self { data: array.iter().copied().collect(), n_rows, n_cols }
    }
}

impl<T: Real> From<Array2<T>> for Matrix<T> {
    /// Takes the numbers of an array in standard layout as they are, copies any other.
    fn from(array: Array2<T>) -> Self {
        let (n_rows, n_cols) = array.dim();
        if !array.is_standard_layout() {
            return (&array).into();
        }
        match array.into_raw_vec_and_offset() {
            (data, None | Some(0)) if data.len() == n_rows * n_cols => {
                Self { data, n_rows, n_cols }
            }
            // A slice that an operation cut out of a larger array in place.
            (data, offset) => {
                let start = offset.unwrap_or(0);
                Self { data: data[start..][..n_rows * n_cols].to_vec(), n_rows, n_cols }
            }
        }
    }
}

impl<T: Real> From<Matrix<T>> for Array2<T> {
    /// Copies nothing.
    fn from(matrix: Matrix<T>) -> Self {
        let shape = matrix.shape();
        Array2::from_shape_vec(shape, matrix.data).expect("a matrix holds rows times columns")
    }
}

impl<'a, T: Real> From<MatrixView<'a, T>> for ArrayView2<'a, T> {
    /// Borrows; the row stride is kept.
    fn from(view: MatrixView<'a, T>) -> Self {
        let (n_rows, n_cols) = view.shape();
        let array = if n_rows == 0 || n_cols == 0 {
            ArrayView2::from_shape((n_rows, n_cols), &[])
        } else {
            ArrayView2::from_shape((n_rows, n_cols).strides((view.row_stride(), 1)), view.data)
        };
        array.expect("a view ends where its last row does")
    }
}
