//! Reductions of one contiguous run, inside a kernel.
//!
//! Four vectors of accumulators hide the latency of an addition; they are added in pairs, and the
//! lanes of the last one in the tree of [`Lanes::sum`].

use crate::elementwise::{ZipOp, ops};
use crate::math;
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// One step of a reduction over a single array: the new accumulator.
pub(crate) trait Step: Copy {
    fn step<V: Lanes>(self, acc: V, x: V) -> V;
    /// Combines two accumulators.
    fn merge<V: Lanes>(self, a: V, b: V) -> V;
}

/// Folds `x` into lanes that begin as `start`; missing lanes of the last vector hold `fill`.
#[inline(always)]
pub(crate) fn fold<I: Isa, T: Real, S: Step>(step: S, x: &[T], start: T, fill: T) -> T {
    let n = T::Lanes::<I>::LANES;
    let start = T::Lanes::<I>::splat(start);
    let mut acc = start;
    let mut groups = x.chunks_exact(4 * n);
    if x.len() >= 4 * n {
        let (mut a, mut b, mut c, mut d) = (start, start, start, start);
        for x in groups.by_ref() {
            a = step.step(a, T::Lanes::<I>::load(x));
            b = step.step(b, T::Lanes::<I>::load(&x[n..]));
            c = step.step(c, T::Lanes::<I>::load(&x[2 * n..]));
            d = step.step(d, T::Lanes::<I>::load(&x[3 * n..]));
        }
        acc = step.merge(step.merge(a, b), step.merge(c, d));
    }
    let mut rest = groups.remainder().chunks_exact(n);
    for x in rest.by_ref() {
        acc = step.step(acc, T::Lanes::<I>::load(x));
    }
    if !rest.remainder().is_empty() {
        acc = step.step(acc, T::Lanes::<I>::load_partial(rest.remainder(), fill));
    }
    tree(step, acc)
}

/// Merges the lanes: `i` with `i + n/2`, then halves again.
#[inline(always)]
pub(crate) fn tree<V: Lanes, S: Step>(step: S, v: V) -> V::Scalar {
    let v = if V::LANES > 8 { step.merge(v, v.upper::<8>()) } else { v };
    let v = step.merge(v, v.upper::<4>());
    let v = step.merge(v, v.upper::<2>());
    step.merge(v, v.upper::<1>()).first()
}

#[derive(Clone, Copy)]
pub(crate) struct Sum;
impl Step for Sum {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V) -> V {
        acc + x
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        a + b
    }
}

/// A binary operation as a reduction.
#[derive(Clone, Copy)]
pub(crate) struct By<F>(pub(crate) F);
impl<F: ZipOp> Step for By<F> {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V) -> V {
        self.0.eval(acc, x)
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        self.0.eval(a, b)
    }
}

/// Adds `e^(x - center)`.
#[derive(Clone, Copy)]
struct SumExp(f64);
impl Step for SumExp {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V) -> V {
        acc + math::exp(x - V::splat_f64(self.0))
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        a + b
    }
}

/// Adds `x - center`.
#[derive(Clone, Copy)]
struct SumShifted(f64);
impl Step for SumShifted {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V) -> V {
        acc + (x - V::splat_f64(self.0))
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        a + b
    }
}

/// Adds `(x - center)^2`.
#[derive(Clone, Copy)]
struct SumSquares(f64);
impl Step for SumSquares {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V) -> V {
        let d = x - V::splat_f64(self.0);
        d.mul_add(d, acc)
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        a + b
    }
}

#[inline(always)]
pub(crate) fn sum<I: Isa, T: Real>(x: &[T]) -> T {
    fold::<I, T, _>(Sum, x, T::ZERO, T::ZERO)
}

/// The greatest element, NaN if there is one, -inf without elements.
#[inline(always)]
pub(crate) fn max<I: Isa, T: Real>(x: &[T]) -> T {
    fold::<I, T, _>(By(ops::Max), x, T::NEG_INFINITY, T::NEG_INFINITY)
}

/// `sum of e^(x - shift)`
#[inline(always)]
pub(crate) fn sum_exp<I: Isa, T: Real>(x: &[T], shift: T) -> T {
    fold::<I, T, _>(SumExp(shift.to_f64()), x, T::ZERO, T::NEG_INFINITY)
}

/// `sum of (x - shift)`
#[inline(always)]
pub(crate) fn sum_shifted<I: Isa, T: Real>(x: &[T], shift: T) -> T {
    fold::<I, T, _>(SumShifted(shift.to_f64()), x, T::ZERO, shift)
}

/// `sum of (x - center)^2`
#[inline(always)]
pub(crate) fn sum_squares<I: Isa, T: Real>(x: &[T], center: T) -> T {
    fold::<I, T, _>(SumSquares(center.to_f64()), x, T::ZERO, center)
}

/// `sum of x y`
#[inline(always)]
pub(crate) fn dot<I: Isa, T: Real>(x: &[T], y: &[T]) -> T {
    dot_shifted::<I, T>(x, T::ZERO, y)
}

/// `sum of (x - shift) y`
#[inline(always)]
pub(crate) fn dot_shifted<I: Isa, T: Real>(x: &[T], shift: T, y: &[T]) -> T {
    let n = T::Lanes::<I>::LANES;
    let zero = T::Lanes::<I>::splat(T::ZERO);
    let s = T::Lanes::<I>::splat(shift);
    let (mut xs, mut ys) = (x.chunks_exact(4 * n), y.chunks_exact(4 * n));
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        a = (T::Lanes::<I>::load(x) - s).mul_add(T::Lanes::<I>::load(y), a);
        b = (T::Lanes::<I>::load(&x[n..]) - s).mul_add(T::Lanes::<I>::load(&y[n..]), b);
        c = (T::Lanes::<I>::load(&x[2 * n..]) - s).mul_add(T::Lanes::<I>::load(&y[2 * n..]), c);
        d = (T::Lanes::<I>::load(&x[3 * n..]) - s).mul_add(T::Lanes::<I>::load(&y[3 * n..]), d);
    }
    let mut acc = (a + b) + (c + d);
    let (mut xs, mut ys) = (xs.remainder().chunks_exact(n), ys.remainder().chunks_exact(n));
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        acc = (T::Lanes::<I>::load(x) - s).mul_add(T::Lanes::<I>::load(y), acc);
    }
    if !xs.remainder().is_empty() {
        let x = T::Lanes::<I>::load_partial(xs.remainder(), shift) - s;
        acc = x.mul_add(T::Lanes::<I>::load_partial(ys.remainder(), T::ZERO), acc);
    }
    acc.sum()
}
