//! Batches drawn from a table.

use super::step::Means;
use super::{MiniBatchKMeans, MiniBatchModel, OP};
use crate::kmeans::first_centroids;
use crate::{Init, assign, check};
use purlin_core::rng::{Rng, Stream};
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

impl MiniBatchKMeans {
    /// Finds the centroids of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a parameter is out of its range, or numbers of `x` are so large
    ///   that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `n_clusters`.
    /// - [`Error::Shape`]: `x` has no column, or given centroids do not fit it, or there are fewer
    ///   distinct samples than clusters.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<MiniBatchModel<T>> {
        self.run(x, None)
    }

    /// [`MiniBatchKMeans::fit`] with a weight for each sample: it is drawn as often as its weight
    /// says.
    ///
    /// # Errors
    ///
    /// As [`MiniBatchKMeans::fit`]; and when a weight is negative or not finite, all are 0, or
    /// there is not one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, MiniBatchKMeans};
    ///
    /// let x = MatrixView::from_slice(&[0.0, 0.0, 9.0], 3, 1)?;
    /// let model = MiniBatchKMeans::new(1).fit_weighted(x, &[1.0, 3.0, 0.0])?;
    /// assert_eq!(model.centroids().row(0), [0.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_weighted<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<MiniBatchModel<T>> {
        self.run(x, Some(sample_weight))
    }

    fn run<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
    ) -> Result<MiniBatchModel<T>> {
        self.check()?;
        check::table(OP, x, self.n_clusters)?;
        assign::check_squares(OP, x)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, x.n_rows())?;
        }
        let (n, k) = (x.n_rows(), self.n_clusters);
        let stream = Stream::new(self.seed, OP);
        let draws = Draws::new(n, weights);
        let batch_size = self.batch_size.min(n);
        let some = batch_size.saturating_mul(3).max(k.saturating_mul(3)).min(n);
        let mut batch = Matrix::zeros(some, x.n_cols());
        draws.fill(x, &mut stream.child("validation").rng(0), &mut batch);
        let mut means = self.first(x, weights, &batch, &draws, &stream)?;

        let threshold = match self.tol {
            0.0 => None,
            tol => {
                let center: Vec<T> = assign::means(x).into_iter().map(T::from_f64).collect();
                Some(tol * assign::variance(x, &center))
            }
        };
        let n_steps = (self.max_iter.saturating_mul(n) / batch_size).max(1);
        let mut batch = Matrix::zeros(batch_size, x.n_cols());
        let steps = stream.child("steps");
        let mut improvement = Improvement::new(batch_size, n, self.max_no_improvement);
        let mut n_done = 0;
        let mut converged = false;
        while n_done < n_steps && !converged {
            let mut rng = steps.rng(n_done as u64);
            draws.fill(x, &mut rng, &mut batch);
            let step = means.step(batch.view(), None, self.reassignment_ratio, &mut rng);
            n_done += 1;
            // The first step tells of the start, not of batches.
            if n_done > 1 {
                let is_still = threshold.is_some_and(|threshold| step.shift <= threshold);
                converged = is_still || improvement.has_ended(step.inertia / batch_size as f64);
            }
        }
        let labels = assign::nearest(x, means.centroids.view(), &means.center);
        let inertia = assign::inertia(x, means.centroids.view(), &labels, weights);
        Ok(MiniBatchModel::new(means, &labels, inertia, n_done, converged))
    }

    /// The best of the starts, each from some samples.
    fn first<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
        validation: &Matrix<T>,
        draws: &Draws,
        stream: &Stream,
    ) -> Result<Means<T>> {
        let k = self.n_clusters;
        let mut sample = Matrix::zeros(validation.n_rows(), x.n_cols());
        let center: Vec<T> =
            assign::means(validation.view()).into_iter().map(T::from_f64).collect();
        let start = |i: usize| {
            let stream = stream.child("start").child_at(i as u64);
            if matches!(self.init, Init::Centroids(_)) {
                return first_centroids(OP, &self.init, x, None, k, &stream);
            }
            draws.fill(x, &mut stream.rng(0), &mut sample);
            match first_centroids(OP, &self.init, sample.view(), None, k, &stream) {
                // The samples that were drawn are too much alike: all of them, then.
                Err(Error::Shape { .. }) => first_centroids(OP, &self.init, x, weights, k, &stream),
                first => first,
            }
        };
        let first = best_start(self.n_starts(), validation.view(), None, &center, start)?;
        Ok(Means::new(first, center))
    }
}

/// The start of the least inertia on `x`, the first of equals.
pub(super) fn best_start<T: Real>(
    n_init: usize,
    x: MatrixView<'_, T>,
    weights: Option<&[T]>,
    center: &[T],
    mut start: impl FnMut(usize) -> Result<Matrix<T>>,
) -> Result<Matrix<T>> {
    let mut best = start(0)?;
    let inertia = |centroids: &Matrix<T>| {
        let labels = assign::nearest(x, centroids.view(), center);
        assign::inertia(x, centroids.view(), &labels, weights)
    };
    if n_init == 1 {
        return Ok(best);
    }
    let mut least = inertia(&best);
    for i in 1..n_init {
        let centroids = start(i)?;
        let inertia = inertia(&centroids);
        if inertia < least {
            (best, least) = (centroids, inertia);
        }
    }
    Ok(best)
}

/// Samples drawn with replacement.
struct Draws {
    n: usize,
    /// The running sums of the weights.
    sums: Option<Vec<f64>>,
}

impl Draws {
    fn new<T: Real>(n: usize, weights: Option<&[T]>) -> Self {
        let sums = weights.map(|weights| {
            let running = weights.iter().scan(0.0, |sum, weight| {
                *sum += weight.to_f64();
                Some(*sum)
            });
            running.collect()
        });
        Self { n, sums }
    }

    /// Fills the rows of `out` with rows of `x`.
    fn fill<T: Real>(&self, x: MatrixView<'_, T>, rng: &mut Rng, out: &mut Matrix<T>) {
        for i in 0..out.n_rows() {
            let row = match &self.sums {
                None => rng.below(self.n),
                Some(sums) => {
                    let total = sums[self.n - 1];
                    // Below the total, whatever the product rounds to.
                    let target = (rng.uniform() * total).min(total.next_down());
                    sums.partition_point(|&sum| sum <= target)
                }
            };
            out.row_mut(i).copy_from_slice(x.row(row));
        }
    }
}

/// A running mean of the batches' inertia, and whether it still falls.
struct Improvement {
    /// The share of the newest batch.
    share: f64,
    mean: Option<f64>,
    least: f64,
    n_without: usize,
    max_without: Option<usize>,
}

impl Improvement {
    fn new(batch_size: usize, n: usize, max_without: Option<usize>) -> Self {
        let share = (2.0 * batch_size as f64 / (n as f64 + 1.0)).min(1.0);
        Self { share, mean: None, least: f64::INFINITY, n_without: 0, max_without }
    }

    fn has_ended(&mut self, inertia: f64) -> bool {
        let mean = match self.mean {
            None => inertia,
            Some(mean) => mean * (1.0 - self.share) + inertia * self.share,
        };
        self.mean = Some(mean);
        if mean < self.least {
            (self.least, self.n_without) = (mean, 0);
        } else {
            self.n_without += 1;
        }
        self.max_without.is_some_and(|most| self.n_without >= most)
    }
}
