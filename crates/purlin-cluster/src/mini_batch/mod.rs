//! k-means by small batches.

mod fit;
mod model;
mod params;
mod state;
mod step;

pub use model::MiniBatchModel;
pub use params::MiniBatchKMeans;
pub use state::MiniBatchState;

/// The operation's name in errors.
const OP: &str = "mini_batch_kmeans";
