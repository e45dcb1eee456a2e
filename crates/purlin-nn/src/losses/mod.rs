//! What training minimises.
//!
//! Each loss is a small value with options, and a method `loss` that takes the prediction and
//! the target and gives a tensor to call `backward` on. Targets come from data, so what does not
//! fit is an error: shapes are never broadcast silently, classes must exist, probabilities lie in
//! 0..=1.
//!
//! | loss | prediction | target |
//! |---|---|---|
//! | [`Mse`], [`L1`], [`Huber`], [`SmoothL1`] | any shape | same shape |
//! | [`Bce`] | probabilities | same shape, in 0..=1 |
//! | [`BceWithLogits`] | logits | same shape, in 0..=1 |
//! | [`CrossEntropy`] | logits `(..., n_classes)` | class per row, or probabilities of the same shape |
//! | [`Nll`] | log-probabilities `(..., n_classes)` | class per row |
//! | [`KlDiv`] | log-probabilities | probabilities of the same shape |
//! | [`Ctc`] | logits `(batch, steps, n_classes)` | labels of each sample, without places in time |
//! | [`Hinge`], [`SoftMargin`] | scores | same shape, -1 or 1 |
//! | [`MultiMargin`] | scores `(..., n_classes)` | class per row |
//! | [`MarginRanking`] | two scores | same shape, -1 or 1 |
//! | [`HingeEmbedding`] | distances | same shape, -1 or 1 |
//! | [`CosineEmbedding`] | two vectors per row | -1 or 1 per row |
//! | [`TripletMargin`] | three vectors per row | none |
//! | [`PoissonNll`] | logarithms of rates | counts of the same shape |
//! | [`GaussianNll`] | means and variances | same shape |
//! | [`Elbo`] | reconstruction, mean and log-variance of a code | what was to be reconstructed |
//!
//! The trait [`Loss`] serves code that is handed any of them, such as a training loop.
//!
//! # Examples
//!
//! ```
//! use purlin_nn::losses::{CrossEntropy, Reduction};
//! use purlin_tensor::Tensor;
//!
//! let logits = Tensor::<f32>::from([[0.0, 0.0], [1e4, -1e4]]);
//! let each = CrossEntropy::new().reduction(Reduction::None).loss(&logits, &[0, 1])?;
//! assert_eq!(each.to_vec(), [std::f32::consts::LN_2, 2e4]);
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod bce;
mod cross_entropy;
mod ctc;
mod elbo;
mod embedding;
mod hinge;
mod kl;
mod likelihood;
mod margin;
mod nll;
mod regression;

pub use bce::{Bce, BceWithLogits};
pub use cross_entropy::CrossEntropy;
pub use ctc::Ctc;
pub use elbo::Elbo;
pub use embedding::{CosineEmbedding, HingeEmbedding, TripletMargin};
pub use hinge::Hinge;
pub use kl::KlDiv;
pub use likelihood::{GaussianNll, PoissonNll};
pub use margin::{MarginRanking, MultiMargin, SoftMargin};
pub use nll::Nll;
pub use purlin_tensor::Reduction;
pub use regression::{Huber, L1, Mse, SmoothL1};

use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;
use std::fmt;

/// A loss that a training loop can be handed.
///
/// The `Debug` text names its options: a run is resumed only with a loss of the same text.
pub trait Loss<T: Real = f32>: Send + Sync + fmt::Debug {
    /// The loss of a prediction.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] and [`Error::InvalidParam`] when the target does not fit the prediction
    /// or the loss.
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>>;

    /// The losses before they are put together, the samples along the first axis: what weights of
    /// samples are multiplied with. All losses of this crate have it.
    ///
    /// # Errors
    ///
    /// As [`Loss::compute`], and [`Error::InvalidParam`] for a loss that does not say.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_nn::losses::{Loss, Mse};
    /// use purlin_tensor::Tensor;
    ///
    /// let (x, t) = (Tensor::from([1.0f32, 2.0]), Tensor::from([1.0, 5.0]));
    /// assert_eq!(Mse::new().each(&x, (&t).into())?.to_vec(), [0.0, 9.0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    fn each(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let _ = (prediction, target);
        let rule = "one that gives a loss per sample (Loss::each), for weights of samples";
        Err(Error::param("loss", "loss", rule, format!("{self:?}")))
    }
}

/// What a prediction is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a, T: Real = f32> {
    /// A class per row.
    Classes(&'a [usize]),
    /// Numbers.
    Values(&'a Tensor<T>),
}

impl<'a, T: Real> From<&'a [usize]> for Target<'a, T> {
    fn from(classes: &'a [usize]) -> Self {
        Self::Classes(classes)
    }
}

impl<'a, T: Real> From<&'a Vec<usize>> for Target<'a, T> {
    fn from(classes: &'a Vec<usize>) -> Self {
        Self::Classes(classes)
    }
}

impl<'a, T: Real> From<&'a Tensor<T>> for Target<'a, T> {
    fn from(values: &'a Tensor<T>) -> Self {
        Self::Values(values)
    }
}

impl<'a, T: Real> Target<'a, T> {
    /// The numbers, or an error that names the loss.
    fn values(self, op: &'static str) -> Result<&'a Tensor<T>> {
        match self {
            Self::Values(values) => Ok(values),
            Self::Classes(classes) => {
                Err(Error::shape(op, "a target tensor", format!("{} classes", classes.len())))
            }
        }
    }

    /// The classes, or an error that names the loss.
    fn classes(self, op: &'static str) -> Result<&'a [usize]> {
        match self {
            Self::Classes(classes) => Ok(classes),
            Self::Values(values) => {
                Err(Error::shape(op, "target classes", format!("a tensor {}", values.shape())))
            }
        }
    }
}

/// One loss per element put together; the mean of nothing is an error.
fn reduce<T: Real>(op: &'static str, reduction: Reduction, loss: Tensor<T>) -> Result<Tensor<T>> {
    match reduction {
        Reduction::None => Ok(loss),
        Reduction::Sum => Ok(loss.sum()),
        Reduction::Mean if loss.is_empty() => Err(Error::TooFewSamples { op, expected: 1, got: 0 }),
        Reduction::Mean => Ok(loss.mean()),
    }
}

/// An error unless both shapes are equal: broadcasting a target is nearly always a mistake.
fn same_shape<T: Real>(op: &'static str, x: &Tensor<T>, target: &Tensor<T>) -> Result<()> {
    if x.shape() == target.shape() {
        Ok(())
    } else {
        let expected = format!("target of shape {}, as the prediction", x.shape());
        Err(Error::shape(op, expected, target.shape()))
    }
}

/// An error that names the first element outside `lo..=hi`; NaN is outside.
fn within<T: Real>(
    op: &'static str,
    param: &'static str,
    x: &Tensor<T>,
    lo: f64,
    hi: f64,
) -> Result<()> {
    let (least, most) = (T::from_f64(lo), T::from_f64(hi));
    match x.data().iter().position(|v| !(least..=most).contains(v)) {
        None => Ok(()),
        Some(at) => {
            let value = format!("{} at element {at}", x.data()[at]);
            Err(Error::param(op, param, format!("in {lo}..={hi}"), value))
        }
    }
}

/// Class weights, finite and not negative.
fn check_weights(op: &'static str, weights: &[f64], n_classes: usize) -> Result<()> {
    if weights.len() != n_classes {
        return Err(Error::shape(op, format!("{n_classes} class weights"), weights.len()));
    }
    match weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        None => Ok(()),
        Some(w) => Err(Error::param(op, "weight", "finite and at least 0", w)),
    }
}

/// What the mean over rows with target classes divides by.
struct TotalWeight {
    n_counted: usize,
    weight: f64,
}

impl TotalWeight {
    /// An error where there is nothing to take the mean of.
    fn check(&self, op: &'static str) -> Result<()> {
        if self.n_counted == 0 {
            return Err(Error::TooFewSamples { op, expected: 1, got: 0 });
        }
        if self.weight == 0.0 {
            return Err(Error::param(op, "weight", "above 0 for some target", 0));
        }
        Ok(())
    }
}

/// The weight of the targets of `(..., n_classes)` that are not ignored, after checking their
/// number and range.
fn total_weight<T: Real>(
    op: &'static str,
    x: &Tensor<T>,
    targets: &[usize],
    weights: Option<&[f64]>,
    ignore_index: Option<usize>,
) -> Result<TotalWeight> {
    let (n_classes, n_rows) = match x.dims() {
        [leading @ .., n_classes] if *n_classes > 0 => {
            (*n_classes, leading.iter().product::<usize>())
        }
        _ => return Err(Error::shape(op, "prediction (..., n_classes)", x.shape())),
    };
    if targets.len() != n_rows {
        let expected = format!("{n_rows} targets for prediction {}", x.shape());
        return Err(Error::shape(op, expected, targets.len()));
    }
    if let Some(weights) = weights {
        check_weights(op, weights, n_classes)?;
    }
    let mut total = TotalWeight { n_counted: 0, weight: 0.0 };
    for (row, &target) in targets.iter().enumerate() {
        if Some(target) == ignore_index {
            continue;
        }
        if target >= n_classes {
            let value = format!("{target} at row {row}");
            return Err(Error::param(
                op,
                "target",
                format!("below n_classes = {n_classes}"),
                value,
            ));
        }
        total.n_counted += 1;
        total.weight += weights.map_or(1.0, |weights| weights[target]);
    }
    Ok(total)
}

macro_rules! reduction_option {
    () => {
        /// How the losses of the elements are put together; the mean unless set.
        #[must_use]
        pub fn reduction(mut self, reduction: crate::losses::Reduction) -> Self {
            self.reduction = reduction;
            self
        }
    };
}
use reduction_option;

/// [`Loss::each`] of a loss with a `reduction`.
macro_rules! each_option {
    () => {
        fn each(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
            self.clone().reduction(crate::losses::Reduction::None).compute(prediction, target)
        }
    };
}
use each_option;
