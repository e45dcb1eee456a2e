//! Lloyd's k-means.

mod empty;
mod fit;
mod init;
mod model;
mod params;
mod seed;
mod table;

pub use model::{Iteration, KMeansModel, StopReason};
pub use params::{EmptyCluster, Init, KMeans};
pub(crate) use seed::{check_init, first_centroids};

/// The operation's name in errors.
const OP: &str = "kmeans";
