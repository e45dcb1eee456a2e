//! Threads that never change a bit.
//!
//! Work is cut into blocks whose size depends on the problem only, wherever a block is the unit of a
//! sum; rayon's current pool and the calling thread run them in any order. Work below a threshold
//! stays on the calling thread: waking another one costs microseconds.

use crate::crew;

/// Work, in rough floating-point operations or bytes moved, below which one thread is faster:
/// some 50 microseconds of one core.
pub const THRESHOLD: usize = 1 << 18;

/// Whether `work` (operations or bytes, see [`THRESHOLD`]) is worth several threads.
#[inline]
pub fn is_worth_it(work: usize) -> bool {
    work >= THRESHOLD && rayon::current_num_threads() > 1
}

/// A number of tasks, at least `least`, that gives each thread as many, unless that takes more than
/// `most`. For tasks that only choose which elements are computed where.
pub(crate) fn even_tasks(least: usize, most: usize, work: usize) -> usize {
    if !is_worth_it(work) {
        return least;
    }
    least.next_multiple_of(rayon::current_num_threads()).min(most.max(least))
}

/// Calls `f(i)` for every `i` in `0..n`, in parallel when `work` in all is worth it.
#[inline]
pub fn for_each(n: usize, work: usize, f: impl Fn(usize) + Sync + Send) {
    if n > 1 && is_worth_it(work) {
        crew::share(n, &f);
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
    let len = out.len();
    if len <= size || !is_worth_it(work) {
        out.chunks_mut(size.max(1)).enumerate().for_each(|(i, chunk)| f(i, chunk));
        return;
    }
    let first = Shared(out.as_mut_ptr());
    crew::share(len.div_ceil(size), &|i| {
        let start = i * size;
        // SAFETY: chunk `i` is `start..start + size`, cut at `len`: chunks lie inside `out`, do not
        // overlap, and each `i` is called once. `out` is borrowed until `share` returns.
        let chunk =
            unsafe { std::slice::from_raw_parts_mut(first.at(start).0, size.min(len - start)) };
        f(i, chunk);
    });
}

/// Calls `f(i, task)` for every task, in parallel when `work` in all is worth it.
pub(crate) fn for_each_task<X: Send>(
    tasks: impl Iterator<Item = X>,
    work: usize,
    f: impl Fn(usize, X) + Sync + Send,
) {
    if !is_worth_it(work) {
        return tasks.enumerate().for_each(|(i, task)| f(i, task));
    }
    let mut tasks: Vec<Option<X>> = tasks.map(Some).collect();
    for_each_chunk(&mut tasks, 1, work, |i, task| {
        if let Some(task) = task[0].take() {
            f(i, task);
        }
    });
}

/// A pointer that tasks share; each writes elements of its own.
#[derive(Debug)]
pub(crate) struct Shared<T>(pub(crate) *mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T> Shared<T> {
    /// The place `skip` items later.
    pub(crate) fn at(self, skip: usize) -> Self {
        Self(self.0.wrapping_add(skip))
    }
}

// SAFETY: a pointer may go to any thread; what is done with it is `unsafe` where it is done, and
// says there which elements each task writes.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: shared, the pointer itself is only copied.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Computes `f(i)` for every `i` in `0..n`, in parallel when `work` in all is worth it, and
/// combines the results in a fixed tree: neighbours in pairs, then pairs of pairs.
pub fn reduce<R: Send>(
    n: usize,
    work: usize,
    f: impl Fn(usize) -> R + Sync + Send,
    combine: impl Fn(R, R) -> R,
) -> Option<R> {
    let mut parts: Vec<Option<R>> = (0..n).map(|_| None).collect();
    for_each_chunk(&mut parts, 1, work, |i, part| part[0] = Some(f(i)));
    while parts.len() > 1 {
        let mut pairs = parts.into_iter();
        let mut next = Vec::with_capacity(pairs.len().div_ceil(2));
        while let Some(a) = pairs.next() {
            next.push(match pairs.next() {
                Some(b) => a.zip(b).map(|(a, b)| combine(a, b)),
                None => a,
            });
        }
        parts = next;
    }
    parts.pop().flatten()
}
