//! The tree of merges.

mod cophenetic;
mod cut;
mod inconsistency;
mod leaf_order;
mod linkage_matrix;
mod newick;

pub use inconsistency::Inconsistency;

/// The operation's name in errors.
const OP: &str = "dendrogram";

/// Two clusters that became one.
///
/// Cluster `i` below `n_samples` is sample `i`; `n_samples + i` is what merge `i` made.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView, Merge};
///
/// let x = [[0.0], [1.0], [4.0]];
/// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
/// // Sample 2 joins cluster 3, which the first merge made.
/// assert_eq!(tree.merges()[1], Merge { left: 2, right: 3, dissimilarity: 3.0, size: 3 });
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The cluster with the smaller number, unless the tree was
    /// [reordered](Dendrogram::reordered) or read so.
    pub left: usize,
    /// The other.
    pub right: usize,
    /// How unlike they were: the height of the merge.
    pub dissimilarity: f64,
    /// Samples of both together.
    pub size: usize,
}

/// The binary tree that hierarchical clustering gives: `n_samples - 1` merges.
///
/// | value | shape | what |
/// |---|---|---|
/// | [`merges`](Self::merges) | `(n_samples - 1,)` | in the order in which they happen |
/// | [`linkage_matrix`](Self::linkage_matrix) | `(n_samples - 1, 4)` | the same as scipy writes it |
/// | [`cut`](Self::cut) | `(n_samples,)` | a cluster for each sample |
///
/// A cluster has a smaller number than the one it becomes a part of, so that all walks are loops
/// over the merges: a chain of a million samples is as good as any other tree.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
///
/// let x = [[0.0], [1.0], [10.0], [12.0]];
/// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(tree.heights(), [1.0, 2.0, 9.0]);
/// assert_eq!(tree.cut(2)?, [0, 0, 1, 1]);
/// assert_eq!(tree.cut_height(1.5), [0, 0, 1, 2]);
/// assert_eq!(tree.newick(&["a", "b", "c", "d"])?, "((a:1,b:1):8,(c:2,d:2):7);");
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dendrogram {
    n_samples: usize,
    merges: Vec<Merge>,
}

impl Dendrogram {
    /// From merges whose clusters are numbered as [`Merge`] says.
    pub(crate) fn new(n_samples: usize, merges: Vec<Merge>) -> Self {
        debug_assert_eq!(merges.len() + 1, n_samples.max(1));
        Self { n_samples, merges }
    }

    /// From pairs of samples, one of each side, in the order in which their clusters merge.
    pub(crate) fn from_pairs(
        n_samples: usize,
        pairs: impl Iterator<Item = (u32, u32, f64)>,
    ) -> Self {
        let mut parents: Vec<u32> = (0..n_samples as u32).collect();
        // Of each root: its cluster and the samples in it.
        let mut clusters: Vec<(usize, usize)> = (0..n_samples).map(|i| (i, 1)).collect();
        let mut merges = Vec::with_capacity(n_samples.saturating_sub(1));
        for (i, (a, b, dissimilarity)) in pairs.enumerate() {
            let (a, b) = (root(&mut parents, a), root(&mut parents, b));
            debug_assert_ne!(a, b);
            let ((one, n_one), (other, n_other)) = (clusters[a as usize], clusters[b as usize]);
            let size = n_one + n_other;
            let (left, right) = (one.min(other), one.max(other));
            merges.push(Merge { left, right, dissimilarity, size });
            let (large, small) = if n_one >= n_other { (a, b) } else { (b, a) };
            parents[small as usize] = large;
            clusters[large as usize] = (n_samples + i, size);
        }
        Self::new(n_samples, merges)
    }

    /// The number of samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// The merges, in the order in which they happen.
    pub fn merges(&self) -> &[Merge] {
        &self.merges
    }

    /// The dissimilarity of each merge.
    pub fn heights(&self) -> Vec<f64> {
        self.merges.iter().map(|merge| merge.dissimilarity).collect()
    }

    /// The merge that made a cluster; `None` for a sample.
    fn merge_of(&self, cluster: usize) -> Option<&Merge> {
        self.merges.get(cluster.checked_sub(self.n_samples)?)
    }

    /// The height of a cluster; a sample has 0.
    fn height_of(&self, cluster: usize) -> f64 {
        self.merge_of(cluster).map_or(0.0, |merge| merge.dissimilarity)
    }

    /// Merges that lie below one of their parts. Centroid and median linkage have them.
    pub fn n_inversions(&self) -> usize {
        let is_inverted = |merge: &&Merge| {
            let parts = [merge.left, merge.right].map(|part| self.merge_of(part));
            parts.into_iter().flatten().any(|part| part.dissimilarity > merge.dissimilarity)
        };
        self.merges.iter().filter(is_inverted).count()
    }

    /// Whether no merge lies below one of its parts.
    pub fn is_monotone(&self) -> bool {
        self.n_inversions() == 0
    }

    /// The samples from left to right, so that every cluster is a run.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [10.0], [1.0], [12.0]];
    /// let tree = Agglomerative::new(Linkage::Average).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(tree.leaf_order(), [0, 2, 1, 3]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn leaf_order(&self) -> Vec<usize> {
        let mut order = vec![0; self.n_samples];
        for (sample, place) in self.places().into_iter().enumerate().take(self.n_samples) {
            order[place] = sample;
        }
        order
    }

    /// Where the run of each cluster begins in [`Dendrogram::leaf_order`].
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.n_samples + self.merges.len()];
        for (i, merge) in self.merges.iter().enumerate().rev() {
            let place = places[self.n_samples + i];
            places[merge.left] = place;
            places[merge.right] = place + self.size_of(merge.left);
        }
        places
    }

    fn size_of(&self, cluster: usize) -> usize {
        self.merge_of(cluster).map_or(1, |merge| merge.size)
    }
}

/// The root of `a`; the way there is halved.
fn root(parents: &mut [u32], mut a: u32) -> u32 {
    while parents[a as usize] != a {
        let parent = parents[parents[a as usize] as usize];
        parents[a as usize] = parent;
        a = parent;
    }
    a
}
