//! The area under the ROC curve.

use super::metric::{classes_of, from_json, json};
use super::{Metric, check_classes, check_finite, check_lengths};
use crate::exact;
use purlin_core::{Real, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How well a score ranks the positive samples above the negative ones.
///
/// The area under the ROC curve is the probability that a positive sample has a greater score
/// than a negative one, a tie counting one half. It is counted in whole numbers, so it is exact.
/// The scores of all samples are kept (9 bytes each) until [`RocAuc::reset`].
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::RocAuc;
///
/// let mut auc = RocAuc::new();
/// auc.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1])?;
/// assert_eq!(auc.value(), Some(0.75)); // 3 of the 4 pairs are in order
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - J. A. Hanley, B. J. McNeil, *The meaning and use of the area under a receiver operating
///   characteristic (ROC) curve*, Radiology 143(1), 1982.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RocAuc {
    #[serde(with = "exact::list")]
    scores: Vec<f64>,
    positive: Vec<bool>,
}

impl RocAuc {
    /// No samples yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a batch: one score per sample (logit or probability), targets 0 or 1.
    ///
    /// # Errors
    ///
    /// [`purlin_core::Error::Shape`] when the lists differ in length,
    /// [`purlin_core::Error::InvalidParam`] for a target above 1,
    /// [`purlin_core::Error::NonFinite`] for a score that is NaN or infinite. Nothing is kept then.
    pub fn update<T: Real>(&mut self, scores: &[T], targets: &[usize]) -> Result<()> {
        check_lengths("roc auc", targets.len(), scores.len())?;
        check_classes("roc auc", targets, 2)?;
        check_finite("roc auc", "scores", scores, 1)?;
        self.scores.extend(scores.iter().map(|x| x.to_f64()));
        self.positive.extend(targets.iter().map(|&target| target == 1));
        Ok(())
    }

    /// Begins again.
    pub fn reset(&mut self) {
        self.scores.clear();
        self.positive.clear();
    }

    /// Groups of equal scores, from the greatest down: (positives, negatives) in each.
    fn groups(&self) -> Vec<(u64, u64)> {
        // A score of -0 equals 0; total order would part them.
        let mut order: Vec<(f64, bool)> =
            self.scores.iter().map(|&x| x + 0.0).zip(self.positive.iter().copied()).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut groups = Vec::new();
        let mut last = f64::NAN;
        for (score, is_positive) in order {
            if score != last {
                groups.push((0, 0));
                last = score;
            }
            if let Some(group) = groups.last_mut() {
                if is_positive {
                    group.0 += 1;
                } else {
                    group.1 += 1;
                }
            }
        }
        groups
    }

    /// The area under the ROC curve; `None` unless both classes have samples.
    pub fn value(&self) -> Option<f64> {
        let (mut n_positive, mut n_negative, mut twice_ordered) = (0u128, 0u128, 0u128);
        for (positive, negative) in self.groups() {
            let (positive, negative) = (u128::from(positive), u128::from(negative));
            twice_ordered += negative * (2 * n_positive + positive);
            n_positive += positive;
            n_negative += negative;
        }
        let pairs = n_positive * n_negative;
        (pairs > 0).then(|| twice_ordered as f64 / (2 * pairs) as f64)
    }

    /// Average precision: the precision at each score at which positives are found, weighted by
    /// how many. `None` without positive samples.
    pub fn average_precision(&self) -> Option<f64> {
        let (mut found, mut seen, mut sum) = (0u64, 0u64, 0.0);
        for (positive, negative) in self.groups() {
            found += positive;
            seen += positive + negative;
            sum += positive as f64 * (found as f64 / seen as f64);
        }
        (found > 0).then(|| sum / found as f64)
    }
}

/// `auc`. Output one score per sample, or `(n, 2)`: the second score minus the first.
impl Metric for RocAuc {
    fn name(&self) -> String {
        "auc".to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        let classes = classes_of("roc auc", targets)?;
        if let [_, 2] = output.dims() {
            let pairs = output.data().as_chunks::<2>().0;
            let scores: Vec<f64> =
                pairs.iter().map(|[a, b]| f64::from(*b) - f64::from(*a)).collect();
            return self.update(&scores, &classes);
        }
        self.update(output.data(), &classes)
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
        *self = from_json("roc auc", state)?;
        Ok(())
    }
}
