//! Rates that rise and fall.

use super::{
    Schedule, check_positive, check_rate, check_steps, cosine_between, line_between, progress,
};
use purlin_core::{Error, Result};

/// The curve between two rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anneal {
    /// Half a cosine.
    Cosine,
    /// A line.
    Linear,
}

impl Anneal {
    fn between(self, from: f64, to: f64, t: f64) -> f64 {
        match self {
            Self::Cosine => cosine_between(from, to, t),
            Self::Linear => line_between(from, to, t),
        }
    }
}

/// One cycle: up from `max_lr / 25` to `max_lr`, then down to a 10,000th of where it began; the
/// momentum goes from 0.95 down to 0.85 and back.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `pct_start` | 0.3 | share of the steps that rise |
/// | `div_factor` | 25 | `max_lr` over the first rate |
/// | `final_div_factor` | 10,000 | the first rate over the last |
/// | `momentum` | 0.85, 0.95 | least and greatest momentum |
/// | `anneal` | cosine | curve of each phase |
/// | `three_phase` | no | fall to the first rate as long as it rose, then to the last |
///
/// Steps beyond `total_steps` keep the last rate.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{OneCycle, Schedule};
///
/// let schedule = OneCycle::new(0.1, 40);
/// assert!((schedule.lr(0) - 0.004).abs() < 1e-15);
/// assert_eq!(schedule.lr(11), 0.1); // the end of the rising 30 %
/// assert_eq!(schedule.momentum(11), Some(0.85));
/// assert!(schedule.lr(39) < 1e-6);
/// ```
///
/// # References
///
/// - L. N. Smith, N. Topin, *Super-convergence: very fast training of neural networks using large
///   learning rates*, 2018.
#[derive(Debug, Clone, PartialEq)]
pub struct OneCycle {
    max_lr: f64,
    total_steps: u64,
    pct_start: f64,
    div_factor: f64,
    final_div_factor: f64,
    base_momentum: f64,
    max_momentum: f64,
    anneal: Anneal,
    three_phase: bool,
}

impl OneCycle {
    /// One cycle of `total_steps` steps with its peak at `max_lr`.
    pub fn new(max_lr: f64, total_steps: u64) -> Self {
        Self {
            max_lr,
            total_steps,
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            base_momentum: 0.85,
            max_momentum: 0.95,
            anneal: Anneal::Cosine,
            three_phase: false,
        }
    }

    /// The share of the steps that rise.
    #[must_use]
    pub fn pct_start(self, pct_start: f64) -> Self {
        Self { pct_start, ..self }
    }

    /// `max_lr` over the first rate, and the first rate over the last.
    #[must_use]
    pub fn div_factors(self, div_factor: f64, final_div_factor: f64) -> Self {
        Self { div_factor, final_div_factor, ..self }
    }

    /// The momentum at the peak of the rate, and at its ends.
    #[must_use]
    pub fn momentum_range(self, base_momentum: f64, max_momentum: f64) -> Self {
        Self { base_momentum, max_momentum, ..self }
    }

    /// The curve of each phase.
    #[must_use]
    pub fn anneal(self, anneal: Anneal) -> Self {
        Self { anneal, ..self }
    }

    /// Falls to the first rate as long as it rose, and only then to the last.
    #[must_use]
    pub fn three_phase(self) -> Self {
        Self { three_phase: true, ..self }
    }

    /// Value at `step` of a quantity that goes first -> peak -> last (by way of first).
    fn at(&self, step: u64, first: f64, peak: f64, last: f64) -> f64 {
        let end = self.total_steps as f64 - 1.0;
        let up = self.pct_start * self.total_steps as f64 - 1.0;
        let phases: [(f64, f64, f64); 3] = if self.three_phase {
            [(up, first, peak), (2.0 * up, peak, first), (end, first, last)]
        } else {
            [(up, first, peak), (end, peak, last), (end, last, last)]
        };
        let step = (step as f64).min(end);
        let mut start = 0.0;
        for (stop, from, to) in phases {
            if step <= stop {
                let t = if stop > start { (step - start) / (stop - start) } else { 1.0 };
                return self.anneal.between(from, to, t);
            }
            start = stop;
        }
        last
    }
}

impl Schedule for OneCycle {
    fn lr(&self, step: u64) -> f64 {
        let first = self.max_lr / self.div_factor;
        self.at(step, first, self.max_lr, first / self.final_div_factor)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        Some(self.at(step, self.max_momentum, self.base_momentum, self.max_momentum))
    }

    fn check(&self) -> Result<()> {
        check_rate("one-cycle", "max_lr", self.max_lr)?;
        check_positive("one-cycle", "div_factor", self.div_factor)?;
        check_positive("one-cycle", "final_div_factor", self.final_div_factor)?;
        for (param, value) in
            [("base_momentum", self.base_momentum), ("max_momentum", self.max_momentum)]
        {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::param("one-cycle", param, "in 0..1", value));
            }
        }
        let most = if self.three_phase { 0.5 } else { 1.0 };
        if !(self.pct_start > 0.0 && self.pct_start < most) {
            let rule = format!("between 0 and {most}, exclusive");
            return Err(Error::param("one-cycle", "pct_start", rule, self.pct_start));
        }
        if self.pct_start * (self.total_steps as f64) <= 1.0 {
            let rule = format!("such that {} of it is more than one step", self.pct_start);
            return Err(Error::param("one-cycle", "total_steps", rule, self.total_steps));
        }
        Ok(())
    }
}

/// How the height of a [`Cyclic`] wave changes from cycle to cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CyclicMode {
    /// Every cycle reaches `max_lr`.
    Triangular,
    /// Each cycle reaches half as high above `lr` as the one before.
    Triangular2,
    /// The height is multiplied by this factor at every step.
    ExpRange(f64),
}

/// A triangle wave between `lr` and `max_lr`: `up` steps up, `down` steps down.
///
/// # Examples
///
/// ```
/// use purlin_nn::schedule::{Cyclic, CyclicMode, Schedule};
///
/// let schedule = Cyclic::new(1.0, 3.0, 4, 4).mode(CyclicMode::Triangular2);
/// assert_eq!([0, 2, 4, 6, 8, 12].map(|t| schedule.lr(t)), [1.0, 2.0, 3.0, 2.0, 1.0, 2.0]);
/// ```
///
/// # References
///
/// - L. N. Smith, *Cyclical learning rates for training neural networks*, WACV 2017.
#[derive(Debug, Clone, PartialEq)]
pub struct Cyclic {
    lr: f64,
    max_lr: f64,
    up: u64,
    down: u64,
    mode: CyclicMode,
}

impl Cyclic {
    /// A wave of `up + down` steps between `lr` and `max_lr`.
    pub fn new(lr: f64, max_lr: f64, up: u64, down: u64) -> Self {
        Self { lr, max_lr, up, down, mode: CyclicMode::Triangular }
    }

    /// How the height changes from cycle to cycle.
    #[must_use]
    pub fn mode(self, mode: CyclicMode) -> Self {
        Self { mode, ..self }
    }
}

impl Schedule for Cyclic {
    fn lr(&self, step: u64) -> f64 {
        if self.up == 0 || self.down == 0 {
            return f64::NAN;
        }
        let (cycle, within) = (step / (self.up + self.down), step % (self.up + self.down));
        let height = if within <= self.up {
            progress(within, self.up)
        } else {
            1.0 - progress(within - self.up, self.down)
        };
        let scale = match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Triangular2 => libm::pow(0.5, cycle as f64),
            CyclicMode::ExpRange(gamma) => libm::pow(gamma, step as f64),
        };
        self.lr + (self.max_lr - self.lr) * height * scale
    }

    fn check(&self) -> Result<()> {
        check_rate("cyclic", "lr", self.lr)?;
        check_rate("cyclic", "max_lr", self.max_lr)?;
        check_steps("cyclic", "up", self.up)?;
        check_steps("cyclic", "down", self.down)?;
        match self.mode {
            CyclicMode::ExpRange(gamma) => check_rate("cyclic", "gamma", gamma),
            _ => Ok(()),
        }
    }
}
