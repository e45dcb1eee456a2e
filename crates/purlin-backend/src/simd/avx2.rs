//! AVX2 with FMA: two registers per vector.

use purlin_core::simd::{Isa, Lanes};
#[allow(
    clippy::wildcard_imports,
    reason = "the intrinsics of one instruction set, named by it"
)]
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

impl Isa for Avx2 {
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

/// From `LANES - n` on: `n` lanes that are on, then lanes that are off.
static TABLE32: [i32; 32] = {
    let mut table = [0; 32];
    let mut i = 0;
    while i < 16 {
        table[i] = -1;
        i += 1;
    }
    table
};

/// As [`TABLE32`].
static TABLE64: [i64; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 8 {
        table[i] = -1;
        i += 1;
    }
    table
};

/// The upper lanes of the first register moved down, for `K` below its lanes.
#[inline(always)]
fn upper_f32<const K: usize>(v: __m256) -> __m256 {
    match K {
        4 => isa!(_mm256_permute2f128_ps::<0x11>(v, v)),
        2 => isa!(_mm256_permute_ps::<0b11_10_11_10>(v)),
        _ => isa!(_mm256_permute_ps::<0b11_10_01_01>(v)),
    }
}

/// As [`upper_f32`].
#[inline(always)]
fn upper_f64<const K: usize>(v: __m256d) -> __m256d {
    match K {
        2 => isa!(_mm256_permute2f128_pd::<0x11>(v, v)),
        _ => isa!(_mm256_permute_pd::<0b1111>(v)),
    }
}

macro_rules! lanes {
    ($name:ident, $mask:ident, $scalar:ident, $raw:ident, $bits:ident, $n:literal, half $half:literal,
     set1 $set1:ident, loadu $loadu:ident, storeu $storeu:ident,
     table $table:ident, maskload $maskload:ident, maskstore $maskstore:ident, upper $upper:ident, first $first:ident,
     add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident, fma $fma:ident,
     max $max:ident, min $min:ident, sqrt $sqrt:ident, round $round:ident, cmp $cmp:ident,
     blend $blend:ident, movemask $movemask:ident, and $and:ident, or $or:ident, andnot $andnot:ident, xor $xor:ident,
     shl $shl:ident, shr $shr:ident, to_int $to_int:ident, to_float $to_float:ident,
     mantissa_bits $mbits:literal, bias $bias:literal) => {
        #[doc = concat!(stringify!($n), " lanes of `", stringify!($scalar), "`.")]
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name($raw, $raw);

        /// All bits of a lane set, or none.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $mask($raw, $raw);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(isa!($and(self.0, other.0)), isa!($and(self.1, other.1)))
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(isa!($or(self.0, other.0)), isa!($or(self.1, other.1)))
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                let ones = isa!($set1($scalar::from_bits($bits::MAX)));
                Self(isa!($xor(self.0, ones)), isa!($xor(self.1, ones)))
            }
        }
        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(isa!($add(self.0, other.0)), isa!($add(self.1, other.1)))
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(isa!($sub(self.0, other.0)), isa!($sub(self.1, other.1)))
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(isa!($mul(self.0, other.0)), isa!($mul(self.1, other.1)))
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(isa!($div(self.0, other.0)), isa!($div(self.1, other.1)))
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                let minus = isa!($set1(-0.0));
                Self(isa!($xor(self.0, minus)), isa!($xor(self.1, minus)))
            }
        }

        impl Lanes for $name {
            type Scalar = $scalar;
            type Mask = $mask;
            const LANES: usize = $n;

            #[inline(always)]
            fn splat(x: $scalar) -> Self {
                Self(isa!($set1(x)), isa!($set1(x)))
            }
            #[inline(always)]
            fn load(xs: &[$scalar]) -> Self {
                assert!(xs.len() >= $n);
                Self(isa!($loadu(xs.as_ptr())), isa!($loadu(xs.as_ptr().add($half))))
            }
            #[inline(always)]
            fn store(self, out: &mut [$scalar]) {
                assert!(out.len() >= $n);
                isa!($storeu(out.as_mut_ptr(), self.0));
                isa!($storeu(out.as_mut_ptr().add($half), self.1));
            }
            #[inline(always)]
            fn load_partial(xs: &[$scalar], fill: $scalar) -> Self {
                if xs.len() >= $n {
                    return Self::load(xs);
                }
                let n = xs.len();
                let fill = isa!($set1(fill));
                // The pointer of the second half may lie beyond the slice; then nothing is read.
                let (low, high) = (xs.as_ptr(), xs.as_ptr().wrapping_add($half));
                let masks = isa!((
                    _mm256_loadu_si256($table[$n - n..].as_ptr().cast()),
                    _mm256_loadu_si256($table[$n + $half - n..].as_ptr().cast()),
                ));
                Self(
                    isa!($blend(fill, $maskload(low, masks.0), $to_float(masks.0))),
                    isa!($blend(fill, $maskload(high, masks.1), $to_float(masks.1))),
                )
            }
            #[inline(always)]
            fn store_partial(self, out: &mut [$scalar]) {
                if out.len() >= $n {
                    return self.store(out);
                }
                let n = out.len();
                let (low, high) = (out.as_mut_ptr(), out.as_mut_ptr().wrapping_add($half));
                isa!($maskstore(low, _mm256_loadu_si256($table[$n - n..].as_ptr().cast()), self.0));
                isa!($maskstore(
                    high,
                    _mm256_loadu_si256($table[$n + $half - n..].as_ptr().cast()),
                    self.1
                ));
            }
            #[inline(always)]
            fn mul_add(self, b: Self, c: Self) -> Self {
                Self(isa!($fma(self.0, b.0, c.0)), isa!($fma(self.1, b.1, c.1)))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(isa!($max(self.0, other.0)), isa!($max(self.1, other.1)))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(isa!($min(self.0, other.0)), isa!($min(self.1, other.1)))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                let minus = isa!($set1(-0.0));
                Self(isa!($andnot(minus, self.0)), isa!($andnot(minus, self.1)))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(isa!($sqrt(self.0)), isa!($sqrt(self.1)))
            }
            #[inline(always)]
            fn round_ties_even(self) -> Self {
                Self(
                    isa!($round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)),
                    isa!($round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.1)),
                )
            }
            #[inline(always)]
            fn floor(self) -> Self {
                Self(
                    isa!($round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)),
                    isa!($round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.1)),
                )
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                let minus = isa!($set1(-0.0));
                Self(
                    isa!($or($andnot(minus, self.0), $and(minus, sign.0))),
                    isa!($or($andnot(minus, self.1), $and(minus, sign.1))),
                )
            }
            #[inline(always)]
            fn pow2(self) -> Self {
                // Adding 1.5 * 2^mantissa_bits puts the biased integer in the low bits.
                let magic = 1.5 * (1u64 << $mbits) as $scalar + $bias;
                let half = |x| isa!($to_float($shl::<$mbits>($to_int($add(x, $set1(magic))))));
                Self(half(self.0), half(self.1))
            }
            #[inline(always)]
            fn exponent(self) -> Self {
                // The exponent bits as the low bits of 2^mantissa_bits, then that is taken away.
                let two = (1u64 << $mbits) as $scalar;
                let half = |x| {
                    let high = isa!($to_float($shr::<$mbits>($to_int(x))));
                    isa!($sub($or(high, $set1(two)), $set1(two + $bias)))
                };
                Self(half(self.0), half(self.1))
            }
            #[inline(always)]
            fn mantissa(self) -> Self {
                let low = $scalar::from_bits((1 << $mbits) - 1);
                let half = |x| isa!($or($and(x, $set1(low)), $set1(1.0)));
                Self(half(self.0), half(self.1))
            }
            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(
                    isa!($cmp::<_CMP_LT_OQ>(self.0, other.0)),
                    isa!($cmp::<_CMP_LT_OQ>(self.1, other.1)),
                )
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(
                    isa!($cmp::<_CMP_LE_OQ>(self.0, other.0)),
                    isa!($cmp::<_CMP_LE_OQ>(self.1, other.1)),
                )
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(
                    isa!($cmp::<_CMP_EQ_OQ>(self.0, other.0)),
                    isa!($cmp::<_CMP_EQ_OQ>(self.1, other.1)),
                )
            }
            #[inline(always)]
            fn select(mask: $mask, a: Self, b: Self) -> Self {
                Self(isa!($blend(b.0, a.0, mask.0)), isa!($blend(b.1, a.1, mask.1)))
            }
            #[inline(always)]
            fn any(mask: $mask) -> bool {
                isa!($movemask($or(mask.0, mask.1))) != 0
            }
            #[inline(always)]
            fn upper<const K: usize>(self) -> Self {
                if K == $half { Self(self.1, self.1) } else { Self($upper::<K>(self.0), self.1) }
            }
            #[inline(always)]
            fn first(self) -> $scalar {
                isa!($first(self.0))
            }
        }
    };
}

lanes!(F32, Mask32, f32, __m256, u32, 16, half 8,
    set1 _mm256_set1_ps, loadu _mm256_loadu_ps, storeu _mm256_storeu_ps,
    table TABLE32, maskload _mm256_maskload_ps, maskstore _mm256_maskstore_ps, upper upper_f32, first _mm256_cvtss_f32,
    add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps, div _mm256_div_ps, fma _mm256_fmadd_ps,
    max _mm256_max_ps, min _mm256_min_ps, sqrt _mm256_sqrt_ps, round _mm256_round_ps, cmp _mm256_cmp_ps,
    blend _mm256_blendv_ps, movemask _mm256_movemask_ps, and _mm256_and_ps, or _mm256_or_ps, andnot _mm256_andnot_ps, xor _mm256_xor_ps,
    shl _mm256_slli_epi32, shr _mm256_srli_epi32, to_int _mm256_castps_si256, to_float _mm256_castsi256_ps,
    mantissa_bits 23, bias 127.0);

lanes!(F64, Mask64, f64, __m256d, u64, 8, half 4,
    set1 _mm256_set1_pd, loadu _mm256_loadu_pd, storeu _mm256_storeu_pd,
    table TABLE64, maskload _mm256_maskload_pd, maskstore _mm256_maskstore_pd, upper upper_f64, first _mm256_cvtsd_f64,
    add _mm256_add_pd, sub _mm256_sub_pd, mul _mm256_mul_pd, div _mm256_div_pd, fma _mm256_fmadd_pd,
    max _mm256_max_pd, min _mm256_min_pd, sqrt _mm256_sqrt_pd, round _mm256_round_pd, cmp _mm256_cmp_pd,
    blend _mm256_blendv_pd, movemask _mm256_movemask_pd, and _mm256_and_pd, or _mm256_or_pd, andnot _mm256_andnot_pd, xor _mm256_xor_pd,
    shl _mm256_slli_epi64, shr _mm256_srli_epi64, to_int _mm256_castpd_si256, to_float _mm256_castsi256_pd,
    mantissa_bits 52, bias 1023.0);
