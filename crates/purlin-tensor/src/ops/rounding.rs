//! Absolute value, sign, rounding, bounds.

use crate::Tensor;
use crate::ops::elementwise::{Grad, Saves, Simple, Table, Unary, simple, unary};
use purlin_backend::elementwise::ops;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = |x|`, so `dy/dx = sign(x)`, 0 at 0.
#[derive(Clone, Copy)]
struct Abs;

impl Unary for Abs {
    const NAME: &'static str = "abs";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 1;
    type Value = ops::Abs;
    fn value(self) -> ops::Abs {
        ops::Abs
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        V::select(
            x.gt(V::splat_f64(0.0)),
            grad_y,
            V::select(x.lt(V::splat_f64(0.0)), -grad_y, V::splat_f64(0.0)),
        )
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        let zero = Tensor::scalar(T::ZERO);
        let x = x.detach();
        let below = crate::where_(&x.lt(&zero), &-grad_y, &zero);
        crate::where_(&x.gt(&zero), grad_y, &below)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Abs>> = Table::new();
        &TABLE
    }
}

/// `y = sign(x)`, so `dy/dx = 0`.
impl Simple for ops::Sign {
    const NAME: &'static str = "sign";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        grad_y.zeros_like()
    }
}

/// `y = floor(x)`, so `dy/dx = 0`.
impl Simple for ops::Floor {
    const NAME: &'static str = "floor";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        grad_y.zeros_like()
    }
}

/// `y = round(x)`, so `dy/dx = 0`.
impl Simple for ops::Round {
    const NAME: &'static str = "round";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        grad_y.zeros_like()
    }
}

/// `y = min(max(x, low), high)`, so `dy/dx = 1` between the bounds and on them, else 0.
#[derive(Clone, Copy)]
struct Clamp(f64, f64);

impl Unary for Clamp {
    const NAME: &'static str = "clamp";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 1;
    type Value = ops::Clamp;
    fn value(self) -> ops::Clamp {
        ops::Clamp(self.0, self.1)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        let is_inside = x.ge(V::splat_f64(self.0)) & x.le(V::splat_f64(self.1));
        V::select(is_inside, grad_y, V::splat_f64(0.0))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        let x = x.detach();
        let bound = |b| Tensor::scalar(T::from_f64(b));
        let is_inside = x.ge(&bound(self.0)) * x.le(&bound(self.1));
        crate::where_(&is_inside, grad_y, &bound(0.0))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Clamp>> = Table::new();
        &TABLE
    }
}

impl<T: Real> Tensor<T> {
    /// The absolute value of every element; the derivative at 0 is 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 2.0]).abs().data(), [1.5, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn abs(&self) -> Self {
        unary(self, Abs)
    }

    /// -1, 0 or 1 for every element; a zero keeps its sign. The derivative is 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 0.0, 2.0]).sign().data(), [-1.0, 0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sign(&self) -> Self {
        simple(self.clone(), ops::Sign)
    }

    /// The largest integer not above each element. The derivative is 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 2.9]).floor().data(), [-2.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn floor(&self) -> Self {
        simple(self.clone(), ops::Floor)
    }

    /// The nearest integer of each element, ties to even. The derivative is 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.5f32, 1.5]).round().data(), [0.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn round(&self) -> Self {
        simple(self.clone(), ops::Round)
    }

    /// Every element held between `low` and `high`; NaN stays NaN. The derivative is 1 on the
    /// bounds too. An infinite bound is none.
    ///
    /// # Panics
    ///
    /// Unless `low <= high`.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 0.5, 2.0]).clamp(0.0, 1.0).data(), [0.0, 0.5, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        assert!(low <= high, "clamp: low must be at most high, got low {low} and high {high}");
        unary(self, Clamp(low, high))
    }
}
