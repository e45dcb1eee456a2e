//! Roots and powers.

use crate::Tensor;
use crate::ops::elementwise::{Binary, Grad, Pull, Saves, Table, Unary, binary, unary};
use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = sqrt(x)`, so `dy/dx = 1 / (2 y)`.
#[derive(Clone, Copy)]
struct Sqrt;

impl Unary for Sqrt {
    const NAME: &'static str = "sqrt";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 6;
    type Value = ops::Sqrt;
    fn value(self) -> ops::Sqrt {
        ops::Sqrt
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y / (y + y)
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y / (y + y)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Sqrt>> = Table::new();
        &TABLE
    }
}

/// `y = 1 / sqrt(x)`, so `dy/dx = -y^3 / 2`.
#[derive(Clone, Copy)]
struct Rsqrt;

impl Unary for Rsqrt {
    const NAME: &'static str = "rsqrt";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 10;
    type Value = ops::Rsqrt;
    fn value(self) -> ops::Rsqrt {
        ops::Rsqrt
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * V::splat_f64(-0.5) * (y * y * y)
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y.mul_scalar(-0.5) * (y * y * y)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Rsqrt>> = Table::new();
        &TABLE
    }
}

/// `y = x^2`, so `dy/dx = 2 x`.
#[derive(Clone, Copy)]
struct Square;

impl Unary for Square {
    const NAME: &'static str = "square";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 1;
    type Value = ops::Square;
    fn value(self) -> ops::Square {
        ops::Square
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * (x + x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (x + x)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Square>> = Table::new();
        &TABLE
    }
}

/// `y = 1 / x`, so `dy/dx = -y^2`.
#[derive(Clone, Copy)]
struct Recip;

impl Unary for Recip {
    const NAME: &'static str = "recip";
    const SAVES: Saves = Saves::Output;
    type Value = ops::Recip;
    fn value(self) -> ops::Recip {
        ops::Recip
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        -(grad_y * (y * y))
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -(grad_y * (y * y))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Recip>> = Table::new();
        &TABLE
    }
}

/// `y = x^n`, so `dy/dx = n x^(n-1)`.
#[derive(Clone, Copy)]
struct Powi(i32);

impl Unary for Powi {
    const NAME: &'static str = "powi";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 6;
    type Value = ops::Powi;
    fn value(self) -> ops::Powi {
        ops::Powi(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        if self.0 == 0 {
            return V::splat_f64(0.0); // not 0 * x^-1, which is NaN at 0
        }
        grad_y * (V::splat_f64(f64::from(self.0)) * math::powi(x, self.0 - 1))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        if self.0 == 0 {
            return x.zeros_like();
        }
        grad_y * x.powi(self.0 - 1).mul_scalar(f64::from(self.0))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Powi>> = Table::new();
        &TABLE
    }
}

/// `y = x^p`, so `dy/dx = p x^(p-1)`.
#[derive(Clone, Copy)]
struct Powf(f64);

impl Unary for Powf {
    const NAME: &'static str = "powf";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 40;
    type Value = ops::Pow;
    fn value(self) -> ops::Pow {
        ops::Pow(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        if self.0 == 0.0 {
            return V::splat_f64(0.0);
        }
        grad_y * (V::splat_f64(self.0) * math::pow(x, V::splat_f64(self.0 - 1.0)))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        if self.0 == 0.0 {
            return x.zeros_like();
        }
        grad_y * x.powf(self.0 - 1.0).mul_scalar(self.0)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Powf>> = Table::new();
        &TABLE
    }
}

/// `y = a^b`, so `dy/da = b a^(b-1)`, `dy/db = a^b ln a` (0 where `a` is 0 and `b` is not negative).
impl Binary for ops::PowElem {
    const NAME: &'static str = "pow";
    const COMMUTES: bool = false;
    const LEFT_READS: (bool, bool) = (true, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        let (a, b) = (pull.a(), pull.b());
        let power = b * a.pow(&(b - T::ONE));
        // b = 0 makes a constant, also at a = 0, where 0 * a^-1 would be NaN.
        let zero = Tensor::scalar(T::ZERO);
        pull.grad.clone() * crate::where_(&b.eq_elem(&zero), &power.zeros_like(), &power)
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        let (a, b) = (pull.a(), pull.b());
        let zero = Tensor::scalar(T::ZERO);
        // 0^b = 0 for all b > 0; the logarithm of a harmless 1 stands in.
        let is_flat = a.eq_elem(&zero) * b.ge(&zero);
        let one = Tensor::scalar(T::ONE);
        let safe = crate::where_(&is_flat, &one, a);
        pull.grad.clone() * crate::where_(&is_flat, &zero, &(a.pow(b) * safe.ln()))
    }
}

/// The square root of sums of squares, with the derivative 0 at 0: there each term is at its least,
/// and an infinity would meet its derivative 0 in a NaN.
#[track_caller]
pub(crate) fn root_of_squares<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    if !x.is_tracked() {
        return x.sqrt();
    }
    let is_flat = x.eq_scalar(0.0);
    let safe = crate::where_(&is_flat, &Tensor::scalar(T::ONE), x);
    crate::where_(&is_flat, &Tensor::scalar(T::ZERO), &safe.sqrt())
}

impl<T: Real> Tensor<T> {
    /// The square root of every element, correctly rounded; NaN below 0. The derivative at 0 is
    /// infinite.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 0.25]).sqrt().data(), [2.0, 0.5]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sqrt(&self) -> Self {
        unary(self, Sqrt)
    }

    /// `1 / sqrt(x)` of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 0.25]).rsqrt().data(), [0.5, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rsqrt(&self) -> Self {
        unary(self, Rsqrt)
    }

    /// `x^2` of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-3.0f32, 0.5]).square().data(), [9.0, 0.25]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn square(&self) -> Self {
        unary(self, Square)
    }

    /// `1 / x` of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, -0.5]).recip().data(), [0.25, -2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn recip(&self) -> Self {
        unary(self, Recip)
    }

    /// `x^n` of every element, by repeated squaring.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.5]).powi(3).data(), [-8.0, 0.125]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn powi(&self, n: i32) -> Self {
        unary(self, Powi(n))
    }

    /// `x^p` of every element; NaN where `x` is negative and `p` no integer.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([4.0f32]).powf(1.5).data(), [8.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn powf(&self, p: f64) -> Self {
        unary(self, Powf(p))
    }

    /// `x^y` element by element, with broadcasting.
    ///
    /// # Panics
    ///
    /// When the shapes do not broadcast.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([2.0f32, 3.0]);
    /// assert_eq!(x.pow(&Tensor::from([3.0, 2.0])).data(), [8.0, 9.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn pow(&self, exponent: &Self) -> Self {
        binary(self.clone(), exponent.clone(), ops::PowElem)
    }
}
