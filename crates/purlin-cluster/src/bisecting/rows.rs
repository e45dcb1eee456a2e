//! Some rows of a table, side by side.

use purlin_backend::{Buffer, parallel};
use purlin_core::{MatrixView, Real, Result};

/// Rows that one task copies.
const BLOCK: usize = 256;

/// The rows of `x` that `rows` names, in that order.
pub(super) struct Rows<T: Real> {
    values: Buffer<T>,
    shape: (usize, usize),
}

impl<T: Real> Rows<T> {
    pub(super) fn gather(x: MatrixView<'_, T>, rows: &[u32]) -> Self {
        let (n_rows, n_cols) = (rows.len(), x.n_cols());
        let mut values = Buffer::scratch(n_rows * n_cols);
        let work = size_of_val(&values[..]);
        parallel::for_each_chunk(&mut values, BLOCK * n_cols, work, |block, out| {
            let rows = &rows[block * BLOCK..];
            for (out, &row) in out.chunks_exact_mut(n_cols).zip(rows) {
                out.copy_from_slice(x.row(row as usize));
            }
        });
        Self { values, shape: (n_rows, n_cols) }
    }

    pub(super) fn view(&self) -> Result<MatrixView<'_, T>> {
        MatrixView::from_slice(&self.values, self.shape.0, self.shape.1)
    }
}

/// Moves those of `rows` whose label is 0 before the others, in the order that they have. Returns
/// how many there are.
pub(super) fn part(rows: &mut [u32], labels: &[u32]) -> usize {
    let mut right = Vec::new();
    let mut n_left = 0;
    for i in 0..rows.len() {
        if labels[i] == 0 {
            rows[n_left] = rows[i];
            n_left += 1;
        } else {
            right.push(rows[i]);
        }
    }
    rows[n_left..].copy_from_slice(&right);
    n_left
}
