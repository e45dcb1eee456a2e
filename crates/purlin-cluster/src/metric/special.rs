//! Distances of counts, shares and marks, and those that know the spread of the columns.
//!
//! All are computed in double precision and rounded once. Each term is the same for `(a, b)` and
//! `(b, a)`, and so is the distance, to the bit.

use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::{Matrix, Real};

/// Pairs of numbers in double precision.
fn pairs<'a, T: Real>(a: &'a [T], b: &'a [T]) -> impl Iterator<Item = (f64, f64)> + 'a {
    a.iter().zip(b).map(|(a, b)| (a.to_f64(), b.to_f64()))
}

/// `x / y`, 0 where both are.
fn share(x: f64, y: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x / y }
}

pub(super) fn canberra<T: Real>(a: &[T], b: &[T]) -> f64 {
    pairs(a, b).fold(0.0, |sum, (a, b)| sum + share((a - b).abs(), a.abs() + b.abs()))
}

pub(super) fn bray_curtis<T: Real>(a: &[T], b: &[T]) -> f64 {
    let (above, below) = pairs(a, b)
        .fold((0.0, 0.0), |(above, below), (a, b)| (above + (a - b).abs(), below + (a + b).abs()));
    share(above, below)
}

pub(super) fn hamming<T: Real>(a: &[T], b: &[T]) -> f64 {
    let differ = a.iter().zip(b).filter(|(a, b)| a != b).count();
    differ as f64 / a.len().max(1) as f64
}

pub(super) fn jaccard<T: Real>(a: &[T], b: &[T]) -> f64 {
    let marks = || a.iter().zip(b).map(|(a, b)| (*a != T::ZERO, *b != T::ZERO));
    let either = marks().filter(|&(a, b)| a || b).count();
    let one = marks().filter(|(a, b)| a != b).count();
    share(one as f64, either as f64)
}

pub(super) fn jensen_shannon<T: Real>(a: &[T], b: &[T]) -> f64 {
    let sum = |x: &[T]| x.iter().fold(0.0, |sum, x| sum + x.to_f64());
    let (sum_a, sum_b) = (sum(a), sum(b));
    // `p ln(p / m)`, 0 where `p` is.
    let part = |p: f64, m: f64| if p == 0.0 { 0.0 } else { p * math::scalar(ops::Ln, p / m) };
    let total = pairs(a, b).fold(0.0, |total, (a, b)| {
        let (p, q) = (a / sum_a, b / sum_b);
        let m = 0.5 * (p + q);
        total + (part(p, m) + part(q, m))
    });
    // Rounding may leave less than nothing of equal rows; NaN stays.
    if total < 0.0 { 0.0 } else { (0.5 * total).sqrt() }
}

pub(super) fn standardized<T: Real>(a: &[T], b: &[T], variances: &[f64]) -> f64 {
    let terms = pairs(a, b).zip(variances);
    terms.fold(0.0, |sum, ((a, b), variance)| sum + (a - b) * (a - b) / variance).sqrt()
}

pub(super) fn mahalanobis<T: Real>(a: &[T], b: &[T], inverse: &Matrix<f64>) -> f64 {
    let differences: Vec<f64> = pairs(a, b).map(|(a, b)| a - b).collect();
    let square = differences.iter().enumerate().fold(0.0, |sum, (i, t)| {
        let product = inverse.row(i).iter().zip(&differences).fold(0.0, |sum, (v, t)| sum + v * t);
        sum + t * product
    });
    // Rounding may leave less than nothing.
    square.max(0.0).sqrt()
}
