//! The swaps.

use super::build::center;
use super::source::Source;
use super::state::{State, TILE};
use super::{KMedoids, KMedoidsModel};
use crate::CondensedMatrix;
use purlin_core::{MatrixView, Real, Result};

/// Candidates that are looked at together, at most. They are judged as one after the other would
/// be: the first that improves is taken, and the rest is looked at again.
const MOST: usize = 32 * TILE;

/// A swap must lower the loss by more than this part of the sum of the distances from the second
/// medoids. Changes are differences of such sums: less may be rounding, and samples that are as good
/// as each other would take turns for ever.
const LEAST: f64 = 1e-12;

/// What the swaps lead to.
pub(super) struct Found {
    pub(super) medoids: Vec<u32>,
    pub(super) labels: Vec<u32>,
    pub(super) loss: f64,
    pub(super) n_swaps: usize,
    pub(super) n_iter: usize,
    pub(super) converged: bool,
}

impl KMedoids {
    /// Finds medoids among the rows of `x`.
    ///
    /// Running out of `max_iter` is not an error; ask [`KMedoidsModel::converged`].
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`](crate::Error::InvalidParam): a count is 0, given medoids repeat or
    ///   do not exist, the metric does not take `x`, or numbers of `x` are so large that sums of
    ///   distances overflow.
    /// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): `x` has fewer rows than
    ///   `n_clusters`.
    /// - [`Error::Shape`](crate::Error::Shape): `x` has no column, there are not `n_clusters` given
    ///   medoids, or fewer samples that lie apart than clusters.
    /// - [`Error::NonFinite`](crate::Error::NonFinite): `x` holds NaN or an infinity.
    /// - [`Error::OutOfBudget`](crate::Error::OutOfBudget): a metric that needs the distances of all
    ///   pairs, and they exceed [`KMedoids::memory`].
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<KMedoidsModel<T>> {
        self.check(x.n_rows())?;
        let source = Source::of_rows(x, &self.metric, self.memory)?;
        let found = self.swaps(&source)?;
        let rows: Vec<usize> = found.medoids.iter().map(|&i| i as usize).collect();
        Ok(KMedoidsModel::new(found, Some((x.select_rows(&rows), self.metric.clone()))))
    }

    /// Finds medoids among samples whose distances are known; [`KMedoids::metric`] is not asked.
    ///
    /// The model has no rows to predict from.
    ///
    /// # Errors
    ///
    /// As [`KMedoids::fit`]; and when a distance is infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{CondensedMatrix, KMedoids};
    ///
    /// // (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)
    /// let distances = CondensedMatrix::from_vec(4, vec![1.0, 9.0, 9.0, 8.0, 9.0, 2.0])?;
    /// let model = KMedoids::new(2).fit_precomputed(&distances)?;
    /// assert_eq!(model.labels(), [0, 0, 1, 1]);
    /// assert_eq!(model.loss(), 3.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_precomputed<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
    ) -> Result<KMedoidsModel<T>> {
        self.check(distances.n())?;
        let source = Source::of_distances(distances, self.memory)?;
        Ok(KMedoidsModel::new(self.swaps(&source)?, None))
    }

    fn swaps<T: Real>(&self, source: &Source<'_, T>) -> Result<Found> {
        let n = source.n();
        let first = self.first(source)?;
        if self.n_clusters == 1 {
            return Ok(one(source, first[0]));
        }
        let mut state = State::new(source, first);
        let limit = self.max_iter.saturating_mul(n);
        // The next sample to try, how many were tried, and how many of these since the last swap.
        let (mut at, mut n_tried, mut n_idle) = (0, 0, 0);
        let mut n_swaps = 0;
        let mut width = TILE;
        while n_idle < n && n_tried < limit {
            let n_next = width.min(n - n_idle).min(limit - n_tried);
            let next = (at..at + n_next).map(|i| i % n);
            let candidates: Vec<u32> =
                next.filter(|&i| !state.is_medoid(i)).map(|i| i as u32).collect();
            let swaps = state.swaps(&candidates);
            let least = -LEAST * state.seconds();
            let taken = candidates.iter().zip(&swaps).find(|(_, swap)| swap.change < least);
            let n_seen = match taken {
                None => {
                    width = (2 * width).min(MOST);
                    n_idle += n_next;
                    n_next
                }
                Some((&candidate, swap)) => {
                    state.swap(swap.slot, candidate);
                    n_swaps += 1;
                    width = TILE;
                    n_idle = 0;
                    (candidate as usize + n - at) % n + 1
                }
            };
            n_tried += n_seen;
            at = (at + n_seen) % n;
        }
        let loss = state.loss();
        let (medoids, labels) = state.finish();
        let (n_iter, converged) = (n_tried.div_ceil(n), n_idle >= n);
        Ok(Found { medoids, labels, loss, n_swaps, n_iter, converged })
    }
}

/// One medoid: the sample with the least sum of distances.
fn one<T: Real>(source: &Source<'_, T>, first: u32) -> Found {
    let n = source.n();
    let medoid = center(source);
    let loss = (0..n).fold(0.0, |sum, j| sum + source.pair(medoid as usize, j).to_f64());
    let n_swaps = usize::from(medoid != first);
    Found { medoids: vec![medoid], labels: vec![0; n], loss, n_swaps, n_iter: 1, converged: true }
}
