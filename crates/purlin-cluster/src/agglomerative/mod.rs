//! Hierarchical clustering from below.

mod chain;
mod clusters;
mod generic;
mod naive;
mod params;
mod single;
mod stored;
mod ward;

pub use naive::primitive;
pub use params::{Agglomerative, Linkage};

/// The operation's name in errors.
const OP: &str = "agglomerative";
