//! Chains of nearest neighbours.
//!
//! From any cluster go to its nearest neighbour, from there to its nearest, and so on: distances
//! shrink along the way until two clusters are each other's nearest. With the linkages that have
//! no inversions a merge takes no cluster nearer to others than the nearer of its parts was, so
//! these two will become one sooner or later, whatever happens elsewhere: they may as well become
//! one now, and the rest of the chain is as good as before. Every step adds to the chain or merges,
//! so that there are less than `3 n` of them, each a look at all clusters. The merges come in
//! another order than by height, and are sorted in the end.

use super::Linkage;
use super::clusters::{Clusters, Merges};
use crate::{CondensedMatrix, Dendrogram};
use purlin_core::Real;

/// Complete, average, weighted and Ward linkage; squared distances for Ward.
pub(super) fn of_distances<T: Real>(linkage: Linkage, distances: CondensedMatrix<T>) -> Dendrogram {
    let n = distances.n();
    let mut merges = Merges::new(linkage, n);
    let mut clusters = Clusters::new(linkage, distances);
    let mut chain = Chain::new(n);
    while clusters.active.len() > 1 {
        let (top, before) = chain.ends(|| clusters.active[0]);
        let nearest = nearest(&clusters, top as usize, before);
        if Some(nearest) == before {
            chain.pop_two();
            let (a, b) = (top.min(nearest) as usize, top.max(nearest) as usize);
            let height = clusters.merge(a, b);
            merges.push(a, b, height);
        } else {
            chain.push(nearest);
        }
    }
    merges.sorted()
}

/// The cluster nearest to `top`: of equals the one before it in the chain, then the smallest.
fn nearest<T: Real>(clusters: &Clusters<T>, top: usize, before: Option<u32>) -> u32 {
    let mut best = before.map(|before| (clusters.get(top, before as usize), before));
    for &x in &clusters.active {
        if x as usize == top {
            continue;
        }
        let distance = clusters.get(top, x as usize);
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, x));
        }
    }
    best.map_or(top as u32, |(_, x)| x)
}

/// Clusters, each of which is the nearest of the one before it.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<u32>,
    /// The place of each cluster in `links`.
    places: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl Chain {
    /// Of clusters numbered below `n`.
    pub(super) fn new(n: usize) -> Self {
        Self { links: Vec::new(), places: vec![NOWHERE; n] }
    }

    /// The last cluster and the one before it; begins with `first` where there is none.
    pub(super) fn ends(&mut self, first: impl FnOnce() -> u32) -> (u32, Option<u32>) {
        if self.links.is_empty() {
            self.push(first());
        }
        let n = self.links.len();
        (self.links[n - 1], n.checked_sub(2).map(|i| self.links[i]))
    }

    /// Goes on to `cluster`. Should it be in the chain already, the chain goes back to it: rounding
    /// has brought a merge nearer than its parts were.
    pub(super) fn push(&mut self, cluster: u32) {
        let place = self.places[cluster as usize];
        if place == NOWHERE {
            self.places[cluster as usize] = self.links.len() as u32;
            self.links.push(cluster);
        } else {
            while self.links.len() > place as usize + 1 {
                self.pop();
            }
        }
    }

    /// Takes off the last two, which become one.
    pub(super) fn pop_two(&mut self) {
        self.pop();
        self.pop();
    }

    fn pop(&mut self) {
        if let Some(cluster) = self.links.pop() {
            self.places[cluster as usize] = NOWHERE;
        }
    }

    /// Gives the clusters new numbers, below `n`.
    pub(super) fn renumber(&mut self, n: usize, number: impl Fn(u32) -> u32) {
        self.places.clear();
        self.places.resize(n, NOWHERE);
        for (place, link) in self.links.iter_mut().enumerate() {
            *link = number(*link);
            self.places[*link as usize] = place as u32;
        }
    }
}
