//! A range.

use super::ScalerModel;
use purlin_core::{Error, MatrixView, Real, Result};

/// Brings each column to a range, 0 to 1 unless set: `center` is its least number, `scale` its extent
/// over that of the range, `shift` the lower end. A column of equal numbers becomes the lower end.
///
/// New samples may lie outside of the range.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, preprocessing::MinMaxScaler};
///
/// let x = [[1.0], [2.0], [5.0]];
/// let scaler = MinMaxScaler::new().range(-1.0, 1.0).fit(MatrixView::from_rows(&x))?;
/// let z = scaler.transform(MatrixView::from_rows(&x))?;
/// assert_eq!(z.as_slice(), [-1.0, -0.5, 1.0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct MinMaxScaler {
    low: f64,
    high: f64,
}

impl Default for MinMaxScaler {
    fn default() -> Self {
        Self::new()
    }
}

impl MinMaxScaler {
    /// From 0 to 1.
    pub fn new() -> Self {
        Self { low: 0.0, high: 1.0 }
    }

    /// From `low` to `high`.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// Finds the least and the greatest number of each column.
    ///
    /// # Errors
    ///
    /// As [`StandardScaler::fit`](super::StandardScaler::fit), and [`Error::InvalidParam`] when the
    /// range is not finite and of positive extent.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<ScalerModel> {
        let op = "min-max scaler";
        let extent = self.high - self.low;
        if !(extent > 0.0 && extent.is_finite()) {
            let value = format!("{} to {}", self.low, self.high);
            return Err(Error::param(op, "range", "finite and of positive extent", value));
        }
        ScalerModel::fit(op, x, self.low, |column| {
            let low = column.iter().copied().fold(f64::INFINITY, f64::min);
            let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, (high - low) / extent)
        })
    }
}
