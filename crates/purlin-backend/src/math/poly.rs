//! Polynomials, and arithmetic with twice the digits.

use purlin_core::simd::Lanes;

/// Whether the lanes are `f32`; known when the kernel is compiled.
#[inline(always)]
pub(super) const fn is_f32<V: Lanes>() -> bool {
    size_of::<V::Scalar>() == 4
}

/// A constant that differs between the types.
#[inline(always)]
pub(super) fn pick<V: Lanes>(f32: f64, f64: f64) -> V {
    V::splat_f64(if is_f32::<V>() { f32 } else { f64 })
}

/// Horner's rule, lowest coefficient first, with the coefficients of the type.
#[inline(always)]
pub(super) fn poly<V: Lanes, const N: usize, const M: usize>(
    x: V,
    f32: &[f64; N],
    f64: &[f64; M],
) -> V {
    if is_f32::<V>() { horner(x, f32) } else { horner(x, f64) }
}

#[inline(always)]
fn horner<V: Lanes>(x: V, coefficients: &[f64]) -> V {
    let (&last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    let mut sum = V::splat_f64(last);
    for &c in rest.iter().rev() {
        sum = sum.mul_add(x, V::splat_f64(c));
    }
    sum
}

/// As [`poly`] without the lowest coefficient: `(p(x) - p(0)) / x`.
#[inline(always)]
pub(super) fn poly_tail<V: Lanes, const N: usize, const M: usize>(
    x: V,
    f32: &[f64; N],
    f64: &[f64; M],
) -> V {
    if is_f32::<V>() { horner(x, &f32[1..]) } else { horner(x, &f64[1..]) }
}

/// `a + b` and what its rounding lost (Knuth).
#[inline(always)]
pub(super) fn two_sum<V: Lanes>(a: V, b: V) -> (V, V) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// `a + b` and what its rounding lost, where `a` is 0 or `|a| >= |b|` (Dekker).
#[inline(always)]
pub(super) fn fast_two_sum<V: Lanes>(a: V, b: V) -> (V, V) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// `a * b` and what its rounding lost.
#[inline(always)]
pub(super) fn two_product<V: Lanes>(a: V, b: V) -> (V, V) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// `(p + p_low) / (d + d_low)`, all but correctly rounded, with one division.
#[inline(always)]
pub(super) fn divide<V: Lanes>(p: (V, V), d: (V, V)) -> V {
    let (quotient, rest) = divide_parts(p, d);
    quotient + rest
}

/// As [`divide`], in two parts.
#[inline(always)]
pub(super) fn divide_parts<V: Lanes>((p, p_low): (V, V), (d, d_low): (V, V)) -> (V, V) {
    let inverse = V::splat_f64(1.0) / d;
    let quotient = p * inverse;
    let rest = (-quotient).mul_add(d, p) + (-quotient).mul_add(d_low, p_low);
    (quotient, rest * inverse)
}
