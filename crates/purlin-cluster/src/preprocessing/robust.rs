//! Median 0, interquartile range 1.

use super::ScalerModel;
use purlin_core::{Error, MatrixView, Real, Result};

/// Brings each column to median 0 and the distance of two quantiles, the quartiles unless set, to 1:
/// a few numbers far out change neither. The `scale` is 1 where the quantiles are equal.
///
/// A quantile between two numbers is interpolated linearly.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, preprocessing::RobustScaler};
///
/// let x = [[1.0], [2.0], [3.0], [4.0], [1000.0]];
/// let scaler = RobustScaler::new().fit(MatrixView::from_rows(&x))?;
/// assert_eq!((scaler.center(), scaler.scale()), (&[3.0][..], &[2.0][..]));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct RobustScaler {
    low: f64,
    high: f64,
}

impl Default for RobustScaler {
    fn default() -> Self {
        Self::new()
    }
}

impl RobustScaler {
    /// The quartiles.
    pub fn new() -> Self {
        Self { low: 0.25, high: 0.75 }
    }

    /// Other quantiles, between 0 and 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, preprocessing::RobustScaler};
    ///
    /// let x = [[0.0], [1.0], [2.0], [3.0], [1000.0]];
    /// let scaler = RobustScaler::new().quantiles(0.0, 0.75).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!((scaler.center(), scaler.scale()), (&[2.0][..], &[3.0][..]));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn quantiles(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// Finds the quantiles of each column.
    ///
    /// # Errors
    ///
    /// As [`StandardScaler::fit`](super::StandardScaler::fit), and [`Error::InvalidParam`] when the
    /// quantiles are not two increasing numbers from 0 to 1.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<ScalerModel> {
        let op = "robust scaler";
        if !(0.0 <= self.low && self.low < self.high && self.high <= 1.0) {
            let value = format!("{} and {}", self.low, self.high);
            return Err(Error::param(op, "quantiles", "increasing, from 0 to 1", value));
        }
        ScalerModel::fit(op, x, 0.0, |column| {
            column.sort_unstable_by(f64::total_cmp);
            (quantile(column, 0.5), quantile(column, self.high) - quantile(column, self.low))
        })
    }
}

/// A quantile of sorted numbers.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor();
    let (a, b) = (sorted[below as usize], sorted[place.ceil() as usize]);
    // From the nearer end, so that both are met exactly.
    let t = place - below;
    if t < 0.5 { a + (b - a) * t } else { b - (b - a) * (1.0 - t) }
}
