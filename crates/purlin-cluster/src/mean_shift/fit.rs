//! The door.

use super::bandwidth::estimate_bandwidth;
use super::climb::{Slope, centers};
use super::seeds::starts;
use super::{MeanShift, MeanShiftModel, OP};
use crate::{assign, check};
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// The quantile of the bandwidth where none is set.
const QUANTILE: f64 = 0.3;

/// Of fewer samples that quantile holds none but the sample itself.
const LEAST: usize = 7;

impl MeanShift {
    /// Clusters the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `bandwidth` is not finite and above 0, as given or as estimated;
    ///   `min_bin_freq` is 0; or numbers of `x` are so large that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has no row, or fewer than 7 without a `bandwidth`.
    /// - [`Error::Shape`]: `x` has no column, given points do not fit it, or no seed has a sample
    ///   within the bandwidth.
    /// - [`Error::NonFinite`]: `x` or given points hold NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<MeanShiftModel<T>> {
        self.check(x.n_cols())?;
        check::table(OP, x, if self.bandwidth.is_none() { LEAST } else { 1 })?;
        let wide = x.cast::<f64>();
        assign::check_squares(OP, wide.view())?;
        let (centers, bandwidth, n_iter) = self.run(wide.view())?;
        let mut model = MeanShiftModel {
            centers: centers.cast(),
            labels: Vec::new(),
            bandwidth,
            cluster_all: self.cluster_all,
            n_iter,
        };
        model.labels = model.predict(x)?;
        Ok(model)
    }

    fn run(&self, x: MatrixView<'_, f64>) -> Result<(Matrix<f64>, f64, usize)> {
        let bandwidth = match self.bandwidth {
            Some(bandwidth) => bandwidth,
            None => estimate_bandwidth(x, QUANTILE, None, 0)?,
        };
        if bandwidth <= 0.0 {
            let rule = "above 0 (3 of 10 samples are in one place: set one)";
            return Err(Error::param(OP, "bandwidth", rule, bandwidth));
        }
        let starts = starts(x, &self.seeding, bandwidth);
        let peaks = Slope::new(x, bandwidth).climb(starts.view(), self.max_iter);
        let n_iter = peaks.iter().map(|peak| peak.n_moves).max().unwrap_or(0);
        Ok((centers(peaks, bandwidth)?, bandwidth, n_iter))
    }
}
