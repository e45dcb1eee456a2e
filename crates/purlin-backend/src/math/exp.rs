//! The exponential function and what is made of it.
//!
//! `x = n ln 2 + r` with `|r| <= ln 2 / 2` (Cody and Waite, 1980), `e^r` by a minimax polynomial,
//! and `2^n` in two factors, so that results are rounded once on their way into the subnormals.

use super::coefficients::{EXP_F32, EXP_F64};
use super::log::ln_1p;
use super::poly::{divide, fast_two_sum, pick, poly};
use purlin_core::simd::Lanes;
use std::f64::consts::LOG2_E;

/// ln 2, its rounding to the lane type.
#[inline(always)]
pub(super) fn ln2_high<V: Lanes>() -> V {
    pick(0.693_147_182_464_599_6, std::f64::consts::LN_2)
}

/// ln 2 less [`ln2_high`].
#[inline(always)]
pub(super) fn ln2_low<V: Lanes>() -> V {
    pick(-1.904_654_212_125_933_6e-9, 2.319_046_813_846_299_6e-17)
}

/// Beyond these `e^x` is 0 or infinite. NaN passes.
#[inline(always)]
fn clamp<V: Lanes>(x: V) -> V {
    pick::<V>(89.0, 710.0).min(pick::<V>(-104.5, -746.0).max(x))
}

/// `v 2^n` for integral `n` between twice the least and twice the greatest exponent.
#[inline(always)]
pub(super) fn scale<V: Lanes>(v: V, n: V) -> V {
    let half = (n * V::splat_f64(0.5)).floor();
    v * half.pow2() * (n - half).pow2()
}

/// `e^(x + low) = (1 + m) 2^n`: gives `(n, m)`, with `m` right to half an ulp of 1 + m.
#[inline(always)]
pub(super) fn exp_parts<V: Lanes>(x: V, low: V) -> (V, V) {
    let n = (x * V::splat_f64(LOG2_E)).round_ties_even();
    // Exact: the product is not rounded, and the difference has no more digits than x.
    let high = n.mul_add(-ln2_high::<V>(), x);
    let shift = n.mul_add(-ln2_low::<V>(), low);
    let (r, r_low) = fast_two_sum(high, shift);
    (n, (r * r).mul_add(poly(r, &EXP_F32, &EXP_F64), r_low) + r)
}

/// `e^x`
#[inline(always)]
pub fn exp<V: Lanes>(x: V) -> V {
    let x = clamp(x);
    let n = (x * V::splat_f64(LOG2_E)).round_ties_even();
    let r = n.mul_add(-ln2_low::<V>(), n.mul_add(-ln2_high::<V>(), x));
    let e = (r * r).mul_add(poly(r, &EXP_F32, &EXP_F64), r) + V::splat_f64(1.0);
    scale(e, n)
}

/// `e^x - 1`, accurate near 0.
#[inline(always)]
pub fn expm1<V: Lanes>(x: V) -> V {
    // -1 to the last bit below the lower bound.
    let inside = pick::<V>(89.0, 710.0).min(pick::<V>(-20.0, -40.0).max(x));
    let (n, m) = exp_parts(inside, V::splat_f64(0.0));
    // 2^n m + (2^n - 1), at half the size so that 2^n does not overflow before the result does.
    let half = (n - V::splat_f64(1.0)).pow2();
    let sum = half.mul_add(m, half - V::splat_f64(0.5));
    let result = V::select(n.eq(V::splat_f64(0.0)), m, sum + sum);
    result.copysign(x)
}

/// `x / (1 + e^-(h + low))` for `h` of the sign of `x`; the
/// callers keep both finite. The heart of sigmoid, silu and the tanh form of gelu.
#[inline(always)]
pub(super) fn times_logistic<V: Lanes>(x: V, h: V, low: V) -> V {
    let (zero, one) = (V::splat_f64(0.0), V::splat_f64(1.0));
    let (a, is_negative) = (x.abs(), h.lt(zero));
    let minus = V::select(is_negative, low, -low);
    let (n, m) = exp_parts(-h.abs(), minus);
    let e = scale(one + m, n);
    let denominator = fast_two_sum(one, e);
    // a e^-|h| without its power of two, which comes last: the product may be subnormal.
    let product = a.mul_add(m, a);
    let product_low = a.mul_add(m, a - product);
    let numerator = (V::select(is_negative, product, a), V::select(is_negative, product_low, zero));
    let quotient = divide(numerator, denominator);
    V::select(is_negative, scale(quotient, n), quotient).copysign(x)
}

/// The logistic function `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid<V: Lanes>(x: V) -> V {
    let bound = pick::<V>(110.0, 760.0);
    let inside = bound.min((-bound).max(x));
    times_logistic(V::splat_f64(1.0), inside, V::splat_f64(0.0))
}

/// `x sigmoid(x)`, also known as swish (Elfwing, Uchibe, Doya, 2018).
#[inline(always)]
pub fn silu<V: Lanes>(x: V) -> V {
    let bound = pick::<V>(110.0, 760.0);
    let inside = bound.min((-bound).max(x));
    let y = times_logistic(inside, inside, V::splat_f64(0.0));
    V::select(x.gt(bound), x, y)
}

/// The derivative of [`silu`].
#[inline(always)]
pub fn silu_grad<V: Lanes>(x: V) -> V {
    let (bound, one) = (V::splat_f64(1e4), V::splat_f64(1.0));
    let x = bound.min((-bound).max(x));
    let s = sigmoid(x);
    // 1 - s as sigmoid(-x), which keeps its digits for large x.
    s * x.mul_add(sigmoid(-x), one)
}

/// `ln(1 + e^x)`
#[inline(always)]
pub fn softplus<V: Lanes>(x: V) -> V {
    let zero = V::splat_f64(0.0);
    let positive = V::select(x.gt(zero), x, zero);
    positive + ln_1p(exp(-x.abs()))
}
