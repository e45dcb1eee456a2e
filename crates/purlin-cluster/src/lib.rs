#![doc = include_str!("../README.md")]

mod budget;
mod check;
mod condensed;
mod kmeans;
mod metric;
mod traits;

pub use budget::MemoryBudget;
pub use condensed::CondensedMatrix;
pub use kmeans::{EmptyCluster, Init, Iteration, KMeans, KMeansModel, StopReason};
pub use metric::{CustomMetric, Metric};
pub use purlin_core::{Error, Result};
pub use traits::{Clusterer, Clustering, Predict};
