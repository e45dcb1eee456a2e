//! Elements picked by index: rows of an axis, or one element per position.

use crate::Tensor;
use crate::ops::linear_map::{self, LinearMap};
use crate::ops::or_panic;
use purlin_backend::{Buffer, layout, parallel};
use purlin_core::{Real, Shape};
use std::sync::Arc;

/// `y[.., i, ..] = x[.., indices[i], ..]`; the adjoint adds up what was picked several times.
pub(crate) struct Select {
    axis: usize,
    /// The size of the axis in `x`.
    size: usize,
    indices: Vec<usize>,
}

impl Select {
    #[track_caller]
    pub(crate) fn new(op: &'static str, x: &Shape, axis: isize, indices: &[usize]) -> Self {
        let axis = or_panic(x.axis(op, axis));
        check_indices(op, indices, x[axis]);
        Self { axis, size: x[axis], indices: indices.to_vec() }
    }

    /// The shape of `y` for `x` of this shape.
    pub(crate) fn shape(&self, x: &Shape) -> Shape {
        x.with(self.axis, self.indices.len())
    }
}

impl<T: Real> LinearMap<T> for Select {
    const NAME: &'static str = "index_select";
    const ADJOINT: &'static str = "index_add";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let (outer, size, inner) = x.shape().around(self.axis);
        let mut out = Buffer::scratch(outer * self.indices.len() * inner);
        layout::gather_axis(x.data(), outer, size, inner, &self.indices, &mut out);
        Tensor::new(x.shape().with(self.axis, self.indices.len()), out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        let (outer, _, inner) = y.shape().around(self.axis);
        let mut out = Buffer::zeroed(outer * self.size * inner);
        layout::scatter_add_axis(y.data(), outer, &self.indices, inner, &mut out, self.size);
        Tensor::new(y.shape().with(self.axis, self.size), out)
    }
}

/// One picked position of an axis for every element: `y[o, j, i] = x[o, at[o, j, i], i]`; the
/// adjoint adds in the order of `j`.
pub(crate) struct Picks {
    pub(crate) axis: usize,
    /// The size of the axis in `x`.
    pub(crate) size: usize,
    /// The shape of `y`.
    pub(crate) shape: Shape,
    /// Row-major, as `y`.
    pub(crate) at: Buffer<u32>,
}

impl Picks {
    /// Checks `indices` of shape `shape` (`what` names it) along an axis of `x`.
    #[track_caller]
    pub(crate) fn new(
        op: &'static str,
        what: &str,
        x: &Shape,
        axis: isize,
        indices: &[usize],
        shape: Shape,
    ) -> Self {
        let axis = or_panic(x.axis(op, axis));
        assert!(
            shape.rank() == x.rank() && shape.with(axis, 0) == x.with(axis, 0),
            "{op}: {what} must match {x} apart from axis {axis}, got {shape}"
        );
        assert!(
            indices.len() == shape.numel(),
            "{op}: expected {} indices for shape {shape}, got {}",
            shape.numel(),
            indices.len()
        );
        let size = x[axis];
        check_indices(op, indices, size);
        let mut at = Buffer::scratch(indices.len());
        for (at, &index) in at.iter_mut().zip(indices) {
            // An axis of 2^32 entries would need a tensor of 16 GB and more.
            *at = u32::try_from(index).expect("an axis has fewer than 2^32 entries");
        }
        Self { axis, size, shape, at }
    }
}

impl<T: Real> LinearMap<T> for Picks {
    const NAME: &'static str = "gather";
    const ADJOINT: &'static str = "scatter_add";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let (_, n, inner) = self.shape.around(self.axis);
        let mut out = Buffer::scratch(self.shape.numel());
        let block = (n * inner).max(1);
        let work = out.len() * WORK_PER_PICK;
        parallel::for_each_chunk(&mut out, block, work, |o, out| {
            let at = &self.at[o * block..][..out.len()];
            let x = &x.data()[o * self.size * inner..][..self.size * inner];
            for (k, (y, &at)) in out.iter_mut().zip(at).enumerate() {
                *y = x[at as usize * inner + k % inner];
            }
        });
        Tensor::new(self.shape, out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        let (outer, n, inner) = self.shape.around(self.axis);
        let mut out = Buffer::zeroed(outer * self.size * inner);
        let block = (self.size * inner).max(1);
        let work = y.numel() * WORK_PER_PICK;
        parallel::for_each_chunk(&mut out, block, work, |o, x| {
            let range = o * n * inner..(o + 1) * n * inner;
            for (k, (&y, &at)) in y.data()[range.clone()].iter().zip(&self.at[range]).enumerate() {
                x[at as usize * inner + k % inner] += y;
            }
        });
        Tensor::new(self.shape.with(self.axis, self.size), out)
    }
}

/// Bytes moved and address arithmetic per picked element, in the unit of the backend's threshold.
const WORK_PER_PICK: usize = 16;

#[track_caller]
fn check_indices(op: &str, indices: &[usize], size: usize) {
    if let Some((i, index)) = indices.iter().enumerate().find(|&(_, &index)| index >= size) {
        panic!("{op}: indices must be below {size}, got {index} at position {i}");
    }
}

impl<T: Real> Tensor<T> {
    /// The entries of `axis` at `indices`, in their order, with repetitions: rows of an
    /// embedding, a shuffled batch. Copies.
    ///
    /// # Panics
    ///
    /// When the axis or an index is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.index_select(0, &[1, 1, 0]).data(), [3.0, 4.0, 3.0, 4.0, 1.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn index_select(&self, axis: isize, indices: &[usize]) -> Self {
        let select = Select::new("index_select", self.shape(), axis, indices);
        linear_map::apply(self, &Arc::new(select))
    }

    /// One entry of `axis` per position: with `indices` of shape `shape` (as this shape, but with
    /// any size along `axis`), `y[o, j, i] = x[o, indices[o, j, i], i]`.
    ///
    /// # Panics
    ///
    /// When the axis or an index is out of range, or `shape` does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let q = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]); // (batch, actions)
    /// let taken = q.gather(1, &[1, 0], [2, 1]);
    /// assert_eq!(taken.data(), [2.0, 3.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn gather(&self, axis: isize, indices: &[usize], shape: impl Into<Shape>) -> Self {
        let picks = Picks::new("gather", "shape", self.shape(), axis, indices, shape.into());
        linear_map::apply(self, &Arc::new(picks))
    }
}
