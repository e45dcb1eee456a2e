//! Sums and means.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::{Buffer, reduce};
use purlin_core::{Real, Shape};

/// `y = sum(x) / n` over some axes (`n = 1` for a sum), so `grad_x = grad_y / n` along them.
struct SumBackward {
    divisor: f64,
    /// The shape of `y` with the reduced axes kept.
    kept: Shape,
    before: Shape,
}

impl<T: Real> Backward<T> for SumBackward {
    fn name(&self) -> &'static str {
        if self.divisor == 1.0 { "sum" } else { "mean" }
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let grad = if self.divisor == 1.0 { grad } else { grad / T::from_f64(self.divisor) };
        flow.send(0, grad.reshape(self.kept).broadcast_to(self.before));
    }
}

/// The axes as a mask, each named at most once.
#[track_caller]
pub(crate) fn mask_of(op: &'static str, shape: &Shape, axes: &[isize]) -> [bool; 8] {
    let mut mask = [false; 8];
    for &axis in axes {
        let resolved = or_panic(shape.axis(op, axis));
        assert!(!mask[resolved], "{op}: axes must differ, got {axes:?} for shape {shape}");
        mask[resolved] = true;
    }
    mask
}

/// `x` as a matrix whose rows run over `axes`, and the shape of one number per row, with these
/// axes dropped or kept.
#[track_caller]
pub(crate) fn rows_over<T: Real>(
    op: &'static str,
    x: &Tensor<T>,
    axes: &[isize],
    keepdim: bool,
) -> (Tensor<T>, Shape) {
    let mask = mask_of(op, x.shape(), axes);
    let (mut rest, mut over, mut dims) = (Vec::new(), Vec::new(), Vec::new());
    for (axis, &size) in x.dims().iter().enumerate() {
        (if mask[axis] { &mut over } else { &mut rest }).push(axis.cast_signed());
        if keepdim || !mask[axis] {
            dims.push(if mask[axis] { 1 } else { size });
        }
    }
    let shape = Shape::new(&dims);
    let n = over.iter().map(|&axis| x.dims()[axis.cast_unsigned()]).product();
    let order = [rest, over].concat();
    let x = if order.is_sorted() { x.clone() } else { x.permute(&order) };
    (x.reshape([shape.numel(), n]), shape)
}

#[track_caller]
fn sum_over<T: Real>(
    name: &'static str,
    x: &Tensor<T>,
    axes: &[isize],
    keepdim: bool,
    is_mean: bool,
) -> Tensor<T> {
    let shape = *x.shape();
    let mask = mask_of(name, &shape, axes);
    let (mut kept, mut out_dims, mut n) = (shape, Vec::with_capacity(8), 1);
    for axis in 0..shape.rank() {
        if mask[axis] {
            n *= shape[axis];
            kept = kept.with(axis, 1);
        }
        if keepdim || !mask[axis] {
            out_dims.push(kept[axis]);
        }
    }
    if is_mean {
        assert!(
            n > 0,
            "{name}: expected at least 1 element to average, got shape {shape} along {axes:?}"
        );
    }
    let mut out = Buffer::scratch(kept.numel());
    if let [axis] = axes {
        let (outer, size, inner) = shape.around(or_panic(shape.axis(name, *axis)));
        reduce::sum_axis(x.data(), outer, size, inner, &mut out);
    } else {
        reduce::sum_to(x.data(), &shape, &mut out, &kept);
    }
    finish(name, x, Tensor::new(Shape::new(&out_dims), out), kept, if is_mean { n } else { 1 })
}

fn finish<T: Real>(
    name: &'static str,
    x: &Tensor<T>,
    mut sum: Tensor<T>,
    kept: Shape,
    n: usize,
) -> Tensor<T> {
    if n != 1 {
        sum /= T::from_usize(n);
    }
    let before = *x.shape();
    sum.record(Edges::of(&[x]), name, |_| SumBackward { divisor: n as f64, kept, before })
}

impl<T: Real> Tensor<T> {
    /// The sum of all elements, of rank 0; 0 for an empty tensor.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 4.0]).sum().item(), 7.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sum(&self) -> Self {
        let kept = [1; 8];
        let sum = Self::scalar(reduce::sum(self.data()));
        finish("sum", self, sum, Shape::new(&kept[..self.rank()]), 1)
    }

    /// The mean of all elements, of rank 0.
    ///
    /// # Panics
    ///
    /// When there are none.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 6.0]).mean().item(), 3.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mean(&self) -> Self {
        assert!(!self.is_empty(), "mean: expected at least 1 element, got shape {}", self.shape());
        let kept = [1; 8];
        let sum = Self::scalar(reduce::sum(self.data()));
        finish("mean", self, sum, Shape::new(&kept[..self.rank()]), self.numel())
    }

    /// The sum along `axis`, which is dropped, or kept with size 1.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_axis(0, false).data(), [4.0, 6.0]);
    /// assert_eq!(x.sum_axis(-1, true).dims(), [2, 1]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sum_axis(&self, axis: isize, keepdim: bool) -> Self {
        sum_over("sum", self, &[axis], keepdim, false)
    }

    /// The sum along several axes.
    ///
    /// # Panics
    ///
    /// When an axis is out of range or named twice.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([2, 3, 4]).sum_axes(&[0, -1], false).data(), [8.0; 3]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keepdim: bool) -> Self {
        sum_over("sum", self, axes, keepdim, false)
    }

    /// The mean along `axis`, which is dropped, or kept with size 1.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean_axis(1, false).data(), [1.5, 3.5]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mean_axis(&self, axis: isize, keepdim: bool) -> Self {
        sum_over("mean", self, &[axis], keepdim, true)
    }

    /// The mean along several axes.
    ///
    /// # Panics
    ///
    /// When an axis is out of range, named twice or empty.
    #[must_use]
    #[track_caller]
    pub fn mean_axes(&self, axes: &[isize], keepdim: bool) -> Self {
        sum_over("mean", self, axes, keepdim, true)
    }
}
