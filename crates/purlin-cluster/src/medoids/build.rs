//! The first medoids.

use super::source::{Order, Source};
use super::state::TILE;
use super::{KMedoids, MedoidInit, OP};
use purlin_backend::distance::{gain, total};
use purlin_backend::{Buffer, parallel};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

impl KMedoids {
    /// The first medoids, no two at distance 0.
    pub(super) fn first<T: Real>(&self, source: &Source<'_, T>) -> Result<Vec<u32>> {
        let k = self.n_clusters;
        match &self.init {
            MedoidInit::Build => build(source, k),
            MedoidInit::Random => {
                let mut rng = Stream::new(self.seed, OP).child("random").rng(0);
                let mut medoids: Vec<u32> = Vec::with_capacity(k);
                for i in rng.permutation(source.n()) {
                    if twin(source, &medoids, i).is_none() {
                        medoids.push(i as u32);
                        if medoids.len() == k {
                            return Ok(medoids);
                        }
                    }
                }
                Err(too_few(k, medoids.len()))
            }
            MedoidInit::Indices(rows) => {
                let mut medoids: Vec<u32> = Vec::with_capacity(k);
                for &i in rows {
                    if let Some(other) = twin(source, &medoids, i) {
                        let value = format!("samples {other} and {i} at distance 0");
                        return Err(Error::param(OP, "init", "of samples apart", value));
                    }
                    medoids.push(i as u32);
                }
                Ok(medoids)
            }
        }
    }
}

/// A medoid at distance 0 from sample `i`.
fn twin<T: Real>(source: &Source<'_, T>, medoids: &[u32], i: usize) -> Option<u32> {
    medoids.iter().copied().find(|&medoid| source.pair(medoid as usize, i) == T::ZERO)
}

fn too_few(k: usize, got: usize) -> Error {
    Error::shape(OP, format!("at least {k} distinct samples"), got)
}

/// The sample with the least sum of distances, the first of equals.
pub(super) fn center<T: Real>(source: &Source<'_, T>) -> u32 {
    let n = source.n();
    let order = source.order((0..n as u32).collect());
    let all: Vec<u32> = (0..n as u32).collect();
    let totals = measure(source, &order, &all, |distances| total(distances, source.has_root()));
    let mut best = 0;
    for (i, &sum) in totals.iter().enumerate() {
        if sum < totals[best] {
            best = i;
        }
    }
    best as u32
}

/// PAM's greedy start: the sample that lowers the loss most, again and again; the first of equals.
///
/// What a sample gains only falls as medoids are added, rounding included: a sample whose old gain
/// is below another's new one need not be measured again.
fn build<T: Real>(source: &Source<'_, T>, k: usize) -> Result<Vec<u32>> {
    let n = source.n();
    let mut medoids = vec![center(source)];
    if k == 1 {
        return Ok(medoids);
    }
    let has_root = source.has_root();
    let order = source.order((0..n as u32).collect());
    let mut nearest = vec![T::INFINITY; n];
    approach(source, &order, medoids[0], &mut nearest);
    let gains = |candidates: &[u32], nearest: &[T]| {
        measure(source, &order, candidates, |distances| gain(distances, nearest, has_root))
    };
    let others: Vec<u32> = (0..n as u32).filter(|&i| i != medoids[0]).collect();
    // Numbers of at least 0 are in the order of their bits.
    let mut heap: BinaryHeap<(u64, Reverse<u32>)> = gains(&others, &nearest)
        .into_iter()
        .map(f64::to_bits)
        .zip(others.iter().map(|&i| Reverse(i)))
        .collect();
    // For how many medoids a gain was measured.
    let mut age = vec![1; n];
    let mut stale = Vec::new();
    while medoids.len() < k {
        let mut width = TILE;
        let chosen = loop {
            stale.clear();
            while let Some(&(_, Reverse(i))) = heap.peek() {
                if age[i as usize] == medoids.len() || stale.len() == width {
                    break;
                }
                stale.push(i);
                heap.pop();
            }
            if stale.is_empty() {
                break heap.pop();
            }
            for (&i, gain) in stale.iter().zip(gains(&stale, &nearest)) {
                heap.push((gain.to_bits(), Reverse(i)));
                age[i as usize] = medoids.len();
            }
            width = (2 * width).min(32 * TILE);
        };
        match chosen {
            Some((gain, Reverse(i))) if gain > 0 => {
                medoids.push(i);
                approach(source, &order, i, &mut nearest);
            }
            _ => return Err(too_few(k, medoids.len())),
        }
    }
    Ok(medoids)
}

/// A number for each of the candidates, made of its distances.
fn measure<T: Real>(
    source: &Source<'_, T>,
    order: &Order<T>,
    candidates: &[u32],
    f: impl Fn(&[T]) -> f64 + Sync + Send,
) -> Vec<f64> {
    let n = source.n();
    let mut out = vec![0.0; candidates.len()];
    let work = candidates.len() * n * source.work();
    parallel::for_each_chunk(&mut out, TILE, work, |tile, out| {
        let candidates = &candidates[tile * TILE..][..out.len()];
        let mut distances = Buffer::scratch(out.len() * n);
        source.fill(candidates, order, &mut distances);
        for (out, distances) in out.iter_mut().zip(distances.chunks_exact(n)) {
            *out = f(distances);
        }
    });
    out
}

/// Counts a sample among the medoids.
fn approach<T: Real>(source: &Source<'_, T>, order: &Order<T>, medoid: u32, nearest: &mut [T]) {
    let mut distances = Buffer::scratch(nearest.len());
    source.fill(&[medoid], order, &mut distances);
    source.take_roots(&mut distances);
    for (nearest, &distance) in nearest.iter_mut().zip(&distances[..]) {
        *nearest = distance.min(*nearest);
    }
}
