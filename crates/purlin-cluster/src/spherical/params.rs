//! The parameters.

use super::OP;
use crate::check;
use crate::kmeans::check_init;
use crate::{EmptyCluster, Init, KMeans};
use purlin_core::{Error, Result};

/// k-means of directions: rows are compared by the cosine of the angle between them.
///
/// | value       | shape                      | unit                                          |
/// |-------------|----------------------------|-----------------------------------------------|
/// | `x`         | `(n_samples, n_features)`  | any: the length of a row plays no part        |
/// | `centroids` | `(n_clusters, n_features)` | none: rows of length 1                        |
/// | `labels`    | `(n_samples,)`             | cluster index in `0..n_clusters`              |
/// | `objective` | scalar                     | sum of `1 - cosine`, from 0 to `2 n_samples`  |
///
/// For rows whose direction tells what they are and whose length tells how much of it there is:
/// word counts of texts, spectra, gene expression. Every row is first divided by its length. A
/// round assigns each to the centroid with the largest dot product (ties to the smallest index)
/// and moves each centroid to the sum of its rows, divided by the length of the sum.
///
/// Between rows of length 1 the squared Euclidean distance is `2 (1 - cosine)`, so the nearest
/// centroid is the one with the largest dot product. The rounds, the starts (k-means++ on the
/// sphere among them), the policies for clusters without samples and the rules for the end are
/// those of [`KMeans`], on the scaled rows: rounds end when no label changes, when the squared shift
/// of all centroids together is at most `tol` times the mean variance of the columns of the scaled
/// rows, or after `max_iter`. Which centroid is nearest is decided by the squared distance in the
/// type of the table. A cluster whose rows add up to 0 has no direction; it counts as one without
/// samples.
///
/// A row times a power of 2 gives the same bits. Directions that differ by rounding alone count as
/// distinct.
///
/// A round costs `O(n_samples * n_clusters * n_features)`; beside `x` there is one scaled
/// copy of it, and one in single precision.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Matrix, SphericalKMeans};
///
/// let x = Matrix::from_rows(&[[1.0, 0.0], [50.0, 1.0], [0.0, 2.0], [0.1, 9.0]]);
/// let model = SphericalKMeans::new(2).fit(x.view())?;
///
/// assert_eq!(model.labels()[0], model.labels()[1]);
/// assert_eq!(model.labels()[2], model.labels()[3]);
/// assert_ne!(model.labels()[0], model.labels()[2]);
/// assert_eq!(model.predict(x.view())?, model.labels());
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - I. S. Dhillon, D. S. Modha, *Concept decompositions for large sparse text data using
///   clustering*, Machine Learning 42, 2001, section 3.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct SphericalKMeans {
    pub(super) n_clusters: usize,
    pub(super) init: Init,
    n_init: usize,
    max_iter: usize,
    tol: f64,
    empty_cluster: EmptyCluster,
    pub(super) seed: u64,
}

impl SphericalKMeans {
    /// k-means++ with one start, at most 300 rounds, `tol` 1e-4, seed 0.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            init: Init::PlusPlus { n_local_trials: None },
            n_init: 1,
            max_iter: 300,
            tol: 1e-4,
            empty_cluster: EmptyCluster::Farthest,
            seed: 0,
        }
    }

    /// How the first centroids are chosen. Given ones are scaled to length 1.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Starts, of which the one with the least objective is kept; 1 where the centroids are given.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// The most rounds of one start.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The squared shift of all centroids at which rounds end, in units of the mean variance of
    /// the columns of the scaled rows; 0 goes on until no label changes.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// What happens to a cluster that loses all of its samples, or whose samples add up to 0.
    pub fn empty_cluster(mut self, policy: EmptyCluster) -> Self {
        self.empty_cluster = policy;
        self
    }

    /// The seed of the starts.
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
        check::n_centroids(OP, self.n_clusters)?;
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return Err(Error::param(OP, "tol", "finite and at least 0", self.tol));
        }
        check_init(OP, &self.init, self.n_init)
    }

    /// The k-means that runs on the scaled rows.
    pub(super) fn on_sphere(&self, init: Init) -> KMeans {
        KMeans::new(self.n_clusters)
            .init(init)
            .n_init(self.n_init)
            .max_iter(self.max_iter)
            .tol(self.tol)
            .empty_cluster(self.empty_cluster)
    }
}
