//! Single linkage: a minimum spanning tree, its edges in order.
//!
//! Edges are compared by `(weight, i, j)`, `i < j`: a strict order, under which there is one
//! minimum spanning tree, whichever way it is found.

use super::OP;
use crate::{CondensedMatrix, CustomMetric, Dendrogram, MemoryBudget, Metric};
use purlin_backend::distance::{Panels, within};
use purlin_backend::{parallel, reduce};
use purlin_core::{Error, MatrixView, Real, Result};
use std::cmp::Ordering;

/// Panels that one task compares.
const BLOCK: usize = 1024;
/// Rows that one task compares by a metric without panels.
const ROWS: usize = 256;

/// From vectors: every distance is computed once, and forgotten.
pub(super) fn of_rows<T: Real>(
    x: MatrixView<'_, T>,
    metric: &Metric,
    memory: MemoryBudget,
) -> Result<Dendrogram> {
    let (n, d) = x.shape();
    let needed = (d as u64 + 2).checked_mul(n as u64);
    let needed = needed.and_then(|items| items.checked_mul(size_of::<T>() as u64 + 8));
    memory.check(OP, "the copy of the samples", needed)?;
    let edges = match metric {
        Metric::Euclidean | Metric::SquaredEuclidean => {
            let (mut panels, mut parts) = (Panels::pack(x, None), Vec::new());
            prim(n, |outside, source, hits| {
                if let Some((place, moved)) = outside.moved {
                    panels.set_row(place, x.row(moved as usize));
                }
                squares(x.row(source), &panels, &outside.weights, &mut parts, hits);
                Ok(())
            })?
        }
        _ => {
            let mut row = vec![T::ZERO; n];
            let wide = matches!(metric, Metric::Custom(_)).then(|| x.cast::<f64>());
            let distance = |a: usize, b: usize| match (metric, &wide) {
                (Metric::Custom(CustomMetric { function, .. }), Some(wide)) => {
                    T::from_f64(function(wide.row(a), wide.row(b)))
                }
                _ => metric.distance(x.row(a), x.row(b)),
            };
            prim(n, |outside, source, hits| {
                let row = &mut row[..outside.ids.len()];
                parallel::for_each_chunk(row, ROWS, 4 * row.len() * d, |block, out| {
                    for (out, &id) in out.iter_mut().zip(&outside.ids[block * ROWS..]) {
                        *out = distance(source.min(id as usize), source.max(id as usize));
                    }
                });
                // Written so that NaN offends.
                let is_bad = |x: &&T| !(x.is_finite() && **x >= T::ZERO);
                if let Some(value) = row.iter().find(is_bad) {
                    return Err(Error::param(OP, "distances", "finite and at least 0", value));
                }
                hits.extend((0..).zip(row.iter().copied()));
                Ok(())
            })?
        }
    };
    Ok(tree(n, edges, *metric == Metric::Euclidean))
}

/// From distances, in `O(n)` memory beside them.
pub(super) fn of_distances<T: Real>(distances: &CondensedMatrix<T>) -> Dendrogram {
    let n = distances.n();
    let edges = prim(n, |outside, source, hits| {
        let of = |&id: &u32| distances.get(source, id as usize);
        hits.extend((0..).zip(outside.ids.iter().map(of)));
        Ok(())
    });
    tree(n, edges.unwrap_or_default(), false)
}

/// The squared distances of `a` that are within the weights.
fn squares<T: Real>(
    a: &[T],
    panels: &Panels<T>,
    weights: &[T],
    parts: &mut Vec<Vec<(u32, T)>>,
    hits: &mut Vec<(u32, T)>,
) {
    let size = BLOCK * Panels::<T>::lanes();
    parts.resize_with(weights.len().div_ceil(size), Vec::new);
    parallel::for_each_chunk(parts, 1, weights.len() * a.len(), |i, part| {
        let weights = &weights[i * size..weights.len().min((i + 1) * size)];
        let first = i * BLOCK;
        let last = first + weights.len().div_ceil(Panels::<T>::lanes());
        part[0].clear();
        within(a, panels, first..last, weights, &mut part[0]);
    });
    for part in parts {
        hits.extend_from_slice(part);
    }
}

/// An edge between samples `a < b`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge<T> {
    weight: T,
    a: u32,
    b: u32,
}

impl<T: Real> Edge<T> {
    fn new(weight: T, i: u32, j: u32) -> Self {
        Self { weight, a: i.min(j), b: i.max(j) }
    }

    fn order(&self, other: &Self) -> Ordering {
        self.weight.total_cmp(&other.weight).then((self.a, self.b).cmp(&(other.a, other.b)))
    }
}

/// The samples outside of the tree, in no order, each with its least edge into the tree.
#[derive(Debug)]
struct Outside<T> {
    ids: Vec<u32>,
    weights: Vec<T>,
    sources: Vec<u32>,
    /// The place that another sample took when one left, and that sample.
    moved: Option<(usize, u32)>,
}

impl<T: Real> Outside<T> {
    fn edge(&self, place: usize) -> Edge<T> {
        Edge::new(self.weights[place], self.ids[place], self.sources[place])
    }

    /// The place of the sample whose edge is least.
    fn least(&self) -> usize {
        let mut first = [0];
        reduce::argmin_axis(&self.weights, 1, self.weights.len(), 1, &mut first);
        let mut best = first[0] as usize;
        let least = self.weights[best];
        for (place, &weight) in self.weights.iter().enumerate().skip(best + 1) {
            if weight == least && self.edge(place).order(&self.edge(best)).is_lt() {
                best = place;
            }
        }
        best
    }

    /// Takes one sample out.
    fn remove(&mut self, place: usize) -> u32 {
        self.weights.swap_remove(place);
        self.sources.swap_remove(place);
        let id = self.ids.swap_remove(place);
        self.moved = self.ids.get(place).map(|&moved| (place, moved));
        id
    }
}

/// Prim's algorithm from sample 0. `measure` is handed those outside and the sample that has just
/// been joined to the tree; it gives the place and the weight of all edges from there that are not
/// longer than the known ones, and possibly of others.
fn prim<T: Real>(
    n: usize,
    mut measure: impl FnMut(&Outside<T>, usize, &mut Vec<(u32, T)>) -> Result<()>,
) -> Result<Vec<Edge<T>>> {
    let mut outside = Outside {
        ids: (0..n as u32).collect(),
        weights: vec![T::INFINITY; n],
        sources: vec![u32::MAX; n],
        moved: None,
    };
    let mut edges = Vec::with_capacity(n - 1);
    let mut hits = Vec::new();
    let mut source = outside.remove(0);
    while !outside.ids.is_empty() {
        hits.clear();
        measure(&outside, source as usize, &mut hits)?;
        for &(place, weight) in &hits {
            let place = place as usize;
            let edge = Edge::new(weight, source, outside.ids[place]);
            if edge.order(&outside.edge(place)).is_lt() {
                outside.weights[place] = weight;
                outside.sources[place] = source;
            }
        }
        let place = outside.least();
        edges.push(outside.edge(place));
        source = outside.remove(place);
    }
    Ok(edges)
}

/// The dendrogram of a spanning tree.
fn tree<T: Real>(n: usize, mut edges: Vec<Edge<T>>, is_squared: bool) -> Dendrogram {
    edges.sort_unstable_by(Edge::order);
    let pairs = edges.into_iter().map(|Edge { weight, a, b }| {
        let height = if is_squared { weight.sqrt() } else { weight };
        (a, b, height.to_f64())
    });
    Dendrogram::from_pairs(n, pairs)
}
