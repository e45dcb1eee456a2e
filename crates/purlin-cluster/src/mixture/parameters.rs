//! Weights, means and covariances, and how sums over the samples become such.

use super::covariance::{BadPivot, Factors};
use super::{Covariance, Covariances, GaussianMixture, OP};
use purlin_backend::elementwise::ops::Ln;
use purlin_backend::math;
use purlin_backend::mixture::{Gaussians, Moments};
use purlin_core::{Error, Matrix, Result};

/// `ln(2 pi)`
const LN_TAU: f64 = 1.837_877_066_409_345_3;

/// The parameters of a mixture; `means` less the middle of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    pub(super) weights: Vec<f64>,
    pub(super) means: Matrix<f64>,
    pub(super) covariances: Covariances,
}

/// The moments that a kind of covariance is made of.
pub(super) fn moments(kind: Covariance) -> Moments {
    match kind {
        Covariance::Full => Moments::Full,
        Covariance::Tied => Moments::Tied,
        Covariance::Diag | Covariance::Spherical => Moments::Diagonal,
    }
}

/// Densities of components with these weights, means and factors.
pub(super) fn gaussians(weights: &[f64], means: &Matrix<f64>, factors: &Factors) -> Gaussians {
    let half = 0.5 * means.n_cols() as f64 * LN_TAU;
    let ln = |v: f64| math::scalar(Ln, v);
    let offset = |(c, &weight): (usize, &f64)| {
        ln(weight) + factors.diagonal(c).into_iter().map(ln).sum::<f64>() - half
    };
    let offsets: Vec<f64> = weights.iter().enumerate().map(offset).collect();
    match factors {
        Factors::Full(all) => Gaussians::full(means.view(), all, &offsets),
        Factors::Tied(one) => Gaussians::tied(means.view(), one.view(), &offsets),
        Factors::Diagonal(rows) => Gaussians::diagonal(means.view(), rows.view(), &offsets),
    }
}

impl Parameters {
    /// The factors of the covariances, or the error of round `n_iter`.
    pub(super) fn factors(&self, n_iter: usize) -> Result<Factors> {
        let describe = |BadPivot { component, column, pivot }| {
            let of = match self.covariances.kind() {
                Covariance::Full => {
                    format!("pivot {column} of the covariance of component {component}")
                }
                Covariance::Tied => format!("pivot {column} of the covariance"),
                Covariance::Diag => {
                    format!("the variance of column {column} in component {component}")
                }
                Covariance::Spherical => format!("the variance of component {component}"),
            };
            let what = format!("{of} (increase reg_covar)");
            Error::Diverged { op: OP, step: n_iter as u64, what, value: pivot }
        };
        Factors::of_covariances(&self.covariances, self.means.n_cols()).map_err(describe)
    }

    /// The parameters that fit sums of [`Moments::add`] about `origins` best, and whether the means
    /// lie so far from the origins that the second moments have lost digits.
    pub(super) fn of_sums(
        mixture: &GaussianMixture,
        origins: &Matrix<f64>,
        sums: &[f64],
    ) -> (Self, bool) {
        let (k, d) = origins.shape();
        let (totals, sums) = sums.split_at(k);
        let (firsts, seconds) = sums.split_at(k * d);
        // As scikit-learn, against a division by 0 where a component has no sample.
        let totals: Vec<f64> = totals.iter().map(|total| total + 10.0 * f64::EPSILON).collect();
        let all: f64 = totals.iter().sum();
        let shifts = Matrix::from_fn(k, d, |c, i| firsts[c * d + i] / totals[c]);
        let means = Matrix::from_fn(k, d, |c, i| origins[(c, i)] + shifts[(c, i)]);
        let reg = mixture.reg_covar;
        // Upper triangles lie row after row.
        let place = |i: usize, j: usize| i * (2 * d + 1 - i) / 2 + j - i;
        let square = |f: &dyn Fn(usize, usize) -> f64| {
            Matrix::from_fn(d, d, |i, j| f(i.min(j), i.max(j)) + if i == j { reg } else { 0.0 })
        };
        let variances = || {
            Matrix::from_fn(k, d, |c, i| {
                seconds[c * d + i] / totals[c] - shifts[(c, i)] * shifts[(c, i)]
            })
        };
        let covariances = match mixture.covariance {
            Covariance::Full => {
                let of = |c: usize| {
                    let seconds = &seconds[c * (d * (d + 1) / 2)..];
                    square(&|i, j| {
                        seconds[place(i, j)] / totals[c] - shifts[(c, i)] * shifts[(c, j)]
                    })
                };
                Covariances::Full((0..k).map(of).collect())
            }
            Covariance::Tied => Covariances::Tied(square(&|i, j| {
                let shift = |c: usize| totals[c] * shifts[(c, i)] * shifts[(c, j)];
                (seconds[place(i, j)] - (0..k).map(shift).sum::<f64>()) / all
            })),
            Covariance::Diag => Covariances::Diag(variances().map(|v| v + reg)),
            Covariance::Spherical => {
                let mean = |row: &[f64]| row.iter().sum::<f64>() / d as f64 + reg;
                Covariances::Spherical(variances().rows().map(mean).collect())
            }
        };
        let variance = |c: usize, i: usize| match &covariances {
            Covariances::Full(all) => all[c][(i, i)],
            Covariances::Tied(one) => one[(i, i)],
            Covariances::Diag(rows) => rows[(c, i)],
            Covariances::Spherical(all) => all[c],
        };
        let is_far =
            |c: usize| (0..d).any(|i| shifts[(c, i)] * shifts[(c, i)] > FAR * variance(c, i));
        let is_rough = (0..k).any(is_far);
        let weights = totals.iter().map(|total| total / all).collect();
        (Self { weights, means, covariances }, is_rough)
    }
}

/// The squared distance of a mean from its origin, in variances, beyond which the sums are formed
/// again about the mean itself.
const FAR: f64 = 1e4;
