//! Machine learning in pure Rust: tensors with automatic differentiation, neural networks, clustering,
//! data and pictures, with the same bits on any number of threads and any instruction set.
//!
//! This package re-exports the crates of the workspace, one feature per family; each can be taken
//! alone.
//!
//! | module | crate | feature |
//! |---|---|---|
//! | [`core`] | `purlin-core`: numbers, shapes, matrix views, errors, random streams, linear algebra | always |
//! | [`backend`] | `purlin-backend`: SIMD and threads | always |
//! | `tensor` | `purlin-tensor`: tensors, differentiation | `tensor`, `nn` |
//! | `nn` | `purlin-nn`: layers, losses, optimizers, training, weights | `nn` |
//! | `data` | `purlin-data`: data sets, readers, augmentation, batches | `data` |
//! | `cluster` | `purlin-cluster`: clustering, without tensors | `cluster` |
//! | `plot` | `purlin-plot`: pictures as SVG and PNG | `plot` |
//!
//! The feature `ndarray` takes tables from ndarray and gives them back; nalgebra needs none.
//!
//! # Examples
//!
//! ```
//! use purlin::tensor::Tensor;
//!
//! let x = Tensor::from([1.0f64, 2.0, 3.0]).requires_grad();
//! let grads = (&x * &x).sum().backward();
//! assert_eq!(grads.require(&x)?.to_vec(), [2.0, 4.0, 6.0]);
//! # Ok::<(), purlin::core::Error>(())
//! ```

pub use purlin_backend as backend;
#[cfg(feature = "cluster")]
pub use purlin_cluster as cluster;
pub use purlin_core as core;
#[cfg(feature = "data")]
pub use purlin_data as data;
#[cfg(feature = "nn")]
pub use purlin_nn as nn;
#[cfg(feature = "plot")]
pub use purlin_plot as plot;
#[cfg(feature = "tensor")]
pub use purlin_tensor as tensor;

/// The code of the README and of the guide, compiled and run with the tests.
#[cfg(all(doctest, feature = "nn", feature = "data", feature = "cluster", feature = "plot"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/guide.md")]
    struct Guide;
}
