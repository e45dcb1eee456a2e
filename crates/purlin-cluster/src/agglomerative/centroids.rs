//! The centroids of clusters while they merge.

use purlin_backend::distance::{Panels, naive};
use purlin_core::{Matrix, MatrixView, Real};

/// One centroid in each slot, by rows for one of them and in panels for the scans; less an origin,
/// which is nothing to distances but may be much to rounding.
#[derive(Debug)]
pub(super) struct Centroids<T: Real> {
    rows: Matrix<T>,
    panels: Panels<T>,
}

impl<T: Real> Centroids<T> {
    /// Each sample is a cluster.
    pub(super) fn new(x: MatrixView<'_, T>, origin: &[T]) -> Self {
        let (n, d) = x.shape();
        let rows = Matrix::from_fn(n, d, |i, j| x.row(i)[j] - origin[j]);
        let panels = Panels::pack(rows.view(), None);
        Self { rows, panels }
    }

    pub(super) fn row(&self, slot: usize) -> &[T] {
        self.rows.row(slot)
    }

    pub(super) fn panels(&self) -> &Panels<T> {
        &self.panels
    }

    pub(super) fn squared_distance(&self, a: usize, b: usize) -> T {
        naive::squared_euclidean(self.row(a), self.row(b))
    }

    /// Puts the mean of the centroids in the slots `a` and `b` in slot `a`, column by column.
    pub(super) fn join(&mut self, a: usize, b: usize, mean: impl Fn(f64, f64) -> f64) {
        for j in 0..self.rows.n_cols() {
            let (x, y) = (self.rows[(a, j)].to_f64(), self.rows[(b, j)].to_f64());
            self.rows[(a, j)] = T::from_f64(mean(x, y));
        }
        self.panels.set_row(a, self.rows.row(a));
    }

    /// Keeps the slots `kept`, in that order.
    pub(super) fn select(&mut self, kept: &[usize]) {
        self.panels = Panels::none();
        self.rows = self.rows.view().select_rows(kept);
        self.panels = Panels::pack(self.rows.view(), None);
    }
}
