//! The distances of all pairs of rows.

use super::{Metric, Rows};
use crate::condensed::{self, CondensedMatrix};
use crate::{MemoryBudget, check};
use purlin_backend::distance::{Form, Panels, squared_euclidean, values_of};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real, Result};

/// The operation's name in errors.
const OP: &str = "pairwise";

/// Rows that one task fills.
const BLOCK: usize = 32;
/// Panels that a tile spans: four rows of its distances stay in the first cache.
const TILE: usize = 64;

impl Metric {
    /// The distances of all pairs of rows of `x`, within the default [`MemoryBudget`].
    ///
    /// Each is what [`Metric::distance`] gives, to the bit, on any number of threads. Costs
    /// `O(n_samples^2 * n_features)` and [`CondensedMatrix::bytes_needed`] bytes.
    ///
    /// # Errors
    ///
    /// As [`Metric::pairwise_within`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric};
    ///
    /// let x = [[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]];
    /// let distances = Metric::Manhattan.pairwise(MatrixView::from_rows(&x))?;
    /// assert_eq!(distances.as_slice(), [7.0, 1.0, 6.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn pairwise<T: Real>(&self, x: MatrixView<'_, T>) -> Result<CondensedMatrix<T>> {
        self.pairwise_within(x, MemoryBudget::default())
    }

    /// [`Metric::pairwise`] within another budget.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when `x` has no columns,
    /// [`Error::NonFinite`](crate::Error::NonFinite) when it holds NaN or an infinity,
    /// [`Error::InvalidParam`](crate::Error::InvalidParam) when the parameters of the metric are
    /// out of range, do not fit the columns or the rows are not such as it takes (see
    /// [`Metric::check_table`]), or a function of the caller's gives a negative number or NaN,
    /// [`Error::OutOfBudget`](crate::Error::OutOfBudget) before anything is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Matrix, MemoryBudget, Metric};
    ///
    /// let x: Matrix<f32> = Matrix::zeros(1000, 3); // 499,500 distances of 4 bytes
    /// let within = |bytes| Metric::Euclidean.pairwise_within(x.view(), MemoryBudget::new(bytes));
    /// assert!(within(1_998_000).is_ok());
    /// assert!(within(1_997_999).is_err());
    /// ```
    pub fn pairwise_within<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        budget: MemoryBudget,
    ) -> Result<CondensedMatrix<T>> {
        self.check(OP)?;
        check::table(OP, x, 0)?;
        self.check_table(OP, x)?;
        self.pairs(OP, x, budget)
    }

    /// [`Metric::pairwise_within`] of a table that is checked already, in the name of `op`.
    pub(crate) fn pairs<T: Real>(
        &self,
        op: &'static str,
        x: MatrixView<'_, T>,
        budget: MemoryBudget,
    ) -> Result<CondensedMatrix<T>> {
        let (n, d) = x.shape();
        budget.check(op, "the distance matrix", CondensedMatrix::<T>::bytes_needed(n))?;
        let mut data = vec![T::ZERO; n * n.saturating_sub(1) / 2];
        let mut blocks = row_blocks(n, &mut data);
        let work = n * n / 2 * d;
        match self {
            Self::Euclidean | Self::SquaredEuclidean => {
                let panels = Panels::pack(x, None);
                let has_root = *self == Self::Euclidean;
                parallel::for_each_chunk(&mut blocks, 1, work, |i, out| {
                    squares(x, &panels, i * BLOCK, has_root, out[0]);
                });
            }
            Self::Manhattan | Self::Chebyshev => {
                let panels = Panels::pack(x, None);
                let form = if *self == Self::Manhattan { Form::Manhattan } else { Form::Chebyshev };
                parallel::for_each_chunk(&mut blocks, 1, work, |i, out| {
                    let mut rest = &mut *out[0];
                    for a in i * BLOCK..n.min((i + 1) * BLOCK) {
                        let (row, after) = rest.split_at_mut(n - 1 - a);
                        values_of(form, x.row(a), (&panels, a + 1..n), row);
                        rest = after;
                    }
                });
            }
            _ => {
                let rows = Rows::of(x, self);
                parallel::for_each_chunk(&mut blocks, 1, work.saturating_mul(4), |i, out| {
                    each(n, i * BLOCK, out[0], |a, b| rows.pair(a, b));
                });
            }
        }
        if matches!(self, Self::Custom(_)) {
            return CondensedMatrix::from_vec(n, data);
        }
        Ok(CondensedMatrix::of_parts(n, data))
    }
}

/// The distances of `BLOCK` rows each.
fn row_blocks<T: Real>(n: usize, data: &mut [T]) -> Vec<&mut [T]> {
    let mut blocks = Vec::with_capacity(n.div_ceil(BLOCK));
    let mut rest = data;
    for first in (0..n).step_by(BLOCK) {
        let last = n.min(first + BLOCK);
        let len = (first..last).map(|i| n - 1 - i).sum();
        let (head, tail) = rest.split_at_mut(len);
        blocks.push(head);
        rest = tail;
    }
    blocks
}

/// Fills the rows from `first` on by a function of two rows.
fn each<T: Real>(n: usize, first: usize, out: &mut [T], f: impl Fn(usize, usize) -> T) {
    let mut out = out.iter_mut();
    for a in first..n.min(first + BLOCK) {
        for (b, out) in (a + 1..n).zip(&mut out) {
            *out = f(a, b);
        }
    }
}

/// Fills the rows from `first` on with Euclidean distances or their squares: tiles of four rows,
/// of which what lies right of the diagonal is kept.
fn squares<T: Real>(
    x: MatrixView<'_, T>,
    panels: &Panels<T>,
    first: usize,
    has_root: bool,
    out: &mut [T],
) {
    let (n, lanes) = (x.n_rows(), Panels::<T>::lanes());
    let mut tile = vec![T::ZERO; 4 * TILE * lanes];
    let base = condensed::index(n, first, first + 1);
    let last = n.min(first + BLOCK);
    for row in (first..last).step_by(4) {
        let rows = row..last.min(row + 4);
        for start in ((row + 1) / lanes..panels.n_panels()).step_by(TILE) {
            let span = start..panels.n_panels().min(start + TILE);
            let columns = panels.rows_of(&span);
            let tile = &mut tile[..rows.len() * columns.len()];
            squared_euclidean(x.row_range(rows.clone()), panels, span, tile);
            if has_root {
                for value in &mut *tile {
                    *value = value.sqrt();
                }
            }
            for (i, tile) in rows.clone().zip(tile.chunks_exact(columns.len())) {
                let from = columns.start.max(i + 1);
                if from < columns.end {
                    let at = condensed::index(n, i, from) - base;
                    let tile = &tile[from - columns.start..];
                    out[at..at + tile.len()].copy_from_slice(tile);
                }
            }
        }
    }
}
