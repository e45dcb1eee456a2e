//! Activations: smooth and piecewise linear functions between layers.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::elementwise::{Grad, Saves, Table, Unary, unary};
use purlin_backend::elementwise::{self, ops};
use purlin_backend::gemm::Activation;
use purlin_backend::{Buffer, math};
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// `y = tanh x`, so `dy/dx = 1 - y^2`.
#[derive(Clone, Copy)]
struct Tanh;

impl Unary for Tanh {
    const NAME: &'static str = "tanh";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 14;
    type Value = ops::Tanh;
    fn value(self) -> ops::Tanh {
        ops::Tanh
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * (-y).mul_add(y, V::splat_f64(1.0))
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (y.square().mul_scalar(-1.0) + T::ONE)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Tanh>> = Table::new();
        &TABLE
    }
}

/// `y = 1 / (1 + e^-x)`, so `dy/dx = y (1 - y)`.
#[derive(Clone, Copy)]
struct Sigmoid;

impl Unary for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 12;
    type Value = ops::Sigmoid;
    fn value(self) -> ops::Sigmoid {
        ops::Sigmoid
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        grad_y * (y * (V::splat_f64(1.0) - y))
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (y * (-y + T::ONE))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Sigmoid>> = Table::new();
        &TABLE
    }
}

/// `y = ln(1 + e^(b x)) / b`, and `x` where `b x` is above the threshold; so `dy/dx = sigmoid(b x)`
/// or 1.
#[derive(Clone, Copy)]
struct Softplus {
    beta: f64,
    threshold: f64,
}

impl Softplus {
    /// From here on the logarithm adds less than half an ulp to `b x`, in f64 too.
    const LINEAR: f64 = 100.0;
}

impl Unary for Softplus {
    const NAME: &'static str = "softplus";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 20;
    type Value = ops::Softplus;
    fn value(self) -> ops::Softplus {
        ops::Softplus(self.beta, self.threshold)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        let u = x * V::splat_f64(self.beta);
        V::select(u.gt(V::splat_f64(self.threshold)), grad_y, grad_y * math::sigmoid(u))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        let u = x.mul_scalar(self.beta);
        crate::where_(&u.gt_scalar(self.threshold), grad_y, &(grad_y * u.sigmoid()))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Softplus>> = Table::new();
        &TABLE
    }
}

/// `y = max(x, 0)`, so `dy/dx = 0` where `x <= 0`, else 1.
#[derive(Clone, Copy)]
struct Relu;

impl Unary for Relu {
    const NAME: &'static str = "relu";
    const SAVES: Saves = Saves::Output;
    const COST: usize = 1;
    type Value = ops::Relu;
    fn value(self) -> ops::Relu {
        ops::Relu
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, y: V, grad_y: V) -> V {
        // Not `y > 0`: NaN passes its gradient on, as it passes itself.
        V::select(y.le(V::splat_f64(0.0)), V::splat_f64(0.0), grad_y)
    }
    fn grad_graph<T: Real>(self, y: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        crate::where_(&y.detach(), grad_y, &Tensor::scalar(T::ZERO))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Relu>> = Table::new();
        &TABLE
    }
}

/// `y = s x` where `x <= 0`, else `x`; so `dy/dx = s` or 1.
#[derive(Clone, Copy)]
struct LeakyRelu(f64);

impl Unary for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 1;
    type Value = ops::LeakyRelu;
    fn value(self) -> ops::LeakyRelu {
        ops::LeakyRelu(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        let slope = V::splat_f64(self.0);
        V::select(x.le(V::splat_f64(0.0)), slope * grad_y, grad_y)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        crate::where_(&x.le_scalar(0.0), &grad_y.mul_scalar(self.0), grad_y)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<LeakyRelu>> = Table::new();
        &TABLE
    }
}

/// `y = x` where `x > 0`, else `a (e^x - 1)`; so `dy/dx = 1` or `a e^x`.
#[derive(Clone, Copy)]
struct Elu(f64);

impl Unary for Elu {
    const NAME: &'static str = "elu";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 10;
    type Value = ops::Elu;
    fn value(self) -> ops::Elu {
        ops::Elu(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        let slope = V::splat_f64(self.0) * math::exp(x);
        V::select(x.gt(V::splat_f64(0.0)), grad_y, grad_y * slope)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        let zero = Tensor::scalar(T::ZERO);
        let is_positive = x.gt_scalar(0.0);
        // Where x is positive its exponential is not used, and must not overflow either.
        let slope = crate::where_(&is_positive, &zero, x).exp().mul_scalar(self.0);
        crate::where_(&is_positive, grad_y, &(grad_y * slope))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Elu>> = Table::new();
        &TABLE
    }
}

/// `y = x s(x)` with the sigmoid `s`, so `dy/dx = s (1 + x (1 - s))`.
#[derive(Clone, Copy)]
struct Silu;

impl Unary for Silu {
    const NAME: &'static str = "silu";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 14;
    type Value = ops::Silu;
    fn value(self) -> ops::Silu {
        ops::Silu
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * math::silu_grad(x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        let x = within(x, 1e4);
        // 1 - s as sigmoid(-x), which keeps its digits for large x.
        grad_y * (x.sigmoid() * (&x * (-&x).sigmoid() + T::ONE))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Silu>> = Table::new();
        &TABLE
    }
}

/// `y = x P(x)` with the normal distribution function `P` and its density `p`, so `dy/dx = P + x p`,
/// which the way forwards has at hand.
struct GeluBackward<T: Real> {
    /// For second derivatives.
    x: Tensor<T>,
    slope: Tensor<T>,
}

impl<T: Real> Backward<T> for GeluBackward<T> {
    fn name(&self) -> &'static str {
        "gelu"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if !flow.is_graph() {
            flow.send(0, grad * &self.slope);
            return;
        }
        let x = within(&flow.input(0, &self.x), 40.0);
        let cdf = x.mul_scalar(-std::f64::consts::FRAC_1_SQRT_2).erfc().mul_scalar(0.5);
        let density = x.square().mul_scalar(-0.5).exp().mul_scalar(FRAC_1_SQRT_2PI);
        flow.send(0, grad * (cdf + x * density));
    }
}

/// `y = x s(2 u)` with `u = sqrt(2/pi) (x + 0.044715 x^3)` and the sigmoid `s` (the same as
/// `x/2 (1 + tanh u)`), so `dy/dx = s + x s (1 - s) 2 u'`.
#[derive(Clone, Copy)]
struct GeluTanh;

impl Unary for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 24;
    type Value = ops::GeluTanh;
    fn value(self) -> ops::GeluTanh {
        ops::GeluTanh
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * math::gelu_tanh_grad(x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        let x = within(x, 22.0);
        let square = x.square();
        let u = (&x * square.mul_scalar(0.044_715).add_scalar(1.0)).mul_scalar(SQRT_8_OVER_PI);
        let slope = square.mul_scalar(0.134_145).add_scalar(1.0).mul_scalar(SQRT_8_OVER_PI);
        grad_y * (u.sigmoid() * (x * slope * (-u).sigmoid() + T::ONE))
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<GeluTanh>> = Table::new();
        &TABLE
    }
}

/// `y = erf x = 2/sqrt(pi) int_0^x e^(-t^2) dt`, so `dy/dx = 2/sqrt(pi) e^(-x^2)`.
#[derive(Clone, Copy)]
struct Erf;

impl Unary for Erf {
    const NAME: &'static str = "erf";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 24;
    type Value = ops::Erf;
    fn value(self) -> ops::Erf {
        ops::Erf
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * (V::splat_f64(std::f64::consts::FRAC_2_SQRT_PI) * math::exp(-(x * x)))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (-x.square()).exp().mul_scalar(std::f64::consts::FRAC_2_SQRT_PI)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Erf>> = Table::new();
        &TABLE
    }
}

/// `y = erfc x = 1 - erf x`, so `dy/dx = -2/sqrt(pi) e^(-x^2)`.
#[derive(Clone, Copy)]
struct Erfc;

impl Unary for Erfc {
    const NAME: &'static str = "erfc";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 24;
    type Value = ops::Erfc;
    fn value(self) -> ops::Erfc {
        ops::Erfc
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        grad_y * (V::splat_f64(-std::f64::consts::FRAC_2_SQRT_PI) * math::exp(-(x * x)))
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y * (-x.square()).exp().mul_scalar(-std::f64::consts::FRAC_2_SQRT_PI)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<Erfc>> = Table::new();
        &TABLE
    }
}

/// `x` held to `-bound ..= bound`, beyond which a derivative has reached its limit and an infinite
/// `x` would make `0 * inf` of it. NaN passes.
fn within<T: Real>(x: &Tensor<T>, bound: f64) -> Tensor<T> {
    let bound = Tensor::scalar(T::from_f64(bound));
    x.maximum(&-&bound).minimum(&bound)
}

/// `1 / sqrt(2 pi)`
const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
/// `2 sqrt(2 / pi)`
const SQRT_8_OVER_PI: f64 = 1.595_769_121_605_730_7;

impl<T: Real> Tensor<T> {
    /// The activation that a value names, as [`linear`](crate::linear) and
    /// [`conv2d`](crate::conv2d) apply it.
    ///
    /// ```
    /// use purlin_tensor::{Activation, Tensor};
    /// let x = Tensor::from([-1.0f32, 2.0]);
    /// assert_eq!(x.activate(Activation::LeakyRelu(0.5)).data(), [-0.5, 2.0]);
    /// assert_eq!(x.activate(Activation::Identity), x);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn activate(&self, activation: Activation) -> Self {
        match activation {
            Activation::Identity => self.clone(),
            Activation::Relu => self.relu(),
            Activation::LeakyRelu(slope) => self.leaky_relu(slope),
            Activation::Sigmoid => self.sigmoid(),
            Activation::Tanh => self.tanh(),
        }
    }

    /// The hyperbolic tangent of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::INFINITY]).tanh().data(), [0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn tanh(&self) -> Self {
        unary(self, Tanh)
    }

    /// The logistic function `1 / (1 + e^-x)` of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::INFINITY]).sigmoid().data(), [0.5, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sigmoid(&self) -> Self {
        unary(self, Sigmoid)
    }

    /// `ln(1 + e^x)` of every element, without overflow.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1000.0f32]).softplus().data(), [1000.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn softplus(&self) -> Self {
        self.softplus_with(1.0, f64::INFINITY)
    }

    /// `ln(1 + e^(beta x)) / beta` of every element, and `x` itself where `beta x` is above
    /// `threshold`, as PyTorch has it (there `threshold` is 20). An infinite threshold is none.
    ///
    /// # Panics
    ///
    /// Unless `beta` is positive and finite and `threshold` at least 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([0.0f64, 6.0]);
    /// assert_eq!(x.softplus_with(2.0, 10.0).data(), [std::f64::consts::LN_2 / 2.0, 6.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn softplus_with(&self, beta: f64, threshold: f64) -> Self {
        assert!(
            beta > 0.0 && beta.is_finite(),
            "softplus: beta must be positive and finite, got {beta}"
        );
        assert!(threshold >= 0.0, "softplus: threshold must be at least 0, got {threshold}");
        unary(self, Softplus { beta, threshold: threshold.min(Softplus::LINEAR) })
    }

    /// `max(x, 0)` of every element; the derivative at 0 is 0, and NaN stays NaN and passes its
    /// gradient on.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).relu().data(), [0.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn relu(&self) -> Self {
        unary(self, Relu)
    }

    /// `x` where it is positive, else `slope * x`; the derivative at 0 is `slope`.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 2.0]).leaky_relu(0.5).data(), [-0.5, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn leaky_relu(&self, slope: f64) -> Self {
        unary(self, LeakyRelu(slope))
    }

    /// `x` where it is positive, else `alpha (e^x - 1)` (Clevert, Unterthiner, Hochreiter, 2016).
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([f32::NEG_INFINITY, 2.0]).elu(1.5).data(), [-1.5, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn elu(&self, alpha: f64) -> Self {
        unary(self, Elu(alpha))
    }

    /// `x sigmoid(x)` of every element, also known as swish.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 100.0]).silu().data(), [0.0, 100.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn silu(&self) -> Self {
        unary(self, Silu)
    }

    /// `x P(x)` of every element with the normal distribution function `P` (Hendrycks, Gimpel, 2016).
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 100.0]).gelu().data(), [0.0, 100.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn gelu(&self) -> Self {
        let mut y = Buffer::scratch(self.numel());
        let Some(edges) = Edges::of(&[self]) else {
            elementwise::map(ops::Gelu, self.data(), &mut y);
            return Self::new(*self.shape(), y).checked("gelu");
        };
        let mut slope = Buffer::scratch(self.numel());
        elementwise::gelu_with_grad(self.data(), &mut y, &mut slope);
        let slope = Self::new(*self.shape(), slope);
        Self::new(*self.shape(), y)
            .record(Some(edges), "gelu", |_| GeluBackward { x: self.detach(), slope })
    }

    /// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, the usual approximation of
    /// [`Tensor::gelu`].
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, 100.0]).gelu_tanh().data(), [0.0, 100.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn gelu_tanh(&self) -> Self {
        unary(self, GeluTanh)
    }

    /// The error function of every element.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::INFINITY]).erf().data(), [0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn erf(&self) -> Self {
        unary(self, Erf)
    }
    /// `1 - erf(x)` of every element, accurate where that is small.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0f32, f32::INFINITY]).erfc().data(), [1.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn erfc(&self) -> Self {
        unary(self, Erfc)
    }
}
