//! Partitions of the samples.

use super::{Dendrogram, OP};
use purlin_core::{Error, Result};

const NONE: usize = usize::MAX;

impl Dendrogram {
    /// Exactly `n_clusters` clusters: the last `n_clusters - 1` merges are undone.
    ///
    /// Labels count from 0 in the order of the first sample of each cluster. Takes `O(n_samples)`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `n_clusters` is 0, [`Error::TooFewSamples`] when there are
    /// fewer samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Dendrogram, MatrixView};
    ///
    /// let tree = [[0.0, 2.0, 1.0, 2.0], [1.0, 3.0, 5.0, 3.0]];
    /// let tree = Dendrogram::from_linkage_matrix(MatrixView::from_rows(&tree))?;
    /// assert_eq!(tree.cut(2)?, [0, 1, 0]);
    /// assert_eq!(tree.cut(4).unwrap_err().to_string(), "dendrogram: expected at least 4 samples, got 3");
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cut(&self, n_clusters: usize) -> Result<Vec<usize>> {
        let got = self.n_samples;
        if n_clusters == 0 {
            return Err(Error::param(OP, "n_clusters", "at least 1", 0));
        }
        if n_clusters > got {
            return Err(Error::TooFewSamples { op: OP, expected: n_clusters, got });
        }
        Ok(self.labels(|merge| merge < got - n_clusters))
    }

    /// At most `n_clusters` clusters: [`Dendrogram::cut_height`] at the least height that leaves
    /// no more, scipy's `maxclust`. Tied heights, and inversions, may leave fewer.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `n_clusters` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [2.0]];
    /// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(tree.cut_at_most(2)?, [0, 0, 0]); // both merges have height 1
    /// assert_eq!(tree.cut(2)?, [0, 0, 1]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cut_at_most(&self, n_clusters: usize) -> Result<Vec<usize>> {
        if n_clusters == 0 {
            return Err(Error::param(OP, "n_clusters", "at least 1", 0));
        }
        let most = self.greatest_within(&self.heights());
        // So many merges must happen, the lowest first.
        let Some(last) = self.n_samples.saturating_sub(n_clusters).checked_sub(1) else {
            return Ok(self.labels(|_| false));
        };
        let mut sorted = most.clone();
        sorted.sort_by(f64::total_cmp);
        Ok(self.labels(|merge| most[merge] <= sorted[last]))
    }

    /// The largest clusters within which no merge is higher than `height`, scipy's `distance`.
    ///
    /// A negative height or NaN leaves every sample alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [3.0]];
    /// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(tree.cut_height(1.0), [0, 0, 1]);
    /// assert_eq!(tree.cut_height(2.0), [0, 0, 0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cut_height(&self, height: f64) -> Vec<usize> {
        self.cut_by(&self.heights(), height)
    }

    /// The largest clusters within which no merge has an inconsistency coefficient above
    /// `coefficient`, scipy's `inconsistent`; see [`Dendrogram::inconsistency`].
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
    /// assert_eq!(tree.inconsistency(2)?[1].coefficient, 1.0 / 2f64.sqrt()); // heights 1 and 3
    /// assert_eq!(tree.cut_inconsistency(0.5, 2)?, [0, 0, 1]);
    /// assert_eq!(tree.cut_inconsistency(0.8, 2)?, [0, 0, 0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cut_inconsistency(&self, coefficient: f64, depth: usize) -> Result<Vec<usize>> {
        let coefficients: Vec<f64> =
            self.inconsistency(depth)?.iter().map(|row| row.coefficient).collect();
        Ok(self.cut_by(&coefficients, coefficient))
    }

    fn cut_by(&self, criterion: &[f64], limit: f64) -> Vec<usize> {
        let most = self.greatest_within(criterion);
        self.labels(|merge| most[merge] <= limit)
    }

    /// For each merge the greatest value of it and of all merges within it.
    fn greatest_within(&self, values: &[f64]) -> Vec<f64> {
        let mut most = values.to_vec();
        for (i, merge) in self.merges.iter().enumerate() {
            for part in [merge.left, merge.right] {
                if let Some(part) = part.checked_sub(self.n_samples) {
                    most[i] = most[i].max(most[part]);
                }
            }
        }
        most
    }

    /// Labels of the clusters that the merges make for which `happens` holds; it holds for the
    /// parts of a merge for which it holds.
    fn labels(&self, happens: impl Fn(usize) -> bool) -> Vec<usize> {
        let n = self.n_samples;
        // The largest cluster that each is a part of.
        let mut owner: Vec<usize> = (0..n + self.merges.len()).collect();
        for (i, merge) in self.merges.iter().enumerate().rev() {
            if happens(i) {
                owner[merge.left] = owner[n + i];
                owner[merge.right] = owner[n + i];
            }
        }
        let mut numbers = vec![NONE; owner.len()];
        let mut n_clusters = 0;
        let number = |&owner: &usize| {
            if numbers[owner] == NONE {
                numbers[owner] = n_clusters;
                n_clusters += 1;
            }
            numbers[owner]
        };
        owner[..n].iter().map(number).collect()
    }
}
