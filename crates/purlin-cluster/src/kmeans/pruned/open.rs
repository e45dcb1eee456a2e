//! Bounds from round to round, and what they leave open.

use super::{Bounds, Pruned};
use purlin_core::Real;

impl<T: Real> Pruned<T> {
    /// Moves the bounds as the centroids have moved.
    pub(super) fn carry(&self, labels: &[u32], bounds: &mut Bounds<T>) {
        if bounds.is_new {
            return;
        }
        let (n, margin, moves) = (labels.len(), self.margin, &self.moves);
        for (upper, &label) in bounds.upper.iter_mut().zip(labels) {
            *upper = margin.farther(*upper, moves.each[label as usize]);
        }
        for (lower, &shift) in bounds.lower.chunks_exact_mut(n).zip(&moves.rows) {
            if moves.rows.len() > 1 {
                for lower in lower {
                    *lower = margin.nearer(*lower, shift);
                }
            } else {
                for (lower, &label) in lower.iter_mut().zip(labels) {
                    let shift = if label == moves.first { moves.second } else { shift };
                    *lower = margin.nearer(*lower, shift);
                }
            }
        }
    }

    /// The samples of a block whose bounds do not tell their label.
    pub(super) fn open(&self, labels: &[u32], bounds: &Bounds<T>) -> Vec<u32> {
        let n = labels.len();
        let all = (0..n as u32).collect();
        if bounds.is_new {
            return all;
        }
        let (first, rest) = bounds.lower.split_at(n);
        let mut least = first.to_vec();
        for lower in rest.chunks_exact(n) {
            for (least, &lower) in least.iter_mut().zip(lower) {
                *least = lower.min(*least);
            }
        }
        self.those_open(labels, bounds, &least, all)
    }

    /// Those of the samples `among` whose bounds do not tell their label; `least` holds the least
    /// lower bound of each.
    pub(super) fn those_open(
        &self,
        labels: &[u32],
        bounds: &Bounds<T>,
        least: &[T],
        mut among: Vec<u32>,
    ) -> Vec<u32> {
        let (margin, nearest) = (self.margin, &self.between.nearest[..]);
        let mut n_open = 0;
        for slot in 0..among.len() {
            let i = among[slot];
            let (upper, label) = (bounds.upper[i as usize], labels[i as usize]);
            let lower = least[slot];
            let is_told = margin.is_apart(upper, lower)
                | margin.is_apart(upper + upper, nearest[label as usize]);
            // No branch: which samples are open has no pattern.
            among[n_open] = i;
            n_open += usize::from(!is_told);
        }
        among.truncate(n_open);
        among
    }
}
