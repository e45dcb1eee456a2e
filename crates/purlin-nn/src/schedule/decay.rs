//! Rates that stand still or fall by factors.

use super::{Schedule, check_rate, check_steps};
use purlin_core::Result;

/// The same rate at every step; with [`Constant::held_down`], times a factor for the first ones.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Constant, Schedule};
///
/// let schedule = Constant::new(0.1).held_down(0.5, 3);
/// assert_eq!([0, 2, 3].map(|t| schedule.lr(t)), [0.05, 0.05, 0.1]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    lr: f64,
    factor: f64,
    n_steps: u64,
}

impl Constant {
    /// `lr` at every step.
    pub fn new(lr: f64) -> Self {
        Self { lr, factor: 1.0, n_steps: 0 }
    }

    /// `lr * factor` for the first `n_steps` steps.
    #[must_use]
    pub fn held_down(self, factor: f64, n_steps: u64) -> Self {
        Self { factor, n_steps, ..self }
    }
}

impl Schedule for Constant {
    fn lr(&self, step: u64) -> f64 {
        if step < self.n_steps { self.lr * self.factor } else { self.lr }
    }

    fn check(&self) -> Result<()> {
        check_rate("constant", "lr", self.lr)?;
        check_rate("constant", "factor", self.factor)
    }
}

/// `lr * gamma^(t / step_size)`, the quotient rounded down: a staircase.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Schedule, StepDecay};
///
/// let schedule = StepDecay::new(1.0, 10, 0.5);
/// assert_eq!([0, 9, 10, 25].map(|t| schedule.lr(t)), [1.0, 1.0, 0.5, 0.25]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StepDecay {
    lr: f64,
    step_size: u64,
    gamma: f64,
}

impl StepDecay {
    /// Times `gamma` after every `step_size` steps.
    pub fn new(lr: f64, step_size: u64, gamma: f64) -> Self {
        Self { lr, step_size, gamma }
    }
}

impl Schedule for StepDecay {
    fn lr(&self, step: u64) -> f64 {
        match step.checked_div(self.step_size) {
            Some(n) => self.lr * libm::pow(self.gamma, n as f64),
            None => f64::NAN,
        }
    }

    fn check(&self) -> Result<()> {
        check_rate("step decay", "lr", self.lr)?;
        check_steps("step decay", "step_size", self.step_size)?;
        check_rate("step decay", "gamma", self.gamma)
    }
}

/// Times `gamma` at each milestone.
///
/// A step named twice counts twice; the order of the milestones does not matter.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{MultiStepDecay, Schedule};
///
/// let schedule = MultiStepDecay::new(1.0, &[3, 5], 0.5);
/// assert_eq!([2, 3, 5].map(|t| schedule.lr(t)), [1.0, 0.5, 0.25]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStepDecay {
    lr: f64,
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStepDecay {
    /// Times `gamma` from each step in `milestones` on.
    pub fn new(lr: f64, milestones: &[u64], gamma: f64) -> Self {
        Self { lr, milestones: milestones.to_vec(), gamma }
    }
}

impl Schedule for MultiStepDecay {
    fn lr(&self, step: u64) -> f64 {
        let passed = self.milestones.iter().filter(|&&at| at <= step).count();
        self.lr * libm::pow(self.gamma, passed as f64)
    }

    fn check(&self) -> Result<()> {
        check_rate("multi-step decay", "lr", self.lr)?;
        check_rate("multi-step decay", "gamma", self.gamma)
    }
}

/// `lr * gamma^t`.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{ExponentialDecay, Schedule};
///
/// let schedule = ExponentialDecay::new(1.0, 0.5);
/// assert_eq!([0, 1, 3].map(|t| schedule.lr(t)), [1.0, 0.5, 0.125]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialDecay {
    lr: f64,
    gamma: f64,
}

impl ExponentialDecay {
    /// Times `gamma` at every step.
    pub fn new(lr: f64, gamma: f64) -> Self {
        Self { lr, gamma }
    }
}

impl Schedule for ExponentialDecay {
    fn lr(&self, step: u64) -> f64 {
        self.lr * libm::pow(self.gamma, step as f64)
    }

    fn check(&self) -> Result<()> {
        check_rate("exponential decay", "lr", self.lr)?;
        check_rate("exponential decay", "gamma", self.gamma)
    }
}
