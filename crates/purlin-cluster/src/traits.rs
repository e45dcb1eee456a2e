//! What generic callers need of an algorithm and of its models.

use purlin_core::{MatrixView, Real, Result};

/// An algorithm with its parameters, ready to be fitted.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Clusterer, Clustering, KMeans, MatrixView, Result};
///
/// fn n_clusters(algorithm: &impl Clusterer<f64>, x: MatrixView<'_, f64>) -> Result<usize> {
///     Ok(algorithm.fit(x)?.n_clusters())
/// }
/// let x = [[0.0], [1.0], [9.0]];
/// assert_eq!(n_clusters(&KMeans::new(2), MatrixView::from_rows(&x))?, 2);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
pub trait Clusterer<T: Real> {
    /// What it fits.
    type Model: Clustering<T>;

    /// Its name in errors, `kmeans` for example.
    fn name(&self) -> &'static str;

    /// Clusters the rows of `x`.
    ///
    /// # Errors
    ///
    /// As the algorithm's own `fit`.
    fn fit(&self, x: MatrixView<'_, T>) -> Result<Self::Model>;
}

/// A partition of the rows of a table.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Clustering, Dbscan, KMeans, MatrixView};
///
/// fn n_noise(model: &impl Clustering<f64>) -> usize {
///     model.labels().iter().filter(|label| label.is_none()).count()
/// }
/// let x = [[0.0], [1.0], [9.0]];
/// let x = MatrixView::from_rows(&x);
/// assert_eq!(n_noise(&KMeans::new(2).fit(x)?), 0);
/// assert_eq!(n_noise(&Dbscan::new(2.0, 2).fit(x)?), 1);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
pub trait Clustering<T: Real> {
    /// Columns of the table that was clustered.
    fn n_features(&self) -> usize;

    /// The cluster of each row, `None` for noise.
    fn labels(&self) -> Vec<Option<usize>>;

    /// The number of clusters.
    fn n_clusters(&self) -> usize;
}

/// A clustering that tells where new rows belong.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Dbscan, KMeans, MatrixView, Predict, Result};
///
/// fn is_known(model: &impl Predict<f64>, row: [f64; 1]) -> Result<bool> {
///     Ok(model.predict(MatrixView::from_rows(&[row]))?[0].is_some())
/// }
/// let x = [[0.0], [1.0], [9.0]];
/// let x = MatrixView::from_rows(&x);
/// assert!(is_known(&KMeans::new(2).fit(x)?, [500.0])?);
/// assert!(!is_known(&Dbscan::new(2.0, 2).fit(x)?, [500.0])?);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
pub trait Predict<T: Real>: Clustering<T> {
    /// The cluster of each row of `x`, `None` for noise.
    ///
    /// # Errors
    ///
    /// As the model's own `predict`.
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>>;
}
