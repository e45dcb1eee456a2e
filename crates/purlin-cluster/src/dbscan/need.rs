//! What makes a core.

use super::OP;
use crate::Metric;
use crate::metric::Rows;
use purlin_core::{Error, MatrixView, Real, Result};
use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much weight a neighbourhood needs.
pub(super) struct Need<'a, T: Real> {
    pub(super) x: MatrixView<'a, T>,
    rows: Rows<'a, T>,
    pub(super) eps: f64,
    pub(super) weights: Option<&'a [T]>,
    min: f64,
    /// Sums in another order than that of the samples may be off by this much, relatively.
    slack: f64,
    /// The bits of a distance that is negative or NaN, the greatest of several.
    offender: AtomicU64,
}

impl<'a, T: Real> Need<'a, T> {
    pub(super) fn new(
        x: MatrixView<'a, T>,
        metric: &'a Metric,
        eps: f64,
        weights: Option<&'a [T]>,
        min_samples: usize,
    ) -> Self {
        let is_exact = weights.is_none_or(are_exact);
        // At most 2^17 terms are added in `T`, the sums of those in double precision.
        let terms = x.n_rows().min(1 << 17) as f64;
        let slack = terms * T::EPSILON.to_f64() + x.n_rows() as f64 * f64::EPSILON;
        let slack = if is_exact { 0.0 } else { slack };
        Self {
            x,
            rows: Rows::of(x, metric),
            eps,
            weights,
            min: min_samples as f64,
            slack,
            offender: AtomicU64::new(0),
        }
    }

    /// The weight that a neighbourhood needs.
    pub(super) fn min(&self) -> f64 {
        self.min
    }

    /// Whether samples `i` and `j` are near each other, by the definition.
    pub(super) fn are_near(&self, i: usize, j: usize) -> bool {
        let distance = self.rows.pair(i, j).to_f64();
        // Written so that NaN offends.
        if distance.partial_cmp(&0.0).is_none_or(Ordering::is_lt) {
            self.offender.fetch_max(distance.to_bits(), Relaxed);
        }
        distance <= self.eps
    }

    /// Refuses distances that a function of the caller's should not have given.
    pub(super) fn check(&self) -> Result<()> {
        match f64::from_bits(self.offender.load(Relaxed)) {
            0.0 => Ok(()),
            distance => Err(Error::param(OP, "distances", "at least 0", distance)),
        }
    }

    /// A sum that is certainly sufficient, in whatever order it was added up.
    pub(super) fn enough(&self) -> f64 {
        self.min + 2.0 * self.slack * self.min
    }

    /// Whether a sum is certainly not sufficient, in whatever order it was added up.
    pub(super) fn is_short(&self, sum: f64) -> bool {
        sum + 2.0 * self.slack * sum < self.min
    }

    /// Whether sample `i`, whose neighbours weigh `sum` as added up in some order, is a core.
    pub(super) fn is_core(&self, i: usize, sum: f64) -> bool {
        if sum >= self.enough() || self.is_short(sum) {
            return sum >= self.min;
        }
        self.weigh(i) >= self.min
    }

    /// The definition: the weight of all samples within `eps` of sample `i`, added up in their
    /// order in double precision.
    pub(super) fn weigh(&self, i: usize) -> f64 {
        (0..self.x.n_rows())
            .filter(|&j| self.are_near(i, j))
            .fold(0.0, |sum, j| sum + self.weight(j))
    }

    /// The weight of sample `i`.
    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i].to_f64())
    }
}

/// Whether sums of the weights are exact in any order: whole numbers, or whole parts of a power of
/// 2 up to `2^20`, with a sum below `2^mantissa` of these.
fn are_exact<T: Real>(weights: &[T]) -> bool {
    let sum = weights.iter().fold(0.0, |sum, w| sum + w.to_f64());
    (0..=20).map(|power| f64::from(1u32 << power)).any(|parts| {
        let is_whole = |w: &T| (w.to_f64() * parts).fract() == 0.0;
        sum * parts < 1.0 / T::EPSILON.to_f64() && weights.iter().all(is_whole)
    })
}
