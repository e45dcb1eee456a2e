//! Writing the best weights.

use super::{Callback, CallbackState, Flow, RunInfo, bad_state, monitored};
use crate::Module;
use crate::exact::Exact;
use crate::metrics::Goal;
use crate::trainer::EpochRecord;
use crate::weights::{self, ModelInfo};
use purlin_core::{Real, Result};
use std::path::{Path, PathBuf};

/// Writes the weights to a file whenever a value improves, and only then.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::callbacks::SaveBest;
/// use purlin_nn::weights;
/// use purlin_tensor::Tensor;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("best.safetensors");
/// let mut best = SaveBest::new("val_loss", &path);
/// let mut model = Param::new(Tensor::from([1.0f32]));
/// assert!(best.observe(0.5, &model)?);
/// model.data_mut()[0] = 2.0;
/// assert!(!best.observe(0.6, &model)?);
/// weights::load(&mut model, &path)?;
/// assert_eq!(model.to_vec(), [1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SaveBest {
    monitor: String,
    goal: Goal,
    path: PathBuf,
    info: ModelInfo,
    best: Option<f64>,
}

impl SaveBest {
    /// Watches the value of this name; whether it is to fall or to rise follows from the name
    /// ([`Goal::of_name`]).
    pub fn new(monitor: &str, path: impl AsRef<Path>) -> Self {
        Self {
            monitor: monitor.to_owned(),
            goal: Goal::of_name(monitor),
            path: path.as_ref().to_owned(),
            info: ModelInfo::default(),
            best: None,
        }
    }

    /// Whether the value is to fall or to rise.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// What is written along with the weights.
    #[must_use]
    pub fn info(self, info: ModelInfo) -> Self {
        Self { info, ..self }
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Takes a value, and writes the weights if it is the best so far; says whether it did. NaN
    /// never is.
    ///
    /// # Errors
    ///
    /// As [`weights::save_with`].
    pub fn observe<T: Real>(
        &mut self,
        value: f64,
        model: &(impl Module<T> + ?Sized),
    ) -> Result<bool> {
        let is_best = match self.best {
            Some(best) => self.goal.is_better(value, best),
            None => !value.is_nan(),
        };
        if is_best {
            weights::save_with(model, &self.info, &self.path)?;
            self.best = Some(value);
        }
        Ok(is_best)
    }
}

impl<T: Real> Callback<T> for SaveBest {
    fn name(&self) -> String {
        format!("save_best.{}", self.monitor)
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        if run.is_fresh() {
            self.best = None;
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, model: &dyn Module<T>) -> Result<Flow> {
        let value = monitored("save best", &self.monitor, record)?;
        self.observe(value, model)?;
        Ok(Flow::Continue)
    }

    fn state(&self) -> Option<CallbackState<T>> {
        let record = serde_json::to_string(&self.best.map(Exact)).ok()?;
        Some(CallbackState { record, tensors: Vec::new() })
    }

    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        let best: Option<Exact> =
            serde_json::from_str(&state.record).map_err(|e| bad_state("save best", &e))?;
        self.best = best.map(|best| best.0);
        Ok(())
    }
}
