//! The threads of rayon's current pool and the thread that calls them, at work on one list of tasks.
//!
//! A thread outside of the pool that hands its work to rayon sleeps until all is done; waking it and
//! the others takes longer than many a kernel. Here it takes tasks like the others, and looks out for
//! their last ones before it sleeps.
//!
//! Each thread begins with a run of neighbouring tasks, the same in each operation, so that the next one
//! finds in its cache what this one left there; when its own are done, it takes the last ones of others.

use rayon::Scope;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// About as long as it takes to be woken.
const LOOKOUT: Duration = Duration::from_micros(60);

/// Calls `f(i)` for every `i` in `0..n`, on all threads of the current pool.
pub(crate) fn share(n: usize, f: &(dyn Fn(usize) + Sync)) {
    let threads = rayon::current_num_threads().min(n);
    if threads < 2 || u32::try_from(n).is_err() {
        return (0..n).for_each(f);
    }
    let run = |i: usize| Run::new(n * i / threads, n * (i + 1) / threads);
    let crew = Crew {
        f,
        runs: (0..threads).map(run).collect(),
        called: AtomicUsize::new(0),
        gone: AtomicUsize::new(0),
    };
    let is_outside = rayon::current_thread_index().is_none();
    rayon::in_place_scope(|scope| {
        crew.call(scope);
        crew.work(0);
        if is_outside {
            crew.look_out();
        }
    });
}

struct Crew<'a> {
    f: &'a (dyn Fn(usize) + Sync),
    /// One per thread; the first is the caller's.
    runs: Vec<Run>,
    /// Threads beside the caller: called, and gone.
    called: AtomicUsize,
    gone: AtomicUsize,
}

impl Crew<'_> {
    /// Calls a thread where one is left and has something to do.
    fn call<'s>(&'s self, scope: &Scope<'s>) {
        if self.runs.iter().all(Run::is_empty) {
            return;
        }
        let one_more = |called| (called + 1 < self.runs.len()).then_some(called + 1);
        if self.called.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
            scope.spawn(|scope| self.come(scope));
        }
    }

    fn come<'s>(&'s self, scope: &Scope<'s>) {
        // Each calls two, so that many are there soon.
        self.call(scope);
        self.call(scope);
        // Two may have the same run: that takes longer, no more.
        self.work(1 + rayon::current_thread_index().unwrap_or(0) % (self.runs.len() - 1));
        self.gone.fetch_add(1, Ordering::Relaxed);
    }

    fn work(&self, own: usize) {
        while let Some(i) = self.runs[own].first() {
            (self.f)(i);
        }
        let others = (1..self.runs.len()).map(|skip| (own + skip) % self.runs.len());
        for other in others {
            while let Some(i) = self.runs[other].last() {
                (self.f)(i);
            }
        }
    }

    /// Waits awake until all that were called are gone, but not long.
    fn look_out(&self) {
        let start = Instant::now();
        while self.gone.load(Ordering::Relaxed) < self.called.load(Ordering::Relaxed)
            && start.elapsed() < LOOKOUT
        {
            std::hint::spin_loop();
        }
    }
}

/// The tasks `first..end`, as `first << 32 | end`; on a cache line of its own.
#[repr(align(64))]
struct Run(AtomicU64);

impl Run {
    /// Both are below `2^32`.
    fn new(first: usize, end: usize) -> Self {
        Self(AtomicU64::new((first as u64) << 32 | end as u64))
    }

    fn bounds(run: u64) -> (u64, u64) {
        (run >> 32, run & u64::from(u32::MAX))
    }

    fn is_empty(&self) -> bool {
        let (first, end) = Self::bounds(self.0.load(Ordering::Relaxed));
        first >= end
    }

    /// Takes the first task.
    fn first(&self) -> Option<usize> {
        self.take(|run| run + (1 << 32)).map(|run| Self::bounds(run).0 as usize)
    }

    /// Takes the last task.
    fn last(&self) -> Option<usize> {
        self.take(|run| run - 1).map(|run| Self::bounds(run).1 as usize - 1)
    }

    /// The run before the update, unless it is empty.
    fn take(&self, without: impl Fn(u64) -> u64) -> Option<u64> {
        let update = |run| {
            let (first, end) = Self::bounds(run);
            (first < end).then(|| without(run))
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::share;
    use crate::gemm::testing::on_threads;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn every_task_is_done_once(n: usize) {
        let counts: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
        share(n, &|i| {
            counts[i].fetch_add(1, Ordering::Relaxed);
        });
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{n} tasks");
    }

    #[test]
    fn every_task_is_done_once_inside_and_outside_of_a_pool() {
        for n in [0, 1, 2, 3, 7, 64, 1000] {
            every_task_is_done_once(n);
            for threads in [1, 2, 3, 8] {
                on_threads(threads, || every_task_is_done_once(n));
            }
        }
    }

    #[test]
    fn tasks_may_share_tasks_of_their_own() {
        let sum = AtomicUsize::new(0);
        on_threads(3, || {
            share(5, &|i| {
                share(7, &|j| {
                    sum.fetch_add(i * j, Ordering::Relaxed);
                });
            });
        });
        assert_eq!(sum.into_inner(), 10 * 21);
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        for threads in [2, 4] {
            for task in [0, 60, 99] {
                let work = || share(100, &|i| assert!(i != task, "task {task}"));
                let inside = std::panic::catch_unwind(|| on_threads(threads, work));
                assert!(inside.is_err() && std::panic::catch_unwind(work).is_err());
            }
        }
        every_task_is_done_once(100);
    }
}
