//! What is found of samples whose numbers are not known.

use super::{Found, NOISE};

/// The clusters that [`Dbscan::fit_precomputed`](super::Dbscan::fit_precomputed) and
/// [`Dbscan::fit_graph`](super::Dbscan::fit_graph) found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{CondensedMatrix, Dbscan};
///
/// let distances = CondensedMatrix::from_vec(3, vec![1.0, 9.0, 8.0])?;
/// let clusters = Dbscan::new(2.0, 2).fit_precomputed(&distances)?;
/// assert_eq!((clusters.n_clusters(), clusters.n_noise()), (1, 1));
/// assert_eq!(clusters.core_sample_indices(), [0, 1]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbscanClusters {
    labels: Vec<Option<usize>>,
    core_sample_indices: Vec<usize>,
    n_clusters: usize,
    n_noise: usize,
}

impl DbscanClusters {
    pub(super) fn new(found: &Found) -> Self {
        let Found { is_core, labels, n_clusters } = found;
        let label = |&label: &u32| (label != NOISE).then_some(label as usize);
        let labels: Vec<Option<usize>> = labels.iter().map(label).collect();
        Self {
            n_noise: labels.iter().filter(|label| label.is_none()).count(),
            core_sample_indices: (0..labels.len()).filter(|&i| is_core[i]).collect(),
            labels,
            n_clusters: *n_clusters,
        }
    }

    /// The cluster of each sample, `None` for noise.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// The cores, in increasing order.
    pub fn core_sample_indices(&self) -> &[usize] {
        &self.core_sample_indices
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// The number of samples in no cluster.
    pub fn n_noise(&self) -> usize {
        self.n_noise
    }
}
