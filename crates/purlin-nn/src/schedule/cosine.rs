//! Half cosines.

use super::{Schedule, check_rate, check_steps, cosine_between, progress};
use purlin_core::{Error, Result};

/// Half a cosine from `lr` to `floor` over `n_steps` steps, and `floor` ever after.
///
/// `floor + (lr - floor) * (1 + cos(pi t / n_steps)) / 2`. With [`Cosine::periodic`] the wave
/// goes on beyond `n_steps`, up to `lr` at `2 n_steps` and so forth.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Cosine, Schedule};
///
/// let schedule = Cosine::new(1.0, 10).floor(0.1);
/// assert_eq!([0, 10, 15].map(|t| schedule.lr(t)), [1.0, 0.1, 0.1]);
/// assert!((schedule.lr(5) - 0.55).abs() < 1e-15);
/// assert!((schedule.periodic().lr(15) - 0.55).abs() < 1e-15);
/// ```
///
/// # References
///
/// - I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts*, ICLR 2017.
#[derive(Debug, Clone, PartialEq)]
pub struct Cosine {
    lr: f64,
    n_steps: u64,
    floor: f64,
    periodic: bool,
}

impl Cosine {
    /// From `lr` to 0 over `n_steps` steps.
    pub fn new(lr: f64, n_steps: u64) -> Self {
        Self { lr, n_steps, floor: 0.0, periodic: false }
    }

    /// The rate at the end.
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }

    /// Lets the wave rise again after `n_steps`.
    #[must_use]
    pub fn periodic(self) -> Self {
        Self { periodic: true, ..self }
    }
}

impl Schedule for Cosine {
    fn lr(&self, step: u64) -> f64 {
        if self.n_steps == 0 {
            return f64::NAN;
        }
        let t = if self.periodic {
            let within = step % (2 * self.n_steps);
            within.min(2 * self.n_steps - within)
        } else {
            step
        };
        cosine_between(self.lr, self.floor, progress(t, self.n_steps))
    }

    fn check(&self) -> Result<()> {
        check_rate("cosine", "lr", self.lr)?;
        check_rate("cosine", "floor", self.floor)?;
        check_steps("cosine", "n_steps", self.n_steps)
    }
}

/// Half cosines that start again: the first lasts `period` steps, each next one `factor` times longer.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{CosineRestarts, Schedule};
///
/// let schedule = CosineRestarts::new(1.0, 4).factor(2);
/// assert_eq!([0, 4, 12].map(|t| schedule.lr(t)), [1.0, 1.0, 1.0]); // 4 steps, 8 steps, ...
/// assert!((schedule.lr(2) - 0.5).abs() < 1e-15 && (schedule.lr(8) - 0.5).abs() < 1e-15);
/// ```
///
/// # References
///
/// - I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts*, ICLR 2017.
#[derive(Debug, Clone, PartialEq)]
pub struct CosineRestarts {
    lr: f64,
    period: u64,
    factor: u64,
    floor: f64,
}

impl CosineRestarts {
    /// Restarts every `period` steps.
    pub fn new(lr: f64, period: u64) -> Self {
        Self { lr, period, factor: 1, floor: 0.0 }
    }

    /// Makes each period `factor` times as long as the one before.
    #[must_use]
    pub fn factor(self, factor: u64) -> Self {
        Self { factor, ..self }
    }

    /// The rate that each period falls to.
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }
}

impl Schedule for CosineRestarts {
    fn lr(&self, step: u64) -> f64 {
        if self.period == 0 || self.factor == 0 {
            return f64::NAN;
        }
        let (mut within, mut period) = (step, self.period);
        if self.factor == 1 {
            within %= period;
        } else {
            // At most 64 rounds: the period at least doubles.
            while within >= period {
                within -= period;
                period = period.saturating_mul(self.factor);
            }
        }
        cosine_between(self.lr, self.floor, progress(within, period))
    }

    fn check(&self) -> Result<()> {
        check_rate("cosine restarts", "lr", self.lr)?;
        check_rate("cosine restarts", "floor", self.floor)?;
        check_steps("cosine restarts", "period", self.period)?;
        check_steps("cosine restarts", "factor", self.factor)
    }
}

/// A line up over `warmup` steps, then half a cosine down to `floor * lr` at step `total`.
///
/// Step `t` of the warm-up has `lr * (t + 1) / warmup`, so the first step already moves.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Schedule, WarmupCosine};
///
/// let schedule = WarmupCosine::new(1.0, 4, 24).floor(0.1);
/// assert_eq!([0, 3, 4, 24, 99].map(|t| schedule.lr(t)), [0.25, 1.0, 1.0, 0.1, 0.1]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WarmupCosine {
    lr: f64,
    warmup: u64,
    total: u64,
    floor: f64,
}

impl WarmupCosine {
    /// `warmup` steps up, down to 0 at step `total`.
    pub fn new(lr: f64, warmup: u64, total: u64) -> Self {
        Self { lr, warmup, total, floor: 0.0 }
    }

    /// The rate at the end, as a share of `lr`.
    #[must_use]
    pub fn floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }
}

impl Schedule for WarmupCosine {
    fn lr(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.lr * (step + 1) as f64 / self.warmup as f64;
        }
        let t = progress(step - self.warmup, self.total.saturating_sub(self.warmup).max(1));
        self.lr * cosine_between(1.0, self.floor, t)
    }

    fn check(&self) -> Result<()> {
        check_rate("warm-up cosine", "lr", self.lr)?;
        check_rate("warm-up cosine", "floor", self.floor)?;
        if self.total > self.warmup {
            Ok(())
        } else {
            let rule = format!("greater than warmup ({})", self.warmup);
            Err(Error::param("warm-up cosine", "total", rule, self.total))
        }
    }
}
