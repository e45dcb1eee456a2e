//! What is found.

use super::{Algorithm, KMeans, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{Init, assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The clusters that [`KMeans::fit`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Init, KMeans, Matrix, MatrixView};
///
/// let x = [[0.0], [2.0], [10.0]];
/// let start = Init::Centroids(Matrix::from_rows(&[[0.0], [10.0]]));
/// let model = KMeans::new(2).init(start).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.centroids(), MatrixView::from_rows(&[[1.0], [10.0]]));
/// assert_eq!((model.labels(), model.cluster_sizes()), (&[0, 0, 1][..], &[2, 1][..]));
/// assert_eq!((model.inertia(), model.converged()), (2.0, true));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansModel<T: Real> {
    centroids: Matrix<T>,
    center: Vec<T>,
    labels: Vec<usize>,
    cluster_sizes: Vec<usize>,
    pub(super) inertia: f64,
    n_iter: usize,
    stop_reason: StopReason,
    pub(super) algorithm: Algorithm,
    pub(super) best_init: usize,
    trace: Vec<Iteration>,
}

/// Why the rounds ended.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Init, KMeans, Matrix, MatrixView, StopReason};
///
/// let x = [[0.0], [2.0], [10.0]];
/// let start = Init::Centroids(Matrix::from_rows(&[[0.0], [10.0]]));
/// let kmeans = KMeans::new(2).init(start);
/// let model = kmeans.clone().fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.stop_reason(), StopReason::LabelsStable);
/// let model = kmeans.max_iter(1).fit(MatrixView::from_rows(&x))?;
/// assert_eq!((model.stop_reason(), model.converged()), (StopReason::MaxIter, false));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// No label changed: a local optimum.
    LabelsStable,
    /// The centroids moved by no more than `tol` allows.
    CentroidsWithinTol,
    /// `max_iter` rounds were done.
    MaxIter,
}

/// What a round did.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Init, KMeans, Matrix, MatrixView};
///
/// let x = [[0.0], [2.0], [10.0]];
/// let start = Init::Centroids(Matrix::from_rows(&[[0.0], [10.0]]));
/// let model = KMeans::new(2).init(start).trace(true).fit(MatrixView::from_rows(&x))?;
/// let [first, second] = model.trace() else { panic!("expected two rounds") };
/// assert_eq!((first.inertia, first.n_changed, first.centroid_shift), (4.0, 3, 1.0));
/// assert_eq!((second.inertia, second.n_changed, second.centroid_shift), (2.0, 0, 0.0));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iteration {
    /// The sum of squared distances to the centroids that the samples were assigned to.
    pub inertia: f64,
    /// Samples that changed their cluster; in the first round all.
    pub n_changed: usize,
    /// The sum over the clusters of the squared shift of the centroid.
    pub centroid_shift: f64,
    /// Empty clusters that were moved to far samples.
    pub n_relocated: usize,
    /// Distances that were computed, or scores: `n_samples * n_clusters` without bounds. A round
    /// whose bounds tell little may take more; then bounds wait until fewer samples move.
    pub n_distances: u64,
}

impl<T: Real> KMeansModel<T> {
    pub(super) fn new(
        centroids: Matrix<T>,
        center: Vec<T>,
        labels: Vec<usize>,
        inertia: f64,
        n_iter: usize,
        stop_reason: StopReason,
        trace: Vec<Iteration>,
    ) -> Self {
        let mut cluster_sizes = vec![0; centroids.n_rows()];
        for &label in &labels {
            cluster_sizes[label] += 1;
        }
        let best_init = 0;
        Self {
            centroids,
            center,
            labels,
            cluster_sizes,
            inertia,
            n_iter,
            stop_reason,
            algorithm: Algorithm::Lloyd,
            best_init,
            trace,
        }
    }

    /// The centroids, one row per cluster.
    pub fn centroids(&self) -> MatrixView<'_, T> {
        self.centroids.view()
    }

    /// The cluster of each sample.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The sum of the squared distances of the samples from their centroids, each times its
    /// weight.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Rounds that were done, the last one included.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.centroids.n_rows()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.centroids.n_cols()
    }

    /// The number of samples in each cluster.
    pub fn cluster_sizes(&self) -> &[usize] {
        &self.cluster_sizes
    }

    /// Why the rounds ended.
    pub fn stop_reason(&self) -> StopReason {
        self.stop_reason
    }

    /// Whether the rounds ended before `max_iter` made them.
    pub fn converged(&self) -> bool {
        self.stop_reason != StopReason::MaxIter
    }

    /// The algorithm that ran; never [`Algorithm::Auto`].
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Which of the `n_init` starts this is.
    pub fn best_init(&self) -> usize {
        self.best_init
    }

    /// What each round did; empty unless [`KMeans::trace`] was set.
    pub fn trace(&self) -> &[Iteration] {
        &self.trace
    }

    /// The cluster whose centroid is nearest to each row of `x`, ties to the smallest index.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `x` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when squared distances could overflow.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Init, KMeans, Matrix, MatrixView};
    ///
    /// let start = Init::Centroids(Matrix::from_rows(&[[0.0], [10.0]]));
    /// let x = [[0.0], [2.0], [10.0]];
    /// let model = KMeans::new(2).init(start).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.predict(MatrixView::from_rows(&[[4.0], [7.0]]))?, [0, 1]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        self.check(x)?;
        Ok(assign::widen(&self.nearest(x)))
    }

    fn nearest(&self, x: MatrixView<'_, T>) -> Vec<u32> {
        assign::nearest(x, self.centroids.view(), &self.center)
    }

    fn check(&self, x: MatrixView<'_, T>) -> Result<()> {
        check::features(OP, x, self.n_features())?;
        assign::check_squares_about(OP, x, &self.center)
    }

    /// The Euclidean distance of each row of `x` from each centroid: `(n_rows, n_clusters)`.
    ///
    /// # Errors
    ///
    /// As [`KMeansModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMeans, MatrixView};
    ///
    /// let x = [[0.0, 0.0], [0.0, 2.0]];
    /// let model = KMeans::new(1).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.transform(MatrixView::from_rows(&[[3.0, 5.0]]))?.row(0), [5.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn transform(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        self.check(x)?;
        Ok(assign::squared_distances(x, self.centroids.view(), T::sqrt))
    }

    /// The inertia of new rows, negated: the greater, the better.
    ///
    /// # Errors
    ///
    /// As [`KMeansModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMeans, MatrixView};
    ///
    /// let x = [[0.0], [2.0]];
    /// let model = KMeans::new(1).fit(MatrixView::from_rows(&x))?; // the centroid is 1
    /// assert_eq!(model.score(MatrixView::from_rows(&[[1.0], [4.0]]))?, -9.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn score(&self, x: MatrixView<'_, T>) -> Result<f64> {
        self.scored(x, None)
    }

    /// [`KMeansModel::score`] with a weight for each row.
    ///
    /// # Errors
    ///
    /// As [`KMeansModel::predict`]; and when a weight is negative or not finite, all are 0, or there
    /// is not one per row.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMeans, MatrixView};
    ///
    /// let x = [[0.0], [2.0]];
    /// let model = KMeans::new(1).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(model.score_weighted(MatrixView::from_rows(&[[2.0], [4.0]]), &[5.0, 2.0])?, -23.0);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn score_weighted(&self, x: MatrixView<'_, T>, sample_weight: &[T]) -> Result<f64> {
        check::weights(OP, sample_weight, x.n_rows())?;
        self.scored(x, Some(sample_weight))
    }

    fn scored(&self, x: MatrixView<'_, T>, weights: Option<&[T]>) -> Result<f64> {
        self.check(x)?;
        Ok(-assign::inertia(x, self.centroids.view(), &self.nearest(x), weights))
    }
}

impl KMeans {
    /// Starts from the centroids of a model, as many as it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMeans, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [9.0], [10.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let kmeans = KMeans::new(2);
    /// let model = kmeans.fit(x)?;
    /// let again = kmeans.warm_start(&model).fit(x)?;
    /// assert_eq!(again.inertia(), model.inertia());
    /// assert_eq!(again.n_iter(), 1);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn warm_start<T: Real>(self, model: &KMeansModel<T>) -> Self {
        let n_clusters = model.n_clusters();
        Self { n_clusters, ..self }.init(Init::Centroids(model.centroids().cast())).n_init(1)
    }
}

impl<T: Real> Clusterer<T> for KMeans {
    type Model = KMeansModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<KMeansModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for KMeansModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.iter().copied().map(Some).collect()
    }

    fn n_clusters(&self) -> usize {
        self.n_clusters()
    }
}

impl<T: Real> Predict<T> for KMeansModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
