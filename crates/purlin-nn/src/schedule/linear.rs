//! Rates along a line, and powers of one.

use super::{Schedule, check_rate, check_steps, line_between, progress};
use purlin_core::Result;

/// From `lr * from` to `lr * to` along a line over `n_steps` steps, then `lr * to`.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Linear, Schedule};
///
/// let warm_up = Linear::new(1.0, 0.0, 1.0, 4);
/// assert_eq!([0, 1, 4, 9].map(|t| warm_up.lr(t)), [0.0, 0.25, 1.0, 1.0]);
/// let decay = Linear::decay(1.0, 4);
/// assert_eq!([0, 1, 4, 9].map(|t| decay.lr(t)), [1.0, 0.75, 0.0, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    lr: f64,
    from: f64,
    to: f64,
    n_steps: u64,
}

impl Linear {
    /// From `lr * from` at step 0 to `lr * to` at step `n_steps`.
    pub fn new(lr: f64, from: f64, to: f64, n_steps: u64) -> Self {
        Self { lr, from, to, n_steps }
    }

    /// Warm-up: from a tenth of `lr` to `lr` over `n_steps` steps.
    pub fn warm_up(lr: f64, n_steps: u64) -> Self {
        Self::new(lr, 0.1, 1.0, n_steps)
    }

    /// From `lr` to 0 over `n_steps` steps.
    pub fn decay(lr: f64, n_steps: u64) -> Self {
        Self::new(lr, 1.0, 0.0, n_steps)
    }
}

impl Schedule for Linear {
    fn lr(&self, step: u64) -> f64 {
        self.lr * line_between(self.from, self.to, progress(step, self.n_steps))
    }

    fn check(&self) -> Result<()> {
        check_rate("linear", "lr", self.lr)?;
        check_rate("linear", "from", self.from)?;
        check_rate("linear", "to", self.to)?;
        check_steps("linear", "n_steps", self.n_steps)
    }
}

/// `lr * (1 - t/n_steps)^power`, and 0 from step `n_steps` on.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Polynomial, Schedule};
///
/// let schedule = Polynomial::new(1.0, 4, 2.0);
/// assert_eq!([0, 2, 4].map(|t| schedule.lr(t)), [1.0, 0.25, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    lr: f64,
    n_steps: u64,
    power: f64,
}

impl Polynomial {
    /// Falls to 0 over `n_steps` steps; `power` 1 is a line.
    pub fn new(lr: f64, n_steps: u64, power: f64) -> Self {
        Self { lr, n_steps, power }
    }
}

impl Schedule for Polynomial {
    fn lr(&self, step: u64) -> f64 {
        self.lr * libm::pow(1.0 - progress(step, self.n_steps), self.power)
    }

    fn check(&self) -> Result<()> {
        check_rate("polynomial", "lr", self.lr)?;
        check_steps("polynomial", "n_steps", self.n_steps)?;
        super::check_positive("polynomial", "power", self.power)
    }
}

/// `lr * d_model^-0.5 * min((t+1)^-0.5, (t+1) * warmup^-1.5)`: the schedule of the transformer.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Noam, Schedule};
///
/// let schedule = Noam::new(1.0, 64, 4);
/// assert!((schedule.lr(3) - 0.0625).abs() < 1e-15); // the peak: 64^-0.5 * 4^-0.5
/// assert!(schedule.lr(2) < schedule.lr(3) && schedule.lr(4) < schedule.lr(3));
/// ```
///
/// # References
///
/// - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017, section 5.3.
#[derive(Debug, Clone, PartialEq)]
pub struct Noam {
    lr: f64,
    d_model: u64,
    warmup: u64,
}

impl Noam {
    /// For a model of width `d_model`, with `warmup` steps of rising rate.
    pub fn new(lr: f64, d_model: u64, warmup: u64) -> Self {
        Self { lr, d_model, warmup }
    }
}

impl Schedule for Noam {
    fn lr(&self, step: u64) -> f64 {
        let t = step as f64 + 1.0;
        let rising = t * libm::pow(self.warmup as f64, -1.5);
        self.lr * rising.min(1.0 / t.sqrt()) / (self.d_model as f64).sqrt()
    }

    fn check(&self) -> Result<()> {
        check_rate("noam", "lr", self.lr)?;
        check_steps("noam", "d_model", self.d_model)?;
        check_steps("noam", "warmup", self.warmup)
    }
}
