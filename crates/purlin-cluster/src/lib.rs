#![doc = include_str!("../README.md")]

mod budget;
mod check;
mod dbscan;
mod index;
mod kmeans;
mod metric;
mod reach;
mod traits;
mod union_find;

pub use budget::MemoryBudget;
pub use dbscan::{Dbscan, DbscanModel, NeighborSearch};
pub use index::{Neighbor, SpatialIndex};
pub use kmeans::{EmptyCluster, Init, Iteration, KMeans, KMeansModel, StopReason};
pub use metric::{CustomMetric, Metric};
pub use purlin_core::{Error, Result};
pub use traits::{Clusterer, Clustering, Predict};
