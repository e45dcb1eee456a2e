//! Learning-rate schedules: pure functions of the step.
//!
//! A [`Schedule`] answers "which learning rate is in effect at step `t`", counted from 0. It holds
//! no state, so a resumed run asks for the step it is at and nothing has to be restored. A step is
//! whatever the caller counts: optimizer updates, or epochs. The one rule that must look at
//! results, [`ReduceOnPlateau`], is a value with state of its own.
//!
//! | schedule | learning rate at step `t` |
//! |---|---|
//! | [`Constant`] | `lr`, or `lr * factor` for the first steps |
//! | [`StepDecay`], [`MultiStepDecay`] | times `gamma` every `n` steps, or at named steps |
//! | [`ExponentialDecay`] | `lr * gamma^t` |
//! | [`Linear`] | from one factor of `lr` to another along a line: warm-up or decay |
//! | [`Polynomial`] | `lr * (1 - t/n)^power` |
//! | [`Cosine`], [`CosineRestarts`] | half a cosine from `lr` to `floor`, once or again and again |
//! | [`WarmupCosine`] | a line up, then half a cosine down |
//! | [`OneCycle`] | up to `max_lr` and far down again, the momentum the other way round |
//! | [`Cyclic`] | a triangle wave between two rates |
//! | [`Noam`] | linear warm-up, then `1 / sqrt(t)` |
//! | [`Sequence`] | one schedule after another |
//! | [`FnSchedule`] | your own function |
//!
//! Transcendental functions come from the `libm` crate, so that the rates have the same bits on
//! every system.
//!
//! # Examples
//!
//! Ten steps of warm-up, then half a cosine over ninety:
//!
//! ```
//! use purlin_nn::schedule::{Cosine, Linear, Schedule, Sequence};
//!
//! let schedule = Sequence::new(Linear::warm_up(0.1, 10)).then(10, Cosine::new(0.1, 90));
//! schedule.check()?;
//! assert!((schedule.lr(0) - 0.01).abs() < 1e-15);
//! assert_eq!(schedule.lr(10), 0.1);
//! assert!((schedule.lr(55) - 0.05).abs() < 1e-12);
//! assert_eq!(schedule.lr(100), 0.0);
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod cosine;
mod cycle;
mod decay;
mod linear;
mod plateau;
mod sequence;

pub use cosine::{Cosine, CosineRestarts, WarmupCosine};
pub use cycle::{Anneal, Cyclic, CyclicMode, OneCycle};
pub use decay::{Constant, ExponentialDecay, MultiStepDecay, StepDecay};
pub use linear::{Linear, Noam, Polynomial};
pub use plateau::{ReduceOnPlateau, Threshold};
pub use sequence::{FnSchedule, Sequence};

use purlin_core::{Error, Result};
use std::fmt;

/// The learning rate (and for some, the momentum) in effect at each step, counted from 0.
///
/// Parameters are checked by [`Schedule::check`], which the trainer calls before its first step.
/// Without that call a schedule whose parameters break their rules answers NaN, which every
/// optimizer refuses as an error.
///
/// The `Debug` text names the parameters: a run is resumed only with a schedule of the same text.
pub trait Schedule: Send + Sync + fmt::Debug {
    /// The learning rate in effect at `step`.
    fn lr(&self, step: u64) -> f64;

    /// The momentum in effect at `step`, for schedules that move it; `None` leaves it alone.
    fn momentum(&self, step: u64) -> Option<f64> {
        let _ = step;
        None
    }

    /// Whether the parameters keep their rules.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] naming the schedule, the parameter, the rule and the value.
    fn check(&self) -> Result<()>;
}

/// `value` must be finite and at least 0.
fn check_rate(op: &'static str, param: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::param(op, param, "finite and at least 0", value))
    }
}

/// `value` must be finite and above 0.
fn check_positive(op: &'static str, param: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(Error::param(op, param, "finite and greater than 0", value))
    }
}

/// A count of steps must be at least 1.
fn check_steps(op: &'static str, param: &'static str, value: u64) -> Result<()> {
    if value >= 1 { Ok(()) } else { Err(Error::param(op, param, "at least 1", value)) }
}

/// How far along `step` is on the way to `n_steps`, from 0 to 1 and 1 ever after; NaN for 0 steps.
fn progress(step: u64, n_steps: u64) -> f64 {
    if n_steps == 0 {
        return f64::NAN;
    }
    step.min(n_steps) as f64 / n_steps as f64
}

/// Half a cosine: `from` at 0, `to` at 1.
fn cosine_between(from: f64, to: f64, t: f64) -> f64 {
    // The ends are returned as they are: cos(pi) is exact, but from + (to - from) is not always `to`.
    if t == 1.0 {
        return to;
    }
    to + (from - to) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * t))
}

/// A line: `from` at 0, `to` at 1.
fn line_between(from: f64, to: f64, t: f64) -> f64 {
    if t == 1.0 { to } else { from + (to - from) * t }
}
