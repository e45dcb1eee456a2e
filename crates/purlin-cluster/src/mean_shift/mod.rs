//! Mean shift: modes of the density that samples climb to.

mod bandwidth;
mod climb;
mod fit;
mod model;
mod params;
mod seeds;

pub use bandwidth::estimate_bandwidth;
pub use model::MeanShiftModel;
pub use params::{MeanShift, Seeding};

/// The operation's name in errors.
const OP: &str = "mean_shift";
