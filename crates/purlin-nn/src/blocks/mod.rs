//! Blocks: small arrangements of layers that many networks repeat.

mod residual;

pub use residual::Residual;
