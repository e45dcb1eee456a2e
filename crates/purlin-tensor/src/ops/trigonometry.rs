//! Trigonometry.

use crate::Tensor;
use crate::ops::elementwise::{Grad, Saves, Table, Unary, unary};
use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = sin x`, so `dy/dx = cos x`.
#[derive(Clone, Copy)]
struct Sin;

impl Unary for Sin {
    const NAME: &'static str = "sin";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 16;
    type Value = ops::Sin;
    fn value(self) -> ops::Sin {
        ops::Sin
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * math::cos(x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * x.cos()
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Sin>> = Table::new();
        &TABLE
    }
}

/// `y = cos x`, so `dy/dx = -sin x`.
#[derive(Clone, Copy)]
struct Cos;

impl Unary for Cos {
    const NAME: &'static str = "cos";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 16;
    type Value = ops::Cos;
    fn value(self) -> ops::Cos {
        ops::Cos
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        -(grad_y * math::sin(x))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -(grad_y * x.sin())
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Cos>> = Table::new();
        &TABLE
    }
}

impl<T: Real> Tensor<T> {
    /// The sine of every element, in radians.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).sin().data(), [0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sin(&self) -> Self {
        unary(self, Sin)
    }

    /// The cosine of every element, in radians.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32]).cos().data(), [1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cos(&self) -> Self {
        unary(self, Cos)
    }
}
