//! Ready operations for [`map`](super::map), [`zip`](super::zip) and [`zip3`](super::zip3).
//! Their derivatives stand beside the operations of `purlin-tensor`.

use super::block::doors;
use super::{MapOp, Zip3Op, ZipOp};
use crate::math;
use purlin_core::simd::Lanes;

macro_rules! map_ops {
    ($($(#[$doc:meta])* $name:ident($cost:literal) |$x:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl MapOp for $name {
            const COST: usize = $cost;
            #[inline(always)]
            fn eval<V: Lanes>(self, $x: V) -> V {
                $body
            }
            doors!(map #[inline(never)]);
        }
    )*};
}

macro_rules! map_ops_with {
    ($($(#[$doc:meta])* $name:ident($cost:literal) |$x:ident, [$($p:ident),+]| $body:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(
            $(#[doc = concat!("`", stringify!($p), "`")] pub map_ops_with!(@f64 $p)),+
        );
        impl MapOp for $name {
            const COST: usize = $cost;
            #[inline(always)]
            fn eval<V: Lanes>(self, $x: V) -> V {
                let Self($($p),+) = self;
                $(let $p = V::splat_f64($p);)+
                $body
            }
            doors!(map #[inline(never)]);
        }
    )*};
    (@f64 $p:ident) => { f64 };
}

macro_rules! zip_ops {
    ($($(#[$doc:meta])* $name:ident($cost:literal) |$a:ident, $b:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl ZipOp for $name {
            const COST: usize = $cost;
            #[inline(always)]
            fn eval<V: Lanes>(self, $a: V, $b: V) -> V {
                $body
            }
            doors!(zip #[inline(never)]);
        }
    )*};
}

#[inline(always)]
fn one<V: Lanes>() -> V {
    V::splat_f64(1.0)
}

#[inline(always)]
fn zero<V: Lanes>() -> V {
    V::splat_f64(0.0)
}

/// 1 where the mask holds, else 0.
#[inline(always)]
fn truth<V: Lanes>(mask: V::Mask) -> V {
    V::select(mask, one(), zero())
}

map_ops! {
    /// `-x`
    Neg(1) |x| -x;
    /// `|x|`
    Abs(1) |x| x.abs();
    /// -1, 0 or 1; a zero keeps its sign, NaN stays NaN.
    Sign(1) |x| V::select(x.gt(zero()), one(), V::select(x.lt(zero()), -one::<V>(), x));
    /// `1 / x`
    Recip(4) |x| one::<V>() / x;
    /// `x^2`
    Square(1) |x| x * x;
    /// The square root.
    Sqrt(6) |x| x.sqrt();
    /// `1 / sqrt(x)`, rounded twice.
    Rsqrt(8) |x| one::<V>() / x.sqrt();
    /// Largest integer not above.
    Floor(1) |x| x.floor();
    /// Nearest integer, ties to even.
    Round(1) |x| x.round_ties_even();
    /// [`math::exp`]
    Exp(8) |x| math::exp(x);
    /// [`math::expm1`]
    Expm1(10) |x| math::expm1(x);
    /// [`math::ln`]
    Ln(10) |x| math::ln(x);
    /// [`math::ln_1p`]
    Ln1p(14) |x| math::ln_1p(x);
    /// [`math::sin`]
    Sin(16) |x| math::sin(x);
    /// [`math::cos`]
    Cos(16) |x| math::cos(x);
    /// [`math::tanh`]
    Tanh(14) |x| math::tanh(x);
    /// [`math::sigmoid`]
    Sigmoid(12) |x| math::sigmoid(x);
    /// [`math::silu`]
    Silu(12) |x| math::silu(x);
    /// [`math::erf`]
    Erf(24) |x| math::erf(x);
    /// [`math::erfc`]
    Erfc(24) |x| math::erfc(x);
    /// [`math::gelu`]
    Gelu(24) |x| math::gelu(x);
    /// [`math::gelu_tanh`]
    GeluTanh(20) |x| math::gelu_tanh(x);
    /// `x` where it is positive, else 0; NaN stays NaN.
    Relu(1) |x| V::select(x.lt(zero()), zero(), x);
    /// Subnormal numbers become zero (the sign is kept); see [`math::flush_subnormal`].
    FlushSubnormal(1) |x| math::flush_subnormal(x);
    /// 1 where `x` is NaN, else 0.
    IsNan(1) |x| truth(x.is_nan());
    /// 1 where `x` is neither infinite nor NaN, else 0.
    IsFinite(1) |x| truth(x.abs().lt(V::splat_f64(f64::INFINITY)));
}

map_ops_with! {
    /// `x + c`
    AddScalar(1) |x, [c]| x + c;
    /// `c - x`
    RsubScalar(1) |x, [c]| c - x;
    /// `x * c`
    MulScalar(1) |x, [c]| x * c;
    /// `x / c`
    DivScalar(4) |x, [c]| x / c;
    /// `c / x`
    RdivScalar(4) |x, [c]| c / x;
    /// `x` held between `low` and `high`; NaN stays NaN.
    Clamp(1) |x, [low, high]| high.min(low.max(x));
    /// `x` where it is positive, else `slope * x`.
    LeakyRelu(1) |x, [slope]| V::select(x.lt(zero()), slope * x, x);
    /// `x` where it is positive, else `alpha (e^x - 1)` (Clevert, Unterthiner, Hochreiter, 2016).
    Elu(10) |x, [alpha]| V::select(x.gt(zero()), x, alpha * math::expm1(x));
    /// `ln(1 + e^(beta x)) / beta`, and `x` where `beta x` is above `threshold`; see
    /// [`math::softplus`].
    Softplus(20) |x, [beta, threshold]| {
        let u = beta * x;
        V::select(u.gt(threshold), x, math::softplus(u) / beta)
    };
    /// `x^exponent`; see [`math::pow`].
    Pow(40) |x, [exponent]| math::pow(x, exponent);
}

/// `x^n` by repeated squaring; see [`math::powi`].
#[derive(Debug, Clone, Copy)]
pub struct Powi(
    /// The exponent.
    pub i32,
);

impl MapOp for Powi {
    const COST: usize = 6;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::powi(x, self.0)
    }
    doors!(map #[inline(never)]);
}

zip_ops! {
    /// `a + b`
    Add(1) |a, b| a + b;
    /// `a - b`
    Sub(1) |a, b| a - b;
    /// `a * b`
    Mul(1) |a, b| a * b;
    /// `a / b`
    Div(4) |a, b| a / b;
    /// The greater one; NaN in either gives NaN.
    Max(1) |a, b| V::select(a.is_nan(), a, V::select(a.gt(b), a, b));
    /// The smaller one; NaN in either gives NaN.
    Min(1) |a, b| V::select(a.is_nan(), a, V::select(a.lt(b), a, b));
    /// [`math::pow`]
    PowElem(40) |a, b| math::pow(a, b);
    /// Magnitude of `a`, sign of `b`.
    Copysign(1) |a, b| a.copysign(b);
    /// `(a - b)^2`
    SquaredDiff(1) |a, b| { let d = a - b; d * d };
    /// 1 where `a < b`, else 0.
    Less(1) |a, b| truth(a.lt(b));
    /// 1 where `a <= b`, else 0.
    LessEq(1) |a, b| truth(a.le(b));
    /// 1 where `a > b`, else 0.
    Greater(1) |a, b| truth(a.gt(b));
    /// 1 where `a >= b`, else 0.
    GreaterEq(1) |a, b| truth(a.ge(b));
    /// 1 where `a == b`, else 0.
    Equal(1) |a, b| truth(a.eq(b));
    /// 1 where `a != b`, else 0.
    NotEqual(1) |a, b| truth(!a.eq(b));
}

/// `a + scale * b` with one rounding.
#[derive(Debug, Clone, Copy)]
pub struct AddScaled(
    /// `scale`
    pub f64,
);

impl ZipOp for AddScaled {
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V) -> V {
        b.mul_add(V::splat_f64(self.0), a)
    }
    doors!(zip #[inline(never)]);
}

/// `mask != 0 ? a : b`, with the mask as the first operand.
#[derive(Debug, Clone, Copy)]
pub struct Where;

impl Zip3Op for Where {
    #[inline(always)]
    fn eval<V: Lanes>(self, mask: V, a: V, b: V) -> V {
        V::select(!mask.eq(zero()), a, b)
    }
    doors!(zip3 #[inline(never)]);
}

/// `a * b + c` with one rounding.
#[derive(Debug, Clone, Copy)]
pub struct MulAdd;

impl Zip3Op for MulAdd {
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V, c: V) -> V {
        a.mul_add(b, c)
    }
    doors!(zip3 #[inline(never)]);
}
