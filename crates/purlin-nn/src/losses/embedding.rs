//! Distances that are to be small or large.

use super::hinge::check_signs;
use super::margin::{at_least_zero, check_rows};
use super::{Loss, Reduction, Target, reduce, reduction_option, same_shape};
use crate::layers::positive;
use purlin_core::{Real, Result};
use purlin_tensor::{Tensor, where_};

/// The distance `x` itself where the target is 1, `max(0, margin - x)` where it is -1.
///
/// R. Hadsell, S. Chopra, Y. LeCun, *Dimensionality reduction by learning an invariant mapping*,
/// CVPR 2006, without its squares.
///
/// ```
/// use purlin_nn::losses::HingeEmbedding;
/// use purlin_tensor::Tensor;
///
/// let (x, t) = (Tensor::<f32>::from([0.5, 0.25]), Tensor::from([1.0, -1.0]));
/// assert_eq!(HingeEmbedding::new(1.0).loss(&x, &t)?.item(), (0.5 + 0.75) / 2.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HingeEmbedding {
    margin: f64,
    reduction: Reduction,
}

impl HingeEmbedding {
    /// Pairs that differ lose nothing at this distance; the mean over all elements.
    ///
    /// # Panics
    ///
    /// Unless `margin` is finite and positive.
    #[track_caller]
    pub fn new(margin: f64) -> Self {
        positive("hinge_embedding", "margin", margin);
        Self { margin, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of distances `x` against a target of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](purlin_core::Error::Shape) when the shapes differ;
    /// [`Error::InvalidParam`](purlin_core::Error::InvalidParam) when a target is neither -1 nor 1;
    /// [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples) for the mean of nothing.
    pub fn loss<T: Real>(&self, x: &Tensor<T>, target: &Tensor<T>) -> Result<Tensor<T>> {
        same_shape("hinge_embedding", x, target)?;
        check_signs("hinge_embedding", target)?;
        let apart = (-x).add_scalar(self.margin).relu();
        reduce("hinge_embedding", self.reduction, where_(&is_positive(target), x, &apart))
    }
}

impl<T: Real> Loss<T> for HingeEmbedding {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.values("hinge_embedding")?)
    }

    super::each_option!();
}

/// `1 - cos(a, b)` where the target is 1, `max(0, cos(a, b) - margin)` where it is -1.
///
/// The cosine is `a b / sqrt((a a + eps) (b b + eps))` with `eps` = 1e-12, so that of a vector of 0
/// is 0.
///
/// ```
/// use purlin_nn::losses::CosineEmbedding;
/// use purlin_tensor::Tensor;
///
/// let (a, b) = (Tensor::<f64>::from([[3.0, 4.0], [3.0, 4.0]]), Tensor::from([[4.0, 3.0], [4.0, 3.0]]));
/// let loss = CosineEmbedding::new(0.5).loss(&a, &b, &Tensor::from([1.0, -1.0]))?;
/// assert!((loss.item() - (0.04 + 0.46) / 2.0).abs() < 1e-12); // the cosine is 0.96
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineEmbedding {
    margin: f64,
    reduction: Reduction,
}

/// As in PyTorch.
const COSINE_EPS: f64 = 1e-12;

impl CosineEmbedding {
    /// Pairs that differ lose nothing at this cosine; the mean over pairs.
    ///
    /// # Panics
    ///
    /// Unless `margin` lies in -1..=1.
    #[track_caller]
    pub fn new(margin: f64) -> Self {
        assert!(
            (-1.0..=1.0).contains(&margin),
            "cosine_embedding: margin must be in -1..=1, got {margin}"
        );
        Self { margin, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of pairs of vectors, `(n, n_features)` both, against a target `(n,)`.
    ///
    /// # Errors
    ///
    /// As [`HingeEmbedding::loss`].
    pub fn loss<T: Real>(
        &self,
        a: &Tensor<T>,
        b: &Tensor<T>,
        target: &Tensor<T>,
    ) -> Result<Tensor<T>> {
        check_rows("cosine_embedding", a, Some(target))?;
        same_shape("cosine_embedding", a, b)?;
        check_signs("cosine_embedding", target)?;
        let dot = |a: &Tensor<T>, b: &Tensor<T>| (a * b).sum_axis(1, false);
        let squares = dot(a, a).add_scalar(COSINE_EPS) * dot(b, b).add_scalar(COSINE_EPS);
        let cosine = dot(a, b) / squares.sqrt();
        let (near, apart) = ((-&cosine).add_scalar(1.0), cosine.add_scalar(-self.margin).relu());
        reduce("cosine_embedding", self.reduction, where_(&is_positive(target), &near, &apart))
    }
}

/// `max(0, |anchor - positive| - |anchor - negative| + margin)` with Euclidean distances.
///
/// 1e-6 is added to each difference, as in PyTorch, so that the distance has a slope where two
/// vectors are equal.
///
/// F. Schroff, D. Kalenichenko, J. Philbin, *FaceNet: a unified embedding for face recognition and
/// clustering*, CVPR 2015, without its squares.
///
/// ```
/// use purlin_nn::losses::TripletMargin;
/// use purlin_tensor::Tensor;
///
/// let at = |x: f64| Tensor::<f64>::from([[x, 0.0]]);
/// let loss = TripletMargin::new(1.0).loss(&at(0.0), &at(2.0), &at(2.5))?;
/// assert!((loss.item() - 0.5).abs() < 1e-5);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripletMargin {
    margin: f64,
    reduction: Reduction,
}

/// As in PyTorch.
const DISTANCE_EPS: f64 = 1e-6;

impl TripletMargin {
    /// No loss where the negative is this much farther than the positive; the mean over triplets.
    ///
    /// # Panics
    ///
    /// Unless `margin` is finite and at least 0.
    #[track_caller]
    pub fn new(margin: f64) -> Self {
        at_least_zero("triplet_margin", margin);
        Self { margin, reduction: Reduction::Mean }
    }

    reduction_option!();

    /// The loss of triplets of vectors, each `(n, n_features)`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](purlin_core::Error::Shape) when the shapes differ or are no tables;
    /// [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples) for the mean of nothing.
    pub fn loss<T: Real>(
        &self,
        anchor: &Tensor<T>,
        positive: &Tensor<T>,
        negative: &Tensor<T>,
    ) -> Result<Tensor<T>> {
        check_rows("triplet_margin", anchor, None)?;
        same_shape("triplet_margin", anchor, positive)?;
        same_shape("triplet_margin", anchor, negative)?;
        let distance = |other: &Tensor<T>| {
            (anchor - other).add_scalar(DISTANCE_EPS).square().sum_axis(1, false).sqrt()
        };
        let loss = (distance(positive) - distance(negative)).add_scalar(self.margin).relu();
        reduce("triplet_margin", self.reduction, loss)
    }
}

fn is_positive<T: Real>(target: &Tensor<T>) -> Tensor<T> {
    target.gt(&Tensor::zeros(*target.shape()))
}
