//! The learning rate of every step.

use super::{BatchEnd, Callback, CallbackState, RunInfo, bad_state};
use crate::exact;
use purlin_core::{Real, Result};
use serde::{Deserialize, Serialize};

/// Keeps the learning rate of every optimizer step, to plot or to check a schedule by.
///
/// # Examples
///
/// ```
/// use purlin_nn::callbacks::LrLog;
///
/// let mut log = LrLog::new();
/// log.write(1, 0.1);
/// log.write(2, 0.05);
/// assert_eq!(log.steps(), [1, 2]);
/// assert_eq!(log.rates(), [0.1, 0.05]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LrLog {
    steps: Vec<u64>,
    #[serde(with = "exact::list")]
    rates: Vec<f64>,
}

impl LrLog {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the rate of a step (from 1).
    pub fn write(&mut self, step: u64, lr: f64) {
        self.steps.push(step);
        self.rates.push(lr);
    }

    /// The steps, from 1.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// Their learning rates.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }
}

impl<T: Real> Callback<T> for LrLog {
    fn name(&self) -> String {
        "lr_log".to_owned()
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        if run.is_fresh() {
            *self = Self::new();
        }
        Ok(())
    }

    fn on_batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
        if end.is_step {
            self.write(end.step, end.lr);
        }
        Ok(())
    }

    fn state(&self) -> Option<CallbackState<T>> {
        let record = serde_json::to_string(self).ok()?;
        Some(CallbackState { record, tensors: Vec::new() })
    }

    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        *self = serde_json::from_str(&state.record).map_err(|e| bad_state("lr log", &e))?;
        Ok(())
    }
}
