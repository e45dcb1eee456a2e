//! The hyperbolic tangent.

use super::coefficients::{TANH_F32, TANH_F64};
use super::exp::exp;
use super::poly::poly;
use purlin_core::simd::Lanes;

/// The hyperbolic tangent: an odd polynomial below 0.625, `1 - 2 / (e^(2x) + 1)` above.
#[inline(always)]
pub fn tanh<V: Lanes>(x: V) -> V {
    let (one, a) = (V::splat_f64(1.0), x.abs());
    let z = a * a;
    let small = (a * z).mul_add(poly(z, &TANH_F32, &TANH_F64), a);
    let large = one - V::splat_f64(2.0) / (exp(a + a) + one);
    V::select(a.lt(V::splat_f64(0.625)), small, large).copysign(x)
}
