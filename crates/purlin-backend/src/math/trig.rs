//! Sine and cosine.
//!
//! `x = n pi/2 + r` with pi/2 in three numbers of the lane type. The first product is subtracted
//! exactly, the others with what their rounding lost, so `r` is right to its last digit for
//! moderate `x`; lanes beyond take the `libm` crate's reduction, which is plain Rust and exact
//! for every `x`.

use super::coefficients::{COS_F32, COS_F64, SIN_F32, SIN_F64};
use super::poly::{fast_two_sum, pick, poly, two_product};
use purlin_core::Real;
use purlin_core::simd::{Lanes, MAX_LANES};
use std::f64::consts::FRAC_2_PI;

/// The sine of `x` radians; NaN at infinities.
#[inline(always)]
pub fn sin<V: Lanes>(x: V) -> V {
    let y = by_quadrant(x, V::splat_f64(0.0));
    // The sign of a zero is lost on the way.
    let y = V::select(x.eq(V::splat_f64(0.0)), x, y);
    beyond(x, y, libm::sin)
}

/// The cosine of `x` radians; NaN at infinities.
#[inline(always)]
pub fn cos<V: Lanes>(x: V) -> V {
    beyond(x, by_quadrant(x, V::splat_f64(1.0)), libm::cos)
}

/// `sin(x + turns pi/2)`
#[inline(always)]
fn by_quadrant<V: Lanes>(x: V, turns: V) -> V {
    let (half, one) = (V::splat_f64(0.5), V::splat_f64(1.0));
    let n = (x * V::splat_f64(FRAC_2_PI)).round_ties_even();
    let exact = n.mul_add(-pick::<V>(1.570_796_370_506_286_6, std::f64::consts::FRAC_PI_2), x);
    let second = pick::<V>(-4.371_138_828_673_793e-8, 6.123_233_995_736_766e-17);
    let third = pick::<V>(-1.715_124_510_005_881_9e-15, -1.497_384_904_859_169_8e-33);
    let (shift, shift_low) = two_product(n, second);
    let high = exact - shift;
    let lost = ((exact - high) - shift) - n.mul_add(third, shift_low);
    let (r, low) = fast_two_sum(high, lost);

    let z = r * r;
    let half_z = half * z;
    // sin(r + low) = sin r + low cos r
    let rest = (r * z).mul_add(poly(z, &SIN_F32, &SIN_F64), low * (one - half_z));
    let sine = r + rest;
    // cos(r + low) = cos r - low sin r; 1 - z/2 with what its rounding lost.
    let (top, top_low) = fast_two_sum(one, -half_z);
    let rest = (z * z).mul_add(poly(z, &COS_F32, &COS_F64), (-r).mul_add(low, top_low));
    let cosine = top + rest;

    let turns = n + turns;
    let quadrant = turns - V::splat_f64(4.0) * (turns * V::splat_f64(0.25)).floor();
    let is_odd = quadrant.eq(one) | quadrant.eq(V::splat_f64(3.0));
    let y = V::select(is_odd, cosine, sine);
    V::select(quadrant.ge(V::splat_f64(2.0)), -y, y)
}

/// Lanes whose reduction would lose digits go through `exact`, the others keep `y`.
#[inline(always)]
fn beyond<V: Lanes>(x: V, y: V, exact: fn(f64) -> f64) -> V {
    // Up to here n times the first number of pi/2 is subtracted exactly.
    let limit = V::splat_f64(bound::<V>());
    if V::any(!x.abs().le(limit)) { lane_by_lane(x, y, exact) } else { y }
}

const fn bound<V: Lanes>() -> f64 {
    if super::poly::is_f32::<V>() { 65_536.0 } else { 1_073_741_824.0 }
}

#[cold]
#[inline(never)]
fn lane_by_lane<V: Lanes>(x: V, y: V, exact: fn(f64) -> f64) -> V {
    let (mut xs, mut ys) = ([V::Scalar::ZERO; MAX_LANES], [V::Scalar::ZERO; MAX_LANES]);
    x.store(&mut xs);
    y.store(&mut ys);
    for (x, y) in xs.iter().zip(&mut ys).take(V::LANES) {
        let is_moderate = x.abs().to_f64() <= bound::<V>();
        if !is_moderate {
            *y = V::Scalar::from_f64(exact(x.to_f64()));
        }
    }
    V::load(&ys)
}
