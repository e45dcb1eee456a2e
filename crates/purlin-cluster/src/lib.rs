#![doc = include_str!("../README.md")]

mod agglomerative;
mod assign;
mod budget;
mod check;
mod choose_k;
mod condensed;
mod dbscan;
mod dendrogram;
mod hdbscan;
mod index;
mod kmeans;
mod metric;
pub mod metrics;
mod mini_batch;
mod mst;
mod optics;
pub mod preprocessing;
mod reach;
mod traits;
mod union_find;

pub use agglomerative::{Agglomerative, Linkage, primitive};
pub use budget::MemoryBudget;
pub use choose_k::{ChooseK, ChooseKRow, ChooseKTable};
pub use condensed::CondensedMatrix;
pub use dbscan::{Dbscan, DbscanModel, NeighborSearch};
pub use dendrogram::{Dendrogram, Inconsistency, Merge};
pub use hdbscan::{
    ClusterSelection, CondensedRow, CondensedTree, Hdbscan, HdbscanModel, HdbscanPrediction,
    SpanningEdge,
};
pub use index::{Neighbor, SpatialIndex};
pub use kmeans::{Algorithm, EmptyCluster, Init, Iteration, KMeans, KMeansModel, StopReason};
pub use metric::{CustomMetric, Metric};
pub use mini_batch::{MiniBatchKMeans, MiniBatchModel, MiniBatchState};
pub use optics::{Optics, OpticsModel, ReachabilityPlot, Xi, XiClusters};
pub use purlin_core::{Error, Result};
pub use traits::{Clusterer, Clustering, Predict};
