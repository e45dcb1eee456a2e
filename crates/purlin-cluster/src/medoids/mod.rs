//! k-medoids.

mod build;
mod fit;
mod model;
mod params;
mod source;
mod state;

pub use model::KMedoidsModel;
pub use params::{KMedoids, MedoidInit};

/// The operation's name in errors.
const OP: &str = "kmedoids";
