//! Stopping when nothing improves any more.

use super::{Callback, CallbackState, Flow, RunInfo, bad_state, monitored};
use crate::Module;
use crate::exact;
use crate::metrics::Goal;
use crate::trainer::{EpochRecord, History};
use crate::weights::{check_finite, load_state_dict, state_dict};
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Stops when a value has not improved for `patience` epochs in a row, and gives the model the
/// weights of its best epoch at the end. The words mean what they mean in Keras.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `goal` | by the name ([`Goal::of_name`]) | whether the value is to fall or to rise |
/// | `min_delta` | 0 | an improvement must be greater than this |
/// | `patience` | 0 | epochs in a row without improvement that end training; 0 means 1 |
/// | `baseline` | none | the value must beat this, too; until it does, no epoch improves |
/// | `start_from_epoch` | 1 | epochs before this one are not looked at |
/// | `restore_best_weights` | yes | at the end of training, however it ends |
///
/// The weights are copied when the best value is seen, before the next step changes anything, and
/// put back when training ends: by this callback, by another one, or by the last epoch. When no
/// epoch improved (the baseline was never beaten, or every value was NaN) there is no best epoch
/// and the weights stay as they are.
///
/// NaN is no improvement. An infinite value counts like any other.
#[derive(Debug, Clone)]
pub struct EarlyStopping<T: Real = f32> {
    monitor: String,
    goal: Goal,
    min_delta: f64,
    patience: u64,
    baseline: Option<f64>,
    start_from_epoch: u64,
    restore_best_weights: bool,
    memory: Memory,
    weights: Vec<(String, Tensor<T>)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Memory {
    best_epoch: u64,
    #[serde(with = "exact::option")]
    best: Option<f64>,
    n_waiting: u64,
}

impl<T: Real> EarlyStopping<T> {
    /// Watches the value of this name: `val_loss`, `val_accuracy`, ...
    pub fn new(monitor: &str) -> Self {
        Self {
            monitor: monitor.to_owned(),
            goal: Goal::of_name(monitor),
            min_delta: 0.0,
            patience: 0,
            baseline: None,
            start_from_epoch: 1,
            restore_best_weights: true,
            memory: Memory::default(),
            weights: Vec::new(),
        }
    }

    /// Whether the value is to fall or to rise.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// An improvement must be greater than this.
    #[must_use]
    pub fn min_delta(self, min_delta: f64) -> Self {
        Self { min_delta, ..self }
    }

    /// Epochs in a row without improvement that end training.
    #[must_use]
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// What the value must beat to count as an improvement at all.
    #[must_use]
    pub fn baseline(self, baseline: f64) -> Self {
        Self { baseline: Some(baseline), ..self }
    }

    /// The first epoch (from 1) that is looked at.
    #[must_use]
    pub fn start_from_epoch(self, start_from_epoch: u64) -> Self {
        Self { start_from_epoch, ..self }
    }

    /// Whether the model gets the weights of the best epoch at the end.
    #[must_use]
    pub fn restore_best_weights(self, restore_best_weights: bool) -> Self {
        Self { restore_best_weights, ..self }
    }

    /// Takes the value of an epoch (from 1) and says whether to stop.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `min_delta` is negative or not finite, when the baseline is
    /// NaN, or when weights that are to be kept hold NaN or an infinity: those of the best epoch so
    /// far are kept then.
    pub fn observe(
        &mut self,
        epoch: u64,
        value: f64,
        model: &(impl Module<T> + ?Sized),
    ) -> Result<Flow> {
        self.check()?;
        if epoch < self.start_from_epoch {
            return Ok(Flow::Continue);
        }
        if self.improves(value) {
            if self.restore_best_weights {
                let weights = state_dict(model);
                check_finite("early stopping", &weights)?;
                self.weights = weights;
            }
            self.memory = Memory { best_epoch: epoch, best: Some(value), n_waiting: 0 };
            return Ok(Flow::Continue);
        }
        self.memory.n_waiting += 1;
        if self.memory.n_waiting < self.patience {
            return Ok(Flow::Continue);
        }
        let best = match self.best() {
            Some((epoch, value)) => format!("best {value} in epoch {epoch}"),
            None => "no epoch improved".to_owned(),
        };
        Ok(Flow::Stop(format!(
            "{} has not improved for {} epochs, {best}",
            self.monitor, self.memory.n_waiting
        )))
    }

    fn improves(&self, value: f64) -> bool {
        let beats = |than: f64| match self.goal {
            // An infinite bar leaves no room for a delta.
            Goal::Minimize => value < than && (than.is_infinite() || value < than - self.min_delta),
            Goal::Maximize => value > than && (than.is_infinite() || value > than + self.min_delta),
        };
        match (self.memory.best, self.baseline) {
            (Some(best), _) => beats(best),
            (None, Some(baseline)) => beats(baseline),
            (None, None) => !value.is_nan(),
        }
    }

    /// Epoch (from 1) and value of the best epoch so far.
    pub fn best(&self) -> Option<(u64, f64)> {
        self.memory.best.map(|best| (self.memory.best_epoch, best))
    }

    /// Gives the model the weights of the best epoch; without one it stays as it is.
    ///
    /// # Errors
    ///
    /// When it is another model than the one observed.
    pub fn restore(&self, model: &mut (impl Module<T> + ?Sized)) -> Result<()> {
        load_state_dict(model, &self.weights)
    }

    fn check(&self) -> Result<()> {
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            let rule = "finite and at least 0";
            return Err(Error::param("early stopping", "min_delta", rule, self.min_delta));
        }
        match self.baseline {
            Some(baseline) if baseline.is_nan() => {
                Err(Error::param("early stopping", "baseline", "a number", baseline))
            }
            _ => Ok(()),
        }
    }
}

impl<T: Real> Callback<T> for EarlyStopping<T> {
    fn name(&self) -> String {
        format!("early_stopping.{}", self.monitor)
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        if run.is_fresh() {
            self.memory = Memory::default();
            self.weights.clear();
        }
        self.check()
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, model: &dyn Module<T>) -> Result<Flow> {
        let value = monitored("early stopping", &self.monitor, record)?;
        self.observe(record.epoch, value, model)
    }

    fn on_train_end(&mut self, _: &History, model: &mut dyn Module<T>) -> Result<()> {
        if self.restore_best_weights { self.restore(model) } else { Ok(()) }
    }

    fn state(&self) -> Option<CallbackState<T>> {
        let record = serde_json::to_string(&self.memory).ok()?;
        Some(CallbackState { record, tensors: self.weights.clone() })
    }

    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        self.memory =
            serde_json::from_str(&state.record).map_err(|e| bad_state("early stopping", &e))?;
        self.weights = state.tensors;
        Ok(())
    }
}
