//! Errors of predicted values.

use super::{check_finite, check_lengths};
use crate::exact;
use purlin_core::{Real, Result};
use serde::{Deserialize, Serialize};

/// Mean absolute and squared errors, and the share of the variance explained.
///
/// All values of a target count alike, whatever its shape.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::Regression;
///
/// let mut errors = Regression::new();
/// errors.update(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0])?; // predictions, targets
/// assert_eq!(errors.mae(), Some(0.5));
/// assert_eq!(errors.mse(), Some(0.375));
/// assert!((errors.r2().unwrap() - 0.948_608_137).abs() < 1e-9);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Regression {
    n: u64,
    #[serde(with = "exact")]
    absolute: f64,
    #[serde(with = "exact")]
    squared: f64,
    /// Mean of the targets, and their summed squared distance from it (Welford's recurrence).
    #[serde(with = "exact")]
    mean: f64,
    #[serde(with = "exact")]
    spread: f64,
}

impl Regression {
    /// No values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a batch of predicted and true values.
    ///
    /// # Errors
    ///
    /// [`purlin_core::Error::Shape`] when the lists differ in length,
    /// [`purlin_core::Error::NonFinite`] for NaN or an infinity. Nothing is counted then.
    pub fn update<T: Real>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_lengths("regression metrics", targets.len(), predictions.len())?;
        check_finite("regression metrics", "predictions", predictions, 1)?;
        check_finite("regression metrics", "targets", targets, 1)?;
        for (prediction, target) in predictions.iter().zip(targets) {
            let (prediction, target) = (prediction.to_f64(), target.to_f64());
            let error = prediction - target;
            self.absolute += error.abs();
            self.squared += error * error;
            self.n += 1;
            let from_old_mean = target - self.mean;
            self.mean += from_old_mean / self.n as f64;
            self.spread += from_old_mean * (target - self.mean);
        }
        Ok(())
    }

    /// Begins again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn mean_of(&self, sum: f64) -> Option<f64> {
        (self.n > 0).then(|| sum / self.n as f64)
    }

    /// Mean absolute error; `None` before the first value.
    pub fn mae(&self) -> Option<f64> {
        self.mean_of(self.absolute)
    }

    /// Mean squared error; `None` before the first value.
    pub fn mse(&self) -> Option<f64> {
        self.mean_of(self.squared)
    }

    /// Root of the mean squared error; `None` before the first value.
    pub fn rmse(&self) -> Option<f64> {
        self.mse().map(f64::sqrt)
    }

    /// The coefficient of determination, 1 - squared errors / spread of the targets; `None` when
    /// the targets have no spread.
    pub fn r2(&self) -> Option<f64> {
        (self.spread > 0.0).then(|| 1.0 - self.squared / self.spread)
    }
}
