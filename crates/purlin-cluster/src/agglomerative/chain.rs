//! Chains of nearest neighbours.
//!
//! From any cluster go to its nearest neighbour, from there to its nearest, and so on: distances
//! shrink along the way until two clusters are each other's nearest. With the linkages that have
//! no inversions a merge takes no cluster nearer to others than the nearer of its parts was, so
//! these two will become one sooner or later, whatever happens elsewhere: they may as well become
//! one now, and the rest of the chain is as good as before. Every step adds to the chain or merges,
//! so that there are less than `3 n` of them, each a look at all clusters. The merges come in
//! another order than by height, and are sorted in the end.

use super::clusters::Merges;
use super::stored::Stored;
use crate::Dendrogram;
use purlin_core::Real;

/// Complete, average, weighted and Ward linkage.
pub(super) fn of_distances<T: Real>(mut clusters: Stored<T>) -> Dendrogram {
    let n = clusters.n_left();
    let mut merges = Merges::new(clusters.linkage(), n);
    let mut chain = Chain::new(n);
    while clusters.n_left() > 1 {
        if let Some(numbers) = clusters.compact() {
            chain.renumber(clusters.n_left(), |slot| numbers[slot as usize]);
        }
        let (top, before) = chain.ends(|| clusters.first());
        let nearest = clusters.nearest(top, before);
        if Some(nearest) == before {
            chain.pop_two();
            let (a, b) = (top.min(nearest) as usize, top.max(nearest) as usize);
            let [first_a, first_b] = [a, b].map(|slot| clusters.id(slot));
            let height = clusters.merge(a, b);
            merges.push(first_a, first_b, height);
        } else {
            chain.push(nearest);
        }
    }
    merges.sorted()
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
