//! Whole models, made of the layers of this crate.

mod autoencoder;
mod vae;

pub use autoencoder::Autoencoder;
pub use vae::{Posterior, VariationalAutoencoder};
