//! k-means with bounds on the sizes of the clusters.

mod fit;
mod flow;
mod model;
mod params;

pub use model::ConstrainedModel;
pub use params::ConstrainedKMeans;

/// The operation's name in errors.
const OP: &str = "constrained_kmeans";
