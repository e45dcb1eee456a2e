//! What is found.

use super::{ConstrainedKMeans, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{StopReason, assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The clusters that [`ConstrainedKMeans`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{ConstrainedKMeans, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [50.0]];
/// let model = ConstrainedKMeans::balanced(2).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.cluster_sizes(), [2, 2]);
/// assert_eq!(model.labels()[2], model.labels()[3]); // the nearest of three had to go
/// assert_eq!(model.inertia(), 0.5 + 1152.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConstrainedModel<T: Real> {
    centroids: Matrix<T>,
    center: Vec<T>,
    labels: Vec<usize>,
    cluster_sizes: Vec<usize>,
    inertia: f64,
    n_iter: usize,
    stop_reason: StopReason,
}

impl<T: Real> ConstrainedModel<T> {
    pub(super) fn new(
        centroids: Matrix<T>,
        center: Vec<T>,
        labels: &[u32],
        inertia: f64,
        n_iter: usize,
        stop_reason: StopReason,
    ) -> Self {
        let cluster_sizes = assign::sizes(labels, centroids.n_rows());
        let labels = assign::widen(labels);
        Self { centroids, center, labels, cluster_sizes, inertia, n_iter, stop_reason }
    }

    /// The centroids, one row per cluster.
    pub fn centroids(&self) -> MatrixView<'_, T> {
        self.centroids.view()
    }

    /// The cluster of each sample: the cheapest assignment to the centroids that keeps the bounds.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The number of samples in each cluster, which is within the bounds.
    pub fn cluster_sizes(&self) -> &[usize] {
        &self.cluster_sizes
    }

    /// The sum of the squared distances of the samples from the centroids of their clusters.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Rounds, the last included.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// Why the rounds ended.
    pub fn stop_reason(&self) -> StopReason {
        self.stop_reason
    }

    /// Whether the rounds ended before `max_iter` made them.
    pub fn converged(&self) -> bool {
        self.stop_reason != StopReason::MaxIter
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.centroids.n_rows()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.centroids.n_cols()
    }

    /// The cluster whose centroid is nearest to each row of `x`, ties to the smallest index. The
    /// bounds are for the samples of the fit alone: one of them that was moved to keep these has
    /// another label than this says.
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
    /// use purlin_cluster::{ConstrainedKMeans, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [2.0], [50.0]];
    /// let model = ConstrainedKMeans::balanced(2).fit(MatrixView::from_rows(&x))?; // centroids 0.5, 26
    /// let new = model.predict(MatrixView::from_rows(&[[2.0], [20.0]]))?;
    /// assert_eq!(new, [model.labels()[0], model.labels()[3]]); // 2 was moved to keep the sizes
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        check::features(OP, x, self.n_features())?;
        assign::check_squares(OP, x)?;
        Ok(assign::widen(&assign::nearest(x, self.centroids.view(), &self.center)))
    }
}

impl<T: Real> Clusterer<T> for ConstrainedKMeans {
    type Model = ConstrainedModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<ConstrainedModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for ConstrainedModel<T> {
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

impl<T: Real> Predict<T> for ConstrainedModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
