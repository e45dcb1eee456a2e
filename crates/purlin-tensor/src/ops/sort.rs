//! Sorted axes and the greatest elements.

use crate::Tensor;
use crate::ops::index::Picks;
use crate::ops::{linear_map, or_panic};
use purlin_backend::Buffer;
use purlin_core::Real;
use std::cmp::Ordering;
use std::sync::Arc;

/// The first `k` positions along `axis` in sorted order, ties by position, as `(o, k, i)`.
fn order<T: Real>(x: &Tensor<T>, axis: usize, k: usize, descending: bool) -> Buffer<u32> {
    let (outer, size, inner) = x.shape().around(axis);
    let data = x.data();
    let mut out = Buffer::scratch(outer * k * inner);
    let mut positions: Vec<u32> = Vec::with_capacity(size);
    for lane in 0..outer * inner {
        let (o, i) = (lane / inner, lane % inner);
        let value = |at: u32| data[(o * size + at as usize) * inner + i];
        positions.clear();
        positions.extend(
            (0..size).map(|at| u32::try_from(at).expect("an axis has fewer than 2^32 entries")),
        );
        let compare = |&a: &u32, &b: &u32| -> Ordering {
            let (x, y) = (value(a), value(b));
            // 0 and -0 are a tie; NaN is above everything.
            let by_value = x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()));
            let by_value = if descending { by_value.reverse() } else { by_value };
            by_value.then(a.cmp(&b))
        };
        if k > 0 && k < size {
            positions.select_nth_unstable_by(k - 1, compare);
            positions.truncate(k);
        }
        positions.sort_unstable_by(compare);
        for (j, &at) in positions.iter().enumerate().take(k) {
            out[(o * k + j) * inner + i] = at;
        }
    }
    out
}

impl<T: Real> Tensor<T> {
    #[track_caller]
    fn picked(&self, axis: usize, k: usize, descending: bool) -> (Self, Vec<usize>) {
        let at = order(self, axis, k, descending);
        let indices = at.iter().map(|&i| i as usize).collect();
        let picks = Picks { axis, size: self.dims()[axis], shape: self.shape().with(axis, k), at };
        (linear_map::apply(self, &Arc::new(picks)), indices)
    }

    /// The elements along `axis` in ascending (or descending) order, and where each came from,
    /// row-major like the result. Equal elements keep their order; NaN counts as greatest. The
    /// gradient goes back to where each element came from.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let (sorted, from) = Tensor::from([3.0f32, 1.0, 2.0]).sort(0, false);
    /// assert_eq!(sorted.data(), [1.0, 2.0, 3.0]);
    /// assert_eq!(from, [1, 2, 0]);
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Self, Vec<usize>) {
        let axis = or_panic(self.shape().axis("sort", axis));
        self.picked(axis, self.dims()[axis], descending)
    }

    /// Where each element of the sorted `axis` comes from, row-major like this tensor; see
    /// [`Tensor::sort`].
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, 1.0, 2.0]).argsort(0, true), [0, 2, 1]);
    /// ```
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Vec<usize> {
        let axis = or_panic(self.shape().axis("argsort", axis));
        order(self, axis, self.dims()[axis], descending).iter().map(|&i| i as usize).collect()
    }

    /// The `k` greatest elements along `axis`, greatest first, and where each came from; see
    /// [`Tensor::sort`].
    ///
    /// # Panics
    ///
    /// When the axis is out of range or has fewer than `k` elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let (best, classes) = Tensor::from([[0.1f32, 0.7, 0.2]]).topk(2, -1);
    /// assert_eq!(best.data(), [0.7, 0.2]);
    /// assert_eq!(classes, [1, 2]);
    /// ```
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize) -> (Self, Vec<usize>) {
        let axis = or_panic(self.shape().axis("topk", axis));
        assert!(
            k <= self.dims()[axis],
            "topk: k must be at most {} along axis {axis} of shape {}, got {k}",
            self.dims()[axis],
            self.shape()
        );
        self.picked(axis, k, true)
    }
}
