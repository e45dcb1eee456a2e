//! The two number types.

use crate::simd::{Isa, Lanes};
use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
    impl Sealed for u32 {}
}

/// Numbers that a buffer of the backend can hold: every bit pattern is a value. Sealed.
pub trait Plain: sealed::Sealed + Copy + Default + Debug + Send + Sync + 'static {}

impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for u8 {}
impl Plain for u32 {}

/// A floating-point number: `f32` or `f64`, and nothing else (the trait is sealed).
///
/// It holds what correctly rounded IEEE arithmetic gives; `exp`, `ln`, `tanh` and their kin live
/// in `purlin-backend`, where they have the same bits on every system.
///
/// # Examples
///
/// ```
/// use purlin_core::Real;
///
/// fn mean<T: Real>(x: &[T]) -> T {
///     x.iter().copied().sum::<T>() / T::from_usize(x.len())
/// }
/// assert_eq!(mean(&[1.0f32, 2.0, 6.0]), 3.0);
/// ```
pub trait Real:
    Plain
    + Display
    + LowerExp
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// A block of this type on instruction set `I`: 16 lanes of `f32`, 8 of `f64`.
    type Lanes<I: Isa>: Lanes<Scalar = Self>;

    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Not a number.
    const NAN: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// The distance from 1 to the next larger number.
    const EPSILON: Self;
    /// The largest finite number.
    const MAX: Self;
    /// The smallest positive normal number.
    const MIN_POSITIVE: Self;
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest number to `x`.
    fn from_f64(x: f64) -> Self;
    /// The same number in double precision (exact).
    fn to_f64(self) -> f64;
    /// The nearest number to a count.
    fn from_usize(n: usize) -> Self;
    /// `self * b + c` with one rounding.
    #[must_use]
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// Absolute value.
    #[must_use]
    fn abs(self) -> Self;
    /// Square root (correctly rounded).
    #[must_use]
    fn sqrt(self) -> Self;
    /// Largest integer not above `self`.
    #[must_use]
    fn floor(self) -> Self;
    /// Nearest integer, ties to even.
    #[must_use]
    fn round_ties_even(self) -> Self;
    /// Magnitude of `self`, sign of `sign`.
    #[must_use]
    fn copysign(self, sign: Self) -> Self;
    /// `self` if it is greater than `other`, else `other` (so NaN in `self` gives `other`).
    #[must_use]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    /// `self` if it is less than `other`, else `other` (so NaN in `self` gives `other`).
    #[must_use]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// NaN.
    fn is_nan(self) -> bool;
    /// IEEE total order.
    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering;
    /// The bits, widened with zeros.
    fn to_bits(self) -> u64;
    /// The number with these bits; the upper half is ignored for `f32`.
    fn from_bits(bits: u64) -> Self;
}

macro_rules! impl_real {
    ($t:ident, $lanes:ident, $bits:ident) => {
        impl Real for $t {
            type Lanes<I: Isa> = I::$lanes;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;
            const EPSILON: Self = $t::EPSILON;
            const MAX: Self = $t::MAX;
            const MIN_POSITIVE: Self = $t::MIN_POSITIVE;
            const NAME: &'static str = stringify!($t);

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn from_usize(n: usize) -> Self {
                n as $t
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                $t::mul_add(self, b, c)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                $t::floor(self)
            }
            #[inline(always)]
            fn round_ties_even(self) -> Self {
                $t::round_ties_even(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                $t::copysign(self, sign)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
            #[inline(always)]
            fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
                $t::total_cmp(self, other)
            }
            #[inline(always)]
            fn to_bits(self) -> u64 {
                u64::from($t::to_bits(self))
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                $t::from_bits(bits as $bits)
            }
        }
    };
}

impl_real!(f32, F32, u32);
impl_real!(f64, F64, u64);
