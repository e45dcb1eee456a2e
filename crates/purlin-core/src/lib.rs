#![doc = include_str!("../README.md")]

mod error;
pub mod linalg;
mod matrix;
mod real;
pub mod rng;
mod shape;
pub mod simd;

pub use error::{Error, Result};
pub use matrix::{Matrix, MatrixCow, MatrixView};
pub use real::{Plain, Real};
pub use shape::Shape;
