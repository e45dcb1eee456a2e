//! Few columns, for pictures.

use purlin_core::linalg::{Pca, PcaModel};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// Brings a table to a few columns, those directions in which it varies most: principal components.
///
/// The sign of a direction is free; it is chosen so that its greatest number (of equal ones the
/// first) is positive, and a picture looks the same wherever it is made.
///
/// # Examples
///
/// ```
/// use purlin_cluster::preprocessing::Projection;
/// use purlin_core::MatrixView;
///
/// let x = [[-3.0, -4.0, 0.0], [0.0, 0.0, 0.5], [3.0, 4.0, -0.5]];
/// let x = MatrixView::from_rows(&x);
/// let projection = Projection::new(2).fit(x)?;
/// assert!(projection.explained_variance_ratio()[0] > 0.98);
/// let plane = projection.transform(x)?;
/// assert_eq!(plane.shape(), (3, 2));
/// assert!(plane[(2, 0)] > plane[(0, 0)]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// As [`Pca`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct Projection {
    n_components: usize,
}

impl Projection {
    /// To `n_components` columns.
    pub fn new(n_components: usize) -> Self {
        Self { n_components }
    }

    /// Finds the directions.
    ///
    /// # Errors
    ///
    /// As [`Pca::fit`].
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<ProjectionModel> {
        let pca = Pca::new(self.n_components).fit(x)?;
        let sign = |row: &[f64]| {
            let greatest =
                row.iter().fold(0.0, |most: f64, x| if x.abs() > most.abs() { *x } else { most });
            if greatest < 0.0 { -1.0 } else { 1.0 }
        };
        let signs = pca.components().view().rows().map(sign).collect();
        Ok(ProjectionModel { pca, signs })
    }
}

/// The directions that [`Projection::fit`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionModel {
    pca: PcaModel,
    signs: Vec<f64>,
}

impl ProjectionModel {
    /// The directions, `(n_components, n_features)`: rows of length 1.
    pub fn components(&self) -> Matrix<f64> {
        let components = self.pca.components();
        let (n, d) = components.shape();
        Matrix::from_fn(n, d, |i, j| self.signs[i] * components[(i, j)])
    }

    /// The mean of each column, which is subtracted first.
    pub fn mean(&self) -> &[f64] {
        self.pca.mean()
    }

    /// The variance along each direction.
    pub fn explained_variance(&self) -> &[f64] {
        self.pca.explained_variance()
    }

    /// The share of the variance along each direction.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        self.pca.explained_variance_ratio()
    }

    /// The rows of `x` in the new columns, `(n, n_components)`.
    ///
    /// # Errors
    ///
    /// As [`PcaModel::transform`].
    pub fn transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<f64>> {
        let z = self.pca.transform(x)?;
        Ok(self.flipped(&z))
    }

    /// The points of the old space that rows in the new columns stand for.
    ///
    /// # Errors
    ///
    /// As [`PcaModel::inverse_transform`].
    pub fn inverse_transform<T: Real>(&self, z: MatrixView<'_, T>) -> Result<Matrix<f64>> {
        if z.n_cols() != self.signs.len() {
            return self.pca.inverse_transform(z); // an error, in its words
        }
        self.pca.inverse_transform(self.flipped(&z.cast()).view())
    }

    fn flipped(&self, z: &Matrix<f64>) -> Matrix<f64> {
        Matrix::from_fn(z.n_rows(), z.n_cols(), |i, j| self.signs[j] * z[(i, j)])
    }
}
