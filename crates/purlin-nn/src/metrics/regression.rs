//! Errors of predicted values.

use super::metric::{from_json, json};
use super::{Metric, check_finite, check_lengths};
use crate::exact;
use purlin_core::{Error, Real, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Mean absolute, squared and relative errors, and the share of the variance explained.
///
/// All values of a target count alike, whatever its shape. So R² of several outputs is that of all
/// their values together, around one mean; scikit-learn's `r2_score` takes the R² of each output
/// around its own mean and averages them. For that, keep one [`Regression`] per output.
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
    /// Infinite once a target was 0.
    #[serde(with = "exact")]
    relative: f64,
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
    /// [`Error::Shape`] when the lists differ in length,
    /// [`Error::NonFinite`] for NaN or an infinity. Nothing is counted then.
    pub fn update<T: Real>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        check_lengths("regression metrics", targets.len(), predictions.len())?;
        check_finite("regression metrics", "predictions", predictions, 1)?;
        check_finite("regression metrics", "targets", targets, 1)?;
        for (prediction, target) in predictions.iter().zip(targets) {
            let (prediction, target) = (prediction.to_f64(), target.to_f64());
            let error = prediction - target;
            self.absolute += error.abs();
            self.squared += error * error;
            self.relative += if target == 0.0 { f64::INFINITY } else { (error / target).abs() };
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

    /// Mean absolute percentage error, as a share: the mean of `|error / target|`, 0.1 for 10 %.
    /// `None` before the first value, and once a target was 0 (or so small that the sum overflows):
    /// there it is not defined.
    ///
    /// ```
    /// use purlin_nn::metrics::Regression;
    ///
    /// let mut errors = Regression::new();
    /// errors.update(&[110.0, 40.0], &[100.0, 50.0])?;
    /// assert!((errors.mape().unwrap() - 0.15).abs() < 1e-15);
    /// errors.update(&[0.0], &[0.0])?;
    /// assert_eq!(errors.mape(), None);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn mape(&self) -> Option<f64> {
        self.mean_of(self.relative).filter(|mean| mean.is_finite())
    }

    /// The coefficient of determination, 1 - squared errors / spread of the targets; `None` when
    /// the targets have no spread.
    pub fn r2(&self) -> Option<f64> {
        (self.spread > 0.0).then(|| 1.0 - self.squared / self.spread)
    }
}

/// An error of predicted values, for the trainer.
///
/// Output and targets of the same number of values.
///
/// # Examples
///
/// ```
/// use purlin_data::Targets;
/// use purlin_nn::metrics::{Metric, RegressionScore};
/// use purlin_tensor::Tensor;
///
/// let mut mae = RegressionScore::mae();
/// mae.update(&Tensor::from([[1.0], [2.0]]), &Targets::Values(Tensor::from([[1.5], [2.5]])))?;
/// assert_eq!(mae.value(), Some(0.5));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionScore {
    kind: RegressionKind,
    errors: Regression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegressionKind {
    Mae,
    Mse,
    Rmse,
    Mape,
    R2,
}

impl RegressionScore {
    fn new(kind: RegressionKind) -> Self {
        Self { kind, errors: Regression::new() }
    }

    /// Mean absolute error.
    pub fn mae() -> Self {
        Self::new(RegressionKind::Mae)
    }

    /// Mean squared error.
    pub fn mse() -> Self {
        Self::new(RegressionKind::Mse)
    }

    /// Root of the mean squared error.
    pub fn rmse() -> Self {
        Self::new(RegressionKind::Rmse)
    }

    /// Mean absolute percentage error, as a share; not defined, and so left out, once a target is 0.
    /// See [`Regression::mape`].
    pub fn mape() -> Self {
        Self::new(RegressionKind::Mape)
    }

    /// The coefficient of determination, of all values of all outputs together; see [`Regression`].
    pub fn r2() -> Self {
        Self::new(RegressionKind::R2)
    }
}

impl Metric for RegressionScore {
    fn name(&self) -> String {
        let name = match self.kind {
            RegressionKind::Mae => "mae",
            RegressionKind::Mse => "mse",
            RegressionKind::Rmse => "rmse",
            RegressionKind::Mape => "mape",
            RegressionKind::R2 => "r2",
        };
        name.to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        match targets {
            Targets::Values(values) => self.errors.update(output.data(), values.data()),
            Targets::Classes(_) => {
                Err(Error::shape("regression metrics", "target values", "classes"))
            }
            Targets::None => Err(Error::shape("regression metrics", "target values", "none")),
        }
    }
    fn value(&self) -> Option<f64> {
        match self.kind {
            RegressionKind::Mae => self.errors.mae(),
            RegressionKind::Mse => self.errors.mse(),
            RegressionKind::Rmse => self.errors.rmse(),
            RegressionKind::Mape => self.errors.mape(),
            RegressionKind::R2 => self.errors.r2(),
        }
    }
    fn reset(&mut self) {
        self.errors.reset();
    }
    fn state(&self) -> String {
        json(&self.errors)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        self.errors = from_json("regression metrics", state)?;
        Ok(())
    }
}
