//! Centroid and median linkage from vectors.
//!
//! A cluster is a point: the centroid of its samples, or the middle between the points of its two
//! parts. So no distances are kept. A merge may lie below its parts, so that a chain of nearest
//! neighbours would not do: the nearest pair of all must be known in each step.
//!
//! Each cluster knows its nearest among those in later slots, of equals the first, and how near the
//! others are at least, which is a number that no merge elsewhere makes wrong. The first of the
//! clusters whose nearest is least begins the nearest pair. A merge puts a point in the smaller
//! slot of both: one scan, in which those before learn how near it is and it learns which of those
//! after it is its nearest. Who loses its nearest mostly has the new point for it, if that is nearer
//! than all the others were; else the row is searched again, but only when its turn comes.
//!
//! Müllner's generic algorithm, with two numbers for each cluster where that has one.

use super::Linkage;
use super::centroids::Centroids;
use super::clusters::Merges;
use crate::Dendrogram;
use purlin_backend::distance::{Panels, TwoNearest, two_nearest, within};
use purlin_backend::{parallel, reduce};
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// No cluster.
const NONE: u32 = u32::MAX;
/// Few enough clusters that empty slots cost nothing.
const SMALL: usize = 64;
/// Panels that one task looks at.
const BLOCK: usize = 320;
/// Samples that look at a block of others together, while it is in the cache.
const GROUP: usize = 64;

/// Bytes beside `x`: the centroids twice, what is known of each cluster, the merges.
pub(super) fn bytes(n: u64, d: u64, item: u64) -> Option<u64> {
    d.checked_mul(2 * item)?.checked_add(136)?.checked_mul(n)
}

pub(super) fn of_rows<T: Real>(linkage: Linkage, x: MatrixView<'_, T>) -> Dendrogram {
    let n = x.n_rows();
    let mut clusters = Clusters::new(linkage, x);
    let mut merges = Merges::new(linkage, n);
    while clusters.n_left > 1 {
        if 2 * clusters.n_left <= clusters.ids.len() && clusters.ids.len() > SMALL {
            clusters.compact();
        }
        let (a, b) = clusters.nearest_pair();
        let [first_a, first_b] = [a, b].map(|slot| clusters.ids[slot] as usize);
        let height = clusters.bounds[a].to_f64().sqrt();
        clusters.merge(a, b);
        merges.push(first_a, first_b, height);
    }
    merges.in_order()
}

/// Of each column the number between its ends that is nearest to 0: taking it away brings far
/// columns near, and changes no differences but by one rounding.
fn origin<T: Real>(x: MatrixView<'_, T>) -> Vec<T> {
    let mut ends: Vec<(T, T)> = x.row(0).iter().map(|&x| (x, x)).collect();
    for row in x.rows() {
        for (ends, &x) in ends.iter_mut().zip(row) {
            *ends = (ends.0.min(x), ends.1.max(x));
        }
    }
    ends.into_iter().map(|(least, most)| T::ZERO.max(least).min(most)).collect()
}

/// The clusters, each in a slot, in the order of their first samples.
#[derive(Debug)]
struct Clusters<T: Real> {
    linkage: Linkage,
    n_left: usize,
    /// The first sample of each.
    ids: Vec<u32>,
    sizes: Vec<f64>,
    centroids: Centroids<T>,
    /// Infinite in a slot that is empty, else 0.
    floors: Vec<T>,
    /// No cluster in a later slot is nearer; infinite in a slot that is empty.
    bounds: Vec<T>,
    /// None but the nearest is nearer than this; NaN in a slot that is empty.
    nexts: Vec<T>,
    /// At the bound the nearest, the first of equals.
    nearest: Vec<u32>,
    /// After so many merges that was so.
    seen: Vec<u32>,
    /// After so many merges the cluster of the slot is what it is, or none.
    changed: Vec<u32>,
    n_merges: u32,
    /// Clusters to which the one that was made last is near.
    hits: Vec<(u32, T)>,
}

impl<T: Real> Clusters<T> {
    fn new(linkage: Linkage, x: MatrixView<'_, T>) -> Self {
        let n = x.n_rows();
        let mut clusters = Self {
            linkage,
            n_left: n,
            ids: (0..n as u32).collect(),
            sizes: vec![1.0; n],
            centroids: Centroids::new(x, &origin(x)),
            floors: vec![T::ZERO; n],
            bounds: vec![T::INFINITY; n],
            nexts: vec![T::INFINITY; n],
            nearest: vec![NONE; n],
            seen: vec![0; n],
            changed: vec![0; n],
            n_merges: 0,
            hits: Vec::new(),
        };
        let found = clusters.search_all();
        for (slot, found) in found.into_iter().enumerate() {
            clusters.remember(slot, found);
        }
        clusters
    }

    /// The nearest two in later slots of every slot.
    fn search_all(&self) -> Vec<Option<TwoNearest<T>>> {
        let (n, d) = (self.ids.len(), self.centroids.row(0).len());
        let block = BLOCK * Panels::<T>::lanes();
        let mut found = vec![None; n];
        let work = n.saturating_mul(n / 2).saturating_mul(d + 4);
        parallel::for_each_chunk(&mut found, GROUP, work, |group, found| {
            let first = group * GROUP;
            for start in (first / block * block..n).step_by(block) {
                for (slot, found) in (first..).zip(&mut *found) {
                    let rows = start.max(slot + 1)..n.min(start + block);
                    *found = both(*found, self.search_rows(slot, rows));
                }
            }
        });
        found
    }

    /// The nearest two of `slot` in some slots.
    fn search_rows(&self, slot: usize, rows: Range<usize>) -> Option<TwoNearest<T>> {
        if rows.is_empty() {
            return None;
        }
        let floors = &self.floors[rows.clone()];
        two_nearest(self.centroids.row(slot), self.centroids.panels(), rows, floors)
    }

    /// Looks for the nearest two in all later slots.
    fn search(&mut self, slot: usize) {
        let n = self.ids.len();
        let block = BLOCK * Panels::<T>::lanes();
        let (first, end) = ((slot + 1) / block, n.div_ceil(block));
        let of = |i: usize| {
            let start = (first + i) * block;
            self.search_rows(slot, start.max(slot + 1)..n.min(start + block))
        };
        let found = if end - first <= 1 {
            of(0)
        } else {
            let work = (n - slot) * (self.centroids.row(slot).len() + 4);
            parallel::reduce(end - first, work, of, both).flatten()
        };
        self.remember(slot, found);
    }

    fn remember(&mut self, slot: usize, found: Option<TwoNearest<T>>) {
        let none = TwoNearest { value: T::INFINITY, row: NONE, next: T::INFINITY };
        let TwoNearest { value, row, next } = found.unwrap_or(none);
        self.bounds[slot] = value;
        self.nexts[slot] = next;
        self.nearest[slot] = row;
        self.seen[slot] = self.n_merges;
    }

    fn is_known(&self, slot: usize) -> bool {
        let nearest = self.nearest[slot];
        nearest != NONE && self.changed[nearest as usize] <= self.seen[slot]
    }

    /// The nearest pair, of equals the first, when at least two clusters are left.
    fn nearest_pair(&mut self) -> (usize, usize) {
        loop {
            let mut first = [0];
            reduce::argmin_axis(&self.bounds, 1, self.bounds.len(), 1, &mut first);
            let a = first[0] as usize;
            if self.is_known(a) {
                return (a, self.nearest[a] as usize);
            }
            if self.bounds[a] < self.nexts[a] {
                self.bounds[a] = self.nexts[a];
                self.nearest[a] = NONE;
            } else {
                self.search(a);
            }
        }
    }

    /// Joins the cluster in slot `b` to the one in `a`, which is the smaller number.
    fn merge(&mut self, a: usize, b: usize) {
        debug_assert!(a < b && self.floors[a] == T::ZERO && self.floors[b] == T::ZERO);
        let (n_b, n) = (self.sizes[b], self.sizes[a] + self.sizes[b]);
        match self.linkage {
            Linkage::Median => self.centroids.join(a, b, |x, y| 0.5 * x + 0.5 * y),
            // Of equal points the same point.
            _ => self.centroids.join(a, b, |x, y| x + (y - x) * n_b / n),
        }
        self.sizes[a] = n;
        self.n_left -= 1;
        self.n_merges += 1;
        self.floors[b] = T::INFINITY;
        self.bounds[b] = T::INFINITY;
        self.nexts[b] = T::NAN;
        self.find_hits(a);
        let hits = std::mem::take(&mut self.hits);
        for &(slot, value) in &hits {
            self.tell(slot as usize, value, [a as u32, b as u32]);
        }
        self.hits = hits;
        self.changed[a] = self.n_merges;
        self.changed[b] = self.n_merges;
        self.search(a);
    }

    /// Those before `a` to which it is at least as near as all but their nearest are.
    fn find_hits(&mut self, a: usize) {
        let panels = self.centroids.panels();
        let row = self.centroids.row(a);
        self.hits.clear();
        let end = a.div_ceil(Panels::<T>::lanes());
        if end <= BLOCK {
            within(row, panels, 0..end, &self.nexts[..a], &mut self.hits);
            return;
        }
        let nexts = &self.nexts[..a];
        let of = |block: usize| {
            let run = block * BLOCK..end.min((block + 1) * BLOCK);
            let rows = panels.rows_of(&run);
            let mut hits = Vec::new();
            within(row, panels, run, &nexts[rows.start..rows.end.min(a)], &mut hits);
            hits
        };
        let join = |mut hits: Vec<(u32, T)>, mut more: Vec<(u32, T)>| {
            hits.append(&mut more);
            hits
        };
        let work = a * (row.len() + 4);
        let hits = parallel::reduce(end.div_ceil(BLOCK), work, of, join);
        self.hits = hits.unwrap_or_default();
    }

    /// Tells `slot` that the cluster of `a` and `b`, in slot `a`, is as near as `value`, which is at
    /// most what the others are.
    fn tell(&mut self, slot: usize, value: T, [a, b]: [u32; 2]) {
        let (bound, next, nearest) = (self.bounds[slot], self.nexts[slot], self.nearest[slot]);
        let was_known = self.is_known(slot);
        if was_known && nearest != a && nearest != b {
            if value > bound || (value == bound && nearest < a) {
                self.nexts[slot] = value;
                return;
            }
            self.nexts[slot] = bound;
        } else if value == next && !(was_known && value == bound) {
            // Another may be as near, and come before.
            return;
        }
        self.bounds[slot] = value;
        self.nearest[slot] = a;
        self.seen[slot] = self.n_merges;
    }

    /// Drops the empty slots.
    fn compact(&mut self) {
        let kept: Vec<usize> =
            (0..self.ids.len()).filter(|&slot| self.floors[slot] == T::ZERO).collect();
        let mut numbers = vec![NONE; self.ids.len()];
        for (new, &old) in (0..).zip(&kept) {
            numbers[old] = new;
        }
        for nearest in &mut self.nearest {
            *nearest = numbers.get(*nearest as usize).copied().unwrap_or(NONE);
        }
        self.centroids.select(&kept);
        keep(&mut self.ids, &kept);
        keep(&mut self.sizes, &kept);
        keep(&mut self.floors, &kept);
        keep(&mut self.bounds, &kept);
        keep(&mut self.nexts, &kept);
        keep(&mut self.nearest, &kept);
        keep(&mut self.seen, &kept);
        keep(&mut self.changed, &kept);
    }
}

/// The nearest two of some slots and of later ones.
fn both<T: Real>(
    here: Option<TwoNearest<T>>,
    later: Option<TwoNearest<T>>,
) -> Option<TwoNearest<T>> {
    match (here, later) {
        (Some(here), Some(later)) => Some(here.and(later)),
        (here, later) => here.or(later),
    }
}

fn keep<U: Copy>(items: &mut Vec<U>, kept: &[usize]) {
    for (new, &old) in kept.iter().enumerate() {
        items[new] = items[old];
    }
    items.truncate(kept.len());
}
