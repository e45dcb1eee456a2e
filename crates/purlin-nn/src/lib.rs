//! Neural network layers, losses, optimizers, schedules, training and checkpoints.

mod exact;
pub mod metrics;
pub mod schedule;
