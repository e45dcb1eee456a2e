#![doc = include_str!("../README.md")]
#![allow(unsafe_code, reason = "the SIMD kernels of the project live here and nowhere else")]

#[cfg(feature = "nn")]
pub mod attention;
mod buffer;
#[cfg(feature = "nn")]
pub mod conv;
mod crew;
pub mod distance;
pub mod elementwise;
#[cfg(feature = "nn")]
pub mod feed_forward;
pub mod gemm;
pub mod graph;
mod indices;
pub mod isa;
#[cfg(feature = "nn")]
pub mod layout;
pub mod math;
pub mod mixture;
mod mono;
#[cfg(feature = "nn")]
pub mod norm;
pub mod parallel;
#[cfg(feature = "nn")]
pub mod pool;
pub mod random;
#[cfg(feature = "nn")]
pub mod recurrent;
pub mod reduce;
mod simd;
#[cfg(feature = "nn")]
mod sizes;
pub mod softmax;

pub use buffer::{Buffer, PoolStats, pool_stats, trim_pool};
pub use isa::{Kernel, dispatch};
pub use purlin_core::Plain;
