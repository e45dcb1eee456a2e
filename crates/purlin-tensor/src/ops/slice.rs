//! Parts of an axis: slice, split, pad.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::{Buffer, layout};
use purlin_core::{Error, Real};
use std::ops::{Bound, RangeBounds};

/// `y` is the part of `x` from `start`, so `grad_x` is `grad_y` there and 0 elsewhere.
struct SliceBackward {
    axis: usize,
    start: usize,
    size: usize,
}

impl<T: Real> Backward<T> for SliceBackward {
    fn name(&self) -> &'static str {
        "slice"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let after = self.size - self.start - grad.dims()[self.axis];
        flow.send(0, pad_axis(&grad, self.axis, self.start, after, T::ZERO));
    }
}

/// `y` is `x` with constants around it, so `grad_x` is that part of `grad_y`.
struct PadBackward {
    axis: usize,
    start: usize,
    size: usize,
}

impl<T: Real> Backward<T> for PadBackward {
    fn name(&self) -> &'static str {
        "pad"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, slice_axis(&grad, self.axis, self.start, self.size));
    }
}

pub(crate) fn slice_axis<T: Real>(
    x: &Tensor<T>,
    axis: usize,
    start: usize,
    size: usize,
) -> Tensor<T> {
    let (outer, full, inner) = x.shape().around(axis);
    if start == 0 && size == full {
        return x.clone();
    }
    let mut out = Buffer::scratch(outer * size * inner);
    layout::slice_axis(x.data(), outer, full, inner, start, size, &mut out);
    Tensor::new(x.shape().with(axis, size), out)
        .record(Edges::of(&[x]), "slice", |_| SliceBackward { axis, start, size: full })
}

fn pad_axis<T: Real>(
    x: &Tensor<T>,
    axis: usize,
    before: usize,
    after: usize,
    value: T,
) -> Tensor<T> {
    if before == 0 && after == 0 {
        return x.clone();
    }
    let (outer, size, inner) = x.shape().around(axis);
    let full = before + size + after;
    let mut out = Buffer::filled(outer * full * inner, value);
    layout::write_axis(x.data(), outer, size, inner, &mut out, full, before);
    Tensor::new(x.shape().with(axis, full), out).record(Edges::of(&[x]), "pad", |_| PadBackward {
        axis,
        start: before,
        size,
    })
}

/// The axis, and the start and the end of the range along it.
#[track_caller]
fn resolve<T: Real>(
    op: &'static str,
    x: &Tensor<T>,
    axis: isize,
    range: impl RangeBounds<usize>,
) -> (usize, usize, usize) {
    let axis = or_panic(x.shape().axis(op, axis));
    let size = x.dims()[axis];
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => size,
    };
    assert!(
        start <= end && end <= size,
        "{op}: range must lie within 0..{size} along axis {axis} of shape {}, got {start}..{end}",
        x.shape()
    );
    (axis, start, end)
}

impl<T: Real> Tensor<T> {
    /// The part of `axis` in `range`. Copies.
    ///
    /// # Panics
    ///
    /// When the axis or the range is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.slice(1, 1..).data(), [2.0, 3.0, 5.0, 6.0]);
    /// assert_eq!(x.slice(0, ..1).data(), [1.0, 2.0, 3.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn slice(&self, axis: isize, range: impl RangeBounds<usize>) -> Self {
        let (axis, start, end) = resolve("slice", self, axis, range);
        slice_axis(self, axis, start, end - start)
    }

    /// Every `step`-th entry of `axis` in `range`, from its start on. Copies.
    ///
    /// # Panics
    ///
    /// When the axis or the range is out of range, or `step` is 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::arange(6).slice_step(0, 1.., 2).data(), [1.0, 3.0, 5.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn slice_step(&self, axis: isize, range: impl RangeBounds<usize>, step: usize) -> Self {
        let (axis, start, end) = resolve("slice_step", self, axis, range);
        assert!(step > 0, "slice_step: step must be at least 1, got 0");
        let indices: Vec<usize> = (start..end).step_by(step).collect();
        self.index_select(axis.cast_signed(), &indices)
    }

    /// Parts of these sizes along `axis`, in order.
    ///
    /// # Panics
    ///
    /// When the axis is out of range, or the sizes do not add up to its size.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let parts = Tensor::<f32>::arange(5).split(0, &[2, 3]);
    /// assert_eq!(parts[1].data(), [2.0, 3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Vec<Self> {
        let axis = or_panic(self.shape().axis("split", axis));
        let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        assert!(
            total == Some(self.dims()[axis]),
            "split: sizes must add up to {} along axis {axis} of shape {}, got {sizes:?}",
            self.dims()[axis],
            self.shape()
        );
        let mut start = 0;
        sizes
            .iter()
            .map(|&size| {
                start += size;
                slice_axis(self, axis, start - size, size)
            })
            .collect()
    }

    /// With `value` around it: `padding` holds `[before, after]` for each axis.
    ///
    /// # Panics
    ///
    /// When `padding` does not name every axis.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0]]);
    /// assert_eq!(x.pad(&[[0, 1], [1, 0]], 9.0).data(), [9.0, 1.0, 2.0, 9.0, 9.0, 9.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn pad(&self, padding: &[[usize; 2]], value: T) -> Self {
        if padding.len() != self.rank() {
            or_panic::<()>(Err(Error::shape(
                "pad",
                format!("one pair for each of the {} axes of shape {}", self.rank(), self.shape()),
                format!("{} pairs", padding.len()),
            )));
        }
        let mut out = self.clone();
        for (axis, &[before, after]) in padding.iter().enumerate() {
            out = pad_axis(&out, axis, before, after, value);
        }
        out
    }
}
