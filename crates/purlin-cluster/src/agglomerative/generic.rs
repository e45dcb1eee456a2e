//! The nearest pair of all.
//!
//! Each cluster knows a number that no other cluster is nearer than, and mostly its nearest. The
//! least of these numbers is looked up; if the nearest is known, the pair is the nearest of all,
//! else the row is searched again. Each pair is the one that the definition takes, ties included,
//! so that a merge may well lie below its parts.

use super::clusters::Merges;
use super::stored::Stored;
use crate::Dendrogram;
use purlin_core::Real;

/// Any linkage, inversions or not.
pub(super) fn of_distances<T: Real>(mut clusters: Stored<T>) -> Dendrogram {
    let mut merges = Merges::new(clusters.linkage(), clusters.n_left());
    while clusters.n_left() > 1 {
        clusters.compact();
        let (a, b) = clusters.nearest_pair();
        let [first_a, first_b] = [a, b].map(|slot| clusters.id(slot));
        let height = clusters.merge(a, b);
        merges.push(first_a, first_b, height);
    }
    merges.in_order()
}
