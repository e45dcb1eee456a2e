//! What can be set.

use super::{HdbscanModel, OP, reachability};
use crate::{CondensedMatrix, Metric, NeighborGraph, SpatialIndex, check};
use purlin_core::{Error, MatrixView, Real, Result};

/// Which clusters of the condensed tree are taken.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{ClusterSelection, Hdbscan, MatrixView};
///
/// let x = [[0.0], [1.0], [2.5], [3.5], [100.0], [101.0]];
/// let hdbscan = Hdbscan::new(2).min_samples(1);
/// let model = hdbscan.clone().fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.labels(), [0, 0, 0, 0, 1, 1].map(Some));
/// let model = hdbscan.selection(ClusterSelection::Leaf).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.labels(), [0, 0, 1, 1, 2, 2].map(Some));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClusterSelection {
    /// Those that are more stable than all that they split into.
    #[default]
    ExcessOfMass,
    /// Those that do not split: smaller and more alike.
    Leaf,
}

/// HDBSCAN*: clusters that are denser than what is around them, each on its own scale, and noise.
///
/// The *core distance* of a sample is that to its `min_samples`-th nearest, itself counted. The
/// *mutual reachability distance* of two samples is the greatest of their core distances and their
/// distance over `alpha`. Single linkage by this distance gives a hierarchy; in it, groups of fewer than
/// `min_cluster_size` samples are not clusters but fall off, and of what is left the most stable
/// clusters are taken.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | scale the columns first |
/// | `labels` | `(n_samples,)` | `None` for noise; clusters are numbered by their first sample |
/// | `probabilities`, `outlier_scores` | `(n_samples,)` | from 0 to 1 |
///
/// Mutual reachability distances tie often: all edges on which the core distance of a sample decides
/// are equal. Of equal ones those between nearer samples come first, then those with the smaller
/// numbers, so that the tree is unique, and does not depend on the order of the rows where their
/// distances differ.
///
/// Up to 16 columns, and with Euclidean, squared Euclidean, Manhattan and Chebyshev distances, the
/// spanning tree is found by Borůvka's algorithm on a kd-tree, in some `O(n log n)` where clusters
/// are not all over each other; else by Prim's, `O(n^2 n_features)`. Memory is `O(n min_samples)`
/// beside a copy of `x`. The result does not depend on the way, the threads or the instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Hdbscan, MatrixView};
///
/// let x = [[0.0], [0.1], [0.2], [10.0], [12.0], [14.0], [50.0]];
/// let model = Hdbscan::new(3).min_samples(2).fit(MatrixView::from_rows(&x))?;
///
/// let (one, other) = (Some(0), Some(1));
/// assert_eq!(model.labels(), [one, one, one, other, other, other, None]);
/// assert_eq!(model.probabilities()[5..], [1.0, 0.0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - R. J. G. B. Campello, D. Moulavi, A. Zimek, J. Sander, *Hierarchical density estimates for data
///   clustering, visualization, and outlier detection*, ACM TKDD 10(1), 2015.
/// - L. McInnes, J. Healy, *Accelerated hierarchical density based clustering*, ICDMW 2017.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct Hdbscan {
    pub(super) min_cluster_size: usize,
    min_samples: Option<usize>,
    pub(super) alpha: f64,
    metric: Metric,
    pub(super) selection: ClusterSelection,
    pub(super) cluster_selection_epsilon: f64,
    pub(super) max_cluster_size: Option<usize>,
    pub(super) allow_single_cluster: bool,
}

impl Default for Hdbscan {
    /// Clusters of at least 5 samples.
    fn default() -> Self {
        Self::new(5)
    }
}

impl Hdbscan {
    /// As many `min_samples`, `alpha` 1, Euclidean distances, excess of mass.
    pub fn new(min_cluster_size: usize) -> Self {
        Self {
            min_cluster_size,
            min_samples: None,
            alpha: 1.0,
            metric: Metric::Euclidean,
            selection: ClusterSelection::ExcessOfMass,
            cluster_selection_epsilon: 0.0,
            max_cluster_size: None,
            allow_single_cluster: false,
        }
    }

    /// Samples within the core distance of a sample, itself counted. The more, the more is noise.
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.min_samples = Some(min_samples);
        self
    }

    /// What distances are divided by before they are compared with core distances.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// How far samples are from each other.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// Which clusters of the condensed tree are taken.
    pub fn selection(mut self, selection: ClusterSelection) -> Self {
        self.selection = selection;
        self
    }

    /// Clusters that would split at a distance below this one are not split.
    pub fn cluster_selection_epsilon(mut self, epsilon: f64) -> Self {
        self.cluster_selection_epsilon = epsilon;
        self
    }

    /// Larger clusters are not taken by [`ClusterSelection::ExcessOfMass`], but what they split
    /// into.
    pub fn max_cluster_size(mut self, max_cluster_size: usize) -> Self {
        self.max_cluster_size = Some(max_cluster_size);
        self
    }

    /// Whether there may be but one cluster: the root of the tree, of which those samples are noise
    /// that leave it before it splits.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Hdbscan, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [2.0], [3.0]];
    /// let hdbscan = Hdbscan::new(3);
    /// assert_eq!(hdbscan.clone().fit(MatrixView::from_rows(&x))?.n_clusters(), 0);
    /// let model = hdbscan.allow_single_cluster(true).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!((model.n_clusters(), model.n_noise()), (1, 0));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn allow_single_cluster(mut self, allow: bool) -> Self {
        self.allow_single_cluster = allow;
        self
    }

    pub(super) fn min_samples_or_default(&self) -> usize {
        self.min_samples.unwrap_or(self.min_cluster_size)
    }

    fn check(&self) -> Result<()> {
        let at_least = |name, least: usize, value| {
            if value >= least {
                return Ok(());
            }
            Err(Error::param(OP, name, format!("at least {least}"), value))
        };
        at_least("min_cluster_size", 2, self.min_cluster_size)?;
        at_least("min_samples", 1, self.min_samples_or_default())?;
        at_least("max_cluster_size", 1, self.max_cluster_size.unwrap_or(usize::MAX))?;
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Err(Error::param(OP, "alpha", "finite and above 0", self.alpha));
        }
        let epsilon = self.cluster_selection_epsilon;
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            let name = "cluster_selection_epsilon";
            return Err(Error::param(OP, name, "finite and at least 0", epsilon));
        }
        Ok(())
    }

    /// Clusters the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `min_cluster_size` is below 2, `min_samples` or
    ///   `max_cluster_size` is 0, `alpha` is not finite and above 0, `cluster_selection_epsilon` is
    ///   not finite and at least 0, the metric does not fit, a distance is negative or NaN, or
    ///   numbers of `x` are so large that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `min_samples`.
    /// - [`Error::Shape`]: `x` has no column.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<HdbscanModel<T>> {
        self.check()?;
        check::table(OP, x, self.min_samples_or_default())?;
        self.metric.check_table(OP, x)?;
        check::squares(OP, x, &self.metric)?;
        let index = SpatialIndex::new(x, self.metric.clone())?;
        let (min_samples, alpha) = (self.min_samples_or_default(), self.alpha);
        let found = reachability::of_rows(x, &index, &self.metric, min_samples, alpha)?;
        Ok(HdbscanModel::new(self, Some(index), found))
    }

    /// Clusters samples whose distances are given; the metric is not used. Samples that are
    /// infinitely far from each other are in one cluster only as the root is.
    ///
    /// # Errors
    ///
    /// As [`Hdbscan::fit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{CondensedMatrix, Hdbscan};
    ///
    /// let far = 9.0;
    /// let pairs = vec![1.0, far, far, far, far, 1.0];
    /// let distances = CondensedMatrix::from_vec(4, pairs)?;
    /// let model = Hdbscan::new(2).fit_precomputed(&distances)?;
    /// assert_eq!(model.labels(), [Some(0), Some(0), Some(1), Some(1)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_precomputed<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
    ) -> Result<HdbscanModel<T>> {
        self.check()?;
        let (n, min_samples) = (distances.n(), self.min_samples_or_default());
        check::n_samples(OP, n, min_samples)?;
        let found = reachability::of_distances(distances, min_samples, self.alpha)?;
        Ok(HdbscanModel::new(self, None, found))
    }

    /// Clusters samples of which the neighbours are known; the metric is not used.
    ///
    /// The distance of two samples is the one in either's list, the smaller where both have one, and
    /// infinite where none has; a sample is its own neighbour at distance 0, listed or not. Lists
    /// that end early are taken as they are: one of fewer than `min_samples` makes its sample noise.
    /// With the lists of all samples within some radius, clusters that are denser than that radius
    /// are those of [`Hdbscan::fit`].
    ///
    /// # Errors
    ///
    /// As [`Hdbscan::fit`]; and [`Error::Shape`] when the graph has not one column for each row.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Hdbscan, MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [1.0], [2.0], [50.0], [51.0], [52.0]];
    /// let x = MatrixView::from_rows(&x);
    /// // Two parts that nothing joins.
    /// let graph = SpatialIndex::new(x, Metric::Euclidean)?.within_batch(x, 5.0)?;
    /// let model = Hdbscan::new(3).min_samples(2).fit_graph(&graph)?;
    /// assert_eq!(model.labels(), [0, 0, 0, 1, 1, 1].map(Some));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_graph<T: Real>(&self, graph: &NeighborGraph<T>) -> Result<HdbscanModel<T>> {
        self.check()?;
        let (n, n_columns) = (graph.n_rows(), graph.n_columns());
        if n != n_columns {
            return Err(Error::shape(OP, format!("a graph with {n} columns"), n_columns));
        }
        let min_samples = self.min_samples_or_default();
        check::n_samples(OP, n, min_samples)?;
        let found = reachability::of_graph(graph, min_samples, self.alpha);
        Ok(HdbscanModel::new(self, None, found))
    }
}
