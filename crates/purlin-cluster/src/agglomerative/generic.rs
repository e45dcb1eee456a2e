//! A nearest neighbour kept for each cluster.
//!
//! Cluster `i` remembers the nearest of the clusters after it, and how far that was. Merges may
//! make that number too small, never too large: where a distance shrinks it is set anew. The
//! least of these numbers is looked up; if it is the distance that it says it is, the pair is the
//! nearest of all, else its row is searched again. Each pair is the one that the definition takes,
//! ties included.

use super::Linkage;
use super::clusters::{Clusters, Merges};
use crate::{CondensedMatrix, Dendrogram};
use purlin_core::Real;

/// Any linkage, inversions or not; squared distances for those that are defined by centroids.
pub(super) fn of_distances<T: Real>(linkage: Linkage, distances: CondensedMatrix<T>) -> Dendrogram {
    let n = distances.n();
    let mut merges = Merges::new(linkage, n);
    let mut clusters = Clusters::new(linkage, distances);
    let mut candidates: Vec<Candidate<T>> =
        (0..n).map(|i| Candidate::search(&clusters, i, i + 1)).collect();
    while clusters.active.len() > 1 {
        let (place, a) = least(&clusters.active, &candidates);
        let Candidate { bound, nearest } = candidates[a];
        let Some(b) = nearest.filter(|&b| clusters.get(a, b as usize) == bound) else {
            candidates[a] = Candidate::search(&clusters, a, place + 1);
            continue;
        };
        let height = clusters.merge(a, b as usize);
        merges.push(a, b as usize, height);
        candidates[a] = Candidate::search(&clusters, a, place + 1);
        // Those before `a` have a new distance from it; those between `a` and `b` lose `b`.
        for (i, &x) in clusters.active.iter().enumerate() {
            let candidate = &mut candidates[x as usize];
            if x >= b {
                break;
            }
            if candidate.nearest == Some(b) {
                candidate.nearest = None;
            }
            if i < place {
                let distance = clusters.get(x as usize, a);
                let is_nearer = distance < candidate.bound
                    || (distance == candidate.bound
                        && candidate.nearest.is_none_or(|nearest| a < nearest as usize));
                if is_nearer {
                    *candidate = Candidate { bound: distance, nearest: Some(a as u32) };
                }
            }
        }
    }
    merges.in_order()
}

/// The nearest cluster after one: no distance there is below `bound`.
#[derive(Debug, Clone, Copy)]
struct Candidate<T> {
    bound: T,
    nearest: Option<u32>,
}

impl<T: Real> Candidate<T> {
    /// Searches the clusters from place `from` on, all of which come after `a`.
    fn search(clusters: &Clusters<T>, a: usize, from: usize) -> Self {
        let mut best = Self { bound: T::INFINITY, nearest: None };
        for &x in &clusters.active[from..] {
            let distance = clusters.get(a, x as usize);
            if best.nearest.is_none() || distance < best.bound {
                best = Self { bound: distance, nearest: Some(x) };
            }
        }
        best
    }
}

/// The first cluster whose bound is least, with its place. The last cluster has none after it.
fn least<T: Real>(active: &[u32], candidates: &[Candidate<T>]) -> (usize, usize) {
    let mut best = (0, active[0] as usize);
    for (place, &x) in active.iter().enumerate().skip(1) {
        if candidates[x as usize].bound < candidates[best.1].bound {
            best = (place, x as usize);
        }
    }
    best
}
