//! Comparisons: 1 where they hold, 0 where not. Constants to the tape.

use crate::Tensor;
use crate::ops::elementwise::zip;
use purlin_backend::elementwise::ops;
use purlin_core::Real;

impl<T: Real> Tensor<T> {
    /// 1 where `self < other`, else 0; false where either is NaN. Axes broadcast; the result is
    /// not tracked.
    ///
    /// # Panics
    ///
    /// When the shapes do not broadcast.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.lt(&Tensor::scalar(2.0)).data(), [1.0, 0.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn lt(&self, other: &Self) -> Self {
        zip("lt", self.detach(), other.detach(), ops::Less, false)
    }

    /// 1 where `self <= other`, else 0; see [`Tensor::lt`].
    #[must_use]
    #[track_caller]
    pub fn le(&self, other: &Self) -> Self {
        zip("le", self.detach(), other.detach(), ops::LessEq, false)
    }

    /// 1 where `self > other`, else 0; see [`Tensor::lt`].
    #[must_use]
    #[track_caller]
    pub fn gt(&self, other: &Self) -> Self {
        zip("gt", self.detach(), other.detach(), ops::Greater, false)
    }

    /// 1 where `self >= other`, else 0; see [`Tensor::lt`].
    #[must_use]
    #[track_caller]
    pub fn ge(&self, other: &Self) -> Self {
        zip("ge", self.detach(), other.detach(), ops::GreaterEq, false)
    }

    /// 1 where `self == other`, else 0; see [`Tensor::lt`].
    #[must_use]
    #[track_caller]
    pub fn eq_elem(&self, other: &Self) -> Self {
        zip("eq_elem", self.detach(), other.detach(), ops::Equal, false)
    }

    /// 1 where `self != other` (so 1 where either is NaN), else 0; see [`Tensor::lt`].
    #[must_use]
    #[track_caller]
    pub fn ne_elem(&self, other: &Self) -> Self {
        zip("ne_elem", self.detach(), other.detach(), ops::NotEqual, false)
    }

    /// Whether every element is neither infinite nor NaN.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert!(Tensor::from([1.0f32, 2.0]).is_finite());
    /// assert!(!Tensor::from([1.0f32, f32::NAN]).is_finite());
    /// ```
    pub fn is_finite(&self) -> bool {
        self.data().iter().all(|x| x.is_finite())
    }
}
