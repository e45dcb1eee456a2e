//! Rows that are measured again and again.

use super::{CustomMetric, Metric};
use purlin_core::{Matrix, MatrixCow, MatrixView, Real};
use std::borrow::Cow;

/// The rows of a table and the metric between them.
///
/// A function of the caller's takes rows in double precision: for it the whole table is copied once,
/// so that no pair of rows has to be. Distances are those of [`Metric::distance`], to the bit.
#[derive(Debug, Clone)]
pub(crate) enum Rows<'a, T: Real> {
    /// In the precision they have.
    Plain(Cow<'a, Metric>, MatrixCow<'a, T>),
    /// For a function of the caller's.
    Wide(CustomMetric, Matrix<f64>),
}

impl<'a, T: Real> Rows<'a, T> {
    /// Borrows the table, unless the metric needs a copy.
    pub(crate) fn of(x: MatrixView<'a, T>, metric: &'a Metric) -> Self {
        match metric {
            Metric::Custom(custom) => Self::Wide(custom.clone(), x.cast()),
            _ => Self::Plain(Cow::Borrowed(metric), MatrixCow::Borrowed(x)),
        }
    }

    /// Keeps one copy of the table.
    pub(crate) fn owned(x: MatrixView<'_, T>, metric: Metric) -> Rows<'static, T> {
        match metric {
            Metric::Custom(custom) => Rows::Wide(custom, x.cast()),
            _ => Rows::Plain(Cow::Owned(metric), MatrixCow::Owned(x.to_matrix())),
        }
    }

    pub(crate) fn n_rows(&self) -> usize {
        match self {
            Self::Plain(_, table) => table.view().n_rows(),
            Self::Wide(_, table) => table.n_rows(),
        }
    }

    /// The distance of two of the rows. The function is given the earlier one first, so that a pair
    /// has one distance even where the function is not quite symmetric.
    #[inline]
    pub(crate) fn pair(&self, a: usize, b: usize) -> T {
        let (a, b) = (a.min(b), a.max(b));
        match self {
            Self::Plain(metric, table) => {
                let table = table.view();
                metric.distance(table.row(a), table.row(b))
            }
            Self::Wide(custom, table) => custom.call(table.row(a), table.row(b)),
        }
    }

    /// A row of any table, ready to be measured from these rows.
    pub(crate) fn query<'q>(&'q self, row: &'q [T]) -> Query<'q, T> {
        match self {
            Self::Plain(metric, table) => Query::Plain(metric, table.view(), row),
            Self::Wide(custom, table) => {
                let row = row.iter().map(|value| value.to_f64()).collect();
                Query::Wide(custom, table.view(), row)
            }
        }
    }
}

/// A row beside those of a table.
pub(crate) enum Query<'q, T: Real> {
    Plain(&'q Metric, MatrixView<'q, T>, &'q [T]),
    Wide(&'q CustomMetric, MatrixView<'q, f64>, Vec<f64>),
}

impl<T: Real> Query<'_, T> {
    /// The distance from row `i`.
    #[inline]
    pub(crate) fn distance(&self, i: usize) -> T {
        match self {
            Self::Plain(metric, table, row) => metric.distance(row, table.row(i)),
            Self::Wide(custom, table, row) => custom.call(row, table.row(i)),
        }
    }

    /// The distances from the rows from the first on.
    pub(crate) fn fill(&self, out: &mut [T]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = self.distance(i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_far_apart_as_the_metric_says() {
        let x = Matrix::from_fn(5, 3, |i, j| ((7 * i + 3 * j) % 11) as f32 / 4.0);
        let custom = CustomMetric::new("lopsided", |a, b| 2.0 * a[0] + b[0] + (a[1] - b[1]).abs());
        for metric in [Metric::Manhattan, Metric::Canberra, Metric::Custom(custom)] {
            let (borrowed, owned) =
                (Rows::of(x.view(), &metric), Rows::owned(x.view(), metric.clone()));
            for a in 0..5 {
                let mut all = [0.0; 5];
                owned.query(x.row(a)).fill(&mut all);
                for (b, &distance) in all.iter().enumerate() {
                    assert_eq!(distance, metric.distance(x.row(a), x.row(b)));
                    let expected = metric.distance(x.row(a.min(b)), x.row(a.max(b)));
                    assert_eq!(borrowed.pair(a, b), expected);
                    assert_eq!(owned.pair(a, b), expected);
                }
            }
        }
    }
}
