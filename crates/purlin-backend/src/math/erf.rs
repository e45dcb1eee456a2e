//! The error function, its complement, and gelu.
//!
//! `erfc(x) = e^(-x^2) erfcx(x)`; `(1 + 2x) erfcx(x)` hardly varies over the whole half line and
//! is one polynomial in `t = (x - k) / (x + k)` (Shepherd and Laframboise, 1981). The square in
//! the exponent is carried with twice the digits, so the far tail keeps its accuracy. Near 0,
//! where rounding `t` would cost some ulp, `erf` is an odd polynomial and `erfc` its complement.

use super::coefficients::{ERF_F32, ERF_F64, ERFCX_F32, ERFCX_F64, ERFCX_REST_F32, ERFCX_REST_F64};
use super::exp::{exp_parts, scale, times_logistic};
use super::poly::{divide_parts, fast_two_sum, pick, poly, poly_tail, two_product, two_sum};
use purlin_core::simd::Lanes;

/// `erf(x)` for `|x| <= 0.875`.
#[inline(always)]
fn erf_near_zero<V: Lanes>(x: V) -> V {
    x.mul_add(poly(x * x, &ERF_F32, &ERF_F64), x)
}

/// `erfc(z + z_low)` in parts, for `z >= 0`.
struct Tail<V> {
    z: V,
    /// `(1 + 2z) erfcx(z)`, with its rounding.
    g: (V, V),
    /// `1 + 2z`, with its rounding.
    denominator: (V, V),
    /// `e^-(h + h_low)` as `2^n (1 + m)`.
    n: V,
    m: V,
}

impl<V: Lanes> Tail<V> {
    /// `h + h_low` is the square of `z + z_low`.
    #[inline(always)]
    fn new((z, z_low): (V, V), (h, h_low): (V, V)) -> Self {
        let k = pick::<V>(2.0, 4.0);
        let t = (z - k) / (z + k);
        let rest = pick::<V>(ERFCX_REST_F32, ERFCX_REST_F64);
        let inner = t.mul_add(poly_tail(t, &ERFCX_F32, &ERFCX_F64), rest);
        let g = fast_two_sum(pick::<V>(ERFCX_F32[0], ERFCX_F64[0]), inner);
        let (sum, lost) = two_sum(V::splat_f64(1.0), z + z);
        let (n, m) = exp_parts(-h, -h_low);
        Self { z, g, denominator: (sum, lost + (z_low + z_low)), n, m }
    }

    /// `factor erfc(z + z_low)`.
    #[inline(always)]
    fn times(&self, factor: V) -> V {
        let (g, g_low) = self.g;
        let (product, product_low) = two_product(g, factor);
        let numerator = (product, g_low.mul_add(factor, product_low));
        let (quotient, rest) = divide_parts(numerator, self.denominator);
        // One rounding at the end: quotient and rest times 1 + m.
        let m = self.m;
        let far = scale(quotient + quotient.mul_add(m, rest.mul_add(m, rest)), self.n);
        // Up to here erfc is above 1/2 and its complement has digits to spare.
        let near = (-erf_near_zero(self.z)).mul_add(factor, factor);
        V::select(self.z.lt(V::splat_f64(0.46875)), near, far)
    }
}

/// `|x|` held where `erfc` is not yet 0; NaN passes.
#[inline(always)]
fn limited<V: Lanes>(x: V) -> V {
    pick::<V>(10.3, 27.6).min(x.abs())
}

/// `1 - erf(x)`, accurate in the tail.
#[inline(always)]
pub fn erfc<V: Lanes>(x: V) -> V {
    let (zero, a) = (V::splat_f64(0.0), limited(x));
    let y = Tail::new((a, zero), two_product(a, a)).times(V::splat_f64(1.0));
    V::select(x.lt(zero), V::splat_f64(2.0) - y, y)
}

/// The error function `2/sqrt(pi) int_0^x e^(-t^2) dt`.
#[inline(always)]
pub fn erf<V: Lanes>(x: V) -> V {
    let (zero, a) = (V::splat_f64(0.0), limited(x));
    let small = erf_near_zero(x);
    let one = V::splat_f64(1.0);
    let large = one - Tail::new((a, zero), two_product(a, a)).times(one);
    V::select(a.lt(V::splat_f64(0.875)), small, large.copysign(x))
}

/// `|x|`, `|x| / sqrt 2` and `x^2 / 2`, held where `Phi(-|x|)` is not yet 0.
#[inline(always)]
fn normal_parts<V: Lanes>(x: V) -> (V, (V, V), (V, V)) {
    let half = V::splat_f64(0.5);
    let a = pick::<V>(14.56, 39.03).min(x.abs());
    let root = pick::<V>(0.707_106_769_084_930_4, std::f64::consts::FRAC_1_SQRT_2);
    let root_low = pick::<V>(1.210_161_748_588_234_3e-8, -4.833_646_656_726_457e-17);
    let (z, lost) = two_product(a, root);
    let (square, square_low) = two_product(a, a);
    (a, (z, a.mul_add(root_low, lost)), (half * square, half * square_low))
}

/// `x Phi(x)` with the normal distribution function `Phi` (Hendrycks and Gimpel, 2016).
#[inline(always)]
pub fn gelu<V: Lanes>(x: V) -> V {
    let (a, z, h) = normal_parts(x);
    gelu_from(x, a, &Tail::new(z, h))
}

#[inline(always)]
fn gelu_from<V: Lanes>(x: V, a: V, tail: &Tail<V>) -> V {
    // |x| Phi(-|x|): the value itself for negative x, what is missing to x for positive.
    let missing = tail.times(V::splat_f64(0.5) * a);
    V::select(x.lt(V::splat_f64(0.0)), -missing, x - missing)
}

/// The derivative of [`gelu`]: `Phi(x) + x phi(x)`.
#[inline(always)]
pub fn gelu_grad<V: Lanes>(x: V) -> V {
    let (a, z, h) = normal_parts(x);
    gelu_grad_from(x, a, &Tail::new(z, h))
}

#[inline(always)]
fn gelu_grad_from<V: Lanes>(x: V, a: V, tail: &Tail<V>) -> V {
    let one = V::splat_f64(1.0);
    let below = tail.times(V::splat_f64(0.5));
    let density = V::splat_f64(0.398_942_280_401_432_7) * scale(one + tail.m, tail.n);
    let slope = a * density - below;
    // Phi(-a) - a phi(-a) below 0, one less that above.
    V::select(x.lt(V::splat_f64(0.0)), -slope, one + slope)
}

/// [`gelu`] and [`gelu_grad`], which have most of their work in common.
#[inline(always)]
pub fn gelu_with_grad<V: Lanes>(x: V) -> (V, V) {
    let (a, z, h) = normal_parts(x);
    let tail = Tail::new(z, h);
    (gelu_from(x, a, &tail), gelu_grad_from(x, a, &tail))
}

/// `2 sqrt(2/pi) (x + 0.044715 x^3)` with twice the digits: the tail of e to this power is as
/// sensitive as it is far out.
#[inline(always)]
fn twice_inner<V: Lanes>(x: V) -> (V, V) {
    let linear = pick::<V>(1.595_769_166_946_411_1, 1.595_769_121_605_730_8);
    let linear_low = pick::<V>(-4.534_068_054_340_423e-8, -9.969_308_809_110_92e-17);
    let cubic = pick::<V>(0.071_354_813_873_767_85, 0.071_354_816_272_600_25);
    let cubic_low = pick::<V>(2.398_832_465_999_589_7e-9, -6.175_149_918_155_315e-19);
    let (square, square_low) = two_product(x, x);
    let (c, lost) = two_product(square, cubic);
    let c_low = square.mul_add(cubic_low, square_low.mul_add(cubic, lost));
    let (sum, lost) = two_sum(linear, c);
    let sum_low = (linear_low + c_low) + lost;
    let (u, lost) = two_product(sum, x);
    fast_two_sum(u, sum_low.mul_add(x, lost))
}

/// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, the usual approximation of [`gelu`].
#[inline(always)]
pub fn gelu_tanh<V: Lanes>(x: V) -> V {
    let bound = pick::<V>(11.0, 22.0);
    let inside = bound.min((-bound).max(x));
    let (u, low) = twice_inner(inside);
    V::select(x.gt(bound), x, times_logistic(inside, u, low))
}

/// The derivative of [`gelu_tanh`].
#[inline(always)]
pub fn gelu_tanh_grad<V: Lanes>(x: V) -> V {
    let (one, bound) = (V::splat_f64(1.0), pick::<V>(11.0, 22.0));
    let x = bound.min((-bound).max(x));
    let (u, low) = twice_inner(x);
    let s = times_logistic(one, u, low);
    let other = times_logistic(one, -u, -low);
    let slope = (x * x).mul_add(
        V::splat_f64(3.0 * 0.071_354_816_272_600_25),
        V::splat_f64(1.595_769_121_605_730_8),
    );
    s * (x * slope).mul_add(other, one)
}
