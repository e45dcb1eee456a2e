//! Choice between two tensors: by a mask, or the greater or smaller one.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::elementwise::{Binary, Pull, binary, zip};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::elementwise::{self, Zip3Op, ZipOp, ops};
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `grad` where the mask holds, else 0 (not `grad * mask`: an infinite gradient would make NaN).
#[derive(Clone, Copy)]
struct Keep;

impl ZipOp for Keep {
    #[inline(always)]
    fn eval<V: Lanes>(self, grad: V, mask: V) -> V {
        V::select(mask.eq(V::splat_f64(0.0)), V::splat_f64(0.0), grad)
    }
}

#[derive(Clone, Copy)]
struct KeepWhereNot;

impl ZipOp for KeepWhereNot {
    #[inline(always)]
    fn eval<V: Lanes>(self, grad: V, mask: V) -> V {
        V::select(mask.eq(V::splat_f64(0.0)), grad, V::splat_f64(0.0))
    }
}

/// `y = a` where the mask holds, else `b`; each element's gradient goes where it came from.
struct WhereBackward<T: Real> {
    mask: Tensor<T>,
}

impl<T: Real> Backward<T> for WhereBackward<T> {
    fn name(&self) -> &'static str {
        "where"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let zero = grad.zeros_like();
            if flow.needs(0) {
                flow.send(0, where_(&self.mask, &grad, &zero));
            }
            if flow.needs(1) {
                flow.send(1, where_(&self.mask, &zero, &grad));
            }
            return;
        }
        if flow.needs(0) {
            flow.send(0, zip("where", grad.clone(), self.mask.clone(), Keep));
        }
        if flow.needs(1) {
            flow.send(1, zip("where", grad, self.mask.clone(), KeepWhereNot));
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

/// Whether the greater (smaller) of `a` and `b` is `a`: ties go to the first, NaN goes to NaN.
#[derive(Clone, Copy)]
struct Left<const MAX: bool>;

impl<const MAX: bool> Left<MAX> {
    #[inline(always)]
    fn holds<V: Lanes>(a: V, b: V) -> V::Mask {
        let wins = if MAX { a.ge(b) } else { a.le(b) };
        wins | a.is_nan()
    }
}

impl<const MAX: bool> ZipOp for Left<MAX> {
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V) -> V {
        V::select(Self::holds(a, b), V::splat_f64(1.0), V::splat_f64(0.0))
    }
}

#[derive(Clone, Copy)]
struct ExtremeGrad<const MAX: bool, const LEFT: bool>;

impl<const MAX: bool, const LEFT: bool> Zip3Op for ExtremeGrad<MAX, LEFT> {
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V, grad: V) -> V {
        let zero = V::splat_f64(0.0);
        let (left, right) = if LEFT { (grad, zero) } else { (zero, grad) };
        V::select(Left::<MAX>::holds(a, b), left, right)
    }
}

fn grad_left<T: Real, const MAX: bool>(pull: &Pull<T>) -> Tensor<T> {
    pull.fused(ExtremeGrad::<MAX, true>).unwrap_or_else(|| {
        let mask = zip("maximum", pull.a().detach(), pull.b().detach(), Left::<MAX>);
        where_(&mask, &pull.grad, &Tensor::scalar(T::ZERO))
    })
}

fn grad_right<T: Real, const MAX: bool>(pull: &Pull<T>) -> Tensor<T> {
    pull.fused(ExtremeGrad::<MAX, false>).unwrap_or_else(|| {
        let mask = zip("maximum", pull.a().detach(), pull.b().detach(), Left::<MAX>);
        where_(&mask, &Tensor::scalar(T::ZERO), &pull.grad)
    })
}

/// `y = max(a, b)`, so `dy/da = 1` where `a >= b`, else 0, and `dy/db` the rest.
impl Binary for ops::Max {
    const NAME: &'static str = "maximum";
    const LEFT_READS: (bool, bool) = (true, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        grad_left::<T, true>(&pull)
    }
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        grad_right::<T, true>(&pull)
    }
}

/// `y = min(a, b)`, so `dy/da = 1` where `a <= b`, else 0, and `dy/db` the rest.
impl Binary for ops::Min {
    const NAME: &'static str = "minimum";
    const LEFT_READS: (bool, bool) = (true, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        grad_left::<T, false>(&pull)
    }
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        grad_right::<T, false>(&pull)
    }
}

impl<T: Real> Tensor<T> {
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
