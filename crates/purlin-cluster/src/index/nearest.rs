//! The nearest rows.

use super::{Near, Neighbor, OP, Rank, Rows, SpatialIndex, Tree, all_nearest, look};
use crate::{Metric, check, reach};
use purlin_core::{MatrixView, Real, Result};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Fewer queries than this are answered one by one.
const FEW: usize = 64;

/// With more columns, rows of a leaf are so far apart that together they see most of the tree.
const MOST_FEATURES: usize = 8;

impl<T: Real> SpatialIndex<T> {
    /// The `k` rows nearest to `query`, nearest first, ties to the smallest index; all where there
    /// are fewer.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `query` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity.
    pub fn nearest(&self, query: &[T], k: usize) -> Result<Vec<Neighbor<T>>> {
        self.check(query)?;
        Ok(self.nearest_to(query, k))
    }

    /// [`SpatialIndex::nearest`] of each row of `x`, over several threads.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::nearest`].
    pub fn nearest_batch(&self, x: MatrixView<'_, T>, k: usize) -> Result<Vec<Vec<Neighbor<T>>>> {
        let (n, k_found) = (x.n_rows(), k.min(self.n_rows()));
        let tree = match &self.rows {
            Rows::Tree(tree) if n >= FEW && k_found > 0 && self.n_features <= MOST_FEATURES => tree,
            _ => return self.batch(x, |query| self.nearest_to(query, k)),
        };
        check::features(OP, x, self.n_features())?;
        check::table(OP, x, 0)?;
        // The same distances, so the same neighbors, but rows that lie together ask together.
        let queries = Tree::new(x, tree.form());
        let is_root = self.metric == Metric::Euclidean;
        let rank = if is_root { Rank::Root } else { Rank::Value };
        let nearest = all_nearest(&queries, tree, k_found, rank);
        let mut out = vec![Vec::new(); n];
        for (&row, nearest) in queries.order().iter().zip(nearest.chunks_exact(k_found)) {
            let of =
                |&Near { value, row }: &Near<T>| Neighbor { index: row as usize, distance: value };
            out[row as usize] = nearest.iter().map(of).collect();
        }
        Ok(out)
    }

    fn nearest_to(&self, query: &[T], k: usize) -> Vec<Neighbor<T>> {
        let mut best = Best { k, heap: BinaryHeap::new() };
        match &self.rows {
            Rows::Plain(rows) => {
                for (index, row) in rows.rows().enumerate() {
                    best.offer(index, self.metric.distance(query, row));
                }
            }
            Rows::Tree(tree) => {
                let bound = |node: u32| reach::distance(&self.metric, tree.least(query, node));
                let mut open: Vec<(T, u32)> =
                    tree.root().map(|root| (T::ZERO, root)).into_iter().collect();
                let mut values = Vec::new();
                while let Some((least, node)) = open.pop() {
                    // An equal bound may hide a smaller index.
                    if !best.may_take(least) {
                        continue;
                    }
                    if let Some([left, right]) = tree.children(node) {
                        let (left, right) = ((bound(left), left), (bound(right), right));
                        // The nearer one is looked at first.
                        open.extend(if right.0 < left.0 { [left, right] } else { [right, left] });
                        continue;
                    }
                    for (place, value) in look(tree, query, node, &mut values) {
                        best.offer(place, reach::distance(&self.metric, value));
                    }
                }
            }
        }
        best.heap.into_sorted_vec().into_iter().map(|candidate| candidate.0).collect()
    }
}

/// The nearest so far, the farthest of them on top.
struct Best<T: Real> {
    k: usize,
    heap: BinaryHeap<Candidate<T>>,
}

impl<T: Real> Best<T> {
    /// Whether a row at this distance could be among the nearest.
    fn may_take(&self, distance: T) -> bool {
        let is_full = self.heap.len() >= self.k;
        !is_full || self.heap.peek().is_some_and(|worst| distance <= worst.0.distance)
    }

    fn offer(&mut self, index: usize, distance: T) {
        if !self.may_take(distance) {
            return;
        }
        self.heap.push(Candidate(Neighbor { index, distance }));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }
}

/// In the order of the distance, then of the index.
struct Candidate<T>(Neighbor<T>);

impl<T: Real> Ord for Candidate<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.0, &other.0);
        a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index))
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
