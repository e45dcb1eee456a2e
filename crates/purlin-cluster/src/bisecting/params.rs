//! The parameters.

use super::OP;
use crate::kmeans::check_init;
use crate::{Init, KMeans};
use purlin_core::{Error, Result};

/// k-means by splitting clusters in two, until there are `n_clusters`.
///
/// | value       | shape                      | unit                                       |
/// |-------------|----------------------------|--------------------------------------------|
/// | `x`         | `(n_samples, n_features)`  | yours; scale the columns first             |
/// | `centroids` | `(n_clusters, n_features)` | as `x`                                     |
/// | `labels`    | `(n_samples,)`             | cluster index in `0..n_clusters`           |
/// | `inertia`   | scalar                     | unit of `x` **squared**; a sum, not a mean |
///
/// All samples are one cluster first. The cluster with the greatest inertia, or the greatest weight
/// (see [`BisectingStrategy`]; the leftmost of equals), is then split by [`KMeans`] with 2 clusters:
/// the better of `n_init` starts. The clusters are the leaves of the tree of splits, numbered from
/// left to right, so that clusters split late have numbers next to each other. A cluster whose
/// samples are all equal is never split.
///
/// [`BisectingModel::predict`](super::BisectingModel::predict) walks down the tree, to the nearer of
/// two centroids each time (ties to the left), which gives the labels of the samples again. The
/// centroid of another cluster may be nearer than that of the leaf: no split looks at all clusters.
///
/// # Cost
///
/// A split touches only its own samples, so all together cost
/// `O(n_samples * n_features * depth)` times the rounds of a split, where the depth of the tree is
/// about `log2(n_clusters)` for clusters of like size: less than [`KMeans`] where clusters are many.
/// Beside `x` there is one copy of the samples of a split, and one in single precision.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{BisectingKMeans, Matrix};
///
/// let x = Matrix::from_rows(&[[0.0], [1.0], [10.0], [11.0], [90.0], [91.0]]);
/// let model = BisectingKMeans::new(3).fit(x.view())?;
///
/// assert_eq!(model.inertia(), 1.5); // six samples, each 1/2 away from its centroid
/// assert_eq!(model.labels()[4], model.labels()[5]);
/// // The first split took the last two apart: they are at one end of the row of leaves.
/// assert_ne!(model.labels()[4], 1);
/// assert_eq!(model.predict(x.view())?, model.labels());
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - M. Steinbach, G. Karypis, V. Kumar, *A comparison of document clustering techniques*, KDD
///   Workshop on Text Mining, 2000, section 3.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct BisectingKMeans {
    pub(super) n_clusters: usize,
    pub(super) strategy: BisectingStrategy,
    pub(super) init: Init,
    pub(super) n_init: usize,
    pub(super) max_iter: usize,
    pub(super) tol: f64,
    pub(super) seed: u64,
}

/// Which cluster is split next.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{BisectingKMeans, BisectingStrategy, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [3.0], [4.0], [100.0], [120.0]]; // five near, two far
/// let x = MatrixView::from_rows(&x);
/// let model = BisectingKMeans::new(3).fit(x)?;
/// assert_ne!(model.labels()[5], model.labels()[6]); // the pair has the greater inertia
/// let model = BisectingKMeans::new(3).strategy(BisectingStrategy::LargestCluster).fit(x)?;
/// assert_eq!(model.labels()[5], model.labels()[6]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BisectingStrategy {
    /// The one with the greatest sum of squared distances to its centroid.
    #[default]
    BiggestInertia,
    /// The one with the greatest weight of samples, which is their number where they have none.
    LargestCluster,
}

impl BisectingKMeans {
    /// Splits the cluster of the greatest inertia, by one start of k-means++ and at most 300 rounds,
    /// with `tol` 1e-4 and seed 0.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            strategy: BisectingStrategy::BiggestInertia,
            init: Init::PlusPlus { n_local_trials: None },
            n_init: 1,
            max_iter: 300,
            tol: 1e-4,
            seed: 0,
        }
    }

    /// Which cluster is split next.
    pub fn strategy(mut self, strategy: BisectingStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// How the first two centroids of a split are chosen; they cannot be given.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Starts of a split, of which the one with the least inertia is kept.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// The most rounds of one start.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The squared shift of both centroids of a split at which rounds end, in units of the mean
    /// variance of the columns among the samples that are split; 0 goes on until no label changes.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// The seed of the starts. Each split draws from a stream of its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self) -> Result<()> {
        let at_least_1 =
            [("n_clusters", self.n_clusters), ("n_init", self.n_init), ("max_iter", self.max_iter)];
        if let Some((name, value)) = at_least_1.into_iter().find(|&(_, value)| value == 0) {
            return Err(Error::param(OP, name, "at least 1", value));
        }
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return Err(Error::param(OP, "tol", "finite and at least 0", self.tol));
        }
        if let Init::Centroids(given) = &self.init {
            let (rows, columns) = given.shape();
            let value = format!("centroids ({rows}, {columns})");
            return Err(Error::param(OP, "init", "a choice among the samples of a split", value));
        }
        check_init(OP, &self.init, self.n_init)
    }

    /// The k-means of a split in which a centroid was left without samples.
    pub(super) fn in_two(&self) -> KMeans {
        let kmeans = KMeans::new(2).init(self.init.clone()).n_init(self.n_init);
        kmeans.max_iter(self.max_iter).tol(self.tol)
    }
}
