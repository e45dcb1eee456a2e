//! Choice between two tensors: by a mask, or the greater or smaller one.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::elementwise::{Binary, Pull, binary};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::elementwise::{self, ops};
use purlin_core::Real;

/// `y = a` where the mask holds, else `b`; each element's gradient goes where it came from (and
/// is chosen, not multiplied by 0 or 1: an infinite gradient would make NaN).
struct WhereBackward<T: Real> {
    mask: Tensor<T>,
}

impl<T: Real> Backward<T> for WhereBackward<T> {
    fn name(&self) -> &'static str {
        "where"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let zero = grad.zeros_like();
        if flow.needs(0) {
            flow.send(0, where_(&self.mask, &grad, &zero));
        }
        if flow.needs(1) {
            flow.send(1, where_(&self.mask, &zero, &grad));
        }
    }
}

/// `a` where `mask` is not 0, else `b`. Axes broadcast; the mask is a constant to the tape.
///
/// A NaN that is not chosen leaves no trace, in the value or in the gradient of the other side.
///
/// # Panics
///
/// When the shapes do not broadcast.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, where_};
///
/// let x = Tensor::from([1.0f32, -2.0]);
/// let y = where_(&x.gt(&Tensor::scalar(0.0)), &x, &Tensor::scalar(0.0));
/// assert_eq!(y.data(), [1.0, 0.0]);
/// ```
#[track_caller]
pub fn where_<T: Real>(mask: &Tensor<T>, a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
    let shape = or_panic(a.shape().broadcast("where", b.shape()));
    let shape = or_panic(shape.broadcast("where", mask.shape()));
    let mask = mask.detach().broadcast_to(shape);
    let (a, b) = (a.broadcast_to(shape), b.broadcast_to(shape));
    let edges = Edges::of(&[&a, &b]);
    let mut out = Buffer::scratch(shape.numel());
    elementwise::zip3(ops::Where, mask.data(), a.data(), b.data(), &mut out);
    Tensor::new(shape, out).record(edges, "where", |_| WhereBackward { mask })
}

/// 1 where `wins` says so or `a` is NaN, which wins over everything.
fn left_mask<T: Real>(pull: &Pull<T>, wins: fn(&Tensor<T>, &Tensor<T>) -> Tensor<T>) -> Tensor<T> {
    let (a, b) = (pull.a().detach(), pull.b().detach());
    wins(&a, &b).maximum(&a.ne_elem(&a))
}

/// `y = max(a, b)`, so `dy/da = 1` where `a >= b`, else 0, and `dy/db` the rest.
impl Binary for ops::Max {
    const NAME: &'static str = "maximum";
    const COMMUTES: bool = false; // max(0, -0) is the second one
    const LEFT_READS: (bool, bool) = (true, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        where_(&left_mask(&pull, Tensor::ge), &pull.grad, &Tensor::scalar(T::ZERO))
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        where_(&left_mask(&pull, Tensor::ge), &Tensor::scalar(T::ZERO), &pull.grad)
    }
}

/// `y = min(a, b)`, so `dy/da = 1` where `a <= b`, else 0, and `dy/db` the rest.
impl Binary for ops::Min {
    const NAME: &'static str = "minimum";
    const COMMUTES: bool = false;
    const LEFT_READS: (bool, bool) = (true, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        where_(&left_mask(&pull, Tensor::le), &pull.grad, &Tensor::scalar(T::ZERO))
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        where_(&left_mask(&pull, Tensor::le), &Tensor::scalar(T::ZERO), &pull.grad)
    }
}

impl<T: Real> Tensor<T> {
    /// `value` where `mask` is not 0, else `self`; the gradient is 0 there.
    ///
    /// # Panics
    ///
    /// When the mask does not broadcast to this shape.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let scores = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let causal = scores.masked_fill(&Tensor::ones([2, 2]).triu(1), f64::NEG_INFINITY);
    /// assert_eq!(causal.data(), [1.0, f32::NEG_INFINITY, 3.0, 4.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn masked_fill(&self, mask: &Self, value: f64) -> Self {
        assert!(
            self.shape().broadcast("masked_fill", mask.shape()).is_ok_and(|s| s == *self.shape()),
            "masked_fill: mask must broadcast to shape {}, got {}",
            self.shape(),
            mask.shape()
        );
        where_(mask, &Self::scalar(T::from_f64(value)), self)
    }

    /// The greater of two elements; NaN in either gives NaN. Axes broadcast. At a tie the whole
    /// gradient goes to `self`.
    ///
    /// # Panics
    ///
    /// When the shapes do not broadcast.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 5.0]);
    /// assert_eq!(x.maximum(&Tensor::scalar(3.0)).data(), [3.0, 5.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn maximum(&self, other: &Self) -> Self {
        binary(self.clone(), other.clone(), ops::Max)
    }

    /// The smaller of two elements; see [`Tensor::maximum`].
    ///
    /// # Panics
    ///
    /// When the shapes do not broadcast.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 5.0]);
    /// assert_eq!(x.minimum(&Tensor::scalar(3.0)).data(), [1.0, 3.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn minimum(&self, other: &Self) -> Self {
        binary(self.clone(), other.clone(), ops::Min)
    }
}
