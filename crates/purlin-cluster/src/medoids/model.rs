//! What is found.

use super::fit::Found;
use super::{KMedoids, OP};
use crate::metric::Rows;
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{Metric, assign, check, reach};
use purlin_backend::distance::{Form, Panels, values_of};
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// Rows that one task labels.
const BLOCK: usize = 64;

/// The medoids that [`KMedoids`] found.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{KMedoids, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]];
/// let model = KMedoids::new(2).fit(MatrixView::from_rows(&x))?;
/// let mut medoids = model.medoid_indices().to_vec();
/// medoids.sort_unstable();
/// assert_eq!(medoids, [1, 4]);
/// let new = model.predict(MatrixView::from_rows(&[[4.0], [7.0]]))?;
/// assert_eq!(new, [model.labels()[0], model.labels()[5]]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KMedoidsModel<T: Real> {
    medoid_indices: Vec<usize>,
    labels: Vec<usize>,
    cluster_sizes: Vec<usize>,
    loss: f64,
    n_swaps: usize,
    n_iter: usize,
    converged: bool,
    rows: Option<(Matrix<T>, Metric)>,
}

impl<T: Real> KMedoidsModel<T> {
    pub(super) fn new(found: Found, rows: Option<(Matrix<T>, Metric)>) -> Self {
        let Found { medoids, labels, loss, n_swaps, n_iter, converged } = found;
        Self {
            cluster_sizes: assign::sizes(&labels, medoids.len()),
            medoid_indices: assign::widen(&medoids),
            labels: assign::widen(&labels),
            loss,
            n_swaps,
            n_iter,
            converged,
            rows,
        }
    }

    /// The sample in the midst of each cluster.
    pub fn medoid_indices(&self) -> &[usize] {
        &self.medoid_indices
    }

    /// The rows of the medoids, one per cluster; `None` where only distances were known.
    pub fn medoids(&self) -> Option<MatrixView<'_, T>> {
        self.rows.as_ref().map(|(rows, _)| rows.view())
    }

    /// The cluster of each sample, that of the nearest medoid; ties to the smallest index.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The sum of the distances of the samples from their medoids.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// How often a medoid gave way to another sample.
    pub fn n_swaps(&self) -> usize {
        self.n_swaps
    }

    /// Rounds over all samples, the last, in which nothing was swapped, included; a round that ended
    /// early counts.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// Whether no swap is left that lowers the loss.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.medoid_indices.len()
    }

    /// The number of columns; 0 where only distances were known.
    pub fn n_features(&self) -> usize {
        self.rows.as_ref().map_or(0, |(rows, _)| rows.n_cols())
    }

    /// The number of samples in each cluster.
    pub fn cluster_sizes(&self) -> &[usize] {
        &self.cluster_sizes
    }

    /// The cluster whose medoid is nearest to each row of `x`, ties to the smallest index.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` has another number of columns or the model comes from distances,
    /// [`Error::NonFinite`] when it holds NaN or an infinity, [`Error::InvalidParam`] when the metric
    /// does not take it.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMedoids, MatrixView, Metric};
    ///
    /// let x = [[0.0, 0.0], [0.0, 1.0], [9.0, 9.0]];
    /// let medoids = KMedoids::new(2).metric(Metric::Chebyshev);
    /// let model = medoids.fit(MatrixView::from_rows(&x))?;
    /// let new = model.predict(MatrixView::from_rows(&[[3.0, 4.0], [5.0, 8.0]]))?;
    /// assert_eq!(new, [model.labels()[0], model.labels()[2]]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        let Some((rows, metric)) = &self.rows else {
            return Err(Error::shape(OP, "a model of rows", "one of distances"));
        };
        check::features(OP, x, rows.n_cols())?;
        metric.check_table(OP, x)?;
        if reach::form(metric) == Some(Form::SquaredEuclidean) {
            assign::check_squares(OP, x)?;
        }
        let k = rows.n_rows();
        let form = reach::form(metric).map(|form| (form, Panels::pack(rows.view(), None)));
        let medoids = Rows::of(rows.view(), metric);
        let mut labels = vec![0; x.n_rows()];
        let work = x.n_rows().saturating_mul(k * x.n_cols());
        parallel::for_each_chunk(&mut labels, BLOCK, work, |block, labels| {
            let mut distances = vec![T::ZERO; k];
            for (i, label) in (block * BLOCK..).zip(labels) {
                if let Some((form, panels)) = &form {
                    values_of(*form, x.row(i), (panels, 0..k), &mut distances);
                    for value in &mut distances {
                        *value = reach::distance(metric, *value);
                    }
                } else {
                    medoids.query(x.row(i)).fill(&mut distances);
                }
                for (c, &distance) in distances.iter().enumerate() {
                    if distance < distances[*label] {
                        *label = c;
                    }
                }
            }
        });
        Ok(labels)
    }
}

impl<T: Real> Clusterer<T> for KMedoids {
    type Model = KMedoidsModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<KMedoidsModel<T>> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for KMedoidsModel<T> {
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

impl<T: Real> Predict<T> for KMedoidsModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
