//! Global-local outlier scores from hierarchies.

use super::condensed::CondensedTree;

/// How much sparser each sample is than the densest place of its cluster: `1 - lambda / densest`,
/// where the clusters that come from a cluster belong to it.
pub(super) fn scores(tree: &CondensedTree) -> Vec<f64> {
    let mut densest: Vec<f64> = tree.clusters.iter().map(|cluster| cluster.death).collect();
    for i in tree.upwards() {
        let parent = tree.clusters[i].parent as usize;
        densest[parent] = densest[parent].max(densest[i]);
    }
    let score = |(&cluster, &lambda): (&u32, &f64)| {
        let densest = densest[cluster as usize];
        if densest == 0.0 || lambda == f64::INFINITY {
            return 0.0;
        }
        if densest == f64::INFINITY { 1.0 } else { (densest - lambda) / densest }
    };
    tree.parents.iter().zip(&tree.lambdas).map(score).collect()
}
