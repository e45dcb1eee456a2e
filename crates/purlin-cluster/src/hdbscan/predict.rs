//! Where new samples belong.

use super::condensed::CondensedTree;
use super::{HdbscanModel, OP, outlier};
use crate::{Neighbor, check};
use purlin_core::{Error, MatrixView, Real, Result};

/// Where new samples belong, and how much.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Hdbscan, HdbscanPrediction, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]];
/// let model = Hdbscan::new(3).min_samples(2).fit(MatrixView::from_rows(&x))?;
/// let HdbscanPrediction { labels, probabilities, outlier_scores } =
///     model.predict(MatrixView::from_rows(&[[11.5], [80.0]]))?;
/// assert_eq!((labels, probabilities), (vec![Some(1), None], vec![1.0, 0.0]));
/// assert_eq!(outlier_scores, [0.0, 1.0 - 1.0 / 68.0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HdbscanPrediction {
    /// The cluster of each row, `None` for noise.
    pub labels: Vec<Option<usize>>,
    /// From 0 for noise to 1 for the densest of the cluster.
    pub probabilities: Vec<f64>,
    /// From 0 to 1, how much sparser each row is than the densest part of the cluster around it
    /// (GLOSH); 0 for a row that is denser still.
    pub outlier_scores: Vec<f64>,
}

/// How strongly something that leaves at `lambda` belongs to a cluster of the tree.
pub(super) fn probability(tree: &CondensedTree, cluster: u32, lambda: f64) -> f64 {
    let death = tree.clusters[cluster as usize].death;
    if death == 0.0 || lambda >= death { 1.0 } else { lambda / death }
}

/// Rows that are looked at at a time: lists of neighbors are short-lived.
const ROWS: usize = 1 << 14;

impl<T: Real> HdbscanModel<T> {
    /// The cluster of each row of `x`, how strongly it belongs there and how much of an outlier it
    /// is, as if it had been a sample of the tree that was fitted.
    ///
    /// A new sample hangs on the one of its `2 * min_samples` nearest samples that it has the least
    /// mutual reachability distance to, where it counts itself for its own core distance; ties to
    /// the nearer, then to the smaller index. It is in the smallest cluster around that one that
    /// exists at this distance. Parallel over the rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` has another number of columns, or the model was fitted on
    /// distances; [`Error::NonFinite`] when `x` holds NaN or an infinity, [`Error::InvalidParam`]
    /// when the metric does not take it.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Hdbscan, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]];
    /// let model = Hdbscan::new(3).min_samples(2).fit(MatrixView::from_rows(&x))?;
    /// let new = model.predict(MatrixView::from_rows(&[[0.5], [11.5], [80.0]]))?;
    /// assert_eq!(new.labels, [Some(0), Some(1), None]);
    /// assert_eq!(new.probabilities, [1.0, 1.0, 0.0]);
    /// assert_eq!(new.outlier_scores[..2], [0.0, 0.0]);
    /// assert_eq!(new.outlier_scores[2], 1.0 - 1.0 / 68.0); // 68 from the next, others 1
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<HdbscanPrediction> {
        let Some(index) = &self.index else {
            return Err(Error::shape(OP, "a model of rows", "one of distances"));
        };
        check::features(OP, x, index.n_features())?;
        index.metric().check_table(OP, x)?;
        let k = self.min_samples.saturating_mul(2).min(index.n_rows());
        let densest = outlier::densest(&self.tree);
        let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
        let mut outlier_scores = Vec::new();
        for first in (0..x.n_rows()).step_by(ROWS) {
            let rows = x.row_range(first..x.n_rows().min(first + ROWS));
            for nearest in index.nearest_batch(rows, k)? {
                let (at, lambda) = self.attach(&nearest);
                let cluster = self.around(at, lambda);
                let (label, probability) = self.belongs(cluster, lambda);
                labels.push(label);
                probabilities.push(probability);
                // It leaves with what it hangs on, at the latest.
                let leaves = lambda.min(self.tree.lambdas[at]);
                outlier_scores.push(outlier::score(densest[cluster as usize], leaves));
            }
        }
        Ok(HdbscanPrediction { labels, probabilities, outlier_scores })
    }

    /// The sample that a new one with these neighbors hangs on, and the density of that.
    fn attach(&self, nearest: &[Neighbor<T>]) -> (usize, f64) {
        // The sample itself is the first of its neighbors.
        let core = match self.min_samples {
            1 => 0.0,
            k => nearest[(k - 2).min(nearest.len() - 1)].distance.to_f64(),
        };
        let (mut at, mut least) = (0, f64::INFINITY);
        for near in nearest {
            let known = self.core_distances[near.index].to_f64();
            let distance = (near.distance.to_f64() / self.alpha).max(core).max(known);
            if distance < least {
                (at, least) = (near.index, distance);
            }
        }
        (at, 1.0 / least)
    }

    /// The smallest cluster of the tree around what hangs on sample `at` from density `lambda` on.
    fn around(&self, at: usize, lambda: f64) -> u32 {
        let tree = &self.tree;
        let mut cluster = tree.parents[at];
        if tree.lambdas[at] > lambda {
            while cluster > 0 && tree.clusters[cluster as usize].birth >= lambda {
                cluster = tree.clusters[cluster as usize].parent;
            }
        }
        cluster
    }

    /// The label of what leaves a cluster of the tree at `lambda`, and how strongly it belongs there.
    fn belongs(&self, cluster: u32, lambda: f64) -> (Option<usize>, f64) {
        match self.chosen.of(cluster, lambda) {
            Some(chosen) => {
                (self.numbers[chosen as usize], probability(&self.tree, chosen, lambda))
            }
            None => (None, 0.0),
        }
    }
}
