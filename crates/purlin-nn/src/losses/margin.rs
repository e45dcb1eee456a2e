//! Scores of classes and pairs that are to lie apart.

use super::hinge::{check_signs, signs};
use super::{Loss, Reduction, Target, each_option, reduce, reduction_option, same_shape};
use crate::layers::positive;
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;

/// `ln(1 + e^(-t x))` for targets -1 and 1: [`BceWithLogits`](super::BceWithLogits) with other names
/// for the classes.
///
/// ```
/// use purlin_nn::losses::SoftMargin;
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f32>::from([0.0, 1e4]), Tensor::from([1.0, -1.0]));
/// let loss = SoftMargin::new().loss(&x, &t)?;
/// assert_eq!(loss.item(), (std::f32::consts::LN_2 + 1e4) / 2.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoftMargin {
    reduction: Reduction,
}

impl SoftMargin {
    /// The mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    reduction_option!();

    /// The loss of scores `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a target is neither -1
    /// nor 1, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("soft_margin", x, target)?;
        check_signs("soft_margin", target)?;
        reduce("soft_margin", self.reduction, (-(x * target)).softplus())
    }
}

impl<T: Real> Loss<T> for SoftMargin {
    /// Classes 0 and 1 stand for -1 and 1.
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        match target {
            Target::Values(values) => self.loss(prediction, values),
            Target::Classes(classes) => {
                self.loss(prediction, &signs("soft_margin", prediction, classes)?)
            }
        }
    }

    each_option!();
}

/// The hinge of several classes: the sum over the other classes `j` of
/// `max(0, margin - x[t] + x[j])`, divided by the number of classes.
///
/// The slope at the margin itself is 0.
///
/// J. Weston, C. Watkins, *Support vector machines for multi-class pattern recognition*, ESANN 1999.
///
/// ```
/// use purlin_nn::losses::MultiMargin;
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::<f32>::from([[2.0, 1.5, 0.0]]);
/// assert_eq!(MultiMargin::new(1.0).loss(&x, &[0])?.item(), (0.5 + 0.0) / 3.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiMargin {
    margin: f64,
    reduction: Reduction,
}

impl MultiMargin {
    /// No loss where the right class is this far ahead; the mean over rows.
    ///
    /// # Panics
    ///
    /// Unless `margin` is finite and positive.
    #[track_caller]
    pub fn new(margin: f64) -> Self {
        positive("multi_margin", "margin", margin);
        Self { margin, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of scores `(..., n_classes)` against one class per row; [`Reduction::None`] gives one
    /// loss per row, in the shape of the leading axes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the number of targets does not fit, [`Error::InvalidParam`] when a
    /// target is no class, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, targets: &[usize]) -> Result<Tensor<T>> {
        super::total_weight("multi_margin", x, targets, None, None)?;
        let (n_rows, n_classes) = (targets.len(), x.dims()[x.rank() - 1]);
        let rows = x.reshape([n_rows, n_classes]);
        let right = rows.gather(1, targets, [n_rows, 1]);
        let is_other = Tensor::from_fn([n_rows, n_classes], |i| {
            if targets[i / n_classes] == i % n_classes { T::ZERO } else { T::ONE }
        });
        let excess = (rows - right).add_scalar(self.margin).relu() * is_other;
        let loss = excess.sum_axis(1, false) / T::from_usize(n_classes);
        let loss = loss.reshape(x.shape().without(x.rank() - 1));
        reduce("multi_margin", self.reduction, loss)
    }
}

impl<T: Real> Loss<T> for MultiMargin {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.classes("multi_margin")?)
    }

    each_option!();
}

/// `max(0, margin - t (a - b))`: the first of a pair is to have the greater score where `t` is 1, the
/// second where it is -1.
///
/// ```
/// use purlin_nn::losses::MarginRanking;
/// use purlin_tensor::Tensor;
///
/// let (a, b) = (Tensor::<f32>::from([3.0, 3.0]), Tensor::from([1.0, 1.0]));
/// let loss = MarginRanking::new(0.5).loss(&a, &b, &Tensor::from([1.0, -1.0]))?;
/// assert_eq!(loss.item(), (0.0 + 2.5) / 2.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarginRanking {
    margin: f64,
    reduction: Reduction,
}

impl MarginRanking {
    /// No loss where the scores are this far apart; the mean over all elements.
    ///
    /// # Panics
    ///
    /// Unless `margin` is finite and at least 0.
    #[track_caller]
    pub fn new(margin: f64) -> Self {
        at_least_zero("margin_ranking", margin);
        Self { margin, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of scores of pairs against a target, all of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a target is neither -1
    /// nor 1, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(
        &self,
        a: &Tensor<T>,
        b: &Tensor<T>,
        target: &Tensor<T>,
    ) -> Result<Tensor<T>> {
        same_shape("margin_ranking", a, b)?;
        same_shape("margin_ranking", a, target)?;
        check_signs("margin_ranking", target)?;
        let loss = (-(target * (a - b))).add_scalar(self.margin).relu();
        reduce("margin_ranking", self.reduction, loss)
    }
}

#[track_caller]
pub(super) fn at_least_zero(op: &str, margin: f64) {
    assert!(
        margin.is_finite() && margin >= 0.0,
        "{op}: margin must be finite and at least 0, got {margin}"
    );
}

/// The place of a sample along the first axis: `(n, n_features)`, and a target for each.
pub(super) fn check_rows<T: Real>(
    op: &'static str,
    a: &Tensor<T>,
    target: Option<&Tensor<T>>,
) -> Result<()> {
    let &[n, _] = a.dims() else {
        return Err(Error::shape(op, "vectors (n, n_features)", a.shape()));
    };
    match target {
        Some(target) if target.dims() != [n] => {
            Err(Error::shape(op, format!("target of shape ({n},)"), target.shape()))
        }
        _ => Ok(()),
    }
}
