//! k-means of directions.

mod fit;
mod model;
mod params;
mod unit;

pub use model::SphericalModel;
pub use params::SphericalKMeans;

/// The operation's name in errors.
const OP: &str = "spherical_kmeans";
