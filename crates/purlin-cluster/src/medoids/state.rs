//! Medoids, and each sample's way to them.

use super::source::{Order, Source};
use purlin_backend::Buffer;
use purlin_backend::distance::swap_changes;
use purlin_backend::parallel;
use purlin_core::Real;

/// Samples that one task brings up to date.
const BLOCK: usize = 1024;

/// Candidates that are measured together.
pub(super) const TILE: usize = 4;

/// The two nearest medoids of a sample, by distance and then by number.
#[derive(Clone, Copy)]
struct Sample<T> {
    nearest: u32,
    second: u32,
    to_nearest: T,
    to_second: T,
}

/// At least two medoids.
pub(super) struct State<'a, 'b, T: Real> {
    source: &'a Source<'b, T>,
    medoids: Order<T>,
    is_medoid: Vec<bool>,
    samples: Vec<Sample<T>>,
    /// The samples of medoid 0, then those of medoid 1 and so on; with their distances.
    order: Order<T>,
    ends: Vec<usize>,
    nearest: Vec<T>,
    second: Vec<T>,
    /// What the loss grows by if a medoid goes.
    removal: Vec<f64>,
    loss: f64,
    /// The sum of the distances from the second medoids.
    seconds: f64,
}

/// The best medoid to go for a candidate, and what the swap changes.
#[derive(Clone, Copy)]
pub(super) struct Swap {
    pub(super) slot: usize,
    pub(super) change: f64,
}

impl<'a, 'b, T: Real> State<'a, 'b, T> {
    pub(super) fn new(source: &'a Source<'b, T>, medoids: Vec<u32>) -> Self {
        let n = source.n();
        let mut is_medoid = vec![false; n];
        for &medoid in &medoids {
            is_medoid[medoid as usize] = true;
        }
        let nothing = Sample { nearest: 0, second: 0, to_nearest: T::ZERO, to_second: T::ZERO };
        let mut samples = vec![nothing; n];
        let work = n * medoids.len() * source.work();
        let medoids = source.order(medoids);
        parallel::for_each_chunk(&mut samples, BLOCK, work, |block, samples| {
            let mut distances = vec![T::ZERO; medoids.samples.len()];
            for (j, sample) in (block * BLOCK..).zip(samples) {
                *sample = Sample::find(source, j as u32, &medoids, &mut distances);
            }
        });
        let order = source.order(Vec::new());
        let mut state = Self {
            source,
            medoids,
            is_medoid,
            samples,
            order,
            ends: Vec::new(),
            nearest: Vec::new(),
            second: Vec::new(),
            removal: Vec::new(),
            loss: 0.0,
            seconds: 0.0,
        };
        state.arrange();
        state
    }

    pub(super) fn is_medoid(&self, i: usize) -> bool {
        self.is_medoid[i]
    }

    /// The sum of the distances from the nearest medoids.
    pub(super) fn loss(&self) -> f64 {
        self.loss
    }

    /// The sum of the distances from the second medoids: what rounding is relative to.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The medoids, and the nearest of each sample.
    pub(super) fn finish(self) -> (Vec<u32>, Vec<u32>) {
        (self.medoids.samples, self.samples.iter().map(|sample| sample.nearest).collect())
    }

    /// Sorts the samples by their medoids.
    fn arrange(&mut self) {
        let k = self.medoids.samples.len();
        let mut starts = vec![0; k + 1];
        for sample in &self.samples {
            starts[sample.nearest as usize + 1] += 1;
        }
        for i in 0..k {
            starts[i + 1] += starts[i];
        }
        self.ends.clear();
        self.ends.extend_from_slice(&starts[1..]);
        let mut order = std::mem::take(&mut self.order.samples);
        order.resize(self.samples.len(), 0);
        self.removal.clear();
        self.removal.resize(k, 0.0);
        (self.loss, self.seconds) = (0.0, 0.0);
        for (j, sample) in self.samples.iter().enumerate() {
            let at = &mut starts[sample.nearest as usize];
            order[*at] = j as u32;
            *at += 1;
            let (near, second) = (sample.to_nearest.to_f64(), sample.to_second.to_f64());
            self.removal[sample.nearest as usize] += second - near;
            self.loss += near;
            self.seconds += second;
        }
        let of_sample = |&j: &u32| &self.samples[j as usize];
        self.nearest.clear();
        self.nearest.extend(order.iter().map(|j| of_sample(j).to_nearest));
        self.second.clear();
        self.second.extend(order.iter().map(|j| of_sample(j).to_second));
        self.order = self.source.order(order);
    }

    /// The best swap for each of the candidates, none of which is a medoid.
    pub(super) fn swaps(&self, candidates: &[u32]) -> Vec<Swap> {
        let n = self.samples.len();
        let mut swaps = vec![Swap { slot: 0, change: 0.0 }; candidates.len()];
        let work = candidates.len() * n * self.source.work();
        parallel::for_each_chunk(&mut swaps, TILE, work, |tile, swaps| {
            let candidates = &candidates[tile * TILE..][..swaps.len()];
            let mut distances = Buffer::scratch(candidates.len() * n);
            self.source.fill(candidates, &self.order, &mut distances);
            let mut changes = Vec::with_capacity(self.removal.len());
            for (swap, distances) in swaps.iter_mut().zip(distances.chunks_exact(n)) {
                changes.clear();
                changes.extend_from_slice(&self.removal);
                let (nearest, second) = (&self.nearest, &self.second);
                let has_root = self.source.has_root();
                let shared =
                    swap_changes(distances, nearest, second, &self.ends, has_root, &mut changes);
                let mut slot = 0;
                for (i, &change) in changes.iter().enumerate() {
                    if change < changes[slot] {
                        slot = i;
                    }
                }
                *swap = Swap { slot, change: changes[slot] + shared };
            }
        });
        swaps
    }

    /// Puts a sample in the place of a medoid.
    pub(super) fn swap(&mut self, slot: usize, candidate: u32) {
        let n = self.samples.len();
        self.is_medoid[self.medoids.samples[slot] as usize] = false;
        self.is_medoid[candidate as usize] = true;
        self.medoids.replace(slot, candidate, self.source);
        let mut distances = Buffer::scratch(n);
        self.source.fill(&[candidate], &self.order, &mut distances);
        self.source.take_roots(&mut distances);
        let mut by_sample = vec![T::ZERO; n];
        for (&j, &distance) in self.order.samples.iter().zip(&distances[..]) {
            by_sample[j as usize] = distance;
        }
        let (source, medoids) = (self.source, &self.medoids);
        let work = 2 * n * source.work();
        parallel::for_each_chunk(&mut self.samples, BLOCK, work, |block, samples| {
            let mut distances = vec![T::ZERO; medoids.samples.len()];
            for (j, sample) in (block * BLOCK..).zip(samples) {
                if !sample.replace(slot as u32, by_sample[j]) {
                    *sample = Sample::find(source, j as u32, medoids, &mut distances);
                }
            }
        });
        self.arrange();
    }
}

impl<T: Real> Sample<T> {
    /// Looks at all medoids.
    fn find(source: &Source<'_, T>, j: u32, medoids: &Order<T>, distances: &mut [T]) -> Self {
        source.fill(&[j], medoids, distances);
        source.take_roots(distances);
        let nothing = T::INFINITY;
        let mut sample =
            Self { nearest: u32::MAX, second: u32::MAX, to_nearest: nothing, to_second: nothing };
        for (slot, &distance) in (0..).zip(&*distances) {
            sample.meet(slot, distance);
        }
        sample
    }

    /// Takes in a medoid that is not one of the two.
    fn meet(&mut self, slot: u32, distance: T) {
        if is_before((distance, slot), (self.to_nearest, self.nearest)) {
            (self.second, self.to_second) = (self.nearest, self.to_nearest);
            (self.nearest, self.to_nearest) = (slot, distance);
        } else if is_before((distance, slot), (self.to_second, self.second)) {
            (self.second, self.to_second) = (slot, distance);
        }
    }

    /// Medoid `slot` is now at `distance`. Returns false where only a look at all of them tells
    /// which are the two nearest.
    fn replace(&mut self, slot: u32, distance: T) -> bool {
        let new = (distance, slot);
        if self.nearest == slot {
            if !is_before(new, (self.to_second, self.second)) {
                return false;
            }
            self.to_nearest = distance;
        } else if self.second == slot {
            if is_before(new, (self.to_nearest, self.nearest)) {
                (self.second, self.to_second) = (self.nearest, self.to_nearest);
                (self.nearest, self.to_nearest) = (slot, distance);
            } else if distance <= self.to_second {
                self.to_second = distance;
            } else {
                return false;
            }
        } else {
            self.meet(slot, distance);
        }
        true
    }
}

/// By distance, then by number.
fn is_before<T: Real>(a: (T, u32), b: (T, u32)) -> bool {
    a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
}
