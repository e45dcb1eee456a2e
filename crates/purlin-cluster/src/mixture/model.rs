//! What is found.

use super::covariance::lower;
use super::fit::Run;
use super::parameters::gaussians;
use super::table::{LANES, Table, each_piece, labels_of, pack};
use super::{Covariance, Covariances, GaussianMixture, MixtureInit, OP};
use crate::traits::{Clusterer, Clustering, Predict};
use crate::{assign, check};
use purlin_backend::elementwise::ops::Ln;
use purlin_backend::mixture::Gaussians;
use purlin_backend::{math, parallel};
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::marker::PhantomData;

/// The mixture that [`GaussianMixture::fit`] found. Its parameters are `f64` whatever the samples
/// were.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{GaussianMixture, MatrixView};
///
/// let x = [[-6.0], [-4.0], [4.0], [6.0]];
/// let model = GaussianMixture::new(2).reg_covar(0.0).fit(MatrixView::from_rows(&x))?;
/// let left = model.labels()[0];
/// assert!((model.means()[(left, 0)] + 5.0).abs() < 1e-6);
/// assert!((model.covariances().full(left, 1)[(0, 0)] - 1.0).abs() < 1e-6);
/// assert_eq!((model.n_components(), model.n_parameters()), (2, 5));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixtureModel<T: Real> {
    weights: Vec<f64>,
    means: Matrix<f64>,
    covariances: Covariances,
    precisions: Covariances,
    /// The middle of the samples, about which `gaussians` are.
    center: Vec<f64>,
    gaussians: Gaussians,
    labels: Vec<usize>,
    lower_bounds: Vec<f64>,
    converged: bool,
    best_init: usize,
    samples: PhantomData<T>,
}

/// Rows that one task looks at.
const BLOCK: usize = 1024;

impl<T: Real> GaussianMixtureModel<T> {
    pub(super) fn new(run: Run, best_init: usize, table: &Table) -> Result<Self> {
        let Run { parameters, lower_bounds, converged } = run;
        let factors = parameters.factors(lower_bounds.len())?;
        let gaussians = gaussians(&parameters.weights, &parameters.means, &factors);
        let (k, d) = parameters.means.shape();
        let center = table.center.clone();
        Ok(Self {
            labels: table.labels(&gaussians),
            weights: parameters.weights,
            means: Matrix::from_fn(k, d, |c, i| parameters.means[(c, i)] + center[i]),
            precisions: factors.precisions(parameters.covariances.kind()),
            covariances: parameters.covariances,
            center,
            gaussians,
            lower_bounds,
            converged,
            best_init,
            samples: PhantomData,
        })
    }

    /// The weight of each component; their sum is 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The means, one row per component.
    pub fn means(&self) -> MatrixView<'_, f64> {
        self.means.view()
    }

    /// The covariances of the components.
    pub fn covariances(&self) -> &Covariances {
        &self.covariances
    }

    /// The inverses of the covariances.
    pub fn precisions(&self) -> &Covariances {
        &self.precisions
    }

    /// The parameters as a start of further rounds.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [3.0], [8.0], [9.0], [11.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let mixture = GaussianMixture::new(2).max_iter(1);
    /// let first = mixture.fit(x)?;
    /// let second = mixture.init(first.parameters()).fit(x)?;
    /// assert!(second.lower_bound() > first.lower_bound());
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn parameters(&self) -> MixtureInit {
        MixtureInit::Given {
            weights: self.weights.clone(),
            means: self.means.clone(),
            precisions: self.precisions.clone(),
        }
    }

    /// The component of each sample.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Rounds that were done, the last one included.
    pub fn n_iter(&self) -> usize {
        self.lower_bounds.len()
    }

    /// Whether the lower bound settled before `max_iter` ended the rounds.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The mean logarithm of the density at the samples, under the parameters that the last round
    /// began with.
    pub fn lower_bound(&self) -> f64 {
        self.lower_bounds[self.lower_bounds.len() - 1]
    }

    /// The lower bound of each round.
    pub fn lower_bounds(&self) -> &[f64] {
        &self.lower_bounds
    }

    /// Which of the `n_init` starts this is.
    pub fn best_init(&self) -> usize {
        self.best_init
    }

    /// The number of components.
    pub fn n_components(&self) -> usize {
        self.weights.len()
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.center.len()
    }

    /// The component with the largest share in each row of `x`, ties to the smallest index.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` has another number of columns, [`Error::NonFinite`] when it holds
    /// NaN or an infinity, [`Error::InvalidParam`] where squares of its numbers overflow.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [8.0], [9.0]];
    /// let model = GaussianMixture::new(2).fit(MatrixView::from_rows(&x))?;
    /// let labels = model.predict(MatrixView::from_rows(&[[8.2], [0.6]]))?;
    /// assert_eq!(labels, [model.labels()[3], model.labels()[0]]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<usize>> {
        self.check(x)?;
        let mut labels = vec![0; x.n_rows()];
        parallel::for_each_chunk(&mut labels, BLOCK, self.work(x), |i, labels| {
            labels.copy_from_slice(&labels_of(&self.block(x, i), &self.gaussians));
        });
        Ok(labels)
    }

    /// The share of each component in each row of `x`, `(n_rows, n_components)`. Rows so far away
    /// that even the logarithms of all densities overflow have equal shares.
    ///
    /// # Errors
    ///
    /// As [`GaussianMixtureModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = [[-5.0], [-4.0], [4.0], [5.0]];
    /// let model = GaussianMixture::new(2).fit(MatrixView::from_rows(&x))?;
    /// let shares = model.predict_proba(MatrixView::from_rows(&[[0.0]]))?;
    /// assert!((0.499..0.501).contains(&shares[(0, 0)]));
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn predict_proba(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        self.check(x)?;
        let (n, k) = (x.n_rows(), self.n_components());
        let mut out = Matrix::zeros(n, k);
        parallel::for_each_chunk(out.as_mut_slice(), BLOCK * k, self.work(x), |i, out| {
            let mut rows = out.chunks_exact_mut(k);
            each_piece(&self.block(x, i), &self.gaussians, |_, shares, _| {
                for panel in shares.chunks_exact(k * LANES) {
                    for (lane, row) in rows.by_ref().take(LANES).enumerate() {
                        for (out, shares) in row.iter_mut().zip(panel.chunks_exact(LANES)) {
                            *out = T::from_f64(shares[lane]);
                        }
                    }
                }
            });
        });
        Ok(out)
    }

    /// The natural logarithm of the density at each row of `x`.
    ///
    /// # Errors
    ///
    /// As [`GaussianMixtureModel::predict`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = MatrixView::from_slice(&[-1.0, 1.0], 2, 1)?; // mean 0, variance 1
    /// let model = GaussianMixture::new(1).reg_covar(0.0).fit(x)?;
    /// let at_0 = model.score_samples(MatrixView::from_rows(&[[0.0]]))?[0];
    /// assert!((at_0 + 0.5 * std::f64::consts::TAU.ln()).abs() < 1e-12);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn score_samples(&self, x: MatrixView<'_, T>) -> Result<Vec<f64>> {
        self.check(x)?;
        let mut scores = vec![0.0; x.n_rows()];
        parallel::for_each_chunk(&mut scores, BLOCK, self.work(x), |i, scores| {
            let mut rest = scores;
            each_piece(&self.block(x, i), &self.gaussians, |_, _, densities| {
                let len = densities.len().min(rest.len());
                let (now, later) = std::mem::take(&mut rest).split_at_mut(len);
                now.copy_from_slice(&densities[..now.len()]);
                rest = later;
            });
        });
        Ok(scores)
    }

    /// The mean of [`GaussianMixtureModel::score_samples`].
    ///
    /// # Errors
    ///
    /// As [`GaussianMixtureModel::predict`]; and when `x` has no row.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [8.0], [9.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let model = GaussianMixture::new(2).fit(x)?;
    /// assert!(model.score(x)? > model.score(MatrixView::from_rows(&[[4.0], [5.0]]))?);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn score(&self, x: MatrixView<'_, T>) -> Result<f64> {
        if x.n_rows() == 0 {
            return Err(Error::TooFewSamples { op: OP, expected: 1, got: 0 });
        }
        let scores = self.score_samples(x)?;
        let sum = |i: usize| scores.chunks(BLOCK).nth(i).map_or(0.0, |s| s.iter().sum::<f64>());
        let sum = parallel::reduce(scores.len().div_ceil(BLOCK), 0, sum, |a, b| a + b);
        Ok(sum.unwrap_or(0.0) / scores.len() as f64)
    }

    /// The Bayesian information criterion on `x`, less is better:
    /// `-2 n score + n_parameters ln(n)`.
    ///
    /// # Errors
    ///
    /// As [`GaussianMixtureModel::score`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, Matrix};
    ///
    /// // Two groups: one component is too few, three are no better than two.
    /// let x = Matrix::from_fn(60, 1, |i, _| (i % 2 * 50 + i % 7) as f64);
    /// let bic = |k| GaussianMixture::new(k).reg_covar(1.0).fit(x.view())?.bic(x.view());
    /// assert!(bic(2)? < bic(1)? && bic(2)? < bic(3)?);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// - G. Schwarz, *Estimating the dimension of a model*, Ann. Statist. 6(2), 1978.
    pub fn bic(&self, x: MatrixView<'_, T>) -> Result<f64> {
        let n = x.n_rows() as f64;
        Ok(-2.0 * n * self.score(x)? + self.n_parameters() as f64 * math::scalar(Ln, n))
    }

    /// Akaike's information criterion on `x`, less is better: `-2 n score + 2 n_parameters`.
    ///
    /// # Errors
    ///
    /// As [`GaussianMixtureModel::score`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = MatrixView::from_slice(&[-1.0, 1.0], 2, 1)?; // mean 0, variance 1: two free numbers
    /// let model = GaussianMixture::new(1).reg_covar(0.0).fit(x)?;
    /// let expected = 2.0 * (std::f64::consts::TAU.ln() + 1.0) + 2.0 * 2.0;
    /// assert!((model.aic(x)? - expected).abs() < 1e-12);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// - H. Akaike, *A new look at the statistical model identification*, IEEE Trans. Autom. Control
    ///   19(6), 1974.
    pub fn aic(&self, x: MatrixView<'_, T>) -> Result<f64> {
        Ok(-2.0 * x.n_rows() as f64 * self.score(x)? + 2.0 * self.n_parameters() as f64)
    }

    /// The free parameters: of weights, means and covariances.
    pub fn n_parameters(&self) -> usize {
        let (k, d) = self.means.shape();
        let of_covariances = match self.covariances.kind() {
            Covariance::Full => k * d * (d + 1) / 2,
            Covariance::Tied => d * (d + 1) / 2,
            Covariance::Diag => k * d,
            Covariance::Spherical => k,
        };
        of_covariances + k * d + k - 1
    }

    /// `n` new samples and the component of each. Sample `i` is the same whatever `n` is.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] where the table could not be addressed.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{GaussianMixture, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [8.0], [9.0]];
    /// let model = GaussianMixture::new(2).fit(MatrixView::from_rows(&x))?;
    /// let (samples, components) = model.sample(100, 7)?;
    /// assert_eq!((samples.shape(), components.len()), ((100, 1), 100));
    /// assert_eq!(model.predict(samples.view())?, components); // far apart
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn sample(&self, n: usize, seed: u64) -> Result<(Matrix<T>, Vec<usize>)> {
        let d = self.n_features();
        if n.checked_mul(d).is_none_or(|len| len > isize::MAX as usize / 8) {
            let expected = format!("less than {} numbers", isize::MAX as usize / 8);
            return Err(Error::shape(OP, expected, format!("{n} samples of {d}")));
        }
        let lowers = self.lowers();
        let stream = Stream::new(seed, OP).child("sample");
        let (mut samples, mut components) = (Matrix::zeros(n, d), Vec::with_capacity(n));
        for i in 0..n {
            let mut rng = stream.rng(i as u64);
            let c = rng.choice(&self.weights)?;
            let z: Vec<f64> = (0..d).map(|_| rng.normal()).collect();
            for (j, out) in samples.row_mut(i).iter_mut().enumerate() {
                let row = lowers[c].row(j)[..=j].iter().zip(&z);
                *out = T::from_f64(row.fold(self.means[(c, j)], |sum, (l, z)| sum + l * z));
            }
            components.push(c);
        }
        Ok((samples, components))
    }

    /// The lower factors of the covariances.
    fn lowers(&self) -> Vec<Matrix<f64>> {
        let (k, d) = self.means.shape();
        let of = |c: usize| match lower(&self.covariances.full(c, d)) {
            Ok(l) => l,
            Err((column, pivot)) => {
                unreachable!("the model has factors, got pivot {pivot} in column {column}")
            }
        };
        (0..k).map(of).collect()
    }

    fn check(&self, x: MatrixView<'_, T>) -> Result<()> {
        check::features(OP, x, self.n_features())?;
        assign::check_squares(OP, x)
    }

    fn work(&self, x: MatrixView<'_, T>) -> usize {
        x.n_rows().saturating_mul(x.n_cols() * self.n_components())
    }

    /// Block `i` of the rows.
    fn block(&self, x: MatrixView<'_, T>, i: usize) -> purlin_backend::distance::Panels<f64> {
        pack(x.row_range(i * BLOCK..x.n_rows().min((i + 1) * BLOCK)), &self.center)
    }
}

impl<T: Real> Clusterer<T> for GaussianMixture {
    type Model = GaussianMixtureModel<T>;

    fn name(&self) -> &'static str {
        OP
    }

    fn fit(&self, x: MatrixView<'_, T>) -> Result<Self::Model> {
        self.fit(x)
    }
}

impl<T: Real> Clustering<T> for GaussianMixtureModel<T> {
    fn n_features(&self) -> usize {
        self.n_features()
    }

    fn labels(&self) -> Vec<Option<usize>> {
        self.labels.iter().copied().map(Some).collect()
    }

    fn n_clusters(&self) -> usize {
        self.n_components()
    }
}

impl<T: Real> Predict<T> for GaussianMixtureModel<T> {
    fn predict(&self, x: MatrixView<'_, T>) -> Result<Vec<Option<usize>>> {
        Ok(self.predict(x)?.into_iter().map(Some).collect())
    }
}
