//! What is found.

use super::{MeanShift, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{Metric, SpatialIndex, assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The centres that [`MeanShift::fit`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, MeanShift};
///
/// let x = [[0.0], [1.0], [9.0], [10.0], [11.0]];
/// let model = MeanShift::new().bandwidth(2.0).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.centers(), MatrixView::from_rows(&[[10.0], [0.5]])); // most samples first
/// assert_eq!(model.labels(), [1, 1, 0, 0, 0].map(Some));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MeanShiftModel<T: Real> {
    pub(super) centers: Matrix<T>,
    pub(super) labels: Vec<Option<usize>>,
    pub(super) bandwidth: f64,
    pub(super) cluster_all: bool,
    pub(super) n_iter: usize,
}

impl<T: Real> MeanShiftModel<T> {
    /// The centres, one row per cluster, those with the most samples around them first.
    pub fn centers(&self) -> MatrixView<'_, T> {
        self.centers.view()
    }

    /// The cluster of each sample, `None` for one farther than the bandwidth from all centres,
    /// unless [`MeanShift::cluster_all`] is set.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// The radius of a neighbourhood: the one set, or the estimate.
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// The moves of the point that took the longest, without its last one.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.centers.n_rows()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.centers.n_cols()
    }

    /// The centre nearest to each row of `x`, ties to the first; `None` beyond the bandwidth, unless
    /// [`MeanShift::cluster_all`] is set.
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
    /// use purlin_cluster::{MatrixView, MeanShift};
    ///
    /// let x = [[0.0], [1.0], [9.0], [10.0], [10.5]];
    /// let model = MeanShift::new().bandwidth(2.0).fit(MatrixView::from_rows(&x))?;
    /// let new = [[-1.0], [8.0]];
    /// assert_eq!(model.predict(MatrixView::from_rows(&new))?, [Some(1), Some(0)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        check::features(OP, x, self.n_features())?;
        // In double precision, as the points climb.
        let x = x.cast::<f64>();
        assign::check_squares(OP, x.view())?;
        let index = SpatialIndex::new(self.centers.cast::<f64>().view(), Metric::Euclidean)?;
        let nearest = index.nearest_batch(x.view(), 1)?;
        let label = |i: usize| {
            let center = nearest[i].first()?;
            let is_near = self.cluster_all || center.distance <= self.bandwidth;
            is_near.then_some(center.index)
        };
        Ok((0..x.n_rows()).map(label).collect())
    }
}

impl<T: Real> Clusterer<T> for MeanShift {
    type Model = MeanShiftModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<MeanShiftModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for MeanShiftModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.clone()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters()
    }
}

impl<T: Real> Predict<T> for MeanShiftModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        self.predict(x)
    }
}
