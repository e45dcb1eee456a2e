//! Greatest and least elements, and where they are.

use crate::Tensor;
use crate::ops::index::Picks;
use crate::ops::{linear_map, or_panic};
use purlin_backend::{Buffer, reduce};
use purlin_core::Real;
use std::sync::Arc;

#[derive(Clone, Copy)]
enum Extreme {
    Max,
    Min,
}

impl Extreme {
    fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Min => "min",
        }
    }

    /// Resolves the axis, which must not be empty.
    #[track_caller]
    fn axis<T: Real>(self, x: &Tensor<T>, axis: isize) -> usize {
        let axis = or_panic(x.shape().axis(self.name(), axis));
        assert!(
            x.dims()[axis] > 0,
            "{}: expected at least 1 element along axis {axis}, got shape {}",
            self.name(),
            x.shape()
        );
        axis
    }

    /// Where the extreme of all elements is, in row-major order.
    #[track_caller]
    fn arg_of_all<T: Real>(self, x: &Tensor<T>) -> usize {
        let name = self.name();
        assert!(!x.is_empty(), "arg{name}: expected at least 1 element, got shape {}", x.shape());
        self.arg(&x.detach().reshape([x.numel()]), 0)[0] as usize
    }

    fn arg<T: Real>(self, x: &Tensor<T>, axis: usize) -> Buffer<u32> {
        let (outer, size, inner) = x.shape().around(axis);
        let mut at = Buffer::scratch(outer * inner);
        match self {
            Self::Max => reduce::argmax_axis(x.data(), outer, size, inner, &mut at),
            Self::Min => reduce::argmin_axis(x.data(), outer, size, inner, &mut at),
        }
        at
    }

    #[track_caller]
    fn along<T: Real>(self, x: &Tensor<T>, axis: isize, keepdim: bool) -> Tensor<T> {
        let axis = self.axis(x, axis);
        let kept = x.shape().with(axis, 1);
        let y = if x.is_tracked() {
            let picks = Picks { axis, size: x.dims()[axis], shape: kept, at: self.arg(x, axis) };
            linear_map::apply(x, &Arc::new(picks))
        } else {
            let (outer, size, inner) = x.shape().around(axis);
            let mut out = Buffer::scratch(outer * inner);
            match self {
                Self::Max => reduce::max_axis(x.data(), outer, size, inner, &mut out),
                Self::Min => reduce::min_axis(x.data(), outer, size, inner, &mut out),
            }
            Tensor::new(kept, out)
        };
        if keepdim { y } else { y.reshape(x.shape().without(axis)) }
    }

    #[track_caller]
    fn all<T: Real>(self, x: &Tensor<T>) -> Tensor<T> {
        self.along(&x.reshape([x.numel()]), 0, false)
    }
}

impl<T: Real> Tensor<T> {
    /// The greatest element, of rank 0; NaN if there is one. At a tie the gradient goes to the
    /// first.
    ///
    /// # Panics
    ///
    /// When there are no elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 4.0, 2.0]).max().item(), 4.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn max(&self) -> Self {
        Extreme::Max.all(self)
    }

    /// The least element, of rank 0; see [`Tensor::max`].
    ///
    /// # Panics
    ///
    /// When there are no elements.
    #[must_use]
    #[track_caller]
    pub fn min(&self) -> Self {
        Extreme::Min.all(self)
    }

    /// The greatest element along `axis`, which is dropped, or kept with size 1; NaN if there is
    /// one. At a tie the gradient goes to the first.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 2.0]]);
    /// assert_eq!(x.max_axis(0, false).data(), [3.0, 5.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn max_axis(&self, axis: isize, keepdim: bool) -> Self {
        Extreme::Max.along(self, axis, keepdim)
    }

    /// The least element along `axis`; see [`Tensor::max_axis`].
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    #[must_use]
    #[track_caller]
    pub fn min_axis(&self, axis: isize, keepdim: bool) -> Self {
        Extreme::Min.along(self, axis, keepdim)
    }

    /// Where the greatest of all elements is, counted in row-major order: the smallest index at
    /// a tie, the first NaN if there is one.
    ///
    /// # Panics
    ///
    /// When there are no elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 5.0], [5.0, 2.0]]).argmax(), 1);
    /// ```
    #[track_caller]
    pub fn argmax(&self) -> usize {
        Extreme::Max.arg_of_all(self)
    }

    /// Where the least of all elements is; see [`Tensor::argmax`].
    ///
    /// # Panics
    ///
    /// When there are no elements.
    #[track_caller]
    pub fn argmin(&self) -> usize {
        Extreme::Min.arg_of_all(self)
    }

    /// Where the greatest element along `axis` is, for each position of the other axes in
    /// row-major order: the smallest index at a tie, the first NaN if there is one.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 2.0]]);
    /// assert_eq!(x.argmax_axis(1), [1, 0]);
    /// ```
    #[track_caller]
    pub fn argmax_axis(&self, axis: isize) -> Vec<usize> {
        let axis = Extreme::Max.axis(self, axis);
        Extreme::Max.arg(self, axis).iter().map(|&i| i as usize).collect()
    }

    /// Where the least element along `axis` is; see [`Tensor::argmax_axis`].
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmin_axis(&self, axis: isize) -> Vec<usize> {
        let axis = Extreme::Min.axis(self, axis);
        Extreme::Min.arg(self, axis).iter().map(|&i| i as usize).collect()
    }
}
