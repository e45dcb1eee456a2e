//! Binary cross-entropy.

use super::{Loss, Reduction, Target, each_option, reduce, reduction_option, same_shape, within};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Function, Saved, Tensor, apply};

/// `-(t ln p + (1 - t) ln(1 - p))` for probabilities `p` and targets in 0..=1.
///
/// Prefer [`BceWithLogits`] where the probability comes from a sigmoid: it loses no digits near
/// 0 and 1. Here a logarithm counts as at least -100, and `p (1 - p)` under the gradient as at
/// least 1e-12, as in PyTorch, so that a confident mistake gives a large number and no infinity.
///
/// ```
/// use purlin_nn::losses::{Bce, Reduction};
/// use purlin_tensor::Tensor;
///
/// let (p, t) = (Tensor::<f32>::from([0.5, 0.0]), Tensor::from([1.0, 1.0]));
/// let each = Bce::new().reduction(Reduction::None).loss(&p, &t)?;
/// assert_eq!(each.to_vec(), [std::f32::consts::LN_2, 100.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Bce {
    reduction: Reduction,
}

impl Bce {
    /// The mean over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    reduction_option!();

    /// The loss of probabilities `p` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ, [`Error::InvalidParam`] when a probability or a
    /// target lies outside 0..=1, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, p: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        reduce("bce", self.reduction, each(p, target)?)
    }

    /// As [`loss`](Self::loss), each element multiplied by a weight of its own before the
    /// reduction (PyTorch's `weight`); the mean divides by the number of elements.
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss); the weight's shape must broadcast to the target's.
    pub fn weighted_loss<T: Real>(
        &self,
        p: &Tensor<T>,
        target: &Tensor<T>,
        weight: &Tensor<T>,
    ) -> Result<Tensor<T>> {
        check_broadcast("bce", "weight", weight, p.shape())?;
        reduce("bce", self.reduction, each(p, target)? * weight)
    }
}

fn each<T: Real>(p: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
    same_shape("bce", p, target)?;
    within("bce", "p", p, 0.0, 1.0)?;
    within("bce", "target", target, 0.0, 1.0)?;
    Ok(apply(Elementwise, &[p, target]))
}

/// The loss per element with the derivative of the unclamped formula: `(p - t) / (p (1 - p))`.
struct Elementwise;

/// `(ln p, ln(1 - p))`, neither below -100.
fn logarithms<T: Real>(p: &Tensor<T>) -> [Tensor<T>; 2] {
    [p.ln().clamp(-100.0, f64::INFINITY), (-p).ln_1p().clamp(-100.0, f64::INFINITY)]
}

impl<T: Real> Function<T> for Elementwise {
    fn name(&self) -> &'static str {
        "bce"
    }

    fn forward(&self, inputs: &[&Tensor<T>], _keep: &mut Vec<Tensor<T>>) -> Tensor<T> {
        let [ln_p, ln_q] = logarithms(inputs[0]);
        let t = inputs[1];
        -(t * ln_p + (-t).add_scalar(1.0) * ln_q)
    }

    fn backward(&self, grad: &Tensor<T>, saved: &Saved<'_, T>) -> Vec<Option<Tensor<T>>> {
        let (p, t) = (saved.input(0), saved.input(1));
        let for_p = saved.needs(0).then(|| {
            let variance = (p * (-p).add_scalar(1.0)).clamp(1e-12, f64::INFINITY);
            grad * ((p - t) / variance)
        });
        let for_t = saved.needs(1).then(|| {
            let [ln_p, ln_q] = logarithms(p);
            grad * (ln_q - ln_p)
        });
        vec![for_p, for_t]
    }

    fn is_twice_differentiable(&self) -> bool {
        true
    }
}

const WITH_LOGITS: &str = "bce_with_logits";

/// Binary cross-entropy of logits `x`, that is of probabilities `sigmoid(x)`, finite for any
/// finite logit: `pos_weight t softplus(-x) + (1 - t) softplus(x)`.
///
/// ```
/// use purlin_nn::losses::BceWithLogits;
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f32>::from([1e4, 1e4]), Tensor::from([1.0, 0.0]));
/// assert_eq!(BceWithLogits::new().loss(&x, &t)?.item(), 5e3);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BceWithLogits {
    pos_weight: Option<Vec<f64>>,
    reduction: Reduction,
}

impl BceWithLogits {
    /// The mean over all elements; positives count as much as negatives.
    pub fn new() -> Self {
        Self::default()
    }

    /// The factor on the loss of positives: one number for all, or one per entry of the last
    /// axis. Above 1 it raises recall, below 1 precision.
    #[must_use]
    pub fn pos_weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.pos_weight = Some(weight.into());
        self
    }

    reduction_option!();

    /// The loss of logits `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shapes differ or `pos_weight` has another length than 1 or the
    /// last axis, [`Error::InvalidParam`] when a target lies outside 0..=1 or a weight is
    /// negative or not finite, [`Error::TooFewSamples`] for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        reduce(WITH_LOGITS, self.reduction, self.elements(x, target)?)
    }

    /// As [`loss`](Self::loss), each element multiplied by a weight of its own before the
    /// reduction (PyTorch's `weight`); the mean divides by the number of elements.
    ///
    /// ```
    /// use purlin_nn::losses::BceWithLogits;
    /// use purlin_tensor::Tensor;
    ///
    /// let (x, t) = (Tensor::<f32>::from([1e4, 8.0]), Tensor::from([0.0, 0.0]));
    /// let loss = BceWithLogits::new().weighted_loss(&x, &t, &Tensor::from([0.5, 0.0]))?;
    /// assert_eq!(loss.item(), 2.5e3);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss); the weight's shape must broadcast to the target's.
    pub fn weighted_loss<T: Real>(
        &self,
        x: &Tensor<T>,
        target: &Tensor<T>,
        weight: &Tensor<T>,
    ) -> Result<Tensor<T>> {
        check_broadcast(WITH_LOGITS, "weight", weight, x.shape())?;
        reduce(WITH_LOGITS, self.reduction, self.elements(x, target)? * weight)
    }

    fn elements<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        const OP: &str = WITH_LOGITS;
        same_shape(OP, x, target)?;
        within(OP, "target", target, 0.0, 1.0)?;
        let mut positive = target * (-x).softplus();
        if let Some(weight) = &self.pos_weight {
            let last = x.dims().last().copied().unwrap_or(1);
            if weight.len() != 1 && weight.len() != last {
                let expected = format!("1 or {last} weights of positives");
                return Err(Error::shape(OP, expected, weight.len()));
            }
            if let Some(w) = weight.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                return Err(Error::param(OP, "pos_weight", "finite and at least 0", w));
            }
            let weight = weight.iter().map(|&w| T::from_f64(w)).collect::<Vec<_>>();
            let shape = if x.rank() == 0 { Shape::SCALAR } else { weight.len().into() };
            positive *= Tensor::from_vec(weight, shape)?;
        }
        let negative = (-target).add_scalar(1.0) * x.softplus();
        Ok(positive + negative)
    }
}

impl<T: Real> Loss<T> for Bce {
    /// Classes 0 and 1 serve as targets of a prediction with one element each.
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        match target {
            Target::Values(values) => self.loss(prediction, values),
            Target::Classes(classes) => {
                self.loss(prediction, &zero_one("bce", prediction, classes)?)
            }
        }
    }

    each_option!();
}

impl<T: Real> Loss<T> for BceWithLogits {
    /// Classes 0 and 1 serve as targets of a prediction with one element each.
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        match target {
            Target::Values(values) => self.loss(prediction, values),
            Target::Classes(classes) => {
                self.loss(prediction, &zero_one(WITH_LOGITS, prediction, classes)?)
            }
        }
    }

    each_option!();
}

/// Classes 0 and 1 as numbers in the shape of the prediction.
pub(super) fn zero_one<T: Real>(
    op: &'static str,
    prediction: &Tensor<T>,
    classes: &[usize],
) -> Result<Tensor<T>> {
    if classes.len() != prediction.numel() {
        let expected =
            format!("{} targets for prediction {}", prediction.numel(), prediction.shape());
        return Err(Error::shape(op, expected, classes.len()));
    }
    if let Some(row) = classes.iter().position(|&class| class > 1) {
        let value = format!("{} at row {row}", classes[row]);
        return Err(Error::param(op, "target", "0 or 1", value));
    }
    Tensor::from_vec(classes.iter().map(|&c| T::from_usize(c)).collect(), *prediction.shape())
}

fn check_broadcast<T: Real>(
    op: &'static str,
    name: &str,
    x: &Tensor<T>,
    shape: &Shape,
) -> Result<()> {
    match x.shape().broadcast(op, shape) {
        Ok(common) if common == *shape => Ok(()),
        _ => {
            let expected = format!("{name} that broadcasts to {shape}");
            Err(Error::shape(op, expected, x.shape()))
        }
    }
}
