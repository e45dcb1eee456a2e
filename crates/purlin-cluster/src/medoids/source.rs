//! Where distances come from.

use super::OP;
use crate::condensed::index;
use crate::{CondensedMatrix, MemoryBudget, Metric, check, reach};
use purlin_backend::distance::{Form, Panels, squared_euclidean, values_of};
use purlin_backend::parallel;
use purlin_core::{Error, MatrixView, Real, Result};
use std::borrow::Cow;

/// Columns up to which distances are computed anew rather than kept.
const FEW_COLUMNS: usize = 32;

/// Rows of the square table that one task fills.
const BLOCK: usize = 64;

/// The distances between samples. Each kind gives the same numbers.
pub(super) enum Source<'a, T: Real> {
    /// From rows, by a kernel.
    Rows { x: MatrixView<'a, T>, metric: &'a Metric, form: Form },
    /// All, both ways.
    Square { n: usize, data: Vec<T> },
    /// Of all pairs.
    Pairs(Cow<'a, CondensedMatrix<T>>),
}

/// Samples in some order, ready to be measured.
pub(super) struct Order<T: Real> {
    pub(super) samples: Vec<u32>,
    panels: Option<Panels<T>>,
}

impl<T: Real> Order<T> {
    /// Puts another sample at place `at`.
    pub(super) fn replace(&mut self, at: usize, sample: u32, source: &Source<'_, T>) {
        self.samples[at] = sample;
        if let (Some(panels), Source::Rows { x, .. }) = (&mut self.panels, source) {
            panels.set_row(at, x.row(sample as usize));
        }
    }
}

impl<'a, T: Real> Source<'a, T> {
    /// The distances of the rows of a table.
    pub(super) fn of_rows(
        x: MatrixView<'a, T>,
        metric: &'a Metric,
        memory: MemoryBudget,
    ) -> Result<Self> {
        check::table(OP, x, 1)?;
        metric.check_table(OP, x)?;
        let (n, d) = x.shape();
        if let Some(form) = reach::form(metric) {
            check_sums(x, form)?;
            let rows = Source::Rows { x, metric, form };
            let bytes = square_bytes::<T>(n);
            let is_kept = d > FEW_COLUMNS && fits(bytes, memory);
            return Ok(if is_kept { rows.squared() } else { rows });
        }
        let pairs = metric.pairs(OP, x, memory)?;
        check_finite(&pairs)?;
        Ok(Self::of_pairs(Cow::Owned(pairs), memory))
    }

    /// Distances that are known, which are finite.
    pub(super) fn of_distances(
        distances: &'a CondensedMatrix<T>,
        memory: MemoryBudget,
    ) -> Result<Self> {
        let n = distances.n();
        if n >= u32::MAX as usize {
            return Err(Error::shape(OP, format!("fewer than {} samples", u32::MAX), n));
        }
        check_finite(distances)?;
        Ok(Self::of_pairs(Cow::Borrowed(distances), memory))
    }

    /// Both ways where memory allows: a row of it lies in one piece.
    fn of_pairs(pairs: Cow<'a, CondensedMatrix<T>>, memory: MemoryBudget) -> Self {
        let n = pairs.n();
        let owned = match &pairs {
            Cow::Owned(_) => CondensedMatrix::<T>::bytes_needed(n),
            Cow::Borrowed(_) => Some(0),
        };
        let bytes = square_bytes::<T>(n).zip(owned).and_then(|(a, b)| a.checked_add(b));
        let source = Source::Pairs(pairs);
        if fits(bytes, memory) { source.squared() } else { source }
    }

    /// All distances, both ways.
    fn squared(self) -> Self {
        let n = self.n();
        let mut data = vec![T::ZERO; n * n];
        match &self {
            Source::Rows { x, .. } => {
                let order = self.order((0..n as u32).collect());
                parallel::for_each_chunk(&mut data, 4 * n, n * n * x.n_cols(), |i, out| {
                    let rows: Vec<u32> = (4 * i..4 * i + out.len() / n).map(|i| i as u32).collect();
                    self.fill(&rows, &order, out);
                    self.take_roots(out);
                });
            }
            Source::Pairs(pairs) => {
                let pairs = pairs.as_slice();
                parallel::for_each_chunk(&mut data, BLOCK * n, n * n, |block, out| {
                    let first = block * BLOCK;
                    let rows = out.len() / n;
                    // Left of the diagonal, column by column: a piece of the pairs each.
                    for j in 0..first + rows {
                        let from = first.max(j + 1);
                        if from < first + rows {
                            let at = index(n, j, from);
                            let column = &pairs[at..at + first + rows - from];
                            for (i, &value) in (from - first..).zip(column) {
                                out[i * n + j] = value;
                            }
                        }
                    }
                    for (i, row) in (first..).zip(out.chunks_exact_mut(n)) {
                        if i + 1 < n {
                            let at = index(n, i, i + 1);
                            row[i + 1..].copy_from_slice(&pairs[at..at + n - 1 - i]);
                        }
                    }
                });
            }
            Source::Square { .. } => return self,
        }
        Source::Square { n, data }
    }

    /// The number of samples.
    pub(super) fn n(&self) -> usize {
        match self {
            Source::Rows { x, .. } => x.n_rows(),
            Source::Square { n, .. } => *n,
            Source::Pairs(pairs) => pairs.n(),
        }
    }

    /// The distance of two samples.
    pub(super) fn pair(&self, a: usize, b: usize) -> T {
        match self {
            Source::Rows { x, metric, .. } => metric.distance(x.row(a), x.row(b)),
            Source::Square { n, data } => data[a * n + b],
            Source::Pairs(pairs) => pairs.get(a, b),
        }
    }

    /// What one distance costs, in rough operations.
    pub(super) fn work(&self) -> usize {
        match self {
            Source::Rows { x, .. } => x.n_cols() + 4,
            _ => 8,
        }
    }

    pub(super) fn order(&self, samples: Vec<u32>) -> Order<T> {
        let panels = match self {
            Source::Rows { x, .. } => Some(Panels::gather(*x, &samples)),
            _ => None,
        };
        Order { samples, panels }
    }

    /// Whether what [`Source::fill`] gives are the squares of the distances.
    pub(super) fn has_root(&self) -> bool {
        matches!(self, Source::Rows { metric: Metric::Euclidean, .. })
    }

    /// Makes distances of what [`Source::fill`] gives.
    pub(super) fn take_roots(&self, values: &mut [T]) {
        if self.has_root() {
            for value in values {
                *value = value.sqrt();
            }
        }
    }

    /// The distances of the samples `of` from those of the order, sample by sample; see
    /// [`Source::has_root`].
    pub(super) fn fill(&self, of: &[u32], order: &Order<T>, out: &mut [T]) {
        let len = order.samples.len();
        match (self, &order.panels) {
            (Source::Rows { x, form: Form::SquaredEuclidean, .. }, Some(panels))
                if of.len() > 1 =>
            {
                let rows: Vec<usize> = of.iter().map(|&i| i as usize).collect();
                let rows = x.select_rows(&rows);
                squared_euclidean(rows.view(), panels, 0..panels.n_panels(), out);
            }
            (Source::Rows { x, form, .. }, Some(panels)) => {
                for (&i, out) in of.iter().zip(out.chunks_exact_mut(len)) {
                    values_of(*form, x.row(i as usize), (panels, 0..len), out);
                }
            }
            (Source::Square { n, data }, _) => {
                for (&i, out) in of.iter().zip(out.chunks_exact_mut(len)) {
                    let row = &data[i as usize * n..][..*n];
                    for (out, &j) in out.iter_mut().zip(&order.samples) {
                        *out = row[j as usize];
                    }
                }
            }
            _ => {
                for (&i, out) in of.iter().zip(out.chunks_exact_mut(len)) {
                    for (out, &j) in out.iter_mut().zip(&order.samples) {
                        *out = self.pair(i as usize, j as usize);
                    }
                }
            }
        }
    }
}

fn fits(bytes: Option<u64>, memory: MemoryBudget) -> bool {
    bytes.is_some_and(|bytes| bytes <= memory.bytes())
}

fn square_bytes<T>(n: usize) -> Option<u64> {
    let n = n as u64;
    n.checked_mul(n)?.checked_mul(size_of::<T>() as u64)
}

/// Refuses distances that are infinite, or so large that their sums are.
fn check_finite<T: Real>(distances: &CondensedMatrix<T>) -> Result<()> {
    let limit = f64::MAX / distances.n().max(1) as f64;
    let is_bad = |value: &T| !value.is_finite() || value.to_f64() > limit;
    match distances.as_slice().iter().position(is_bad) {
        None => Ok(()),
        Some(at) => {
            let (i, j) = distances.pair(at);
            let value = distances.as_slice()[at];
            let rule = if value.is_finite() { "so small that sums are finite" } else { "finite" };
            let value = if value.is_finite() { format!("{value:e}") } else { value.to_string() };
            Err(Error::param(OP, "distances", rule, format!("{value} at ({i}, {j})")))
        }
    }
}

/// Refuses numbers so large that a distance, or the sum of those of all samples, could overflow.
fn check_sums<T: Real>(x: MatrixView<'_, T>, form: Form) -> Result<()> {
    // Two rows differ by at most twice the greatest number in each column.
    let share = T::MAX.to_f64() / (8.0 * x.n_cols() as f64 * x.n_rows() as f64);
    let limit = T::from_f64(if form == Form::SquaredEuclidean { share.sqrt() } else { share });
    let greatest = |row: &[T]| row.iter().fold(T::ZERO, |most, x| x.abs().max(most));
    match x.rows().position(|row| greatest(row) > limit) {
        None => Ok(()),
        Some(row) => {
            let rule = format!("small enough that sums of distances are finite in {}", T::NAME);
            let value = format!("{:e} at row {row}", greatest(x.row(row)));
            Err(Error::param(OP, "x", rule, value))
        }
    }
}
