//! Lloyd's k-means.

mod empty;
mod fit;
mod init;
mod model;
mod params;
mod table;

pub use model::{Iteration, KMeansModel, StopReason};
pub use params::{EmptyCluster, Init, KMeans};

/// The operation's name in errors.
const OP: &str = "kmeans";
