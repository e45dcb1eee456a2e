//! NEON of AArch64: four registers per vector.

use purlin_core::simd::{Isa, Lanes};
#[allow(
    clippy::wildcard_imports,
    reason = "the intrinsics of one instruction set, named by it"
)]
use std::arch::aarch64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// NEON, which every AArch64 has.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

impl Isa for Neon {
    type F32 = F32;
    type F64 = F64;
}

/// One `unsafe` for the intrinsics of this file.
macro_rules! isa {
    ($intrinsic:expr) => {
        // SAFETY: NEON belongs to the base of AArch64; pointers come from slices whose length was
        // checked.
        unsafe { $intrinsic }
    };
}

/// What `vreinterpretq_u32_u64` is for the wider lanes.
#[inline(always)]
fn as_is(x: uint32x4_t) -> uint32x4_t {
    x
}

/// An expression for each of the four registers.
macro_rules! each {
    (|$i:ident| $body:expr) => {
        [each!(@ $i, 0, $body), each!(@ $i, 1, $body), each!(@ $i, 2, $body), each!(@ $i, 3, $body)]
    };
    (@ $i:ident, $value:literal, $body:expr) => {{
        let $i: usize = $value;
        isa!($body)
    }};
}

macro_rules! lanes {
    ($name:ident, $mask:ident, $scalar:ident, $raw:ident, $int:ident, $n:literal, per_register $per:literal,
     set1 $set1:ident, set1_int $set1_int:ident, load $load:ident, store $store:ident,
     add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident, neg $neg:ident, fma $fma:ident,
     abs $abs:ident, sqrt $sqrt:ident, round $round:ident, floor $floor:ident,
     lt $lt:ident, le $le:ident, eq $eq:ident, gt $gt:ident, select $select:ident,
     and $and:ident, or $or:ident, xor $xor:ident, shl $shl:ident, shr $shr:ident,
     to_int $to_int:ident, to_float $to_float:ident, to_u32 $to_u32:ident, shift_in $shift_in:ident,
     first $first:ident, bits $bits:ident, mantissa_bits $mbits:literal, bias $bias:literal) => {
        #[doc = concat!(stringify!($n), " lanes of `", stringify!($scalar), "`.")]
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name([$raw; 4]);

        /// All bits of a lane set, or none.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $mask([$int; 4]);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(each!(|i| $and(self.0[i], other.0[i])))
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(each!(|i| $or(self.0[i], other.0[i])))
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                let ones = isa!($set1_int($bits::MAX));
                Self(each!(|i| $xor(self.0[i], ones)))
            }
        }
        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(each!(|i| $add(self.0[i], other.0[i])))
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(each!(|i| $sub(self.0[i], other.0[i])))
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(each!(|i| $mul(self.0[i], other.0[i])))
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(each!(|i| $div(self.0[i], other.0[i])))
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(each!(|i| $neg(self.0[i])))
            }
        }

        impl Lanes for $name {
            type Scalar = $scalar;
            type Mask = $mask;
            const LANES: usize = $n;

            #[inline(always)]
            fn splat(x: $scalar) -> Self {
                Self([isa!($set1(x)); 4])
            }
            #[inline(always)]
            fn load(xs: &[$scalar]) -> Self {
                assert!(xs.len() >= $n);
                Self(each!(|i| $load(xs.as_ptr().add($per * i))))
            }
            #[inline(always)]
            fn store(self, out: &mut [$scalar]) {
                assert!(out.len() >= $n);
                for (i, register) in self.0.into_iter().enumerate() {
                    isa!($store(out.as_mut_ptr().add($per * i), register));
                }
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                Self(each!(|i| $fma(c.0[i], self.0[i], b.0[i])))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // `vmaxq` would give NaN for any NaN; the contract is a comparison.
                Self(each!(|i| { $select($gt(self.0[i], other.0[i]), self.0[i], other.0[i]) }))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(each!(|i| { $select($lt(self.0[i], other.0[i]), self.0[i], other.0[i]) }))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(each!(|i| $abs(self.0[i])))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(each!(|i| $sqrt(self.0[i])))
            }
            #[inline(always)]
            fn round_ties_even(self) -> Self {
                Self(each!(|i| $round(self.0[i])))
            }
            #[inline(always)]
            fn floor(self) -> Self {
                Self(each!(|i| $floor(self.0[i])))
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                let minus = isa!($set1_int(1 << ($bits::BITS - 1)));
                Self(each!(|i| $select(minus, sign.0[i], self.0[i])))
            }
            #[inline(always)]
            fn pow2(self) -> Self {
                // Adding 1.5 * 2^mantissa_bits puts the biased integer in the low bits.
                let magic = isa!($set1(1.5 * (1u64 << $mbits) as $scalar + $bias));
                Self(each!(|i| { $to_float($shl::<$mbits>($to_int($add(self.0[i], magic)))) }))
            }
            #[inline(always)]
            fn exponent(self) -> Self {
                // The exponent bits as the low bits of 2^mantissa_bits, then that is taken away.
                let two = (1u64 << $mbits) as $scalar;
                let (two, shift) = isa!(($to_int($set1(two)), $set1(two + $bias)));
                Self(each!(|i| {
                    $sub($to_float($or($shr::<$mbits>($to_int(self.0[i])), two)), shift)
                }))
            }
            #[inline(always)]
            fn mantissa(self) -> Self {
                let low = isa!($set1_int((1 << $mbits) - 1));
                let one = isa!($to_int($set1(1.0)));
                Self(each!(|i| $to_float($or($and($to_int(self.0[i]), low), one))))
            }
            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(each!(|i| $lt(self.0[i], other.0[i])))
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(each!(|i| $le(self.0[i], other.0[i])))
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(each!(|i| $eq(self.0[i], other.0[i])))
            }
            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self(each!(|i| $select(mask.0[i], a.0[i], b.0[i])))
            }
            #[inline(always)]
            fn any(mask: $mask) -> bool {
                let [a, b, c, d] = mask.0;
                isa!(vmaxvq_u32($to_u32($or($or(a, b), $or(c, d))))) != 0
            }
            #[inline(always)]
            fn upper<const K: usize>(self) -> Self {
                let [a, b, c, d] = self.0;
                // Whole registers move down, then lanes within the first.
                Self(match K / $per {
                    2 => [c, d, c, d],
                    1 => [b, b, c, d],
                    _ if K == 2 => [isa!($shift_in::<{ $per / 2 }>(a, a)), b, c, d],
                    _ => [isa!($shift_in::<1>(a, a)), b, c, d],
                })
            }
            #[inline(always)]
            fn first(self) -> $scalar {
                isa!($first::<0>(self.0[0]))
            }
        }
    };
}

lanes!(F32, Mask32, f32, float32x4_t, uint32x4_t, 16, per_register 4,
    set1 vdupq_n_f32, set1_int vdupq_n_u32, load vld1q_f32, store vst1q_f32,
    add vaddq_f32, sub vsubq_f32, mul vmulq_f32, div vdivq_f32, neg vnegq_f32, fma vfmaq_f32,
    abs vabsq_f32, sqrt vsqrtq_f32, round vrndnq_f32, floor vrndmq_f32,
    lt vcltq_f32, le vcleq_f32, eq vceqq_f32, gt vcgtq_f32, select vbslq_f32,
    and vandq_u32, or vorrq_u32, xor veorq_u32, shl vshlq_n_u32, shr vshrq_n_u32,
    to_int vreinterpretq_u32_f32, to_float vreinterpretq_f32_u32, to_u32 as_is, shift_in vextq_f32,
    first vgetq_lane_f32, bits u32, mantissa_bits 23, bias 127.0);

lanes!(F64, Mask64, f64, float64x2_t, uint64x2_t, 8, per_register 2,
    set1 vdupq_n_f64, set1_int vdupq_n_u64, load vld1q_f64, store vst1q_f64,
    add vaddq_f64, sub vsubq_f64, mul vmulq_f64, div vdivq_f64, neg vnegq_f64, fma vfmaq_f64,
    abs vabsq_f64, sqrt vsqrtq_f64, round vrndnq_f64, floor vrndmq_f64,
    lt vcltq_f64, le vcleq_f64, eq vceqq_f64, gt vcgtq_f64, select vbslq_f64,
    and vandq_u64, or vorrq_u64, xor veorq_u64, shl vshlq_n_u64, shr vshrq_n_u64,
    to_int vreinterpretq_u64_f64, to_float vreinterpretq_f64_u64, to_u32 vreinterpretq_u32_u64, shift_in vextq_f64,
    first vgetq_lane_f64, bits u64, mantissa_bits 52, bias 1023.0);
