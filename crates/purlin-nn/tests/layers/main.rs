//! Layers, losses, initialisation and the derive, in one binary: the kernels under them are
//! compiled once.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod behaviour;
mod bits;
mod common;
mod decode;
mod derive;
mod init;
mod laws;
mod losses;
mod reference_layers;
mod reference_losses;
mod reference_sequences;
mod sequences;
mod slopes;
