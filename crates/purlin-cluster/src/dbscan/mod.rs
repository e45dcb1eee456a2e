//! Density-based clustering.
//!
//! Every way to search fills in the same three passes, each parallel over blocks that depend on the
//! data only: which samples are cores, which cores are connected, which cluster takes a border
//! sample. Nothing is kept of a neighbourhood once it is counted.

mod borders;
mod cells;
mod clusters;
mod cores;
mod fit;
mod grid;
mod join;
mod known;
mod leaves;
mod minkowski;
mod model;
mod need;
mod pairs;
mod params;
mod precomputed;

pub use clusters::DbscanClusters;
pub use model::DbscanModel;
pub use params::{Dbscan, NeighborSearch};

/// The operation's name in errors.
const OP: &str = "dbscan";

/// No cluster.
const NOISE: u32 = u32::MAX;

/// What a search finds.
struct Found {
    /// Whether each sample is a core.
    is_core: Vec<bool>,
    /// The cluster of each sample, or [`NOISE`].
    labels: Vec<u32>,
    n_clusters: usize,
}

/// Numbers the components of the cores by their first core, in place: `labels` holds for each core
/// a number of its component, below `n`, and [`NOISE`] for the others. Returns the number of
/// clusters and the cluster of each component.
fn number(labels: &mut [u32], n: usize) -> (usize, Vec<u32>) {
    let mut clusters = vec![NOISE; n];
    let mut n_clusters = 0;
    for label in labels.iter_mut().filter(|label| **label != NOISE) {
        let cluster = &mut clusters[*label as usize];
        if *cluster == NOISE {
            *cluster = n_clusters;
            n_clusters += 1;
        }
        *label = *cluster;
    }
    (n_clusters as usize, clusters)
}
