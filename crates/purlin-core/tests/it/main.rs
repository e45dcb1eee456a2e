//! Tables, numbers, decompositions and random streams, in one binary.

mod error;
mod linalg;
mod matrix;
mod real;
mod rng;
mod shape;
