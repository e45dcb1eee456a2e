//! The rounds.

use super::parameters::{Parameters, gaussians, moments};
use super::table::Table;
use super::{GaussianMixture, GaussianMixtureModel, MixtureInit, OP, init};
use crate::check;
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// What a start leads to.
pub(super) struct Run {
    pub(super) parameters: Parameters,
    pub(super) lower_bounds: Vec<f64>,
    pub(super) converged: bool,
}

impl Run {
    fn lower_bound(&self) -> f64 {
        self.lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY)
    }
}

impl GaussianMixture {
    /// Finds the components of `x`.
    ///
    /// Running out of `max_iter` is not an error; ask [`GaussianMixtureModel::converged`].
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a parameter is out of its range, or numbers of `x` are so large
    ///   that their squares overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `n_components`.
    /// - [`Error::Shape`]: `x` has no column, or given parameters do not fit it, or there are fewer
    ///   distinct samples than components to begin with.
    /// - [`Error::NonFinite`]: `x` or a given parameter holds NaN or an infinity.
    /// - [`Error::Diverged`]: a covariance is not positive definite; a larger `reg_covar` helps.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<GaussianMixtureModel<T>> {
        self.check()?;
        check::table(OP, x, self.n_components)?;
        let mut table = Table::new(x, self.n_components)?;
        let stream = Stream::new(self.seed, OP);
        let mut best: Option<(Run, usize)> = None;
        for start in 0..self.n_init {
            let run = self.run(x, &mut table, &stream.child_at(start as u64))?;
            let is_better = |(best, _): &(Run, usize)| run.lower_bound() > best.lower_bound();
            if best.as_ref().is_none_or(is_better) {
                best = Some((run, start));
            }
        }
        let Some((run, start)) = best else {
            return Err(Error::param(OP, "n_init", "at least 1", self.n_init));
        };
        GaussianMixtureModel::new(run, start, &table)
    }

    /// Rounds from one start.
    fn run<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        table: &mut Table,
        stream: &Stream,
    ) -> Result<Run> {
        let moments = moments(self.covariance);
        let (mut means, mut densities) =
            if let MixtureInit::Given { weights, means, precisions } = &self.init {
                init::given(self, (weights, means, precisions), &table.center)?
            } else {
                let (centers, labels) = init::labels(self, x, &table.center, stream)?;
                let origins = less(&centers, &table.center);
                let first = self.settle(&origins, |origins| {
                    table.sums_of_labels(&labels, moments, origins).to_vec()
                });
                let factors = first.factors(0)?;
                let densities = gaussians(&first.weights, &first.means, &factors);
                (first.means, densities)
            };
        let mut lower_bounds: Vec<f64> = Vec::new();
        loop {
            let n_iter = lower_bounds.len() + 1;
            let mut lower_bound = f64::NAN;
            let parameters = self.settle(&means, |origins| {
                let (mean, sums) = table.round(&densities, moments, origins);
                lower_bound = mean;
                sums.to_vec()
            });
            if !lower_bound.is_finite() {
                let what = "the lower bound".to_owned();
                return Err(Error::Diverged {
                    op: OP,
                    step: n_iter as u64,
                    what,
                    value: lower_bound,
                });
            }
            let before = lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY);
            let converged = (lower_bound - before).abs() < self.tol;
            lower_bounds.push(lower_bound);
            if converged || n_iter == self.max_iter {
                return Ok(Run { parameters, lower_bounds, converged });
            }
            let factors = parameters.factors(n_iter)?;
            densities = gaussians(&parameters.weights, &parameters.means, &factors);
            means = parameters.means;
        }
    }

    /// The parameters that fit sums best; formed about the new means where the old ones are far.
    fn settle(
        &self,
        origins: &Matrix<f64>,
        mut sums: impl FnMut(&Matrix<f64>) -> Vec<f64>,
    ) -> Parameters {
        let (parameters, is_rough) = Parameters::of_sums(self, origins, &sums(origins));
        if !is_rough {
            return parameters;
        }
        let origins = parameters.means;
        Parameters::of_sums(self, &origins, &sums(&origins)).0
    }
}

/// Every row of `x` less `center`.
pub(super) fn less(x: &Matrix<f64>, center: &[f64]) -> Matrix<f64> {
    Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| x[(i, j)] - center[j])
}
