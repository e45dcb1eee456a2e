//! How much a merge stands out from those below it.

use super::{Dendrogram, OP};
use purlin_core::{Error, Result};

/// A merge beside those close below it.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Inconsistency, Linkage, MatrixView};
///
/// let x = [[0.0], [2.0], [4.0]];
/// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
/// let even = Inconsistency { mean: 2.0, std: 0.0, n_links: 2, coefficient: 0.0 };
/// assert_eq!(tree.inconsistency(2)?[1], even); // both merges have height 2
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inconsistency {
    /// The mean of the heights.
    pub mean: f64,
    /// Their standard deviation, with the divisor `n_links - 1`; 0 for a single one.
    pub std: f64,
    /// The merges that were looked at, the merge itself included.
    pub n_links: usize,
    /// By how many deviations the merge lies above the mean; 0 where the deviation is 0.
    pub coefficient: f64,
}

impl Dendrogram {
    /// For each merge the heights of itself and of the merges at most `depth - 1` levels below it,
    /// scipy's `inconsistent`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `depth` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [4.0]];
    /// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
    /// let top = tree.inconsistency(2)?[1]; // heights 1 and 3
    /// assert_eq!((top.mean, top.std, top.n_links), (2.0, 2f64.sqrt(), 2));
    /// assert_eq!(top.coefficient, 1.0 / 2f64.sqrt());
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// A. K. Jain, R. C. Dubes, *Algorithms for clustering data*, Prentice-Hall, 1988.
    pub fn inconsistency(&self, depth: usize) -> Result<Vec<Inconsistency>> {
        if depth == 0 {
            return Err(Error::param(OP, "depth", "at least 1", 0));
        }
        let (mut stack, mut heights) = (Vec::new(), Vec::new());
        let of = |i: usize| {
            heights.clear();
            stack.push((self.n_samples + i, 1));
            while let Some((cluster, level)) = stack.pop() {
                let Some(merge) = self.merge_of(cluster) else { continue };
                heights.push(merge.dissimilarity);
                if level < depth {
                    stack.extend([(merge.right, level + 1), (merge.left, level + 1)]);
                }
            }
            describe(&heights)
        };
        Ok((0..self.merges.len()).map(of).collect())
    }
}

/// The first of the heights beside all of them.
fn describe(heights: &[f64]) -> Inconsistency {
    let n = heights.len() as f64;
    // About the first, so that equal ones have it as their mean, exactly.
    let mean = heights[0] + heights.iter().fold(0.0, |sum, h| sum + (h - heights[0])) / n;
    let squares = heights.iter().fold(0.0, |sum, h| sum + (h - mean) * (h - mean));
    let std = if heights.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
    let coefficient = if std > 0.0 { (heights[0] - mean) / std } else { 0.0 };
    Inconsistency { mean, std, n_links: heights.len(), coefficient }
}
