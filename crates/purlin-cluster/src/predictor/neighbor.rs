//! By the nearest sample.

use super::labelled;
use crate::{Metric, Neighbor, SpatialIndex, check};
use purlin_core::{Error, MatrixView, Real, Result};

/// The operation's name in errors.
const OP: &str = "nearest_neighbor";

/// Gives a row to the cluster of the sample that is nearest, in any metric.
///
/// Any labels will do: those of a cut [`Dendrogram`](crate::Dendrogram), of
/// [`Dbscan`](crate::Dbscan) or of your own. A row whose nearest sample is noise (`None`) is noise.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | copied |
/// | `labels` | `(n_samples,)` | `usize` or `Option<usize>` |
///
/// The samples themselves get their own labels, except where two at distance 0 have different ones:
/// ties go to the smallest index. A row costs what a query of [`SpatialIndex`] does.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, MatrixView, Metric, NearestNeighbor};
///
/// let x = [[0.0, 0.0], [0.0, 2.0], [0.0, 4.0], [9.0, 4.0]];
/// let x = MatrixView::from_rows(&x);
/// let labels = Agglomerative::new(Linkage::Single).fit(x)?.cut(2)?;
///
/// let nearest = NearestNeighbor::fit(x, &labels, Metric::Euclidean)?;
/// assert_eq!(nearest.predict(x)?, [Some(0), Some(0), Some(0), Some(1)]);
/// assert_eq!(nearest.predict(MatrixView::from_rows(&[[5.0, 4.0]]))?, [Some(1)]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// T. M. Cover, P. E. Hart, *Nearest neighbor pattern classification*, IEEE Trans. Inf. Theory
/// 13(1), 1967.
#[derive(Debug, Clone)]
pub struct NearestNeighbor<T: Real> {
    metric: Metric,
    labels: Vec<Option<usize>>,
    index: SpatialIndex<T>,
}

impl<T: Real> NearestNeighbor<T> {
    /// Keeps the rows of `x` and their labels. Takes `O(n_samples log n_samples * n_features)`.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: `x` has no column or not those that the metric knows, or there is not
    ///   one label for each row.
    /// - [`Error::TooFewSamples`]: `x` has no row.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    /// - [`Error::InvalidParam`]: a parameter of the metric is out of range, or the rows are not
    ///   such as it takes (see [`Metric::check_table`]).
    pub fn fit<L: Copy + Into<Option<usize>>>(
        x: MatrixView<'_, T>,
        labels: &[L],
        metric: Metric,
    ) -> Result<Self> {
        let labels = labelled(OP, x, labels)?;
        metric.check_table(OP, x)?;
        let index = SpatialIndex::new(x, metric.clone())?;
        Ok(Self { metric, labels, index })
    }

    /// The label of each sample.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.index.n_features()
    }

    /// The label of the sample nearest to each row of `x`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` has another number of columns, [`Error::NonFinite`] when it holds
    /// NaN or an infinity, [`Error::InvalidParam`] when its rows are not such as the metric takes,
    /// or a function of the caller's gives NaN.
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        check::features(OP, x, self.n_features())?;
        self.metric.check_table(OP, x)?;
        let label = |(row, nearest): (usize, Vec<Neighbor<T>>)| match nearest.first() {
            Some(nearest) if !nearest.distance.is_nan() => Ok(self.labels[nearest.index]),
            _ => Err(Error::param(OP, "distances", "numbers", format!("NaN at row {row}"))),
        };
        self.index.nearest_batch(x, 1)?.into_iter().enumerate().map(label).collect()
    }
}
