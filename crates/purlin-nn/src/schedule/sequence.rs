//! Schedules made of schedules, and of functions.

use super::Schedule;
use purlin_core::{Error, Result};
use std::fmt;

/// One schedule after another; each counts its own steps from 0.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Constant, ExponentialDecay, Schedule, Sequence};
///
/// let schedule = Sequence::new(Constant::new(1.0)).then(3, ExponentialDecay::new(1.0, 0.5));
/// assert_eq!([2, 3, 4].map(|t| schedule.lr(t)), [1.0, 1.0, 0.5]);
/// ```
pub struct Sequence {
    first: Box<dyn Schedule>,
    rest: Vec<(u64, Box<dyn Schedule>)>,
}

impl Sequence {
    /// Starts with `first`.
    pub fn new(first: impl Schedule + 'static) -> Self {
        Self { first: Box::new(first), rest: Vec::new() }
    }

    /// Goes on with `next` from step `at` (counted from the very beginning) on.
    #[must_use]
    pub fn then(mut self, at: u64, next: impl Schedule + 'static) -> Self {
        self.rest.push((at, Box::new(next)));
        self
    }

    /// The part in charge at `step`, and the step that it counts.
    fn part(&self, step: u64) -> (&dyn Schedule, u64) {
        match self.rest.iter().rev().find(|(at, _)| *at <= step) {
            Some((at, part)) => (part.as_ref(), step - at),
            None => (self.first.as_ref(), step),
        }
    }
}

impl Schedule for Sequence {
    fn lr(&self, step: u64) -> f64 {
        let (part, step) = self.part(step);
        part.lr(step)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        let (part, step) = self.part(step);
        part.momentum(step)
    }

    fn check(&self) -> Result<()> {
        self.first.check()?;
        let mut last = 0;
        for (at, part) in &self.rest {
            if *at <= last {
                let rule = format!("greater than the one before ({last})");
                return Err(Error::param("sequence", "at", rule, at));
            }
            last = *at;
            part.check()?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence").field("first", &self.first).field("rest", &self.rest).finish()
    }
}

/// A schedule from your own function of the step.
///
/// It must give the same rate for the same step, or a resumed run differs. For equal bits on
/// every system, take `exp`, `cos` and the like from the `libm` crate.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{FnSchedule, Schedule};
///
/// let schedule = FnSchedule::new(|step| 1.0 / (1 + step) as f64);
/// assert_eq!(schedule.lr(3), 0.25);
/// ```
pub struct FnSchedule(Box<dyn Fn(u64) -> f64 + Send + Sync>);

impl FnSchedule {
    /// `lr(step)` is the rate at `step`.
    pub fn new(lr: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self(Box::new(lr))
    }
}

impl Schedule for FnSchedule {
    fn lr(&self, step: u64) -> f64 {
        (self.0)(step)
    }

    fn check(&self) -> Result<()> {
        super::check_rate("schedule", "lr at step 0", self.lr(0))
    }
}

impl fmt::Debug for FnSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A function has no name; some of its values tell it from another one.
        let rates = [0, 1, 10, 100, 1_000, 10_000].map(|step| (step, self.lr(step)));
        f.debug_tuple("FnSchedule").field(&rates).finish()
    }
}
