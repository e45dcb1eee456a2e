//! Cross-entropy of logits.

use super::{
    Loss, Reduction, Target, check_weights, each_option, reduce, reduction_option, same_shape,
};
use super::{total_weight, within};
use crate::layers::within_one;
use purlin_core::{Error, Real, Result};
use purlin_tensor::{CrossEntropyOptions, Tensor, cross_entropy};

/// Softmax and negative log-likelihood in one: `ln(sum(exp(x))) - x[target]` per row, finite for
/// any finite logits.
///
/// # Examples
///
/// ```
/// use purlin_nn::losses::CrossEntropy;
/// use purlin_tensor::{CrossEntropyOptions, Tensor, cross_entropy};
///
/// let logits = Tensor::<f64>::from([[2.0, 1.0, 0.0], [0.0, 0.0, 9.0]]);
/// let loss = CrossEntropy::new().label_smoothing(0.1).weight([1.0, 1.0, 3.0]);
/// assert!(loss.loss(&logits, &[0, 2])?.item() > 0.0);
/// let err = loss.loss(&logits, &[0, 3]).unwrap_err();
/// assert_eq!(err.to_string(), "cross_entropy: target must be below n_classes = 3, got 3 at row 1");
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - Label smoothing: C. Szegedy et al., *Rethinking the inception architecture for computer
///   vision*, CVPR 2016.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropy {
    weight: Option<Vec<f64>>,
    ignore_index: Option<usize>,
    label_smoothing: f64,
    reduction: Reduction,
}

impl CrossEntropy {
    /// All classes count alike, no smoothing; the mean over rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The factor on the loss of each class. The mean divides by the sum of the targets'
    /// factors.
    #[must_use]
    pub fn weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// Rows with this target (it need not be a class) have no loss and do not count in the mean.
    ///
    /// The mean of a batch in which every row is ignored is an error here: nothing was measured,
    /// and 0 would pass for a perfect batch. The formula
    /// [`purlin_tensor::cross_entropy`] gives 0 (and gradients of 0) for it, as a sum over no rows
    /// does; [`Reduction::Sum`] gives the same here.
    #[must_use]
    pub fn ignore_index(mut self, index: usize) -> Self {
        self.ignore_index = Some(index);
        self
    }

    /// Takes this share of each target's probability and spreads it evenly over all classes.
    ///
    /// # Panics
    ///
    /// Unless it lies in 0..=1.
    #[must_use]
    #[track_caller]
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        within_one("cross_entropy", "label_smoothing", smoothing);
        self.label_smoothing = smoothing;
        self
    }

    reduction_option!();

    /// The loss of logits `(..., n_classes)` against one class per row.
    ///
    /// [`Reduction::None`] gives one loss per row, in the shape of the leading axes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the number of targets or weights does not fit,
    /// [`Error::InvalidParam`] when a target is no class or a weight is negative,
    /// [`Error::TooFewSamples`] for the mean of nothing but ignored rows.
    pub fn loss<T: Real>(&self, logits: &Tensor<T>, targets: &[usize]) -> Result<Tensor<T>> {
        let weights = self.weight.as_deref();
        let total = total_weight("cross_entropy", logits, targets, weights, self.ignore_index)?;
        if self.reduction == Reduction::Mean {
            total.check("cross_entropy")?;
        }
        let options = CrossEntropyOptions {
            weight: self.weight_tensor()?,
            label_smoothing: self.label_smoothing,
            ignore_index: self.ignore_index,
            reduction: self.reduction,
        };
        Ok(cross_entropy(logits, targets, &options))
    }

    /// The loss of logits `(..., n_classes)` against probabilities of the same shape. The mean
    /// divides by the number of rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a probability lies
    /// outside 0..=1 or `ignore_index` is set, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn soft_loss<T: Real>(&self, logits: &Tensor<T>, probs: &Tensor<T>) -> Result<Tensor<T>> {
        const OP: &str = "cross_entropy";
        same_shape(OP, logits, probs)?;
        within(OP, "target", probs, 0.0, 1.0)?;
        if let Some(index) = self.ignore_index {
            return Err(Error::param(OP, "ignore_index", "unset for probabilities", index));
        }
        let Some(&n_classes) = logits.dims().last() else {
            return Err(Error::shape(OP, "prediction (..., n_classes)", logits.shape()));
        };
        let mut probs = probs.clone();
        if self.label_smoothing > 0.0 {
            let share = self.label_smoothing / n_classes as f64;
            probs = probs.mul_scalar(1.0 - self.label_smoothing).add_scalar(share);
        }
        let mut logp = logits.log_softmax(-1);
        if let Some(weight) = &self.weight {
            check_weights(OP, weight, n_classes)?;
        }
        if let Some(weight) = self.weight_tensor()? {
            logp *= weight;
        }
        reduce(OP, self.reduction, -(probs * logp).sum_axis(-1, false))
    }

    fn weight_tensor<T: Real>(&self) -> Result<Option<Tensor<T>>> {
        let Some(weight) = &self.weight else { return Ok(None) };
        let values = weight.iter().map(|&w| T::from_f64(w)).collect();
        Tensor::from_vec(values, weight.len()).map(Some)
    }
}

impl<T: Real> Loss<T> for CrossEntropy {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        match target {
            Target::Classes(classes) => self.loss(prediction, classes),
            Target::Values(probs) => self.soft_loss(prediction, probs),
        }
    }

    each_option!();
}
