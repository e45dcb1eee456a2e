//! Distances between rows.

mod check;
mod cross;
mod pairwise;
mod rows;
mod special;

pub(crate) use rows::Rows;

use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::{Matrix, Real};
use std::fmt;
use std::sync::Arc;

/// A distance between two rows.
///
/// | metric | distance of `a` and `b` |
/// |---|---|
/// | `Euclidean` | `sqrt(sum (a - b)^2)` |
/// | `SquaredEuclidean` | `sum (a - b)^2` |
/// | `Manhattan` | `sum abs(a - b)` |
/// | `Chebyshev` | `max abs(a - b)` |
/// | `Minkowski(p)` | `(sum abs(a - b)^p)^(1/p)`, `p` at least 1 |
/// | `Cosine` | `1 - a b / sqrt(a a * b b)`, at least 0; two rows of zeros are 0 apart, one is 1 from any other |
/// | `Correlation` | `Cosine` of the rows less their means |
/// | `Canberra` | `sum abs(a - b) / (abs(a) + abs(b))`, terms of two zeros left out |
/// | `BrayCurtis` | `sum abs(a - b) / sum abs(a + b)`, 0 for rows of zeros; no metric, and infinite for `a = -b` |
/// | `Hamming` | the share of columns in which they differ |
/// | `Jaccard` | of the columns that are not 0 in either, the share that is 0 in one; 0 where there are none |
/// | `JensenShannon` | with `p`, `q` the rows over their sums and `m = (p + q) / 2`: `sqrt((sum p ln(p/m) + sum q ln(q/m)) / 2)`; for rows without negative numbers |
/// | `StandardizedEuclidean(v)` | `sqrt(sum (a - b)^2 / v)`, with the variance `v` of each column |
/// | `Mahalanobis(w)` | `sqrt((a - b) w (a - b))`, with the inverse `w` of the covariance of the columns |
/// | `Custom` | what the function says |
///
/// Sums run over the features in order, up to `Correlation` by fused multiply-adds in the precision of
/// the rows, from `Canberra` on in double precision.
///
/// # Examples
///
/// ```
/// use purlin_cluster::Metric;
///
/// assert_eq!(Metric::Euclidean.distance(&[0.0, 0.0], &[3.0, 4.0]), 5.0);
/// assert_eq!(Metric::Manhattan.distance(&[0.0, 0.0], &[3.0f32, 4.0]), 7.0);
/// assert_eq!(Metric::Chebyshev.distance(&[0.0, 0.0], &[3.0, 4.0]), 4.0);
/// let cubes = Metric::Minkowski(3.0).distance(&[0.0; 3], &[3.0, 4.0, 5.0]); // 27 + 64 + 125
/// assert!((cubes - 6.0f64).abs() < 1e-12);
/// assert_eq!(Metric::Cosine.distance(&[1.0, 0.0], &[0.0, 2.0]), 1.0);
/// let (a, b) = ([0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 5.0, 5.0]); // b = 2 a + 1
/// assert_eq!(Metric::Correlation.distance(&a, &b), 0.0);
/// assert_eq!(Metric::Canberra.distance(&[1.0, 0.0], &[3.0, 0.0]), 0.5);
/// assert_eq!(Metric::Jaccard.distance(&[1.0, 1.0, 0.0], &[1.0, 0.0, 0.0]), 0.5);
/// assert_eq!(Metric::StandardizedEuclidean(vec![4.0]).distance(&[1.0], &[5.0]), 2.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Metric {
    /// The length of the straight line.
    Euclidean,
    /// Its square, which is no metric: the triangle inequality fails.
    SquaredEuclidean,
    /// The sum of the differences.
    Manhattan,
    /// The greatest difference.
    Chebyshev,
    /// The `p` norm of the differences.
    Minkowski(f64),
    /// One less the cosine of the angle.
    Cosine,
    /// One less the correlation.
    Correlation,
    /// The sum of the differences, each relative to its numbers.
    Canberra,
    /// The difference of counts, relative to all.
    BrayCurtis,
    /// The share of columns that differ.
    Hamming,
    /// The share of marks that only one has.
    Jaccard,
    /// How well two distributions can be told apart.
    JensenShannon,
    /// `Euclidean` of columns that are brought to variance 1.
    StandardizedEuclidean(Vec<f64>),
    /// `Euclidean` of columns that are brought to covariance 1.
    Mahalanobis(Matrix<f64>),
    /// A function of the caller's.
    Custom(CustomMetric),
}

/// A distance of the caller's: symmetric, at least 0, the same for the same rows.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{CustomMetric, Metric};
///
/// let first_only = CustomMetric::new("first column", |a, b| (a[0] - b[0]).abs());
/// assert_eq!(Metric::Custom(first_only).distance(&[1.0f32, 9.0], &[4.0, 0.0]), 3.0);
/// ```
#[derive(Clone)]
pub struct CustomMetric {
    name: Arc<str>,
    function: Arc<Function>,
}

type Function = dyn Fn(&[f64], &[f64]) -> f64 + Send + Sync;

impl CustomMetric {
    /// Names a function of two rows.
    pub fn new(
        name: impl Into<Arc<str>>,
        function: impl Fn(&[f64], &[f64]) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), function: Arc::new(function) }
    }

    fn call<T: Real>(&self, a: &[f64], b: &[f64]) -> T {
        T::from_f64((self.function)(a, b))
    }
}

impl fmt::Debug for CustomMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomMetric({:?})", self.name)
    }
}

/// Two are equal when they are copies of one.
impl PartialEq for CustomMetric {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function)
    }
}

impl Metric {
    /// The distance of two rows.
    ///
    /// # Panics
    ///
    /// When the rows differ in length, or from the parameters of the metric.
    #[track_caller]
    pub fn distance<T: Real>(&self, a: &[T], b: &[T]) -> T {
        assert_eq!(a.len(), b.len(), "distance: rows must have one length");
        let known = match self {
            Self::StandardizedEuclidean(variances) => variances.len(),
            Self::Mahalanobis(inverse) => inverse.n_rows(),
            _ => a.len(),
        };
        assert_eq!(a.len(), known, "distance: rows must have as many columns as the metric");
        let fold =
            |f: fn(T, T) -> T| a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| f(sum, (a - b).abs()));
        match self {
            Self::Euclidean => fold(|sum, t| t.mul_add(t, sum)).sqrt(),
            Self::SquaredEuclidean => fold(|sum, t| t.mul_add(t, sum)),
            Self::Manhattan => fold(|sum, t| sum + t),
            Self::Chebyshev => fold(|most, t| t.max(most)),
            Self::Minkowski(p) => minkowski(a, b, *p),
            Self::Cosine => cosine(a.iter().copied().zip(b.iter().copied())),
            Self::Correlation => {
                // About the first number, so that equal ones have it as their mean, exactly.
                let mean = |x: &[T]| {
                    let first = x.first().copied().unwrap_or(T::ZERO);
                    let sum = x.iter().fold(T::ZERO, |sum, &x| sum + (x - first));
                    first + sum / T::from_usize(x.len().max(1))
                };
                let (mean_a, mean_b) = (mean(a), mean(b));
                cosine(a.iter().zip(b).map(|(&a, &b)| (a - mean_a, b - mean_b)))
            }
            Self::Canberra => T::from_f64(special::canberra(a, b)),
            Self::BrayCurtis => T::from_f64(special::bray_curtis(a, b)),
            Self::Hamming => T::from_f64(special::hamming(a, b)),
            Self::Jaccard => T::from_f64(special::jaccard(a, b)),
            Self::JensenShannon => T::from_f64(special::jensen_shannon(a, b)),
            Self::StandardizedEuclidean(v) => T::from_f64(special::standardized(a, b, v)),
            Self::Mahalanobis(w) => T::from_f64(special::mahalanobis(a, b, w)),
            Self::Custom(custom) => {
                let wide = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<_>>();
                custom.call(&wide(a), &wide(b))
            }
        }
    }
}

fn minkowski<T: Real>(a: &[T], b: &[T], p: f64) -> T {
    let pow = |x: f64, p: f64| math::scalar(ops::Pow(p), x);
    let terms = a.iter().zip(b).map(|(&a, &b)| (a - b).abs().to_f64());
    let sum = |unit: f64| terms.clone().fold(0.0, |sum, t| sum + pow(t / unit, p));
    let plain = sum(1.0);
    if (f64::MIN_POSITIVE..=f64::MAX).contains(&plain) {
        return T::from_f64(pow(plain, 1.0 / p));
    }
    // Powers leave the range: in units of the greatest difference.
    match terms.clone().fold(0.0, f64::max) {
        0.0 => T::ZERO,
        unit => T::from_f64(unit * pow(sum(unit), 1.0 / p)),
    }
}

fn cosine<T: Real>(pairs: impl Iterator<Item = (T, T)> + Clone) -> T {
    let zero = T::ZERO;
    let (ab, aa, bb) = pairs.clone().fold((zero, zero, zero), |(ab, aa, bb), (a, b)| {
        (a.mul_add(b, ab), a.mul_add(a, aa), b.mul_add(b, bb))
    });
    let is_good = |square: T| square.is_finite() && square * T::EPSILON >= T::MIN_POSITIVE;
    if !(is_good(aa) && is_good(bb)) {
        return T::from_f64(scaled_cosine(pairs.map(|(a, b)| (a.to_f64(), b.to_f64()))));
    }
    (T::ONE - ab / (aa.sqrt() * bb.sqrt())).max(zero)
}

/// The cosine distance of rows whose squares leave the range, or that are 0: in units of their
/// greatest numbers.
fn scaled_cosine(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (a, b) = pairs.clone().fold((0.0f64, 0.0f64), |(most_a, most_b), (a, b)| {
        (most_a.max(a.abs()), most_b.max(b.abs()))
    });
    let (ab, aa, bb) = pairs.fold((0.0, 0.0, 0.0), |(ab, aa, bb), (x, y)| {
        let x = if a > 0.0 { x / a } else { 0.0 };
        let y = if b > 0.0 { y / b } else { 0.0 };
        (x * y + ab, x * x + aa, y * y + bb)
    });
    match (aa > 0.0, bb > 0.0) {
        (true, true) => (1.0 - ab / (aa.sqrt() * bb.sqrt())).max(0.0),
        (false, false) => 0.0,
        _ => 1.0,
    }
}
