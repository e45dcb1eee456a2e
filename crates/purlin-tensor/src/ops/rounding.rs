//! Absolute value, sign, rounding, bounds.

use crate::Tensor;
use crate::ops::elementwise::{Saves, Simple, SimpleTable, Unary, UnaryTable, simple, unary};
use purlin_backend::elementwise::MapOp;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = |x|`, so `dy/dx = sign(x)`, 0 at 0.
#[derive(Clone, Copy)]
struct Abs;

impl Unary for Abs {
    const NAME: &'static str = "abs";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 1;
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Abs> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x.abs()
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
}

/// `y = sign(x)`, so `dy/dx = 0`.
#[derive(Clone, Copy)]
struct Sign;

impl MapOp for Sign {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        V::select(
            x.gt(V::splat_f64(0.0)),
            V::splat_f64(1.0),
            V::select(x.lt(V::splat_f64(0.0)), -V::splat_f64(1.0), x),
        )
    }
}

impl Simple for Sign {
    const NAME: &'static str = "sign";
    fn table() -> &'static SimpleTable<Self> {
        static TABLE: SimpleTable<Sign> = SimpleTable::new();
        &TABLE
    }
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        grad_y.zeros_like()
    }
}

/// `y = floor(x)`, so `dy/dx = 0`.
#[derive(Clone, Copy)]
struct Floor;

impl MapOp for Floor {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x.floor()
    }
}

impl Simple for Floor {
    const NAME: &'static str = "floor";
    fn table() -> &'static SimpleTable<Self> {
        static TABLE: SimpleTable<Floor> = SimpleTable::new();
        &TABLE
    }
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        grad_y.zeros_like()
    }
}

/// `y = round(x)`, so `dy/dx = 0`.
#[derive(Clone, Copy)]
struct Round;

impl MapOp for Round {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x.round_ties_even()
    }
}

impl Simple for Round {
    const NAME: &'static str = "round";
    fn table() -> &'static SimpleTable<Self> {
        static TABLE: SimpleTable<Round> = SimpleTable::new();
        &TABLE
    }
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
    fn table() -> &'static UnaryTable<Self> {
        static TABLE: UnaryTable<Clamp> = UnaryTable::new();
        &TABLE
    }
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        V::splat_f64(self.1).min(V::splat_f64(self.0).max(x))
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
        simple(self.clone(), Sign)
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
        simple(self.clone(), Floor)
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
        simple(self.clone(), Round)
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
