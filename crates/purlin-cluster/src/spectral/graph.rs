//! Affinities as a graph.

use super::OP;
use crate::{CondensedMatrix, Metric, SpatialIndex};
use purlin_backend::distance::{Panels, squared_euclidean};
use purlin_backend::elementwise::{map_inplace, ops};
use purlin_backend::graph::Square;
use purlin_backend::{parallel, reduce};
use purlin_core::{Error, MatrixView, Real, Result};

/// The part of a node that has no edge.
pub(super) const ALONE: u32 = u32::MAX;

/// Rows that one task fills.
const BLOCK: usize = 32;

/// A graph with weights: symmetric, at least 0, none between a node and itself.
pub(super) struct Graph {
    pub(super) weights: Square,
    /// The sum of the weights of each node.
    pub(super) degrees: Vec<f64>,
}

/// The connected parts of a graph.
pub(super) struct Parts {
    /// The part of each node, numbered by its first one, or [`ALONE`].
    pub(super) of_node: Vec<u32>,
    /// The sum of the degrees of each part.
    pub(super) volumes: Vec<f64>,
}

impl Graph {
    /// `(C + C^T) / 2`, where `C` says which are the `k` nearest of each row of `x`.
    pub(super) fn of_neighbors(x: MatrixView<'_, f64>, k: usize) -> Result<Self> {
        let n = x.n_rows();
        let index = SpatialIndex::new(x, Metric::Euclidean)?;
        let nearest = index.nearest_batch(x, k)?;
        let mut edges: Vec<[u32; 2]> = Vec::with_capacity(n * k);
        for (i, nearest) in nearest.iter().enumerate() {
            for neighbor in nearest.iter().filter(|neighbor| neighbor.index != i) {
                edges.push([i as u32, neighbor.index as u32]);
            }
        }
        Ok(Self::of_edges(n, &edges))
    }

    /// Half a unit of weight in both directions for each edge.
    fn of_edges(n: usize, edges: &[[u32; 2]]) -> Self {
        let mut ends = vec![0; n + 1];
        for &[i, j] in edges {
            ends[i as usize + 1] += 1;
            ends[j as usize + 1] += 1;
        }
        for i in 0..n {
            ends[i + 1] += ends[i];
        }
        let mut next = ends.clone();
        let mut lists = vec![0; 2 * edges.len()];
        for &[i, j] in edges {
            for (from, to) in [(i, j), (j, i)] {
                let place = &mut next[from as usize];
                lists[*place] = to;
                *place += 1;
            }
        }
        let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::<f64>::new());
        let mut degrees = vec![0.0; n];
        for i in 0..n {
            let list = &mut lists[ends[i]..ends[i + 1]];
            list.sort_unstable();
            let start = columns.len();
            for &mut to in list {
                if columns.len() > start && columns.last() == Some(&to) {
                    values[columns.len() - 1] += 0.5;
                } else {
                    columns.push(to);
                    values.push(0.5);
                }
                degrees[i] += 0.5;
            }
            starts.push(columns.len());
        }
        Self { weights: Square::Sparse { starts, columns, values }, degrees }
    }

    /// `exp(-gamma abs(a - b)^2)` for all pairs of rows.
    pub(super) fn of_rbf(x: MatrixView<'_, f64>, gamma: f64) -> Self {
        let (n, d) = x.shape();
        let panels = Panels::pack(x, None);
        Self::dense(n, n * n * (d + 8), |row, out| {
            squared_euclidean(x.row_range(row..row + 1), &panels, 0..panels.n_panels(), out);
            for value in &mut *out {
                *value *= -gamma;
            }
            map_inplace(ops::Exp, out);
        })
    }

    /// The given affinities, which must be finite.
    pub(super) fn of_pairs<T: Real>(affinity: &CondensedMatrix<T>) -> Result<Self> {
        let n = affinity.n();
        if affinity.as_slice().iter().any(|value| !value.is_finite()) {
            let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
            let bad = pairs.into_iter().find(|&(i, j)| !affinity.get(i, j).is_finite());
            let (i, j) = bad.unwrap_or((0, 0));
            let value = format!("{} at ({i}, {j})", affinity.get(i, j));
            return Err(Error::param(OP, "affinity", "finite", value));
        }
        Ok(Self::dense(n, n * n, |row, out| {
            for (j, out) in out.iter_mut().enumerate() {
                *out = affinity.get(row, j).to_f64();
            }
        }))
    }

    fn dense(n: usize, work: usize, fill: impl Fn(usize, &mut [f64]) + Sync + Send) -> Self {
        let mut values = vec![0.0; n * n];
        parallel::for_each_chunk(&mut values, BLOCK * n, work, |block, out| {
            for (i, out) in out.chunks_exact_mut(n).enumerate() {
                let row = block * BLOCK + i;
                fill(row, out);
                out[row] = 0.0;
            }
        });
        let mut degrees = vec![0.0; n];
        parallel::for_each_chunk(&mut degrees, BLOCK, n * n, |block, out| {
            for (i, degree) in out.iter_mut().enumerate() {
                *degree = reduce::sum(&values[(block * BLOCK + i) * n..][..n]);
            }
        });
        Self { weights: Square::Dense { n, values }, degrees }
    }

    /// The connected parts.
    pub(super) fn parts(&self) -> Parts {
        let n = self.degrees.len();
        let (mut of_node, mut volumes) = (vec![ALONE; n], Vec::new());
        // Nodes that no part has reached yet; those of a dense graph are looked at for each node.
        let mut rest: Vec<u32> =
            (0..n as u32).filter(|&i| self.degrees[i as usize] > 0.0).collect();
        let mut open = Vec::new();
        for first in rest.clone() {
            if of_node[first as usize] != ALONE {
                continue;
            }
            let part = volumes.len() as u32;
            let mut volume = 0.0;
            of_node[first as usize] = part;
            open.push(first);
            while let Some(node) = open.pop() {
                volume += self.degrees[node as usize];
                match &self.weights {
                    Square::Sparse { starts, columns, .. } => {
                        for &to in &columns[starts[node as usize]..starts[node as usize + 1]] {
                            if of_node[to as usize] == ALONE {
                                of_node[to as usize] = part;
                                open.push(to);
                            }
                        }
                    }
                    Square::Dense { n, values } => {
                        let row = &values[node as usize * n..][..*n];
                        rest.retain(|&to| {
                            let is_new = of_node[to as usize] == ALONE;
                            if is_new && row[to as usize] > 0.0 {
                                of_node[to as usize] = part;
                                open.push(to);
                            }
                            of_node[to as usize] == ALONE
                        });
                    }
                }
            }
            volumes.push(volume);
        }
        Parts { of_node, volumes }
    }

    /// `D^-1/2 A D^-1/2`.
    pub(super) fn normalized(self) -> Square {
        let factors: Vec<f64> = self.degrees.iter().map(|&d| 1.0 / root_of_degree(d)).collect();
        let mut weights = self.weights;
        match &mut weights {
            Square::Sparse { starts, columns, values } => {
                for (row, factor) in factors.iter().enumerate() {
                    for k in starts[row]..starts[row + 1] {
                        values[k] = scaled(values[k], *factor, factors[columns[k] as usize]);
                    }
                }
            }
            Square::Dense { n, values } => {
                let (n, work) = (*n, values.len());
                parallel::for_each_chunk(values, BLOCK * n, work, |block, rows| {
                    for (i, row) in rows.chunks_exact_mut(n).enumerate() {
                        let factor = factors[block * BLOCK + i];
                        for (value, other) in row.iter_mut().zip(&factors) {
                            *value = scaled(*value, factor, *other);
                        }
                    }
                });
            }
        }
        weights
    }
}

/// `value a b`, the same for `a` and `b` exchanged. No degree is so small that it overflows: an
/// affinity is at most the degrees of its nodes.
fn scaled(value: f64, a: f64, b: f64) -> f64 {
    value * a.max(b) * a.min(b)
}

/// The square root of a degree, 1 for a node that has no edge.
pub(super) fn root_of_degree(degree: f64) -> f64 {
    if degree > 0.0 { degree.sqrt() } else { 1.0 }
}
