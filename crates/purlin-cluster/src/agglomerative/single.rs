//! Single linkage: a minimum spanning tree, its edges in order.

use super::OP;
use crate::index::{Rank, Tree, all_nearest};
use crate::mst::{self, Edge, boruvka, prim, prim_of_rows};
use crate::{CondensedMatrix, Dendrogram, Metric, reach};
use purlin_core::{Error, MatrixView, Real, Result};

/// The most columns for which the kd-tree is the faster way.
const MOST_TREE_FEATURES: usize = 8;

/// From vectors: by a kd-tree where there are few columns; else every distance is computed once,
/// and forgotten.
pub(super) fn of_rows<T: Real>(x: MatrixView<'_, T>, metric: &Metric) -> Result<Dendrogram> {
    let (n, d) = x.shape();
    let none = vec![T::ZERO; n];
    let edges = match reach::form(metric) {
        Some(form) if d <= MOST_TREE_FEATURES => {
            let tree = Tree::new(x, form);
            let places: Vec<usize> = (0..mst::SEEDS.min(n)).collect();
            let near = all_nearest(x, &tree, &tree, &places, Rank::Value);
            boruvka(&tree, &none, &near)
        }
        _ => prim_of_rows(OP, x, metric, &none)?,
    };
    // The last edge is the longest.
    if let Some(edge) = edges.last().filter(|edge| !edge.value.is_finite()) {
        return Err(Error::param(OP, "distances", "finite and at least 0", edge.value));
    }
    Ok(tree(n, &edges, metric))
}

/// From distances, in `O(n)` memory beside them.
pub(super) fn of_distances<T: Real>(distances: &CondensedMatrix<T>) -> Result<Dendrogram> {
    let n = distances.n();
    let edges = prim(&vec![T::ZERO; n], &mut |outside, source, hits| {
        let of = |&id: &u32| distances.get(source as usize, id as usize);
        hits.extend((0..).zip(outside.ids.iter().map(of)));
        Ok(())
    })?;
    // Distances are what they are.
    Ok(tree(n, &edges, &Metric::Manhattan))
}

fn tree<T: Real>(n: usize, edges: &[Edge<T>], metric: &Metric) -> Dendrogram {
    let height = |edge: &Edge<T>| reach::distance(metric, edge.value).to_f64();
    Dendrogram::from_pairs(n, edges.iter().map(|edge| (edge.a, edge.b, height(edge))))
}
