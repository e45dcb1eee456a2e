//! Stopping when the goal is reached.

use super::{Callback, Flow, RunInfo, monitored};
use crate::Module;
use crate::metrics::Goal;
use crate::trainer::EpochRecord;
use purlin_core::{Error, Real, Result};

/// Stops as soon as a value is as good as the target or better.
///
/// # Examples
///
/// ```
/// use purlin_nn::callbacks::TargetReached;
///
/// let target = TargetReached::new("val_accuracy", 0.98);
/// assert!(!target.observe(0.97)?.is_stop());
/// assert!(target.observe(0.98)?.is_stop());
/// assert!(!target.observe(f64::NAN)?.is_stop());
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TargetReached {
    monitor: String,
    goal: Goal,
    target: f64,
}

impl TargetReached {
    /// Watches the value of this name; whether it is to fall or to rise follows from the name
    /// ([`Goal::of_name`]).
    pub fn new(monitor: &str, target: f64) -> Self {
        Self { monitor: monitor.to_owned(), goal: Goal::of_name(monitor), target }
    }

    /// Whether the value is to fall or to rise.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// Takes a value and says whether to stop.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when the target is NaN.
    pub fn observe(&self, value: f64) -> Result<Flow> {
        self.check()?;
        if value == self.target || self.goal.is_better(value, self.target) {
            let (monitor, target) = (&self.monitor, self.target);
            return Ok(Flow::Stop(format!("{monitor} has reached {target}, got {value}")));
        }
        Ok(Flow::Continue)
    }

    fn check(&self) -> Result<()> {
        if self.target.is_nan() {
            return Err(Error::param("target reached", "target", "a number", self.target));
        }
        Ok(())
    }
}

impl<T: Real> Callback<T> for TargetReached {
    fn name(&self) -> String {
        format!("target.{}", self.monitor)
    }

    fn on_train_begin(&mut self, _: &RunInfo) -> Result<()> {
        self.check()
    }

    fn on_epoch_end(&mut self, record: &EpochRecord, _: &dyn Module<T>) -> Result<Flow> {
        self.observe(monitored("target reached", &self.monitor, record)?)
    }
}
