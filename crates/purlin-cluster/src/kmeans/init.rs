//! The first centroids.

use super::table::{Block, Table, weighted_sum};
use super::{Init, OP};
use purlin_backend::distance::{Panels, squared_euclidean};
use purlin_backend::parallel;
use purlin_backend::random::fill_uniform;
use purlin_core::rng::{Rng, Stream};
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// Chooses `k` centroids. The caller has checked that there are as many samples.
pub(super) fn start<T: Real>(
    init: &Init,
    table: &Table<'_, T>,
    k: usize,
    stream: &Stream,
) -> Result<Matrix<T>> {
    let rows = match init {
        Init::PlusPlus { n_local_trials } => plus_plus(table, k, *n_local_trials, stream)?,
        Init::Parallel { rounds, oversampling } => {
            let rows = scattered(table, *oversampling * k as f64, *rounds, stream)?;
            if rows.len() <= k {
                return fill_up(table, rows, k, stream);
            }
            let candidates = table.x.select_rows(&rows);
            let mut labels = table.blocks(rows.len());
            table.assign(&candidates, &mut labels);
            let totals = &labels[0].sums[rows.len() * table.x.n_cols()..];
            let weights: Vec<T> = totals.iter().map(|&total| T::from_f64(total)).collect();
            let small = Table::new(candidates.view(), Some(&weights))?;
            let chosen = plus_plus(&small, k, None, &stream.child("candidates"))?;
            chosen.into_iter().map(|i| rows[i]).collect()
        }
        Init::Random => random(table, k, stream)?,
        Init::Centroids(_) => Vec::new(),
    };
    Ok(table.x.select_rows(&rows))
}

/// Too few candidates: k-means++ goes on from them.
fn fill_up<T: Real>(
    table: &Table<'_, T>,
    rows: Vec<usize>,
    k: usize,
    stream: &Stream,
) -> Result<Matrix<T>> {
    let rows = Seeding::new(table, k).grow(rows, k, None, &stream.child("fill up"))?;
    Ok(table.x.select_rows(&rows))
}

/// `k` different samples of weight above 0, each with the same probability; of samples that are
/// equal in all numbers one counts.
fn random<T: Real>(table: &Table<'_, T>, k: usize, stream: &Stream) -> Result<Vec<usize>> {
    let mut rows: Vec<usize> = Vec::with_capacity(k);
    for i in stream.child("random").rng(0).permutation(table.x.n_rows()) {
        let is_new = rows.iter().all(|&row| table.x.row(row) != table.x.row(i));
        if table.weight(i) > 0.0 && is_new {
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

fn plus_plus<T: Real>(
    table: &Table<'_, T>,
    k: usize,
    n_local_trials: Option<usize>,
    stream: &Stream,
) -> Result<Vec<usize>> {
    let stream = stream.child("plus plus");
    let first = sample_by_weight(table, &mut stream.rng(0))?;
    Seeding::new(table, k).grow(vec![first], k, n_local_trials, &stream)
}

fn sample_by_weight<T: Real>(table: &Table<'_, T>, rng: &mut Rng) -> Result<usize> {
    match table.weights {
        None => Ok(rng.below(table.x.n_rows())),
        Some(weights) => rng.choice(&weights.iter().map(|w| w.to_f64()).collect::<Vec<_>>()),
    }
}

/// The squared distance of each sample from the nearest of the rows chosen so far.
struct Seeding<'a, 'b, T: Real> {
    table: &'a Table<'b, T>,
    parts: Vec<Part<T>>,
}

/// A block of samples.
struct Part<T> {
    rows: std::ops::Range<usize>,
    closest: Vec<T>,
    /// The weighted sum of `closest`.
    potential: f64,
    /// The weighted sum of the distances after each trial.
    trials: Vec<f64>,
}

impl<'a, 'b, T: Real> Seeding<'a, 'b, T> {
    fn new(table: &'a Table<'b, T>, k: usize) -> Self {
        let part = |Block { rows, .. }: Block| Part {
            closest: vec![T::INFINITY; rows.len()],
            rows,
            potential: f64::INFINITY,
            trials: Vec::new(),
        };
        Self { table, parts: table.blocks(k).into_iter().map(part).collect() }
    }

    /// Adds rows until there are `k`.
    fn grow(
        mut self,
        mut rows: Vec<usize>,
        k: usize,
        n_local_trials: Option<usize>,
        stream: &Stream,
    ) -> Result<Vec<usize>> {
        let n_trials = n_local_trials.unwrap_or(2 + ln_floor(k));
        rows.truncate(k);
        for &row in &rows {
            self.choose(row);
        }
        while rows.len() < k {
            let potential: f64 = self.potential();
            if potential <= 0.0 {
                return Err(too_few(k, rows.len()));
            }
            let mut rng = stream.rng(rows.len() as u64);
            let trials: Vec<usize> =
                (0..n_trials).map(|_| self.sample(rng.uniform() * potential)).collect();
            let row = if n_trials == 1 { trials[0] } else { self.best(&trials) };
            self.choose(row);
            rows.push(row);
        }
        Ok(rows)
    }

    fn potential(&self) -> f64 {
        parallel::reduce(self.parts.len(), 0, |i| self.parts[i].potential, |a, b| a + b)
            .unwrap_or(0.0)
    }

    /// The sample at which the running sum of weighted distances passes `target`.
    fn sample(&self, mut target: f64) -> usize {
        let mut last = 0;
        for part in &self.parts {
            if part.potential > 0.0 {
                if target < part.potential {
                    return self.sample_in(part, target);
                }
                last = self.sample_in(part, f64::INFINITY);
            }
            target -= part.potential;
        }
        last
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

    /// The trial that leaves the least potential, the first of equals.
    fn best(&mut self, trials: &[usize]) -> usize {
        let rows = self.centred(trials);
        let table = self.table;
        self.for_each_part(trials.len(), |part| {
            let n = part.rows.len();
            let mut distances = vec![T::ZERO; trials.len() * n];
            part.measure(table, rows.view(), &mut distances);
            let weights = table.weights.map(|weights| &weights[part.rows.clone()]);
            part.trials.clear();
            for distances in distances.chunks_mut(n) {
                for (distance, &closest) in distances.iter_mut().zip(&part.closest) {
                    *distance = distance.min(closest);
                }
                part.trials.push(weighted_sum(distances, weights));
            }
        });
        let left = |trial: usize| {
            parallel::reduce(self.parts.len(), 0, |i| self.parts[i].trials[trial], |a, b| a + b)
                .unwrap_or(0.0)
        };
        let left: Vec<f64> = (0..trials.len()).map(left).collect();
        let best = (0..trials.len()).rev().min_by(|&a, &b| left[a].total_cmp(&left[b]));
        trials[best.unwrap_or(0)]
    }

    /// Counts `row` among the chosen.
    fn choose(&mut self, row: usize) {
        let row = self.centred(&[row]);
        let table = self.table;
        self.for_each_part(1, |part| {
            let mut distances = vec![T::ZERO; part.rows.len()];
            part.measure(table, row.view(), &mut distances);
            for (closest, distance) in part.closest.iter_mut().zip(distances) {
                *closest = distance.min(*closest);
            }
            let weights = table.weights.map(|weights| &weights[part.rows.clone()]);
            part.potential = weighted_sum(&part.closest, weights);
        });
    }

    fn for_each_part(&mut self, n_rows: usize, f: impl Fn(&mut Part<T>) + Sync + Send) {
        let (n, d) = self.table.x.shape();
        parallel::for_each_chunk(&mut self.parts, 1, n * d * n_rows, |_, part| f(&mut part[0]));
    }

    /// Rows as they lie in the panels.
    fn centred(&self, rows: &[usize]) -> Matrix<T> {
        let (x, center) = (self.table.x, &self.table.center);
        Matrix::from_fn(rows.len(), x.n_cols(), |i, j| x.row(rows[i])[j] - center[j])
    }
}

impl<T: Real> Part<T> {
    /// Squared distances of `rows` from the samples.
    fn measure(&self, table: &Table<'_, T>, rows: MatrixView<'_, T>, out: &mut [T]) {
        let lanes = Panels::<T>::lanes();
        let panels = self.rows.start / lanes..self.rows.end.div_ceil(lanes);
        squared_euclidean(rows, &table.panels, panels, out);
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
    seeding.choose(rows[0]);
    for round in 0..rounds {
        let potential = seeding.potential();
        if potential <= 0.0 {
            break;
        }
        fill_uniform(&stream.child("round").child_at(round as u64), 0, 0.0, 1.0, &mut draws);
        let mut drawn = Vec::new();
        for part in &seeding.parts {
            for (i, closest) in part.rows.clone().zip(&part.closest) {
                let share = closest.to_f64() * table.weight(i) / potential;
                if draws[i] < expected * share {
                    drawn.push(i);
                }
            }
        }
        for &row in &drawn {
            seeding.choose(row);
        }
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
