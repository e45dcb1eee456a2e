//! The laws and the strategies themselves, in one binary.

mod clusterers;
mod data;
mod layers;
mod naive;
mod optimizers;
mod pca;
mod reference;
mod tools;
