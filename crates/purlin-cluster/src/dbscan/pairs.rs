//! Any metric: the distance of every pair by its definition.

use super::Found;
use super::known::{self, Near, Wanted};
use super::need::Need;
use purlin_core::Real;
use std::ops::Range;

pub(super) fn run<T: Real>(need: &Need<'_, T>) -> Found {
    let (n, d) = need.x.shape();
    // A distance by its definition costs some ten times a vector's share.
    let work = n.saturating_mul(n).saturating_mul(d);
    known::run(need, n, work, &|i| need.weight(i), need.min())
}

impl<T: Real> Near for Need<'_, T> {
    fn visit(&self, block: Range<usize>, wanted: &Wanted<'_>, found: &mut dyn FnMut(usize, usize)) {
        for i in block {
            for j in (0..self.x.n_rows()).filter(|&j| wanted(i, j)) {
                if self.are_near(i, j) {
                    found(i, j);
                }
            }
        }
    }
}
