//! Optimizers, schedules, metrics, weights, checkpoints, callbacks and the trainer, in one binary:
//! the kernels under them are compiled once.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod callbacks;
#[allow(dead_code, reason = "the tests of layers use the rest")]
#[path = "../layers/common.rs"]
mod common;
mod honest;
mod kill;
mod metrics;
mod optimizers;
mod reference_optimizers;
mod reference_schedulers;
mod reference_training;
mod schedules;
mod trainer;
mod weights;
