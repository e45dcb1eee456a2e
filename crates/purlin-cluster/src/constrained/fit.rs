//! The rounds.

use super::{ConstrainedKMeans, ConstrainedModel, OP, flow};
use crate::kmeans::first_centroids;
use crate::{StopReason, assign, check};
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

impl ConstrainedKMeans {
    /// Finds the centroids of `x`.
    ///
    /// Running out of `max_iter` is not an error; ask [`ConstrainedModel::converged`].
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a parameter is out of its range, no clusters of at most `max_size`
    ///   hold all samples, or numbers of `x` are so large that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `n_clusters * min_size`.
    /// - [`Error::Shape`]: `x` has no column, or given centroids do not fit it, or there are fewer
    ///   distinct samples than clusters.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<ConstrainedModel<T>> {
        self.check()?;
        check::table(OP, x, self.n_least())?;
        let bounds = self.bounds(x.n_rows())?;
        assign::check_squares(OP, x)?;
        let center: Vec<T> = assign::means(x).into_iter().map(T::from_f64).collect();
        let threshold = self.tol * assign::variance(x, &center);
        let mut best: Option<ConstrainedModel<T>> = None;
        for i in 0..self.n_init {
            let stream = Stream::new(self.seed, OP).child_at(i as u64);
            let centroids = first_centroids(OP, &self.init, x, None, self.n_clusters, &stream)?;
            assign::check_squares_of(OP, "centroids", centroids.view(), &center)?;
            let model = self.rounds(x, centroids, &center, bounds, threshold);
            if best.as_ref().is_none_or(|best| model.inertia() < best.inertia()) {
                best = Some(model);
            }
        }
        best.ok_or_else(|| Error::param(OP, "n_init", "at least 1", 0))
    }

    fn rounds<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        mut centroids: Matrix<T>,
        center: &[T],
        bounds: [usize; 2],
        threshold: f64,
    ) -> ConstrainedModel<T> {
        let assign_to = |centroids: &Matrix<T>| {
            let mut labels = assign::nearest(x, centroids.view(), center);
            flow::meet(x, centroids.view(), bounds, &mut labels);
            labels
        };
        let mut labels = Vec::new();
        let mut stop_reason = StopReason::MaxIter;
        let mut n_iter = 0;
        while n_iter < self.max_iter {
            n_iter += 1;
            let before = std::mem::replace(&mut labels, assign_to(&centroids));
            let shift = update(x, &labels, &mut centroids);
            if labels == before {
                stop_reason = StopReason::LabelsStable;
                break;
            }
            if shift <= threshold {
                stop_reason = StopReason::CentroidsWithinTol;
                break;
            }
        }
        if stop_reason != StopReason::LabelsStable {
            labels = assign_to(&centroids);
        }
        let inertia = assign::inertia(x, centroids.view(), &labels, None);
        ConstrainedModel::new(centroids, center.to_vec(), &labels, inertia, n_iter, stop_reason)
    }
}

/// Moves each centroid to the mean of its samples, of which there is at least one. Returns the sum
/// of the squared shifts.
fn update<T: Real>(x: MatrixView<'_, T>, labels: &[u32], centroids: &mut Matrix<T>) -> f64 {
    let (k, d) = centroids.shape();
    let sums = assign::sums(x, labels, None, k);
    let (sums, totals) = sums.split_at(k * d);
    let mut shift = 0.0;
    for (c, total) in totals.iter().enumerate() {
        for (value, sum) in centroids.row_mut(c).iter_mut().zip(&sums[c * d..]) {
            let new = T::from_f64(sum / total);
            let t = new.to_f64() - value.to_f64();
            shift += t * t;
            *value = new;
        }
    }
    shift
}
