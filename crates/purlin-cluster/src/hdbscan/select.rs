//! The choice among the clusters of the tree.

use super::condensed::CondensedTree;
use super::{ClusterSelection, Hdbscan};

/// Which clusters of the tree are clusters of the model.
pub(super) fn select(tree: &CondensedTree, params: &Hdbscan) -> Vec<bool> {
    let mut is_chosen = match params.selection {
        ClusterSelection::ExcessOfMass => excess_of_mass(tree, params),
        ClusterSelection::Leaf => leaves(tree),
    };
    let n_chosen = is_chosen.iter().filter(|&&is_chosen| is_chosen).count();
    let is_root_alone = is_chosen[0] && n_chosen == 1;
    if params.cluster_selection_epsilon > 0.0 && !is_root_alone {
        is_chosen = climb(tree, &is_chosen, params);
    }
    is_chosen[0] &= params.allow_single_cluster;
    is_chosen
}

/// From below: the more stable of a cluster and all that were chosen below.
fn excess_of_mass(tree: &CondensedTree, params: &Hdbscan) -> Vec<bool> {
    let clusters = &tree.clusters;
    let most = params.max_cluster_size.unwrap_or(usize::MAX);
    let mut is_better = vec![false; clusters.len()];
    let mut below = vec![0.0; clusters.len()];
    let root = params.allow_single_cluster.then_some(0);
    for i in tree.upwards().chain(root) {
        is_better[i] = below[i] <= clusters[i].stability && clusters[i].size <= most;
        let stability = if is_better[i] { clusters[i].stability } else { below[i] };
        if i > 0 {
            below[clusters[i].parent as usize] += stability;
        }
    }
    topmost(tree, &is_better)
}

/// Those that are not below another.
fn topmost(tree: &CondensedTree, is_chosen: &[bool]) -> Vec<bool> {
    let mut is_below = vec![false; is_chosen.len()];
    for (i, cluster) in tree.clusters.iter().enumerate().skip(1) {
        let parent = cluster.parent as usize;
        is_below[i] = is_below[parent] || is_chosen[parent];
    }
    is_chosen.iter().zip(is_below).map(|(&is_chosen, is_below)| is_chosen && !is_below).collect()
}

/// Those that do not split.
fn leaves(tree: &CondensedTree) -> Vec<bool> {
    let mut is_leaf = vec![true; tree.clusters.len()];
    for cluster in &tree.clusters[1..] {
        is_leaf[cluster.parent as usize] = false;
    }
    is_leaf
}

/// Replaces clusters that begin at a distance below epsilon by the first above that does not.
///
/// C. Malzer, M. Baum, *A hybrid approach to hierarchical density-based cluster selection*, 2020.
fn climb(tree: &CondensedTree, is_chosen: &[bool], params: &Hdbscan) -> Vec<bool> {
    let (clusters, epsilon) = (&tree.clusters, params.cluster_selection_epsilon);
    let distance = |i: usize| 1.0 / clusters[i].birth;
    // For each cluster the first on the way up, itself included, that begins above epsilon.
    let mut targets: Vec<Option<usize>> = vec![None; clusters.len()];
    let mut climbed = vec![false; clusters.len()];
    for (i, cluster) in clusters.iter().enumerate() {
        targets[i] = match i {
            0 => params.allow_single_cluster.then_some(0),
            _ if distance(i) > epsilon => Some(i),
            // Where there is none below the root, the one next to it.
            _ => targets[cluster.parent as usize].or((cluster.parent == 0).then_some(i)),
        };
        if is_chosen[i] {
            let is_short = distance(i) < epsilon;
            climbed[targets[i].filter(|_| is_short).unwrap_or(i)] = true;
        }
    }
    topmost(tree, &climbed)
}

/// The label of each cluster of the tree: of the chosen one that it is, or lies in.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    /// The chosen cluster of each, or `None`.
    pub(super) chosen: Vec<Option<u32>>,
    /// In the root, if it is chosen, are only those from this density on.
    pub(super) root_from: f64,
}

impl Labels {
    pub(super) fn new(tree: &CondensedTree, is_chosen: &[bool], params: &Hdbscan) -> Self {
        let mut chosen = vec![None; is_chosen.len()];
        for (i, cluster) in tree.clusters.iter().enumerate() {
            chosen[i] = if is_chosen[i] { Some(i as u32) } else { chosen[cluster.parent as usize] };
        }
        let epsilon = params.cluster_selection_epsilon;
        let root_from = if epsilon > 0.0 { 1.0 / epsilon } else { tree.clusters[0].death };
        Self { chosen, root_from }
    }

    /// The chosen cluster of what is in a cluster of the tree, and leaves it at a density.
    pub(super) fn of(&self, cluster: u32, lambda: f64) -> Option<u32> {
        self.chosen[cluster as usize].filter(|&chosen| chosen > 0 || lambda >= self.root_from)
    }
}
