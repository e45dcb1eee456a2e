//! Core distances and the spanning tree of mutual reachability distances.

use super::OP;
use crate::index::all_nearest;
use crate::index::{Near, Rank};
use crate::mst::{self, Edge, boruvka, kruskal, prim, prim_of_rows};
use crate::{CondensedMatrix, Metric, NeighborGraph, SpatialIndex, reach};
use purlin_backend::parallel;
use purlin_core::{Error, MatrixView, Real, Result};

/// An edge of the spanning tree.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Hdbscan, MatrixView, SpanningEdge};
///
/// let x = [[0.0], [1.0], [3.0]];
/// let model = Hdbscan::new(2).min_samples(3).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.core_distances(), [3.0, 2.0, 3.0]);
/// assert_eq!(model.spanning_tree()[0], SpanningEdge { a: 0, b: 1, weight: 3.0 });
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanningEdge {
    /// The sample with the smaller number.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// Their mutual reachability distance.
    pub weight: f64,
}

/// What is known of the samples.
pub(super) struct Reachability<T> {
    /// The distance of each to its `min_samples`-th nearest.
    pub(super) cores: Vec<T>,
    /// The minimum spanning tree, sorted.
    pub(super) edges: Vec<SpanningEdge>,
}

/// The most columns for which the spanning tree is found by the kd-tree.
const MOST_TREE_FEATURES: usize = 16;

/// The most neighbours that the spanning tree begins with, at least `mst::SEEDS`: some more cost
/// more than they save.
const MOST_SEEDS: usize = 16;

/// Rows whose nearest are looked for at a time where there is no tree.
const ROWS: usize = 4096;

pub(super) fn of_rows<T: Real>(
    x: MatrixView<'_, T>,
    index: &SpatialIndex<T>,
    metric: &Metric,
    min_samples: usize,
    alpha: f64,
) -> Result<Reachability<T>> {
    let (n, d) = x.shape();
    let Some(tree) = index.tree() else {
        let cores = plain_cores(x, index, min_samples)?;
        let edges = prim_of_rows(OP, x, metric, &scaled(&cores, metric, alpha))?;
        return Ok(Reachability { edges: distances(&edges, metric, alpha), cores });
    };
    // The nearest that the spanning tree begins with, and the one that gives the core distance.
    let seeds =
        if d <= MOST_TREE_FEATURES { min_samples.clamp(mst::SEEDS, MOST_SEEDS).min(n) } else { 0 };
    let mut places: Vec<usize> = (0..seeds).collect();
    if min_samples > seeds {
        places.push(min_samples - 1);
    }
    let near = all_nearest(x, tree, tree, &places, Rank::Value);
    let lists = near.chunks_exact(places.len());
    let values: Vec<T> =
        lists.clone().map(|near| near[min_samples.min(places.len()) - 1].value).collect();
    let mut cores = vec![T::ZERO; n];
    for (&row, &value) in tree.order().iter().zip(&values) {
        cores[row as usize] = reach::distance(metric, value);
    }
    let edges = if d <= MOST_TREE_FEATURES {
        let seeds: Vec<Near<T>> = lists.flat_map(|near| &near[..seeds]).copied().collect();
        drop(near);
        boruvka(tree, &scaled(&values, metric, alpha), &seeds)
    } else {
        let mut by_row = vec![T::ZERO; n];
        for (&row, &value) in tree.order().iter().zip(&values) {
            by_row[row as usize] = value;
        }
        prim_of_rows(OP, x, metric, &scaled(&by_row, metric, alpha))?
    };
    Ok(Reachability { edges: distances(&edges, metric, alpha), cores })
}

pub(super) fn of_distances<T: Real>(
    given: &CondensedMatrix<T>,
    min_samples: usize,
    alpha: f64,
) -> Result<Reachability<T>> {
    let n = given.n();
    let mut cores = vec![T::ZERO; n];
    parallel::for_each_chunk(&mut cores, 16, n.saturating_mul(n), |block, cores| {
        let mut row = Vec::with_capacity(n);
        for (i, core) in cores.iter_mut().enumerate() {
            row.clear();
            row.extend((0..n).map(|j| given.get(block * 16 + i, j)));
            let (_, value, _) = row.select_nth_unstable_by(min_samples - 1, T::total_cmp);
            *core = *value;
        }
    });
    // Distances are what they are.
    let metric = Metric::Manhattan;
    let edges = prim(&scaled(&cores, &metric, alpha), &mut |outside, source, hits| {
        let of = |&id: &u32| given.get(source as usize, id as usize);
        hits.extend((0..).zip(outside.ids.iter().map(of)));
        Ok(())
    })?;
    Ok(Reachability { edges: distances(&edges, &metric, alpha), cores })
}

pub(super) fn of_graph<T: Real>(
    given: &NeighborGraph<T>,
    min_samples: usize,
    alpha: f64,
) -> Reachability<T> {
    let n = given.n_rows();
    let mut pairs = Vec::with_capacity(given.n_neighbors());
    for i in 0..n {
        let listed = given.indices(i).iter().zip(given.distances(i));
        let others = listed.filter(|&(&j, _)| j as usize != i);
        pairs.extend(others.map(|(&j, &distance)| Edge::new(distance, distance, i as u32, j)));
    }
    // Of a pair that both lists have, the smaller distance.
    pairs.sort_unstable_by(|a, b| (a.a, a.b).cmp(&(b.a, b.b)).then(a.value.total_cmp(&b.value)));
    pairs.dedup_by_key(|edge| (edge.a, edge.b));
    let mut lists = vec![vec![T::ZERO]; n];
    for edge in &pairs {
        lists[edge.a as usize].push(edge.value);
        lists[edge.b as usize].push(edge.value);
    }
    let core = |mut list: Vec<T>| {
        if list.len() < min_samples {
            return T::INFINITY;
        }
        *list.select_nth_unstable_by(min_samples - 1, T::total_cmp).1
    };
    let cores: Vec<T> = lists.into_iter().map(core).collect();
    // Distances are what they are.
    let metric = Metric::Manhattan;
    let values = scaled(&cores, &metric, alpha);
    for edge in &mut pairs {
        edge.weight = edge.value.max(values[edge.a as usize]).max(values[edge.b as usize]);
    }
    Reachability { edges: distances(&kruskal(n, pairs), &metric, alpha), cores }
}

/// Core distances by a walk along all rows for each.
fn plain_cores<T: Real>(
    x: MatrixView<'_, T>,
    index: &SpatialIndex<T>,
    min_samples: usize,
) -> Result<Vec<T>> {
    let n = x.n_rows();
    let mut cores = Vec::with_capacity(n);
    for first in (0..n).step_by(ROWS) {
        let rows = x.row_range(first..n.min(first + ROWS));
        for nearest in index.nearest_batch(rows, min_samples)? {
            let (first, last) = (nearest[0].distance, nearest[min_samples - 1].distance);
            for distance in [first, last] {
                // Written so that NaN offends.
                if distance.partial_cmp(&T::ZERO).is_none_or(std::cmp::Ordering::is_lt) {
                    return Err(Error::param(OP, "distances", "at least 0", distance));
                }
            }
            cores.push(last);
        }
    }
    Ok(cores)
}

/// Core values as they compare with values that are not yet divided by `alpha`:
/// `max(core, distance / alpha)` is `max(alpha * core, distance) / alpha`.
fn scaled<T: Real>(cores: &[T], metric: &Metric, alpha: f64) -> Vec<T> {
    if alpha == 1.0 {
        return cores.to_vec();
    }
    let factor = T::from_f64(if *metric == Metric::Euclidean { alpha * alpha } else { alpha });
    cores.iter().map(|&core| core * factor).collect()
}

/// Edges with distances instead of values.
fn distances<T: Real>(edges: &[Edge<T>], metric: &Metric, alpha: f64) -> Vec<SpanningEdge> {
    let of = |edge: &Edge<T>| SpanningEdge {
        a: edge.a as usize,
        b: edge.b as usize,
        weight: reach::distance(metric, edge.weight).to_f64() / alpha,
    };
    edges.iter().map(of).collect()
}
