//! The first centroids.

use super::table::{Block, Round, Table};
use super::{Init, OP};
use crate::assign::{self, weighted_sum};
use purlin_backend::distance::{Centroids, Panels, approach};
use purlin_backend::parallel;
use purlin_backend::random::fill_uniform;
use purlin_core::rng::{Rng, Stream};
use purlin_core::{Error, Matrix, Real, Result};
use std::collections::HashSet;
use std::ops::Range;

/// Chooses `k` centroids for each of the streams. The caller has checked that there are as many
/// samples.
pub(super) fn start<T: Real>(
    init: &Init,
    table: &Table<'_, T>,
    k: usize,
    streams: &[Stream],
) -> Result<Vec<Matrix<T>>> {
    match init {
        Init::PlusPlus { .. } => {
            let rows = plus_plus(table, k, n_trials(init, k), streams)?;
            Ok(rows.iter().map(|rows| table.x.select_rows(rows)).collect())
        }
        Init::Parallel { rounds, oversampling } => {
            let one = |stream| parallel_start(table, k, *rounds, *oversampling, stream);
            streams.iter().map(one).collect()
        }
        Init::Random => {
            let one = |stream| Ok(table.x.select_rows(&random(table, k, stream)?));
            streams.iter().map(one).collect()
        }
        Init::Centroids(_) => Ok(Vec::new()),
    }
}

/// Rows that come nearer at a time: a tile of [`approach`].
const GROUP: usize = 6;

/// Rows that are tried for each centroid.
pub(super) fn n_trials(init: &Init, k: usize) -> usize {
    match init {
        Init::PlusPlus { n_local_trials: Some(n) } => *n,
        _ => 2 + ln_floor(k),
    }
}

/// k-means||, then k-means++ among what it found.
fn parallel_start<T: Real>(
    table: &Table<'_, T>,
    k: usize,
    rounds: usize,
    oversampling: f64,
    stream: &Stream,
) -> Result<Matrix<T>> {
    let rows = scattered(table, oversampling * k as f64, rounds, stream)?;
    if rows.len() <= k {
        return fill_up(table, rows, k, stream);
    }
    if rows.len() > Centroids::<T>::MOST {
        let rule = format!("so small that at most {} samples are drawn", Centroids::<T>::MOST);
        return Err(Error::param(OP, "oversampling", rule, oversampling));
    }
    let candidates = table.x.select_rows(&rows);
    let mut blocks = table.blocks(rows.len());
    table.assign(vec![Round { centroids: &candidates, drift: None, blocks: &mut blocks }]);
    let mut sums = vec![0.0; rows.len() * (table.x.n_cols() + 1)];
    table.total(&mut blocks, &mut sums);
    let totals = &sums[rows.len() * table.x.n_cols()..];
    let weights: Vec<T> = totals.iter().map(|&total| T::from_f64(total)).collect();
    let small = Table::new(candidates.view(), Some(&weights))?;
    let streams = [stream.child("candidates")];
    let chosen = plus_plus(&small, k, 2 + ln_floor(k), &streams)?;
    let chosen: Vec<usize> = chosen.into_iter().flatten().map(|i| rows[i]).collect();
    Ok(table.x.select_rows(&chosen))
}

/// Too few candidates: k-means++ goes on from them.
fn fill_up<T: Real>(
    table: &Table<'_, T>,
    rows: Vec<usize>,
    k: usize,
    stream: &Stream,
) -> Result<Matrix<T>> {
    let streams = [stream.child("fill up")];
    let rows = Seeding::new(table, 1).grow(vec![rows], k, 2 + ln_floor(k), &streams)?;
    Ok(table.x.select_rows(&rows[0]))
}

/// `k` different samples of weight above 0, each with the same probability; of samples that are
/// equal in all numbers one counts.
fn random<T: Real>(table: &Table<'_, T>, k: usize, stream: &Stream) -> Result<Vec<usize>> {
    let mut rows: Vec<usize> = Vec::with_capacity(k);
    let mut known = HashSet::with_capacity(k);
    for i in stream.child("random").rng(0).permutation(table.x.n_rows()) {
        // Plus 0.0, so that there is one zero.
        let numbers = || table.x.row(i).iter().map(|value| (*value + T::ZERO).to_bits());
        if table.weight(i) > 0.0 && known.insert(numbers().collect::<Vec<_>>()) {
            rows.push(i);
            if rows.len() == k {
                return Ok(rows);
            }
        }
    }
    Err(too_few(k, rows.len()))
}

fn too_few(k: usize, got: usize) -> Error {
    Error::shape(OP, format!("at least {k} distinct samples"), got)
}

/// k-means++ for each of the streams.
fn plus_plus<T: Real>(
    table: &Table<'_, T>,
    k: usize,
    n_trials: usize,
    streams: &[Stream],
) -> Result<Vec<Vec<usize>>> {
    let streams: Vec<Stream> = streams.iter().map(|stream| stream.child("plus plus")).collect();
    let first = |stream: &Stream| Ok(vec![sample_by_weight(table, &mut stream.rng(0))?]);
    let rows = streams.iter().map(first).collect::<Result<_>>()?;
    Seeding::new(table, streams.len()).grow(rows, k, n_trials, &streams)
}

fn sample_by_weight<T: Real>(table: &Table<'_, T>, rng: &mut Rng) -> Result<usize> {
    match table.weights {
        None => Ok(rng.below(table.x.n_rows())),
        Some(weights) => rng.choice(&weights.iter().map(|w| w.to_f64()).collect::<Vec<_>>()),
    }
}

/// The squared distance of each sample from the nearest of the rows chosen so far, for several
/// starts that share the reading of the samples.
struct Seeding<'a, 'b, T: Real> {
    table: &'a Table<'b, T>,
    /// The samples, side by side.
    panels: Panels<T>,
    /// Block by block, then start by start.
    parts: Vec<Vec<Part<T>>>,
}

/// A block of samples.
struct Part<T> {
    rows: Range<usize>,
    closest: Vec<T>,
    /// The weighted sum of `closest`.
    potential: f64,
    /// What `closest` is after each trial, one after the other.
    lowered: Vec<T>,
    /// Their weighted sums.
    trials: Vec<f64>,
}

impl<'a, 'b, T: Real> Seeding<'a, 'b, T> {
    fn new(table: &'a Table<'b, T>, n_starts: usize) -> Self {
        let part = |rows: &Range<usize>| Part {
            closest: vec![T::INFINITY; rows.len()],
            rows: rows.clone(),
            potential: f64::INFINITY,
            lowered: Vec::new(),
            trials: Vec::new(),
        };
        let parts = |block: Block| (0..n_starts).map(|_| part(&block.rows)).collect();
        let panels = Panels::pack(table.x, None);
        Self { table, panels, parts: table.blocks(1).into_iter().map(parts).collect() }
    }

    /// Adds rows to those of each start, as many in all, until there are `k`.
    fn grow(
        mut self,
        mut rows: Vec<Vec<usize>>,
        k: usize,
        n_trials: usize,
        streams: &[Stream],
    ) -> Result<Vec<Vec<usize>>> {
        let n_given = rows[0].len().min(k);
        for place in 0..n_given {
            let given: Vec<Vec<usize>> = rows.iter().map(|rows| vec![rows[place]]).collect();
            self.choose_best(&given);
        }
        for rows in &mut rows {
            rows.truncate(k);
        }
        for n in n_given..k {
            let mut trials = Vec::with_capacity(rows.len());
            for (start, stream) in streams.iter().enumerate() {
                let potential = self.potential(start);
                if potential <= 0.0 {
                    return Err(too_few(k, n));
                }
                let mut rng = stream.rng(n as u64);
                let mut sample = || self.sample(start, rng.uniform() * potential);
                trials.push((0..n_trials).map(|_| sample()).collect::<Vec<usize>>());
            }
            let best = self.choose_best(&trials);
            for ((rows, trials), best) in rows.iter_mut().zip(&trials).zip(best) {
                rows.push(trials[best]);
            }
        }
        Ok(rows)
    }

    /// Counts rows among the chosen ones of the only start, all with one reading of the samples.
    fn add(&mut self, rows: &[usize]) {
        let (table, points) = (self.table, &self.panels);
        let (n, d) = table.x.shape();
        let rows = table.x.select_rows(rows);
        let work = n * d * rows.n_rows();
        parallel::for_each_chunk(&mut self.parts, 1, work, |_, parts| {
            let Part { rows: all, closest, potential, lowered, .. } = &mut parts[0][0];
            for_each_piece(points, all.clone(), |of, points| {
                let of = of.start - all.start..of.end - all.start;
                let closest = &mut closest[of.clone()];
                lowered.resize(GROUP * closest.len(), T::ZERO);
                for first in (0..rows.n_rows()).step_by(GROUP) {
                    let group = rows.view().row_range(first..rows.n_rows().min(first + GROUP));
                    let (len, n) = (closest.len(), group.n_rows());
                    let mut sums = [0.0; GROUP];
                    approach(group, points.clone(), closest, None, lowered, len, &mut sums[..n]);
                    for lowered in lowered[..n * len].chunks_exact(len) {
                        for (closest, &lowered) in closest.iter_mut().zip(lowered) {
                            *closest = lowered.min(*closest);
                        }
                    }
                }
            });
            let weights = table.weights.map(|weights| &weights[all.clone()]);
            *potential = weighted_sum(closest, weights);
        });
    }

    fn potential(&self, start: usize) -> f64 {
        let of = |i: usize| self.parts[i][start].potential;
        parallel::reduce(self.parts.len(), 0, of, |a, b| a + b).unwrap_or(0.0)
    }

    /// The sample at which the running sum of weighted distances passes `target`.
    fn sample(&self, start: usize, mut target: f64) -> usize {
        let mut last = None;
        for parts in &self.parts {
            let part = &parts[start];
            if part.potential > 0.0 {
                if target < part.potential {
                    return self.sample_in(part, target);
                }
                last = Some(part);
            }
            target -= part.potential;
        }
        last.map_or(0, |part| self.sample_in(part, f64::INFINITY))
    }

    fn sample_in(&self, part: &Part<T>, mut target: f64) -> usize {
        let mut last = part.rows.start;
        for (i, closest) in part.rows.clone().zip(&part.closest) {
            let share = closest.to_f64() * self.table.weight(i);
            if share > 0.0 {
                last = i;
                if target < share {
                    return i;
                }
            }
            target -= share;
        }
        last
    }

    /// Counts among the chosen rows of each start the one of its trials that leaves the least
    /// potential, the first of equals. Returns their places.
    fn choose_best(&mut self, trials: &[Vec<usize>]) -> Vec<usize> {
        let (table, points) = (self.table, &self.panels);
        let (n, d) = table.x.shape();
        let rows: Vec<Matrix<T>> = trials.iter().map(|rows| table.x.select_rows(rows)).collect();
        let work = n * d * rows.iter().map(Matrix::n_rows).sum::<usize>();
        parallel::for_each_chunk(&mut self.parts, 1, work, |_, parts| {
            let parts = &mut parts[0];
            for (part, rows) in parts.iter_mut().zip(&rows) {
                part.lowered.resize(rows.n_rows() * part.rows.len(), T::ZERO);
                part.trials.clear();
                part.trials.resize(rows.n_rows(), 0.0);
            }
            let all = parts[0].rows.clone();
            for_each_piece(points, all.clone(), |of, points| {
                let weights = table.weights.map(|weights| &weights[of.clone()]);
                let of = of.start - all.start..of.end - all.start;
                for (part, rows) in parts.iter_mut().zip(&rows) {
                    let Part { closest, lowered, trials, .. } = part;
                    let (closest, out) = (&closest[of.clone()], &mut lowered[of.start..]);
                    approach(rows.view(), points.clone(), closest, weights, out, all.len(), trials);
                }
            });
        });
        let left = |start: usize, trial: usize| {
            let of = |i: usize| self.parts[i][start].trials[trial];
            parallel::reduce(self.parts.len(), 0, of, |a, b| a + b).unwrap_or(0.0)
        };
        let least = |(start, trials): (usize, &Vec<usize>)| {
            let left: Vec<f64> = (0..trials.len()).map(|trial| left(start, trial)).collect();
            (0..left.len()).rev().min_by(|&a, &b| left[a].total_cmp(&left[b])).unwrap_or(0)
        };
        let best: Vec<usize> = trials.iter().enumerate().map(least).collect();
        parallel::for_each_chunk(&mut self.parts, 1, n * best.len(), |_, parts| {
            for (part, &best) in parts[0].iter_mut().zip(&best) {
                let Part { closest, lowered, potential, trials, .. } = part;
                let len = closest.len();
                closest.copy_from_slice(&lowered[best * len..(best + 1) * len]);
                *potential = trials[best];
            }
        });
        best
    }
}

/// Bytes of a piece, unless that is less than a panel: it fits into a second cache of 512 KiB.
const PIECE_BYTES: usize = 3 << 16;

/// Calls `f` with some of the rows `rows` after others, and the panels where they are, in order.
/// The rows begin with a panel.
fn for_each_piece<T: Real>(
    points: &Panels<T>,
    rows: Range<usize>,
    mut f: impl FnMut(Range<usize>, (&Panels<T>, Range<usize>)),
) {
    let size = PIECE_BYTES / (points.n_features() * size_of::<T>());
    let lanes = Panels::<T>::lanes();
    let size = (size / lanes * lanes).clamp(lanes, assign::BLOCK);
    for start in rows.clone().step_by(size) {
        let rows = start..rows.end.min(start + size);
        let panels = rows.start / lanes..rows.end.div_ceil(lanes);
        f(rows, (points, panels));
    }
}

/// k-means||: in each round every sample is drawn with probability in proportion to its share of
/// the potential, some `expected` at once. In order of the rounds, then of the samples.
fn scattered<T: Real>(
    table: &Table<'_, T>,
    expected: f64,
    rounds: usize,
    stream: &Stream,
) -> Result<Vec<usize>> {
    let stream = stream.child("parallel");
    let mut rows = vec![sample_by_weight(table, &mut stream.rng(0))?];
    let mut seeding = Seeding::new(table, 1);
    let mut draws = vec![0.0f64; table.x.n_rows()];
    seeding.choose_best(&[vec![rows[0]]]);
    for round in 0..rounds {
        let potential = seeding.potential(0);
        if potential <= 0.0 {
            break;
        }
        fill_uniform(&stream.child("round").child_at(round as u64), 0, 0.0, 1.0, &mut draws);
        let mut drawn = Vec::new();
        for parts in &seeding.parts {
            let part = &parts[0];
            for (i, closest) in part.rows.clone().zip(&part.closest) {
                let share = closest.to_f64() * table.weight(i) / potential;
                if draws[i] < expected * share {
                    drawn.push(i);
                }
            }
        }
        seeding.add(&drawn);
        rows.extend(drawn);
    }
    Ok(rows)
}

/// `floor(ln(k))` of a count, by comparing with powers of e.
fn ln_floor(k: usize) -> usize {
    let mut power = std::f64::consts::E;
    let mut n = 0;
    while power <= k as f64 {
        power *= std::f64::consts::E;
        n += 1;
    }
    n
}
