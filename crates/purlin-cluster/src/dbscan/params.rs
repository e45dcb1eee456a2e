//! What can be set.

use super::OP;
use super::grid::MAX_FEATURES;
use crate::{Metric, reach};
use purlin_core::{Error, Result};

/// DBSCAN: clusters are where samples lie densely, whatever their shape.
///
/// A sample is a *core* when the samples within `eps` of it, itself among them, weigh at least
/// `min_samples` (1 each without weights). Cores within `eps` of each other are in one cluster;
/// clusters are numbered by their first core. A sample that is no core but within `eps` of one is
/// on the *border* of that core's cluster, of the lowest-numbered where there are several (as in
/// scikit-learn). The others are noise.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | scale the columns first |
/// | `labels` | `(n_samples,)` | cluster in `0..n_clusters`, `None` for noise |
/// | `core_sample_indices` | `(n_cores,)` | in increasing order |
///
/// Distances are those of [`Metric::distance`], to the last bit, and `distance <= eps` is decided
/// exactly: every [`NeighborSearch`] finds the same, on any number of threads and any instruction
/// set. Differences whose square is below the smallest number of the type count as 0.
///
/// The grid and the tree cost some `O(n log n)` where neighbourhoods are small, brute force
/// `O(n^2 n_features)`. Beside `x` there are at most two copies of it and some 40 bytes a sample:
/// neighbourhoods are never stored.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Dbscan, MatrixView};
///
/// let x = [[1.0, 2.0], [2.0, 2.0], [2.0, 3.0], [8.0, 7.0], [8.0, 8.0], [25.0, 80.0]];
/// let model = Dbscan::new(3.0, 2).fit(MatrixView::from_rows(&x))?;
///
/// assert_eq!(model.labels(), [Some(0), Some(0), Some(0), Some(1), Some(1), None]);
/// assert_eq!(model.core_sample_indices(), [0, 1, 2, 3, 4]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - M. Ester, H.-P. Kriegel, J. Sander, X. Xu, *A density-based algorithm for discovering clusters
///   in large spatial databases with noise*, KDD 1996.
/// - A. Gunawan, *A faster algorithm for DBSCAN*, TU Eindhoven 2013: cells of a grid.
/// - Y. Wang, Y. Gu, J. Shun, *Theoretically-efficient and practical parallel DBSCAN*, SIGMOD 2020.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct Dbscan {
    pub(super) eps: f64,
    pub(super) min_samples: usize,
    pub(super) metric: Metric,
    pub(super) algorithm: NeighborSearch,
}

/// How neighbours are found. The result is the same.
///
/// The tree serves many columns as well. There its boxes rule out little, but its leaves are blocks of
/// rows that lie near each other, and a leaf is measured against a leaf by the kernels of brute force:
/// where no leaf can be left out, as in a search of all pairs. So [`NeighborSearch::Auto`] takes the tree
/// whatever the number of columns; [`NeighborSearch::Brute`] can be asked for.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Dbscan, MatrixView, NeighborSearch};
///
/// let x = [[0.0, 0.0], [1.0, 0.0], [9.0, 9.0], [9.0, 8.0], [50.0, 0.0]];
/// for search in [NeighborSearch::Grid, NeighborSearch::Tree, NeighborSearch::Brute] {
///     let model = Dbscan::new(1.5, 2).algorithm(search).fit(MatrixView::from_rows(&x))?;
///     assert_eq!(model.labels(), [Some(0), Some(0), Some(1), Some(1), None]);
///     assert_eq!(model.algorithm(), search);
/// }
/// let wide = [[0.0f32; 32]; 4];
/// let model = Dbscan::new(1.5, 2).fit(MatrixView::from_rows(&wide))?;
/// assert_eq!(model.algorithm(), NeighborSearch::Tree);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NeighborSearch {
    /// The grid for Euclidean distances in at most 3 columns; else the tree for the metrics that it
    /// takes, however many columns; else brute force. [`DbscanModel::algorithm`](super::DbscanModel::algorithm) tells
    /// what it was.
    #[default]
    Auto,
    /// Cells of side `eps / sqrt(n_features)`, for Euclidean distances in at most three columns.
    /// Where `eps` is so small or large that cells cannot be numbered, the tree takes over;
    /// [`DbscanModel::algorithm`](super::DbscanModel::algorithm) tells.
    Grid,
    /// A kd-tree, for Euclidean, squared Euclidean, Manhattan, Chebyshev and Minkowski distances.
    /// Where `eps^p` is below some 1e-290, Minkowski distances are tried pair by pair.
    Tree,
    /// All pairs, a tile at a time.
    Brute,
}

impl Dbscan {
    /// Euclidean distance; the search is chosen by the shape of the table.
    pub fn new(eps: f64, min_samples: usize) -> Self {
        Self { eps, min_samples, metric: Metric::Euclidean, algorithm: NeighborSearch::Auto }
    }

    /// What `eps` is compared with.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// How neighbours are found.
    pub fn algorithm(mut self, algorithm: NeighborSearch) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self) -> Result<()> {
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return Err(Error::param(OP, "eps", "finite and above 0", self.eps));
        }
        if self.min_samples == 0 {
            return Err(Error::param(OP, "min_samples", "at least 1", 0));
        }
        self.metric.check(OP)
    }

    /// Refuses a search that does not fit the table.
    pub(super) fn check_search(&self, n_features: usize) -> Result<()> {
        let is_euclidean = matches!(self.metric, Metric::Euclidean | Metric::SquaredEuclidean);
        if self.algorithm == NeighborSearch::Grid && !(is_euclidean && n_features <= MAX_FEATURES) {
            let rule = format!(
                "one for {:?} distances in {n_features} columns (Grid takes Euclidean ones in at \
                 most {MAX_FEATURES})",
                self.metric
            );
            return Err(Error::param(OP, "algorithm", rule, "Grid"));
        }
        let may_tree =
            reach::form(&self.metric).is_some() || matches!(self.metric, Metric::Minkowski(_));
        if self.algorithm == NeighborSearch::Tree && !may_tree {
            let rule = format!("Auto or Brute for {:?} distances", self.metric);
            return Err(Error::param(OP, "algorithm", rule, "Tree"));
        }
        Ok(())
    }
}
