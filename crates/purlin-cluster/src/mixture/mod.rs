//! Gaussian mixtures by expectation and maximization.

mod covariance;
mod fit;
mod init;
mod model;
mod parameters;
mod params;
mod table;

pub use covariance::{Covariance, Covariances};
pub use model::GaussianMixtureModel;
pub use params::{GaussianMixture, MixtureInit};

/// The operation's name in errors.
const OP: &str = "gaussian_mixture";
