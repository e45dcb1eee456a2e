//! Logarithms.
//!
//! `x = 2^k m` with `m` in `[sqrt 1/2, sqrt 2)`; with `f = m - 1` and `s = f / (2 + f)` the
//! logarithm of `m` is `2 atanh s = 2 s + s z P(z)`, `z = s^2`, written as
//! `f - (f^2/2 - s (f^2/2 + z P))`, whose leading term is exact (as in FDLIBM).

use super::coefficients::{LN_F32, LN_F64};
use super::exp::{ln2_high, ln2_low};
use super::poly::{pick, poly, two_sum};
use purlin_core::Real;
use purlin_core::simd::Lanes;
use std::f64::consts::SQRT_2;

/// `(k, m)` with `x = 2^k m` and `m` in `[sqrt 1/2, sqrt 2]`, for positive finite `x`.
#[inline(always)]
pub(super) fn split<V: Lanes>(x: V) -> (V, V) {
    let is_small = x.lt(V::splat(V::Scalar::MIN_POSITIVE));
    let shift = pick::<V>(24.0, 54.0);
    let x = V::select(is_small, x * shift.pow2(), x);
    let m = x.mantissa();
    let is_upper = m.gt(V::splat_f64(SQRT_2));
    let k = x.exponent() - V::select(is_small, shift, V::splat_f64(0.0));
    let half = V::splat_f64(0.5);
    (V::select(is_upper, k + V::splat_f64(1.0), k), V::select(is_upper, m * half, m))
}

/// `k ln 2 + ln(1 + f) + low`
#[inline(always)]
fn combine<V: Lanes>(k: V, f: V, low: V) -> V {
    let s = f / (V::splat_f64(2.0) + f);
    let z = s * s;
    let half_square = V::splat_f64(0.5) * f * f;
    let small = k.mul_add(ln2_low::<V>(), low);
    let inner = z.mul_add(poly(z, &LN_F32, &LN_F64), half_square);
    let rest = half_square - s.mul_add(inner, small);
    k.mul_add(ln2_high::<V>(), f - rest)
}

/// The natural logarithm: -inf at 0, NaN below.
#[inline(always)]
pub fn ln<V: Lanes>(x: V) -> V {
    let (k, m) = split(x);
    let y = combine(k, m - V::splat_f64(1.0), V::splat_f64(0.0));
    at_the_ends(x, y, x)
}

/// `ln(1 + x)`, accurate near 0; -inf at -1, NaN below.
#[inline(always)]
pub fn ln_1p<V: Lanes>(x: V) -> V {
    let (zero, one) = (V::splat_f64(0.0), V::splat_f64(1.0));
    let (sum, lost) = two_sum(one, x);
    let (k, m) = split(sum);
    // Around 0 the argument itself is f, with all its digits.
    let is_near = k.eq(zero);
    let f = V::select(is_near, x, m - one);
    let y = combine(k, f, V::select(is_near, zero, lost / sum));
    at_the_ends(sum, y, x).copysign(V::select(is_near, x, k))
}

/// `y` where the argument of the logarithm is positive and finite; `whole` where it is infinite.
#[inline(always)]
fn at_the_ends<V: Lanes>(argument: V, y: V, whole: V) -> V {
    let (zero, infinity) = (V::splat_f64(0.0), V::splat_f64(f64::INFINITY));
    let y = V::select(argument.eq(infinity), whole, y);
    let y = V::select(argument.eq(zero), -infinity, y);
    V::select(argument.ge(zero), y, V::splat_f64(f64::NAN))
}
