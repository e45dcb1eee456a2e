//! Hierarchical clustering from below.

mod centroids;
mod chain;
mod clusters;
mod flat;
mod generic;
mod linear;
mod middle;
mod naive;
mod params;
mod plan;
mod single;
mod stored;
mod ward;

pub use flat::{FlatAgglomerative, FlatAgglomerativeModel, PredictBy};
pub use naive::primitive;
pub use params::{Agglomerative, Linkage};
pub use plan::{AgglomerativeAlgorithm, AgglomerativePlan};

/// The operation's name in errors.
const OP: &str = "agglomerative";
