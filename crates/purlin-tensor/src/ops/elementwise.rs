//! Elementwise operations: one small type per operation, with value and gradient side by side.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::elementwise::{self, MapOp, Zip3Op, ZipOp};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Shape};

/// Which value the derivative is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saves {
    /// The derivative is constant; `saved` is then the gradient itself and must not be read.
    Nothing,
    Input,
    Output,
}

/// A function of one number.
pub(crate) trait Unary: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    const SAVES: Saves;
    /// Rough cost of one element, in additions.
    const COST: usize = 4;
    /// `y = f(x)`.
    fn eval<V: Lanes>(self, x: V) -> V;
    /// `grad_x` from the saved value and `grad_y`, in one pass.
    fn grad<V: Lanes>(self, saved: V, grad_y: V) -> V;
    /// The same in differentiable operations.
    fn grad_graph<T: Real>(self, saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T>;
}

#[derive(Clone, Copy)]
struct Eval<O>(O);

impl<O: Unary> MapOp for Eval<O> {
    const COST: usize = O::COST;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        self.0.eval(x)
    }
}

/// `(grad, saved) -> grad_x`: the gradient is first, because it is what is overwritten.
#[derive(Clone, Copy)]
struct Grad<O>(O);

impl<O: Unary> ZipOp for Grad<O> {
    const COST: usize = O::COST + 1;
    #[inline(always)]
    fn eval<V: Lanes>(self, grad: V, saved: V) -> V {
        self.0.grad(saved, grad)
    }
}

#[derive(Clone, Copy)]
struct ConstantGrad<O>(O);

impl<O: Unary> MapOp for ConstantGrad<O> {
    #[inline(always)]
    fn eval<V: Lanes>(self, grad: V) -> V {
        self.0.grad(grad, grad)
    }
}

/// `op(x)` without recording, in place where `x` is the last owner of its storage.
#[inline]
pub(crate) fn map<T: Real>(mut x: Tensor<T>, op: impl MapOp) -> Tensor<T> {
    if let Some(data) = x.exclusive() {
        elementwise::map_inplace(op, data);
        return x.with_node(None);
    }
    let mut out = Buffer::scratch(x.numel());
    elementwise::map(op, x.data(), &mut out);
    Tensor::new(*x.shape(), out)
}

#[derive(Clone, Copy)]
struct Swapped<O>(O);

impl<O: ZipOp> ZipOp for Swapped<O> {
    const COST: usize = O::COST;
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V) -> V {
        self.0.eval(b, a)
    }
}

/// One operand is the same number everywhere.
#[derive(Clone, Copy)]
struct WithRight<O, T>(O, T);

impl<O: ZipOp, T: Real> MapOp for WithRight<O, T> {
    const COST: usize = O::COST;
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V) -> V {
        // Exact: the number came from the lanes' own type.
        self.0.eval(a, V::splat_f64(self.1.to_f64()))
    }
}

#[derive(Clone, Copy)]
struct WithLeft<O, T>(O, T);

impl<O: ZipOp, T: Real> MapOp for WithLeft<O, T> {
    const COST: usize = O::COST;
    #[inline(always)]
    fn eval<V: Lanes>(self, b: V) -> V {
        self.0.eval(V::splat_f64(self.1.to_f64()), b)
    }
}

/// `op(a, b)` with broadcasting, without recording, in place where an operand of the result's
/// shape is the last owner of its storage.
#[track_caller]
pub(crate) fn zip<T: Real>(
    name: &'static str,
    mut a: Tensor<T>,
    mut b: Tensor<T>,
    op: impl ZipOp,
) -> Tensor<T> {
    if a.shape() == b.shape() {
        if let Some(data) = a.exclusive() {
            elementwise::zip_inplace(op, data, b.data());
            return a.with_node(None);
        }
        if let Some(data) = b.exclusive() {
            elementwise::zip_inplace(Swapped(op), data, a.data());
            return b.with_node(None);
        }
        let mut out = Buffer::scratch(a.numel());
        elementwise::zip(op, a.data(), b.data(), &mut out);
        return Tensor::new(*a.shape(), out);
    }
    let shape = or_panic(a.shape().broadcast(name, b.shape()));
    if b.numel() == 1 && *a.shape() == shape {
        let value = b.data()[0];
        return map(a, WithRight(op, value));
    }
    if a.numel() == 1 && *b.shape() == shape {
        let value = a.data()[0];
        return map(b, WithLeft(op, value));
    }
    let mut out = Buffer::scratch(shape.numel());
    elementwise::zip_broadcast(op, a.data(), a.shape(), b.data(), b.shape(), &mut out, &shape);
    Tensor::new(shape, out)
}

struct UnaryBackward<T: Real, O> {
    op: O,
    saved: Option<Tensor<T>>,
}

impl<T: Real, O: Unary> Backward<T> for UnaryBackward<T, O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let grad_x = match &self.saved {
            None if flow.is_graph() => self.op.grad_graph(&grad, &grad),
            None => map(grad, ConstantGrad(self.op)),
            Some(saved) if flow.is_graph() => {
                let saved = if O::SAVES == Saves::Output {
                    flow.output(saved)
                } else {
                    flow.input(0, saved)
                };
                self.op.grad_graph(&saved, &grad)
            }
            Some(saved) => zip(O::NAME, grad, saved.clone(), Grad(self.op)),
        };
        flow.send(0, grad_x);
    }
}

/// Applies a function of one number to every element.
#[inline]
#[track_caller]
pub(crate) fn unary<T: Real, O: Unary>(x: Tensor<T>, op: O) -> Tensor<T> {
    let edges = Edges::of(&[&x]);
    let input = (edges.is_some() && O::SAVES == Saves::Input).then(|| x.detach());
    map(x, Eval(op)).record(edges, O::NAME, |y| UnaryBackward {
        op,
        saved: if O::SAVES == Saves::Output { Some(y.detach()) } else { input },
    })
}

/// A function of two numbers; axes broadcast.
pub(crate) trait Binary: ZipOp + Send + Sync + 'static {
    const NAME: &'static str;
    /// Whether the gradient of the left operand reads `(a, b)`.
    const LEFT_READS: (bool, bool);
    /// Whether the gradient of the right operand reads `(a, b)`.
    const RIGHT_READS: (bool, bool);
    /// The gradient of the left operand, of the result's shape.
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T>;
    /// The gradient of the right operand, of the result's shape.
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T>;
}

/// What the gradient of one operand is made from.
pub(crate) struct Pull<T: Real> {
    pub(crate) grad: Tensor<T>,
    a: Option<Tensor<T>>,
    b: Option<Tensor<T>>,
    /// Whether the gradient must be differentiable itself.
    pub(crate) is_graph: bool,
}

impl<T: Real> Pull<T> {
    /// The left operand.
    pub(crate) fn a(&self) -> &Tensor<T> {
        self.a.as_ref().expect("an operand that a gradient reads is declared")
    }

    /// The right operand.
    pub(crate) fn b(&self) -> &Tensor<T> {
        self.b.as_ref().expect("an operand that a gradient reads is declared")
    }

    /// `op(a, b, grad)` in one pass where all three have one shape and no graph is wanted.
    pub(crate) fn fused(&self, op: impl Zip3Op) -> Option<Tensor<T>> {
        let (a, b) = (self.a(), self.b());
        if self.is_graph || a.shape() != b.shape() {
            return None;
        }
        let mut out = Buffer::scratch(a.numel());
        elementwise::zip3(op, a.data(), b.data(), self.grad.data(), &mut out);
        Some(Tensor::new(*a.shape(), out))
    }
}

struct BinaryBackward<T: Real, O> {
    op: O,
    a: Option<Tensor<T>>,
    b: Option<Tensor<T>>,
    a_shape: Shape,
    b_shape: Shape,
}

impl<T: Real, O: Binary> BinaryBackward<T, O> {
    fn pull(&self, grad: Tensor<T>, flow: &Flow<'_, T>, reads: (bool, bool)) -> Pull<T> {
        Pull {
            grad,
            a: self.a.as_ref().filter(|_| reads.0).map(|x| flow.input(0, x)),
            b: self.b.as_ref().filter(|_| reads.1).map(|x| flow.input(1, x)),
            is_graph: flow.is_graph(),
        }
    }
}

impl<T: Real, O: Binary> Backward<T> for BinaryBackward<T, O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        // The last use of `grad` gets it by value and may overwrite it.
        let mut grad = Some(grad);
        if flow.needs(0) {
            let own = if flow.needs(1) { grad.clone() } else { grad.take() };
            if let Some(grad) = own {
                let pull = self.pull(grad, flow, O::LEFT_READS);
                flow.send(0, self.op.grad_left(pull).sum_to(&self.a_shape));
            }
        }
        if let Some(grad) = grad.filter(|_| flow.needs(1)) {
            let pull = self.pull(grad, flow, O::RIGHT_READS);
            flow.send(1, self.op.grad_right(pull).sum_to(&self.b_shape));
        }
    }
}

/// Applies a function of two numbers, with broadcasting.
#[inline]
#[track_caller]
pub(crate) fn binary<T: Real, O: Binary>(a: Tensor<T>, b: Tensor<T>, op: O) -> Tensor<T> {
    let Some(edges) = Edges::of(&[&a, &b]) else {
        return zip(O::NAME, a, b, op).checked(O::NAME);
    };
    let keeps = |left: bool, right: bool| (left && edges.has(0)) || (right && edges.has(1));
    let backward = BinaryBackward {
        op,
        a: keeps(O::LEFT_READS.0, O::RIGHT_READS.0).then(|| a.detach()),
        b: keeps(O::LEFT_READS.1, O::RIGHT_READS.1).then(|| b.detach()),
        a_shape: *a.shape(),
        b_shape: *b.shape(),
    };
    zip(O::NAME, a, b, op).record(Some(edges), O::NAME, |_| backward)
}
