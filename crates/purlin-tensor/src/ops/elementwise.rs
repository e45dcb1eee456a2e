//! Elementwise operations: one small type per operation, with value and gradient side by side.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::elementwise::{self, MapOp, ZipOp};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Shape};
use std::any::Any;

/// `a[i] = op(a[i], b[i])` for both number types.
///
/// A generic kernel is compiled anew in every crate that calls it with a concrete type, once per
/// instruction set: minutes for each program and test. The backend's ready operations are
/// compiled there; the operations of this crate are reached through such a table in a static,
/// and so are compiled here.
pub(crate) struct Table<O> {
    of_f32: InPlace<O, f32>,
    of_f64: InPlace<O, f64>,
}

type InPlace<O, T> = fn(O, &mut [T], &[T]);

impl<O: ZipOp + 'static> Table<O> {
    pub(crate) const fn new() -> Self {
        Self {
            of_f32: elementwise::zip_inplace::<f32, O>,
            of_f64: elementwise::zip_inplace::<f64, O>,
        }
    }

    pub(crate) fn run<T: Real>(&'static self, op: O, a: &mut [T], b: &[T]) {
        let (of_f32, of_f64): (&dyn Any, &dyn Any) = (&self.of_f32, &self.of_f64);
        let run = of_f32.downcast_ref().or_else(|| of_f64.downcast_ref());
        let run: &InPlace<O, T> = run.expect("a Real is f32 or f64");
        run(op, a, b);
    }
}

/// Which value a derivative is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saves {
    Input,
    Output,
}

/// A function of one number whose derivative depends on where it is taken.
pub(crate) trait Unary: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    const SAVES: Saves;
    /// Rough cost of the gradient of one element, in additions.
    const COST: usize = 4;
    /// `y = f(x)`, an operation that the backend has ready.
    type Value: MapOp;
    fn value(self) -> Self::Value;
    /// `grad_x` from the saved value and `grad_y`, in one pass.
    fn grad<V: Lanes>(self, saved: V, grad_y: V) -> V;
    /// The same in differentiable operations.
    fn grad_graph<T: Real>(self, saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T>;
    /// Where the gradient is compiled: `static TABLE: Table<Grad<..>> = Table::new(); &TABLE`.
    fn table() -> &'static Table<Grad<Self>>;
}

/// `(grad_y, saved) -> grad_x`: the gradient comes first, because it is what is overwritten.
#[derive(Clone, Copy)]
pub(crate) struct Grad<O>(O);

impl<O: Unary> ZipOp for Grad<O> {
    const COST: usize = O::COST;
    #[inline(always)]
    fn eval<V: Lanes>(self, grad: V, saved: V) -> V {
        self.0.grad(saved, grad)
    }
}

struct UnaryBackward<T: Real, O> {
    op: O,
    saved: Tensor<T>,
}

impl<T: Real, O: Unary> Backward<T> for UnaryBackward<T, O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn backward(&self, mut grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let saved = match O::SAVES {
                Saves::Input => flow.input(0, &self.saved),
                Saves::Output => flow.output(&self.saved),
            };
            flow.send(0, self.op.grad_graph(&saved, &grad));
            return;
        }
        O::table().run(Grad(self.op), grad.data_mut(), self.saved.data());
        flow.send(0, grad);
    }
}

/// Applies a function of one number to every element.
#[inline]
#[track_caller]
pub(crate) fn unary<T: Real, O: Unary>(x: &Tensor<T>, op: O) -> Tensor<T> {
    let mut out = Buffer::scratch(x.numel());
    elementwise::map(op.value(), x.data(), &mut out);
    Tensor::new(*x.shape(), out).record(Edges::of(&[x]), O::NAME, |y| UnaryBackward {
        op,
        saved: match O::SAVES {
            Saves::Input => x.detach(),
            Saves::Output => y.detach(),
        },
    })
}

/// A ready function of one number whose derivative is the same everywhere.
pub(crate) trait Simple: MapOp + Send + Sync + 'static {
    const NAME: &'static str;
    /// `grad_x` from `grad_y`, in differentiable operations.
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T>;
}

struct SimpleBackward<O>(O);

impl<T: Real, O: Simple> Backward<T> for SimpleBackward<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, self.0.grad(grad));
    }
}

/// Applies a function of one number to every element, in place where `x` is the last owner of
/// its storage.
#[inline]
#[track_caller]
pub(crate) fn simple<T: Real, O: Simple>(mut x: Tensor<T>, op: O) -> Tensor<T> {
    let edges = Edges::of(&[&x]);
    let y = if let Some(data) = x.exclusive() {
        elementwise::map_inplace(op, data);
        x.with_node(None)
    } else {
        let mut out = Buffer::scratch(x.numel());
        elementwise::map(op, x.data(), &mut out);
        Tensor::new(*x.shape(), out)
    };
    y.record(edges, O::NAME, |_| SimpleBackward(op))
}

/// `op(a, b)` of a ready operation with broadcasting, without recording; in place on `a`, and on
/// `b` where the operands may change places, if it is the last owner of its storage.
#[track_caller]
pub(crate) fn zip<T: Real>(
    name: &'static str,
    mut a: Tensor<T>,
    mut b: Tensor<T>,
    op: impl ZipOp,
    commutes: bool,
) -> Tensor<T> {
    if a.shape() == b.shape() {
        if let Some(data) = a.exclusive() {
            elementwise::zip_inplace(op, data, b.data());
            return a.with_node(None);
        }
        if commutes && let Some(data) = b.exclusive() {
            elementwise::zip_inplace(op, data, a.data());
            return b.with_node(None);
        }
        let mut out = Buffer::scratch(a.numel());
        elementwise::zip(op, a.data(), b.data(), &mut out);
        return Tensor::new(*a.shape(), out);
    }
    let shape = or_panic(a.shape().broadcast(name, b.shape()));
    let mut out = Buffer::scratch(shape.numel());
    elementwise::zip_broadcast(op, a.data(), a.shape(), b.data(), b.shape(), &mut out, &shape);
    Tensor::new(shape, out)
}

/// A ready function of two numbers with its derivatives; axes broadcast.
pub(crate) trait Binary: ZipOp + Send + Sync + 'static {
    const NAME: &'static str;
    /// Whether `f(a, b)` and `f(b, a)` have the same bits.
    const COMMUTES: bool;
    /// Whether the gradient of the left operand reads `(a, b)`.
    const LEFT_READS: (bool, bool);
    /// Whether the gradient of the right operand reads `(a, b)`.
    const RIGHT_READS: (bool, bool);
    /// The gradient of the left operand, of the result's shape, in differentiable operations.
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T>;
    /// The gradient of the right operand, likewise.
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T>;
}

/// What the gradient of one operand is made from.
pub(crate) struct Pull<T: Real> {
    /// The gradient of the result.
    pub(crate) grad: Tensor<T>,
    a: Option<Tensor<T>>,
    b: Option<Tensor<T>>,
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
}

struct BinaryBackward<T: Real, O> {
    op: std::marker::PhantomData<fn() -> O>,
    a: Option<Tensor<T>>,
    b: Option<Tensor<T>>,
    a_shape: Shape,
    b_shape: Shape,
}

impl<T: Real, O> BinaryBackward<T, O> {
    fn pull(&self, grad: Tensor<T>, flow: &Flow<'_, T>, reads: (bool, bool)) -> Pull<T> {
        Pull {
            grad,
            a: self.a.as_ref().filter(|_| reads.0).map(|x| flow.input(0, x)),
            b: self.b.as_ref().filter(|_| reads.1).map(|x| flow.input(1, x)),
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
                flow.send(0, O::grad_left(pull).sum_to(&self.a_shape));
            }
        }
        if let Some(grad) = grad.filter(|_| flow.needs(1)) {
            let pull = self.pull(grad, flow, O::RIGHT_READS);
            flow.send(1, O::grad_right(pull).sum_to(&self.b_shape));
        }
    }
}

/// Applies a differentiable function of two numbers, with broadcasting.
#[inline]
#[track_caller]
pub(crate) fn binary<T: Real, O: Binary>(a: Tensor<T>, b: Tensor<T>, op: O) -> Tensor<T> {
    let Some(edges) = Edges::of(&[&a, &b]) else {
        return zip(O::NAME, a, b, op, O::COMMUTES).checked(O::NAME);
    };
    let keeps = |left: bool, right: bool| (left && edges.has(0)) || (right && edges.has(1));
    let backward = BinaryBackward::<T, O> {
        op: std::marker::PhantomData,
        a: keeps(O::LEFT_READS.0, O::RIGHT_READS.0).then(|| a.detach()),
        b: keeps(O::LEFT_READS.1, O::RIGHT_READS.1).then(|| b.detach()),
        a_shape: *a.shape(),
        b_shape: *b.shape(),
    };
    zip(O::NAME, a, b, op, O::COMMUTES).record(Some(edges), O::NAME, |_| backward)
}
