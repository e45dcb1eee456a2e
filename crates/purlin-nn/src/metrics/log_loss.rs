//! Negative log-likelihood of probabilities.

use super::metric::{classes_of, from_json, json, scores_of};
use super::{Metric, check_classes, check_finite, rows};
use crate::exact;
use purlin_core::{Error, Real, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// A row of probabilities may miss 1 by this much; softmax in single precision stays far below.
const SUM_TOL: f64 = 1e-4;

/// The mean of `-ln p(right class)`.
///
/// Probabilities are moved into `[eps, 1 - eps]` with `eps = 2^-52` first, as scikit-learn does,
/// so that a probability of exactly 0 costs 36, not infinity.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::LogLoss;
///
/// let mut loss = LogLoss::new();
/// loss.update(&[0.5, 0.5, 0.25, 0.75], &[0, 1])?;
/// let expected = (0.5f64.recip().ln() + 0.75f64.recip().ln()) / 2.0;
/// assert!((loss.value().unwrap() - expected).abs() < 1e-15);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LogLoss {
    #[serde(with = "exact")]
    sum: f64,
    n_samples: u64,
}

impl LogLoss {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a batch: `(targets.len(), n_classes)` probabilities, row-major. With one probability
    /// per sample it is that of class 1.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the probabilities cannot be cut into rows, [`Error::InvalidParam`]
    /// for a class out of range or a row that does not sum to 1, [`Error::NonFinite`] for NaN or
    /// an infinity. Nothing is counted then.
    pub fn update<T: Real>(&mut self, probs: &[T], targets: &[usize]) -> Result<()> {
        if targets.is_empty() && probs.is_empty() {
            return Ok(());
        }
        let n_columns = probs.len() / targets.len().max(1);
        let rows = rows("log loss", probs, n_columns, targets.len())?;
        check_classes("log loss", targets, n_columns.max(2))?;
        check_finite("log loss", "probs", probs, n_columns)?;
        let mut sum = self.sum;
        for (row, &target) in rows.zip(targets) {
            let total: f64 = row.iter().map(|p| p.to_f64()).sum();
            let in_range = row.iter().all(|p| (0.0..=1.0).contains(&p.to_f64()));
            if !in_range || (n_columns > 1 && (total - 1.0).abs() > SUM_TOL) {
                let rule = "probabilities in 0..=1 that sum to 1 in each row";
                return Err(Error::param("log loss", "probs", rule, format!("{row:?}")));
            }
            let p = match (n_columns, target) {
                (1, 0) => 1.0 - row[0].to_f64(),
                (1, _) => row[0].to_f64(),
                _ => row[target].to_f64(),
            };
            sum -= libm::log(p.clamp(f64::EPSILON, 1.0 - f64::EPSILON));
        }
        self.sum = sum;
        self.n_samples += targets.len() as u64;
        Ok(())
    }

    /// The mean; `None` before the first sample.
    pub fn value(&self) -> Option<f64> {
        (self.n_samples > 0).then(|| self.sum / self.n_samples as f64)
    }

    /// Begins again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// `log_loss`. Output probabilities: `(n, n_classes)`, `(n, steps, n_classes)` beside a class per
/// step, or one per class.
impl Metric for LogLoss {
    fn name(&self) -> String {
        "log_loss".to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        let classes = classes_of("log loss", targets)?;
        self.update(scores_of("log loss", output, classes.len())?, &classes)
    }
    fn value(&self) -> Option<f64> {
        self.value()
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn state(&self) -> String {
        json(self)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        *self = from_json("log loss", state)?;
        Ok(())
    }
}
