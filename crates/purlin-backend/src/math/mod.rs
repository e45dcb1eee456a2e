//! Elementary functions on vectors: the same operations in the same order on every instruction
//! set, and so the same bits.
//!
//! They are written over [`Lanes`] and are called inside kernels; [`scalar`] and [`scalar2`]
//! evaluate one number. Special values are those of the definition: limits at infinities, NaN for
//! NaN, signs of zeros kept, gradual underflow. Polynomials come from `tools/coefficients.py`
//! (Remez's algorithm).
//!
//! # Accuracy
//!
#![doc = include_str!("../../docs/accuracy.md")]

mod coefficients;
mod erf;
mod exp;
mod log;
mod poly;
mod pow;
mod tanh;
mod trig;

pub use erf::{erf, erfc, gelu, gelu_grad, gelu_tanh, gelu_tanh_grad, gelu_with_grad};
pub use exp::{exp, expm1, sigmoid, silu, silu_grad, softplus};
pub use log::{ln, ln_1p};
pub use pow::{pow, powi};
pub use tanh::tanh;
pub use trig::{cos, sin};

use crate::elementwise::{MapOp, ZipOp};
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Subnormal numbers become zero of their sign; everything else stays.
///
/// Optimizer states shrink by a constant factor per step and would otherwise live in the
/// subnormal range, where each operation costs the CPU some hundred cycles.
#[inline(always)]
pub fn flush_subnormal<V: Lanes>(x: V) -> V {
    let is_small = x.abs().lt(V::splat(V::Scalar::MIN_POSITIVE));
    V::select(is_small, V::splat(V::Scalar::ZERO).copysign(x), x)
}

/// `op(x)` of one number, with the bits that [`elementwise::map`](crate::elementwise::map) gives.
///
/// # Examples
///
/// ```
/// use purlin_backend::{elementwise::ops, math};
///
/// assert_eq!(math::scalar(ops::Exp, 0.0f64), 1.0);
/// assert_eq!(math::scalar(ops::Tanh, f32::INFINITY), 1.0);
/// ```
pub fn scalar<T: Real, F: MapOp>(op: F, x: T) -> T {
    struct One<T, F>(F, T);
    impl<T: Real, F: MapOp> Kernel for One<T, F> {
        type Output = T;
        #[inline(always)]
        fn run<I: Isa>(self) -> T {
            let mut out = [T::ZERO];
            self.0.eval(T::Lanes::<I>::splat(self.1)).store_partial(&mut out);
            out[0]
        }
    }
    dispatch(One(op, x))
}

/// `op(a, b)` of two numbers; see [`scalar`].
pub fn scalar2<T: Real, F: ZipOp>(op: F, a: T, b: T) -> T {
    struct Two<T, F>(F, T, T);
    impl<T: Real, F: ZipOp> Kernel for Two<T, F> {
        type Output = T;
        #[inline(always)]
        fn run<I: Isa>(self) -> T {
            let mut out = [T::ZERO];
            let (a, b) = (T::Lanes::<I>::splat(self.1), T::Lanes::<I>::splat(self.2));
            self.0.eval(a, b).store_partial(&mut out);
            out[0]
        }
    }
    dispatch(Two(op, a, b))
}
