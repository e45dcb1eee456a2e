//! The heights at which pairs of samples meet.

use super::{Dendrogram, OP};
use crate::condensed;
use crate::{CondensedMatrix, MemoryBudget};
use purlin_core::{Error, Real, Result};

impl Dendrogram {
    /// The height of the merge in which samples `i` and `j` meet; 0 for a sample and itself.
    ///
    /// Walks up the tree: as many steps as it is deep there, plus a pass over the merges.
    ///
    /// # Panics
    ///
    /// When one of them does not exist.
    #[track_caller]
    pub fn cophenetic_distance(&self, i: usize, j: usize) -> f64 {
        let n = self.n_samples;
        assert!(i < n && j < n, "cophenetic: expected samples below {n}, got {i} and {j}");
        let (mut a, mut b) = (i, j);
        for (merge, cluster) in self.merges.iter().zip(n..) {
            if a == b {
                break;
            }
            for side in [&mut a, &mut b] {
                if *side == merge.left || *side == merge.right {
                    *side = cluster;
                }
            }
        }
        self.height_of(a)
    }

    /// The cophenetic distances of all pairs, within a budget.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBudget`] before anything is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView, MemoryBudget};
    ///
    /// let x = [[0.0], [1.0], [3.0]];
    /// let tree = Agglomerative::new(Linkage::Complete).fit(MatrixView::from_rows(&x))?;
    /// let met = tree.cophenetic(MemoryBudget::default())?;
    /// assert_eq!(met.as_slice(), [1.0, 3.0, 3.0]);
    /// assert_eq!(tree.cophenetic_distance(0, 2), 3.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cophenetic(&self, budget: MemoryBudget) -> Result<CondensedMatrix<f64>> {
        let n = self.n_samples;
        let needed = CondensedMatrix::<f64>::bytes_needed(n);
        budget.check(OP, "the matrix of cophenetic distances", needed)?;
        let mut data = vec![0.0; n * n.saturating_sub(1) / 2];
        self.each_pair(|at, height| data[at] = height);
        Ok(CondensedMatrix::of_parts(n, data))
    }

    /// The correlation of the distances with the cophenetic distances: how well the tree keeps
    /// them. `None` where either are all equal.
    ///
    /// Takes two passes over the pairs and `O(n_samples)` memory.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the distances are of another number of samples,
    /// [`Error::InvalidParam`] when one is infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView, Metric};
    ///
    /// let x = MatrixView::from_rows(&[[0.0], [1.0], [10.0], [11.0]]);
    /// let tree = Agglomerative::new(Linkage::Average).fit(x)?;
    /// let correlation = tree.cophenetic_correlation(&Metric::Euclidean.pairwise(x)?)?;
    /// assert!(correlation.is_some_and(|r| r > 0.98));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// R. R. Sokal, F. J. Rohlf, *The comparison of dendrograms by objective methods*, Taxon
    /// 11(2), 1962.
    pub fn cophenetic_correlation<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
    ) -> Result<Option<f64>> {
        self.check_distances(distances)?;
        let data = distances.as_slice();
        // About a first one, so that equal ones have it as their mean, exactly.
        let first = data.first().map_or(0.0, |x| x.to_f64());
        let first_height = self.heights().first().copied().unwrap_or(0.0);
        let (mut sum, mut height_sum) = (0.0, 0.0);
        self.each_pair(|at, height| {
            sum += data[at].to_f64() - first;
            height_sum += height - first_height;
        });
        let n = data.len().max(1) as f64;
        let (mean, height_mean) = (first + sum / n, first_height + height_sum / n);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        self.each_pair(|at, height| {
            let (x, y) = (data[at].to_f64() - mean, height - height_mean);
            xx += x * x;
            yy += y * y;
            xy += x * y;
        });
        // Two roots: the product of the sums may leave the range.
        Ok((xx > 0.0 && yy > 0.0).then(|| xy / (xx.sqrt() * yy.sqrt())))
    }

    /// Refuses distances of another number of samples, and infinite ones.
    pub(super) fn check_distances<T: Real>(&self, distances: &CondensedMatrix<T>) -> Result<()> {
        if distances.n() != self.n_samples {
            let expected = format!("distances of {} samples", self.n_samples);
            return Err(Error::shape(OP, expected, distances.n()));
        }
        let data = distances.as_slice();
        match data.iter().find(|x| !x.is_finite()) {
            Some(value) => Err(Error::param(OP, "distances", "finite", value)),
            None => Ok(()),
        }
    }

    /// Calls `f` with the place of each pair in a condensed matrix and with the height of the
    /// merge in which it meets.
    fn each_pair(&self, mut f: impl FnMut(usize, f64)) {
        let (places, order) = (self.places(), self.leaf_order());
        for merge in &self.merges {
            let members =
                |cluster: usize| &order[places[cluster]..places[cluster] + self.size_of(cluster)];
            for &i in members(merge.left) {
                for &j in members(merge.right) {
                    f(condensed::index(self.n_samples, i.min(j), i.max(j)), merge.dissimilarity);
                }
            }
        }
    }
}
