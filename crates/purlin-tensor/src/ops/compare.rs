//! Comparisons: 1 where they hold, 0 where not, and whether some or all do. Constants to the tape.

use crate::Tensor;
use crate::ops::elementwise::zip;
use crate::ops::or_panic;
use purlin_backend::elementwise::ops;
use purlin_core::Real;

/// How many elements of `mask` along an axis are 1; beyond 2^24 in f32 a number near that.
#[track_caller]
fn count<T: Real>(op: &'static str, mask: &Tensor<T>, axis: isize, keepdim: bool) -> Tensor<T> {
    let axis = or_panic(mask.shape().axis(op, axis));
    mask.sum_axis(axis.cast_signed(), keepdim)
}

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

    /// 1 where `self < c`, else 0; see [`Tensor::lt`].
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, f32::NAN]);
    /// assert_eq!(x.lt_scalar(2.0).data(), [1.0, 0.0, 0.0]);
    /// assert_eq!(x.ge_scalar(2.0).data(), [0.0, 1.0, 0.0]);
    /// ```
    #[must_use]
    pub fn lt_scalar(&self, c: f64) -> Self {
        self.lt(&Self::scalar(T::from_f64(c)))
    }

    /// 1 where `self <= c`, else 0; see [`Tensor::lt`].
    #[must_use]
    pub fn le_scalar(&self, c: f64) -> Self {
        self.le(&Self::scalar(T::from_f64(c)))
    }

    /// 1 where `self > c`, else 0; see [`Tensor::lt`].
    #[must_use]
    pub fn gt_scalar(&self, c: f64) -> Self {
        self.gt(&Self::scalar(T::from_f64(c)))
    }

    /// 1 where `self >= c`, else 0; see [`Tensor::lt`].
    #[must_use]
    pub fn ge_scalar(&self, c: f64) -> Self {
        self.ge(&Self::scalar(T::from_f64(c)))
    }

    /// 1 where `self == c`, else 0; see [`Tensor::lt`].
    #[must_use]
    pub fn eq_scalar(&self, c: f64) -> Self {
        self.eq_elem(&Self::scalar(T::from_f64(c)))
    }

    /// 1 where `self != c` (so 1 for NaN), else 0; see [`Tensor::lt`].
    #[must_use]
    pub fn ne_scalar(&self, c: f64) -> Self {
        self.ne_elem(&Self::scalar(T::from_f64(c)))
    }

    /// Whether an element is not 0 (NaN is not): whether a comparison holds somewhere. False
    /// without elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 5.0]);
    /// assert!(x.gt_scalar(4.0).any() && !x.gt_scalar(5.0).any());
    /// ```
    pub fn any(&self) -> bool {
        self.data().iter().any(|&x| x != T::ZERO)
    }

    /// Whether no element is 0: whether a comparison holds everywhere. True without elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 5.0]);
    /// assert!(x.gt_scalar(0.0).all() && !x.gt_scalar(1.0).all());
    /// ```
    pub fn all(&self) -> bool {
        self.data().iter().all(|&x| x != T::ZERO)
    }

    /// 1 where an element along `axis` is not 0, else 0; the axis is dropped, or kept with size
    /// 1. See [`Tensor::any`]; the result is not tracked.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[0.0f32, 0.0], [0.0, 3.0]]);
    /// assert_eq!(x.any_axis(1, false).data(), [0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn any_axis(&self, axis: isize, keepdim: bool) -> Self {
        count("any", &self.ne_scalar(0.0), axis, keepdim).gt_scalar(0.0)
    }

    /// 1 where no element along `axis` is 0, else 0; see [`Tensor::any_axis`].
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[0.0f32, 2.0], [1.0, 3.0]]);
    /// assert_eq!(x.all_axis(1, false).data(), [0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn all_axis(&self, axis: isize, keepdim: bool) -> Self {
        count("all", &self.eq_scalar(0.0), axis, keepdim).eq_scalar(0.0)
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
