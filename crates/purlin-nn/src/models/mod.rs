//! Architectures that are ready to train.
//!
//! | model | from | images |
//! |---|---|---|
//! | [`ResNet`] | ResNet-18, 34, 50; the 6 n + 2 layers for CIFAR; pre-activation and squeeze-excitation as options | any size |
//! | [`VisionTransformer`] | patches of an image as the steps of a transformer's encoder | one size |
//! | [`Autoencoder`], [`VariationalAutoencoder`] | any two networks, or dense layers | what the encoder takes |
//!
//! What is fixed when weights are drawn is set in a `..Config`, and its `build` draws them once.

mod autoencoder;
mod resnet;
mod vae;
mod vision_transformer;

pub use autoencoder::Autoencoder;
pub use resnet::{ResNet, ResNetConfig, Stem};
pub use vae::{Posterior, VariationalAutoencoder};
pub use vision_transformer::{Pooling, VisionTransformer, VisionTransformerConfig};
