//! Stretching along axes, and its adjoint, the sum over them.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::elementwise::{ops, zip_broadcast};
use purlin_backend::{Buffer, reduce};
use purlin_core::{Error, Real, Shape};

/// `y[i, j] = x[j]`, so `grad_x[j] = sum_i grad_y[i, j]`.
struct BroadcastBackward(Shape);

impl<T: Real> Backward<T> for BroadcastBackward {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, grad.sum_to(&self.0));
    }
}

/// `y[j] = sum_i x[i, j]`, so `grad_x[i, j] = grad_y[j]`.
struct SumToBackward(Shape);

impl<T: Real> Backward<T> for SumToBackward {
    fn name(&self) -> &'static str {
        "sum"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, grad.broadcast_to(self.0));
    }
}

impl<T: Real> Tensor<T> {
    /// Stretched to `shape` under NumPy's rules: axes are aligned at the end, and a size of 1
    /// repeats. Copies, unless the shape is the same already.
    ///
    /// # Panics
    ///
    /// When this shape does not broadcast to `shape`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let row = Tensor::from([1.0f32, 2.0]);
    /// assert_eq!(row.broadcast_to([2, 2]).data(), [1.0, 2.0, 1.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if *self.shape() == shape {
            return self.clone();
        }
        if !self.shape().broadcast("broadcast_to", &shape).is_ok_and(|s| s == shape) {
            or_panic::<()>(Err(Error::shape(
                "broadcast_to",
                format!("a shape that broadcasts to {shape}"),
                self.shape(),
            )));
        }
        let mut out = Buffer::scratch(shape.numel());
        // `x * 1` is `x` to the bit, NaN and the sign of zero included.
        let one = [T::ONE];
        zip_broadcast(ops::Mul, self.data(), self.shape(), &one, &Shape::SCALAR, &mut out, &shape);
        let before = *self.shape();
        Self::new(shape, out)
            .record(Edges::of(&[self]), "broadcast_to", |_| BroadcastBackward(before))
    }

    /// The sum over the axes that broadcasting from `shape` to this shape repeats.
    pub(crate) fn sum_to(self, shape: &Shape) -> Self {
        if self.shape() == shape {
            return self;
        }
        let mut out = Buffer::scratch(shape.numel());
        reduce::sum_to(self.data(), self.shape(), &mut out, shape);
        let before = *self.shape();
        Self::new(*shape, out).record(Edges::of(&[&self]), "sum", |_| SumToBackward(before))
    }
}
