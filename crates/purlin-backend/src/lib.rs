//! Kernels on slices: SIMD chosen at run time, threads by rayon, the same bits on all of them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`isa`] | which instruction set runs, and how to pin it |
//! | [`Kernel`], [`dispatch`] | one generic body, instantiated per instruction set |
//! | [`parallel`] | fixed blocks over threads, reductions in a fixed tree |
//! | [`elementwise`] | maps of one to three operands, broadcasting, updates of several arrays |
//! | [`math`] | exp, ln, tanh, erf, sin, ... of vectors |
//! | [`reduce`] | sums, extremes, moments: of everything, along an axis, over broadcast axes |
//! | [`softmax`] | softmax, log-sum-exp, cross-entropy along rows |
//! | [`norm`] | layer, batch and group normalisation and their gradients |
//! | [`random`] | uniform, normal and Bernoulli arrays from named streams |
//! | [`layout`] | transpose, permute, slices, gather and scatter |
//! | [`gemm`] | matrix product with a fused bias and activation |
//! | [`conv`] | 2-D convolution and its gradients |
//! | [`pool`] | maximum and average pooling and their gradients |
//! | [`Buffer`] | aligned storage that returns to a pool |
//!
//! The determinism contract is stated in `docs/reproducibility.md`.
#![allow(unsafe_code, reason = "the SIMD kernels of the project live here and nowhere else")]

mod buffer;
pub mod conv;
pub mod elementwise;
pub mod gemm;
pub mod isa;
pub mod layout;
pub mod math;
mod mono;
pub mod norm;
pub mod parallel;
pub mod pool;
pub mod random;
pub mod reduce;
mod simd;
pub mod softmax;

pub use buffer::{Buffer, PoolStats, pool_stats, trim_pool};
pub use isa::{Kernel, dispatch};
pub use purlin_core::Plain;
