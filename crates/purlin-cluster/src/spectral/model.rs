//! What is found.

use super::{OP, SpectralClustering};
use crate::traits::{Clusterer, Clustering};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The clusters that [`SpectralClustering::fit`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Affinity, MatrixView, SpectralClustering};
///
/// let x = [[0.0], [0.5], [1.0], [6.0], [6.5], [7.0]];
/// let spectral = SpectralClustering::new(2).affinity(Affinity::NearestNeighbors(3));
/// let model = spectral.fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.eigenvalues(), [0.0, 0.0]); // two parts that nothing joins
/// assert_eq!(model.embedding().row(0), model.embedding().row(2)); // constant on each
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SpectralModel {
    pub(super) labels: Vec<usize>,
    pub(super) embedding: Matrix<f64>,
    pub(super) eigenvalues: Vec<f64>,
    pub(super) n_clusters: usize,
    pub(super) n_features: usize,
    pub(super) converged: bool,
    pub(super) n_products: usize,
}

impl SpectralModel {
    /// The cluster of each sample.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// What k-means saw: a row for each sample, a column for each eigenvector.
    pub fn embedding(&self) -> MatrixView<'_, f64> {
        self.embedding.view()
    }

    /// The eigenvalues of the Laplacian, rising; exactly 0 once for each connected part.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// The number of columns of the table; 0 where affinities were given.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Whether the residual of every eigenvector fell to `tol`. If not, the eigenvectors are those
    /// after some 100,000 steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// How many times the graph was multiplied with a block of vectors; 0 where it was decomposed
    /// at once, or no eigenvector was unknown.
    pub fn n_products(&self) -> usize {
        self.n_products
    }
}

impl<T: Real> Clusterer<T> for SpectralClustering {
    type Model = SpectralModel;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<SpectralModel> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for SpectralModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.iter().copied().map(Some).collect()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters
    }
}
