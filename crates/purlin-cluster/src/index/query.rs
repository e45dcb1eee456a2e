//! What can be asked.

use super::{OP, Tree};
use crate::{Metric, check, reach};
use purlin_backend::distance::values_of;
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor<T> {
    /// The row of the table that the index was built of.
    pub index: usize,
    /// Its [`Metric::distance`] from the query, to the last bit.
    pub distance: T,
}

/// The rows of a table, ready to be asked for neighbours.
///
/// A kd-tree for Euclidean, squared Euclidean, Manhattan and Chebyshev distances, a walk along all
/// rows for the other metrics: the answers are those of the walk in any case. It holds a copy of
/// the rows. Building costs `O(n log n * n_features)`, a query some `O(log n)` rows where the
/// columns are few, up to all rows where they are many (above some 15).
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Metric, SpatialIndex};
/// use purlin_core::MatrixView;
///
/// let x = [[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [1.0, 0.0]];
/// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Euclidean)?;
///
/// let nearest = index.nearest(&[0.0, 0.0], 3)?;
/// assert_eq!(nearest.iter().map(|n| n.index).collect::<Vec<_>>(), [0, 2, 3]); // 2 and 3 tie
/// assert_eq!(index.nearest(&[3.0, 3.0], 1)?[0].distance, 1.0);
/// assert_eq!(index.count_within(&[0.0, 0.0], 1.0)?, 3);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - J. L. Bentley, *Multidimensional binary search trees used for associative searching*, CACM
///   18(9), 1975.
/// - J. H. Friedman, J. L. Bentley, R. A. Finkel, *An algorithm for finding best matches in
///   logarithmic expected time*, ACM TOMS 3(3), 1977.
#[derive(Debug, Clone)]
pub struct SpatialIndex<T: Real> {
    metric: Metric,
    n_features: usize,
    rows: Rows<T>,
}

#[derive(Debug, Clone)]
enum Rows<T: Real> {
    Tree(Tree<T>),
    Plain(Matrix<T>),
}

/// Queries that one task answers.
const BLOCK: usize = 32;

impl<T: Real> SpatialIndex<T> {
    /// Copies and sorts the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: `x` has no column.
    /// - [`Error::TooFewSamples`]: `x` has no row.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    /// - [`Error::InvalidParam`]: a parameter of the metric is out of range.
    pub fn new(x: MatrixView<'_, T>, metric: Metric) -> Result<Self> {
        metric.check(OP)?;
        check::table(OP, x, 1)?;
        let rows = match reach::form(&metric) {
            Some(form) => Rows::Tree(Tree::new(x, form)),
            None => Rows::Plain(x.to_matrix()),
        };
        Ok(Self { metric, n_features: x.n_cols(), rows })
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        match &self.rows {
            Rows::Tree(tree) => tree.order().len(),
            Rows::Plain(rows) => rows.n_rows(),
        }
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The `k` rows nearest to `query`, nearest first, ties to the smallest index; all where there
    /// are fewer.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `query` has another number of columns, [`Error::NonFinite`] when it
    /// holds NaN or an infinity.
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
        self.batch(x, |query| self.nearest_to(query, k))
    }

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
    pub fn within_batch(&self, x: MatrixView<'_, T>, radius: f64) -> Result<Vec<Vec<Neighbor<T>>>> {
        check_radius(radius)?;
        self.batch(x, |query| {
            let mut found = Vec::new();
            self.visit_within(query, radius, |index, distance| {
                found.push(Neighbor { index, distance });
            });
            found.sort_unstable_by_key(|neighbor| neighbor.index);
            found
        })
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

    fn check(&self, query: &[T]) -> Result<()> {
        let view = MatrixView::from_slice(query, 1, query.len())?;
        check::features(OP, view, self.n_features)
    }

    fn batch<R: Default + Clone + Send>(
        &self,
        x: MatrixView<'_, T>,
        answer: impl Fn(&[T]) -> R + Sync + Send,
    ) -> Result<Vec<R>> {
        check::features(OP, x, self.n_features)?;
        let mut out = vec![R::default(); x.n_rows()];
        let work = x.n_rows().saturating_mul(self.n_features).saturating_mul(64);
        parallel::for_each_chunk(&mut out, BLOCK, work, |block, out| {
            for (i, out) in out.iter_mut().enumerate() {
                *out = answer(x.row(block * BLOCK + i));
            }
        });
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

/// The rows of a leaf with their values.
fn look<'a, T: Real>(
    tree: &'a Tree<T>,
    query: &[T],
    leaf: u32,
    values: &'a mut Vec<T>,
) -> impl Iterator<Item = (usize, T)> + 'a {
    let places = tree.places(leaf);
    values.resize(places.len(), T::ZERO);
    values_of(tree.form(), query, (tree.panels(), places.clone()), values);
    let rows = tree.order()[places].iter().map(|&row| row as usize);
    rows.zip(values.iter().copied())
}

fn check_radius(radius: f64) -> Result<()> {
    if radius >= 0.0 && radius.is_finite() {
        return Ok(());
    }
    Err(Error::param(OP, "radius", "finite and at least 0", radius))
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
