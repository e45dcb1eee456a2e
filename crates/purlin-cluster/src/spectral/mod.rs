//! Spectral clustering: k-means on the leading eigenvectors of a graph.

mod eigen;
mod fit;
mod graph;
mod model;
mod params;

pub use model::SpectralModel;
pub use params::{Affinity, SpectralClustering};

/// The operation's name in errors.
const OP: &str = "spectral_clustering";
