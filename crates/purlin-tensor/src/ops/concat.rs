//! Tensors side by side: concat, stack.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use crate::ops::slice::slice_axis;
use purlin_backend::{Buffer, layout};
use purlin_core::Real;

/// `y` is the inputs one after another, so each gets its part of `grad_y`.
struct ConcatBackward {
    axis: usize,
    sizes: Vec<usize>,
}

impl<T: Real> Backward<T> for ConcatBackward {
    fn name(&self) -> &'static str {
        "concat"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let mut start = 0;
        for (i, &size) in self.sizes.iter().enumerate() {
            if flow.needs(i) {
                flow.send(i, slice_axis(&grad, self.axis, start, size));
            }
            start += size;
        }
    }
}

impl<T: Real> Tensor<T> {
    /// `tensors` one after another along `axis`. All other sizes must be equal.
    ///
    /// # Panics
    ///
    /// Without tensors, when the axis is out of range, or when other sizes differ.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let (a, b) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([[3.0f32]]));
    /// assert_eq!(Tensor::concat(&[&a, &b], 1).data(), [1.0, 2.0, 3.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn concat(tensors: &[&Self], axis: isize) -> Self {
        assert!(!tensors.is_empty(), "concat: expected at least 1 tensor, got 0");
        let first = tensors[0].shape();
        let axis = or_panic(first.axis("concat", axis));
        for (i, x) in tensors.iter().enumerate() {
            assert!(
                x.rank() == first.rank() && x.shape().with(axis, 0) == first.with(axis, 0),
                "concat: shapes must match apart from axis {axis}, got {first} and {} (tensor {i})",
                x.shape()
            );
        }
        let sizes: Vec<usize> = tensors.iter().map(|x| x.dims()[axis]).collect();
        let total = sizes.iter().sum();
        let (outer, _, inner) = first.around(axis);
        let mut out = Buffer::scratch(outer * total * inner);
        let mut start = 0;
        for (x, &size) in tensors.iter().zip(&sizes) {
            layout::write_axis(x.data(), outer, size, inner, &mut out, total, start);
            start += size;
        }
        Self::new(first.with(axis, total), out)
            .record(Edges::of(tensors), "concat", |_| ConcatBackward { axis, sizes })
    }

    /// `tensors` of one shape along a new axis in front of `axis`; -1 appends it.
    ///
    /// # Panics
    ///
    /// Without tensors, when the axis is out of range, or when shapes differ.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32, 4.0]));
    /// assert_eq!(Tensor::stack(&[&a, &b], 0).dims(), [2, 2]);
    /// assert_eq!(Tensor::stack(&[&a, &b], 1).data(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn stack(tensors: &[&Self], axis: isize) -> Self {
        assert!(!tensors.is_empty(), "stack: expected at least 1 tensor, got 0");
        let first = tensors[0].shape();
        for (i, x) in tensors.iter().enumerate() {
            assert!(
                x.shape() == first,
                "stack: shapes must match, got {first} and {} (tensor {i})",
                x.shape()
            );
        }
        let rows: Vec<Self> = tensors.iter().map(|x| x.unsqueeze(axis)).collect();
        Self::concat(&rows.iter().collect::<Vec<_>>(), axis)
    }
}
