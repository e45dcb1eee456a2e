//! The distances of the rows of two tables.

use super::{Metric, Rows};
use crate::{MemoryBudget, check, reach};
use purlin_backend::distance::{Panels, values_of};
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// The operation's name in errors.
const OP: &str = "cross";

/// Distances that one task fills, at least.
const BLOCK: usize = 4096;

impl Metric {
    /// The distance of each row of `x` from each row of `y`, within the default [`MemoryBudget`].
    ///
    /// | value | shape |
    /// |---|---|
    /// | `x` | `(n, n_features)` |
    /// | `y` | `(m, n_features)` |
    /// | result | `(n, m)` |
    ///
    /// Each is what [`Metric::distance`] gives, to the bit, on any number of threads.
    ///
    /// # Errors
    ///
    /// As [`Metric::pairwise_within`], and [`Error::Shape`] when the numbers of columns differ.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric};
    ///
    /// let (x, y) = ([[0.0, 0.0], [3.0, 4.0]], [[3.0, 0.0]]);
    /// let (x, y) = (MatrixView::from_rows(&x), MatrixView::from_rows(&y));
    /// assert_eq!(Metric::Manhattan.cross(x, y)?.as_slice(), [3.0, 4.0]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn cross<T: Real>(&self, x: MatrixView<'_, T>, y: MatrixView<'_, T>) -> Result<Matrix<T>> {
        y.check_finite(OP, "y")?;
        for table in [x, y] {
            check::table(OP, table, 0)?;
            self.check_table(OP, table)?;
        }
        let ((n, d), m) = (x.shape(), y.n_rows());
        if y.n_cols() != d {
            return Err(Error::shape(OP, format!("y with {d} columns"), y.n_cols()));
        }
        let bytes = (n as u64).checked_mul(m as u64);
        let bytes = bytes.and_then(|items| items.checked_mul(size_of::<T>() as u64));
        MemoryBudget::default().check(OP, "the distance matrix", bytes)?;
        let mut data = vec![T::ZERO; n * m];
        let rows = BLOCK.div_ceil(m.max(1));
        let work = n.saturating_mul(m).saturating_mul(d);
        if let Some(form) = reach::form(self) {
            let panels = Panels::pack(y, None);
            parallel::for_each_chunk(&mut data, rows * m, work, |block, out| {
                for (i, out) in out.chunks_mut(m.max(1)).enumerate() {
                    values_of(form, x.row(block * rows + i), (&panels, 0..m), out);
                    for value in out {
                        *value = reach::distance(self, *value);
                    }
                }
            });
        } else {
            let others = Rows::of(y, self);
            parallel::for_each_chunk(&mut data, rows * m, work.saturating_mul(4), |block, out| {
                for (i, out) in out.chunks_mut(m.max(1)).enumerate() {
                    others.query(x.row(block * rows + i)).fill(out);
                }
            });
        }
        // Only a function of the caller's can give such.
        let is_bad = |value: &T| value.is_nan() || *value < T::ZERO;
        if let Some(at) = data.iter().position(is_bad) {
            let value = format!("{} at ({}, {})", data[at], at / m, at % m);
            return Err(Error::param(OP, "distances", "at least 0", value));
        }
        Matrix::from_vec(data, n, m)
    }
}
