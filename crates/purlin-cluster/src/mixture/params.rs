//! What can be set.

use super::{Covariance, Covariances, OP};
use purlin_core::{Error, Matrix, Result};

/// A mixture of Gaussian distributions, fitted by expectation and maximization.
///
/// Finds weights, means and covariances under which the samples are likely: a local optimum of
/// the *lower bound*, the mean logarithm of the density at the samples. Each sample has a share of
/// every component; its label is the component with the largest one, ties to the smallest index.
///
/// | value         | shape                          | unit                                |
/// |---------------|--------------------------------|-------------------------------------|
/// | `x`           | `(n_samples, n_features)`      | yours                               |
/// | `weights`     | `(n_components,)`              | a share, of sum 1                   |
/// | `means`       | `(n_components, n_features)`   | as `x`                              |
/// | `covariances` | see [`Covariances`]            | unit of `x` **squared**             |
/// | `lower_bound` | scalar                         | natural logarithm; a mean, not a sum|
///
/// A round finds the shares of all samples under the parameters it has, then the parameters that
/// fit these shares best, and adds `reg_covar` to the diagonal of the covariances. Rounds end when
/// the lower bound changes by less than `tol`, or after `max_iter` (scikit-learn's rules). Without
/// `reg_covar` the lower bound does not fall. A component that loses all of its samples keeps its
/// mean.
///
/// Everything is computed in `f64`, whatever the type of `x`, and about the means of the columns,
/// so that an offset costs no digits. Beside `x` there is one copy of it in `f64` and some 64
/// partial sums of the parameters, together no larger than that copy. A round costs
/// `O(n_samples * n_components * n_features^2)`, or `* n_features` with [`Covariance::Diag`] and
/// [`Covariance::Spherical`].
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Covariance, GaussianMixture, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0], [13.0], [12.0]];
/// let x = MatrixView::from_rows(&x);
/// let model = GaussianMixture::new(2).covariance(Covariance::Diag).fit(x)?;
///
/// assert!(model.converged());
/// assert_eq!(model.labels()[0], model.labels()[2]);
/// let narrow = model.labels()[0];
/// assert!((model.weights()[narrow] - 3.0 / 8.0).abs() < 1e-6);
/// assert!((model.means().row(narrow)[0] - 1.0).abs() < 1e-4);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - A. P. Dempster, N. M. Laird, D. B. Rubin, *Maximum likelihood from incomplete data via the EM
///   algorithm*, J. R. Statist. Soc. B 39(1), 1977.
/// - G. McLachlan, D. Peel, *Finite mixture models*, Wiley, 2000.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct GaussianMixture {
    pub(super) n_components: usize,
    pub(super) covariance: Covariance,
    pub(super) init: MixtureInit,
    pub(super) n_init: usize,
    pub(super) max_iter: usize,
    pub(super) tol: f64,
    pub(super) reg_covar: f64,
    pub(super) seed: u64,
}

/// Where the rounds begin.
///
/// All but `Given` choose a center for each component and count every sample fully for the nearest
/// one.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Covariance, Covariances, GaussianMixture, Matrix, MatrixView, MixtureInit};
///
/// let x = [[0.0], [1.0], [8.0], [9.0]];
/// let start = MixtureInit::Given {
///     weights: vec![0.5, 0.5],
///     means: Matrix::from_rows(&[[9.0], [0.0]]),
///     precisions: Covariances::Spherical(vec![1.0, 1.0]),
/// };
/// let mixture = GaussianMixture::new(2).covariance(Covariance::Spherical).init(start);
/// assert_eq!(mixture.fit(MatrixView::from_rows(&x))?.labels(), [1, 1, 0, 0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum MixtureInit {
    /// The clusters of [`KMeans`](crate::KMeans).
    #[default]
    KMeans,
    /// The samples that k-means++ draws.
    PlusPlus,
    /// Different samples, each with the same probability.
    Random,
    /// These parameters; `n_init` must be 1. A fitted model gives its own with
    /// [`GaussianMixtureModel::parameters`](crate::GaussianMixtureModel::parameters).
    Given {
        /// One for each component, at least 0, of sum 1.
        weights: Vec<f64>,
        /// One row for each component.
        means: Matrix<f64>,
        /// The inverses of the covariances.
        precisions: Covariances,
    },
}

impl GaussianMixture {
    /// Full covariances, one start from k-means, at most 100 rounds, `tol` 1e-3, `reg_covar` 1e-6,
    /// seed 0.
    pub fn new(n_components: usize) -> Self {
        Self {
            n_components,
            covariance: Covariance::Full,
            init: MixtureInit::KMeans,
            n_init: 1,
            max_iter: 100,
            tol: 1e-3,
            reg_covar: 1e-6,
            seed: 0,
        }
    }

    /// What the covariances may be.
    pub fn covariance(mut self, covariance: Covariance) -> Self {
        self.covariance = covariance;
        self
    }

    /// Where the rounds begin.
    pub fn init(mut self, init: MixtureInit) -> Self {
        self.init = init;
        self
    }

    /// Starts, of which the one with the greatest lower bound is kept.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// The most rounds of one start.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The change of the lower bound below which rounds end; 0 goes on until `max_iter`.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// What is added to the variances, in the unit of `x` squared. It keeps a component on few or
    /// equal samples from collapsing.
    pub fn reg_covar(mut self, reg_covar: f64) -> Self {
        self.reg_covar = reg_covar;
        self
    }

    /// The seed of the starts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self) -> Result<()> {
        let at_least_1 = [
            ("n_components", self.n_components),
            ("n_init", self.n_init),
            ("max_iter", self.max_iter),
        ];
        if let Some((name, value)) = at_least_1.into_iter().find(|&(_, value)| value == 0) {
            return Err(Error::param(OP, name, "at least 1", value));
        }
        let at_least_0 = [("tol", self.tol), ("reg_covar", self.reg_covar)];
        let is_bad = |value: f64| !(value >= 0.0 && value.is_finite());
        if let Some((name, value)) = at_least_0.into_iter().find(|&(_, value)| is_bad(value)) {
            return Err(Error::param(OP, name, "finite and at least 0", value));
        }
        if matches!(self.init, MixtureInit::Given { .. }) && self.n_init != 1 {
            return Err(Error::param(
                OP,
                "n_init",
                "1 where the parameters are given",
                self.n_init,
            ));
        }
        Ok(())
    }
}
