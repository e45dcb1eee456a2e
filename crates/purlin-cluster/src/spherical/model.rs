//! What is found.

use super::unit::unit_rows;
use super::{OP, SphericalKMeans};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{KMeansModel, StopReason, assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The clusters that [`SphericalKMeans`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, SphericalKMeans};
///
/// let x = [[1.0, 0.0], [5.0, 0.0], [0.0, 0.1], [0.0, 7.0]]; // two directions
/// let model = SphericalKMeans::new(2).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.labels()[0], model.labels()[1]);
/// assert_eq!(model.centroids().row(model.labels()[2]), [0.0, 1.0]);
/// assert_eq!(model.objective(), 0.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SphericalModel<T: Real> {
    /// The clusters of the scaled rows.
    unit: KMeansModel<T>,
}

impl<T: Real> SphericalModel<T> {
    pub(super) fn new(unit: KMeansModel<T>) -> Self {
        Self { unit }
    }

    /// The centroids, one row of length 1 per cluster.
    pub fn centroids(&self) -> MatrixView<'_, T> {
        self.unit.centroids()
    }

    /// The cluster of each sample.
    pub fn labels(&self) -> &[usize] {
        self.unit.labels()
    }

    /// The sum over the samples of 1 less the cosine of the angle to the centroid, each times its
    /// weight.
    pub fn objective(&self) -> f64 {
        self.unit.inertia() / 2.0
    }

    /// Rounds that were done, the last one included.
    pub fn n_iter(&self) -> usize {
        self.unit.n_iter()
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.unit.n_clusters()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.unit.n_features()
    }

    /// The number of samples in each cluster.
    pub fn cluster_sizes(&self) -> &[usize] {
        self.unit.cluster_sizes()
    }

    /// Why the rounds ended.
    pub fn stop_reason(&self) -> StopReason {
        self.unit.stop_reason()
    }

    /// Whether the rounds ended before `max_iter` made them.
    pub fn converged(&self) -> bool {
        self.unit.converged()
    }

    /// Which of the `n_init` starts this is.
    pub fn best_init(&self) -> usize {
        self.unit.best_init()
    }

    /// The cluster whose centroid lies in the direction closest to that of each row of `x`, ties to
    /// the smallest index.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `x` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when a row is 0 throughout.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Init, Matrix, MatrixView, SphericalKMeans};
    ///
    /// let start = Init::Centroids(Matrix::from_rows(&[[1.0, 0.0], [0.0, 1.0]]));
    /// let x = [[1.0, 0.0], [0.0, 1.0]];
    /// let model = SphericalKMeans::new(2).init(start).fit(MatrixView::from_rows(&x))?;
    /// let new = [[1e-9, 1e-8], [300.0, 20.0]];
    /// assert_eq!(model.predict(MatrixView::from_rows(&new))?, [1, 0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        self.unit.predict(self.scaled(x)?.view())
    }

    /// The cosine distance, 1 less the cosine, of each row of `x` from each centroid:
    /// `(n_rows, n_clusters)`.
    ///
    /// # Errors
    ///
    /// As [`SphericalModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, SphericalKMeans};
    ///
    /// let x = [[7.0, 0.0]];
    /// let model = SphericalKMeans::new(1).fit(MatrixView::from_rows(&x))?;
    /// let new = [[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]];
    /// assert_eq!(model.transform(MatrixView::from_rows(&new))?.as_slice(), [0.0, 1.0, 2.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn transform(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        let half = |squared: T| squared * T::from_f64(0.5);
        Ok(assign::squared_distances(self.scaled(x)?.view(), self.centroids(), half))
    }

    /// The objective of new rows, negated: the greater, the better.
    ///
    /// # Errors
    ///
    /// As [`SphericalModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, SphericalKMeans};
    ///
    /// let x = [[1.0, 0.0]];
    /// let model = SphericalKMeans::new(1).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.score(MatrixView::from_rows(&[[5.0, 0.0], [0.0, 2.0]]))?, -1.0); // 0 and 1
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn score(&self, x: MatrixView<'_, T>) -> Result<f64> {
        Ok(self.unit.score(self.scaled(x)?.view())? / 2.0)
    }

    fn scaled(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        check::features(OP, x, self.n_features())?;
        unit_rows("x", x)
    }
}

impl<T: Real> Clusterer<T> for SphericalKMeans {
    type Model = SphericalModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<SphericalModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for SphericalModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels().iter().copied().map(Some).collect()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters()
    }
}

impl<T: Real> Predict<T> for SphericalModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
