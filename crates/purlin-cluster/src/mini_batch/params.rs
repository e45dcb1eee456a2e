//! The parameters.

use super::OP;
use crate::Init;
use crate::check;
use crate::kmeans::check_init;
use purlin_core::{Error, Result};

/// k-means that looks at a few samples at a time: for tables so large that rounds over all of
/// them take long, and for streams that no memory holds.
///
/// | value       | shape                      | unit                                       |
/// |-------------|----------------------------|--------------------------------------------|
/// | `x`         | `(n_samples, n_features)`  | yours; scale the columns first             |
/// | `centroids` | `(n_clusters, n_features)` | as `x`                                     |
/// | `labels`    | `(n_samples,)`             | cluster index in `0..n_clusters`           |
/// | `inertia`   | scalar                     | unit of `x` **squared**; a sum, not a mean |
///
/// A step draws `batch_size` samples (with replacement, in proportion to their weights), assigns
/// each to its nearest centroid, and moves each centroid to the mean of all samples that it was
/// ever given. Centroids that got less than `reassignment_ratio` of what the greatest got are
/// moved now and then to samples of the batch. Steps end when a running mean of the batches'
/// inertia has not improved for `max_no_improvement` steps, when the squared shift of the
/// centroids is at most `tol` times the mean variance of the columns (`tol` above 0), or after
/// `max_iter` times the number of samples were drawn: scikit-learn's rules.
///
/// The inertia is usually within some percent of that of [`KMeans`](crate::KMeans). As there, a
/// start may lead to a poor optimum, 10 % and more above the best; other seeds find others, and
/// `KMeans` from these centroids ends what early stopping left. A step costs
/// `O(batch_size * n_clusters * n_features)`. [`MiniBatchKMeans::start`] begins a stream of
/// batches, whose state is some `2 n_clusters * n_features` numbers.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Matrix, MiniBatchKMeans};
///
/// let x = Matrix::from_fn(1000, 2, |i, j| (i % 2 * 100) as f64 + (i / 2 % 7 + j) as f64);
/// let model = MiniBatchKMeans::new(2).batch_size(100).fit(x.view())?;
///
/// assert_ne!(model.labels()[0], model.labels()[1]);
/// assert_eq!(model.cluster_sizes(), [500, 500]);
/// assert_eq!(model.predict(x.view())?, model.labels());
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - D. Sculley, *Web-scale k-means clustering*, WWW 2010.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct MiniBatchKMeans {
    pub(super) n_clusters: usize,
    pub(super) init: Init,
    n_init: Option<usize>,
    pub(super) batch_size: usize,
    pub(super) max_iter: usize,
    pub(super) max_no_improvement: Option<usize>,
    pub(super) reassignment_ratio: f64,
    pub(super) tol: f64,
    pub(super) seed: u64,
}

impl MiniBatchKMeans {
    /// The best of 3 starts of k-means++ on a few batches, batches of 1024, at most 100 times the
    /// samples, an end after 10 steps without improvement, reassignment below a ratio of 0.01,
    /// `tol` 0, seed 0.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            init: Init::PlusPlus { n_local_trials: None },
            n_init: None,
            batch_size: 1024,
            max_iter: 100,
            max_no_improvement: Some(10),
            reassignment_ratio: 0.01,
            tol: 0.0,
            seed: 0,
        }
    }

    /// How the first centroids are chosen.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Starts, of which the one with the least inertia on some samples is kept; 1 where the centroids
    /// are given, else 3 unless set.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = Some(n_init);
        self
    }

    pub(super) fn n_starts(&self) -> usize {
        let is_given = matches!(self.init, Init::Centroids(_));
        self.n_init.unwrap_or(if is_given { 1 } else { 3 })
    }

    /// Samples of a step; as many as there are where there are fewer.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// The most samples that are drawn, in units of the number of samples.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// Steps without improvement after which steps end; `None` for no such end.
    pub fn max_no_improvement(mut self, max_no_improvement: Option<usize>) -> Self {
        self.max_no_improvement = max_no_improvement;
        self
    }

    /// The share of the greatest cluster's weight below which a centroid is moved to a sample of
    /// the batch; 0 for never.
    pub fn reassignment_ratio(mut self, reassignment_ratio: f64) -> Self {
        self.reassignment_ratio = reassignment_ratio;
        self
    }

    /// The squared shift of all centroids in a step at which steps end, in units of the mean
    /// variance of the columns; 0 for no such end.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// The seed of the starts and of the batches.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self) -> Result<()> {
        let at_least_1 = [
            ("n_clusters", self.n_clusters),
            ("n_init", self.n_starts()),
            ("batch_size", self.batch_size),
            ("max_iter", self.max_iter),
            ("max_no_improvement", self.max_no_improvement.unwrap_or(1)),
        ];
        if let Some((name, value)) = at_least_1.into_iter().find(|&(_, value)| value == 0) {
            return Err(Error::param(OP, name, "at least 1", value));
        }
        check::n_centroids(OP, self.n_clusters)?;
        let at_least_0 = [("reassignment_ratio", self.reassignment_ratio), ("tol", self.tol)];
        let is_bad = |value: f64| !(value >= 0.0 && value.is_finite());
        if let Some((name, value)) = at_least_0.into_iter().find(|&(_, value)| is_bad(value)) {
            return Err(Error::param(OP, name, "finite and at least 0", value));
        }
        if self.reassignment_ratio > 1.0 {
            let value = self.reassignment_ratio;
            return Err(Error::param(OP, "reassignment_ratio", "at most 1", value));
        }
        check_init(OP, &self.init, self.n_starts())
    }
}
