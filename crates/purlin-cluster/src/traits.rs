//! What generic callers need of an algorithm and of its models.

use purlin_core::{MatrixView, Real, Result};

/// An algorithm with its parameters, ready to be fitted.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Clusterer, Clustering, KMeans, Result};
/// use purlin_core::MatrixView;
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
pub trait Clustering<T: Real> {
    /// Columns of the table that was clustered.
    fn n_features(&self) -> usize;

    /// The cluster of each row, `None` for noise.
    fn labels(&self) -> Vec<Option<usize>>;

    /// The number of clusters.
    fn n_clusters(&self) -> usize;
}

/// A clustering that tells where new rows belong.
pub trait Predict<T: Real>: Clustering<T> {
    /// The cluster of each row of `x`, `None` for noise.
    ///
    /// # Errors
    ///
    /// As the model's own `predict`.
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>>;
}
