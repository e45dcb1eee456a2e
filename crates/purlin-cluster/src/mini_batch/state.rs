//! Batches that come one after the other.

use super::fit::best_start;
use super::step::Means;
use super::{MiniBatchKMeans, MiniBatchModel, OP};
use crate::kmeans::first_centroids;
use crate::{assign, check};
use purlin_core::rng::Stream;
use purlin_core::{MatrixView, Real, Result};

/// k-means of a stream: what is known after some batches.
///
/// It holds `2 n_clusters * n_features` numbers, whatever was seen.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Matrix, MiniBatchKMeans};
///
/// // Three batches of a stream that alternates between 0 and 10.
/// let batch = |i: usize| Matrix::from_fn(20, 1, |row, _| ((i + row) % 2 * 10) as f32);
/// let mut state = MiniBatchKMeans::new(2).start(batch(0).view())?;
/// state.partial_fit(batch(1).view())?;
/// state.partial_fit(batch(2).view())?;
/// assert_eq!(state.n_steps(), 3);
///
/// let model = state.finish();
/// let labels = model.predict(Matrix::from_rows(&[[1.0], [9.0], [0.0]]).view())?;
/// assert_eq!(labels[0], labels[2]);
/// assert_ne!(labels[0], labels[1]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MiniBatchState<T: Real> {
    means: Means<T>,
    reassignment_ratio: f64,
    stream: Stream,
    n_steps: usize,
}

impl MiniBatchKMeans {
    /// Begins a stream: chooses the first centroids among the rows of `first`, then does a step
    /// with it. Of the parameters, those that end the steps are not used: the stream ends when
    /// the caller says so. A step takes a batch whole, whatever `batch_size` is.
    ///
    /// # Errors
    ///
    /// As [`MiniBatchKMeans::fit`].
    pub fn start<T: Real>(&self, first: MatrixView<'_, T>) -> Result<MiniBatchState<T>> {
        self.start_with(first, None)
    }

    /// [`MiniBatchKMeans::start`] with a weight for each sample.
    ///
    /// # Errors
    ///
    /// As [`MiniBatchKMeans::fit_weighted`].
    pub fn start_weighted<T: Real>(
        &self,
        first: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<MiniBatchState<T>> {
        self.start_with(first, Some(sample_weight))
    }

    fn start_with<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
    ) -> Result<MiniBatchState<T>> {
        self.check()?;
        check::table(OP, x, self.n_clusters)?;
        assign::check_squares(OP, x)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, x.n_rows())?;
        }
        let stream = Stream::new(self.seed, OP);
        let center: Vec<T> = assign::means(x).into_iter().map(T::from_f64).collect();
        let centroids = best_start(self.n_starts(), x, weights, &center, |i| {
            let stream = stream.child("start").child_at(i as u64);
            first_centroids(OP, &self.init, x, weights, self.n_clusters, &stream)
        })?;
        let mut state = MiniBatchState {
            means: Means::new(centroids, center),
            reassignment_ratio: self.reassignment_ratio,
            stream: stream.child("steps"),
            n_steps: 0,
        };
        state.step(x, weights);
        Ok(state)
    }
}

impl<T: Real> MiniBatchState<T> {
    /// Moves the centroids by the samples of `x`.
    ///
    /// # Errors
    ///
    /// When `x` has no rows, another number of columns than the first batch, or numbers that are
    /// not finite or so large that squared distances overflow. The state is then as before.
    pub fn partial_fit(&mut self, x: MatrixView<'_, T>) -> Result<()> {
        self.check(x)?;
        self.step(x, None);
        Ok(())
    }

    /// [`MiniBatchState::partial_fit`] with a weight for each sample: a weight of 2 counts as two
    /// samples in one place.
    ///
    /// # Errors
    ///
    /// As [`MiniBatchState::partial_fit`]; and when a weight is negative or not finite, all are 0,
    /// or there is not one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, MiniBatchKMeans};
    ///
    /// let mut state = MiniBatchKMeans::new(1).start(MatrixView::from_rows(&[[0.0f64]]))?;
    /// state.partial_fit_weighted(MatrixView::from_rows(&[[4.0]]), &[3.0])?; // as three samples at 4
    /// assert_eq!(state.centroids().row(0), [3.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn partial_fit_weighted(
        &mut self,
        x: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<()> {
        self.check(x)?;
        check::weights(OP, sample_weight, x.n_rows())?;
        self.step(x, Some(sample_weight));
        Ok(())
    }

    fn check(&self, x: MatrixView<'_, T>) -> Result<()> {
        check::features(OP, x, self.means.centroids.n_cols())?;
        check::table(OP, x, 1)?;
        assign::check_squares(OP, x)
    }

    fn step(&mut self, x: MatrixView<'_, T>, weights: Option<&[T]>) {
        let mut rng = self.stream.rng(self.n_steps as u64);
        self.means.step(x, weights, self.reassignment_ratio, &mut rng);
        self.n_steps += 1;
    }

    /// Batches that were seen, the first included.
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// The centroids as they are now.
    pub fn centroids(&self) -> MatrixView<'_, T> {
        self.means.centroids.view()
    }

    /// Ends the stream. The model has no labels, as no samples are kept: ask it to predict.
    pub fn finish(self) -> MiniBatchModel<T> {
        MiniBatchModel::new(self.means, &[], 0.0, self.n_steps, false)
    }
}
