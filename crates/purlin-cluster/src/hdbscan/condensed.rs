//! The hierarchy without what falls off.

use crate::Dendrogram;

/// Something leaves a cluster: a sample, or one of the two that the cluster splits into.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{CondensedRow, Hdbscan, MatrixView};
///
/// let x = [[0.0], [1.0], [10.0], [11.0], [12.0]];
/// let model = Hdbscan::new(2).min_samples(1).fit(MatrixView::from_rows(&x))?;
/// let first = model.condensed_tree().rows()[0]; // the root splits at distance 9
/// assert_eq!(first, CondensedRow { parent: 5, child: 6, lambda: 1.0 / 9.0, size: 2 });
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CondensedRow {
    /// The cluster that is left: `n_samples` and above.
    pub parent: usize,
    /// The sample below `n_samples`, else the cluster.
    pub child: usize,
    /// The density, one over the distance, at which this happens; infinite at distance 0.
    pub lambda: f64,
    /// Samples of the child.
    pub size: usize,
}

/// A dendrogram in which only clusters of at least `min_cluster_size` samples count: seen from the
/// root, a split into two of them ends a cluster and begins two, in any other some samples leave
/// and the cluster goes on.
///
/// Cluster `n_samples` is the root; a cluster has a greater number than the one that it comes from.
/// Every sample and every cluster but the root is the child of one row.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Hdbscan, MatrixView};
///
/// let x = [[0.0], [1.0], [10.0], [11.0], [12.0]];
/// let model = Hdbscan::new(2).min_samples(1).fit(MatrixView::from_rows(&x))?;
/// let tree = model.condensed_tree();
/// assert_eq!(tree.n_clusters(), 3);
/// let split: Vec<usize> = tree.rows().iter().filter(|row| row.child > 5).map(|row| row.size).collect();
/// assert_eq!(split, [2, 3]);
/// assert!(tree.rows().iter().all(|row| row.child < 5 || row.lambda == 1.0 / 9.0));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CondensedTree {
    n_samples: usize,
    rows: Vec<CondensedRow>,
    /// The cluster of the row that each sample is the child of, counted from the root as 0.
    pub(super) parents: Vec<u32>,
    /// The density of this row.
    pub(super) lambdas: Vec<f64>,
    pub(super) clusters: Vec<Cluster>,
}

/// A cluster of the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cluster {
    /// The one it comes from; the root from itself.
    pub(super) parent: u32,
    /// The density at which it begins.
    pub(super) birth: f64,
    pub(super) size: usize,
    /// The greatest density at which something leaves it, 0 if nothing does.
    pub(super) death: f64,
    /// The sum of `(lambda - birth) * size` over its rows.
    pub(super) stability: f64,
}

impl Cluster {
    fn new(parent: u32, birth: f64, size: usize) -> Self {
        Self { parent, birth, size, death: 0.0, stability: 0.0 }
    }
}

impl CondensedTree {
    pub(super) fn new(tree: &Dendrogram, min_cluster_size: usize) -> Self {
        let n = tree.n_samples();
        let mut condensed = Self {
            n_samples: n,
            rows: Vec::with_capacity(n + n / min_cluster_size),
            parents: vec![0; n],
            lambdas: vec![0.0; n],
            clusters: vec![Cluster::new(0, 0.0, n)],
        };
        let merges = tree.merges();
        if merges.is_empty() {
            condensed.leave(0, 0, 0.0);
        }
        let size_of = |node: usize| if node < n { 1 } else { merges[node - n].size };
        // For each merge the cluster it is in, or has left, and the density of that.
        let mut clusters = vec![0; merges.len()];
        let mut left_at = vec![None; merges.len()];
        for (i, merge) in merges.iter().enumerate().rev() {
            let (cluster, lambda) = (clusters[i], 1.0 / merge.dissimilarity);
            let parts = [merge.left, merge.right];
            let is_split =
                left_at[i].is_none() && parts.iter().all(|&part| size_of(part) >= min_cluster_size);
            for part in parts {
                let goes_on = left_at[i].is_none() && size_of(part) >= min_cluster_size;
                let (cluster, left) = if is_split {
                    (condensed.begin(cluster, lambda, size_of(part)), None)
                } else if goes_on {
                    (cluster, None)
                } else {
                    (cluster, Some(left_at[i].unwrap_or(lambda)))
                };
                match part.checked_sub(n) {
                    Some(merge) => (clusters[merge], left_at[merge]) = (cluster, left),
                    None => condensed.leave(cluster, part, left.unwrap_or(lambda)),
                }
            }
        }
        condensed
    }

    /// A row of a new cluster.
    fn begin(&mut self, parent: u32, lambda: f64, size: usize) -> u32 {
        let cluster = self.clusters.len();
        self.push(parent, self.n_samples + cluster, lambda, size);
        self.clusters.push(Cluster::new(parent, lambda, size));
        cluster as u32
    }

    /// A row of a sample.
    fn leave(&mut self, parent: u32, sample: usize, lambda: f64) {
        self.push(parent, sample, lambda, 1);
        self.parents[sample] = parent;
        self.lambdas[sample] = lambda;
    }

    fn push(&mut self, parent: u32, child: usize, lambda: f64, size: usize) {
        let cluster = &mut self.clusters[parent as usize];
        // What begins at distance 0 cannot grow denser.
        if cluster.birth < lambda {
            cluster.stability += (lambda - cluster.birth) * size as f64;
        }
        cluster.death = cluster.death.max(lambda);
        self.rows.push(CondensedRow {
            parent: self.n_samples + parent as usize,
            child,
            lambda,
            size,
        });
    }

    /// What leaves what, in the order of the merges from the root on.
    pub fn rows(&self) -> &[CondensedRow] {
        &self.rows
    }

    /// The number of samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// The number of clusters, the root among them.
    pub fn n_clusters(&self) -> usize {
        self.clusters.len()
    }

    /// The stability of each cluster, the root first: the sum of `(lambda - birth) * size` over what
    /// leaves it, where `birth` is the density at which it begins.
    pub fn stabilities(&self) -> Vec<f64> {
        self.clusters.iter().map(|cluster| cluster.stability).collect()
    }

    /// The tree of clusters alone, from the last to the first but the root: what is below comes
    /// before what is above.
    pub(super) fn upwards(&self) -> impl Iterator<Item = usize> + use<> {
        (1..self.clusters.len()).rev()
    }
}
