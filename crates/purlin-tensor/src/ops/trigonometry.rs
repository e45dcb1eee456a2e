//! Trigonometry.

use crate::Tensor;
use crate::ops::elementwise::{Saves, Unary, UnaryTable, unary};
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
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Sin> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::sin(x)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * math::cos(x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * x.cos()
    }
}

/// `y = cos x`, so `dy/dx = -sin x`.
#[derive(Clone, Copy)]
struct Cos;

impl Unary for Cos {
    const NAME: &'static str = "cos";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 16;
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Cos> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        math::cos(x)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        -(grad_y * math::sin(x))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -(grad_y * x.sin())
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
