//! OPTICS: the density around each sample, in an order in which clusters are valleys.

mod cut;
mod model;
mod order;
mod params;
mod plot;
mod queue;
mod xi;

pub use model::OpticsModel;
pub use params::Optics;
pub use plot::ReachabilityPlot;
pub use xi::{Xi, XiClusters};

/// The operation's name in errors.
const OP: &str = "optics";
