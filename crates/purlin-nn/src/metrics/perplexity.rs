//! How many symbols a model wavers between.

use super::accuracy::checked_rows;
use super::metric::{classes_of, from_json, json, scores_of};
use super::{Goal, Metric};
use crate::exact;
use purlin_core::{Error, Real, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `e` to the mean cross-entropy of logits: of a model that takes `k` symbols for equally likely, and
/// is right that it is one of them, it is `k`.
///
/// The mean is over all targets that count, whatever batch they came in.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::Perplexity;
///
/// let mut perplexity = Perplexity::new();
/// perplexity.update(&[0.0, 0.0, 0.0, 0.0, 7.0, 7.0, 7.0, 7.0], &[2, 0])?; // two rows of four logits
/// assert!((perplexity.value().unwrap() - 4.0).abs() < 1e-12);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - F. Jelinek, R. L. Mercer, L. R. Bahl, J. K. Baker, *Perplexity - a measure of the difficulty of
///   speech recognition tasks*, J. Acoust. Soc. Am. 62(S1), 1977.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Perplexity {
    ignore_index: Option<usize>,
    #[serde(with = "exact")]
    sum: f64,
    n_counted: u64,
}

impl Perplexity {
    /// Every target counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Targets of this index do not count: padding, say. It need not be a class.
    #[must_use]
    pub fn ignore_index(mut self, index: usize) -> Self {
        self.ignore_index = Some(index);
        self
    }

    /// Takes a batch: `(targets.len(), n_classes)` logits, row-major. Logarithms of probabilities
    /// are logits, too.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the logits cannot be cut into rows, [`Error::InvalidParam`] for a class
    /// out of range, [`Error::NonFinite`] for NaN or an infinity. Nothing is counted then.
    pub fn update<T: Real>(&mut self, logits: &[T], targets: &[usize]) -> Result<()> {
        let n_classes = logits.len() / targets.len().max(1);
        let is_counted = |target: usize| Some(target) != self.ignore_index;
        let counted: Vec<usize> = targets.iter().copied().filter(|&t| is_counted(t)).collect();
        let rows = checked_rows("perplexity", logits, n_classes, targets.len(), &counted)?;
        for (row, &target) in rows.zip(targets).filter(|(_, target)| is_counted(**target)) {
            let most = row.iter().fold(f64::NEG_INFINITY, |most, x| most.max(x.to_f64()));
            let total: f64 = row.iter().map(|x| libm::exp(x.to_f64() - most)).sum();
            self.sum += libm::log(total) - (row[target].to_f64() - most);
        }
        self.n_counted += counted.len() as u64;
        Ok(())
    }

    /// The perplexity; `None` before the first target that counts. It is infinite where the mean
    /// cross-entropy is above 709.
    pub fn value(&self) -> Option<f64> {
        (self.n_counted > 0).then(|| libm::exp(self.sum / self.n_counted as f64))
    }

    /// Begins again.
    pub fn reset(&mut self) {
        (self.sum, self.n_counted) = (0.0, 0);
    }
}

/// `perplexity`. Output logits `(n, n_classes)`, or `(n, steps, n_classes)` beside a class per step.
impl Metric for Perplexity {
    fn name(&self) -> String {
        "perplexity".to_owned()
    }
    fn goal(&self) -> Goal {
        Goal::Minimize
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        let classes = classes_of("perplexity", targets)?;
        self.update(scores_of("perplexity", output, classes.len())?, &classes)
    }
    fn value(&self) -> Option<f64> {
        self.value()
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn state(&self) -> String {
        json(self)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        let saved: Self = from_json("perplexity", state)?;
        if saved.ignore_index != self.ignore_index {
            let rule = format!("that of ignore_index {:?}", self.ignore_index);
            let value = format!("{:?}", saved.ignore_index);
            return Err(Error::param("perplexity", "state", rule, value));
        }
        *self = saved;
        Ok(())
    }
}
