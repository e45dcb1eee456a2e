//! The nearest rows.

use super::{Near, Neighbor, OP, Rank, Search, SpatialIndex, Tree, all_nearest, look};
use crate::{Metric, check};
use purlin_core::{MatrixView, Real, Result};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Fewer queries than this are answered one by one.
const FEW: usize = 64;

impl<T: Real> SpatialIndex<T> {
    /// The `k` rows nearest to `query`, nearest first, ties to the smallest index; all where there
    /// are fewer.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `query` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when it is nothing that the metric takes,
    /// or squared distances could overflow.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Euclidean)?;
    /// let nearest = index.nearest(&[1.0], 2)?; // both at distance 1
    /// assert_eq!(nearest.iter().map(|n| n.index).collect::<Vec<_>>(), [0, 1]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn nearest(&self, query: &[T], k: usize) -> Result<Vec<Neighbor<T>>> {
        self.check(query)?;
        Ok(self.nearest_to(query, k))
    }

    /// [`SpatialIndex::nearest`] of each row of `x`, over several threads.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::nearest`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let index = SpatialIndex::new(x, Metric::Euclidean)?;
    /// // Of each sample the nearest other one: it finds itself first.
    /// let nearest = index.nearest_batch(x, 2)?;
    /// let others: Vec<_> = nearest.iter().map(|list| (list[1].index, list[1].distance)).collect();
    /// assert_eq!(others, [(1, 2.0), (0, 2.0), (1, 3.0)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn nearest_batch(&self, x: MatrixView<'_, T>, k: usize) -> Result<Vec<Vec<Neighbor<T>>>> {
        let (n, k_found) = (x.n_rows(), k.min(self.n_rows()));
        let tree = match &self.search {
            Search::Tree(tree) if n >= FEW && k_found > 0 => tree,
            _ => return self.batch(x, |query| self.nearest_to(query, k)),
        };
        self.check_rows(x)?;
        check::table(OP, x, 0)?;
        // The same distances, so the same neighbors, but rows that lie together ask together.
        let queries = Tree::new(x, tree.form());
        let places: Vec<usize> = (0..k_found).collect();
        let nearest = all_nearest(x, &queries, tree, &places, self.rank());
        let mut out = vec![Vec::new(); n];
        for (&row, nearest) in queries.order().iter().zip(nearest.chunks_exact(k_found)) {
            out[row as usize] = nearest.iter().map(Neighbor::from).collect();
        }
        Ok(out)
    }

    fn rank(&self) -> Rank {
        if self.metric == Metric::Euclidean { Rank::Root } else { Rank::Value }
    }

    fn nearest_to(&self, query: &[T], k: usize) -> Vec<Neighbor<T>> {
        let list = match &self.search {
            Search::Tree(tree) => nearest_in(tree, query, k, self.rank()),
            Search::Plain(rows) => {
                let (mut best, query) = (Best::new(k), rows.query(query));
                for row in 0..rows.n_rows() {
                    best.offer(Near { value: query.distance(row), row: row as u32 });
                }
                best.sorted()
            }
        };
        list.iter().map(Neighbor::from).collect()
    }
}

impl<T: Real> From<&Near<T>> for Neighbor<T> {
    fn from(near: &Near<T>) -> Self {
        Self { index: near.row as usize, distance: near.value }
    }
}

/// The `k` rows of `tree` nearest to `query`, nearest first; all where there are fewer.
pub(super) fn nearest_in<T: Real>(
    tree: &Tree<T>,
    query: &[T],
    k: usize,
    rank: Rank,
) -> Vec<Near<T>> {
    let mut best = Best::new(k);
    let bound = |node: u32| rank.of(tree.least(query, node));
    let mut open: Vec<(T, u32)> = tree.root().map(|root| (T::ZERO, root)).into_iter().collect();
    let mut values = Vec::new();
    while let Some((least, node)) = open.pop() {
        // An equal bound may hide a smaller number.
        if !best.may_take(least) {
            continue;
        }
        if let Some([left, right]) = tree.children(node) {
            let (left, right) = ((bound(left), left), (bound(right), right));
            // The nearer one is looked at first.
            open.extend(if right.0 < left.0 { [left, right] } else { [right, left] });
            continue;
        }
        for (row, value) in look(tree, query, node, &mut values) {
            best.offer(Near { value: rank.of(value), row: row as u32 });
        }
    }
    best.sorted()
}

/// The nearest so far, the farthest of them on top.
struct Best<T: Real> {
    k: usize,
    heap: BinaryHeap<Candidate<T>>,
}

impl<T: Real> Best<T> {
    fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    /// Whether a row at this distance could be among the nearest.
    fn may_take(&self, distance: T) -> bool {
        let is_full = self.heap.len() >= self.k;
        !is_full || self.heap.peek().is_some_and(|worst| distance <= worst.0.value)
    }

    fn offer(&mut self, near: Near<T>) {
        if !self.may_take(near.value) {
            return;
        }
        self.heap.push(Candidate(near));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    fn sorted(self) -> Vec<Near<T>> {
        self.heap.into_sorted_vec().into_iter().map(|candidate| candidate.0).collect()
    }
}

/// In the order of the distance, then of the index.
struct Candidate<T>(Near<T>);

impl<T: Real> Ord for Candidate<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.order(&other.0)
    }
}

impl<T: Real> PartialOrd for Candidate<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Real> PartialEq for Candidate<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T: Real> Eq for Candidate<T> {}
