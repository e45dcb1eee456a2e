//! The rows within a radius.

use super::graph::Piece;
use super::{BLOCK, NeighborGraph, OP, Search, SpatialIndex, look};
use crate::reach;
use purlin_backend::parallel;
use purlin_core::{Error, MatrixView, Real, Result};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

impl<T: Real> SpatialIndex<T> {
    /// Calls `visit(index, distance)` for each row at most `radius` from `query`, in an order that
    /// depends on the table only.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::nearest`], and [`Error::InvalidParam`] when `radius` is not finite and
    /// at least 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Manhattan)?;
    /// let mut sum = 0.0;
    /// index.within(&[1.0], 1.0, |_, distance| sum += distance)?;
    /// assert_eq!(sum, 2.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn within(&self, query: &[T], radius: f64, visit: impl FnMut(usize, T)) -> Result<()> {
        let reach = self.reach(radius)?;
        self.check(query)?;
        self.visit_within(query, reach, visit);
        Ok(())
    }

    /// [`SpatialIndex::within`] of each row of `x`, each list by increasing index, over several
    /// threads.
    ///
    /// A neighbour takes 12 bytes, 8 in single precision, and as many again while the lists are put
    /// together; a row of `x` takes 16. That is at most [`SpatialIndex::memory`], 4 GiB unless set,
    /// beside some lists that are still growing: a radius that reaches most of a large table is
    /// refused, rather than that memory runs out on the way.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::within`], and [`Error::OutOfBudget`] with the bytes that it takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Manhattan)?;
    /// let graph = index.within_batch(MatrixView::from_rows(&[[1.0], [4.5]]), 1.0)?;
    /// assert_eq!(graph.indices(0), [0, 1]);
    /// assert_eq!(graph.distances(1), [0.5]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn within_batch(&self, x: MatrixView<'_, T>, radius: f64) -> Result<NeighborGraph<T>> {
        let reach = self.reach(radius)?;
        self.check_rows(x)?;
        let n = x.n_rows();
        let n_found = AtomicU64::new(0);
        let fits = || {
            let needed = bytes::<T>(n, n_found.load(Relaxed));
            needed.is_some_and(|needed| needed <= self.memory.bytes())
        };
        let mut pieces = vec![Piece::default(); n.div_ceil(BLOCK)];
        parallel::for_each_chunk(&mut pieces, 1, self.work(n), |block, piece| {
            let (mut found, mut lengths) = (Vec::new(), Vec::new());
            for i in block * BLOCK..n.min((block + 1) * BLOCK) {
                if !fits() {
                    return;
                }
                let start = found.len();
                self.visit_within(x.row(i), reach, |index, distance| {
                    found.push((index as u32, distance));
                });
                found[start..].sort_unstable_by_key(|&(index, _)| index);
                lengths.push(found.len() - start);
                n_found.fetch_add((found.len() - start) as u64, Relaxed);
            }
            piece[0] = Piece::new(lengths, &found);
        });
        if fits() {
            return Ok(NeighborGraph::of_pieces(self.n_rows(), pieces));
        }
        drop(pieces);
        Err(self.out_of_budget(&self.batch(x, |query| self.count(query, reach))?))
    }

    /// What lists of these lengths would take.
    fn out_of_budget(&self, lengths: &[usize]) -> Error {
        let needed = bytes::<T>(lengths.len(), lengths.iter().map(|&n| n as u64).sum());
        Error::OutOfBudget {
            op: OP,
            what: "the neighbor graph".to_owned(),
            needed: needed.unwrap_or(u64::MAX),
            budget: self.memory.bytes(),
        }
    }

    /// How many rows are at most `radius` from `query`. Parts of the tree that are certainly
    /// within are not looked at one by one.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::within`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Euclidean)?;
    /// assert_eq!(index.count_within(&[2.0], 2.0)?, 2); // a row on the edge counts
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn count_within(&self, query: &[T], radius: f64) -> Result<usize> {
        let reach = self.reach(radius)?;
        self.check(query)?;
        Ok(self.count(query, reach))
    }

    /// [`SpatialIndex::count_within`] of each row of `x`, over several threads.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::within`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let index = SpatialIndex::new(x, Metric::Euclidean)?;
    /// assert_eq!(index.count_within_batch(x, 2.5)?, [2, 2, 1]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn count_within_batch(&self, x: MatrixView<'_, T>, radius: f64) -> Result<Vec<usize>> {
        let reach = self.reach(radius)?;
        self.batch(x, |query| self.count(query, reach))
    }

    /// What is within a radius, see [`reach::reach`]; found once for many queries.
    fn reach(&self, radius: f64) -> Result<T> {
        check_radius(radius)?;
        Ok(reach::reach(&self.metric, radius))
    }

    /// [`SpatialIndex::within`] for a query that is checked, and the [`reach::reach`] of a radius.
    pub(crate) fn visit_within(&self, query: &[T], reach: T, mut visit: impl FnMut(usize, T)) {
        let tree = match &self.search {
            Search::Tree(tree) => tree,
            Search::Plain(rows) => {
                let query = rows.query(query);
                for index in 0..rows.n_rows() {
                    let distance = query.distance(index);
                    if distance <= reach {
                        visit(index, distance);
                    }
                }
                return;
            }
        };
        let mut values = Vec::new();
        let mut open: Vec<u32> = tree.root().into_iter().collect();
        while let Some(node) = open.pop() {
            if tree.least(query, node) > reach {
                continue;
            }
            if let Some([left, right]) = tree.children(node) {
                open.extend([right, left]);
                continue;
            }
            for (index, value) in look(tree, query, node, &mut values) {
                if value <= reach {
                    visit(index, reach::distance(&self.metric, value));
                }
            }
        }
    }

    /// [`SpatialIndex::count_within`], likewise.
    pub(crate) fn count(&self, query: &[T], reach: T) -> usize {
        let mut n = 0;
        let Search::Tree(tree) = &self.search else {
            self.visit_within(query, reach, |_, _| n += 1);
            return n;
        };
        let mut values = Vec::new();
        let mut open: Vec<u32> = tree.root().into_iter().collect();
        while let Some(node) = open.pop() {
            if tree.least(query, node) > reach {
                continue;
            }
            if tree.most(query, node) <= reach {
                n += tree.places(node).len();
            } else if let Some([left, right]) = tree.children(node) {
                open.extend([right, left]);
            } else {
                n += look(tree, query, node, &mut values).filter(|&(_, v)| v <= reach).count();
            }
        }
        n
    }
}

/// What the lists of `n` rows take, pieces and whole.
fn bytes<T>(n: usize, n_found: u64) -> Option<u64> {
    let item = 2 * (size_of::<u32>() + size_of::<T>()) as u64;
    n_found.checked_mul(item)?.checked_add(16 * n as u64)
}

fn check_radius(radius: f64) -> Result<()> {
    if radius >= 0.0 && radius.is_finite() {
        return Ok(());
    }
    Err(Error::param(OP, "radius", "finite and at least 0", radius))
}
