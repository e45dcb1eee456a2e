//! Maps over slices: one, two or three operands, broadcasting, and updates of several arrays.
//!
//! An operation is a small type with a generic `eval` over a vector; [`ops`] holds the usual ones.
//! Elements do not depend on each other, so every function here has the same bits on any thread
//! count and instruction set whatever the operation does.
//!
//! # Examples
//!
//! ```
//! use purlin_backend::elementwise::{self, MapOp, ops};
//! use purlin_core::simd::Lanes;
//!
//! #[derive(Clone, Copy)]
//! struct Square;
//! impl MapOp for Square {
//!     #[inline(always)]
//!     fn eval<V: Lanes>(self, x: V) -> V {
//!         x * x
//!     }
//! }
//!
//! let mut y = [0.0f32; 3];
//! elementwise::map(Square, &[1.0, 2.0, 3.0], &mut y);
//! assert_eq!(y, [1.0, 4.0, 9.0]);
//! elementwise::zip_inplace(ops::Add, &mut y, &[1.0, 1.0, 1.0]);
//! assert_eq!(y, [2.0, 5.0, 10.0]);
//! ```

#[macro_use]
mod doors;
mod broadcast;
pub mod ops;
mod update;

pub use broadcast::zip_broadcast;
pub use update::{UpdateOp, update};

use crate::mono::{is_single, same};
use crate::{Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Elements per block: 64 KiB of `f32`, so that a block of each operand stays in the second cache.
pub(crate) const BLOCK: usize = 1 << 14;

/// A function of one number.
///
/// `eval` must be `#[inline(always)]`, so that it is compiled inside the instruction set's wrapper.
pub trait MapOp: Copy + Sync {
    /// Rough cost of one element, in additions; it decides when threads are worth waking.
    const COST: usize = 1;
    /// The function, lane by lane.
    fn eval<V: Lanes>(self, x: V) -> V;
    map_doors!();
}

/// A function of two numbers; see [`MapOp`].
pub trait ZipOp: Copy + Sync {
    /// Rough cost of one element, in additions.
    const COST: usize = 1;
    /// The function, lane by lane.
    fn eval<V: Lanes>(self, a: V, b: V) -> V;
    zip_doors!();
}

/// A function of three numbers; see [`MapOp`].
pub trait Zip3Op: Copy + Sync {
    /// Rough cost of one element, in additions.
    const COST: usize = 1;
    /// The function, lane by lane.
    fn eval<V: Lanes>(self, a: V, b: V, c: V) -> V;
    zip3_doors!();
}

/// The work of `n` elements that touch `arrays` arrays, in the unit of [`parallel::THRESHOLD`].
#[inline]
pub(crate) fn work<T>(n: usize, arrays: usize, cost: usize) -> usize {
    n.saturating_mul(arrays * size_of::<T>() + cost)
}

/// `out[i] = op(x[i])`.
///
/// # Panics
///
/// When the lengths differ.
#[track_caller]
pub fn map<T: Real, F: MapOp>(op: F, x: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "map: x and out must have one length");
    // SAFETY: `is_single` tells which type `T` is.
    unsafe {
        if is_single::<T>() {
            op.map_f32(same(x), same(out));
        } else {
            op.map_f64(same(x), same(out));
        }
    }
}

fn map_of<T: Real, F: MapOp>(op: F, x: &[T], out: &mut [T]) {
    parallel::for_each_chunk(out, BLOCK, work::<T>(x.len(), 2, F::COST), |block, out| {
        let x = &x[block * BLOCK..][..out.len()];
        dispatch(Map { op, x, out });
    });
}

/// `x[i] = op(x[i])`.
pub fn map_inplace<T: Real, F: MapOp>(op: F, x: &mut [T]) {
    // SAFETY: `is_single` tells which type `T` is.
    unsafe {
        if is_single::<T>() {
            op.map_inplace_f32(same(x));
        } else {
            op.map_inplace_f64(same(x));
        }
    }
}

fn map_inplace_of<T: Real, F: MapOp>(op: F, x: &mut [T]) {
    let work = work::<T>(x.len(), 2, F::COST);
    parallel::for_each_chunk(x, BLOCK, work, |_, x| dispatch(MapInplace { op, x }));
}

/// `out[i] = op(a[i], b[i])`.
///
/// # Panics
///
/// When the lengths differ.
#[track_caller]
pub fn zip<T: Real, F: ZipOp>(op: F, a: &[T], b: &[T], out: &mut [T]) {
    assert_eq!(a.len(), b.len(), "zip: a and b must have one length");
    assert_eq!(a.len(), out.len(), "zip: a and out must have one length");
    // SAFETY: `is_single` tells which type `T` is.
    unsafe {
        if is_single::<T>() {
            op.zip_f32(same(a), same(b), same(out));
        } else {
            op.zip_f64(same(a), same(b), same(out));
        }
    }
}

fn zip_of<T: Real, F: ZipOp>(op: F, a: &[T], b: &[T], out: &mut [T]) {
    parallel::for_each_chunk(out, BLOCK, work::<T>(a.len(), 3, F::COST), |block, out| {
        let (a, b) = (&a[block * BLOCK..][..out.len()], &b[block * BLOCK..][..out.len()]);
        dispatch(Zip { op, a, b, out });
    });
}

/// `a[i] = op(a[i], b[i])`.
///
/// # Panics
///
/// When the lengths differ.
#[track_caller]
pub fn zip_inplace<T: Real, F: ZipOp>(op: F, a: &mut [T], b: &[T]) {
    assert_eq!(a.len(), b.len(), "zip_inplace: a and b must have one length");
    // SAFETY: `is_single` tells which type `T` is.
    unsafe {
        if is_single::<T>() {
            op.zip_inplace_f32(same(a), same(b));
        } else {
            op.zip_inplace_f64(same(a), same(b));
        }
    }
}

fn zip_inplace_of<T: Real, F: ZipOp>(op: F, a: &mut [T], b: &[T]) {
    let work = work::<T>(a.len(), 3, F::COST);
    parallel::for_each_chunk(a, BLOCK, work, |block, a| {
        let b = &b[block * BLOCK..][..a.len()];
        dispatch(ZipInplace { op, a, b });
    });
}

/// `out[i] = op(a[i], b[i], c[i])`.
///
/// # Panics
///
/// When the lengths differ.
#[track_caller]
pub fn zip3<T: Real, F: Zip3Op>(op: F, a: &[T], b: &[T], c: &[T], out: &mut [T]) {
    assert_eq!(a.len(), b.len(), "zip3: a and b must have one length");
    assert_eq!(a.len(), c.len(), "zip3: a and c must have one length");
    assert_eq!(a.len(), out.len(), "zip3: a and out must have one length");
    // SAFETY: `is_single` tells which type `T` is.
    unsafe {
        if is_single::<T>() {
            op.zip3_f32(same(a), same(b), same(c), same(out));
        } else {
            op.zip3_f64(same(a), same(b), same(c), same(out));
        }
    }
}

fn zip3_of<T: Real, F: Zip3Op>(op: F, a: &[T], b: &[T], c: &[T], out: &mut [T]) {
    parallel::for_each_chunk(out, BLOCK, work::<T>(a.len(), 4, F::COST), |block, out| {
        let range = block * BLOCK..block * BLOCK + out.len();
        let (a, b, c) = (&a[range.clone()], &b[range.clone()], &c[range]);
        dispatch(Zip3 { op, a, b, c, out });
    });
}

struct Map<'a, T, F> {
    op: F,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Real, F: MapOp> Kernel for Map<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = T::Lanes::<I>::LANES;
        let (mut xs, mut outs) = (self.x.chunks_exact(n), self.out.chunks_exact_mut(n));
        for (x, out) in xs.by_ref().zip(outs.by_ref()) {
            self.op.eval(T::Lanes::<I>::load(x)).store(out);
        }
        let (x, out) = (xs.remainder(), outs.into_remainder());
        if !out.is_empty() {
            self.op.eval(T::Lanes::<I>::load_partial(x, T::ZERO)).store_partial(out);
        }
    }
}

struct MapInplace<'a, T, F> {
    op: F,
    x: &'a mut [T],
}

impl<T: Real, F: MapOp> Kernel for MapInplace<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut xs = self.x.chunks_exact_mut(T::Lanes::<I>::LANES);
        for x in xs.by_ref() {
            self.op.eval(T::Lanes::<I>::load(x)).store(x);
        }
        let x = xs.into_remainder();
        if !x.is_empty() {
            self.op.eval(T::Lanes::<I>::load_partial(x, T::ZERO)).store_partial(x);
        }
    }
}

pub(crate) struct Zip<'a, T, F> {
    pub(crate) op: F,
    pub(crate) a: &'a [T],
    pub(crate) b: &'a [T],
    pub(crate) out: &'a mut [T],
}

impl<T: Real, F: ZipOp> Kernel for Zip<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        zip_body::<I, T, F>(self.op, self.a, self.b, self.out);
    }
}

#[inline(always)]
pub(crate) fn zip_body<I: Isa, T: Real, F: ZipOp>(op: F, a: &[T], b: &[T], out: &mut [T]) {
    let n = T::Lanes::<I>::LANES;
    let (mut a, mut b) = (a.chunks_exact(n), b.chunks_exact(n));
    let mut out = out.chunks_exact_mut(n);
    for ((a, b), out) in a.by_ref().zip(b.by_ref()).zip(out.by_ref()) {
        op.eval(T::Lanes::<I>::load(a), T::Lanes::<I>::load(b)).store(out);
    }
    let out = out.into_remainder();
    if !out.is_empty() {
        let a = T::Lanes::<I>::load_partial(a.remainder(), T::ZERO);
        let b = T::Lanes::<I>::load_partial(b.remainder(), T::ZERO);
        op.eval(a, b).store_partial(out);
    }
}

struct ZipInplace<'a, T, F> {
    op: F,
    a: &'a mut [T],
    b: &'a [T],
}

impl<T: Real, F: ZipOp> Kernel for ZipInplace<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = T::Lanes::<I>::LANES;
        let (mut a, mut b) = (self.a.chunks_exact_mut(n), self.b.chunks_exact(n));
        for (a, b) in a.by_ref().zip(b.by_ref()) {
            self.op.eval(T::Lanes::<I>::load(a), T::Lanes::<I>::load(b)).store(a);
        }
        let a = a.into_remainder();
        if !a.is_empty() {
            let lhs = T::Lanes::<I>::load_partial(a, T::ZERO);
            let rhs = T::Lanes::<I>::load_partial(b.remainder(), T::ZERO);
            self.op.eval(lhs, rhs).store_partial(a);
        }
    }
}

struct Zip3<'a, T, F> {
    op: F,
    a: &'a [T],
    b: &'a [T],
    c: &'a [T],
    out: &'a mut [T],
}

impl<T: Real, F: Zip3Op> Kernel for Zip3<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = T::Lanes::<I>::LANES;
        let (mut a, mut b) = (self.a.chunks_exact(n), self.b.chunks_exact(n));
        let (mut c, mut out) = (self.c.chunks_exact(n), self.out.chunks_exact_mut(n));
        for (((a, b), c), out) in a.by_ref().zip(b.by_ref()).zip(c.by_ref()).zip(out.by_ref()) {
            let (a, b) = (T::Lanes::<I>::load(a), T::Lanes::<I>::load(b));
            self.op.eval(a, b, T::Lanes::<I>::load(c)).store(out);
        }
        let out = out.into_remainder();
        if !out.is_empty() {
            let a = T::Lanes::<I>::load_partial(a.remainder(), T::ZERO);
            let b = T::Lanes::<I>::load_partial(b.remainder(), T::ZERO);
            let c = T::Lanes::<I>::load_partial(c.remainder(), T::ZERO);
            self.op.eval(a, b, c).store_partial(out);
        }
    }
}
