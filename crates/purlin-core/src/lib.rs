//! The numeric core of Purlin: what every algorithm crate shares and none may redefine.
//!
//! Pure Rust, no BLAS, no platform libm, the same bits on every system.
//!
//! ```
//! use purlin_core::{Matrix, linalg::Pca, rng::Stream};
//!
//! // A random table: draw i comes from (seed, purpose, i), whichever thread makes it.
//! let stream = Stream::new(42, "example");
//! let x = Matrix::from_fn(100, 3, |i, j| {
//!     let mut rng = stream.rng(i as u64);
//!     let height = rng.normal();
//!     [3.0 * height, height, 0.1 * rng.normal()][j]
//! });
//! x.view().check_finite("example", "x")?;
//!
//! let model = Pca::new(2).fit(x.view())?;
//! assert!(model.explained_variance_ratio()[0] > 0.99);
//! let z = model.transform(x.view())?;
//! assert_eq!(z.shape(), (100, 2));
//!
//! let err = Pca::new(4).fit(x.view()).unwrap_err();
//! assert_eq!(err.to_string(), "pca: n_components must be in 1..=3, got 4");
//! # Ok::<(), purlin_core::Error>(())
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`Real`] | `f32` and `f64`, sealed |
//! | [`Shape`] | the sizes of an n-dimensional array, by value; axes, strides, broadcasting |
//! | [`Matrix`], [`MatrixView`], [`MatrixCow`] | tables: owned, borrowed, whichever is possible |
//! | [`Error`], [`Result`] | one error type for all crates, with the numbers |
//! | [`rng`] | random streams named by seed, purpose and index |
//! | [`linalg`] | QR, singular values, eigenvalues, Cholesky, least squares, principal components |
//! | [`simd`] | the traits that a kernel is written against; `purlin-backend` implements them |
//!
//! | feature | what it adds |
//! |---|---|
//! | `ndarray` | tables from and to `ndarray` arrays; in standard layout nothing is copied |
//!
//! Tables from and to `nalgebra` need no feature; they are column-major there and copied once.

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
