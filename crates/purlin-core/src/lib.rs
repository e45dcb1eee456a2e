//! The numeric core of Purlin: what every algorithm crate shares and none may redefine.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Real`] | `f32` and `f64`, sealed |
//! | [`Shape`] | the sizes of an n-dimensional array, by value |
//! | [`Matrix`], [`MatrixView`], [`MatrixCow`] | tables: owned, borrowed, whichever is possible |
//! | [`Error`] | one error type for all crates, with fields |
//! | [`linalg`] | QR, singular values, eigenvalues, Cholesky, least squares, principal components |
//! | [`rng`] | random streams named by seed, purpose and index |
//! | [`simd`] | the traits that a kernel is written against; `purlin-backend` implements them |

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
