//! A binary tree given as merges, checked and laid out.

use purlin_core::{Error, Result};

/// Merges of `n` samples: merge `i` makes cluster `n + i` of two earlier ones.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) n: usize,
    pub(crate) merges: Vec<[usize; 2]>,
    pub(crate) heights: Vec<f64>,
    /// Samples in each cluster, the `n` samples first.
    pub(crate) sizes: Vec<usize>,
}

impl Tree {
    /// Refuses what is no tree, or has a height that cannot be drawn.
    pub(crate) fn new(
        op: &'static str,
        merges: &[[usize; 2]],
        heights: &[f64],
        n: usize,
    ) -> Result<Self> {
        let mut sizes = vec![1; n + merges.len()];
        let mut is_used = vec![false; n + merges.len()];
        for (i, &pair) in merges.iter().enumerate() {
            for cluster in pair {
                if cluster >= n + i {
                    let rule = format!("of clusters below {}", n + i);
                    return Err(Error::param(op, "merges", rule, at(cluster, i)));
                }
                if std::mem::replace(&mut is_used[cluster], true) {
                    let rule = "of clusters that are not part of another";
                    return Err(Error::param(op, "merges", rule, at(cluster, i)));
                }
            }
            sizes[n + i] = sizes[pair[0]] + sizes[pair[1]];
        }
        if let Some(i) = heights.iter().position(|height| *height < 0.0) {
            return Err(Error::param(op, "heights", "at least 0", at(heights[i], i)));
        }
        Ok(Self { n, merges: merges.to_vec(), heights: heights.to_vec(), sizes })
    }

    pub(crate) fn height(&self, cluster: usize) -> f64 {
        cluster.checked_sub(self.n).map_or(0.0, |merge| self.heights[merge])
    }

    /// The label that all samples of a cluster share, for each cluster.
    pub(crate) fn shared(&self, labels: &[usize]) -> Vec<Option<usize>> {
        let mut shared: Vec<Option<usize>> = labels.iter().copied().map(Some).collect();
        for &[left, right] in &self.merges {
            let label = shared[left].filter(|_| shared[left] == shared[right]);
            shared.push(label);
        }
        shared
    }

    /// The leaves of the tree that the last merges make, from left to right.
    pub(crate) fn leaves(&self, n_leaves: usize) -> Vec<usize> {
        let first = (self.merges.len() + 1).saturating_sub(n_leaves);
        let mut leaves = Vec::new();
        let mut stack = vec![self.sizes.len() - 1];
        while let Some(cluster) = stack.pop() {
            match cluster.checked_sub(self.n + first) {
                Some(merge) => {
                    let [left, right] = self.merges[first + merge];
                    stack.extend([right, left]);
                }
                None => leaves.push(cluster),
            }
        }
        leaves
    }

    /// The place of each cluster along the axis of the leaves, which lie at 0, 1, ..; NaN for what
    /// lies below a leaf.
    pub(crate) fn places(&self, leaves: &[usize]) -> Vec<f64> {
        let mut places = vec![f64::NAN; self.sizes.len()];
        for (place, &leaf) in leaves.iter().enumerate() {
            places[leaf] = place as f64;
        }
        for (i, &[left, right]) in self.merges.iter().enumerate() {
            // A leaf keeps its place: what lies below it has none.
            if !places[left].is_nan() {
                places[self.n + i] = f64::midpoint(places[left], places[right]);
            }
        }
        places
    }
}

fn at(value: impl std::fmt::Display, merge: usize) -> String {
    format!("{value} in merge {merge}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        // 0 and 2 at 1, 1 and 3 at 2, both at 5.
        Tree::new("test", &[[0, 2], [1, 3], [4, 5]], &[1.0, 2.0, 5.0], 4).unwrap()
    }

    #[test]
    fn leaves_lie_in_the_order_of_the_merges() {
        let tree = tree();
        assert_eq!(tree.leaves(4), [0, 2, 1, 3]);
        assert_eq!(tree.leaves(99), [0, 2, 1, 3]);
        assert_eq!(tree.leaves(2), [4, 5]);
        assert_eq!(tree.leaves(3), [4, 1, 3]);
        assert_eq!(tree.places(&tree.leaves(4))[4..], [0.5, 2.5, 1.5]);
        let cut = tree.places(&tree.leaves(2));
        assert_eq!(cut[4..], [0.0, 1.0, 0.5]);
        assert!(cut[0].is_nan());
    }

    #[test]
    fn a_cluster_has_the_label_that_all_its_samples_share() {
        let shared = tree().shared(&[7, 1, 7, 2]);
        assert_eq!(shared[4..], [Some(7), None, None]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let refuse = |merges: &[[usize; 2]]| {
            Tree::new("test", merges, &[0.0; 2], 3).unwrap_err().to_string()
        };
        assert_eq!(
            refuse(&[[0, 3], [1, 2]]),
            "test: merges must be of clusters below 3, got 3 in merge 0"
        );
        assert_eq!(
            refuse(&[[0, 1], [1, 2]]),
            "test: merges must be of clusters that are not part of another, got 1 in merge 1"
        );
    }
}
