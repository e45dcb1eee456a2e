//! The definition as a loop.

use super::Linkage;
use super::clusters::{Clusters, Merges};
use super::params::prepare;
use crate::{CondensedMatrix, Dendrogram};
use purlin_core::{Real, Result};

/// Hierarchical clustering as it is defined: in each step the least distance of all pairs of
/// clusters, ties to the smallest numbers, in `O(n^3)`. The reference of the fast algorithms.
///
/// A cluster counts as its first sample when ties are broken.
///
/// # Errors
///
/// As [`Agglomerative::fit_precomputed`](crate::Agglomerative::fit_precomputed).
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Linkage, MatrixView, Metric, primitive};
///
/// let x = [[0.0], [1.0], [2.0], [9.0]];
/// let distances = Metric::Euclidean.pairwise(MatrixView::from_rows(&x))?;
/// let tree = primitive(Linkage::Complete, distances)?;
/// assert_eq!(tree.heights(), [1.0, 2.0, 9.0]); // 0 and 1 before 1 and 2
/// assert_eq!(tree.cut(3)?, [0, 0, 1, 2]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
pub fn primitive<T: Real>(linkage: Linkage, distances: CondensedMatrix<T>) -> Result<Dendrogram> {
    let distances = prepare(linkage, distances)?;
    let mut merges = Merges::new(linkage, distances.n());
    let mut clusters = Clusters::new(linkage, distances);
    while clusters.active.len() > 1 {
        let mut best: Option<(T, usize, usize)> = None;
        for (i, &a) in clusters.active.iter().enumerate() {
            for &b in &clusters.active[i + 1..] {
                let (a, b) = (a as usize, b as usize);
                let distance = clusters.get(a, b);
                if best.is_none_or(|(least, ..)| distance < least) {
                    best = Some((distance, a, b));
                }
            }
        }
        let Some((_, a, b)) = best else { break };
        let height = clusters.merge(a, b);
        merges.push(a, b, height);
    }
    Ok(merges.in_order())
}
