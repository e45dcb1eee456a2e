//! Sets that are united by many threads.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A partition of `0..n` that several threads coarsen at the same time.
///
/// The root of a set is its least member, so that the sets and their roots at the end do not depend
/// on the order of the unions. Relaxed order suffices: a stale parent is an ancestor too, and the
/// end of the parallel section makes all of them visible.
///
/// R. J. Anderson, H. Woll, *Wait-free parallel algorithms for the union-find problem*, STOC 1991.
pub(crate) struct UnionFind {
    parents: Vec<AtomicU32>,
}

impl UnionFind {
    /// `n` sets of one.
    pub(crate) fn new(n: usize) -> Self {
        Self { parents: (0..n as u32).map(AtomicU32::new).collect() }
    }

    /// The least member of the set of `i` as far as it is known.
    pub(crate) fn find(&self, mut i: u32) -> u32 {
        loop {
            let parent = self.parents[i as usize].load(Relaxed);
            if parent == i {
                return i;
            }
            let above = self.parents[parent as usize].load(Relaxed);
            if above != parent {
                // Halves the path. Where another thread was faster, its parent is as good.
                let link = &self.parents[i as usize];
                let _ = link.compare_exchange_weak(parent, above, Relaxed, Relaxed);
            }
            i = parent;
        }
    }

    /// Makes one set of those of `a` and `b`.
    pub(crate) fn unite(&self, a: u32, b: u32) {
        let (mut a, mut b) = (self.find(a), self.find(b));
        while a != b {
            let (low, high) = (a.min(b), a.max(b));
            // Fails where `high` has just lost its place as a root.
            if self.parents[high as usize].compare_exchange(high, low, Relaxed, Relaxed).is_ok() {
                return;
            }
            (a, b) = (self.find(low), self.find(high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnionFind;
    use purlin_backend::parallel;

    #[test]
    fn roots_are_least_members_whatever_the_order() {
        let sets = UnionFind::new(9);
        for (a, b) in [(8, 4), (4, 6), (3, 7), (6, 2)] {
            sets.unite(a, b);
        }
        let roots: Vec<u32> = (0..9).map(|i| sets.find(i)).collect();
        assert_eq!(roots, [0, 1, 2, 3, 2, 5, 2, 3, 2]);
    }

    #[test]
    fn many_threads_make_one_chain() {
        let n = 100_000u32;
        let sets = UnionFind::new(n as usize);
        parallel::for_each(64, usize::MAX, |block| {
            for i in (block as u32..n - 1).step_by(64) {
                sets.unite(i, i + 1);
            }
        });
        assert!((0..n).all(|i| sets.find(i) == 0));
    }
}
