//! Counts of what was taken for what, and what follows from them.

use super::{check_classes, check_lengths};
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the values of several classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Average {
    /// Over all samples at once: right answers over answers.
    Micro,
    /// The mean over classes. A class that occurs neither as target nor as prediction is left out.
    Macro,
    /// The mean over classes weighted by how often each is the target.
    Weighted,
    /// One class alone; class 1 of two is "positive" in binary problems.
    Class(usize),
}

/// How often each class was taken for each other one.
///
/// Row = target, column = prediction. Where a ratio has no cases (a class that was never
/// predicted has no precision), it counts as 0, as in scikit-learn.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::{Average, ConfusionMatrix};
///
/// let mut cm = ConfusionMatrix::new(2);
/// cm.update(&[1, 1, 1, 0, 0], &[1, 1, 0, 0, 1])?;
/// assert_eq!(cm.counts(), [1, 1, 1, 2]); // rows: target 0, target 1
/// assert_eq!(cm.precision(Average::Class(1)), Some(2.0 / 3.0));
/// assert_eq!(cm.recall(Average::Class(1)), Some(2.0 / 3.0));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    n_classes: usize,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// All zero, for `n_classes` classes.
    pub fn new(n_classes: usize) -> Self {
        Self { n_classes, counts: vec![0; n_classes * n_classes] }
    }

    /// Takes a batch of true and predicted classes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the lists differ in length, [`Error::InvalidParam`] for a class that
    /// is not below `n_classes`. Nothing is counted then.
    pub fn update(&mut self, targets: &[usize], predictions: &[usize]) -> Result<()> {
        check_lengths("confusion matrix", targets.len(), predictions.len())?;
        check_classes("confusion matrix", targets, self.n_classes)?;
        check_classes("confusion matrix", predictions, self.n_classes)?;
        for (&target, &prediction) in targets.iter().zip(predictions) {
            self.counts[target * self.n_classes + prediction] += 1;
        }
        Ok(())
    }

    /// Adds the counts of another matrix of the same size.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the numbers of classes differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.n_classes != other.n_classes || self.counts.len() != other.counts.len() {
            let expected = format!("{} classes", self.n_classes);
            return Err(Error::shape("confusion matrix", expected, other.n_classes));
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        Ok(())
    }

    /// Begins again.
    pub fn reset(&mut self) {
        self.counts.fill(0);
    }

    /// The number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// All counts, row-major: `(target, prediction)`.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How often `target` was taken for `prediction`.
    ///
    /// # Panics
    ///
    /// When a class is out of range.
    #[track_caller]
    pub fn count(&self, target: usize, prediction: usize) -> u64 {
        assert!(
            target < self.n_classes && prediction < self.n_classes,
            "confusion matrix: class must be less than {}, got ({target}, {prediction})",
            self.n_classes
        );
        self.counts[target * self.n_classes + prediction]
    }

    /// The number of samples.
    pub fn n_samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn right(&self, class: usize) -> f64 {
        self.counts[class * self.n_classes + class] as f64
    }

    fn n_right(&self) -> f64 {
        (0..self.n_classes).map(|class| self.right(class)).sum()
    }

    /// How often `class` is the target.
    fn support(&self, class: usize) -> f64 {
        self.counts[class * self.n_classes..][..self.n_classes].iter().sum::<u64>() as f64
    }

    /// How often `class` was predicted.
    fn predicted(&self, class: usize) -> f64 {
        (0..self.n_classes).map(|t| self.counts[t * self.n_classes + class]).sum::<u64>() as f64
    }

    /// Share of right answers; `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        self.is_filled().then(|| self.n_right() / self.n_samples() as f64)
    }

    /// The mean recall of the classes that occur as targets; `None` without samples.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let occurring: Vec<usize> =
            (0..self.n_classes).filter(|&class| self.support(class) > 0.0).collect();
        let total: f64 = occurring.iter().map(|&c| self.right(c) / self.support(c)).sum();
        self.is_filled().then(|| total / occurring.len() as f64)
    }

    /// Of the samples taken for a class, the share that belongs to it; `None` without samples.
    ///
    /// # Panics
    ///
    /// When [`Average::Class`] names a class that is out of range.
    #[track_caller]
    pub fn precision(&self, average: Average) -> Option<f64> {
        self.averaged(average, |right, predicted, _| ratio(right, predicted))
    }

    /// Of the samples of a class, the share that was found; `None` without samples.
    ///
    /// # Panics
    ///
    /// When [`Average::Class`] names a class that is out of range.
    #[track_caller]
    pub fn recall(&self, average: Average) -> Option<f64> {
        self.averaged(average, |right, _, support| ratio(right, support))
    }

    /// The harmonic mean of precision and recall; `None` without samples.
    ///
    /// # Panics
    ///
    /// When [`Average::Class`] names a class that is out of range.
    #[track_caller]
    pub fn f1(&self, average: Average) -> Option<f64> {
        self.f_score(average, 1.0)
    }

    /// The mean of precision and recall in which recall counts `beta` times as much; `None`
    /// without samples.
    ///
    /// # Panics
    ///
    /// When [`Average::Class`] names a class that is out of range, or `beta` is not finite or below
    /// 0.
    #[track_caller]
    pub fn f_score(&self, average: Average, beta: f64) -> Option<f64> {
        assert!(
            beta.is_finite() && beta >= 0.0,
            "confusion matrix: beta must be finite and at least 0, got {beta}"
        );
        let b2 = beta * beta;
        self.averaged(average, |right, predicted, support| {
            ratio((1.0 + b2) * right, b2 * support + predicted)
        })
    }

    /// Averages a ratio of (right, predicted, support) over classes.
    #[track_caller]
    fn averaged(&self, average: Average, score: impl Fn(f64, f64, f64) -> f64) -> Option<f64> {
        let of = |class| score(self.right(class), self.predicted(class), self.support(class));
        if let Average::Class(class) = average {
            let n = self.n_classes;
            assert!(class < n, "confusion matrix: class must be less than {n}, got {class}");
        }
        if !self.is_filled() {
            return None;
        }
        let n_samples = self.n_samples() as f64;
        Some(match average {
            Average::Micro => score(self.n_right(), n_samples, n_samples),
            Average::Class(class) => of(class),
            Average::Weighted => {
                (0..self.n_classes).map(|c| of(c) * self.support(c)).sum::<f64>() / n_samples
            }
            Average::Macro => {
                let occurs = |&c: &usize| self.support(c) + self.predicted(c) > 0.0;
                let classes: Vec<usize> = (0..self.n_classes).filter(occurs).collect();
                classes.iter().map(|&c| of(c)).sum::<f64>() / classes.len() as f64
            }
        })
    }

    /// Cohen's kappa: agreement beyond what the frequencies of the classes give by chance; `None`
    /// without samples, or where chance alone already agrees everywhere.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.n_samples() as f64;
        let chance: f64 =
            (0..self.n_classes).map(|c| self.support(c) * self.predicted(c)).sum::<f64>() / (n * n);
        (chance < 1.0).then(|| (self.n_right() / n - chance) / (1.0 - chance))
    }

    /// The correlation coefficient of Matthews, for any number of classes (Gorodkin 2004); 0 where
    /// all targets or all predictions are one class, `None` without samples.
    pub fn matthews(&self) -> Option<f64> {
        let n = self.n_samples() as f64;
        let sum = |f: &dyn Fn(usize) -> f64| (0..self.n_classes).map(f).sum::<f64>();
        let product = sum(&|c| self.support(c) * self.predicted(c));
        let predicted = n * n - sum(&|c| self.predicted(c) * self.predicted(c));
        let support = n * n - sum(&|c| self.support(c) * self.support(c));
        let above = self.n_right() * n - product;
        // Two roots, not the root of a product: counts of millions stay exact this way.
        self.is_filled().then(|| ratio(above, predicted.sqrt() * support.sqrt()))
    }

    fn is_filled(&self) -> bool {
        self.counts.iter().any(|&count| count > 0)
    }
}

/// 0 where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
