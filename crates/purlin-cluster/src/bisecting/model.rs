//! What is found.

use super::tree::{BisectingNode, Tree};
use super::{BisectingKMeans, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The clusters that [`BisectingKMeans`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{BisectingKMeans, MatrixView};
///
/// let x = [[0.0], [1.0], [10.0], [11.0], [90.0], [91.0]];
/// let model = BisectingKMeans::new(3).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.nodes().len(), 5); // two splits
/// assert_eq!(model.cluster_inertias(), [0.5, 0.5, 0.5]);
/// assert_eq!(model.node_centroids().row(0), [203.0 / 6.0]); // the mean of all
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BisectingModel<T: Real> {
    tree: Tree<T>,
    centroids: Matrix<T>,
    labels: Vec<usize>,
    cluster_sizes: Vec<usize>,
    cluster_inertias: Vec<f64>,
    inertia: f64,
    converged: bool,
}

impl<T: Real> BisectingModel<T> {
    pub(super) fn new(
        tree: Tree<T>,
        leaves: &[usize],
        centroids: Matrix<T>,
        labels: &[u32],
        inertia: f64,
        converged: bool,
    ) -> Self {
        let cluster_sizes = leaves.iter().map(|&leaf| tree.nodes[leaf].n_samples).collect();
        let cluster_inertias = leaves.iter().map(|&leaf| tree.nodes[leaf].inertia).collect();
        let labels = assign::widen(labels);
        Self { tree, centroids, labels, cluster_sizes, cluster_inertias, inertia, converged }
    }

    /// The centroids of the leaves, one row per cluster.
    pub fn centroids(&self) -> MatrixView<'_, T> {
        self.centroids.view()
    }

    /// The cluster of each sample: the leaf that it is in, counted from the left.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The number of samples in each cluster.
    pub fn cluster_sizes(&self) -> &[usize] {
        &self.cluster_sizes
    }

    /// The sum of the squared distances of the samples from the centroids of their clusters, each
    /// times its weight.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// The part of each cluster in the inertia; their sum is the inertia, up to rounding.
    pub fn cluster_inertias(&self) -> &[f64] {
        &self.cluster_inertias
    }

    /// The tree of splits, `2 n_clusters - 1` nodes: the first holds all samples, and the `i`-th
    /// split, counted from 0, made nodes `2 i + 1` (left) and `2 i + 2` (right).
    pub fn nodes(&self) -> &[BisectingNode] {
        &self.tree.nodes
    }

    /// The centroids of the nodes, one row for each.
    pub fn node_centroids(&self) -> MatrixView<'_, T> {
        self.tree.centroids.view()
    }

    /// Whether the rounds of every split ended before `max_iter` made them.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.centroids.n_rows()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.centroids.n_cols()
    }

    /// The leaf that each row of `x` comes to from the root, at the nearer of two centroids each
    /// time, ties to the left.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `x` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when squared distances could overflow.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{BisectingKMeans, Matrix, MatrixView};
    ///
    /// let x = Matrix::from_rows(&[[0.0], [1.0], [9.0], [10.0]]);
    /// let model = BisectingKMeans::new(2).fit(x.view())?;
    /// let new = model.predict(MatrixView::from_rows(&[[4.0], [7.0]]))?;
    /// assert_eq!(new, [model.labels()[0], model.labels()[3]]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        self.check(x)?;
        Ok(assign::widen(&self.tree.descend(x)?))
    }

    fn check(&self, x: MatrixView<'_, T>) -> Result<()> {
        check::features(OP, x, self.n_features())?;
        check::table(OP, x, 0)?;
        assign::check_squares(OP, x)
    }

    /// The Euclidean distance of each row of `x` from each centroid: `(n_rows, n_clusters)`.
    ///
    /// # Errors
    ///
    /// As [`BisectingModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{BisectingKMeans, MatrixView};
    ///
    /// let x = [[0.0, 0.0], [0.0, 2.0]];
    /// let model = BisectingKMeans::new(1).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.transform(MatrixView::from_rows(&[[3.0, 5.0]]))?.row(0), [5.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn transform(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        self.check(x)?;
        Ok(assign::squared_distances(x, self.centroids.view(), T::sqrt))
    }

    /// The inertia of new rows in the leaves that they come to, negated: the greater, the better.
    ///
    /// # Errors
    ///
    /// As [`BisectingModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{BisectingKMeans, MatrixView};
    ///
    /// let x = [[0.0], [2.0], [90.0], [92.0]];
    /// let model = BisectingKMeans::new(2).fit(MatrixView::from_rows(&x))?; // centroids 1 and 91
    /// assert_eq!(model.score(MatrixView::from_rows(&[[3.0], [91.0]]))?, -4.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn score(&self, x: MatrixView<'_, T>) -> Result<f64> {
        self.check(x)?;
        let labels = self.tree.descend(x)?;
        Ok(-assign::inertia(x, self.centroids.view(), &labels, None))
    }
}

impl<T: Real> Clusterer<T> for BisectingKMeans {
    type Model = BisectingModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<BisectingModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for BisectingModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.iter().copied().map(Some).collect()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters()
    }
}

impl<T: Real> Predict<T> for BisectingModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
