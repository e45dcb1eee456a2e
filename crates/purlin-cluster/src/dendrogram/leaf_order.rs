//! Which of two parts lies on the left.
//!
//! A tree says which samples are a run, not which end of a run lies where: each merge may be
//! flipped, so that there are `2^(n - 1)` orders. Let `M(l, r)` be the least length of the way
//! along the samples of a cluster that begins at `l` and ends at `r`, one in each part. Such a way
//! leaves the left part at some `k` and enters the right one at some `m`:
//!
//! `M(l, r) = min over k, m of M(l, k) + d(k, m) + M(m, r)`
//!
//! where `k` is in that part of the left part in which `l` is not. With the minimum over `k` for all
//! `m` first, then over `m`, it is two products of matrices in which sums are terms and minima are
//! sums. Any two samples meet in one merge, so that one table of all pairs holds all of `M`.

use super::{Dendrogram, Merge, OP};
use crate::{CondensedMatrix, MemoryBudget};
use purlin_backend::parallel;
use purlin_core::{Error, Real, Result};
use std::ops::Range;

impl Dendrogram {
    /// The order of the samples in which neighbours are least far apart, of all orders in which
    /// every cluster is a run: the sum of the distances of neighbours is least.
    ///
    /// Takes `O(n^3)` time at worst and `12 n^2` bytes, within the default [`MemoryBudget`].
    /// Of the two directions it takes the one in which the last merge is not flipped.
    ///
    /// # Errors
    ///
    /// As [`Dendrogram::optimal_leaf_order_within`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView, Metric};
    ///
    /// let x = MatrixView::from_rows(&[[0.0], [1.0], [5.0], [4.0]]);
    /// let tree = Agglomerative::new(Linkage::Average).fit(x)?;
    /// assert_eq!(tree.leaf_order(), [0, 1, 2, 3]);
    ///
    /// let order = tree.optimal_leaf_order(&Metric::Euclidean.pairwise(x)?)?;
    /// assert_eq!(order, [0, 1, 3, 2]);
    /// assert_eq!(tree.reordered(&order)?.leaf_order(), order);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Z. Bar-Joseph, D. K. Gifford, T. S. Jaakkola, *Fast optimal leaf ordering for hierarchical
    /// clustering*, Bioinformatics 17, 2001.
    pub fn optimal_leaf_order<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
    ) -> Result<Vec<usize>> {
        self.optimal_leaf_order_within(distances, MemoryBudget::default())
    }

    /// [`Dendrogram::optimal_leaf_order`] within another budget.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the distances are of another number of samples,
    /// [`Error::InvalidParam`] when one is infinite, [`Error::OutOfBudget`] before anything is
    /// allocated.
    pub fn optimal_leaf_order_within<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
        budget: MemoryBudget,
    ) -> Result<Vec<usize>> {
        let n = self.n_samples;
        self.check_distances(distances)?;
        // All pairs, and the products of the largest merge: at most a quarter of the pairs each.
        let pairs = (n as u64).checked_mul(n as u64);
        let needed = pairs.and_then(|pairs| pairs.checked_mul(12));
        budget.check(OP, "the table of optimal ways", needed)?;
        if n < 2 {
            return Ok((0..n).collect());
        }
        let mut ways = Ways::new(self);
        for merge in &self.merges {
            ways.join(merge, distances);
        }
        Ok(ways.best(distances))
    }

    /// The same tree with its parts on such sides that [`Dendrogram::leaf_order`] is `order`.
    ///
    /// Then the left cluster of a merge is not always the one with the smaller number.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `order` has not one item for each sample, [`Error::InvalidParam`]
    /// when it is no permutation of the samples or a cluster is no run in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [3.0]];
    /// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
    /// let tree = tree.reordered(&[1, 0, 2])?;
    /// assert_eq!(tree.leaf_order(), [1, 0, 2]);
    /// assert_eq!(tree.newick(&["a", "b", "c"])?, "((b:1,a:1):1,c:2);");
    /// assert_eq!(
    ///     tree.reordered(&[0, 2, 1]).unwrap_err().to_string(),
    ///     "dendrogram: order must be one in which each cluster is a run, got merge 0 apart"
    /// );
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn reordered(&self, order: &[usize]) -> Result<Self> {
        let n = self.n_samples;
        if order.len() != n {
            return Err(Error::shape(OP, format!("order of {n} samples"), order.len()));
        }
        // Where each cluster begins.
        let mut starts = vec![usize::MAX; n + self.merges.len()];
        for (place, &sample) in order.iter().enumerate() {
            if sample >= n || starts[sample] != usize::MAX {
                let rule = format!("a permutation of 0..{n}");
                return Err(Error::param(OP, "order", rule, format!("{sample} at {place}")));
            }
            starts[sample] = place;
        }
        let mut merges = self.merges.clone();
        for (i, merge) in merges.iter_mut().enumerate() {
            if starts[merge.right] < starts[merge.left] {
                std::mem::swap(&mut merge.left, &mut merge.right);
            }
            let end = starts[merge.left] + self.size_of(merge.left);
            if starts[merge.right] != end {
                let rule = "one in which each cluster is a run";
                return Err(Error::param(OP, "order", rule, format!("merge {i} apart")));
            }
            starts[n + i] = starts[merge.left];
        }
        Ok(Self::new(n, merges))
    }
}

/// The shortest ways. Samples are named by their places in the order of the tree, so that each
/// cluster is a range.
struct Ways<'a> {
    tree: &'a Dendrogram,
    /// The sample at each place.
    order: Vec<usize>,
    /// The first place of each cluster.
    starts: Vec<usize>,
    /// The least length from each place to each other, `(n, n)`, of the merge in which they meet.
    lengths: Vec<f64>,
}

impl<'a> Ways<'a> {
    fn new(tree: &'a Dendrogram) -> Self {
        let n = tree.n_samples;
        Self { tree, order: tree.leaf_order(), starts: tree.places(), lengths: vec![0.0; n * n] }
    }

    fn range(&self, cluster: usize) -> Range<usize> {
        self.starts[cluster]..self.starts[cluster] + self.tree.size_of(cluster)
    }

    /// Where a way through a cluster from `place` may end: the part in which it does not begin.
    fn ends(&self, cluster: usize, place: usize) -> Range<usize> {
        let Some(merge) = self.tree.merge_of(cluster) else { return place..place + 1 };
        let (left, right) = (self.range(merge.left), self.range(merge.right));
        if left.contains(&place) { right } else { left }
    }

    /// The lengths from one place to a range of others.
    fn row(&self, place: usize, to: Range<usize>) -> &[f64] {
        &self.lengths[place * self.order.len()..][to]
    }

    /// The ways through one more cluster, both of whose parts are known.
    fn join<T: Real>(&mut self, merge: &Merge, distances: &CondensedMatrix<T>) {
        let (left, right) = (self.range(merge.left), self.range(merge.right));
        let width = right.len();
        let mut steps = vec![0.0; left.len() * width];
        for (row, k) in steps.chunks_exact_mut(width).zip(left.clone()) {
            for (out, m) in row.iter_mut().zip(right.clone()) {
                *out = distances.get(self.order[k], self.order[m]).to_f64();
            }
        }
        let mut found = vec![0.0; left.len() * width];
        let work = found.len().saturating_mul(left.len() + width);
        parallel::for_each_chunk(&mut found, width, work, |i, out| {
            let entered = self.entered(merge, left.start + i, &steps);
            self.arrived(merge, &entered, out);
        });
        let n = self.order.len();
        for (row, l) in found.chunks_exact(width).zip(left) {
            self.lengths[l * n..][right.clone()].copy_from_slice(row);
            for (&length, r) in row.iter().zip(right.clone()) {
                self.lengths[r * n + l] = length;
            }
        }
    }

    /// The least length from place `l` of the left part to where the right part is entered.
    fn entered(&self, merge: &Merge, l: usize, steps: &[f64]) -> Vec<f64> {
        let (left, width) = (self.range(merge.left), self.tree.size_of(merge.right));
        let mut out = vec![f64::INFINITY; width];
        let ends = self.ends(merge.left, l);
        for (&length, k) in self.row(l, ends.clone()).iter().zip(ends) {
            lower(&mut out, length, &steps[(k - left.start) * width..][..width]);
        }
        out
    }

    /// From there to each end in the right part.
    fn arrived(&self, merge: &Merge, entered: &[f64], out: &mut [f64]) {
        let right = self.range(merge.right);
        out.fill(f64::INFINITY);
        for (&length, m) in entered.iter().zip(right.clone()) {
            let ends = self.ends(merge.right, m);
            let out = &mut out[ends.start - right.start..ends.end - right.start];
            lower(out, length, self.row(m, ends));
        }
    }

    /// The samples along the shortest way of all.
    fn best<T: Real>(&self, distances: &CondensedMatrix<T>) -> Vec<usize> {
        let n = self.order.len();
        let mut out = Vec::with_capacity(n);
        let root = n + self.tree.merges.len() - 1;
        let merge = &self.tree.merges[self.tree.merges.len() - 1];
        let (left, right) = (self.range(merge.left), self.range(merge.right));
        let mut ends = (left.start, right.start);
        let mut least = f64::INFINITY;
        for l in left {
            for (&length, r) in self.row(l, right.clone()).iter().zip(right.clone()) {
                if length < least {
                    (least, ends) = (length, (l, r));
                }
            }
        }
        // Clusters with the places at which the way enters and leaves them, the next one on top.
        let mut stack = vec![(root, ends.0, ends.1)];
        while let Some((cluster, from, to)) = stack.pop() {
            let Some(merge) = self.tree.merge_of(cluster) else {
                out.push(self.order[from]);
                continue;
            };
            let is_flipped = self.range(merge.right).contains(&from);
            let (l, r) = if is_flipped { (to, from) } else { (from, to) };
            let (k, m) = self.bridge(merge, l, r, distances);
            let parts = [(merge.left, l, k), (merge.right, m, r)];
            if is_flipped {
                // Backwards, and the last one is on top.
                stack.extend(parts.map(|(part, from, to)| (part, to, from)));
            } else {
                let [left, right] = parts;
                stack.extend([right, left]);
            }
        }
        out
    }

    /// Where the way from `l` to `r` leaves the left part and enters the right one: the first
    /// places that give the least length.
    fn bridge<T: Real>(
        &self,
        merge: &Merge,
        l: usize,
        r: usize,
        distances: &CondensedMatrix<T>,
    ) -> (usize, usize) {
        let mut best = (f64::INFINITY, l, r);
        let leaves = self.ends(merge.left, l);
        let enters = self.ends(merge.right, r);
        for (&before, k) in self.row(l, leaves.clone()).iter().zip(leaves) {
            for (&after, m) in self.row(r, enters.clone()).iter().zip(enters.clone()) {
                let step = distances.get(self.order[k], self.order[m]).to_f64();
                let length = before + step + after;
                if length < best.0 {
                    best = (length, k, m);
                }
            }
        }
        (best.1, best.2)
    }
}

/// `out = min(out, length + steps)`.
fn lower(out: &mut [f64], length: f64, steps: &[f64]) {
    for (out, &step) in out.iter_mut().zip(steps) {
        let sum = length + step;
        *out = if sum < *out { sum } else { *out };
    }
}
