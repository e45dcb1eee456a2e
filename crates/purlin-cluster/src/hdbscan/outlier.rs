//! Global-local outlier scores from hierarchies.

use super::condensed::CondensedTree;

/// How much sparser each sample is than the densest place of its cluster: `1 - lambda / densest`,
/// where the clusters that come from a cluster belong to it.
pub(super) fn scores(tree: &CondensedTree) -> Vec<f64> {
    let densest = densest(tree);
    let leaves = tree.parents.iter().zip(&tree.lambdas);
    leaves.map(|(&cluster, &lambda)| score(densest[cluster as usize], lambda)).collect()
}

/// The greatest density at which something leaves each cluster, or one that comes from it.
pub(super) fn densest(tree: &CondensedTree) -> Vec<f64> {
    let mut densest: Vec<f64> = tree.clusters.iter().map(|cluster| cluster.death).collect();
    for i in tree.upwards() {
        let parent = tree.clusters[i].parent as usize;
        densest[parent] = densest[parent].max(densest[i]);
    }
    densest
}

/// The score of what leaves a cluster at `lambda`; 0 for what is denser than all in it.
pub(super) fn score(densest: f64, lambda: f64) -> f64 {
    if lambda >= densest {
        return 0.0;
    }
    if densest == f64::INFINITY { 1.0 } else { (densest - lambda) / densest }
}
