//! What can be set.

use super::OP;
use crate::{MemoryBudget, check};
use purlin_core::{Error, Matrix, Real, Result};

/// Lloyd's k-means.
///
/// Splits the rows of `x` into `n_clusters` groups so that the *inertia* (the sum of squared
/// Euclidean distances from each sample to its own centroid) is small. The result is a local
/// optimum: of `n_init` seeded starts, the one with the least inertia is kept.
///
/// | value       | shape                      | unit                                       |
/// |-------------|----------------------------|--------------------------------------------|
/// | `x`         | `(n_samples, n_features)`  | yours; scale the columns first             |
/// | `centroids` | `(n_clusters, n_features)` | as `x`                                     |
/// | `labels`    | `(n_samples,)`             | cluster index in `0..n_clusters`           |
/// | `inertia`   | scalar                     | unit of `x` **squared**; a sum, not a mean |
///
/// A round assigns every sample to its nearest centroid (exactly, ties to the smallest index) and
/// moves each centroid to the mean of its samples. Rounds end when no label changes, when the
/// squared shift of all centroids together is at most `tol` times the mean variance of the
/// columns (scikit-learn's meaning of `tol`), or after `max_iter`. `labels` always belong to
/// `centroids`: predicting the samples gives them again.
///
/// A round costs `O(n_samples * n_clusters * n_features)` at most: samples whose nearest centroid
/// cannot have changed are left out. Beside `x` there is a copy of it in single precision, by which
/// samples are ranked as far as it can tell; for each start at most 64 pairs of sums of
/// `n_clusters * n_features` numbers in double precision, which follow the labels; and while
/// k-means++ chooses, a copy of `x` and `2 + n_local_trials` numbers for each sample and start. Several starts run
/// side by side as long as that is no more than about twice `x`. Differences whose square is below
/// the smallest number of the type are not seen.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{KMeans, Matrix};
///
/// let x = Matrix::from_rows(&[
///     [1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0],
/// ]);
/// let model = KMeans::new(2).seed(7).fit(x.view())?;
///
/// assert_eq!(model.labels()[0], model.labels()[2]);
/// assert_eq!(model.inertia(), 16.0); // four samples, each 2 away from its centroid
/// assert_eq!(model.predict(x.view())?, model.labels());
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - S. P. Lloyd, *Least squares quantization in PCM*, IEEE Trans. Inf. Theory 28(2), 1982.
/// - D. Arthur, S. Vassilvitskii, *k-means++: the advantages of careful seeding*, SODA 2007.
/// - B. Bahmani et al., *Scalable k-means++*, PVLDB 5(7), 2012.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct KMeans {
    pub(super) n_clusters: usize,
    pub(super) init: Init,
    pub(super) n_init: usize,
    pub(super) max_iter: usize,
    pub(super) tol: f64,
    pub(super) seed: u64,
    pub(super) algorithm: Algorithm,
    pub(super) memory: MemoryBudget,
    pub(super) empty_cluster: EmptyCluster,
    pub(super) trace: bool,
}

/// How the first centroids are chosen.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Init, KMeans, Matrix};
///
/// let x = Matrix::from_fn(300, 1, |i, _| (i % 3 * 100 + i / 3 % 5) as f64); // three groups
/// let kmeans = KMeans::new(3).n_init(20);
/// let parallel = Init::Parallel { rounds: 5, oversampling: 2.0 }; // some 6 samples a round
/// for init in [Init::PlusPlus { n_local_trials: None }, parallel, Init::Random] {
///     let model = kmeans.clone().init(init).fit(x.view())?;
///     assert_eq!(model.inertia(), 600.0); // in each group 20 times 4 + 1 + 0 + 1 + 4
/// }
/// let first = Init::Centroids(Matrix::from_rows(&[[0.0], [50.0], [250.0]]));
/// assert_eq!(kmeans.init(first).n_init(1).fit(x.view())?.labels()[..3], [0, 1, 2]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// k-means++: one after the other, a sample with probability in proportion to its squared
    /// distance from those chosen before. Each time the best of `n_local_trials` draws is kept,
    /// `2 + floor(ln(n_clusters))` without a number.
    PlusPlus {
        /// Draws for each centroid.
        n_local_trials: Option<usize>,
    },
    /// k-means||: in each of `rounds` some `oversampling * n_clusters` samples at once, then
    /// k-means++ on them, weighted by the samples that are nearest to each.
    Parallel {
        /// Rounds of drawing; 5 suffices for most data.
        rounds: usize,
        /// Expected draws of a round, in units of `n_clusters`; 2 is usual.
        oversampling: f64,
    },
    /// Different samples, each with the same probability.
    Random,
    /// These, one row each; `n_init` must be 1.
    Centroids(Matrix<f64>),
}

/// How the nearest centroid of each sample is found.
///
/// All give the same bits: labels, centroids, inertia and rounds. The accelerated ones keep bounds
/// on the distances of each sample, rounded outward, and compute only those that the bounds leave open. They do
/// Lloyd's rounds until no more than a quarter of the samples changes its cluster in a round:
/// before, bounds rule out little.
///
/// | algorithm | numbers kept beside Lloyd's | made for |
/// |---|---|---|
/// | `Hamerly` | `2 n` | few clusters |
/// | `Exponion` | `2 n + k^2 (d + 3)` | few columns |
/// | `Yinyang` | `n (1 + k / 16)` of `f32`, `n (1 + k / 8)` of `f64` | many clusters |
/// | `Elkan` | `n (1 + k) + k^2` | many columns, far clusters |
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Algorithm, KMeans, MatrixView};
///
/// let x = [[0.0], [1.0], [9.0], [10.0]];
/// let kmeans = KMeans::new(2).algorithm(Algorithm::Elkan);
/// let model = kmeans.fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.algorithm(), Algorithm::Elkan);
/// assert_eq!(model.inertia(), 1.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - G. Hamerly, *Making k-means even faster*, SDM 2010.
/// - C. Elkan, *Using the triangle inequality to accelerate k-means*, ICML 2003.
/// - Y. Ding et al., *Yinyang k-means: a drop-in replacement of the classic k-means with consistent
///   speedup*, ICML 2015.
/// - J. Newling, F. Fleuret, *Fast k-means with accurate bounds*, ICML 2016.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// The fastest of them as measured: `Lloyd`, from 2 columns and 100 clusters to 784 columns and
    /// 10 clusters, and with 500 clusters.
    #[default]
    Auto,
    /// The scores of all centroids, for vectors of samples; once few labels change without those of
    /// samples for which that cannot matter. For that it keeps 8 bytes for each sample, in
    /// whatever precision, where `k` times the columns are 1024 and more, else a quarter of a byte.
    Lloyd,
    /// One lower bound for all other centroids.
    Hamerly,
    /// A lower bound for each centroid, and the distances between centroids.
    Elkan,
    /// A lower bound for each group of centroids. Groups are as many as fit a vector, each made of
    /// one centroid and its nearest ones at the start.
    Yinyang,
    /// One lower bound, and a search among the centroids close to the sample's own.
    Exponion,
}

/// What happens to a cluster that loses all of its samples.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{EmptyCluster, Init, KMeans, Matrix};
///
/// let x = Matrix::from_rows(&[[0.0], [1.0], [4.0], [5.0]]);
/// let start = Init::Centroids(Matrix::from_rows(&[[0.0], [4.0], [100.0]])); // no sample near the last
/// let fit = |policy| KMeans::new(3).init(start.clone()).empty_cluster(policy).fit(x.view());
///
/// assert!(fit(EmptyCluster::Farthest)?.cluster_sizes().iter().all(|&size| size > 0));
/// assert_eq!(fit(EmptyCluster::Keep)?.cluster_sizes(), [2, 2, 0]);
/// assert_eq!(fit(EmptyCluster::Drop)?.n_clusters(), 2);
/// assert!(fit(EmptyCluster::Error).is_err());
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyCluster {
    /// It moves to the sample that is farthest from its own centroid, as in scikit-learn.
    #[default]
    Farthest,
    /// It stays where it is, and may end without samples.
    Keep,
    /// It stays, and if it ends without samples it is removed: the model then has fewer clusters.
    Drop,
    /// `fit` gives an error.
    Error,
}

impl KMeans {
    /// k-means++ with one start, at most 300 rounds, `tol` 1e-4, seed 0.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            init: Init::PlusPlus { n_local_trials: None },
            n_init: 1,
            max_iter: 300,
            tol: 1e-4,
            seed: 0,
            algorithm: Algorithm::Auto,
            memory: MemoryBudget::default(),
            empty_cluster: EmptyCluster::Farthest,
            trace: false,
        }
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

    /// The most rounds of one start.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The squared shift of all centroids at which rounds end, in units of the mean variance of
    /// the columns; 0 goes on until no label changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Init, KMeans, Matrix};
    ///
    /// let x = Matrix::from_fn(500, 1, |i, _| (i * 37 % 101 + i * i % 13) as f64);
    /// let kmeans = KMeans::new(8).init(Init::Random);
    /// let rough = kmeans.clone().tol(0.1).fit(x.view())?;
    /// let exact = kmeans.tol(0.0).fit(x.view())?;
    /// assert!(rough.n_iter() < exact.n_iter());
    /// assert!(rough.inertia() > exact.inertia());
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// The seed of the starts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How the nearest centroids are found; a matter of time and memory alone.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The most bytes that the bounds of an accelerated algorithm may take.
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = memory;
        self
    }

    /// What happens to a cluster that loses all of its samples.
    pub fn empty_cluster(mut self, policy: EmptyCluster) -> Self {
        self.empty_cluster = policy;
        self
    }

    /// Whether the model keeps what each round did. It then computes the inertia of each round,
    /// which costs one more pass over `x`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMeans, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [9.0], [10.0]];
    /// let model = KMeans::new(2).trace(true).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.trace().len(), model.n_iter());
    /// assert_eq!(model.trace().last().map(|round| round.n_changed), Some(0));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn trace(mut self, trace: bool) -> Self {
        self.trace = trace;
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
        match &self.init {
            Init::PlusPlus { n_local_trials: Some(0) } => {
                Err(Error::param(OP, "n_local_trials", "at least 1", 0))
            }
            Init::Parallel { rounds: 0, .. } => Err(Error::param(OP, "rounds", "at least 1", 0)),
            Init::Parallel { oversampling, .. }
                if !(*oversampling > 0.0 && oversampling.is_finite()) =>
            {
                Err(Error::param(OP, "oversampling", "finite and above 0", oversampling))
            }
            Init::Centroids(_) if self.n_init != 1 => {
                Err(Error::param(OP, "n_init", "1 where the centroids are given", self.n_init))
            }
            _ => Ok(()),
        }
    }

    /// The given centroids as `T`.
    pub(super) fn given<T: Real>(
        &self,
        given: &Matrix<f64>,
        n_features: usize,
    ) -> Result<Matrix<T>> {
        let (k, d) = (self.n_clusters, n_features);
        if given.shape() != (k, d) {
            let (rows, columns) = given.shape();
            let got = format!("({rows}, {columns})");
            return Err(Error::shape(OP, format!("centroids ({k}, {d})"), got));
        }
        given.view().check_finite(OP, "centroids")?;
        let given = given.cast::<T>();
        given.view().check_finite(OP, "centroids")?;
        Ok(given)
    }
}
