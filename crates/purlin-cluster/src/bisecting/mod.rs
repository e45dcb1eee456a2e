//! k-means that splits clusters in two.

mod fit;
mod halves;
mod model;
mod params;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

pub use model::BisectingModel;
pub use params::{BisectingKMeans, BisectingStrategy};
pub use tree::BisectingNode;

/// The operation's name in errors.
const OP: &str = "bisecting_kmeans";
