//! AVX-512: one register per vector.

use purlin_core::simd::{Isa, Lanes};
#[allow(
    clippy::wildcard_imports,
    reason = "the intrinsics of one instruction set, named by it"
)]
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

impl Isa for Avx512 {
    type F32 = F32;
    type F64 = F64;
}

/// One `unsafe` for the intrinsics of this file.
macro_rules! isa {
    ($intrinsic:expr) => {
        // SAFETY: these types exist only inside kernels that `dispatch` runs after the CPU said
        // that it has the instruction set; pointers come from slices whose length was checked.
        unsafe { $intrinsic }
    };
}

/// A mask of the first `n` lanes, `n < 16`.
#[inline(always)]
fn first_bits(n: usize) -> u32 {
    (1 << n) - 1
}

/// Quarters move down, then lanes within the first.
#[inline(always)]
fn upper_f32<const K: usize>(v: __m512) -> __m512 {
    match K {
        8 => isa!(_mm512_shuffle_f32x4::<0b11_10_11_10>(v, v)),
        4 => isa!(_mm512_shuffle_f32x4::<0b11_10_01_01>(v, v)),
        2 => isa!(_mm512_permute_ps::<0b11_10_11_10>(v)),
        _ => isa!(_mm512_permute_ps::<0b11_10_01_01>(v)),
    }
}

/// As [`upper_f32`].
#[inline(always)]
fn upper_f64<const K: usize>(v: __m512d) -> __m512d {
    match K {
        4 => isa!(_mm512_shuffle_f64x2::<0b11_10_11_10>(v, v)),
        2 => isa!(_mm512_shuffle_f64x2::<0b11_10_01_01>(v, v)),
        _ => isa!(_mm512_permute_pd::<0b1111_1111>(v)),
    }
}

macro_rules! lanes {
    ($name:ident, $mask:ident, $scalar:ident, $raw:ident, $bits:ident, $k:ident, $n:literal,
     set1 $set1:ident, loadu $loadu:ident, storeu $storeu:ident,
     mask_loadu $mask_loadu:ident, mask_storeu $mask_storeu:ident, upper $upper:ident, first $first:ident,
     add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident, fma $fma:ident,
     max $max:ident, min $min:ident, sqrt $sqrt:ident, round $round:ident, cmp $cmp:ident,
     blend $blend:ident, and $and:ident, or $or:ident, andnot $andnot:ident, xor $xor:ident,
     shl $shl:ident, shr $shr:ident, to_int $to_int:ident, to_float $to_float:ident,
     mantissa_bits $mbits:literal, bias $bias:literal) => {
        #[doc = concat!(stringify!($n), " lanes of `", stringify!($scalar), "`.")]
        #[derive(Debug, Clone, Copy)]
        #[repr(transparent)]
        pub(crate) struct $name($raw);

        /// One bit per lane.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $mask($k);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                Self(!self.0)
            }
        }
        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(isa!($add(self.0, other.0)))
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(isa!($sub(self.0, other.0)))
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(isa!($mul(self.0, other.0)))
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(isa!($div(self.0, other.0)))
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(isa!($xor(self.0, $set1(-0.0))))
            }
        }

        impl Lanes for $name {
            type Scalar = $scalar;
            type Mask = $mask;
            const LANES: usize = $n;

            #[inline(always)]
            fn splat(x: $scalar) -> Self {
                Self(isa!($set1(x)))
            }
            #[inline(always)]
            fn load(xs: &[$scalar]) -> Self {
                assert!(xs.len() >= $n);
                Self(isa!($loadu(xs.as_ptr())))
            }
            #[inline(always)]
            fn store(self, out: &mut [$scalar]) {
                assert!(out.len() >= $n);
                isa!($storeu(out.as_mut_ptr(), self.0));
            }
            #[inline(always)]
            fn load_partial(xs: &[$scalar], fill: $scalar) -> Self {
                if xs.len() >= $n {
                    return Self::load(xs);
                }
                let mask = first_bits(xs.len()) as $k;
                Self(isa!($mask_loadu($set1(fill), mask, xs.as_ptr())))
            }
            #[inline(always)]
            fn store_partial(self, out: &mut [$scalar]) {
                if out.len() >= $n {
                    return self.store(out);
                }
                let mask = first_bits(out.len()) as $k;
                isa!($mask_storeu(out.as_mut_ptr(), mask, self.0));
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                Self(isa!($fma(self.0, b.0, c.0)))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(isa!($max(self.0, other.0)))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(isa!($min(self.0, other.0)))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(isa!($andnot($set1(-0.0), self.0)))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(isa!($sqrt(self.0)))
            }
            #[inline(always)]
            fn round_ties_even(self) -> Self {
                Self(isa!($round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)))
            }
            #[inline(always)]
            fn floor(self) -> Self {
                Self(isa!($round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)))
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                let minus = isa!($set1(-0.0));
                Self(isa!($or($andnot(minus, self.0), $and(minus, sign.0))))
            }
            #[inline(always)]
            fn pow2(self) -> Self {
                // Adding 1.5 * 2^mantissa_bits puts the biased integer in the low bits.
                let magic = 1.5 * (1u64 << $mbits) as $scalar + $bias;
                Self(isa!($to_float($shl::<$mbits>($to_int($add(self.0, $set1(magic)))))))
            }
            #[inline(always)]
            fn exponent(self) -> Self {
                // The exponent bits as the low bits of 2^mantissa_bits, then that is taken away.
                let two = (1u64 << $mbits) as $scalar;
                let high = isa!($to_float($shr::<$mbits>($to_int(self.0))));
                Self(isa!($sub($or(high, $set1(two)), $set1(two + $bias))))
            }
            #[inline(always)]
            fn mantissa(self) -> Self {
                let low = $scalar::from_bits((1 << $mbits) - 1);
                Self(isa!($or($and(self.0, $set1(low)), $set1(1.0))))
            }
            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(isa!($cmp::<_CMP_LT_OQ>(self.0, other.0)))
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(isa!($cmp::<_CMP_LE_OQ>(self.0, other.0)))
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(isa!($cmp::<_CMP_EQ_OQ>(self.0, other.0)))
            }
            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self(isa!($blend(mask.0, b.0, a.0)))
            }
            #[inline(always)]
            fn any(mask: $mask) -> bool {
                mask.0 != 0
            }
            #[inline(always)]
            fn upper<const K: usize>(self) -> Self {
                Self($upper::<K>(self.0))
            }
            #[inline(always)]
            fn first(self) -> $scalar {
                isa!($first(self.0))
            }
        }
    };
}

lanes!(F32, Mask32, f32, __m512, u32, __mmask16, 16,
    set1 _mm512_set1_ps, loadu _mm512_loadu_ps, storeu _mm512_storeu_ps,
    mask_loadu _mm512_mask_loadu_ps, mask_storeu _mm512_mask_storeu_ps, upper upper_f32, first _mm512_cvtss_f32,
    add _mm512_add_ps, sub _mm512_sub_ps, mul _mm512_mul_ps, div _mm512_div_ps, fma _mm512_fmadd_ps,
    max _mm512_max_ps, min _mm512_min_ps, sqrt _mm512_sqrt_ps, round _mm512_roundscale_ps, cmp _mm512_cmp_ps_mask,
    blend _mm512_mask_blend_ps, and _mm512_and_ps, or _mm512_or_ps, andnot _mm512_andnot_ps, xor _mm512_xor_ps,
    shl _mm512_slli_epi32, shr _mm512_srli_epi32, to_int _mm512_castps_si512, to_float _mm512_castsi512_ps,
    mantissa_bits 23, bias 127.0);

lanes!(F64, Mask64, f64, __m512d, u64, __mmask8, 8,
    set1 _mm512_set1_pd, loadu _mm512_loadu_pd, storeu _mm512_storeu_pd,
    mask_loadu _mm512_mask_loadu_pd, mask_storeu _mm512_mask_storeu_pd, upper upper_f64, first _mm512_cvtsd_f64,
    add _mm512_add_pd, sub _mm512_sub_pd, mul _mm512_mul_pd, div _mm512_div_pd, fma _mm512_fmadd_pd,
    max _mm512_max_pd, min _mm512_min_pd, sqrt _mm512_sqrt_pd, round _mm512_roundscale_pd, cmp _mm512_cmp_pd_mask,
    blend _mm512_mask_blend_pd, and _mm512_and_pd, or _mm512_or_pd, andnot _mm512_andnot_pd, xor _mm512_xor_pd,
    shl _mm512_slli_epi64, shr _mm512_srli_epi64, to_int _mm512_castpd_si512, to_float _mm512_castsi512_pd,
    mantissa_bits 52, bias 1023.0);
