//! Prim's algorithm: every pair once, in any metric.

use super::Edge;
use crate::metric::Rows;
use crate::{Metric, reach};
use purlin_backend::distance::{Form, Panels, values_of, within};
use purlin_backend::{parallel, reduce};
use purlin_core::{Error, MatrixView, Real, Result};

/// Panels, or rows, that one task measures.
const BLOCK: usize = 256;

/// The rows outside of the tree, in no order, each with its least edge into the tree.
pub(crate) struct Outside<T> {
    pub(crate) ids: Vec<u32>,
    weights: Vec<T>,
    values: Vec<T>,
    sources: Vec<u32>,
    cores: Vec<T>,
    /// Values above these make no better edge.
    limits: Vec<T>,
    /// The place that another row took when one left, and that row.
    moved: Option<(usize, u32)>,
}

impl<T: Real> Outside<T> {
    fn edge(&self, place: usize) -> Edge<T> {
        Edge::new(self.weights[place], self.values[place], self.ids[place], self.sources[place])
    }

    /// An edge from `source`, which has the core value `core`.
    fn offer(&mut self, place: usize, value: T, source: u32, core: T) {
        let own = self.cores[place];
        let weight = value.max(core).max(own);
        if Edge::new(weight, value, self.ids[place], source).is_before(&self.edge(place)) {
            (self.weights[place], self.values[place]) = (weight, value);
            self.sources[place] = source;
            // What weighs no less than its own core can only be shorter.
            self.limits[place] = if weight > own { weight } else { value };
        }
    }

    /// The place of the row whose edge is least.
    fn least(&self) -> usize {
        let mut first = [0];
        reduce::argmin_axis(&self.weights, 1, self.weights.len(), 1, &mut first);
        let mut best = first[0] as usize;
        let least = self.weights[best];
        for (place, &weight) in self.weights.iter().enumerate().skip(best + 1) {
            if weight == least && self.edge(place).is_before(&self.edge(best)) {
                best = place;
            }
        }
        best
    }

    /// Takes one row out.
    fn remove(&mut self, place: usize) -> u32 {
        for values in [&mut self.weights, &mut self.values, &mut self.cores, &mut self.limits] {
            values.swap_remove(place);
        }
        self.sources.swap_remove(place);
        let id = self.ids.swap_remove(place);
        self.moved = self.ids.get(place).map(|&moved| (place, moved));
        id
    }
}

/// Puts down the places, and the values from there, of those rows outside whose value from the row
/// is within their limit, and possibly of others.
type Measure<'a, T> = dyn FnMut(&Outside<T>, u32, &mut Vec<(u32, T)>) -> Result<()> + 'a;

/// The minimum spanning tree of rows with these core values, sorted: the tree grows from row 0.
pub(crate) fn prim<T: Real>(cores: &[T], measure: &mut Measure<'_, T>) -> Result<Vec<Edge<T>>> {
    let n = cores.len();
    let mut outside = Outside {
        ids: (0..n as u32).collect(),
        weights: vec![T::INFINITY; n],
        values: vec![T::INFINITY; n],
        sources: vec![u32::MAX; n],
        cores: cores.to_vec(),
        limits: vec![T::INFINITY; n],
        moved: None,
    };
    let mut edges = Vec::with_capacity(n.saturating_sub(1));
    let mut hits = Vec::new();
    let mut source = if n > 0 { outside.remove(0) } else { 0 };
    while !outside.ids.is_empty() {
        hits.clear();
        measure(&outside, source, &mut hits)?;
        for &(place, value) in &hits {
            outside.offer(place as usize, value, source, cores[source as usize]);
        }
        let place = outside.least();
        edges.push(outside.edge(place));
        source = outside.remove(place);
    }
    edges.sort_unstable_by(Edge::order);
    Ok(edges)
}

/// [`prim`] of the rows of a table; values are those of the metric's form, or distances where it
/// has none.
pub(crate) fn prim_of_rows<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    metric: &Metric,
    cores: &[T],
) -> Result<Vec<Edge<T>>> {
    let Some(form) = reach::form(metric) else {
        return prim_of_distances(op, x, metric, cores);
    };
    let (mut panels, mut parts, mut values) = (Panels::pack(x, None), Vec::new(), Vec::new());
    prim(cores, &mut |outside, source, hits| {
        if let Some((place, moved)) = outside.moved {
            panels.set_row(place, x.row(moved as usize));
        }
        let row = x.row(source as usize);
        if form == Form::SquaredEuclidean {
            squares(row, &panels, &outside.limits, &mut parts, hits);
            return Ok(());
        }
        values.resize(outside.ids.len(), T::ZERO);
        let work = 4 * values.len() * row.len();
        parallel::for_each_chunk(&mut values, BLOCK, work, |block, out| {
            let first = block * BLOCK;
            values_of(form, row, (&panels, first..first + out.len()), out);
        });
        hits.extend((0..).zip(values.iter().copied()));
        Ok(())
    })
}

/// The squared distances of `row` that are within the limits.
fn squares<T: Real>(
    row: &[T],
    panels: &Panels<T>,
    limits: &[T],
    parts: &mut Vec<Vec<(u32, T)>>,
    hits: &mut Vec<(u32, T)>,
) {
    let size = BLOCK * Panels::<T>::lanes();
    parts.resize_with(limits.len().div_ceil(size), Vec::new);
    parallel::for_each_chunk(parts, 1, limits.len() * row.len(), |i, part| {
        let limits = &limits[i * size..limits.len().min((i + 1) * size)];
        let first = i * BLOCK;
        let last = first + limits.len().div_ceil(Panels::<T>::lanes());
        part[0].clear();
        within(row, panels, first..last, limits, &mut part[0]);
    });
    for part in parts {
        hits.extend_from_slice(part);
    }
}

fn prim_of_distances<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    metric: &Metric,
    cores: &[T],
) -> Result<Vec<Edge<T>>> {
    let rows = Rows::of(x, metric);
    let mut values = Vec::new();
    prim(cores, &mut |outside, source, hits| {
        values.resize(outside.ids.len(), T::ZERO);
        let (ids, source) = (&outside.ids, source as usize);
        let work = 16 * values.len() * x.n_cols();
        parallel::for_each_chunk(&mut values, BLOCK, work, |block, out| {
            for (out, &id) in out.iter_mut().zip(&ids[block * BLOCK..]) {
                *out = rows.pair(source, id as usize);
            }
        });
        // Written so that NaN offends.
        if let Some(value) = values
            .iter()
            .find(|value| value.partial_cmp(&&T::ZERO).is_none_or(std::cmp::Ordering::is_lt))
        {
            return Err(Error::param(op, "distances", "at least 0", value));
        }
        hits.extend((0..).zip(values.iter().copied()));
        Ok(())
    })
}
