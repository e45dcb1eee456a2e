//! The tree of a graph, by J. B. Kruskal, *On the shortest spanning subtree of a graph and the
//! traveling salesman problem*, Proceedings of the AMS 7, 1956.

use super::Edge;
use crate::union_find::UnionFind;
use purlin_core::Real;

/// The spanning tree of `n` rows among `edges`, sorted. Parts that no edge joins are infinitely far
/// from the one of row 0, to whose first row their first rows are joined.
pub(crate) fn kruskal<T: Real>(n: usize, mut edges: Vec<Edge<T>>) -> Vec<Edge<T>> {
    edges.sort_unstable_by(Edge::order);
    let sets = UnionFind::new(n);
    edges.retain(|edge| {
        let is_new = sets.find(edge.a) != sets.find(edge.b);
        sets.unite(edge.a, edge.b);
        is_new
    });
    // The root of a set is its first row.
    let firsts = (1..n as u32).filter(|&row| sets.find(row) == row);
    edges.extend(firsts.map(|row| Edge::new(T::INFINITY, T::INFINITY, 0, row)));
    edges
}
