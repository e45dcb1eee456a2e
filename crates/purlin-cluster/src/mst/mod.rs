//! Minimum spanning trees.
//!
//! All distances are values of a form (squares for Euclidean distances) until the tree is done. The
//! weight of an edge is the greater of its value and of the core values of its ends. Edges are
//! ordered by weight, then by value, then by the smaller and the greater number of their ends: no
//! two are equal, so that there is one tree, however it is found. Where all core values are 0, weight
//! and value are one, which is single linkage.

mod boruvka;
mod kruskal;
mod prim;
#[cfg(test)]
mod tests;

pub(crate) use boruvka::boruvka;
pub(crate) use kruskal::kruskal;
pub(crate) use prim::{prim, prim_of_rows};

use purlin_core::Real;
use std::cmp::Ordering;

/// Neighbours of each row that [`boruvka`] begins with, where only the tree is wanted.
pub(crate) const SEEDS: usize = 6;

/// An edge between rows `a < b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge<T> {
    pub(crate) weight: T,
    pub(crate) value: T,
    pub(crate) a: u32,
    pub(crate) b: u32,
}

impl<T: Real> Edge<T> {
    /// Behind all others.
    pub(crate) const NONE: Self =
        Self { weight: T::INFINITY, value: T::INFINITY, a: u32::MAX, b: u32::MAX };

    pub(crate) fn new(weight: T, value: T, i: u32, j: u32) -> Self {
        Self { weight, value, a: i.min(j), b: i.max(j) }
    }

    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let values = self.weight.total_cmp(&other.weight).then(self.value.total_cmp(&other.value));
        values.then((self.a, self.b).cmp(&(other.a, other.b)))
    }

    /// [`Edge::order`] of values that are no NaN and no -0.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        if self.weight != other.weight {
            return self.weight < other.weight;
        }
        if self.value != other.value {
            return self.value < other.value;
        }
        (self.a, self.b) < (other.a, other.b)
    }
}
