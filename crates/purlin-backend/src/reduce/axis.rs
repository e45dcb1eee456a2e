//! Folding an axis with a binary operation.

use super::row::{self, By};
use crate::elementwise::{ZipOp, ops, work};
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES as MAX};

/// `out[o, j] = sum over i of x[o, i, j]`; 0 along an empty axis.
///
/// # Panics
///
/// When `x` is not `outer * size * inner` long or `out` not `outer * inner`.
///
/// # Examples
///
/// ```
/// let mut out = [0.0f32; 3];
/// purlin_backend::reduce::sum_axis(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1, 2, 3, &mut out);
/// assert_eq!(out, [5.0, 7.0, 9.0]); // the columns of a 2 x 3 matrix
/// ```
#[track_caller]
pub fn sum_axis<T: Real>(x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]) {
    once!(|x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]| {
        fold_axis(ops::Add, T::ZERO, x, outer, size, inner, out);
    });
}

/// `out[o, j] = product over i of x[o, i, j]`; 1 along an empty axis. Panics as [`sum_axis`].
#[track_caller]
pub fn prod_axis<T: Real>(x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]) {
    once!(|x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]| {
        fold_axis(ops::Mul, T::ONE, x, outer, size, inner, out);
    });
}

/// `out[o, j] = max over i of x[o, i, j]`; NaN if there is one, -inf along an empty axis.
/// Panics as [`sum_axis`].
#[track_caller]
pub fn max_axis<T: Real>(x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]) {
    once!(|x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]| {
        fold_axis(ops::Max, T::NEG_INFINITY, x, outer, size, inner, out);
    });
}

/// `out[o, j] = min over i of x[o, i, j]`; NaN if there is one, inf along an empty axis.
/// Panics as [`sum_axis`].
#[track_caller]
pub fn min_axis<T: Real>(x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]) {
    once!(|x: &[T], outer: usize, size: usize, inner: usize, out: &mut [T]| {
        fold_axis(ops::Min, T::INFINITY, x, outer, size, inner, out);
    });
}

/// Folds an axis with an associative operation and its neutral element, in a fixed order that
/// depends on the shape only.
///
/// # Panics
///
/// When `x` is not `outer * size * inner` long or `out` not `outer * inner`.
#[track_caller]
pub fn fold_axis<T: Real, F: ZipOp>(
    op: F,
    neutral: T,
    x: &[T],
    outer: usize,
    size: usize,
    inner: usize,
    out: &mut [T],
) {
    assert_eq!(x.len(), outer * size * inner, "fold_axis: x must be (outer, size, inner)");
    assert_eq!(out.len(), outer * inner, "fold_axis: out must be (outer, inner)");
    if x.is_empty() {
        out.fill(neutral);
        return;
    }
    let work = work::<T>(x.len(), 1, F::COST);
    if inner == 1 {
        rows(op, neutral, x, size, out, work);
    } else {
        columns(op, neutral, x, [outer, size, inner], out, work);
    }
}

/// Each output is one contiguous run.
fn rows<T: Real, F: ZipOp>(op: F, neutral: T, x: &[T], size: usize, out: &mut [T], work: usize) {
    struct Rows<'a, T, F>(F, T, &'a [T], &'a mut [T], usize);
    impl<T: Real, F: ZipOp> Kernel for Rows<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn run<I: Isa>(self) {
            let Self(op, neutral, x, out, size) = self;
            for (x, out) in x.chunks_exact(size).zip(out) {
                *out = row::fold::<I, T, _>(By(op), x, neutral, neutral);
            }
        }
    }
    if size <= super::BLOCK {
        let per_block = (super::BLOCK / size).max(1);
        parallel::for_each_chunk(out, per_block, work, |block, out| {
            let x = &x[block * per_block * size..][..out.len() * size];
            dispatch(Rows(op, neutral, x, out, size));
        });
        return;
    }
    // Long runs: blocks of each, then a tree.
    let blocks = size.div_ceil(super::BLOCK);
    let mut parts = Buffer::<T>::scratch(out.len() * blocks);
    parallel::for_each_chunk(&mut parts, 1, work, |i, part| {
        let (run, block) = (i / blocks, i % blocks);
        let x = &x[run * size..][..size][block * super::BLOCK..];
        let x = &x[..x.len().min(super::BLOCK)];
        dispatch(Rows(op, neutral, x, part, x.len()));
    });
    for (out, parts) in out.iter_mut().zip(parts.chunks_exact_mut(blocks)) {
        combine(op, parts, 1);
        *out = parts[0];
    }
}

/// Rows of `width` combined in pairs, then pairs of pairs; the result is in the first.
pub(super) fn combine<T: Real, F: ZipOp>(op: F, parts: &mut [T], width: usize) {
    let mut step = width;
    while step < parts.len() {
        for pair in parts.chunks_mut(2 * step) {
            if pair.len() > step {
                let (a, b) = pair.split_at_mut(step);
                crate::elementwise::zip_inplace(op, &mut a[..width], &b[..width]);
            }
        }
        step *= 2;
    }
}

/// How many entries of the axis one block folds: some 128 KiB of `f32`, and not so many that a
/// sum of them loses digits.
pub(super) fn rows_per_block(inner: usize, lanes: usize) -> usize {
    let longest = if inner < lanes { 1024 * lanes } else { 1024 };
    // A multiple of the lanes, so that narrow blocks end on whole groups.
    (32_768 / inner).clamp(64, longest) / lanes * lanes
}

/// Outputs lie side by side.
fn columns<T: Real, F: ZipOp>(
    op: F,
    neutral: T,
    x: &[T],
    [outer, size, inner]: [usize; 3],
    out: &mut [T],
    work: usize,
) {
    let lanes = if size_of::<T>() == 4 { 16 } else { 8 };
    let per_block = rows_per_block(inner, lanes);
    let block = |x: &[T], from: usize, out: &mut [T]| {
        let sweep = Sweep { step: By(op), x, inner, from, center: None, neutral, out };
        dispatch(sweep);
    };
    if size <= per_block {
        // Tiles of columns, so that few wide blocks spread over threads.
        let tile = if inner >= 2 * TILE { TILE } else { inner };
        let tiles = inner.div_ceil(tile);
        if tiles == 1 {
            let group = (super::BLOCK / (size * inner)).max(1);
            parallel::for_each_chunk(out, group * inner, work, |g, out| {
                for (k, out) in out.chunks_exact_mut(inner).enumerate() {
                    block(&x[(g * group + k) * size * inner..][..size * inner], 0, out);
                }
            });
        } else {
            for (o, out) in out.chunks_exact_mut(inner).enumerate() {
                let x = &x[o * size * inner..][..size * inner];
                parallel::for_each_chunk(out, tile, work / outer, |t, out| block(x, t * tile, out));
            }
        }
        return;
    }
    let blocks = size.div_ceil(per_block);
    let mut parts = Buffer::<T>::scratch(outer * blocks * inner);
    parallel::for_each_chunk(&mut parts, inner, work, |i, part| {
        let (o, b) = (i / blocks, i % blocks);
        let x = &x[o * size * inner..][..size * inner][b * per_block * inner..];
        block(&x[..x.len().min(per_block * inner)], 0, part);
    });
    for (out, parts) in out.chunks_exact_mut(inner).zip(parts.chunks_exact_mut(blocks * inner)) {
        combine(op, parts, inner);
        out.copy_from_slice(&parts[..inner]);
    }
}

/// Columns that one sweep over the rows keeps in the first cache.
const TILE: usize = 2048;

/// Columns up to which four vectors of accumulators stay in registers.
const NARROW: usize = 256;

/// Folds the columns `from..from + out.len()` of a block of whole rows.
pub(super) struct Sweep<'a, T, S> {
    pub(super) step: S,
    pub(super) x: &'a [T],
    pub(super) inner: usize,
    pub(super) from: usize,
    /// A number per column that the step may use.
    pub(super) center: Option<&'a [T]>,
    pub(super) neutral: T,
    pub(super) out: &'a mut [T],
}

impl<T: Real, S: Centered> Kernel for Sweep<'_, T, S> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = T::Lanes::<I>::LANES;
        if self.inner < n {
            self.few_columns::<I>();
        } else if self.inner <= NARROW {
            self.in_registers::<I>();
        } else {
            self.in_cache::<I>();
        }
    }
}

/// A [`Step`] that may use a number of its column.
pub(super) trait Centered: Copy {
    fn step<V: Lanes>(self, acc: V, x: V, center: V) -> V;
    fn merge<V: Lanes>(self, a: V, b: V) -> V;
}

impl<F: ZipOp> Centered for By<F> {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V, _: V) -> V {
        self.0.eval(acc, x)
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        self.0.eval(a, b)
    }
}

impl<T: Real, S: Centered> Sweep<'_, T, S> {
    #[inline(always)]
    fn center<I: Isa>(&self, column: usize, fill: T) -> T::Lanes<I> {
        match self.center {
            Some(center) => T::Lanes::<I>::load_partial(&center[column..], fill),
            None => T::Lanes::<I>::splat(fill),
        }
    }

    /// Fewer columns than lanes: `LANES` rows together are `inner` vectors of accumulators.
    #[inline(always)]
    fn few_columns<I: Isa>(self) {
        let (n, inner) = (T::Lanes::<I>::LANES, self.inner);
        let neutral = T::Lanes::<I>::splat(self.neutral);
        // Row-major (LANES, inner), as the elements lie.
        let mut centers = [T::ZERO; MAX * MAX];
        if let Some(center) = self.center {
            for row in centers[..n * inner].chunks_exact_mut(inner) {
                row.copy_from_slice(center);
            }
        }
        let mut acc = [neutral; MAX];
        let mut groups = self.x.chunks_exact(n * inner);
        for group in groups.by_ref() {
            let centers = centers.chunks_exact(n);
            for ((x, acc), center) in group.chunks_exact(n).zip(&mut acc).zip(centers) {
                *acc = self.step.step(*acc, T::Lanes::<I>::load(x), T::Lanes::<I>::load(center));
            }
        }
        let centers = centers.chunks_exact(n);
        for ((x, acc), center) in groups.remainder().chunks(n).zip(&mut acc).zip(centers) {
            let center = T::Lanes::<I>::load_partial(&center[..x.len()], self.neutral);
            let x = T::Lanes::<I>::load_partial(x, self.neutral);
            *acc = self.step.step(*acc, x, center);
        }
        // The rows merge in halves; a row is `inner` numbers anywhere in the vectors.
        let mut table = [T::ZERO; MAX * MAX];
        for (acc, out) in acc[..inner].iter().zip(table.chunks_exact_mut(n)) {
            acc.store(out);
        }
        let mut half = n / 2 * inner;
        while half >= inner {
            let (a, b) = table.split_at_mut(half);
            for (a, b) in a.chunks_mut(n).zip(b[..half].chunks(n)) {
                let left = T::Lanes::<I>::load_partial(a, T::ZERO);
                let right = T::Lanes::<I>::load_partial(b, T::ZERO);
                self.step.merge(left, right).store_partial(a);
            }
            half /= 2;
        }
        self.out.copy_from_slice(&table[self.from..][..self.out.len()]);
    }

    #[inline(always)]
    fn in_registers<I: Isa>(self) {
        let (n, inner) = (T::Lanes::<I>::LANES, self.inner);
        let neutral = T::Lanes::<I>::splat(self.neutral);
        let width = self.out.len();
        let mut j = 0;
        while j + 4 * n <= width {
            let column = self.from + j;
            let mut center = [neutral; 4];
            for (k, center) in center.iter_mut().enumerate() {
                *center = self.center::<I>(column + k * n, self.neutral);
            }
            let mut acc = [neutral; 4];
            for row in self.x.chunks_exact(inner) {
                let row = &row[column..column + 4 * n];
                acc[0] = self.step.step(acc[0], T::Lanes::<I>::load(row), center[0]);
                acc[1] = self.step.step(acc[1], T::Lanes::<I>::load(&row[n..]), center[1]);
                acc[2] = self.step.step(acc[2], T::Lanes::<I>::load(&row[2 * n..]), center[2]);
                acc[3] = self.step.step(acc[3], T::Lanes::<I>::load(&row[3 * n..]), center[3]);
            }
            for (k, acc) in acc.into_iter().enumerate() {
                acc.store(&mut self.out[j + k * n..]);
            }
            j += 4 * n;
        }
        while j < width {
            let column = self.from + j;
            let end = self.from + width.min(j + n);
            let center = self.center::<I>(column, self.neutral);
            let mut acc = neutral;
            for row in self.x.chunks_exact(inner) {
                let x = T::Lanes::<I>::load_partial(&row[column..end], self.neutral);
                acc = self.step.step(acc, x, center);
            }
            acc.store_partial(&mut self.out[j..]);
            j += n;
        }
    }

    /// Wide rows are read from end to end, into accumulators in the first cache.
    #[inline(always)]
    fn in_cache<I: Isa>(self) {
        let n = T::Lanes::<I>::LANES;
        for (t, out) in self.out.chunks_mut(TILE).enumerate() {
            out.fill(self.neutral);
            let from = self.from + t * TILE;
            let width = out.len();
            for row in self.x.chunks_exact(self.inner) {
                let row = &row[from..from + width];
                for j in (0..width).step_by(n) {
                    let center = match self.center {
                        Some(center) => {
                            T::Lanes::<I>::load_partial(&center[from + j..], self.neutral)
                        }
                        None => T::Lanes::<I>::splat(self.neutral),
                    };
                    let acc = T::Lanes::<I>::load_partial(&out[j..], self.neutral);
                    let x = T::Lanes::<I>::load_partial(&row[j..], self.neutral);
                    self.step.step(acc, x, center).store_partial(&mut out[j..]);
                }
            }
        }
    }
}
