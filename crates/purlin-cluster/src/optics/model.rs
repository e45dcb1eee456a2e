//! What is found.

use super::{ReachabilityPlot, Xi, XiClusters};
use crate::traits::Clustering;
use purlin_core::{Real, Result};

/// The order that [`Optics::fit`](super::Optics::fit) found, and its clusters.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Optics};
///
/// let x = [[0.0], [1.0], [9.0], [2.0]];
/// let model = Optics::new(2).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.ordering(), [0, 1, 3, 2]);
/// assert_eq!(model.reachability(), [f64::INFINITY, 1.0, 7.0, 1.0]); // by sample
/// assert_eq!(model.predecessor()[2], Some(3));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OpticsModel {
    plot: ReachabilityPlot,
    n_features: usize,
    labels: Vec<Option<usize>>,
    n_clusters: usize,
}

impl OpticsModel {
    pub(super) fn new(plot: ReachabilityPlot, n_features: usize, xi: &Xi) -> Result<Self> {
        let XiClusters { labels, n_clusters, .. } = plot.extract_xi(xi)?;
        Ok(Self { plot, n_features, labels, n_clusters })
    }

    /// The samples in the order of the walk.
    pub fn ordering(&self) -> &[usize] {
        self.plot.ordering()
    }

    /// How far each sample was from those before it; infinite where a walk began.
    pub fn reachability(&self) -> &[f64] {
        self.plot.reachability()
    }

    /// The distance of each sample to its `min_samples`-th nearest, itself counted; infinite where
    /// it is above `max_eps`.
    pub fn core_distances(&self) -> &[f64] {
        self.plot.core_distances()
    }

    /// From where each sample was reached.
    pub fn predecessor(&self) -> &[Option<usize>] {
        self.plot.predecessor()
    }

    /// All of these.
    pub fn plot(&self) -> &ReachabilityPlot {
        &self.plot
    }

    /// The cluster of each sample by the [`Xi`] of the parameters, `None` for noise.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// The number of clusters by the [`Xi`] of the parameters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// [`ReachabilityPlot::extract_dbscan`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn extract_dbscan(&self, eps: f64) -> Result<Vec<Option<usize>>> {
        self.plot.extract_dbscan(eps)
    }

    /// [`ReachabilityPlot::extract_xi`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn extract_xi(&self, xi: &Xi) -> Result<XiClusters> {
        self.plot.extract_xi(xi)
    }
}

impl<T: Real> Clustering<T> for OpticsModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.clone()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters
    }
}
