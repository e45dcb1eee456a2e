#![doc = include_str!("../README.md")]

mod agglomerative;
mod assign;
mod bisecting;
mod budget;
mod check;
mod choose_k;
mod condensed;
mod constrained;
mod dbscan;
mod dendrogram;
mod hdbscan;
mod index;
mod kmeans;
mod mean_shift;
mod medoids;
mod metric;
pub mod metrics;
mod mini_batch;
mod mixture;
mod mst;
mod optics;
mod predictor;
pub mod preprocessing;
mod reach;
mod spectral;
mod spherical;
mod traits;
mod union_find;

pub use agglomerative::{
    Agglomerative, AgglomerativeAlgorithm, AgglomerativePlan, FlatAgglomerative,
    FlatAgglomerativeModel, Linkage, PredictBy, primitive,
};
pub use bisecting::{BisectingKMeans, BisectingModel, BisectingNode, BisectingStrategy};
pub use budget::MemoryBudget;
pub use choose_k::{ChooseK, ChooseKRow, ChooseKTable};
pub use condensed::CondensedMatrix;
pub use constrained::{ConstrainedKMeans, ConstrainedModel};
pub use dbscan::{Dbscan, DbscanClusters, DbscanModel, NeighborSearch};
pub use dendrogram::{Dendrogram, Inconsistency, Merge};
pub use hdbscan::{
    ClusterSelection, CondensedRow, CondensedTree, Hdbscan, HdbscanModel, HdbscanPrediction,
    SpanningEdge,
};
pub use index::{Neighbor, NeighborGraph, SpatialIndex};
pub use kmeans::{Algorithm, EmptyCluster, Init, Iteration, KMeans, KMeansModel, StopReason};
pub use mean_shift::{MeanShift, MeanShiftModel, Seeding, estimate_bandwidth};
pub use medoids::{KMedoids, KMedoidsModel, MedoidInit};
pub use metric::{CustomMetric, Metric};
pub use mini_batch::{MiniBatchKMeans, MiniBatchModel, MiniBatchState};
pub use mixture::{Covariance, Covariances, GaussianMixture, GaussianMixtureModel, MixtureInit};
pub use optics::{Optics, OpticsModel, ReachabilityPlot, Xi, XiClusters};
pub use predictor::{NearestCentroid, NearestNeighbor};
pub use purlin_core::{Error, Matrix, MatrixCow, MatrixView, Real, Result};
pub use spectral::{Affinity, SpectralClustering, SpectralModel};
pub use spherical::{SphericalKMeans, SphericalModel};
pub use traits::{Clusterer, Clustering, Predict};
