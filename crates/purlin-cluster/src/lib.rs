#![doc = include_str!("../README.md")]

mod agglomerative;
mod budget;
mod check;
mod condensed;
mod dendrogram;
mod kmeans;
mod metric;
mod traits;

pub use agglomerative::{Agglomerative, Linkage, primitive};
pub use budget::MemoryBudget;
pub use condensed::CondensedMatrix;
pub use dendrogram::{Dendrogram, Inconsistency, Merge};
pub use kmeans::{EmptyCluster, Init, Iteration, KMeans, KMeansModel, StopReason};
pub use metric::{CustomMetric, Metric};
pub use purlin_core::{Error, Result};
pub use traits::{Clusterer, Clustering, Predict};
