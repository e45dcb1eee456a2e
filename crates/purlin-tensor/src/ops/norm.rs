//! Norms of vectors.

use crate::Tensor;
use crate::ops::power::root_of_squares;
use crate::ops::reduce::{mask_of, rows_over};
use purlin_core::Real;

/// Which length of a vector [`Tensor::norm`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// The sum of the magnitudes.
    L1,
    /// The square root of the sum of the squares.
    L2,
    /// The greatest magnitude.
    Inf,
}

impl<T: Real> Tensor<T> {
    /// The norm of all elements, of rank 0; see [`Tensor::norm_axes`].
    ///
    /// # Panics
    ///
    /// When [`Norm::Inf`] is asked of no elements.
    ///
    /// ```
    /// use purlin_tensor::{Norm, Tensor};
    /// let x = Tensor::from([[3.0f32, -4.0]]);
    /// assert_eq!(x.norm(Norm::L2).item(), 5.0);
    /// assert_eq!(x.norm(Norm::L1).item(), 7.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn norm(&self, norm: Norm) -> Self {
        match norm {
            Norm::L1 => self.abs().sum(),
            Norm::L2 => root_of_squares(&self.square().sum()),
            Norm::Inf => {
                check_any(self, self.numel());
                self.abs().max()
            }
        }
    }

    /// The norm along `axes`, which are dropped, or kept with size 1.
    ///
    /// The derivative of a magnitude at 0 is 0, so is that of [`Norm::L2`] at the zero vector; for
    /// [`Norm::Inf`] the whole gradient goes to the first of equal magnitudes. Squares are not
    /// scaled: beyond some 1e19 in `f32` they overflow.
    ///
    /// # Panics
    ///
    /// When an axis is out of range or named twice, or [`Norm::Inf`] is asked of no elements.
    ///
    /// ```
    /// use purlin_tensor::{Norm, Tensor};
    /// let x = Tensor::from([[3.0f32, -4.0], [0.0, 2.0]]);
    /// assert_eq!(x.norm_axes(Norm::L2, &[1], false).data(), [5.0, 2.0]);
    /// assert_eq!(x.norm_axes(Norm::Inf, &[0], true).data(), [3.0, 4.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn norm_axes(&self, norm: Norm, axes: &[isize], keepdim: bool) -> Self {
        mask_of("norm", self.shape(), axes); // so that a wrong axis is told by this name
        match norm {
            Norm::L1 => self.abs().sum_axes(axes, keepdim),
            Norm::L2 => root_of_squares(&self.square().sum_axes(axes, keepdim)),
            Norm::Inf => {
                let (rows, shape) = rows_over("norm", self, axes, keepdim);
                check_any(self, rows.dims()[1]);
                rows.abs().max_axis(1, false).reshape(shape)
            }
        }
    }
}

#[track_caller]
fn check_any<T: Real>(x: &Tensor<T>, n: usize) {
    assert!(n > 0, "norm: expected at least 1 element for the greatest, got shape {}", x.shape());
}
