//! Softmax, its logarithm, and the logarithm of sums of exponentials.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::{Buffer, softmax};
use purlin_core::Real;

/// Rows and columns of a tensor whose last axis is reduced.
fn rows<T: Real>(x: &Tensor<T>) -> (usize, usize) {
    let cols = x.dims()[x.rank() - 1];
    (x.numel() / cols.max(1), cols)
}

/// `y_i = e^(x_i) / sum_j e^(x_j)`, so `grad_x = y (grad_y - sum_j grad_y_j y_j)`.
struct SoftmaxBackward<T: Real> {
    y: Tensor<T>,
}

impl<T: Real> Backward<T> for SoftmaxBackward<T> {
    fn name(&self) -> &'static str {
        "softmax"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let y = flow.output(&self.y);
            let mean = (&grad * &y).sum_axis(-1, true);
            flow.send(0, y * (grad - mean));
            return;
        }
        let (rows, cols) = rows(&self.y);
        let mut out = Buffer::scratch(grad.numel());
        softmax::softmax_grad(self.y.data(), grad.data(), rows, cols, &mut out);
        flow.send(0, Tensor::new(*grad.shape(), out));
    }
}

/// `y_i = x_i - ln sum_j e^(x_j)`, so `grad_x = grad_y - e^y sum_j grad_y_j`.
struct LogSoftmaxBackward<T: Real> {
    y: Tensor<T>,
}

impl<T: Real> Backward<T> for LogSoftmaxBackward<T> {
    fn name(&self) -> &'static str {
        "log_softmax"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let y = flow.output(&self.y);
            flow.send(0, &grad - y.exp() * grad.sum_axis(-1, true));
            return;
        }
        let (rows, cols) = rows(&self.y);
        let mut out = Buffer::scratch(grad.numel());
        softmax::log_softmax_grad(self.y.data(), grad.data(), rows, cols, &mut out);
        flow.send(0, Tensor::new(*grad.shape(), out));
    }
}

/// `y = ln sum_j e^(x_j)`, so `grad_x_i = grad_y e^(x_i - y)`.
struct LogSumExpBackward<T: Real> {
    x: Tensor<T>,
    /// With the reduced axis kept.
    y: Tensor<T>,
}

impl<T: Real> Backward<T> for LogSumExpBackward<T> {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let x = flow.input(0, &self.x);
        let y = flow.output(&self.y);
        flow.send(0, (x - y).exp() * grad);
    }
}

impl<T: Real> Tensor<T> {
    /// With `axis` last, `f` applied, and the axes put back.
    #[track_caller]
    fn along_last(&self, op: &'static str, axis: isize, f: impl FnOnce(&Self) -> Self) -> Self {
        let axis = or_panic(self.shape().axis(op, axis));
        assert!(
            self.dims()[axis] > 0,
            "{op}: expected at least 1 element along axis {axis}, got shape {}",
            self.shape()
        );
        if axis + 1 == self.rank() {
            return f(self);
        }
        let axis = axis.cast_signed();
        f(&self.transpose(axis, -1)).transpose(axis, -1)
    }

    /// `e^(x_i) / sum_j e^(x_j)` along `axis`: positive numbers that add up to 1.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([[5.0f32, 5.0]]).softmax(1).data(), [0.5, 0.5]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Self {
        self.along_last("softmax", axis, |x| {
            let (rows, cols) = rows(x);
            let mut out = Buffer::scratch(x.numel());
            softmax::softmax(x.data(), rows, cols, &mut out);
            Self::new(*x.shape(), out)
                .record(Edges::of(&[x]), "softmax", |y| SoftmaxBackward { y: y.detach() })
        })
    }

    /// The logarithm of [`Tensor::softmax`], without its rounding to 0.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let y = Tensor::from([[0.0f32, 1000.0]]).log_softmax(1);
    /// assert_eq!(y.data(), [-1000.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Self {
        self.along_last("log_softmax", axis, |x| {
            let (rows, cols) = rows(x);
            let mut out = Buffer::scratch(x.numel());
            softmax::log_softmax(x.data(), rows, cols, &mut out);
            Self::new(*x.shape(), out)
                .record(Edges::of(&[x]), "log_softmax", |y| LogSoftmaxBackward { y: y.detach() })
        })
    }

    /// `ln sum_j e^(x_j)` along `axis`, which is dropped, without overflow.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([[0.0f32, 1000.0]]).log_sum_exp(1).data(), [1000.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_sum_exp(&self, axis: isize) -> Self {
        let axis = or_panic(self.shape().axis("log_sum_exp", axis));
        let dropped = self.shape().without(axis);
        let y = self.along_last("log_sum_exp", axis.cast_signed(), |x| {
            let (rows, cols) = rows(x);
            let mut out = Buffer::scratch(rows);
            softmax::log_sum_exp(x.data(), rows, cols, &mut out);
            Self::new(x.shape().with(x.rank() - 1, 1), out).record(
                Edges::of(&[x]),
                "log_sum_exp",
                |y| LogSumExpBackward { x: x.detach(), y: y.detach() },
            )
        });
        y.reshape(dropped)
    }
}
