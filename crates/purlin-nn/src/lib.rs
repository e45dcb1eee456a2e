//! Neural network layers, losses, optimizers, schedules, training and checkpoints.
