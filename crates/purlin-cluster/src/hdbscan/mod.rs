//! HDBSCAN*: clusters of any density, from the hierarchy of all densities.
//!
//! The way there: core distances, a minimum spanning tree of mutual reachability distances (`mst`),
//! its dendrogram, the tree condensed to clusters that are large enough, a choice among these.

mod condensed;
mod model;
mod outlier;
mod params;
mod predict;
mod reachability;
mod select;

pub use condensed::{CondensedRow, CondensedTree};
pub use model::HdbscanModel;
pub use params::{ClusterSelection, Hdbscan};
pub use predict::HdbscanPrediction;
pub use reachability::SpanningEdge;

/// The operation's name in errors.
const OP: &str = "hdbscan";
