//! Where centroids lie.

/// What the centroid of some samples is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// Their mean.
    Flat,
    /// Their sum at length 1, for samples of length 1.
    Sphere,
}

impl Space {
    /// What the sum of some samples of this weight in all is divided by to give their centroid;
    /// `None` where it gives none.
    pub(super) fn divisor(self, sum: &[f64], weight: f64) -> Option<Length> {
        match self {
            _ if weight == 0.0 => None,
            Self::Flat => Some(Length { unit: 1.0, factor: weight }),
            Self::Sphere => Length::of(sum.iter().copied()),
        }
    }
}

/// A length above 0 whose square need not be a number of the type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Length {
    /// A power of 2.
    unit: f64,
    factor: f64,
}

impl Length {
    /// The Euclidean length of a row, `None` if it is 0. A row times a power of 2 has the same
    /// factor.
    pub(crate) fn of(row: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let most = row.clone().fold(0.0, |most: f64, x| x.abs().max(most));
        if most == 0.0 {
            return None;
        }
        let exponent = most.to_bits() & (0x7ff << 52);
        let unit = f64::from_bits(exponent).max(f64::MIN_POSITIVE);
        let square = row.fold(0.0, |sum, x| sum + (x / unit) * (x / unit));
        Some(Self { unit, factor: square.sqrt() })
    }

    /// `value` in units of this length.
    pub(crate) fn divide(self, value: f64) -> f64 {
        value / self.unit / self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::Length;

    #[test]
    fn a_length_is_found_wherever_its_square_lies() {
        for scale in [1.0, f64::MAX / 4.0, 5e-324, 1e-200, 1e200] {
            let row = [3.0 * scale, -4.0 * scale];
            let length = Length::of(row.into_iter()).unwrap();
            assert!((length.divide(row[0]) - 0.6).abs() <= 1e-15, "{scale:e}");
            assert!((length.divide(row[1]) + 0.8).abs() <= 1e-15, "{scale:e}");
        }
        assert_eq!(Length::of([0.0, -0.0].into_iter()), None);
    }
}
