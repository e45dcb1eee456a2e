//! What can be set, and which algorithm serves it.

use super::stored::Stored;
use super::{AgglomerativeAlgorithm, OP, chain, generic, linear, middle, single, ward};
use crate::{CondensedMatrix, Dendrogram, MemoryBudget, Metric, check};
use purlin_core::{Error, MatrixView, Real, Result};
use std::fmt;

/// Agglomerative hierarchical clustering.
///
/// Every sample begins as a cluster of its own; the two clusters that are least unlike become one,
/// until one is left. The [`Linkage`] says how unlike two clusters are.
///
/// | linkage | from vectors | time | memory beside `x` |
/// |---|---|---|---|
/// | `Single` | a spanning tree: up to 8 columns Boruvka's by a kd-tree (Euclidean, Manhattan, Chebyshev), else Prim's, distances as they are needed | near `O(n log n)`, else `O(n^2 d)` | one copy of `x`, `O(n)` |
/// | `Ward` | chain of nearest neighbours on the centroids | `O(n^2 d)` | two copies of `x`, `O(n)` |
/// | `Complete`, `Average`, `Weighted` | chain of nearest neighbours on the distances | `O(n^2 d)` | `n (n - 1) / 2` numbers |
/// | the same, `LinearMemory` | the same on distances from lists of members | `O(n^2 d)` to `O(n^2 d log n)`, at worst `O(n^3 d)` | one copy of `x`, 656 bytes a sample |
/// | `Centroid`, `Median` | the nearest kept for each centroid, one scan of the centroids for a merge | mostly `O(n^2 d)`, at worst `O(n^3 d)` | two copies of `x`, 136 bytes a sample |
/// | the same, `Condensed` | the nearest kept for each cluster | mostly `O(n^2 d)`, at worst `O(n^3)` | `n (n - 1) / 2` numbers |
///
/// What would take more than the [`MemoryBudget`] is refused before it is allocated;
/// [`AgglomerativeAlgorithm::LinearMemory`] needs no distances of all pairs, and
/// [`Agglomerative::plan`] says beforehand what will be done and what it takes.
///
/// Merges are sorted by height, except with `Centroid` and `Median`, where a merge may lie below
/// its parts. Ties go to the smallest numbers, but among merges that tie an algorithm may take
/// another order than [`primitive`](super::primitive): trees are unique where no distances tie.
/// `Centroid` and `Median` from vectors take the nearest pair of their centroids as these are
/// rounded, of equals the first.
/// With the linkages that have no inversions, a height that rounding would put below its parts is
/// lifted to theirs. The same data give the same bits on any number of threads and any
/// instruction set. Differences whose square is below the smallest number of the type are not
/// seen by linkages and metrics that square.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView, Metric};
///
/// let x = [[0.0, 0.0], [0.0, 1.0], [5.0, 5.0], [5.0, 7.0]];
/// let x = MatrixView::from_rows(&x);
///
/// let tree = Agglomerative::new(Linkage::Ward).fit(x)?;
/// assert_eq!(tree.cut(2)?, [0, 0, 1, 1]);
/// assert_eq!(tree.heights()[..2], [1.0, 2.0]);
///
/// let tree = Agglomerative::new(Linkage::Complete).metric(Metric::Manhattan).fit(x)?;
/// assert_eq!(tree.heights(), [1.0, 2.0, 12.0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - D. Müllner, *Modern hierarchical, agglomerative clustering algorithms*, arXiv:1109.2378,
///   2011.
/// - F. Murtagh, *A survey of recent advances in hierarchical clustering algorithms*, The Computer
///   Journal 26(4), 1983.
/// - R. C. Prim, *Shortest connection networks and some generalizations*, Bell System Technical
///   Journal 36(6), 1957; J. C. Gower, G. J. S. Ross, *Minimum spanning trees and single linkage
///   cluster analysis*, Applied Statistics 18(1), 1969.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct Agglomerative {
    pub(super) linkage: Linkage,
    pub(super) metric: Metric,
    pub(super) algorithm: AgglomerativeAlgorithm,
    pub(super) memory: MemoryBudget,
}

/// How unlike two clusters `A` and `B` are.
///
/// | linkage | dissimilarity | inversions |
/// |---|---|---|
/// | `Single` | the least distance of a sample of `A` from one of `B` | no |
/// | `Complete` | the greatest | no |
/// | `Average` | their mean (UPGMA) | no |
/// | `Weighted` | the mean of the dissimilarities of the two parts of `A` from `B` (WPGMA) | no |
/// | `Ward` | `sqrt(2 n_A n_B / (n_A + n_B))` times the distance of the centroids | no |
/// | `Centroid` | the distance of the centroids (UPGMC) | yes |
/// | `Median` | the distance of the middles: that of a merge lies halfway between its parts' (WPGMC) | yes |
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
///
/// let x = [[0.0], [1.0], [3.0], [9.0]];
/// let top = |linkage| -> purlin_cluster::Result<f64> {
///     Ok(Agglomerative::new(linkage).fit(MatrixView::from_rows(&x))?.heights()[2])
/// };
/// assert_eq!(top(Linkage::Single)?, 6.0); // from 3 to 9
/// assert_eq!(top(Linkage::Complete)?, 9.0); // from 0 to 9
/// assert_eq!(top(Linkage::Weighted)?, 7.25); // (8.5 + 6) / 2: {0, 1} counts as much as {3}
/// assert_eq!(top(Linkage::Median)?, 7.25); // from the middle of 0.5 and 3
/// let third = 1.0 / 3.0; // 9 is 7 2/3 from the centroid of the others
/// assert!((top(Linkage::Average)? - (8.0 - third)).abs() < 1e-12);
/// assert!((top(Linkage::Centroid)? - (8.0 - third)).abs() < 1e-12);
/// assert!((top(Linkage::Ward)? - 1.5f64.sqrt() * (8.0 - third)).abs() < 1e-12);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - J. H. Ward, *Hierarchical grouping to optimize an objective function*, J. Amer. Statist.
///   Assoc. 58, 1963.
/// - G. N. Lance, W. T. Williams, *A general theory of classificatory sorting strategies*, The
///   Computer Journal 9(4), 1967.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// The nearest samples.
    Single,
    /// The farthest samples.
    Complete,
    /// The mean over all pairs of samples.
    Average,
    /// The mean over the two parts.
    Weighted,
    /// What the sum of squared distances from the centroids grows by.
    Ward,
    /// The centroids.
    Centroid,
    /// The middles.
    Median,
}

impl Linkage {
    /// Whether no merge can lie below its parts.
    pub fn is_monotone(self) -> bool {
        !matches!(self, Self::Centroid | Self::Median)
    }

    /// Whether it is defined by centroids, so that distances must be Euclidean.
    pub fn is_euclidean(self) -> bool {
        matches!(self, Self::Ward | Self::Centroid | Self::Median)
    }
}

/// The name in lower case.
impl fmt::Display for Linkage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Complete => "complete",
            Self::Average => "average",
            Self::Weighted => "weighted",
            Self::Ward => "ward",
            Self::Centroid => "centroid",
            Self::Median => "median",
        })
    }
}

impl Agglomerative {
    /// Euclidean distances, the algorithm by the linkage, the default budget.
    pub fn new(linkage: Linkage) -> Self {
        Self {
            linkage,
            metric: Metric::Euclidean,
            algorithm: AgglomerativeAlgorithm::Auto,
            memory: MemoryBudget::default(),
        }
    }

    /// The distance of two samples; `Ward`, `Centroid` and `Median` take the Euclidean only.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// Whether the distances of all pairs are kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, AgglomerativeAlgorithm, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [3.0], [9.0]];
    /// let average = Agglomerative::new(Linkage::Average);
    /// let average = average.algorithm(AgglomerativeAlgorithm::LinearMemory);
    /// assert_eq!(average.fit(MatrixView::from_rows(&x))?.heights(), [1.0, 2.5, 23.0 / 3.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn algorithm(mut self, algorithm: AgglomerativeAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// What may be allocated beside `x`.
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = memory;
        self
    }

    /// The tree of the rows of `x`: `(n_samples, n_features)`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: the linkage does not go with the metric, a parameter of
    ///   the metric is out of range, rows are not such as it takes (see [`Metric::check_table`]), or
    ///   distances leave the range of `T`.
    /// - [`Error::Shape`], [`Error::TooFewSamples`]: `x` has no columns, not those that the metric
    ///   knows, or no rows.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    /// - [`Error::OutOfBudget`]: the algorithm needs more memory than allowed.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Dendrogram> {
        let Self { linkage, ref metric, memory, .. } = *self;
        self.check()?;
        check::table(OP, x, 1)?;
        metric.check_table(OP, x)?;
        if matches!(metric, Metric::Euclidean | Metric::SquaredEuclidean) {
            check_range(linkage, x)?;
        }
        let plan = self.plan::<T>(x.n_rows(), x.n_cols())?;
        if plan.algorithm == AgglomerativeAlgorithm::LinearMemory {
            return match linkage {
                Linkage::Single => single::of_rows(x, metric),
                Linkage::Ward => Ok(ward::of_rows(x)),
                Linkage::Centroid | Linkage::Median => Ok(middle::of_rows(linkage, x)),
                _ => linear::of_rows(linkage, x, metric),
            };
        }
        if linkage == Linkage::Single {
            return single::of_distances(&pairs(metric, x, memory)?);
        }
        let stored = match metric {
            Metric::Euclidean | Metric::SquaredEuclidean => {
                let has_root = *metric == Metric::Euclidean && !linkage.is_euclidean();
                Stored::of_rows(linkage, x, has_root)
            }
            _ => Stored::new(linkage, pairs(metric, x, memory)?),
        };
        Ok(tree_of(stored))
    }

    /// The tree of samples whose distances are known. Works in the matrix that it is given;
    /// `metric`, `algorithm` and `memory` are not looked at. `Ward`, `Centroid` and `Median` take the distances for Euclidean
    /// ones.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewSamples`] when there is no sample, [`Error::InvalidParam`] when a distance is
    /// infinite or its square is, where squares are needed.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, CondensedMatrix, Linkage};
    ///
    /// let distances = CondensedMatrix::from_vec(3, vec![2.0, 6.0, 4.0])?;
    /// let tree = Agglomerative::new(Linkage::Average).fit_precomputed(distances)?;
    /// assert_eq!(tree.heights(), [2.0, 5.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_precomputed<T: Real>(&self, distances: CondensedMatrix<T>) -> Result<Dendrogram> {
        let distances = prepare(self.linkage, distances)?;
        match self.linkage {
            Linkage::Single => single::of_distances(&distances),
            linkage => Ok(tree_of(Stored::new(linkage, distances))),
        }
    }
}

/// The finite distances of all pairs.
fn pairs<T: Real>(
    metric: &Metric,
    x: MatrixView<'_, T>,
    memory: MemoryBudget,
) -> Result<CondensedMatrix<T>> {
    let distances = metric.pairs(OP, x, memory)?;
    check_finite(&distances)?;
    Ok(distances)
}

/// The tree of any linkage but single.
fn tree_of<T: Real>(clusters: Stored<T>) -> Dendrogram {
    if clusters.linkage().is_monotone() {
        chain::of_distances(clusters)
    } else {
        generic::of_distances(clusters)
    }
}

/// Refuses distances that cannot be clustered, and squares them where the linkage needs it.
pub(super) fn prepare<T: Real>(
    linkage: Linkage,
    distances: CondensedMatrix<T>,
) -> Result<CondensedMatrix<T>> {
    let n = distances.n();
    if n == 0 {
        return Err(Error::TooFewSamples { op: OP, expected: 1, got: 0 });
    }
    check_finite(&distances)?;
    if !linkage.is_euclidean() {
        return Ok(distances);
    }
    // Sums of at most `2 n` squares must be numbers.
    let limit = (T::MAX.to_f64() / (4 * n) as f64).sqrt();
    let mut data = distances.into_vec();
    if let Some(value) = data.iter().find(|x| x.to_f64() > limit) {
        let rule = format!("at most {limit:e} for {linkage} linkage of {n} samples");
        return Err(Error::param(OP, "distances", rule, value));
    }
    for value in &mut data {
        *value = *value * *value;
    }
    Ok(CondensedMatrix::of_parts(n, data))
}

fn check_finite<T: Real>(distances: &CondensedMatrix<T>) -> Result<()> {
    match distances.as_slice().iter().find(|x| !x.is_finite()) {
        Some(value) => Err(Error::param(OP, "distances", "finite", value)),
        None => Ok(()),
    }
}

/// Refuses rows whose squared distances, and the sums of them that the linkage makes, are no
/// numbers.
fn check_range<T: Real>(linkage: Linkage, x: MatrixView<'_, T>) -> Result<()> {
    let (n, d) = x.shape();
    let most = x.rows().flatten().fold(T::ZERO, |most, x| x.abs().max(most)).to_f64();
    let terms = 16 * d as u64 * if linkage.is_euclidean() { n as u64 } else { 1 };
    let limit = (T::MAX.to_f64() / terms as f64).sqrt();
    if most > limit {
        let rule = format!("at most {limit:e} in size, so that squared distances are finite");
        return Err(Error::param(OP, "x", rule, format!("{most:e}")));
    }
    Ok(())
}
