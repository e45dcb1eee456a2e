//! Exponential and logarithm.

use crate::Tensor;
use crate::ops::elementwise::{Saves, Unary, UnaryTable, unary};
use purlin_backend::math;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = e^x`, so `dy/dx = y`.
#[derive(Clone, Copy)]
struct Exp;

impl Unary for Exp {
    const NAME: &'static str = "exp";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 8;
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Exp> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::exp(x)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * y
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * y
    }
}

/// `y = e^x - 1`, so `dy/dx = y + 1`.
#[derive(Clone, Copy)]
struct Expm1;

impl Unary for Expm1 {
    const NAME: &'static str = "expm1";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 10;
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Expm1> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::expm1(x)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * (y + V::splat_f64(1.0))
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (y + T::ONE)
    }
}

/// `y = ln x`, so `dy/dx = 1 / x`.
#[derive(Clone, Copy)]
struct Ln;

impl Unary for Ln {
    const NAME: &'static str = "ln";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 10;
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Ln> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::ln(x)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y / x
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y / x
    }
}

/// `y = ln(1 + x)`, so `dy/dx = 1 / (1 + x)`.
#[derive(Clone, Copy)]
struct Ln1p;

impl Unary for Ln1p {
    const NAME: &'static str = "ln_1p";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 14;
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Ln1p> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::ln_1p(x)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y / (x + V::splat_f64(1.0))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y / (x + T::ONE)
    }
}

impl<T: Real> Tensor<T> {
    /// `e^x` of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::NEG_INFINITY]).exp().data(), [1.0, 0.0]);
    /// ```
    #[must_use]
    pub fn exp(&self) -> Self {
        unary(self, Exp)
    }

    /// `e^x - 1` of every element, accurate near 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1e-30f32]).expm1().data(), [1e-30]);
    /// ```
    #[must_use]
    pub fn expm1(&self) -> Self {
        unary(self, Expm1)
    }

    /// The natural logarithm of every element: -inf at 0, NaN below.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 0.0]).ln().data(), [0.0, f32::NEG_INFINITY]);
    /// ```
    #[must_use]
    pub fn ln(&self) -> Self {
        unary(self, Ln)
    }

    /// `ln(1 + x)` of every element, accurate near 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1e-30f32]).ln_1p().data(), [1e-30]);
    /// ```
    #[must_use]
    pub fn ln_1p(&self) -> Self {
        unary(self, Ln1p)
    }
}
