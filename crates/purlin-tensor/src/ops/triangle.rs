//! Lower and upper triangles of matrices.

use crate::Tensor;
use crate::ops::linear_map::{self, LinearMap};
use purlin_backend::{Buffer, parallel};
use purlin_core::Real;
use std::sync::Arc;

/// Keeps the elements on one side of a diagonal and makes the others 0; its own adjoint.
struct Triangle<const UPPER: bool> {
    diagonal: isize,
}

impl<T: Real, const UPPER: bool> LinearMap<T> for Triangle<UPPER> {
    const NAME: &'static str = if UPPER { "triu" } else { "tril" };
    const ADJOINT: &'static str = <Self as LinearMap<T>>::NAME;

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let (rows, cols) = (x.dims()[x.rank() - 2], x.dims()[x.rank() - 1]);
        let mut out = Buffer::copy_of(x.data());
        let work = size_of_val(x.data());
        parallel::for_each_chunk(&mut out, (rows * cols).max(1), work, |_, matrix| {
            for (i, row) in matrix.chunks_exact_mut(cols).enumerate() {
                // The diagonal crosses this row at column i + diagonal.
                let crossing = i.cast_signed().saturating_add(self.diagonal);
                if UPPER {
                    let first = crossing.max(0).cast_unsigned();
                    row[..first.min(cols)].fill(T::ZERO);
                } else {
                    let end = crossing.saturating_add(1).max(0).cast_unsigned();
                    row[end.min(cols)..].fill(T::ZERO);
                }
            }
        });
        Tensor::new(*x.shape(), out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        self.apply(y)
    }
}

#[track_caller]
fn check_matrix<T: Real>(op: &str, x: &Tensor<T>) {
    assert!(x.rank() >= 2, "{op}: expected at least 2 axes, got shape {}", x.shape());
}

impl<T: Real> Tensor<T> {
    /// The lower triangle of the last two axes: elements with `column <= row + diagonal` stay,
    /// the others become 0.
    ///
    /// # Panics
    ///
    /// With fewer than two axes.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([2, 3]).tril(0).data(), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Self {
        check_matrix("tril", self);
        linear_map::apply(self, &Arc::new(Triangle::<false> { diagonal }))
    }

    /// The upper triangle of the last two axes: elements with `column >= row + diagonal` stay,
    /// the others become 0.
    ///
    /// # Panics
    ///
    /// With fewer than two axes.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([2, 3]).triu(1).data(), [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Self {
        check_matrix("triu", self);
        linear_map::apply(self, &Arc::new(Triangle::<true> { diagonal }))
    }
}
