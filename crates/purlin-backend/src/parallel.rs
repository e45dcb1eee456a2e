//! Threads that never change a bit.
//!
//! Work is cut into blocks whose size depends on the problem only; rayon's current pool runs
//! them in any order. Work below a threshold stays on the calling thread: waking another one
//! costs microseconds.

use rayon::prelude::*;

/// Work, in rough floating-point operations or bytes moved, below which one thread is faster:
/// some 50 microseconds of one core.
pub const THRESHOLD: usize = 1 << 18;

/// Whether `work` (operations or bytes, see [`THRESHOLD`]) is worth several threads.
#[inline]
pub fn is_worth_it(work: usize) -> bool {
    work >= THRESHOLD && rayon::current_num_threads() > 1
}

/// Calls `f(i)` for every `i` in `0..n`, in parallel when `work` in all is worth it.
#[inline]
pub fn for_each(n: usize, work: usize, f: impl Fn(usize) + Sync + Send) {
    if n > 1 && is_worth_it(work) {
        (0..n).into_par_iter().with_max_len(1).for_each(f);
    } else {
        (0..n).for_each(f);
    }
}

/// Calls `f(i, chunk)` for every chunk of `size` items of `out` (the last may be shorter), in
/// parallel when `work` in all is worth it.
#[inline]
pub fn for_each_chunk<T: Send>(
    out: &mut [T],
    size: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    if out.len() > size && is_worth_it(work) {
        out.par_chunks_mut(size).with_max_len(1).enumerate().for_each(|(i, chunk)| f(i, chunk));
    } else {
        out.chunks_mut(size.max(1)).enumerate().for_each(|(i, chunk)| f(i, chunk));
    }
}

/// Computes `f(i)` for every `i` in `0..n`, in parallel when `work` in all is worth it, and
/// combines the results in a fixed tree: neighbours in pairs, then pairs of pairs.
pub fn reduce<R: Send>(
    n: usize,
    work: usize,
    f: impl Fn(usize) -> R + Sync + Send,
    combine: impl Fn(R, R) -> R,
) -> Option<R> {
    let mut parts: Vec<R> = if n > 1 && is_worth_it(work) {
        (0..n).into_par_iter().with_max_len(1).map(f).collect()
    } else {
        (0..n).map(f).collect()
    };
    while parts.len() > 1 {
        let mut pairs = parts.into_iter();
        let mut next = Vec::with_capacity(pairs.len().div_ceil(2));
        while let Some(a) = pairs.next() {
            next.push(match pairs.next() {
                Some(b) => combine(a, b),
                None => a,
            });
        }
        parts = next;
    }
    parts.pop()
}
