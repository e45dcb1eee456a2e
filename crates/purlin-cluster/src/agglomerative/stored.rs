//! Clusters whose distances are stored, and the nearest of each where it is known.
//!
//! Each cluster remembers its nearest, of equals the first, from when its row was last looked at;
//! that holds until the nearest merges. A merge reads two rows and writes one, finds the nearest of
//! the new cluster on the way, and tells those to which it is at least as near as their nearest.
//! So a row is searched only when its cluster has its turn and has lost its nearest, and what is
//! found is what a search would find, ties and rounding included.

use super::Linkage;
use crate::CondensedMatrix;
use purlin_backend::distance::{Joined, Symmetric, Update};
use purlin_core::{MatrixView, Real};

/// No cluster.
const NONE: u32 = u32::MAX;
/// Few enough clusters that empty slots cost nothing.
const SMALL: usize = 64;

/// The clusters, each in a slot, in the order of their first samples; squared distances where the
/// linkage is defined by centroids.
#[derive(Debug)]
pub(super) struct Stored<T: Real> {
    linkage: Linkage,
    distances: Symmetric<T>,
    n_left: usize,
    /// No slot before it has a cluster.
    first: usize,
    /// The first sample of each.
    ids: Vec<u32>,
    sizes: Vec<f64>,
    /// Infinite in a slot that is empty.
    floors: Vec<T>,
    /// No cluster is nearer; below all distances in a slot that is empty.
    bounds: Vec<T>,
    /// At that distance the nearest, the first of equals.
    nearest: Vec<u32>,
    /// After so many merges that was so.
    seen: Vec<u32>,
    /// After so many merges the cluster of the slot is what it is, or none.
    changed: Vec<u32>,
    n_merges: u32,
}

impl<T: Real> Stored<T> {
    /// From distances, in their memory.
    pub(super) fn new(linkage: Linkage, distances: CondensedMatrix<T>) -> Self {
        let n = distances.n();
        let distances = Symmetric::from_condensed(n, distances.into_vec());
        Self::with(linkage, distances)
    }

    /// From vectors by Euclidean distances or their squares.
    pub(super) fn of_rows(linkage: Linkage, x: MatrixView<'_, T>, has_root: bool) -> Self {
        let (distances, nearest) = Symmetric::of_rows(x, has_root);
        let mut clusters = Self::with(linkage, distances);
        for (slot, (bound, nearest)) in nearest.into_iter().enumerate() {
            (clusters.bounds[slot], clusters.nearest[slot]) = (bound, nearest);
        }
        clusters
    }

    fn with(linkage: Linkage, distances: Symmetric<T>) -> Self {
        let (n, padded) = (distances.n(), distances.n_padded());
        let padding = |inside: T, outside: T| {
            let mut items = vec![inside; padded];
            items[n..].fill(outside);
            items
        };
        Self {
            linkage,
            n_left: n,
            first: 0,
            ids: (0..n as u32).collect(),
            sizes: vec![1.0; padded],
            floors: padding(T::ZERO, T::INFINITY),
            bounds: padding(T::ZERO, -T::INFINITY),
            nearest: vec![NONE; n],
            seen: vec![0; n],
            changed: vec![0; n],
            n_merges: 0,
            distances,
        }
    }

    pub(super) fn linkage(&self) -> Linkage {
        self.linkage
    }

    pub(super) fn n_left(&self) -> usize {
        self.n_left
    }

    /// The first sample of the cluster in a slot.
    pub(super) fn id(&self, slot: usize) -> usize {
        self.ids[slot] as usize
    }

    fn is_left(&self, slot: usize) -> bool {
        self.floors[slot] == T::ZERO
    }

    /// The first slot with a cluster.
    pub(super) fn first(&mut self) -> u32 {
        while !self.is_left(self.first) {
            self.first += 1;
        }
        self.first as u32
    }

    /// The cluster nearest to `top`: of equals the one before it in the chain, then the first.
    pub(super) fn nearest(&mut self, top: u32, before: Option<u32>) -> u32 {
        let slot = top as usize;
        if !self.is_known(slot) {
            self.search(slot);
        }
        match before {
            Some(before) if self.distances.get(slot, before as usize) <= self.bounds[slot] => {
                before
            }
            _ => self.nearest[slot],
        }
    }

    /// The nearest pair, of equals the first, when at least two clusters are left.
    pub(super) fn nearest_pair(&mut self) -> (usize, usize) {
        loop {
            let mut least: Option<(T, usize)> = None;
            for (slot, (&bound, &floor)) in self.bounds.iter().zip(&self.floors).enumerate() {
                if floor == T::ZERO && least.is_none_or(|(value, _)| bound < value) {
                    least = Some((bound, slot));
                }
            }
            let a = least.map_or(0, |(_, slot)| slot);
            if self.is_known(a) {
                // Were its nearest a cluster before it, that one would have been found.
                return (a, self.nearest[a] as usize);
            }
            self.search(a);
        }
    }

    fn is_known(&self, slot: usize) -> bool {
        let nearest = self.nearest[slot];
        nearest != NONE && self.changed[nearest as usize] <= self.seen[slot]
    }

    fn search(&mut self, slot: usize) {
        let found = self.distances.nearest(slot, &self.floors);
        self.remember(slot, found);
    }

    fn remember(&mut self, slot: usize, found: Option<(T, u32)>) {
        // Where all others are infinitely far, by sums that leave the range, the first will do.
        let (bound, nearest) = found.unwrap_or_else(|| {
            let other = |&other: &usize| other != slot && self.is_left(other);
            let first = (0..self.ids.len()).find(other);
            (T::INFINITY, first.map_or(NONE, |first| first as u32))
        });
        self.bounds[slot] = bound;
        self.nearest[slot] = nearest;
        self.seen[slot] = self.n_merges;
    }

    /// Joins the cluster in slot `b` to the one in `a`, which is the smaller number, and gives the
    /// height.
    pub(super) fn merge(&mut self, a: usize, b: usize) -> f64 {
        debug_assert!(a < b && self.is_left(a) && self.is_left(b));
        let between = self.distances.get(a, b).to_f64();
        let sizes = [self.sizes[a], self.sizes[b]];
        self.n_left -= 1;
        self.n_merges += 1;
        self.floors[b] = T::INFINITY;
        self.bounds[b] = -T::INFINITY;
        self.changed[a] = self.n_merges;
        self.changed[b] = self.n_merges;
        let update = match self.linkage {
            Linkage::Average => Update::Average { sizes },
            Linkage::Weighted => Update::Weighted,
            Linkage::Ward => Update::Ward { sizes, between },
            Linkage::Centroid => Update::Centroid { sizes, between },
            Linkage::Median => Update::Median { between },
            // `Single` has an algorithm of its own.
            Linkage::Complete | Linkage::Single => Update::Complete,
        };
        let joined =
            Joined { update, floors: &self.floors, bounds: &self.bounds, sizes: &self.sizes };
        let mut hits = Vec::new();
        let found = self.distances.join(a, b, &joined, &mut hits);
        for (slot, value) in hits {
            let slot = slot as usize;
            let known = self.nearest[slot];
            // Nearer than all, or as near as the nearest and no later than the first of those: no
            // other that is as near comes before that one, even if it has merged since.
            if value < self.bounds[slot] || (known != NONE && a as u32 <= known) {
                self.bounds[slot] = value;
                self.nearest[slot] = a as u32;
                self.seen[slot] = self.n_merges;
            }
        }
        self.sizes[a] += self.sizes[b];
        self.remember(a, found);
        if self.linkage.is_euclidean() { between.sqrt() } else { between }
    }

    /// Drops the empty slots when there are many, and gives the new number of each slot then.
    pub(super) fn compact(&mut self) -> Option<Vec<u32>> {
        let n = self.ids.len();
        if n <= SMALL || SHARE.1 * self.n_left > SHARE.0 * n {
            return None;
        }
        let kept: Vec<u32> = (0..n as u32).filter(|&slot| self.is_left(slot as usize)).collect();
        let mut numbers = vec![NONE; n];
        for (new, &old) in (0..).zip(&kept) {
            numbers[old as usize] = new;
        }
        self.distances.compact(&kept);
        let padded = self.distances.n_padded();
        keep(&mut self.ids, &kept);
        keep(&mut self.sizes, &kept);
        self.sizes.resize(padded, 1.0);
        keep(&mut self.floors, &kept);
        self.floors.resize(padded, T::INFINITY);
        keep(&mut self.bounds, &kept);
        self.bounds.resize(padded, -T::INFINITY);
        keep(&mut self.nearest, &kept);
        keep(&mut self.seen, &kept);
        keep(&mut self.changed, &kept);
        for nearest in &mut self.nearest {
            *nearest = numbers.get(*nearest as usize).copied().unwrap_or(NONE);
        }
        self.first = 0;
        Some(numbers)
    }
}

/// Of all slots, the share that clusters fill at most when the empty ones are dropped.
const SHARE: (usize, usize) = (2, 3);

fn keep<U: Copy>(items: &mut Vec<U>, kept: &[u32]) {
    for (new, &old) in kept.iter().enumerate() {
        items[new] = items[old as usize];
    }
    items.truncate(kept.len());
}
