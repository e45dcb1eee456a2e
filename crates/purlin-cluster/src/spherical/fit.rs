//! The rounds, on rows of length 1.

use super::unit::unit_rows;
use super::{OP, SphericalKMeans, SphericalModel};
use crate::kmeans::Space;
use crate::{Init, check};
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

impl SphericalKMeans {
    /// Finds the directions of the rows of `x`.
    ///
    /// Running out of `max_iter` is not an error; ask [`SphericalModel::converged`].
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a parameter is out of its range, a row of `x` or a given centroid
    ///   is 0 throughout, or a cluster is without samples where that is an error.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `n_clusters`.
    /// - [`Error::Shape`]: `x` has no column, or given centroids do not fit it, or there are fewer
    ///   distinct directions than clusters.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<SphericalModel<T>> {
        self.run(x, None)
    }

    /// [`SphericalKMeans::fit`] with a weight for each sample: a weight of 2 counts as two samples
    /// in one place, a weight of 0 as none.
    ///
    /// # Errors
    ///
    /// As [`SphericalKMeans::fit`]; and when a weight is negative or not finite, all are 0, or there
    /// is not one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, SphericalKMeans};
    ///
    /// let x = [[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]];
    /// let model =
    ///     SphericalKMeans::new(1).fit_weighted(MatrixView::from_rows(&x), &[3.0, 4.0, 0.0])?;
    /// assert_eq!(model.centroids().row(0), [0.6, 0.8]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_weighted<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<SphericalModel<T>> {
        self.run(x, Some(sample_weight))
    }

    fn run<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
    ) -> Result<SphericalModel<T>> {
        self.check()?;
        check::table(OP, x, self.n_clusters)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, x.n_rows())?;
        }
        let init = match &self.init {
            Init::Centroids(given) => Init::Centroids(self.unit_centroids(given, x.n_cols())?),
            other => other.clone(),
        };
        let unit = unit_rows("x", x)?;
        let stream = Stream::new(self.seed, OP);
        let kmeans = self.on_sphere(init);
        kmeans.run_as(OP, Space::Sphere, unit.view(), weights, &stream).map(SphericalModel::new)
    }

    fn unit_centroids(&self, given: &Matrix<f64>, d: usize) -> Result<Matrix<f64>> {
        let k = self.n_clusters;
        if given.shape() != (k, d) {
            let (rows, columns) = given.shape();
            let got = format!("({rows}, {columns})");
            return Err(Error::shape(OP, format!("centroids ({k}, {d})"), got));
        }
        given.view().check_finite(OP, "centroids")?;
        unit_rows("centroids", given.view())
    }
}
