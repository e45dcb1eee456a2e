//! Neighbours of rows.

mod query;
mod tree;

pub use query::{Neighbor, SpatialIndex};
pub(crate) use tree::Tree;

/// The operation's name in errors.
const OP: &str = "index";
