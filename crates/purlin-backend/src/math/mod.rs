//! Elementary functions on vectors, the same operations in the same order on every instruction
//! set, and so the same bits.
//!
//! `docs/accuracy.md` holds the measured errors.

use crate::elementwise::{MapOp, ZipOp};
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};

/// Applies a function of doubles to each lane.
#[inline(always)]
fn by_lane<V: Lanes>(x: V, f: impl Fn(f64) -> f64) -> V {
    let mut buffer = [V::Scalar::ZERO; MAX_LANES];
    x.store(&mut buffer);
    for lane in &mut buffer[..V::LANES] {
        *lane = V::Scalar::from_f64(f(lane.to_f64()));
    }
    V::load(&buffer)
}

/// `e^x`
#[inline(always)]
pub fn exp<V: Lanes>(x: V) -> V {
    by_lane(x, libm::exp)
}

/// `e^x - 1`, accurate near 0.
#[inline(always)]
pub fn expm1<V: Lanes>(x: V) -> V {
    by_lane(x, libm::expm1)
}

/// The natural logarithm: -inf at 0, NaN below.
#[inline(always)]
pub fn ln<V: Lanes>(x: V) -> V {
    by_lane(x, libm::log)
}

/// `ln(1 + x)`, accurate near 0.
#[inline(always)]
pub fn ln_1p<V: Lanes>(x: V) -> V {
    by_lane(x, libm::log1p)
}

/// The sine of `x` radians; NaN at infinities.
#[inline(always)]
pub fn sin<V: Lanes>(x: V) -> V {
    by_lane(x, libm::sin)
}

/// The cosine of `x` radians; NaN at infinities.
#[inline(always)]
pub fn cos<V: Lanes>(x: V) -> V {
    by_lane(x, libm::cos)
}

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh<V: Lanes>(x: V) -> V {
    by_lane(x, libm::tanh)
}

/// The logistic function `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid<V: Lanes>(x: V) -> V {
    by_lane(x, |x| 1.0 / (1.0 + libm::exp(-x)))
}

/// `ln(1 + e^x)`
#[inline(always)]
pub fn softplus<V: Lanes>(x: V) -> V {
    by_lane(x, |x| if x > 0.0 { x + libm::log1p(libm::exp(-x)) } else { libm::log1p(libm::exp(x)) })
}

/// `x sigmoid(x)`, also known as swish.
#[inline(always)]
pub fn silu<V: Lanes>(x: V) -> V {
    by_lane(x, |x| x / (1.0 + libm::exp(-x)))
}

/// The derivative of [`silu`].
#[inline(always)]
pub fn silu_grad<V: Lanes>(x: V) -> V {
    let s = sigmoid(x);
    let one = V::splat_f64(1.0);
    s * x.mul_add(one - s, one)
}

/// The error function `2/sqrt(pi) int_0^x e^(-t^2) dt`.
#[inline(always)]
pub fn erf<V: Lanes>(x: V) -> V {
    by_lane(x, libm::erf)
}

/// `1 - erf(x)`, accurate in the tail.
#[inline(always)]
pub fn erfc<V: Lanes>(x: V) -> V {
    by_lane(x, libm::erfc)
}

/// `x Phi(x)` with the normal distribution function `Phi` (Hendrycks and Gimpel, 2016).
#[inline(always)]
pub fn gelu<V: Lanes>(x: V) -> V {
    by_lane(x, |x| 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2))
}

/// The derivative of [`gelu`].
#[inline(always)]
pub fn gelu_grad<V: Lanes>(x: V) -> V {
    by_lane(x, |x| {
        let density = libm::exp(-0.5 * x * x) * 0.398_942_280_401_432_7;
        0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2) + x * density
    })
}

/// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, the usual approximation of [`gelu`].
#[inline(always)]
pub fn gelu_tanh<V: Lanes>(x: V) -> V {
    by_lane(x, |x| x / (1.0 + libm::exp(-1.595_769_121_605_730_7 * (x + 0.044_715 * x * x * x))))
}

/// The derivative of [`gelu_tanh`].
#[inline(always)]
pub fn gelu_tanh_grad<V: Lanes>(x: V) -> V {
    by_lane(x, |x| {
        let s = 1.0 / (1.0 + libm::exp(-1.595_769_121_605_730_7 * (x + 0.044_715 * x * x * x)));
        s + x * s * (1.0 - s) * 1.595_769_121_605_730_7 * (1.0 + 0.134_145 * x * x)
    })
}

/// `x^y`, with the special values of IEEE 754.
#[inline(always)]
pub fn pow<V: Lanes>(x: V, y: V) -> V {
    let (mut base, mut exponent) = ([V::Scalar::ZERO; MAX_LANES], [V::Scalar::ZERO; MAX_LANES]);
    x.store(&mut base);
    y.store(&mut exponent);
    for (x, y) in base.iter_mut().zip(exponent) {
        *x = V::Scalar::from_f64(libm::pow(x.to_f64(), y.to_f64()));
    }
    V::load(&base)
}

/// `x^n` by repeated squaring; a negative `n` inverts the power of `|n|`.
#[inline(always)]
pub fn powi<V: Lanes>(x: V, n: i32) -> V {
    let mut left = n.unsigned_abs();
    let mut power = V::splat_f64(1.0);
    let mut square = x;
    while left > 0 {
        if left & 1 == 1 {
            power = power * square;
        }
        left >>= 1;
        if left > 0 {
            square = square * square;
        }
    }
    if n < 0 { V::splat_f64(1.0) / power } else { power }
}

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
