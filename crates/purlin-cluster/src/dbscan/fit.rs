//! The doors.

use super::grid::Grid;
use super::need::Need;
use super::{Dbscan, DbscanModel, Found, NeighborSearch, OP, cells, leaves, minkowski, pairs};
use crate::index::Tree;
use crate::{Metric, check, reach};
use purlin_backend::distance::Form;
use purlin_core::{MatrixView, Real, Result};

impl Dbscan {
    /// Clusters the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`](crate::Error::InvalidParam): `eps` is not finite and above 0,
    ///   `min_samples` is 0, the metric or the search does not fit, `x` is nothing that the
    ///   metric takes, see [`Metric::check_table`](crate::Metric::check_table), its numbers are so
    ///   large that squared distances overflow, or a distance is negative or NaN.
    /// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): `x` has no row.
    /// - [`Error::Shape`](crate::Error::Shape): `x` has no column, or not as many as the metric
    ///   knows.
    /// - [`Error::NonFinite`](crate::Error::NonFinite): `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<DbscanModel<T>> {
        self.run(x, None)
    }

    /// [`Dbscan::fit`] with a weight for each sample: a neighbourhood needs a weight of
    /// `min_samples`, added up in double precision in the order of the samples.
    ///
    /// A weight of 2 counts as two samples in one place. A sample of weight 0 does not count for
    /// others, but is labelled as they are, and a core if they suffice.
    ///
    /// # Errors
    ///
    /// As [`Dbscan::fit`]; and when a weight is negative or not finite, all are 0, or there is not
    /// one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Dbscan, MatrixView};
    ///
    /// let x = [[0.0], [5.0], [5.5]];
    /// let model = Dbscan::new(1.0, 3).fit_weighted(MatrixView::from_rows(&x), &[3.0, 1.0, 1.0])?;
    /// assert_eq!(model.labels(), [Some(0), None, None]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_weighted<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<DbscanModel<T>> {
        self.run(x, Some(sample_weight))
    }

    fn run<T: Real>(&self, x: MatrixView<'_, T>, weights: Option<&[T]>) -> Result<DbscanModel<T>> {
        self.check()?;
        check::table(OP, x, 1)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, x.n_rows())?;
        }
        self.metric.check_table(OP, x)?;
        check::squares(OP, x, &self.metric)?;
        self.check_search(x.n_cols())?;
        let need = Need::new(x, &self.metric, self.eps, weights, self.min_samples);
        let (found, algorithm) = match reach::form(&self.metric) {
            Some(form) => self.search(&need, form),
            None => self.search_pairs(&need),
        };
        need.check()?;
        Ok(DbscanModel::new(self, x, &found, algorithm))
    }

    fn search_pairs<T: Real>(&self, need: &Need<'_, T>) -> (Found, NeighborSearch) {
        if let (Metric::Minkowski(p), true) =
            (&self.metric, self.algorithm != NeighborSearch::Brute)
            && let Some(found) = minkowski::run(need, *p)
        {
            return (found, NeighborSearch::Tree);
        }
        (pairs::run(need), NeighborSearch::Brute)
    }

    fn search<T: Real>(&self, need: &Need<'_, T>, form: Form) -> (Found, NeighborSearch) {
        let reach = reach::reach(&self.metric, self.eps);
        let asks_for_grid = matches!(self.algorithm, NeighborSearch::Auto | NeighborSearch::Grid);
        let may_grid = asks_for_grid && form == Form::SquaredEuclidean;
        if let Some(grid) = may_grid.then(|| Grid::new(need.x, reach)).flatten() {
            return (cells::run(need, &grid, reach), NeighborSearch::Grid);
        }
        if self.algorithm == NeighborSearch::Brute {
            return (leaves::run(need, &Tree::flat(need.x, form), reach), NeighborSearch::Brute);
        }
        (leaves::run(need, &Tree::new(need.x, form), reach), NeighborSearch::Tree)
    }
}
