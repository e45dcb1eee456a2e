//! The walk.

use super::queue::Queue;
use super::{OP, ReachabilityPlot};
use crate::index::Search;
use crate::metric::Rows;
use crate::{Metric, SpatialIndex, reach};
use purlin_backend::distance::{Form, Panels, values_of, within};
use purlin_backend::parallel;
use purlin_core::{Error, MatrixView, Real, Result};

/// Rows whose nearest are looked for at a time: lists of neighbours are short-lived.
const ROWS: usize = 4096;

pub(super) fn run<T: Real>(
    x: MatrixView<'_, T>,
    metric: &Metric,
    min_samples: usize,
    max_eps: f64,
) -> Result<ReachabilityPlot> {
    let n = x.n_rows();
    let index = SpatialIndex::new(x, metric.clone())?;
    let cores = core_distances(x, &index, min_samples, max_eps)?;
    let mut walk = Walk {
        queue: Queue::new(n),
        is_done: vec![false; n],
        ordering: Vec::with_capacity(n),
        predecessor: vec![None; n],
    };
    let reach = reach::reach(metric, max_eps);
    if is_wide(x, &index, reach) {
        let mut rest = Rest::new(x, metric, &index, reach);
        let mut hits = Vec::new();
        walk.run(|walk, source| {
            rest.remove(source);
            let core = cores[source as usize];
            if !core.is_finite() {
                return Ok(());
            }
            hits.clear();
            rest.hits(source, &mut hits)?;
            let core_value = reach::reach(metric, core.to_f64());
            for &(place, value) in &hits {
                let key = core.max(rest.distance(value));
                if walk.offer(source, rest.ids[place as usize], key) {
                    rest.limits[place as usize] = value.max(core_value);
                }
            }
            Ok(())
        })?;
    } else {
        walk.run(|walk, source| {
            let core = cores[source as usize];
            if core.is_finite() {
                index.visit_within(x.row(source as usize), reach, |i, distance| {
                    if !walk.is_done[i] {
                        walk.offer(source, i as u32, core.max(distance));
                    }
                });
            }
            Ok(())
        })?;
    }
    let wide = |values: &[T]| values.iter().map(|value| value.to_f64()).collect();
    Ok(ReachabilityPlot {
        min_samples,
        ordering: walk.ordering,
        reachability: wide(walk.queue.keys()),
        core_distances: wide(&cores),
        predecessor: walk.predecessor,
    })
}

/// The distance to the `min_samples`-th nearest of each row, infinite above `max_eps`.
fn core_distances<T: Real>(
    x: MatrixView<'_, T>,
    index: &SpatialIndex<T>,
    min_samples: usize,
    max_eps: f64,
) -> Result<Vec<T>> {
    let n = x.n_rows();
    let mut cores = vec![T::INFINITY; n];
    if min_samples > n {
        return Ok(cores);
    }
    for first in (0..n).step_by(ROWS) {
        let rows = first..n.min(first + ROWS);
        let nearest = index.nearest_batch(x.row_range(rows.clone()), min_samples)?;
        for (core, nearest) in cores[rows].iter_mut().zip(nearest) {
            let Some(last) = nearest.last() else { continue };
            for distance in [nearest[0].distance, last.distance] {
                check(distance)?;
            }
            if last.distance.to_f64() <= max_eps {
                *core = last.distance;
            }
        }
    }
    Ok(cores)
}

/// Refuses what a distance cannot be.
fn check<T: Real>(distance: T) -> Result<()> {
    // Written so that NaN offends.
    if distance >= T::ZERO {
        return Ok(());
    }
    Err(Error::param(OP, "distances", "at least 0", distance))
}

/// Whether neighbourhoods hold so many samples that it is cheaper to look at all that are left.
/// The neighbourhoods of some samples tell.
fn is_wide<T: Real>(x: MatrixView<'_, T>, index: &SpatialIndex<T>, reach: T) -> bool {
    let n = x.n_rows();
    if reach == T::MAX || n <= 1024 || matches!(index.search(), Search::Plain(_)) {
        return true;
    }
    let some = (0..n).step_by(n / 64);
    let count: usize = some.map(|row| index.count(x.row(row), reach)).sum();
    // Of 64 samples, with a visit some 32 times as expensive as a look.
    count / 64 > n / 32
}

struct Walk<T> {
    /// Keys are reachabilities.
    queue: Queue<T>,
    is_done: Vec<bool>,
    ordering: Vec<usize>,
    predecessor: Vec<Option<usize>>,
}

impl<T: Real> Walk<T> {
    /// Goes along all samples; `expand` offers what is reached from one.
    fn run(&mut self, mut expand: impl FnMut(&mut Self, u32) -> Result<()>) -> Result<()> {
        for first in 0..self.is_done.len() {
            if self.is_done[first] {
                continue;
            }
            let mut next = Some(first as u32);
            while let Some(source) = next {
                self.is_done[source as usize] = true;
                self.ordering.push(source as usize);
                expand(self, source)?;
                next = self.queue.pop();
            }
        }
        Ok(())
    }

    /// Sample `i` can be reached from `source`; whether this is better than before.
    fn offer(&mut self, source: u32, i: u32, key: T) -> bool {
        let is_better = key < self.queue.keys()[i as usize];
        if is_better {
            self.predecessor[i as usize] = Some(source as usize);
            self.queue.lower(i, key);
        }
        is_better
    }
}

/// The samples that the walk has not come to, in no order.
struct Rest<'a, T: Real> {
    x: MatrixView<'a, T>,
    metric: &'a Metric,
    ids: Vec<u32>,
    places: Vec<u32>,
    /// Values above are no improvement, or out of reach.
    limits: Vec<T>,
    between: Between<'a, T>,
    values: Vec<T>,
}

/// How samples are measured.
enum Between<'a, T: Real> {
    /// In the order of those that are left.
    Panels(Form, Panels<T>),
    /// By number.
    Rows(&'a Rows<'a, T>),
}

impl<'a, T: Real> Rest<'a, T> {
    fn new(x: MatrixView<'a, T>, metric: &'a Metric, index: &'a SpatialIndex<T>, reach: T) -> Self {
        let n = x.n_rows();
        let ids: Vec<u32> = (0..n as u32).collect();
        let between = match index.search() {
            Search::Tree(tree) => Between::Panels(tree.form(), Panels::pack(x, None)),
            Search::Plain(rows) => Between::Rows(rows),
        };
        let (places, limits) = (ids.clone(), vec![reach; n]);
        Self { x, metric, ids, places, limits, between, values: vec![T::ZERO; n] }
    }

    /// Values are distances where the metric has no form.
    fn distance(&self, value: T) -> T {
        reach::distance(self.metric, value)
    }

    fn remove(&mut self, sample: u32) {
        let place = self.places[sample as usize] as usize;
        self.ids.swap_remove(place);
        self.limits.swap_remove(place);
        if let Some(&moved) = self.ids.get(place) {
            self.places[moved as usize] = place as u32;
            if let Between::Panels(_, panels) = &mut self.between {
                panels.set_row(place, self.x.row(moved as usize));
            }
        }
    }

    /// Places and values of the samples whose value from `source` is within their limit.
    fn hits(&mut self, source: u32, hits: &mut Vec<(u32, T)>) -> Result<()> {
        let (n, row) = (self.ids.len(), self.x.row(source as usize));
        match &self.between {
            Between::Panels(Form::SquaredEuclidean, panels) => {
                let used = n.div_ceil(Panels::<T>::lanes());
                within(row, panels, 0..used, &self.limits, hits);
                return Ok(());
            }
            Between::Panels(form, panels) => {
                values_of(*form, row, (panels, 0..n), &mut self.values[..n]);
            }
            Between::Rows(rows) => {
                let ids = &self.ids;
                let work = n.saturating_mul(row.len()).saturating_mul(8);
                parallel::for_each_chunk(&mut self.values[..n], 256, work, |block, out| {
                    for (out, &id) in out.iter_mut().zip(&ids[block * 256..]) {
                        *out = rows.pair(source as usize, id as usize);
                    }
                });
            }
        }
        for (place, (&value, &limit)) in self.values[..n].iter().zip(&self.limits).enumerate() {
            check(value)?;
            if value <= limit {
                hits.push((place as u32, value));
            }
        }
        Ok(())
    }
}
