//! Entries of an axis reversed, rotated or repeated.

use crate::Tensor;
use crate::ops::linear_map::{self, LinearMap};
use crate::ops::or_panic;
use crate::ops::reduce::mask_of;
use crate::ops::slice::slice_axis;
use purlin_backend::{Buffer, layout};
use purlin_core::Real;
use std::sync::Arc;

/// `y_i = x_(n-1-i)`, its own inverse and adjoint.
struct Flip {
    axis: usize,
}

impl<T: Real> LinearMap<T> for Flip {
    const NAME: &'static str = "flip";
    const ADJOINT: &'static str = "flip";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let (outer, size, inner) = x.shape().around(self.axis);
        let reversed: Vec<usize> = (0..size).rev().collect();
        let mut out = Buffer::scratch(x.numel());
        layout::gather_axis(x.data(), outer, size, inner, &reversed, &mut out);
        Tensor::new(*x.shape(), out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        self.apply(y)
    }
}

impl<T: Real> Tensor<T> {
    /// The entries of each of `axes` in reverse order. Copies.
    ///
    /// # Panics
    ///
    /// When an axis is out of range or named twice.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.flip(&[1]).data(), [2.0, 1.0, 4.0, 3.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn flip(&self, axes: &[isize]) -> Self {
        let mask = mask_of("flip", self.shape(), axes);
        (0..self.rank())
            .filter(|&axis| mask[axis])
            .fold(self.clone(), |x, axis| linear_map::apply(&x, &Arc::new(Flip { axis })))
    }

    /// The entries of `axis` moved `shift` places to the back (to the front where negative); what
    /// leaves at one end comes in at the other. Copies.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::<f32>::arange(4);
    /// assert_eq!(x.roll(1, 0).data(), [3.0, 0.0, 1.0, 2.0]);
    /// assert_eq!(x.roll(-1, 0).data(), [1.0, 2.0, 3.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Self {
        let axis = or_panic(self.shape().axis("roll", axis));
        let size = self.dims()[axis];
        let shift = shift.rem_euclid(size.max(1).cast_signed()).cast_unsigned();
        if shift == 0 {
            return self.clone();
        }
        let tail = slice_axis(self, axis, size - shift, shift);
        let head = slice_axis(self, axis, 0, size - shift);
        Self::concat(&[&tail, &head], axis.cast_signed())
    }

    /// The whole tensor side by side with itself, `repeats[axis]` times along each axis: NumPy's
    /// `tile`, PyTorch's `repeat`. Copies.
    ///
    /// # Panics
    ///
    /// When `repeats` does not name every axis.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0]]);
    /// assert_eq!(x.tile(&[1, 2]).data(), [1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(x.tile(&[2, 1]).dims(), [2, 2]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn tile(&self, repeats: &[usize]) -> Self {
        assert!(
            repeats.len() == self.rank(),
            "tile: expected one number for each of the {} axes of shape {}, got {repeats:?}",
            self.rank(),
            self.shape()
        );
        let mut y = self.clone();
        for (axis, &n) in repeats.iter().enumerate().filter(|&(_, &n)| n != 1) {
            let (outer, size, inner) = y.shape().around(axis);
            let block = size * inner;
            let shape = y.shape().with(axis, size * n);
            y = y.reshape([outer, 1, block]).broadcast_to([outer, n, block]).reshape(shape);
        }
        y
    }

    /// Every entry of `axis` `n` times in a row: NumPy's `repeat`. Copies.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// assert_eq!(x.repeat_interleave(2, 0).data(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn repeat_interleave(&self, n: usize, axis: isize) -> Self {
        let axis = or_panic(self.shape().axis("repeat_interleave", axis));
        let (outer, size, inner) = self.shape().around(axis);
        let rows = outer * size;
        let shape = self.shape().with(axis, size * n);
        self.reshape([rows, 1, inner]).broadcast_to([rows, n, inner]).reshape(shape)
    }
}
