//! The vector a kernel is written against.
//!
//! A kernel is one generic body over [`Lanes`]. `purlin-backend` instantiates it for each
//! instruction set and picks one at run time. A vector is 512 bits wide whatever the registers
//! are (one AVX-512 register, two of AVX2, four of NEON, an array in plain code), so a reduction
//! has the same lanes, and the same bits, everywhere.
//!
//! Every operation is IEEE and correctly rounded, hence equal on all instruction sets; `mul_add`
//! is always fused. The implementing types are private to the backend: safe code meets them only
//! as the type parameter of a kernel that the backend runs after asking the CPU.

use crate::Real;
use std::fmt::Debug;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// An instruction set: the two vector types it works on.
pub trait Isa: Copy + Send + Sync + 'static {
    /// 16 lanes of `f32`.
    type F32: Lanes<Scalar = f32>;
    /// 8 lanes of `f64`.
    type F64: Lanes<Scalar = f64>;
}

/// The widest vector there is, in lanes.
pub const MAX_LANES: usize = 16;

/// A block of [`Lanes::LANES`] numbers.
pub trait Lanes:
    Copy
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number in a lane.
    type Scalar: Real;
    /// One truth value per lane.
    type Mask: Copy
        + BitAnd<Output = Self::Mask>
        + BitOr<Output = Self::Mask>
        + Not<Output = Self::Mask>;
    /// 16 for `f32`, 8 for `f64`.
    const LANES: usize;

    /// `x` in every lane.
    fn splat(x: Self::Scalar) -> Self;
    /// The constant `x`, rounded to the scalar type, in every lane.
    #[inline(always)]
    fn splat_f64(x: f64) -> Self {
        Self::splat(Self::Scalar::from_f64(x))
    }
    /// The first `LANES` numbers of `xs`. Panics if there are fewer.
    fn load(xs: &[Self::Scalar]) -> Self;
    /// Writes all lanes to the front of `out`. Panics if it is shorter.
    fn store(self, out: &mut [Self::Scalar]);
    /// Up to `LANES` numbers of `xs`; missing lanes hold `fill`.
    #[inline(always)]
    fn load_partial(xs: &[Self::Scalar], fill: Self::Scalar) -> Self {
        if xs.len() >= Self::LANES {
            return Self::load(xs);
        }
        let mut buffer = [fill; MAX_LANES];
        buffer[..xs.len()].copy_from_slice(xs);
        Self::load(&buffer)
    }
    /// Writes the first `min(LANES, out.len())` lanes.
    #[inline(always)]
    fn store_partial(self, out: &mut [Self::Scalar]) {
        if out.len() >= Self::LANES {
            return self.store(out);
        }
        let mut buffer = [Self::Scalar::ZERO; MAX_LANES];
        self.store(&mut buffer);
        out.copy_from_slice(&buffer[..out.len()]);
    }
    /// `self * b + c` with one rounding.
    #[must_use]
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `if self > other { self } else { other }` per lane.
    #[must_use]
    fn max(self, other: Self) -> Self;
    /// `if self < other { self } else { other }` per lane.
    #[must_use]
    fn min(self, other: Self) -> Self;
    /// Absolute value.
    #[must_use]
    fn abs(self) -> Self;
    /// Square root, correctly rounded.
    #[must_use]
    fn sqrt(self) -> Self;
    /// Nearest integer, ties to even.
    #[must_use]
    fn round_ties_even(self) -> Self;
    /// Largest integer not above.
    #[must_use]
    fn floor(self) -> Self;
    /// Magnitude of `self`, sign of `sign`.
    #[must_use]
    fn copysign(self, sign: Self) -> Self;
    /// `2^self` for integral lanes within the normal exponents (-126..=127, -1022..=1023).
    #[must_use]
    fn pow2(self) -> Self;
    /// `floor(log2(self))` for positive normal lanes.
    #[must_use]
    fn exponent(self) -> Self;
    /// `self / 2^exponent`, in `[1, 2)`, for positive normal lanes.
    #[must_use]
    fn mantissa(self) -> Self;

    /// `self < other`; false where either is NaN.
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other`; false where either is NaN.
    fn le(self, other: Self) -> Self::Mask;
    /// `self == other`; false where either is NaN.
    fn eq(self, other: Self) -> Self::Mask;
    /// `self > other`; false where either is NaN.
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }
    /// `self >= other`; false where either is NaN.
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        other.le(self)
    }
    /// NaN lanes.
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        !self.eq(self)
    }
    /// `a` where the mask holds, else `b`.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
    /// Whether the mask holds in any lane.
    fn any(mask: Self::Mask) -> bool;

    /// Folds the lanes in the fixed tree: lane `i` with lane `i + n/2`, then halves again.
    #[inline(always)]
    fn fold(self, f: impl Fn(Self::Scalar, Self::Scalar) -> Self::Scalar) -> Self::Scalar {
        let mut buffer = [Self::Scalar::ZERO; MAX_LANES];
        self.store(&mut buffer);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                buffer[i] = f(buffer[i], buffer[i + half]);
            }
            half /= 2;
        }
        buffer[0]
    }
    /// Lane `i` of the result is lane `i + K`, for `i < K`; the other lanes are unspecified.
    /// `K` is 1, 2, 4 or 8 and less than `LANES`.
    #[must_use]
    #[inline(always)]
    fn upper<const K: usize>(self) -> Self {
        let mut buffer = [Self::Scalar::ZERO; MAX_LANES];
        self.store(&mut buffer);
        buffer.copy_within(K..2 * K, 0);
        Self::load(&buffer)
    }
    /// Lane 0.
    #[inline(always)]
    fn first(self) -> Self::Scalar {
        let mut buffer = [Self::Scalar::ZERO; MAX_LANES];
        self.store(&mut buffer);
        buffer[0]
    }
    /// Sum of the lanes in the fixed tree of [`Lanes::fold`].
    #[inline(always)]
    fn sum(self) -> Self::Scalar {
        let v = if Self::LANES > 8 { self + self.upper::<8>() } else { self };
        let v = v + v.upper::<4>();
        let v = v + v.upper::<2>();
        (v + v.upper::<1>()).first()
    }
}
