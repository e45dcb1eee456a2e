//! Bounds on distances that hold in spite of rounding.
//!
//! A bound is on the distance of real numbers, kept in `T` and rounded outward at every step. A
//! squared distance computed from `d` features, in whatever order, is off by a factor of at most
//! `1 + (d + 2) u` with `u` half of epsilon, and by what underflows: at most the smallest normal
//! number for each feature. The factors below take `d + 8` times epsilon, more than twice that,
//! and so have room for the roundings of the square root and of the bound itself.

use purlin_core::Real;

/// How far computed distances may be off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Margin<T> {
    grow: T,
    shrink: T,
    apart: T,
    least: T,
    up: T,
    down: T,
}

impl<T: Real> Margin<T> {
    pub(crate) fn new(n_features: usize) -> Self {
        let epsilon = T::EPSILON.to_f64();
        let share = (n_features + 8) as f64 * epsilon;
        let apart = if share < 0.5 {
            (1.0 + share) / (1.0 - share) * (1.0 + 16.0 * epsilon)
        } else {
            f64::MAX
        };
        Self {
            grow: T::from_f64(1.0 + share + 4.0 * epsilon),
            shrink: T::from_f64((1.0 - share - 4.0 * epsilon).max(0.0)),
            apart: T::from_f64(apart).min(T::MAX),
            least: T::from_f64(2.0 * (n_features as f64 * T::MIN_POSITIVE.to_f64()).sqrt()),
            up: T::from_f64(1.0 + 4.0 * epsilon),
            down: T::from_f64(1.0 - 4.0 * epsilon),
        }
    }

    /// The distance is at most this, where `squared` was computed.
    pub(crate) fn above(&self, squared: T) -> T {
        squared.sqrt() * self.grow + self.least
    }

    /// The distance is at least this. Never infinite, so that it can shrink.
    pub(crate) fn below(&self, squared: T) -> T {
        squared.min(T::MAX).sqrt() * self.shrink - self.least
    }

    /// Whether a distance of at most `upper` is computed, squared, as strictly less than one of at
    /// least `lower`.
    #[inline]
    pub(super) fn is_apart(&self, upper: T, lower: T) -> bool {
        self.reach(upper) < lower
    }

    /// What [`Margin::is_apart`] compares with.
    #[inline]
    pub(crate) fn reach(&self, upper: T) -> T {
        upper * self.apart + T::from_f64(4.0) * self.least
    }

    /// An upper bound after one end has moved by at most `shift`.
    #[inline]
    pub(super) fn farther(&self, upper: T, shift: T) -> T {
        (upper + shift) * self.up
    }

    /// A lower bound after one end has moved by at most `shift`.
    #[inline]
    pub(super) fn nearer(&self, lower: T, shift: T) -> T {
        let lower = lower - shift;
        lower * if lower > T::ZERO { self.down } else { self.up }
    }

    /// At least the distance of two rows; 0 only where they are equal.
    pub(crate) fn shift(&self, a: &[T], b: &[T]) -> T {
        if a == b {
            return T::ZERO;
        }
        let square = |(a, b): (&T, &T)| (a.to_f64() - b.to_f64()) * (a.to_f64() - b.to_f64());
        let squared: f64 = a.iter().zip(b).map(square).sum();
        T::from_f64(squared.sqrt()) * self.grow + self.least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_enclose_what_is_computed() {
        for squared in [0.0f32, 1e-45, 1e-30, 2.0, 3e38, f32::INFINITY] {
            for d in [1, 7, 784] {
                let margin = Margin::<f32>::new(d);
                let (below, above) = (margin.below(squared), margin.above(squared));
                assert!(below < above && below.is_finite(), "{squared} {d}: {below} {above}");
                assert!(!margin.is_apart(above, below));
                assert!(above.is_infinite() || margin.farther(above, 1.0) > above);
                assert!(margin.nearer(below, 1.0) <= below);
            }
        }
        let margin = Margin::<f64>::new(3);
        assert!(margin.is_apart(1.0, 1.0 + 1e-12) && !margin.is_apart(1.0, 1.0 + 1e-15));
        assert_eq!(margin.shift(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
        assert!(margin.shift(&[1e-200], &[0.0]) > 1e-200);
        assert!(margin.nearer(-1.0, 0.0) < -1.0);
    }
}
