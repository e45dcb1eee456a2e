//! What is found.

use super::{Dbscan, DbscanClusters, Found, NeighborSearch, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{Metric, Neighbor, SpatialIndex, check};
use purlin_core::{Matrix, MatrixView, Real, Result};
use std::sync::OnceLock;

/// The clusters that [`Dbscan::fit`] found.
///
/// It holds a copy of the cores, for new samples. The first [`DbscanModel::predict`] sorts another
/// copy into a [`SpatialIndex`], which stays for those that follow: who only wants the labels pays
/// for neither the time nor the memory.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Dbscan, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [9.0]];
/// let model = Dbscan::new(1.0, 3).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.labels(), [Some(0), Some(0), Some(0), None]);
/// assert_eq!(model.core_sample_indices(), [1]); // 0 and 2 are on its border
/// assert_eq!((model.n_clusters(), model.n_noise()), (1, 1));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DbscanModel<T: Real> {
    eps: f64,
    metric: Metric,
    algorithm: NeighborSearch,
    clusters: DbscanClusters,
    cores: Cores<T>,
}

/// The rows of the cores.
#[derive(Debug, Clone)]
struct Cores<T: Real> {
    rows: Matrix<T>,
    index: OnceLock<SpatialIndex<T>>,
}

impl<T: Real> Cores<T> {
    fn index(&self, metric: &Metric) -> Result<&SpatialIndex<T>> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = SpatialIndex::new(self.rows.view(), metric.clone())?;
        Ok(self.index.get_or_init(|| index))
    }
}

/// The index is made of the rows.
impl<T: Real> PartialEq for Cores<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<T: Real> DbscanModel<T> {
    pub(super) fn new(
        dbscan: &Dbscan,
        x: MatrixView<'_, T>,
        found: &Found,
        algorithm: NeighborSearch,
    ) -> Self {
        let clusters = DbscanClusters::new(found);
        Self {
            eps: dbscan.eps,
            metric: dbscan.metric.clone(),
            algorithm,
            cores: Cores {
                rows: x.select_rows(clusters.core_sample_indices()),
                index: OnceLock::new(),
            },
            clusters,
        }
    }

    /// The cluster of each sample, `None` for noise.
    pub fn labels(&self) -> &[Option<usize>] {
        self.clusters.labels()
    }

    /// The cores, in increasing order.
    pub fn core_sample_indices(&self) -> &[usize] {
        self.clusters.core_sample_indices()
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.clusters.n_clusters()
    }

    /// The number of samples in no cluster.
    pub fn n_noise(&self) -> usize {
        self.clusters.n_noise()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.cores.rows.n_cols()
    }

    /// The radius of a neighbourhood.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// The search that ran, never `Auto`.
    pub fn algorithm(&self) -> NeighborSearch {
        self.algorithm
    }

    /// The cluster of the core nearest to each row of `x` (ties to the smallest index), `None`
    /// where none lies within `eps`.
    ///
    /// For the samples themselves it gives the labels of cores and noise again; a border sample
    /// may be nearer to a core of another cluster than the one it was given to.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `x` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when it is nothing that the metric takes,
    /// or squared distances could overflow.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Dbscan, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [9.0], [10.0]];
    /// let model = Dbscan::new(1.5, 2).fit(MatrixView::from_rows(&x))?;
    /// let new = [[-1.0], [5.0], [11.5]];
    /// assert_eq!(model.predict(MatrixView::from_rows(&new))?, [Some(0), None, Some(1)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        check::features(OP, x, self.n_features())?;
        self.metric.check_table(OP, x)?;
        check::squares(OP, x, &self.metric)?;
        if self.cores.rows.n_rows() == 0 {
            return Ok(vec![None; x.n_rows()]);
        }
        let index = self.cores.index(&self.metric)?;
        let label = |nearest: &Vec<Neighbor<T>>| {
            let nearest = nearest.first().filter(|core| core.distance.to_f64() <= self.eps)?;
            self.labels()[self.core_sample_indices()[nearest.index]]
        };
        Ok(index.nearest_batch(x, 1)?.iter().map(label).collect())
    }
}

impl<T: Real> Clusterer<T> for Dbscan {
    type Model = DbscanModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<DbscanModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for DbscanModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels().to_vec()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters()
    }
}

impl<T: Real> Predict<T> for DbscanModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        self.predict(x)
    }
}
