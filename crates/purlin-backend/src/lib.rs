//! The kernels of Purlin: functions on slices of `f32` and `f64`
//! with explicit dimensions. SIMD is chosen at run time (AVX-512, AVX2 with FMA, NEON, plain Rust),
//! threads come from rayon, and the bits of every result are the same on all of them.
//!
//! ```
//! use purlin_backend::elementwise::{self, ops};
//! use purlin_backend::{reduce, softmax};
//!
//! let logits = [1.0f32, 2.0, 3.0, 1.0, 1.0, 1.0]; // two rows of three classes
//! let mut probs = [0.0; 6];
//! softmax::softmax(&logits, 2, 3, &mut probs);
//!
//! let mut best = [0; 2];
//! reduce::argmax_axis(&probs, 2, 3, 1, &mut best);
//! assert_eq!(best, [2, 0]); // ties go to the smallest index
//!
//! let mut y = [0.0; 6];
//! elementwise::map(ops::Gelu, &logits, &mut y);
//! assert!((reduce::sum(&probs) - 2.0).abs() < 1e-6);
//! ```
//!
//! ## Modules
//!
//! | module | what it holds |
//! |---|---|
//! | [`gemm`] | matrix product with a fused bias and activation |
//! | [`conv`] | 2-D convolution and its gradients |
//! | [`pool`] | maximum and average pooling and their gradients |
//! | [`elementwise`] | maps of one to three operands, broadcasting, updates of several arrays at once |
//! | [`math`] | exp, ln, tanh, erf, sin, pow, ... of vectors, within 1.5 ulp (measured, see there) |
//! | [`reduce`] | sums, extremes, moments: of everything, along an axis, over broadcast axes |
//! | [`softmax`] | softmax, log-sum-exp, cross-entropy along rows |
//! | [`norm`] | layer, batch and group normalisation and their gradients |
//! | [`layout`] | transpose, permute, slices, gather and scatter |
//! | [`random`] | uniform, normal and Bernoulli arrays from named streams |
//! | [`isa`] | which instruction set runs, and how to pin it |
//! | [`parallel`] | fixed blocks over threads, reductions in a fixed tree |
//! | [`Buffer`] | aligned storage that returns to a pool |
//!
//! ## The same bits
//!
//! Work is cut into blocks whose size depends on the shape only. A sum runs in 16 lanes of `f32` or 8
//! of `f64` whatever the registers are, four such vectors at a time where a run is long, and block
//! results meet in a fixed tree. Products are fused with the sum that follows. Elementary functions
//! are our own polynomials. `PURLIN_ISA=scalar|avx2|avx512|neon` pins the instruction set, and the
//! tests compare bits between all of them and between 1, 2, 3 and 8 threads.
//!
//! ## A kernel of your own
//!
//! Write one body over [`Lanes`](purlin_core::simd::Lanes); [`dispatch`] runs it on the instruction set at hand.
//!
//! ```
//! use purlin_backend::{Kernel, dispatch};
//! use purlin_core::simd::{Isa, Lanes};
//!
//! /// The sum of squares of whole vectors of `x`.
//! struct SumOfSquares<'a>(&'a [f32]);
//!
//! impl Kernel for SumOfSquares<'_> {
//!     type Output = f32;
//!     #[inline(always)]
//!     fn run<I: Isa>(self) -> f32 {
//!         let mut sum = I::F32::splat(0.0);
//!         for x in self.0.chunks(I::F32::LANES) {
//!             let x = I::F32::load_partial(x, 0.0);
//!             sum = x.mul_add(x, sum);
//!         }
//!         sum.sum()
//!     }
//! }
//!
//! assert_eq!(dispatch(SumOfSquares(&[3.0, 4.0])), 25.0);
//! ```
//!
//! There are no features. `unsafe` lives in this crate only, each block with the fact it relies on.
//!
//! The determinism contract is stated in `docs/reproducibility.md` of the repository.
#![allow(unsafe_code, reason = "the SIMD kernels of the project live here and nowhere else")]

mod buffer;
pub mod conv;
pub mod distance;
pub mod elementwise;
pub mod gemm;
mod indices;
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
