//! By the nearest centroid.

use super::labelled;
use crate::{assign, check};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// The operation's name in errors.
const OP: &str = "nearest_centroid";

/// Gives a row to the cluster whose centroid is nearest, by Euclidean distance.
///
/// The centroid of a cluster is the mean of its samples, so that any labels will do: those of a cut
/// [`Dendrogram`](crate::Dendrogram), of [`Dbscan`](crate::Dbscan) or of your own. Noise (`None`)
/// has no centroid and is never predicted.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | |
/// | `labels` | `(n_samples,)` | `usize` or `Option<usize>`; numbers may be left out |
/// | [`centroids`](Self::centroids) | `(n_labels, n_features)` | one for each number that occurs |
///
/// Samples may be nearer to the centroid of another cluster than to their own's:
/// [`NearestNeighbor`](crate::NearestNeighbor) predicts the labels themselves. Ties go to the
/// smallest label. A row costs `O(n_labels * n_features)`.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView, NearestCentroid};
///
/// let x = [[0.0, 0.0], [0.0, 2.0], [8.0, 8.0], [8.0, 6.0]];
/// let x = MatrixView::from_rows(&x);
/// let labels = Agglomerative::new(Linkage::Ward).fit(x)?.cut(2)?;
///
/// let nearest = NearestCentroid::fit(x, &labels)?;
/// assert_eq!(nearest.centroids().row(1), [8.0, 7.0]);
/// assert_eq!(nearest.predict(MatrixView::from_rows(&[[1.0, 1.0], [5.0, 5.0]]))?, [Some(0), Some(1)]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// R. Tibshirani, T. Hastie, B. Narasimhan, G. Chu, *Diagnosis of multiple cancer types by shrunken
/// centroids of gene expression*, PNAS 99(10), 2002: the classifier, there with shrinkage.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestCentroid<T: Real> {
    /// The label of each centroid, in increasing order.
    labels: Vec<usize>,
    centroids: Matrix<T>,
    /// The mean of the samples.
    center: Vec<T>,
}

impl<T: Real> NearestCentroid<T> {
    /// The centroids of the labels of the rows of `x`. Takes `O(n_samples * n_features)`.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`](crate::Error::Shape): `x` has no column, or there is not one label for
    ///   each row.
    /// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): `x` has no row.
    /// - [`Error::NonFinite`](crate::Error::NonFinite): `x` holds NaN or an infinity.
    /// - [`Error::InvalidParam`](crate::Error::InvalidParam): numbers are so large that squared
    ///   distances could overflow.
    pub fn fit<L: Copy + Into<Option<usize>>>(x: MatrixView<'_, T>, labels: &[L]) -> Result<Self> {
        let labels = labelled(OP, x, labels)?;
        assign::check_squares(OP, x)?;
        Ok(Self::of(x, &labels))
    }

    fn of(x: MatrixView<'_, T>, labels: &[Option<usize>]) -> Self {
        let mut numbers: Vec<usize> = labels.iter().flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        // Noise is one more group, which is dropped.
        let k = numbers.len();
        let group = |label: &Option<usize>| match label {
            Some(label) => numbers.partition_point(|number| number < label) as u32,
            None => k as u32,
        };
        let groups: Vec<u32> = labels.iter().map(group).collect();
        let d = x.n_cols();
        let sums = assign::sums(x, &groups, None, k + 1);
        let totals = &sums[(k + 1) * d..];
        let centroids = Matrix::from_fn(k, d, |i, j| T::from_f64(sums[i * d + j] / totals[i]));
        let center = assign::means(x).into_iter().map(T::from_f64).collect();
        Self { labels: numbers, centroids, center }
    }

    /// The mean of the samples of each label: `(n_labels, n_features)`.
    pub fn centroids(&self) -> &Matrix<T> {
        &self.centroids
    }

    /// The label of each centroid, in increasing order.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.centroids.n_cols()
    }

    /// The label of the centroid nearest to each row of `x`; `None` only where all samples were
    /// noise.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `x` has another number of columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when numbers are so large that squared
    /// distances could overflow.
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        check::features(OP, x, self.n_features())?;
        assign::check_squares(OP, x)?;
        if self.labels.is_empty() {
            return Ok(vec![None; x.n_rows()]);
        }
        let nearest = assign::nearest(x, self.centroids.view(), &self.center);
        Ok(nearest.into_iter().map(|i| Some(self.labels[i as usize])).collect())
    }
}
