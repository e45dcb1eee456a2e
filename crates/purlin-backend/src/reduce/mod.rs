//! Sums, extremes and moments: of everything, along an axis, and over broadcast axes.
//!
//! Around an axis an array is `(outer, size, inner)`: element `(o, i, j)` lies at
//! `(o * size + i) * inner + j`. The order of every sum depends on the shape only: lanes and
//! blocks are fixed, and block results are combined in a fixed tree.

mod arg;
mod axis;
mod broadcast;
mod moments;
pub(crate) mod row;
#[cfg(feature = "nn")]
mod row_sums;

pub use arg::{argmax_axis, argmin_axis};
pub use axis::{fold_axis, max_axis, min_axis, prod_axis, sum_axis};
pub use broadcast::sum_to;
pub use moments::mean_var_axis;
#[cfg(feature = "nn")]
pub(crate) use row_sums::{RowSums, SharedRowSums};

use crate::elementwise::work;
use crate::mono::once;
use crate::{Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// Elements per block of a long sum.
const BLOCK: usize = 1 << 14;

/// The sum of all elements, 0 without any.
///
/// # Examples
///
/// ```
/// assert_eq!(purlin_backend::reduce::sum(&[1.0f32, 2.0, 3.5]), 6.5);
/// ```
pub fn sum<T: Real>(x: &[T]) -> T {
    once!(|x: &[T]| -> T {
        struct Sum<'a, T>(&'a [T]);
        impl<T: Real> Kernel for Sum<'_, T> {
            type Output = T;
            #[inline(always)]
            fn run<I: Isa>(self) -> T {
                row::sum::<I, T>(self.0)
            }
        }
        in_blocks(x.len(), work::<T>(x.len(), 1, 1), |from, to| dispatch(Sum(&x[from..to])))
    })
}

/// The inner product.
///
/// # Panics
///
/// When the lengths differ.
///
/// # Examples
///
/// ```
/// assert_eq!(purlin_backend::reduce::dot(&[1.0f64, 2.0], &[3.0, 4.0]), 11.0);
/// ```
#[track_caller]
pub fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    once!(|x: &[T], y: &[T]| -> T {
        struct Dot<'a, T>(&'a [T], &'a [T]);
        impl<T: Real> Kernel for Dot<'_, T> {
            type Output = T;
            #[inline(always)]
            fn run<I: Isa>(self) -> T {
                row::dot::<I, T>(self.0, self.1)
            }
        }
        assert_eq!(x.len(), y.len(), "dot: x and y must have one length");
        in_blocks(x.len(), work::<T>(x.len(), 2, 1), |from, to| {
            dispatch(Dot(&x[from..to], &y[from..to]))
        })
    })
}

/// Adds `f(from, to)` over fixed blocks of `0..n`.
fn in_blocks<T: Real>(n: usize, work: usize, f: impl Fn(usize, usize) -> T + Sync + Send) -> T {
    if n <= BLOCK {
        return f(0, n);
    }
    let blocks = n.div_ceil(BLOCK);
    let block = |i: usize| f(i * BLOCK, n.min((i + 1) * BLOCK));
    parallel::reduce(blocks, work, block, |a, b| a + b).unwrap_or(T::ZERO)
}
