//! Comparing distances without taking roots.

use crate::Metric;
use purlin_backend::distance::Form;
use purlin_core::Real;

/// The chain that ranks pairs as `metric` does, where there is one.
pub(crate) fn form(metric: &Metric) -> Option<Form> {
    match metric {
        Metric::Euclidean | Metric::SquaredEuclidean => Some(Form::SquaredEuclidean),
        Metric::Manhattan => Some(Form::Manhattan),
        Metric::Chebyshev => Some(Form::Chebyshev),
        _ => None,
    }
}

/// The distance that belongs to a value of [`form`].
pub(crate) fn distance<T: Real>(metric: &Metric, value: T) -> T {
    if *metric == Metric::Euclidean { value.sqrt() } else { value }
}

/// The greatest finite value of [`form`] whose distance is at most `radius`, which is at least 0:
/// `distance <= radius` is `value <= reach`, exactly.
pub(crate) fn reach<T: Real>(metric: &Metric, radius: f64) -> T {
    let is_within = |bits| distance(metric, T::from_bits(bits)).to_f64() <= radius;
    // Numbers of at least 0 are in the order of their bits, and the square root is monotone.
    let (mut low, mut high) = (0, T::MAX.to_bits());
    if is_within(high) {
        return T::MAX;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_within(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    T::from_bits(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reach_is_the_last_value_within() {
        for radius in [0.0, 1e-170, 3e-20, 0.1, 1.0, 2.0f64.sqrt(), 1e10, 1e200] {
            let value: f64 = reach(&Metric::Euclidean, radius);
            assert!(value.sqrt() <= radius);
            assert!(value == f64::MAX || value.next_up().sqrt() > radius);
            let value: f32 = reach(&Metric::Euclidean, radius);
            assert!(f64::from(value.sqrt()) <= radius);
            assert!(value == f32::MAX || f64::from(value.next_up().sqrt()) > radius);
            assert_eq!(reach::<f64>(&Metric::Manhattan, radius), radius);
        }
    }
}
