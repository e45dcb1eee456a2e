//! Powers.
//!
//! `|x|^y = e^(y ln |x|)` with the logarithm and the product carried with twice the digits of the
//! lane type: an error in the exponent counts up to 700-fold.

use super::coefficients::{LN_F32, LN_F64, LN_REST_F32, LN_REST_F64};
use super::exp::{exp_parts, ln2_high, ln2_low, scale};
use super::log::split;
use super::poly::{fast_two_sum, pick, poly_tail, two_product};
use purlin_core::simd::Lanes;

/// `ln x` of positive finite `x` as a sum of two numbers.
#[inline(always)]
fn ln_parts<V: Lanes>(x: V) -> (V, V) {
    let (one, two) = (V::splat_f64(1.0), V::splat_f64(2.0));
    let (k, m) = split(x);
    let f = m - one;
    // s = f / (2 + f)
    let (d, d_low) = fast_two_sum(two, f);
    let inverse = one / d;
    let s = f * inverse;
    let s_low = ((-s).mul_add(d, f) - s * d_low) * inverse;
    // z = s^2, and the polynomial 2/3 + 2/5 z + ...
    let (z, lost) = two_product(s, s);
    let z_low = (s + s).mul_add(s_low, lost);
    let inner = z.mul_add(poly_tail(z, &LN_F32, &LN_F64), pick(LN_REST_F32, LN_REST_F64));
    let (p, p_low) = fast_two_sum(pick::<V>(LN_F32[0], LN_F64[0]), inner);
    // s z p
    let (c, lost) = two_product(s, z);
    let c_low = s.mul_add(z_low, s_low.mul_add(z, lost));
    let (t, lost) = two_product(c, p);
    let t_low = c.mul_add(p_low, c_low.mul_add(p, lost));
    // 2 s + s z p + k ln 2
    let (log, lost) = fast_two_sum(s + s, t);
    let log_low = lost + ((s_low + s_low) + t_low);
    let (shift, lost) = two_product(k, ln2_high::<V>());
    let shift_low = k.mul_add(ln2_low::<V>(), lost);
    let (sum, lost) = fast_two_sum(shift, log);
    fast_two_sum(sum, lost + (shift_low + log_low))
}

/// `x^y`, with the special values of IEEE 754: `x^0 = 1^y = 1` even for NaN, a negative `x` has
/// powers with integral `y` only.
#[inline(always)]
pub fn pow<V: Lanes>(x: V, y: V) -> V {
    let (zero, one) = (V::splat_f64(0.0), V::splat_f64(1.0));
    let infinity = V::splat_f64(f64::INFINITY);
    let nan = V::splat_f64(f64::NAN);
    let a = x.abs();

    let (log, log_low) = ln_parts(a);
    let (h, lost) = two_product(y, log);
    let low = y.mul_add(log_low, lost);
    let bound = pick::<V>(170.0, 1400.0);
    let is_inside = h.abs().lt(bound);
    let (n, m) = exp_parts(V::select(is_inside, h, zero), V::select(is_inside, low, zero));
    let power = scale(one + m, n);
    let grows = h.gt(zero);
    let power = V::select(is_inside, power, V::select(grows, infinity, zero));

    // |x| or |y| at an end: 0, infinity.
    let y_is_positive = y.gt(zero);
    let power = V::select(a.eq(zero), V::select(y_is_positive, zero, infinity), power);
    let power = V::select(a.eq(infinity), V::select(y_is_positive, infinity, zero), power);
    let toward_infinity = (a.gt(one) & y_is_positive) | (a.lt(one) & !y_is_positive);
    let at_infinity = V::select(toward_infinity, infinity, zero);
    let at_infinity = V::select(a.eq(one), one, at_infinity);
    let power = V::select(y.abs().eq(infinity), at_infinity, power);

    // Negative x, and the signs of zeros.
    let half = y * V::splat_f64(0.5);
    let is_integral = y.eq(y.floor());
    let is_odd = is_integral & !half.eq(half.floor());
    let power = V::select(is_odd, power.copysign(x), power);
    let has_no_power = x.lt(zero) & x.gt(-infinity) & !is_integral;
    let power = V::select(has_no_power, nan, power);

    let power = V::select(x.is_nan() | y.is_nan(), nan, power);
    V::select(x.eq(one) | y.eq(zero), one, power)
}

/// `x^n`: products for `n` from -1 to 3, else [`pow`]. Beyond `|n| = 2^24` two powers are multiplied.
#[inline(always)]
pub fn powi<V: Lanes>(x: V, n: i32) -> V {
    let one = V::splat_f64(1.0);
    match n {
        0 => one,
        1 => x,
        2 => x * x,
        3 => x * (x * x),
        -1 => one / x,
        _ if n.unsigned_abs() <= 1 << 24 => pow(x, V::splat_f64(f64::from(n))),
        _ => {
            // f32 does not hold every exponent: two that it holds, the parity in the second.
            let low = n % (1 << 12);
            let high = V::splat_f64(f64::from(n - low));
            pow(x, V::splat_f64(f64::from(low))) * pow(x.abs(), high)
        }
    }
}
