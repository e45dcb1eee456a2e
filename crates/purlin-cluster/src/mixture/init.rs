//! The first parameters.

use super::covariance::Factors;
use super::parameters::gaussians;
use super::{Covariances, GaussianMixture, MixtureInit, OP};
use crate::kmeans::first_centroids;
use crate::{EmptyCluster, Init, KMeans, assign};
use purlin_backend::mixture::Gaussians;
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// A center for each component and the label of each sample.
pub(super) fn labels<T: Real>(
    mixture: &GaussianMixture,
    x: MatrixView<'_, T>,
    center: &[f64],
    stream: &Stream,
) -> Result<(Matrix<f64>, Vec<u32>)> {
    let k = mixture.n_components;
    let init = match mixture.init {
        MixtureInit::Random => Init::Random,
        _ => Init::PlusPlus { n_local_trials: None },
    };
    let first = first_centroids(OP, &init, x, None, k, stream)?;
    if mixture.init != MixtureInit::KMeans {
        let center: Vec<T> = center.iter().map(|&v| T::from_f64(v)).collect();
        let labels = assign::nearest(x, first.view(), &center);
        return Ok((first.cast(), labels));
    }
    // A component without samples is no error here: it may win some.
    let kmeans = KMeans::new(k).init(Init::Centroids(first.cast()));
    let model = kmeans.empty_cluster(EmptyCluster::Keep).fit(x)?;
    let labels = model.labels().iter().map(|&label| label as u32).collect();
    Ok((model.centroids().cast(), labels))
}

/// Parameters from outside: the means less `center`, and the densities.
pub(super) fn given(
    mixture: &GaussianMixture,
    (weights, means, precisions): (&[f64], &Matrix<f64>, &Covariances),
    center: &[f64],
) -> Result<(Matrix<f64>, Gaussians)> {
    let (k, d) = (mixture.n_components, center.len());
    if weights.len() != k {
        return Err(Error::shape(OP, format!("{k} weights"), format!("{} weights", weights.len())));
    }
    let is_bad = |w: &f64| !(w.is_finite() && *w >= 0.0);
    if let Some(i) = weights.iter().position(is_bad) {
        let value = format!("{} at index {i}", weights[i]);
        return Err(Error::param(OP, "weights", "finite and at least 0", value));
    }
    let sum: f64 = weights.iter().sum();
    // As much as weights of single precision may be off.
    if (sum - 1.0).abs() > 1e-6 {
        return Err(Error::param(OP, "weights", "of sum 1", sum));
    }
    if means.shape() != (k, d) {
        let got = format!("means {:?}", means.shape());
        return Err(Error::shape(OP, format!("means {:?}", (k, d)), got));
    }
    means.view().check_finite(OP, "means")?;
    precisions.check_precisions(mixture.covariance, (k, d))?;
    let factors = Factors::of_precisions(precisions, d).map_err(|bad| {
        let got =
            format!("pivot {} in row {} of component {}", bad.pivot, bad.column, bad.component);
        Error::param(OP, "precisions", "positive definite", got)
    })?;
    let means = Matrix::from_fn(k, d, |c, i| means[(c, i)] - center[i]);
    let gaussians = gaussians(weights, &means, &factors);
    Ok((means, gaussians))
}
