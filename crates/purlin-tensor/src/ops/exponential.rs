//! Exponential and logarithm.

use crate::Tensor;
use crate::ops::elementwise::{Grad, Saves, Table, Unary, unary};
use purlin_backend::elementwise::ops;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = e^x`, so `dy/dx = y`.
#[derive(Clone, Copy)]
struct Exp;

impl Unary for Exp {
    const NAME: &'static str = "exp";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 8;
    type Value = ops::Exp;
    fn value(self) -> ops::Exp {
        ops::Exp
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * y
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * y
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Exp>> = Table::new();
        &TABLE
    }
}

/// `y = e^x - 1`, so `dy/dx = y + 1`.
#[derive(Clone, Copy)]
struct Expm1;

impl Unary for Expm1 {
    const NAME: &'static str = "expm1";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 10;
    type Value = ops::Expm1;
    fn value(self) -> ops::Expm1 {
        ops::Expm1
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * (y + V::splat_f64(1.0))
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (y + T::ONE)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Expm1>> = Table::new();
        &TABLE
    }
}

/// `y = ln x`, so `dy/dx = 1 / x`.
#[derive(Clone, Copy)]
struct Ln;

impl Unary for Ln {
    const NAME: &'static str = "ln";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 10;
    type Value = ops::Ln;
    fn value(self) -> ops::Ln {
        ops::Ln
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y / x
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y / x
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Ln>> = Table::new();
        &TABLE
    }
}

/// `y = ln(1 + x)`, so `dy/dx = 1 / (1 + x)`.
#[derive(Clone, Copy)]
struct Ln1p;

impl Unary for Ln1p {
    const NAME: &'static str = "ln_1p";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 14;
    type Value = ops::Ln1p;
    fn value(self) -> ops::Ln1p {
        ops::Ln1p
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y / (x + V::splat_f64(1.0))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y / (x + T::ONE)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Ln1p>> = Table::new();
        &TABLE
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
