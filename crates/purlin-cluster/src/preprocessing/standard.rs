//! Mean 0, variance 1.

use super::ScalerModel;
use purlin_core::{MatrixView, Real, Result};

/// Brings each column to mean 0 and variance 1: `center` is its mean, `scale` its standard deviation
/// with divisor `n`, 1 for a column of equal numbers.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, preprocessing::StandardScaler};
///
/// let x = [[1.0, 5.0], [3.0, 5.0]];
/// let scaler = StandardScaler::new().fit(MatrixView::from_rows(&x))?;
/// assert_eq!((scaler.center(), scaler.scale()), (&[2.0, 5.0][..], &[1.0, 1.0][..]));
/// let z = scaler.transform(MatrixView::from_rows(&x))?;
/// assert_eq!(z.as_slice(), [-1.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct StandardScaler {}

impl StandardScaler {
    /// There is nothing to set.
    pub fn new() -> Self {
        Self {}
    }

    /// Finds mean and standard deviation of each column.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): `x` has no row.
    /// - [`Error::Shape`](crate::Error::Shape): `x` has no column.
    /// - [`Error::NonFinite`](crate::Error::NonFinite): `x` holds NaN or an infinity.
    /// - [`Error::InvalidParam`](crate::Error::InvalidParam): numbers of a column are so far apart
    ///   that their difference is no finite number.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<ScalerModel> {
        ScalerModel::fit("standard scaler", x, 0.0, |column| moments(column))
    }
}

/// Mean and standard deviation. Relative to the first number and the widest deviation: equal
/// numbers have exactly none, and squares stay in range.
fn moments(column: &[f64]) -> (f64, f64) {
    let (n, first) = (column.len() as f64, column[0]);
    let mean = first + column.iter().fold(0.0, |sum, x| sum + (x - first) / n);
    let most = column.iter().fold(0.0, |most: f64, x| most.max((x - mean).abs()));
    if column.iter().all(|&x| x == first) || most == 0.0 {
        return (first, 0.0);
    }
    let sum = column.iter().fold(0.0, |sum, x| {
        let t = (x - mean) / most;
        sum + t * t
    });
    (mean, most * (sum / n).sqrt())
}
