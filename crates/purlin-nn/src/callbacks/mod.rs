//! What happens around the steps of a training: stopping, saving, logging, showing.
//!
//! | callback | what it does | by hand |
//! |---|---|---|
//! | [`EarlyStopping`] | stops when a value no longer improves; keeps the best weights | `observe`, `restore` |
//! | [`TargetReached`] | stops when a value is good enough | `observe` |
//! | [`Ema`] | a moving average of the weights, which often does better | `update`, `apply` |
//! | [`SaveBest`] | writes the weights whenever a value improves | `observe` |
//! | [`CsvLog`] | one line per epoch | `write` |
//! | [`TensorBoard`] | the values of every epoch as an event file | `write` |
//! | [`LrLog`] | the learning rate of every step | `write` |
//! | [`Lines`] | one line per epoch for people | `epoch` |
//! | `ProgressBar` (feature `progress`) | a live bar; lines where there is no terminal | `begin`, `batch`, `epoch` |
//!
//! The trainer calls them through [`Callback`]. A loop written by hand calls their own methods,
//! which need no trainer. Callbacks of your own implement the parts of [`Callback`] they need.
//!
//! # Examples
//!
//! Early stopping in a loop written by hand:
//!
//! ```
//! use purlin_nn::Param;
//! use purlin_nn::callbacks::EarlyStopping;
//! use purlin_tensor::Tensor;
//!
//! let mut model = Param::new(Tensor::from([0.0f32]));
//! let mut stopper = EarlyStopping::new("val_loss").patience(2);
//! for (epoch, loss) in [0.9, 0.5, 0.6, 0.7, 0.1].into_iter().enumerate() {
//!     model.data_mut()[0] = epoch as f32; // stands for training
//!     if stopper.observe(epoch as u64 + 1, loss, &model)?.is_stop() {
//!         break;
//!     }
//! }
//! assert_eq!(stopper.best(), Some((2, 0.5)));
//! stopper.restore(&mut model)?;
//! assert_eq!(model.to_vec(), [1.0]); // the weights of the second epoch
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod csv_log;
mod early_stopping;
mod ema;
mod lines;
mod lr_log;
#[cfg(feature = "progress")]
mod progress;
mod save_best;
mod target;
mod tensor_board;

pub use csv_log::CsvLog;
pub use early_stopping::EarlyStopping;
pub use ema::Ema;
pub use lines::Lines;
pub use lr_log::LrLog;
#[cfg(feature = "progress")]
pub use progress::ProgressBar;
pub use save_best::SaveBest;
pub use target::TargetReached;
pub use tensor_board::TensorBoard;

use crate::Module;
use crate::trainer::{EpochRecord, History};
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;
use std::fmt;

/// Whether training goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a loop written by hand stops by itself"]
pub enum Flow {
    /// It does.
    Continue,
    /// It stops after this epoch, for this reason.
    Stop(String),
}

impl Flow {
    /// Whether training is to stop.
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Stop(_))
    }
}

/// What a run is, told before its first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunInfo {
    /// Epochs in all.
    pub n_epochs: u64,
    /// Batches per epoch.
    pub n_batches: u64,
    /// Samples per epoch.
    pub n_samples: u64,
    /// The epoch that begins or goes on, from 0; above 0 in a resumed run.
    pub first_epoch: u64,
    /// The first batch within it.
    pub first_batch: u64,
}

impl RunInfo {
    /// Whether the run begins at its beginning. Callbacks then forget an earlier run.
    pub fn is_fresh(&self) -> bool {
        self.first_epoch == 0 && self.first_batch == 0
    }
}

/// Where a run is after a batch.
#[derive(Clone, Copy)]
pub struct BatchEnd<'a> {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The batch within the epoch, from 1.
    pub batch: u64,
    /// Samples in the batch.
    pub n_samples: u64,
    /// Optimizer steps taken since the beginning.
    pub step: u64,
    /// Whether the optimizer took a step after this batch (not while gradients accumulate).
    pub is_step: bool,
    /// The learning rate of the last step.
    pub lr: f64,
    /// `loss` and the metrics over the epoch so far; computed when called, which may take long
    /// (an area under a curve sorts all scores).
    pub values: &'a dyn Fn() -> Vec<(String, f64)>,
}

impl fmt::Debug for BatchEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchEnd")
            .field("epoch", &self.epoch)
            .field("batch", &self.batch)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// What a callback remembers between steps; part of a checkpoint.
#[derive(Debug, Clone, Default)]
pub struct CallbackState<T: Real = f32> {
    /// A record, as JSON.
    pub record: String,
    /// Tensors by name.
    pub tensors: Vec<(String, Tensor<T>)>,
}

/// What the trainer calls; every method but the name does nothing unless it is written.
pub trait Callback<T: Real = f32>: Send {
    /// The name that saved state is found by: unique in a trainer, the same in every run.
    fn name(&self) -> String;

    /// Before the first step, after [`Callback::load_state`] where a run goes on.
    ///
    /// # Errors
    ///
    /// Anything that makes training pointless ends it, here and below.
    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// After each step of the optimizer, before [`Callback::on_batch_end`].
    ///
    /// # Errors
    ///
    /// As [`Callback::on_train_begin`].
    fn on_step(&mut self, model: &dyn Module<T>) -> Result<()> {
        let _ = model;
        Ok(())
    }

    /// After each batch.
    ///
    /// # Errors
    ///
    /// As [`Callback::on_train_begin`].
    fn on_batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
        let _ = end;
        Ok(())
    }

    /// After each epoch and its validation.
    ///
    /// # Errors
    ///
    /// As [`Callback::on_train_begin`].
    fn on_epoch_end(&mut self, record: &EpochRecord, model: &dyn Module<T>) -> Result<Flow> {
        let _ = (record, model);
        Ok(Flow::Continue)
    }

    /// After the last step, however training came to its end (for an error see
    /// [`Callback::on_error`]).
    ///
    /// # Errors
    ///
    /// As [`Callback::on_train_begin`].
    fn on_train_end(&mut self, history: &History, model: &mut dyn Module<T>) -> Result<()> {
        let _ = (history, model);
        Ok(())
    }

    /// When the trainer ends with this error instead: to put away what is on the screen, to release
    /// what is held. The model is not handed over; training cannot go on.
    fn on_error(&mut self, error: &Error) {
        let _ = error;
    }

    /// What it remembers; `None` if nothing.
    fn state(&self) -> Option<CallbackState<T>> {
        None
    }

    /// Goes on from what was remembered.
    ///
    /// # Errors
    ///
    /// When the state is that of another callback.
    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

impl<T: Real, C: Callback<T> + ?Sized> Callback<T> for &mut C {
    fn name(&self) -> String {
        (**self).name()
    }
    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        (**self).on_train_begin(run)
    }
    fn on_step(&mut self, model: &dyn Module<T>) -> Result<()> {
        (**self).on_step(model)
    }
    fn on_batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
        (**self).on_batch_end(end)
    }
    fn on_epoch_end(&mut self, record: &EpochRecord, model: &dyn Module<T>) -> Result<Flow> {
        (**self).on_epoch_end(record, model)
    }
    fn on_train_end(&mut self, history: &History, model: &mut dyn Module<T>) -> Result<()> {
        (**self).on_train_end(history, model)
    }
    fn on_error(&mut self, error: &Error) {
        (**self).on_error(error);
    }
    fn state(&self) -> Option<CallbackState<T>> {
        (**self).state()
    }
    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        (**self).load_state(state)
    }
}

/// The value a callback watches, or an error that lists what there is.
pub(crate) fn monitored(op: &'static str, monitor: &str, record: &EpochRecord) -> Result<f64> {
    record.get(monitor).ok_or_else(|| {
        let rule = format!("one of {}", crate::trainer::names_of(&record.values));
        Error::param(op, "monitor", rule, monitor)
    })
}

/// A record that could not be read back.
pub(crate) fn bad_state(op: &'static str, error: &serde_json::Error) -> Error {
    Error::param(op, "state", "that of this callback", error)
}
