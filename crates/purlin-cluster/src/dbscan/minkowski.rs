//! Minkowski distances: pairs of which no column alone is beyond reach.

use super::Found;
use super::known::{self, Near, Wanted};
use super::need::Need;
use crate::index::Tree;
use purlin_backend::distance::Form;
use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::Real;
use std::ops::Range;

/// Powers of differences above `eps` must be normal numbers: those below may vanish, and with them
/// a distance.
const LEAST_POWER: f64 = 1e-290;

/// `None` where the distance of a pair may be 0 though a column differs by more than `eps`.
pub(super) fn run<T: Real>(need: &Need<'_, T>, p: f64) -> Option<Found> {
    if math::scalar(ops::Pow(p), need.eps) < LEAST_POWER {
        return None;
    }
    let (n, d) = need.x.shape();
    // A distance is at least the greatest difference, but for the rounding of two powers and of
    // the result.
    let limit = need.eps * (1.0 + 4.0 * T::EPSILON.to_f64() + 1e-12);
    let near = Boxes { need, tree: Tree::new(need.x, Form::Chebyshev), limit };
    let work = n.saturating_mul(d).saturating_mul(4096);
    Some(known::run(&near, n, work, &|i| need.weight(i), need.min()))
}

struct Boxes<'a, T: Real> {
    need: &'a Need<'a, T>,
    tree: Tree<T>,
    limit: f64,
}

impl<T: Real> Near for Boxes<'_, T> {
    fn visit(&self, block: Range<usize>, wanted: &Wanted<'_>, found: &mut dyn FnMut(usize, usize)) {
        let (mut open, mut near) = (Vec::new(), Vec::new());
        for i in block {
            near.clear();
            open.extend(self.tree.root());
            while let Some(node) = open.pop() {
                if self.tree.least(self.need.x.row(i), node).to_f64() > self.limit {
                    continue;
                }
                if let Some(children) = self.tree.children(node) {
                    open.extend(children);
                    continue;
                }
                let samples = &self.tree.order()[self.tree.places(node)];
                let samples = samples.iter().map(|&j| j as usize);
                near.extend(samples.filter(|&j| wanted(i, j) && self.need.are_near(i, j)));
            }
            near.sort_unstable();
            for &j in &near {
                found(i, j);
            }
        }
    }
}
