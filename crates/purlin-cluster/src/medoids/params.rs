//! The parameters.

use super::OP;
use crate::{MemoryBudget, Metric};
use purlin_core::{Error, Result};

/// k-medoids by FasterPAM: clusters around samples, under any distance.
///
/// Chooses `n_clusters` samples, the *medoids*, so that the *loss* (the sum of the distances, not
/// their squares, from each sample to its nearest medoid) is small. A medoid is a sample of the
/// table and can be looked at; no mean is ever taken, so any [`Metric`] does, or distances that
/// were computed elsewhere ([`KMedoids::fit_precomputed`]). Outliers weigh less than in k-means.
///
/// | value            | shape                     | unit                             |
/// |------------------|---------------------------|----------------------------------|
/// | `x`              | `(n_samples, n_features)` | yours; scale the columns first   |
/// | `medoid_indices` | `(n_clusters,)`           | rows of `x`                      |
/// | `labels`         | `(n_samples,)`            | cluster index in `0..n_clusters` |
/// | `loss`           | scalar                    | a sum of distances               |
///
/// Samples are tried in their order, round and round, as a new medoid; where putting one in the
/// place of the best medoid to go lowers the loss, it is put there at once. The end is a medoid set
/// that no single swap improves, as in the original PAM; an improvement counts when it is above
/// `1e-12` of the sum of the distances to the second nearest medoids, for less is rounding. Ties break
/// to the smallest index.
///
/// # Cost
///
/// One round over all samples costs `O(n_samples^2)` distances, whatever `n_clusters`; two to five
/// rounds are usual. `Euclidean`, `SquaredEuclidean`, `Manhattan` and `Chebyshev` distances are
/// computed anew from up to 32 columns, and memory stays `O(n_samples * n_features)`. With more
/// columns they are kept in a square table of `n_samples^2` numbers where [`KMedoids::memory`]
/// allows it. Other metrics need the distances of all pairs, `n_samples (n_samples - 1) / 2`
/// numbers, and are refused where these exceed it. What is kept never changes the result.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{KMedoids, Matrix, Metric};
///
/// let x = Matrix::from_rows(&[[1.0], [2.0], [3.0], [10.0], [12.0], [100.0]]);
/// let model = KMedoids::new(2).metric(Metric::Manhattan).fit(x.view())?;
///
/// // The outlier does not drag a centre along as it would a mean.
/// assert_eq!(model.medoid_indices(), [2, 5]);
/// assert_eq!(model.labels(), [0, 0, 0, 0, 0, 1]);
/// assert_eq!(model.loss(), 19.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - L. Kaufman, P. J. Rousseeuw, *Clustering by means of medoids*, 1987 (PAM and its BUILD).
/// - E. Schubert, P. J. Rousseeuw, *Fast and eager k-medoids clustering: O(k) runtime improvement
///   of the PAM, CLARA, and CLARANS algorithms*, Information Systems 101, 2021.
/// - M. Minoux, *Accelerated greedy algorithms for maximizing submodular set functions*,
///   Optimization Techniques, 1978 (BUILD without trying every sample again).
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct KMedoids {
    pub(super) n_clusters: usize,
    pub(super) metric: Metric,
    pub(super) init: MedoidInit,
    pub(super) max_iter: usize,
    pub(super) seed: u64,
    pub(super) memory: MemoryBudget,
}

/// How the first medoids are chosen.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{KMedoids, MatrixView, MedoidInit};
///
/// let x = [[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]];
/// for init in [MedoidInit::Build, MedoidInit::Random, MedoidInit::Indices(vec![0, 2])] {
///     let model = KMedoids::new(2).init(init).fit(MatrixView::from_rows(&x))?;
///     assert_eq!(model.loss(), 4.0); // around samples 1 and 4, whatever the start
/// }
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MedoidInit {
    /// One after the other the sample that lowers the loss most. A good start, of which few swaps
    /// are left; costs about two rounds over all samples.
    Build,
    /// Samples at random, no two at distance 0.
    Random,
    /// These rows, cluster by cluster.
    Indices(Vec<usize>),
}

impl KMedoids {
    /// Euclidean distances, a start by [`MedoidInit::Build`], at most 100 rounds, seed 0, the
    /// default memory.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            metric: Metric::Euclidean,
            init: MedoidInit::Build,
            max_iter: 100,
            seed: 0,
            memory: MemoryBudget::default(),
        }
    }

    /// The distance between rows.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// How the first medoids are chosen.
    pub fn init(mut self, init: MedoidInit) -> Self {
        self.init = init;
        self
    }

    /// The most rounds over all samples.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The seed of [`MedoidInit::Random`].
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What distances may be kept in.
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = memory;
        self
    }

    /// Refuses parameters outside of their range, and given medoids that are not among `n` samples.
    pub(super) fn check(&self, n: usize) -> Result<()> {
        let k = self.n_clusters;
        for (name, value) in [("n_clusters", k), ("max_iter", self.max_iter)] {
            if value == 0 {
                return Err(Error::param(OP, name, "at least 1", value));
            }
        }
        if n < k {
            return Err(Error::TooFewSamples { op: OP, expected: k, got: n });
        }
        let MedoidInit::Indices(rows) = &self.init else { return Ok(()) };
        if rows.len() != k {
            return Err(Error::shape(OP, format!("init of {k} samples"), rows.len()));
        }
        for (i, &row) in rows.iter().enumerate() {
            if row >= n {
                let value = format!("{row} at index {i}");
                return Err(Error::param(OP, "init", format!("below {n}, the samples"), value));
            }
            if let Some(first) = rows[..i].iter().position(|&other| other == row) {
                let value = format!("{row} at indices {first} and {i}");
                return Err(Error::param(OP, "init", "of different samples", value));
            }
        }
        Ok(())
    }
}
