//! What can be set.

use super::{OP, OpticsModel, Xi, order};
use crate::traits::Clusterer;
use crate::{Metric, check};
use purlin_core::{Error, MatrixView, Real, Result};

/// OPTICS: orders the samples so that each is followed by the one that is reached most easily from
/// those before it. Drawn over this order, reachabilities show clusters of any density as valleys.
///
/// The *core distance* of a sample is that to its `min_samples`-th nearest, itself counted,
/// infinite where it is above `max_eps`. A sample `b` is *reached* from `a`, if it is within
/// `max_eps`, at the greater of the core distance of `a` and the distance of both. The walk starts
/// at sample 0 and goes on to the sample with the least reachability from any before it, ties to
/// the smallest index; where none is reached, at the first that is left, with an infinite one.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | scale the columns first |
/// | `ordering` | `(n_samples,)` | the samples in the order of the walk |
/// | `reachability`, `core_distances`, `predecessor` | `(n_samples,)` | by sample |
///
/// Distances are those of [`Metric::distance`], to the last bit; the result does not depend on
/// threads or instruction sets, nor on how neighbours are found: by a kd-tree where neighbourhoods
/// are small, else by a walk along those samples that are left, `O(n^2 n_features)`. Memory beside
/// copies of `x` is `O(n)`.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Optics};
///
/// let x = [[1.0, 2.0], [2.0, 5.0], [3.0, 6.0], [8.0, 7.0], [8.0, 8.0], [7.0, 3.0]];
/// let model = Optics::new(2).fit(MatrixView::from_rows(&x))?;
///
/// assert_eq!(model.ordering(), [0, 1, 2, 5, 3, 4]);
/// assert_eq!(model.predecessor()[4], Some(3));
/// let labels = model.extract_dbscan(3.0)?;
/// assert_eq!(labels, [None, Some(0), Some(0), Some(1), Some(1), None]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - M. Ankerst, M. M. Breunig, H.-P. Kriegel, J. Sander, *OPTICS: ordering points to identify the
///   clustering structure*, SIGMOD 1999.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct Optics {
    min_samples: usize,
    max_eps: f64,
    metric: Metric,
    xi: Xi,
}

impl Default for Optics {
    /// 5 samples.
    fn default() -> Self {
        Self::new(5)
    }
}

impl Optics {
    /// No greatest distance, Euclidean ones, labels by [`Xi::default`].
    pub fn new(min_samples: usize) -> Self {
        Self { min_samples, max_eps: f64::INFINITY, metric: Metric::Euclidean, xi: Xi::default() }
    }

    /// The distance beyond which samples are not seen, possibly infinite. What is found up to there
    /// does not change.
    pub fn max_eps(mut self, max_eps: f64) -> Self {
        self.max_eps = max_eps;
        self
    }

    /// What `max_eps` is compared with.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// How [`OpticsModel::labels`] are found.
    pub fn xi(mut self, xi: Xi) -> Self {
        self.xi = xi;
        self
    }

    /// Orders the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `min_samples` is below 2, `max_eps` is not above 0, a parameter
    ///   of [`Xi`] or of the metric is out of range, a distance is negative or NaN, or numbers of
    ///   `x` are so large that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has no row.
    /// - [`Error::Shape`]: `x` has no column.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<OpticsModel> {
        if self.min_samples < 2 {
            return Err(Error::param(OP, "min_samples", "at least 2", self.min_samples));
        }
        // Written so that NaN offends.
        if self.max_eps.partial_cmp(&0.0).is_none_or(std::cmp::Ordering::is_le) {
            return Err(Error::param(OP, "max_eps", "above 0", self.max_eps));
        }
        self.metric.check(OP)?;
        self.xi.check()?;
        check::table(OP, x, 1)?;
        self.metric.check_table(OP, x)?;
        check::squares(OP, x, &self.metric)?;
        let plot = order::run(x, &self.metric, self.min_samples, self.max_eps)?;
        OpticsModel::new(plot, x.n_cols(), &self.xi)
    }
}

impl<T: Real> Clusterer<T> for Optics {
    type Model = OpticsModel;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<OpticsModel> {
        self.fit(x)
    }
}
