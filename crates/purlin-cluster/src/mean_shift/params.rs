//! What can be set.

use super::OP;
use purlin_core::{Error, Matrix, Result};

/// Mean shift with a flat kernel: clusters are what belongs to a peak of the density, and as many
/// as there are.
///
/// From each seed a point climbs: it moves to the mean of the samples within `bandwidth` of it,
/// again and again, until a move is at most a thousandth of the bandwidth. Where it ends is the
/// centre of a cluster, unless a centre that more samples are within reach of lies within
/// `bandwidth`; centres that are equal in that are ranked by their numbers, the greater first. A
/// sample belongs to the nearest centre, ties to the first. All as in scikit-learn.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | scale the columns first |
/// | `centers` | `(n_clusters, n_features)` | those with the most samples around them first |
/// | `labels` | `(n_samples,)` | cluster in `0..n_clusters`, `None` for an orphan |
///
/// A move asks a tree for the samples within the bandwidth, whose boxes hold the sums of their
/// samples: one that lies wholly within is added as one. Points climb in double precision whatever
/// the type of `x`, and sums are taken in twice that, so that a mean does not depend on the order of
/// the samples. Beside `x` there are two copies of it in double precision.
///
/// The same data and parameters give the same bits on any number of threads and any instruction
/// set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Matrix, MeanShift};
///
/// let x = Matrix::from_rows(&[
///     [1.0, 1.0], [2.0, 1.0], [1.0, 0.0], [4.0, 7.0], [3.0, 5.0], [3.0, 6.0],
/// ]);
/// let model = MeanShift::new().bandwidth(2.0).fit(x.view())?;
///
/// assert_eq!(model.n_clusters(), 2);
/// assert_eq!(model.labels(), [1, 1, 1, 0, 0, 0].map(Some));
/// assert_eq!(model.centers().row(0)[1], 6.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - K. Fukunaga, L. D. Hostetler, *The estimation of the gradient of a density function, with
///   applications in pattern recognition*, IEEE Trans. Inf. Theory 21(1), 1975.
/// - D. Comaniciu, P. Meer, *Mean shift: a robust approach toward feature space analysis*, IEEE
///   TPAMI 24(5), 2002.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct MeanShift {
    pub(super) bandwidth: Option<f64>,
    pub(super) seeding: Seeding,
    pub(super) cluster_all: bool,
    pub(super) max_iter: usize,
}

/// Where points start to climb.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Matrix, MatrixView, MeanShift, Seeding};
///
/// let x = [[0.0], [1.0], [9.0], [10.0], [10.5]];
/// let x = MatrixView::from_rows(&x);
/// let shift = MeanShift::new().bandwidth(2.0).cluster_all(false);
/// let bins = shift.clone().seeding(Seeding::Bins { min_bin_freq: 1 }).fit(x)?;
/// assert_eq!(bins.labels(), shift.clone().fit(x)?.labels()); // from fewer seeds
/// let points = Seeding::Points(Matrix::from_rows(&[[0.5]]));
/// assert_eq!(shift.seeding(points).fit(x)?.labels(), [Some(0), Some(0), None, None, None]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Seeding {
    /// At each sample.
    #[default]
    Samples,
    /// At the multiples of the bandwidth that samples round to (halves to the even one), where at
    /// least `min_bin_freq` do: much fewer. At each sample where there would be as many.
    Bins {
        /// The least number of samples.
        min_bin_freq: usize,
    },
    /// At these, one row each. One without a sample within the bandwidth is left out.
    Points(Matrix<f64>),
}

impl Default for MeanShift {
    fn default() -> Self {
        Self::new()
    }
}

impl MeanShift {
    /// A bandwidth by [`estimate_bandwidth`](super::estimate_bandwidth) with quantile 0.3, a start
    /// at each sample, no orphans, at most 300 moves.
    pub fn new() -> Self {
        Self { bandwidth: None, seeding: Seeding::Samples, cluster_all: true, max_iter: 300 }
    }

    /// The radius of a neighbourhood.
    pub fn bandwidth(mut self, bandwidth: f64) -> Self {
        self.bandwidth = Some(bandwidth);
        self
    }

    /// Where points start to climb.
    pub fn seeding(mut self, seeding: Seeding) -> Self {
        self.seeding = seeding;
        self
    }

    /// Whether a sample farther than `bandwidth` from all centres belongs to the nearest (else to
    /// none).
    pub fn cluster_all(mut self, cluster_all: bool) -> Self {
        self.cluster_all = cluster_all;
        self
    }

    /// The most moves of a point, beside the first.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self, n_features: usize) -> Result<()> {
        if let Some(bandwidth) = self.bandwidth
            && !(bandwidth > 0.0 && bandwidth.is_finite())
        {
            return Err(Error::param(OP, "bandwidth", "finite and above 0", bandwidth));
        }
        match &self.seeding {
            Seeding::Bins { min_bin_freq: 0 } => {
                Err(Error::param(OP, "min_bin_freq", "at least 1", 0))
            }
            Seeding::Points(points) if points.n_cols() != n_features || points.n_rows() == 0 => {
                let (rows, columns) = points.shape();
                let expected = format!("points with at least 1 row and {n_features} columns");
                Err(Error::shape(OP, expected, format!("({rows}, {columns})")))
            }
            Seeding::Points(points) => points.view().check_finite(OP, "points"),
            _ => Ok(()),
        }
    }
}
