//! k-means: Lloyd's rounds, and faster ways to the same bits.

mod assign;
mod bounds;
mod empty;
mod fit;
mod init;
mod model;
mod params;
mod plan;
mod pruned;
mod seed;
mod space;
mod table;

pub(crate) use bounds::Margin;
pub use model::{Iteration, KMeansModel, StopReason};
pub use params::{Algorithm, EmptyCluster, Init, KMeans};
pub(crate) use seed::{Seeds, check_init, first_centroids};
pub(crate) use space::{Length, Space};
pub(crate) use table::is_reversible;

/// The operation's name in errors.
const OP: &str = "kmeans";
