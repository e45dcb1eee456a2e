//! Neighbours of rows.

mod all_nearest;
mod graph;
mod nearest;
mod tree;
mod within;

pub(crate) use all_nearest::{Near, Rank, all_nearest, first_rows};
pub use graph::NeighborGraph;
pub(crate) use tree::Tree;

use crate::metric::Rows;
use crate::{MemoryBudget, Metric, check, reach};
use purlin_backend::distance::values_of;
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real, Result};

/// The operation's name in errors.
const OP: &str = "index";

/// A row and how far it is.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Metric, Neighbor, SpatialIndex};
///
/// let x = [[0.0], [2.0], [5.0]];
/// let index = SpatialIndex::new(MatrixView::from_rows(&x), Metric::Euclidean)?;
/// assert_eq!(index.nearest(&[4.0], 1)?, [Neighbor { index: 2, distance: 1.0 }]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
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
/// use purlin_cluster::{MatrixView, Metric, SpatialIndex};
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
    search: Search<T>,
    memory: MemoryBudget,
}

/// How neighbours are found.
#[derive(Debug, Clone)]
pub(crate) enum Search<T: Real> {
    Tree(Tree<T>),
    /// Along all rows.
    Plain(Rows<'static, T>),
}

/// Queries that one task answers.
const BLOCK: usize = 32;

impl<T: Real> SpatialIndex<T> {
    /// Copies and sorts the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`](crate::Error::Shape): `x` has no column, or not as many as the metric
    ///   knows.
    /// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): `x` has no row.
    /// - [`Error::NonFinite`](crate::Error::NonFinite): `x` holds NaN or an infinity.
    /// - [`Error::InvalidParam`](crate::Error::InvalidParam): a parameter of the metric is out of
    ///   range, `x` is nothing that it takes, see [`Metric::check_table`], or its numbers are so
    ///   large that squared distances overflow.
    pub fn new(x: MatrixView<'_, T>, metric: Metric) -> Result<Self> {
        metric.check(OP)?;
        check::table(OP, x, 1)?;
        metric.check_table(OP, x)?;
        check::squares(OP, x, &metric)?;
        let search = match reach::form(&metric) {
            Some(form) => Search::Tree(Tree::new(x, form)),
            None => Search::Plain(Rows::owned(x, metric.clone())),
        };
        let memory = MemoryBudget::default();
        Ok(Self { metric, n_features: x.n_cols(), search, memory })
    }

    /// The most bytes that [`SpatialIndex::within_batch`] may take, whose answer can hold every pair
    /// of rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, MemoryBudget, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [2.0], [5.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let index = SpatialIndex::new(x, Metric::Euclidean)?.memory(MemoryBudget::new(200));
    /// assert!(index.within_batch(x, 1.0).is_ok()); // 3 neighbours
    /// assert_eq!(
    ///     index.within_batch(x, 9.0).unwrap_err().to_string(), // 9
    ///     "index: the neighbor graph needs 264 bytes, allowed are 200"
    /// );
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    #[must_use]
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = memory;
        self
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        match &self.search {
            Search::Tree(tree) => tree.order().len(),
            Search::Plain(rows) => rows.n_rows(),
        }
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    pub(crate) fn search(&self) -> &Search<T> {
        &self.search
    }

    fn check(&self, query: &[T]) -> Result<()> {
        self.check_rows(MatrixView::from_slice(query, 1, query.len())?)
    }

    fn check_rows(&self, x: MatrixView<'_, T>) -> Result<()> {
        check::features(OP, x, self.n_features)?;
        self.metric.check_table(OP, x)?;
        check::squares(OP, x, &self.metric)
    }

    /// What some queries cost, roughly.
    fn work(&self, n_queries: usize) -> usize {
        n_queries.saturating_mul(self.n_features).saturating_mul(64)
    }

    fn batch<R: Default + Clone + Send>(
        &self,
        x: MatrixView<'_, T>,
        answer: impl Fn(&[T]) -> R + Sync + Send,
    ) -> Result<Vec<R>> {
        self.check_rows(x)?;
        let mut out = vec![R::default(); x.n_rows()];
        parallel::for_each_chunk(&mut out, BLOCK, self.work(x.n_rows()), |block, out| {
            for (i, out) in out.iter_mut().enumerate() {
                *out = answer(x.row(block * BLOCK + i));
            }
        });
        Ok(out)
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
