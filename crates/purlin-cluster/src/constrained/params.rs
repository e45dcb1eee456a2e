//! The parameters.

use super::OP;
use crate::Init;
use crate::check;
use crate::kmeans::check_init;
use purlin_core::{Error, Result};

/// k-means whose clusters keep a least and a greatest number of samples.
///
/// | value       | shape                      | unit                                       |
/// |-------------|----------------------------|--------------------------------------------|
/// | `x`         | `(n_samples, n_features)`  | yours; scale the columns first             |
/// | `centroids` | `(n_clusters, n_features)` | as `x`                                     |
/// | `labels`    | `(n_samples,)`             | cluster index in `0..n_clusters`           |
/// | `inertia`   | scalar                     | unit of `x` **squared**; a sum, not a mean |
///
/// Rounds as in [`KMeans`](crate::KMeans), with another assignment: of all that keep the bounds, the
/// one with the least sum of squared distances to the centroids, found exactly as a flow of minimum
/// cost. The sizes are hard. No round increases the inertia, and the end is a local optimum.
///
/// [`ConstrainedModel::predict`](super::ConstrainedModel::predict) knows no bounds: it says which
/// centroid is nearest. The label of a sample that was moved to keep the bounds is another one.
///
/// # Cost
///
/// A round begins with the nearest centroids, `O(n_samples * n_clusters * n_features)`, which is the
/// answer where the bounds hold. Each sample too many or too few in a cluster then costs a shortest
/// path over the clusters, `O(n_clusters^2)`, and some steps in heaps. Extra memory is
/// `O(n_samples * n_clusters)` where most clusters are far out of bounds, and little where few are.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{ConstrainedKMeans, Matrix};
///
/// let x = Matrix::from_rows(&[[0.0], [1.0], [2.0], [3.0], [4.0], [20.0]]);
/// let model = ConstrainedKMeans::balanced(2).fit(x.view())?;
///
/// assert_eq!(model.cluster_sizes(), [3, 3]);
/// assert_eq!(model.labels()[0], model.labels()[2]);
/// assert_eq!(model.labels()[3], model.labels()[5]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - P. S. Bradley, K. P. Bennett, A. Demiriz, *Constrained k-means clustering*, Microsoft Research
///   MSR-TR-2000-65, 2000.
/// - R. K. Ahuja, T. L. Magnanti, J. B. Orlin, *Network flows*, 1993 (successive shortest paths).
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct ConstrainedKMeans {
    pub(super) n_clusters: usize,
    sizes: Sizes,
    pub(super) init: Init,
    pub(super) n_init: usize,
    pub(super) max_iter: usize,
    pub(super) tol: f64,
    pub(super) seed: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Sizes {
    Given { min: usize, max: Option<usize> },
    Balanced,
}

impl ConstrainedKMeans {
    /// At least 1 sample in each cluster, one start of k-means++, at most 300 rounds, `tol` 1e-4,
    /// seed 0.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            sizes: Sizes::Given { min: 1, max: None },
            init: Init::PlusPlus { n_local_trials: None },
            n_init: 1,
            max_iter: 300,
            tol: 1e-4,
            seed: 0,
        }
    }

    /// Clusters of equal size: `n_samples / n_clusters`, rounded down or up.
    pub fn balanced(n_clusters: usize) -> Self {
        Self { sizes: Sizes::Balanced, ..Self::new(n_clusters) }
    }

    /// The least number of samples in a cluster; ends [`ConstrainedKMeans::balanced`].
    pub fn min_size(mut self, min_size: usize) -> Self {
        self.sizes = Sizes::Given { min: min_size, max: self.given().1 };
        self
    }

    /// The greatest number of samples in a cluster, `None` for any; ends
    /// [`ConstrainedKMeans::balanced`].
    pub fn max_size(mut self, max_size: Option<usize>) -> Self {
        self.sizes = Sizes::Given { min: self.given().0, max: max_size };
        self
    }

    /// How the first centroids are chosen.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Starts, of which the one with the least inertia is kept; 1 where the centroids are given.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// The most rounds of a start.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The sum of the squared shifts of the centroids at which rounds end, in units of the mean
    /// variance of the columns.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// The seed of the starts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn given(&self) -> (usize, Option<usize>) {
        match self.sizes {
            Sizes::Given { min, max } => (min, max),
            Sizes::Balanced => (1, None),
        }
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self) -> Result<()> {
        let (min, max) = self.given();
        let at_least_1 = [
            ("n_clusters", self.n_clusters),
            ("n_init", self.n_init),
            ("max_iter", self.max_iter),
            ("min_size", min),
        ];
        if let Some((name, value)) = at_least_1.into_iter().find(|&(_, value)| value == 0) {
            return Err(Error::param(OP, name, "at least 1", value));
        }
        check::n_centroids(OP, self.n_clusters)?;
        if let Some(max) = max.filter(|&max| max < min) {
            return Err(Error::param(OP, "max_size", format!("at least min_size, {min}"), max));
        }
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return Err(Error::param(OP, "tol", "finite and at least 0", self.tol));
        }
        check_init(OP, &self.init, self.n_init)
    }

    /// The least number of samples that such clusters can be made of.
    pub(super) fn n_least(&self) -> usize {
        self.n_clusters.saturating_mul(self.given().0)
    }

    /// The least and the greatest size for `n` samples, of which there are enough.
    pub(super) fn bounds(&self, n: usize) -> Result<[usize; 2]> {
        let k = self.n_clusters;
        let (min, max) = match self.sizes {
            Sizes::Given { min, max } => (min, max.unwrap_or(n)),
            Sizes::Balanced => (n / k, n.div_ceil(k)),
        };
        if k.saturating_mul(max) < n {
            let rule = format!("at least {} for {n} samples in {k} clusters", n.div_ceil(k));
            return Err(Error::param(OP, "max_size", rule, max));
        }
        Ok([min, max])
    }
}
