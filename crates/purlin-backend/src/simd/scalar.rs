//! Plain Rust: the reference that every other instruction set equals.
//!
//! Its operations are functions that are called: unrolled into every kernel they would make up most
//! of the crate's compile time, and where it matters `mul_add` costs more than the call.

use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// No vector instructions.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

impl Isa for Scalar {
    type F32 = Array<f32, 16>;
    type F64 = Array<f64, 8>;
}

/// `N` numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Array<T, const N: usize>([T; N]);

/// `N` truth values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask<const N: usize>([bool; N]);

impl<const N: usize> BitAnd for Mask<N> {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }
}

impl<const N: usize> BitOr for Mask<N> {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }
}

impl<const N: usize> Not for Mask<N> {
    type Output = Self;
    fn not(self) -> Self {
        Self(self.0.map(|lane| !lane))
    }
}

impl<T: Real, const N: usize> Array<T, N> {
    #[inline(always)]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Self(self.0.map(f))
    }
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
    #[inline(always)]
    fn compare(self, other: Self, f: impl Fn(&T, &T) -> bool) -> Mask<N> {
        Mask(std::array::from_fn(|i| f(&self.0[i], &other.0[i])))
    }
}

impl<T: Real, const N: usize> Add for Array<T, N> {
    type Output = Self;
    #[inline(never)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<T: Real, const N: usize> Sub for Array<T, N> {
    type Output = Self;
    #[inline(never)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<T: Real, const N: usize> Mul for Array<T, N> {
    type Output = Self;
    #[inline(never)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl<T: Real, const N: usize> Div for Array<T, N> {
    type Output = Self;
    #[inline(never)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
}

impl<T: Real, const N: usize> Neg for Array<T, N> {
    type Output = Self;
    #[inline(never)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

impl<T: Real, const N: usize> Lanes for Array<T, N> {
    type Scalar = T;
    type Mask = Mask<N>;
    const LANES: usize = N;

    #[inline]
    fn splat(x: T) -> Self {
        Self([x; N])
    }
    #[inline(never)]
    fn load(xs: &[T]) -> Self {
        Self(std::array::from_fn(|i| xs[i]))
    }
    #[inline(never)]
    fn store(self, out: &mut [T]) {
        out[..N].copy_from_slice(&self.0);
    }
    #[inline(never)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
    }
    #[inline(never)]
    fn max(self, other: Self) -> Self {
        self.zip(other, Real::max)
    }
    #[inline(never)]
    fn min(self, other: Self) -> Self {
        self.zip(other, Real::min)
    }
    #[inline(never)]
    fn abs(self) -> Self {
        self.map(Real::abs)
    }
    #[inline(never)]
    fn sqrt(self) -> Self {
        self.map(Real::sqrt)
    }
    #[inline(never)]
    fn round_ties_even(self) -> Self {
        self.map(Real::round_ties_even)
    }
    #[inline(never)]
    fn floor(self) -> Self {
        self.map(Real::floor)
    }
    #[inline(never)]
    fn copysign(self, sign: Self) -> Self {
        self.zip(sign, Real::copysign)
    }
    #[inline(never)]
    fn pow2(self) -> Self {
        self.map(|n| {
            let (bias, bits) = if N == 16 { (127, 23) } else { (1023, 52) };
            T::from_bits(((n.to_f64() as i64 + bias) as u64) << bits)
        })
    }
    #[inline(never)]
    fn exponent(self) -> Self {
        self.map(|x| {
            let (bias, bits) = if N == 16 { (127, 23) } else { (1023, 52) };
            T::from_f64(((x.to_bits() >> bits).cast_signed() - bias) as f64)
        })
    }
    #[inline(never)]
    fn mantissa(self) -> Self {
        self.map(|x| {
            let bits = if N == 16 { 23 } else { 52 };
            T::from_bits((x.to_bits() & ((1 << bits) - 1)) | T::ONE.to_bits())
        })
    }
    #[inline(never)]
    fn lt(self, other: Self) -> Mask<N> {
        self.compare(other, T::lt)
    }
    #[inline(never)]
    fn le(self, other: Self) -> Mask<N> {
        self.compare(other, T::le)
    }
    #[inline(never)]
    fn eq(self, other: Self) -> Mask<N> {
        self.compare(other, T::eq)
    }
    #[inline(never)]
    fn select(mask: Mask<N>, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| if mask.0[i] { a.0[i] } else { b.0[i] }))
    }
    #[inline(never)]
    fn any(mask: Mask<N>) -> bool {
        mask.0.contains(&true)
    }
}
