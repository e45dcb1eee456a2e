//! The nearest centroids of the samples that are open.

use super::{Algorithm, Block, Bounds, Pruned, Table};
use purlin_backend::distance::{Least, Panels};
use purlin_core::Real;

/// The nearest centroid found so far for a sample.
#[derive(Clone, Copy)]
pub(super) struct Found<T> {
    value: T,
    pub(super) centroid: u32,
    second: T,
    /// The bundle it was found in, and the second best there.
    bundle: u32,
    beside: T,
}

impl<T: Real> Pruned<T> {
    /// The nearest centroid of each of the samples `open`, whose lower bounds it renews.
    pub(super) fn search(
        &self,
        table: &Table<'_, T>,
        block: &mut Block,
        bounds: &mut Bounds<T>,
        open: &[u32],
    ) -> Vec<Found<T>> {
        let (n, lanes, margin) = (block.labels.len(), Panels::<T>::lanes(), &self.margin);
        let none = T::INFINITY;
        let start = Found { value: none, centroid: 0, second: none, bundle: 0, beside: none };
        let mut found = vec![start; open.len()];
        // Which bundles each asks.
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); self.bundles.n_bundles()];
        let mut beyond = vec![T::MAX; open.len()];
        for (slot, &i) in open.iter().enumerate() {
            beyond[slot] =
                self.ask(block.labels[i as usize], i as usize, n, bounds, slot, &mut lists);
        }
        let (mut rows, mut least, mut all) = (Vec::new(), Vec::<Least<T>>::new(), Vec::new());
        for (bundle, slots) in lists.iter().enumerate().filter(|(_, slots)| !slots.is_empty()) {
            rows.clear();
            rows.extend(slots.iter().map(|&slot| block.rows.start as u32 + open[slot as usize]));
            let members = &self.members[bundle * lanes..(bundle + 1) * lanes];
            let there = members.iter().filter(|&&c| c != u32::MAX).count();
            block.n_distances += (rows.len() * there) as u64;
            if self.algorithm == Algorithm::Elkan {
                self.bundles.distances(bundle, table.x, &rows, &mut all);
                least.clear();
                for (&slot, all) in slots.iter().zip(all.chunks_exact(lanes)) {
                    let i = open[slot as usize] as usize;
                    for (&c, &squared) in members[..there].iter().zip(all) {
                        bounds.lower[c as usize * n + i] = margin.below(squared);
                    }
                    least.push(least_of(all));
                }
            } else {
                self.bundles.least(bundle, table.x, &rows, &mut least);
            }
            for (&slot, least) in slots.iter().zip(&least) {
                found[slot as usize].meet(least, members, bundle as u32);
                if self.algorithm == Algorithm::Yinyang {
                    let i = open[slot as usize] as usize;
                    bounds.lower[bundle * n + i] = margin.below(least.value);
                }
            }
        }
        for ((&i, found), &beyond) in open.iter().zip(&found).zip(&beyond) {
            let i = i as usize;
            bounds.upper[i] = margin.above(found.value);
            match self.algorithm {
                Algorithm::Elkan => {
                    bounds.lower[found.centroid as usize * n + i] = margin.below(T::INFINITY);
                }
                Algorithm::Yinyang => {
                    bounds.lower[found.bundle as usize * n + i] = margin.below(found.beside);
                }
                _ => bounds.lower[i] = margin.below(found.second).min(beyond),
            }
        }
        found
    }

    /// Puts `slot`, which is sample `i`, into the lists of the bundles that may hold its nearest
    /// centroid, that of its own among them. Returns a bound on the distances of the others, where
    /// there is one bound for all.
    fn ask(
        &self,
        label: u32,
        i: usize,
        n: usize,
        bounds: &Bounds<T>,
        slot: usize,
        lists: &mut [Vec<u32>],
    ) -> T {
        let (lanes, margin, k) = (Panels::<T>::lanes(), &self.margin, self.before.n_rows());
        let (own, upper) = (label as usize, bounds.upper[i]);
        let mut add = |bundle: usize| lists[bundle].push(slot as u32);
        if bounds.is_new && self.algorithm != Algorithm::Exponion {
            (0..self.bundles.n_bundles()).for_each(add);
            return T::MAX;
        }
        match self.algorithm {
            Algorithm::Exponion => {
                let width = k.div_ceil(lanes);
                let all = &self.between.all[own * k..(own + 1) * k];
                let two = margin.reach(upper + upper);
                // As far as the nearest other centroid too: it makes the bound a good one.
                let radius = two + margin.farther(self.between.nearest[own].max(T::ZERO), T::ZERO);
                let within = all.partition_point(|&lower| lower <= radius);
                let n_bundles = within.div_ceil(lanes).max(1);
                (0..n_bundles).for_each(|bundle| add(own * width + bundle));
                match all.get(n_bundles * lanes) {
                    Some(&next) => margin.nearer(next, upper),
                    None => T::MAX,
                }
            }
            Algorithm::Yinyang => {
                let reach = margin.reach(upper);
                for bundle in 0..self.bundles.n_bundles() {
                    let is_own = bundle as u32 == self.home[own];
                    if is_own || bounds.lower[bundle * n + i] <= reach {
                        add(bundle);
                    }
                }
                T::MAX
            }
            Algorithm::Elkan => {
                let (reach, two) = (margin.reach(upper), margin.reach(upper + upper));
                let between = &self.between.all[own * k..(own + 1) * k];
                for (bundle, members) in self.members.chunks_exact(lanes).enumerate() {
                    let may = |&c: &u32| {
                        c == label
                            || c != u32::MAX
                                && bounds.lower[c as usize * n + i] <= reach
                                && between[c as usize] <= two
                    };
                    if members.iter().any(may) {
                        add(bundle);
                    }
                }
                T::MAX
            }
            _ => {
                (0..self.bundles.n_bundles()).for_each(add);
                T::MAX
            }
        }
    }
}

/// The nearest lane, as [`Bundles::least`] gives it.
fn least_of<T: Real>(all: &[T]) -> Least<T> {
    let mut least = Least { value: T::INFINITY, lane: 0, second: T::INFINITY };
    for (lane, &value) in all.iter().enumerate() {
        if value < least.value {
            least = Least { value, lane: lane as u32, second: least.value };
        } else {
            least.second = least.second.min(value);
        }
    }
    least
}

impl<T: Real> Found<T> {
    /// Takes in the best of another bundle; of equals the smaller number.
    fn meet(&mut self, least: &Least<T>, members: &[u32], bundle: u32) {
        let centroid = members[least.lane as usize];
        let is_better =
            least.value < self.value || least.value == self.value && centroid < self.centroid;
        if is_better {
            self.second = self.value.min(least.second);
            self.value = least.value;
            (self.centroid, self.bundle, self.beside) = (centroid, bundle, least.second);
        } else {
            self.second = self.second.min(least.value);
        }
    }
}
