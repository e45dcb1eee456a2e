//! Elementwise operations: one small type per operation, with value and gradient side by side.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::kernels::pick;
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::elementwise::{self, MapOp, ZipOp};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Shape};

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
    /// Rough cost of one element, in additions.
    const COST: usize = 4;
    /// The kernels: `static TABLE: UnaryTable<Self> = UnaryTable::new(); &TABLE`.
    fn table() -> &'static UnaryTable<Self>;
    /// `y = f(x)`.
    fn eval<V: Lanes>(self, x: V) -> V;
    /// `grad_x` from the saved value and `grad_y`, in one pass.
    fn grad<V: Lanes>(self, saved: V, grad_y: V) -> V;
    /// The same in differentiable operations.
    fn grad_graph<T: Real>(self, saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T>;
}

/// The kernels of a [`Unary`] for both number types, compiled in this crate.
pub(crate) struct UnaryTable<O> {
    of_f32: UnaryKernels<O, f32>,
    of_f64: UnaryKernels<O, f64>,
}

struct UnaryKernels<O, T> {
    map: fn(O, &[T], &mut [T]),
    /// `(op, grad, saved)`: the gradient of the input takes the place of `grad`.
    grad: fn(O, &mut [T], &[T]),
}

impl<O: Unary> UnaryTable<O> {
    pub(crate) const fn new() -> Self {
        Self { of_f32: UnaryKernels::new(), of_f64: UnaryKernels::new() }
    }

    #[inline]
    fn kernels<T: Real>(&'static self) -> &'static UnaryKernels<O, T> {
        pick(&self.of_f32, &self.of_f64)
    }
}

impl<O: Unary, T: Real> UnaryKernels<O, T> {
    const fn new() -> Self {
        Self {
            map: |op, x, out| elementwise::map(Eval(op), x, out),
            grad: |op, grad, saved| elementwise::zip_inplace(Grad(op), grad, saved),
        }
    }
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

#[derive(Clone, Copy)]
struct Grad<O>(O);

impl<O: Unary> ZipOp for Grad<O> {
    const COST: usize = O::COST + 1;
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

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let saved = match O::SAVES {
                Saves::Input => flow.input(0, &self.saved),
                Saves::Output => flow.output(&self.saved),
            };
            flow.send(0, self.op.grad_graph(&saved, &grad));
            return;
        }
        let mut grad = grad;
        (O::table().kernels().grad)(self.op, grad.data_mut(), self.saved.data());
        flow.send(0, grad);
    }
}

/// Applies a function of one number to every element.
#[inline]
#[track_caller]
pub(crate) fn unary<T: Real, O: Unary>(x: &Tensor<T>, op: O) -> Tensor<T> {
    let mut out = Buffer::scratch(x.numel());
    (O::table().kernels().map)(op, x.data(), &mut out);
    Tensor::new(*x.shape(), out).record(Edges::of(&[x]), O::NAME, |y| UnaryBackward {
        op,
        saved: match O::SAVES {
            Saves::Input => x.detach(),
            Saves::Output => y.detach(),
        },
    })
}

/// A function of one number whose derivative is the same everywhere; it works in place where it
/// is handed the last owner of some storage.
pub(crate) trait Simple: MapOp + Send + Sync + 'static {
    const NAME: &'static str;
    /// The kernels: `static TABLE: SimpleTable<Self> = SimpleTable::new(); &TABLE`.
    fn table() -> &'static SimpleTable<Self>;
    /// `grad_x` from `grad_y`, in differentiable operations.
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T>;
}

/// The kernels of a [`Simple`] for both number types, compiled in this crate.
pub(crate) struct SimpleTable<O> {
    of_f32: SimpleKernels<O, f32>,
    of_f64: SimpleKernels<O, f64>,
}

struct SimpleKernels<O, T> {
    map: fn(O, &[T], &mut [T]),
    map_inplace: fn(O, &mut [T]),
}

impl<O: Simple> SimpleTable<O> {
    pub(crate) const fn new() -> Self {
        Self { of_f32: SimpleKernels::new(), of_f64: SimpleKernels::new() }
    }
}

impl<O: Simple, T: Real> SimpleKernels<O, T> {
    const fn new() -> Self {
        Self { map: elementwise::map::<T, O>, map_inplace: elementwise::map_inplace::<T, O> }
    }
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

/// Applies a function of one number to every element, in place where possible.
#[inline]
#[track_caller]
pub(crate) fn simple<T: Real, O: Simple>(mut x: Tensor<T>, op: O) -> Tensor<T> {
    let edges = Edges::of(&[&x]);
    let table = O::table();
    let kernels: &SimpleKernels<O, T> = pick(&table.of_f32, &table.of_f64);
    let y = if let Some(data) = x.exclusive() {
        (kernels.map_inplace)(op, data);
        x.with_node(None)
    } else {
        let mut out = Buffer::scratch(x.numel());
        (kernels.map)(op, x.data(), &mut out);
        Tensor::new(*x.shape(), out)
    };
    y.record(edges, O::NAME, |_| SimpleBackward(op))
}

/// A function of two numbers.
pub(crate) trait Zip: ZipOp + Send + Sync + 'static {
    const NAME: &'static str;
    /// The kernels: `static TABLE: ZipTable<Self> = ZipTable::new(); &TABLE`.
    fn table() -> &'static ZipTable<Self>;
}

/// The kernels of a [`Zip`] for both number types, compiled in this crate.
pub(crate) struct ZipTable<O> {
    of_f32: ZipKernels<O, f32>,
    of_f64: ZipKernels<O, f64>,
}

struct ZipKernels<O, T> {
    zip: fn(O, &[T], &[T], &mut [T]),
    /// Where it is worth its size: `a` is overwritten.
    inplace: Option<InPlace<O, T>>,
    /// `b` is overwritten: `(op, b, a)`.
    inplace_right: Option<InPlace<O, T>>,
    broadcast: Option<Broadcast<O, T>>,
}

/// `(op, overwritten, other)`
type InPlace<O, T> = fn(O, &mut [T], &[T]);
/// `(op, a, a_shape, b, b_shape, out, out_shape)`
type Broadcast<O, T> = fn(O, &[T], &Shape, &[T], &Shape, &mut [T], &Shape);

impl<O: ZipOp> ZipTable<O> {
    /// For operations in every formula: in place on either side, broadcasting without copies.
    pub(crate) const fn full() -> Self {
        Self { of_f32: ZipKernels::full(), of_f64: ZipKernels::full() }
    }

    /// For the others: operands of different shapes are laid out first.
    pub(crate) const fn plain() -> Self {
        Self { of_f32: ZipKernels::plain(), of_f64: ZipKernels::plain() }
    }
}

impl<O: ZipOp, T: Real> ZipKernels<O, T> {
    const fn full() -> Self {
        Self {
            zip: elementwise::zip::<T, O>,
            inplace: Some(elementwise::zip_inplace::<T, O>),
            inplace_right: Some(|op, b, a| elementwise::zip_inplace(Swapped(op), b, a)),
            broadcast: Some(elementwise::zip_broadcast::<T, O>),
        }
    }

    const fn plain() -> Self {
        Self { zip: elementwise::zip::<T, O>, inplace: None, inplace_right: None, broadcast: None }
    }
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

/// `op(a, b)` with broadcasting, without recording, in place where an operand of the result's
/// shape is the last owner of its storage.
#[track_caller]
pub(crate) fn zip<T: Real, O: Zip>(mut a: Tensor<T>, mut b: Tensor<T>, op: O) -> Tensor<T> {
    let table = O::table();
    let kernels: &ZipKernels<O, T> = pick(&table.of_f32, &table.of_f64);
    if a.shape() == b.shape() {
        if let Some(inplace) = kernels.inplace
            && let Some(data) = a.exclusive()
        {
            inplace(op, data, b.data());
            return a.with_node(None);
        }
        if let Some(inplace_right) = kernels.inplace_right
            && let Some(data) = b.exclusive()
        {
            inplace_right(op, data, a.data());
            return b.with_node(None);
        }
        let mut out = Buffer::scratch(a.numel());
        (kernels.zip)(op, a.data(), b.data(), &mut out);
        return Tensor::new(*a.shape(), out);
    }
    let shape = or_panic(a.shape().broadcast(O::NAME, b.shape()));
    let mut out = Buffer::scratch(shape.numel());
    if let Some(broadcast) = kernels.broadcast {
        broadcast(op, a.data(), a.shape(), b.data(), b.shape(), &mut out, &shape);
    } else {
        let (a, b) = (a.detach().broadcast_to(shape), b.detach().broadcast_to(shape));
        (kernels.zip)(op, a.data(), b.data(), &mut out);
    }
    Tensor::new(shape, out)
}

/// A differentiable function of two numbers; axes broadcast.
pub(crate) trait Binary: Zip {
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

/// Applies a differentiable function of two numbers, with broadcasting.
#[inline]
#[track_caller]
pub(crate) fn binary<T: Real, O: Binary>(a: Tensor<T>, b: Tensor<T>, op: O) -> Tensor<T> {
    let Some(edges) = Edges::of(&[&a, &b]) else {
        return zip(a, b, op).checked(O::NAME);
    };
    let keeps = |left: bool, right: bool| (left && edges.has(0)) || (right && edges.has(1));
    let backward = BinaryBackward {
        op,
        a: keeps(O::LEFT_READS.0, O::RIGHT_READS.0).then(|| a.detach()),
        b: keeps(O::LEFT_READS.1, O::RIGHT_READS.1).then(|| b.detach()),
        a_shape: *a.shape(),
        b_shape: *b.shape(),
    };
    zip(a, b, op).record(Some(edges), O::NAME, |_| backward)
}
