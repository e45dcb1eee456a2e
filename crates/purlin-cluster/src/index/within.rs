//! The rows within a radius.

use super::graph::Piece;
use super::{BLOCK, NeighborGraph, OP, Rows, SpatialIndex, look};
use crate::{check, reach};
use purlin_backend::parallel;
use purlin_core::{Error, MatrixView, Real, Result};

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
    /// use purlin_cluster::{Metric, SpatialIndex};
    /// use purlin_core::MatrixView;
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Manhattan)?;
    /// let mut sum = 0.0;
    /// index.within(&[1.0], 1.0, |_, distance| sum += distance)?;
    /// assert_eq!(sum, 2.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn within(&self, query: &[T], radius: f64, visit: impl FnMut(usize, T)) -> Result<()> {
        check_radius(radius)?;
        self.check(query)?;
        self.visit_within(query, radius, visit);
        Ok(())
    }

    /// [`SpatialIndex::within`] of each row of `x`, each list by increasing index, over several
    /// threads.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::within`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Metric, SpatialIndex};
    /// use purlin_core::MatrixView;
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Manhattan)?;
    /// let graph = index.within_batch(MatrixView::from_rows(&[[1.0], [4.5]]), 1.0)?;
    /// assert_eq!(graph.indices(0), [0, 1]);
    /// assert_eq!(graph.distances(1), [0.5]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn within_batch(&self, x: MatrixView<'_, T>, radius: f64) -> Result<NeighborGraph<T>> {
        check_radius(radius)?;
        check::features(OP, x, self.n_features)?;
        let n = x.n_rows();
        let mut pieces = vec![Piece::default(); n.div_ceil(BLOCK)];
        parallel::for_each_chunk(&mut pieces, 1, self.work(n), |block, piece| {
            let (piece, mut found) = (&mut piece[0], Vec::new());
            for i in block * BLOCK..n.min((block + 1) * BLOCK) {
                found.clear();
                self.visit_within(x.row(i), radius, |index, distance| {
                    found.push((index as u32, distance));
                });
                found.sort_unstable_by_key(|&(index, _)| index);
                piece.lengths.push(found.len());
                for &(index, distance) in &found {
                    piece.indices.push(index);
                    piece.distances.push(distance);
                }
            }
        });
        Ok(NeighborGraph::of_pieces(self.n_rows(), pieces))
    }

    /// How many rows are at most `radius` from `query`. Parts of the tree that are certainly
    /// within are not looked at one by one.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::within`].
    pub fn count_within(&self, query: &[T], radius: f64) -> Result<usize> {
        check_radius(radius)?;
        self.check(query)?;
        Ok(self.count(query, radius))
    }

    /// [`SpatialIndex::count_within`] of each row of `x`, over several threads.
    ///
    /// # Errors
    ///
    /// As [`SpatialIndex::within`].
    pub fn count_within_batch(&self, x: MatrixView<'_, T>, radius: f64) -> Result<Vec<usize>> {
        check_radius(radius)?;
        self.batch(x, |query| self.count(query, radius))
    }

    fn visit_within(&self, query: &[T], radius: f64, mut visit: impl FnMut(usize, T)) {
        let tree = match &self.rows {
            Rows::Tree(tree) => tree,
            Rows::Plain(rows) => {
                for (index, row) in rows.rows().enumerate() {
                    let distance = self.metric.distance(query, row);
                    if distance.to_f64() <= radius {
                        visit(index, distance);
                    }
                }
                return;
            }
        };
        let reach: T = reach::reach(&self.metric, radius);
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

    fn count(&self, query: &[T], radius: f64) -> usize {
        let mut n = 0;
        let Rows::Tree(tree) = &self.rows else {
            self.visit_within(query, radius, |_, _| n += 1);
            return n;
        };
        let reach: T = reach::reach(&self.metric, radius);
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

fn check_radius(radius: f64) -> Result<()> {
    if radius >= 0.0 && radius.is_finite() {
        return Ok(());
    }
    Err(Error::param(OP, "radius", "finite and at least 0", radius))
}
