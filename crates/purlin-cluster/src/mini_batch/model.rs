//! What is found.

use super::step::Means;
use super::{MiniBatchKMeans, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The clusters that [`MiniBatchKMeans`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Matrix, MiniBatchKMeans};
///
/// let x = Matrix::from_fn(1000, 1, |i, _| (i % 2 * 100 + i / 2 % 3) as f64);
/// let model = MiniBatchKMeans::new(2).batch_size(100).fit(x.view())?;
/// assert_eq!(model.cluster_sizes(), [500, 500]);
/// assert_eq!(model.score(x.view())?, -model.inertia());
/// assert!(model.inertia() < 1.05 * 2000.0 / 3.0); // the best is about 2/3 a sample
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MiniBatchModel<T: Real> {
    centroids: Matrix<T>,
    center: Vec<T>,
    labels: Vec<usize>,
    cluster_sizes: Vec<usize>,
    inertia: f64,
    n_steps: usize,
    converged: bool,
}

impl<T: Real> MiniBatchModel<T> {
    pub(super) fn new(
        means: Means<T>,
        labels: &[u32],
        inertia: f64,
        n_steps: usize,
        converged: bool,
    ) -> Self {
        let Means { centroids, center, .. } = means;
        let cluster_sizes = assign::sizes(labels, centroids.n_rows());
        let labels = assign::widen(labels);
        Self { centroids, center, labels, cluster_sizes, inertia, n_steps, converged }
    }

    /// The centroids, one row per cluster.
    pub fn centroids(&self) -> MatrixView<'_, T> {
        self.centroids.view()
    }

    /// The cluster of each sample of the table; none after a stream.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The sum of the squared distances of the labelled samples from their centroids, each times
    /// its weight.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Batches that were seen.
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// Whether the steps ended before `max_iter` made them; a stream's never do.
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

    /// The number of labelled samples in each cluster.
    pub fn cluster_sizes(&self) -> &[usize] {
        &self.cluster_sizes
    }

    /// The cluster whose centroid is nearest to each row of `x`, ties to the smallest index.
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
    /// use purlin_cluster::{Matrix, MatrixView, MiniBatchKMeans};
    ///
    /// let x = Matrix::from_fn(1000, 1, |i, _| (i % 2 * 100 + i / 2 % 3) as f64);
    /// let model = MiniBatchKMeans::new(2).batch_size(100).fit(x.view())?;
    /// let new = model.predict(MatrixView::from_rows(&[[-5.0], [70.0]]))?;
    /// assert_eq!(new, model.labels()[..2]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        check::features(OP, x, self.n_features())?;
        assign::check_squares(OP, x)?;
        Ok(assign::widen(&assign::nearest(x, self.centroids.view(), &self.center)))
    }

    /// The inertia of new rows, negated: the greater, the better.
    ///
    /// # Errors
    ///
    /// As [`MiniBatchModel::predict`].
    pub fn score(&self, x: MatrixView<'_, T>) -> Result<f64> {
        check::features(OP, x, self.n_features())?;
        assign::check_squares(OP, x)?;
        let labels = assign::nearest(x, self.centroids.view(), &self.center);
        Ok(-assign::inertia(x, self.centroids.view(), &labels, None))
    }
}

impl<T: Real> Clusterer<T> for MiniBatchKMeans {
    type Model = MiniBatchModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<MiniBatchModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for MiniBatchModel<T> {
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

impl<T: Real> Predict<T> for MiniBatchModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
