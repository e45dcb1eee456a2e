//! What a batch does to the centroids.

use crate::assign;
use purlin_core::rng::Rng;
use purlin_core::{Matrix, MatrixView, Real};

/// Centroids as running means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Means<T: Real> {
    /// The means, in double precision: what a batch adds to a mean of many is small.
    values: Vec<f64>,
    /// The weight of all samples of each.
    counts: Vec<f64>,
    /// The means as `T`: what samples are compared with.
    pub(super) centroids: Matrix<T>,
    /// A row in the midst of the samples.
    pub(super) center: Vec<T>,
    /// Samples since centroids were last considered for reassignment.
    n_since: usize,
}

/// What is known after a step.
pub(super) struct Step {
    /// The weighted sum of squared distances from the centroids before the step.
    pub(super) inertia: f64,
    /// The squared shift of all centroids.
    pub(super) shift: f64,
}

impl<T: Real> Means<T> {
    pub(super) fn new(centroids: Matrix<T>, center: Vec<T>) -> Self {
        let values = centroids.as_slice().iter().map(|x| x.to_f64()).collect();
        let counts = vec![0.0; centroids.n_rows()];
        Self { values, counts, centroids, center, n_since: 0 }
    }

    /// Moves each centroid by its samples of `batch`.
    pub(super) fn step(
        &mut self,
        batch: MatrixView<'_, T>,
        weights: Option<&[T]>,
        reassignment_ratio: f64,
        rng: &mut Rng,
    ) -> Step {
        let (k, d) = self.centroids.shape();
        self.n_since = self.n_since.saturating_add(batch.n_rows());
        let reassigns = self.n_since >= k.saturating_mul(10) || self.counts.contains(&0.0);
        let labels = assign::nearest(batch, self.centroids.view(), &self.center);
        let inertia = assign::inertia(batch, self.centroids.view(), &labels, weights);
        let sums = assign::sums(batch, &labels, weights, k);
        let (sums, totals) = sums.split_at(k * d);
        for c in 0..k {
            let (old, new) = (self.counts[c], self.counts[c] + totals[c]);
            if totals[c] > 0.0 {
                let means = self.values[c * d..].iter_mut();
                for (mean, &sum) in means.zip(&sums[c * d..(c + 1) * d]) {
                    *mean = (*mean * old + sum) / new;
                }
                self.counts[c] = new;
            }
        }
        if reassigns {
            self.n_since = 0;
            self.reassign(batch, weights, reassignment_ratio, rng);
        }
        let mut shift = 0.0;
        for (value, &mean) in self.centroids.as_mut_slice().iter_mut().zip(&self.values) {
            let new = T::from_f64(mean);
            let t = new.to_f64() - value.to_f64();
            shift += t * t;
            *value = new;
        }
        Step { inertia, shift }
    }

    /// Moves centroids of little weight to samples of the batch, at most to half of them.
    fn reassign(
        &mut self,
        batch: MatrixView<'_, T>,
        weights: Option<&[T]>,
        ratio: f64,
        rng: &mut Rng,
    ) {
        let d = batch.n_cols();
        let most = self.counts.iter().fold(0.0f64, |most, &count| most.max(count));
        let counts = &self.counts;
        let mut light: Vec<usize> =
            (0..counts.len()).filter(|&c| counts[c] < ratio * most).collect();
        if light.is_empty() {
            return;
        }
        // The lightest first; of equals the smaller index.
        light.sort_by(|&a, &b| counts[a].total_cmp(&counts[b]).then(a.cmp(&b)));
        light.truncate(batch.n_rows() / 2);
        let has_weight = |&row: &usize| weights.is_none_or(|weights| weights[row] > T::ZERO);
        let rows = rng.permutation(batch.n_rows()).into_iter().filter(has_weight);
        let moves: Vec<(usize, usize)> = light.into_iter().zip(rows).collect();
        let is_kept = |c: usize| moves.iter().all(|&(moved, _)| moved != c);
        let kept = (0..counts.len()).filter(|&c| is_kept(c)).map(|c| counts[c]);
        let least = kept.fold(most, f64::min);
        for (c, row) in moves {
            for (mean, x) in self.values[c * d..].iter_mut().zip(batch.row(row)) {
                *mean = x.to_f64();
            }
            self.counts[c] = least;
        }
    }
}
