//! The distances between all samples, a tile at a time.

use super::groups::{Groups, unit_scale};
use crate::metric::Rows;
use crate::{Metric, reach};
use purlin_backend::distance::{Form, Panels, squared_euclidean, values_of};
use purlin_backend::{Kernel, dispatch, parallel};
use purlin_core::simd::Isa;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// Rows of one task.
const ROWS: usize = 32;

/// Rows of a tile, and its panels: 16 KiB, half of the first cache.
const HEIGHT: usize = 8;
const PANELS: usize = 32;

/// Distances from any sample to the samples in the order of their clusters.
pub(super) struct Sweep<'a, T: Real> {
    op: &'static str,
    x: MatrixView<'a, T>,
    metric: &'a Metric,
    pub(super) groups: &'a Groups,
    between: Between<'a, T>,
}

/// How samples are measured.
enum Between<'a, T: Real> {
    /// In the order of their clusters.
    Panels(Form, Panels<T>),
    /// By number.
    Rows(Rows<'a, T>),
}

impl<'a, T: Real> Sweep<'a, T> {
    pub(super) fn new(
        op: &'static str,
        x: MatrixView<'a, T>,
        metric: &'a Metric,
        groups: &'a Groups,
    ) -> Self {
        let between = match reach::form(metric) {
            Some(form) => {
                let panels = Panels::pack(x.select_rows(&groups.order).view(), None);
                Between::Panels(form, panels)
            }
            None => Between::Rows(Rows::of(x, metric)),
        };
        Self { op, x, metric, groups, between }
    }

    /// Calls `f` for blocks of rows, over several threads; results in the order of the rows.
    pub(super) fn blocks<R: Send>(
        &self,
        f: impl Fn(Range<usize>) -> Result<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        let (n, d) = self.x.shape();
        let work = n.saturating_mul(n).saturating_mul(d);
        let mut blocks: Vec<Option<Result<R>>> = (0..n.div_ceil(ROWS)).map(|_| None).collect();
        parallel::for_each_chunk(&mut blocks, 1, work, |i, block| {
            block[0] = Some(f(i * ROWS..n.min((i + 1) * ROWS)));
        });
        blocks.into_iter().flatten().collect()
    }

    /// Calls `f(some, places, tile)` with the distances of some of `rows` from the samples at
    /// `places` of `groups.order`, until all samples had their turn.
    pub(super) fn tiles(
        &self,
        rows: &Range<usize>,
        mut f: impl FnMut(Range<usize>, Range<usize>, &[T]),
    ) -> Result<()> {
        let n = self.x.n_rows();
        let width = PANELS * Panels::<T>::lanes();
        let mut tile = vec![T::ZERO; HEIGHT * width.min(n)];
        for start in (0..n).step_by(width) {
            let places = start..n.min(start + width);
            for first in rows.clone().step_by(HEIGHT) {
                let rows = first..rows.end.min(first + HEIGHT);
                let tile = &mut tile[..rows.len() * places.len()];
                match &self.between {
                    Between::Panels(Form::SquaredEuclidean, panels) => {
                        self.euclidean(&rows, panels, &places, tile);
                    }
                    Between::Panels(form, panels) => {
                        for (i, out) in rows.clone().zip(tile.chunks_exact_mut(places.len())) {
                            values_of(*form, self.x.row(i), (panels, places.clone()), out);
                        }
                        self.check(&rows, &places, tile)?;
                    }
                    Between::Rows(samples) => {
                        self.by_metric(samples, &rows, &places, tile);
                        self.check(&rows, &places, tile)?;
                    }
                }
                f(rows, places.clone(), tile);
            }
        }
        Ok(())
    }

    fn euclidean(
        &self,
        rows: &Range<usize>,
        panels: &Panels<T>,
        places: &Range<usize>,
        tile: &mut [T],
    ) {
        let lanes = Panels::<T>::lanes();
        let range = places.start / lanes..places.end.div_ceil(lanes);
        squared_euclidean(self.x.row_range(rows.clone()), panels, range, tile);
        if *self.metric == Metric::Euclidean {
            dispatch(Roots(tile));
        }
    }

    fn by_metric(
        &self,
        samples: &Rows<'_, T>,
        rows: &Range<usize>,
        places: &Range<usize>,
        tile: &mut [T],
    ) {
        let others = &self.groups.order[places.clone()];
        for (i, row) in rows.clone().zip(tile.chunks_exact_mut(others.len())) {
            for (&j, distance) in others.iter().zip(row) {
                // A sample is where it is, whatever rounding makes of its angle.
                *distance = if i == j { T::ZERO } else { samples.pair(i, j) };
            }
        }
    }

    /// Refuses the first distance of a tile that is not finite.
    fn check(&self, rows: &Range<usize>, places: &Range<usize>, tile: &[T]) -> Result<()> {
        let Some(at) = tile.iter().position(|distance| !distance.is_finite()) else {
            return Ok(());
        };
        let (i, place) = (rows.start + at / places.len(), places.start + at % places.len());
        let value = format!("{} between rows {i} and {}", tile[at], self.groups.order[place]);
        Err(Error::param(self.op, "distances", "finite", value))
    }
}

struct Roots<'a, T>(&'a mut [T]);

impl<T: Real> Kernel for Roots<'_, T> {
    type Output = ();
    #[inline(always)] // compiled for each instruction set
    fn run<I: Isa>(self) {
        for x in self.0 {
            *x = x.sqrt();
        }
    }
}

/// A copy of `x` times a power of two, where squares of its numbers could leave the range of the
/// type. Scores that do not depend on the unit keep their bits otherwise.
pub(super) fn rescaled<T: Real>(x: MatrixView<'_, T>, metric: &Metric) -> Option<Matrix<T>> {
    if !matches!(metric, Metric::Euclidean | Metric::SquaredEuclidean) {
        return None;
    }
    let scale = unit_scale(x);
    // 2^40 and 2^300, by their exponents.
    let limit = if size_of::<T>() == 4 { 1023 + 40 } else { 1023 + 300 };
    let limit = f64::from_bits(limit << 52);
    let is_ordinary = (1.0 / limit..=limit).contains(&scale);
    (!is_ordinary).then(|| x.to_matrix().map(|x| T::from_f64(x.to_f64() * scale)))
}
