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

mod block;
mod broadcast;
pub mod ops;
mod update;

pub use broadcast::zip_broadcast;
#[cfg(feature = "nn")]
pub(crate) use update::Update;
pub use update::{UpdateOp, gelu_with_grad, update};

use crate::mono::{is_single, same};
use crate::parallel;
use block::{Block, Operand};
use purlin_core::Real;
use purlin_core::simd::Lanes;

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
    block::doors!(map);
}

/// A function of two numbers; see [`MapOp`].
pub trait ZipOp: Copy + Sync {
    /// Rough cost of one element, in additions.
    const COST: usize = 1;
    /// The function, lane by lane.
    fn eval<V: Lanes>(self, a: V, b: V) -> V;
    block::doors!(zip);
}

/// A function of three numbers; see [`MapOp`].
pub trait Zip3Op: Copy + Sync {
    /// Rough cost of one element, in additions.
    const COST: usize = 1;
    /// The function, lane by lane.
    fn eval<V: Lanes>(self, a: V, b: V, c: V) -> V;
    block::doors!(zip3);
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
    let work = work::<T>(x.len(), 2, F::COST);
    parallel::for_each_chunk(out, BLOCK, work, |block, out| {
        run_map(op, Block::new([Operand::part(x, block * BLOCK, out.len())], out));
    });
}

/// `x[i] = op(x[i])`.
pub fn map_inplace<T: Real, F: MapOp>(op: F, x: &mut [T]) {
    let work = work::<T>(x.len(), 2, F::COST);
    parallel::for_each_chunk(x, BLOCK, work, |_, x| run_map(op, Block::in_place([], x)));
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
    let work = work::<T>(a.len(), 3, F::COST);
    parallel::for_each_chunk(out, BLOCK, work, |block, out| {
        let (start, len) = (block * BLOCK, out.len());
        run_zip(op, Block::new([Operand::part(a, start, len), Operand::part(b, start, len)], out));
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
    let work = work::<T>(a.len(), 3, F::COST);
    parallel::for_each_chunk(a, BLOCK, work, |block, a| {
        let b = Operand::part(b, block * BLOCK, a.len());
        run_zip(op, Block::in_place([b], a));
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
    let work = work::<T>(a.len(), 4, F::COST);
    parallel::for_each_chunk(out, BLOCK, work, |block, out| {
        let (start, len) = (block * BLOCK, out.len());
        let block = Block::new([a, b, c].map(|x| Operand::part(x, start, len)), out);
        // SAFETY: `is_single` tells which type `T` is.
        unsafe { if is_single::<T>() { op.run_f32(same(block)) } else { op.run_f64(same(block)) } }
    });
}

#[inline(always)]
fn run_map<T: Real, F: MapOp>(op: F, block: Block<'_, T, 1>) {
    // SAFETY: `is_single` tells which type `T` is.
    unsafe { if is_single::<T>() { op.run_f32(same(block)) } else { op.run_f64(same(block)) } }
}

#[inline(always)]
fn run_zip<T: Real, F: ZipOp>(op: F, block: Block<'_, T, 2>) {
    // SAFETY: `is_single` tells which type `T` is.
    unsafe { if is_single::<T>() { op.run_f32(same(block)) } else { op.run_f64(same(block)) } }
}
