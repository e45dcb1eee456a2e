//! Shares of right answers.

use super::metric::{classes_of, from_json, json, scores_of};
use super::{Metric, check_classes, check_finite, check_lengths, rows};
use crate::exact;
use purlin_core::{Error, Real, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Share of samples whose class was found.
///
/// The predicted class is the one with the greatest score (the smallest index of a tie), or, for
/// [`Accuracy::binary`], 1 where the single score is greater than the threshold.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::Accuracy;
///
/// let mut accuracy = Accuracy::new();
/// accuracy.update(&[0.1, 0.7, 0.2, 0.5, 0.3, 0.2], &[1, 2])?; // two rows of three scores
/// assert_eq!(accuracy.value(), Some(0.5));
///
/// let mut binary = Accuracy::binary(0.0); // logits; for probabilities 0.5
/// binary.update(&[-1.0, 2.0, 3.0], &[0, 1, 0])?;
/// assert_eq!(binary.value(), Some(2.0 / 3.0));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Accuracy {
    #[serde(with = "exact::option")]
    threshold: Option<f64>,
    n_right: u64,
    n_samples: u64,
}

impl Accuracy {
    /// For scores per class.
    pub fn new() -> Self {
        Self::default()
    }

    /// For one score per sample: class 1 where it is greater than `threshold` (0 for logits, 0.5
    /// for probabilities).
    pub fn binary(threshold: f64) -> Self {
        Self { threshold: Some(threshold), ..Self::default() }
    }

    /// Takes a batch: `(targets.len(), n_classes)` scores (one score each if binary), row-major.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the scores cannot be cut into rows, [`Error::InvalidParam`] for a
    /// class out of range or a threshold of NaN, [`Error::NonFinite`] for NaN or an infinity.
    /// Nothing is counted then.
    pub fn update<T: Real>(&mut self, scores: &[T], targets: &[usize]) -> Result<()> {
        let n_right = if let Some(threshold) = self.threshold {
            if threshold.is_nan() {
                return Err(Error::param("accuracy", "threshold", "a number", threshold));
            }
            check_lengths("accuracy", targets.len(), scores.len())?;
            check_classes("accuracy", targets, 2)?;
            check_finite("accuracy", "scores", scores, 1)?;
            let right =
                |(score, target): (&T, &usize)| usize::from(score.to_f64() > threshold) == *target;
            scores.iter().zip(targets).map(right).filter(|&is_right| is_right).count()
        } else {
            let n_classes = scores.len() / targets.len().max(1);
            let rows = checked_rows("accuracy", scores, n_classes, targets.len(), targets)?;
            rows.zip(targets).filter(|(row, target)| argmax(row) == **target).count()
        };
        self.n_right += n_right as u64;
        self.n_samples += targets.len() as u64;
        Ok(())
    }

    /// The share of right answers; `None` before the first sample.
    pub fn value(&self) -> Option<f64> {
        (self.n_samples > 0).then(|| self.n_right as f64 / self.n_samples as f64)
    }

    /// Begins again.
    pub fn reset(&mut self) {
        (self.n_right, self.n_samples) = (0, 0);
    }
}

/// Share of samples whose class is among the `k` greatest scores.
///
/// Of equal scores those with the smaller index come first.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::TopK;
///
/// let mut top2 = TopK::new(2);
/// top2.update(&[0.1, 0.7, 0.2, 0.5, 0.3, 0.2], &[2, 2])?;
/// assert_eq!(top2.value(), Some(0.5));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    k: usize,
    n_right: u64,
    n_samples: u64,
}

impl TopK {
    /// Counts a class among the `k` greatest scores as right.
    pub fn new(k: usize) -> Self {
        Self { k, n_right: 0, n_samples: 0 }
    }

    /// The number of scores that count.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Takes a batch: `(targets.len(), n_classes)` scores, row-major.
    ///
    /// # Errors
    ///
    /// As [`Accuracy::update`]; also when `k` is 0 or greater than the number of classes.
    pub fn update<T: Real>(&mut self, scores: &[T], targets: &[usize]) -> Result<()> {
        let n_classes = scores.len() / targets.len().max(1);
        let rows = checked_rows("top-k accuracy", scores, n_classes, targets.len(), targets)?;
        if !targets.is_empty() && !(1..=n_classes).contains(&self.k) {
            return Err(Error::param("top-k accuracy", "k", format!("in 1..={n_classes}"), self.k));
        }
        let is_among = |row: &[T], target: usize| {
            let score = row[target];
            let before = row[..target].iter().filter(|&&x| x >= score).count();
            let after = row[target..].iter().filter(|&&x| x > score).count();
            before + after < self.k
        };
        let n_right = rows.zip(targets).filter(|&(row, &target)| is_among(row, target)).count();
        self.n_right += n_right as u64;
        self.n_samples += targets.len() as u64;
        Ok(())
    }

    /// The share of right answers; `None` before the first sample.
    pub fn value(&self) -> Option<f64> {
        (self.n_samples > 0).then(|| self.n_right as f64 / self.n_samples as f64)
    }

    /// Begins again.
    pub fn reset(&mut self) {
        (self.n_right, self.n_samples) = (0, 0);
    }
}

/// The index of the greatest score; the smallest index of a tie.
pub(crate) fn argmax<T: Real>(row: &[T]) -> usize {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x > row[best] {
            best = i;
        }
    }
    best
}

/// The rows of `n_rows` targets, of which `classes` are to be classes.
pub(super) fn checked_rows<'a, T: Real>(
    op: &'static str,
    scores: &'a [T],
    n_classes: usize,
    n_rows: usize,
    classes: &[usize],
) -> Result<impl Iterator<Item = &'a [T]>> {
    // An empty batch has no rows, and so no width.
    let rows = rows(op, scores, if n_rows == 0 { 1 } else { n_classes }, n_rows)?;
    check_classes(op, classes, n_classes)?;
    check_finite(op, "scores", scores, n_classes)?;
    Ok(rows)
}

/// `accuracy`. Output `(n, n_classes)`, or `(n, steps, n_classes)` beside a class per step; for
/// [`Accuracy::binary`] one score per class.
impl Metric for Accuracy {
    fn name(&self) -> String {
        "accuracy".to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        let classes = classes_of("accuracy", targets)?;
        self.update(scores_of("accuracy", output, classes.len())?, &classes)
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
        let saved: Self = from_json("accuracy", state)?;
        if saved.threshold.map(f64::to_bits) != self.threshold.map(f64::to_bits) {
            let rule = format!("that of threshold {:?}", self.threshold);
            return Err(Error::param("accuracy", "state", rule, format!("{:?}", saved.threshold)));
        }
        *self = saved;
        Ok(())
    }
}

/// `top_5_accuracy` for k = 5. Output `(n, n_classes)`, or `(n, steps, n_classes)` beside a class
/// per step.
impl Metric for TopK {
    fn name(&self) -> String {
        format!("top_{}_accuracy", self.k())
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        let classes = classes_of("top-k accuracy", targets)?;
        self.update(scores_of("top-k accuracy", output, classes.len())?, &classes)
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
        let saved: Self = from_json("top-k accuracy", state)?;
        if saved.k != self.k {
            return Err(Error::param(
                "top-k accuracy",
                "state",
                format!("that of k = {}", self.k),
                saved.k,
            ));
        }
        *self = saved;
        Ok(())
    }
}
