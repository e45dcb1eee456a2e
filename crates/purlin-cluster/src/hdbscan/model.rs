//! What is found.

use super::condensed::CondensedTree;
use super::predict::probability;
use super::reachability::{Reachability, SpanningEdge};
use super::select::{Labels, select};
use super::{Hdbscan, OP, outlier};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{Dendrogram, SpatialIndex};
use purlin_core::{MatrixView, Real, Result};

/// The clusters that [`Hdbscan::fit`] found, and how. It holds a copy of the samples, for new ones.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Hdbscan, MatrixView};
///
/// let x = [[0.0], [0.1], [0.2], [10.0], [12.0], [14.0], [50.0]];
/// let model = Hdbscan::new(3).min_samples(2).fit(MatrixView::from_rows(&x))?;
/// assert_eq!((model.n_clusters(), model.n_noise()), (2, 1));
/// assert!(model.stabilities()[0] > model.stabilities()[1]); // the denser cluster lasts longer
/// assert_eq!(model.core_distances()[6], 36.0);
/// assert_eq!(model.hierarchy().heights()[5], 36.0); // the last merge
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HdbscanModel<T: Real> {
    pub(super) min_samples: usize,
    pub(super) alpha: f64,
    /// None of a model that was fitted on distances.
    pub(super) index: Option<SpatialIndex<T>>,
    pub(super) core_distances: Vec<T>,
    edges: Vec<SpanningEdge>,
    hierarchy: Dendrogram,
    pub(super) tree: CondensedTree,
    pub(super) chosen: Labels,
    /// The label of each chosen cluster of the tree.
    pub(super) numbers: Vec<Option<usize>>,
    labels: Vec<Option<usize>>,
    probabilities: Vec<f64>,
    outlier_scores: Vec<f64>,
    stabilities: Vec<f64>,
}

impl<T: Real> HdbscanModel<T> {
    pub(super) fn new(
        params: &Hdbscan,
        index: Option<SpatialIndex<T>>,
        found: Reachability<T>,
    ) -> Self {
        let Reachability { cores: core_distances, edges } = found;
        let pairs = edges.iter().map(|edge| (edge.a as u32, edge.b as u32, edge.weight));
        let hierarchy = Dendrogram::from_pairs(core_distances.len(), pairs);
        let tree = CondensedTree::new(&hierarchy, params.min_cluster_size);
        let chosen = Labels::new(&tree, &select(&tree, params), params);
        let mut numbers = vec![None; tree.n_clusters()];
        let (mut stabilities, mut labels, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
        for (&cluster, &lambda) in tree.parents.iter().zip(&tree.lambdas) {
            let Some(cluster) = chosen.of(cluster, lambda) else {
                labels.push(None);
                probabilities.push(0.0);
                continue;
            };
            let label = *numbers[cluster as usize].get_or_insert_with(|| {
                stabilities.push(tree.clusters[cluster as usize].stability);
                stabilities.len() - 1
            });
            labels.push(Some(label));
            probabilities.push(probability(&tree, cluster, lambda));
        }
        Self {
            min_samples: params.min_samples_or_default(),
            alpha: params.alpha,
            index,
            core_distances,
            edges,
            hierarchy,
            outlier_scores: outlier::scores(&tree),
            tree,
            chosen,
            numbers,
            labels,
            probabilities,
            stabilities,
        }
    }

    /// The cluster of each sample, `None` for noise. Clusters are numbered by their first sample.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// How strongly each sample belongs to its cluster: the density at which it leaves over the
    /// greatest at which any does, at most 1; 0 for noise.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// From 0 to 1, how much sparser each sample is than the densest part of the cluster that it
    /// leaves (GLOSH); not only for noise.
    pub fn outlier_scores(&self) -> &[f64] {
        &self.outlier_scores
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.stabilities.len()
    }

    /// The number of samples in no cluster.
    pub fn n_noise(&self) -> usize {
        self.labels.iter().filter(|label| label.is_none()).count()
    }

    /// The number of columns; 0 of a model that was fitted on distances.
    pub fn n_features(&self) -> usize {
        self.index.as_ref().map_or(0, SpatialIndex::n_features)
    }

    /// The stability of each cluster: the sum over its samples of the densities through which they
    /// stay in it.
    pub fn stabilities(&self) -> &[f64] {
        &self.stabilities
    }

    /// The tree that the clusters were chosen from.
    pub fn condensed_tree(&self) -> &CondensedTree {
        &self.tree
    }

    /// The number of each cluster in the condensed tree, by label.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Hdbscan, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [10.0], [11.0], [12.0]];
    /// let model = Hdbscan::new(2).min_samples(1).fit(MatrixView::from_rows(&x))?;
    /// let rows = model.condensed_tree().rows();
    /// for (&cluster, n_samples) in model.selected_clusters().iter().zip([2, 3]) {
    ///     assert!(rows.iter().any(|row| row.child == cluster && row.size == n_samples));
    /// }
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn selected_clusters(&self) -> Vec<usize> {
        let mut clusters = vec![0; self.n_clusters()];
        for (cluster, label) in self.numbers.iter().enumerate() {
            if let Some(label) = label {
                clusters[*label] = self.tree.n_samples() + cluster;
            }
        }
        clusters
    }

    /// The single linkage tree of mutual reachability distances.
    pub fn hierarchy(&self) -> &Dendrogram {
        &self.hierarchy
    }

    /// The minimum spanning tree of mutual reachability distances, the least edge first.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Hdbscan, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [5.0], [7.0]];
    /// let model = Hdbscan::new(2).min_samples(1).fit(MatrixView::from_rows(&x))?;
    /// let edges: Vec<_> = model.spanning_tree().iter().map(|e| (e.a, e.b, e.weight)).collect();
    /// assert_eq!(edges, [(0, 1, 1.0), (2, 3, 2.0), (1, 2, 4.0)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn spanning_tree(&self) -> &[SpanningEdge] {
        &self.edges
    }

    /// The distance of each sample to its `min_samples`-th nearest, itself counted.
    pub fn core_distances(&self) -> &[T] {
        &self.core_distances
    }
}

impl<T: Real> Clusterer<T> for Hdbscan {
    type Model = HdbscanModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<HdbscanModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for HdbscanModel<T> {
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

impl<T: Real> Predict<T> for HdbscanModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.labels)
    }
}
