//! Lowering the rate when a result stops improving.

use super::{check_positive, check_rate};
use crate::exact;
use crate::metrics::Goal;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What counts as an improvement over the best value so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// Better by this share of the best value.
    Relative(f64),
    /// Better by this much.
    Absolute(f64),
}

/// Multiplies the learning rate by `factor` when a value has not improved for more than `patience`
/// observations.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `factor` | 0.1 | what the rate is multiplied with |
/// | `patience` | 10 | observations without improvement that are borne |
/// | `threshold` | relative 1e-4 | what counts as an improvement |
/// | `cooldown` | 0 | observations after a cut during which none is counted |
/// | `min_lr` | 0 | the rate never falls below |
///
/// A change of less than 1e-8 is not made. NaN is no improvement.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::Goal;
/// use purlin_nn::schedule::ReduceOnPlateau;
///
/// let mut plateau = ReduceOnPlateau::new(Goal::Minimize).factor(0.5).patience(1);
/// let (mut lr, mut rates) = (1.0, Vec::new());
/// for loss in [0.9, 0.8, 0.8, 0.8, 0.8, 0.8] {
///     lr = plateau.observe(loss, lr);
///     rates.push(lr);
/// }
/// assert_eq!(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceOnPlateau {
    goal: Goal,
    factor: f64,
    patience: u64,
    threshold: Threshold,
    cooldown: u64,
    min_lr: f64,
    state: PlateauState,
}

/// What a [`ReduceOnPlateau`] remembers; part of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlateauState {
    /// The best value so far.
    #[serde(with = "exact::option")]
    pub best: Option<f64>,
    /// Observations since the best, the cut or the end of the cooldown.
    pub n_bad: u64,
    /// Observations of the cooldown that are left.
    pub cooldown_left: u64,
}

impl ReduceOnPlateau {
    /// Watches a value that is to fall or to rise.
    pub fn new(goal: Goal) -> Self {
        Self {
            goal,
            factor: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            min_lr: 0.0,
            state: PlateauState { best: None, n_bad: 0, cooldown_left: 0 },
        }
    }

    /// What the rate is multiplied with.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// Observations without improvement that are borne.
    #[must_use]
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// What counts as an improvement.
    #[must_use]
    pub fn threshold(self, threshold: Threshold) -> Self {
        Self { threshold, ..self }
    }

    /// Observations after a cut during which none is counted.
    #[must_use]
    pub fn cooldown(self, cooldown: u64) -> Self {
        Self { cooldown, ..self }
    }

    /// The rate never falls below.
    #[must_use]
    pub fn min_lr(self, min_lr: f64) -> Self {
        Self { min_lr, ..self }
    }

    /// Whether the parameters keep their rules.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: `factor` outside `(0, 1)`, a negative or non-finite threshold or rate.
    pub fn check(&self) -> Result<()> {
        check_positive("reduce on plateau", "factor", self.factor)?;
        if self.factor >= 1.0 {
            return Err(Error::param("reduce on plateau", "factor", "less than 1", self.factor));
        }
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = self.threshold;
        check_rate("reduce on plateau", "threshold", threshold)?;
        check_rate("reduce on plateau", "min_lr", self.min_lr)
    }

    /// Takes a value and the rate in effect; gives the rate from now on.
    pub fn observe(&mut self, value: f64, lr: f64) -> f64 {
        let state = &mut self.state;
        let bar = state.best.unwrap_or(self.goal.worst());
        let is_better = match (self.goal, self.threshold) {
            _ if bar.is_infinite() => self.goal.is_better(value, bar),
            (Goal::Minimize, Threshold::Relative(share)) => value < bar * (1.0 - share),
            (Goal::Maximize, Threshold::Relative(share)) => value > bar * (1.0 + share),
            (Goal::Minimize, Threshold::Absolute(by)) => value < bar - by,
            (Goal::Maximize, Threshold::Absolute(by)) => value > bar + by,
        };
        if is_better {
            state.best = Some(value);
            state.n_bad = 0;
        } else {
            state.n_bad += 1;
        }
        if state.cooldown_left > 0 {
            state.cooldown_left -= 1;
            state.n_bad = 0;
        }
        if state.n_bad <= self.patience {
            return lr;
        }
        state.cooldown_left = self.cooldown;
        state.n_bad = 0;
        let lower = (lr * self.factor).max(self.min_lr);
        if lr - lower > 1e-8 { lower } else { lr }
    }

    /// The same settings with nothing remembered.
    pub(crate) fn fresh(&self) -> Self {
        let state = PlateauState { best: None, n_bad: 0, cooldown_left: 0 };
        Self { state, ..self.clone() }
    }

    /// What it remembers.
    pub fn state(&self) -> &PlateauState {
        &self.state
    }

    /// Goes on from what was remembered.
    pub fn set_state(&mut self, state: PlateauState) {
        self.state = state;
    }
}
