//! Sum, difference, product, quotient, and their forms with a plain number.

use crate::Tensor;
use crate::ops::elementwise::{Binary, Pull, Saves, Unary, binary, unary};
use purlin_backend::elementwise::{Zip3Op, ops};
use purlin_core::Real;
use purlin_core::simd::Lanes;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// `y = a + b`, so `dy/da = dy/db = 1`.
impl Binary for ops::Add {
    const NAME: &'static str = "add";
    const LEFT_READS: (bool, bool) = (false, false);
    const RIGHT_READS: (bool, bool) = (false, false);
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        pull.grad
    }
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        pull.grad
    }
}

/// `y = a - b`, so `dy/da = 1`, `dy/db = -1`.
impl Binary for ops::Sub {
    const NAME: &'static str = "sub";
    const LEFT_READS: (bool, bool) = (false, false);
    const RIGHT_READS: (bool, bool) = (false, false);
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        pull.grad
    }
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        -pull.grad
    }
}

/// `y = a b`, so `dy/da = b`, `dy/db = a`.
impl Binary for ops::Mul {
    const NAME: &'static str = "mul";
    const LEFT_READS: (bool, bool) = (false, true);
    const RIGHT_READS: (bool, bool) = (true, false);
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        let b = pull.b().clone();
        pull.grad * b
    }
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        let a = pull.a().clone();
        pull.grad * a
    }
}

/// `y = a / b`, so `dy/da = 1 / b`, `dy/db = -a / b^2`.
impl Binary for ops::Div {
    const NAME: &'static str = "div";
    const LEFT_READS: (bool, bool) = (false, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        let b = pull.b().clone();
        pull.grad / b
    }
    fn grad_right<T: Real>(self, pull: Pull<T>) -> Tensor<T> {
        pull.fused(DivGradRight).unwrap_or_else(|| {
            let (a, b) = (pull.a().clone(), pull.b().clone());
            -(pull.grad / &b) * (a / b)
        })
    }
}

#[derive(Clone, Copy)]
struct DivGradRight;

impl Zip3Op for DivGradRight {
    const COST: usize = 9;
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V, grad: V) -> V {
        -(grad / b) * (a / b)
    }
}

/// `y = -x`, so `dy/dx = -1`.
#[derive(Clone, Copy)]
struct Negate;

impl Unary for Negate {
    const NAME: &'static str = "neg";
    const SAVES: Saves = Saves::Nothing;
    const COST: usize = 1;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        -x
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, _saved: V, grad_y: V) -> V {
        -grad_y
    }
    fn grad_graph<T: Real>(self, _saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -grad_y
    }
}

/// `y = x + c`, so `dy/dx = 1`.
#[derive(Clone, Copy)]
struct AddNumber(f64);

impl Unary for AddNumber {
    const NAME: &'static str = "add";
    const SAVES: Saves = Saves::Nothing;
    const COST: usize = 1;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x + V::splat_f64(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, _saved: V, grad_y: V) -> V {
        grad_y
    }
    fn grad_graph<T: Real>(self, _saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        grad_y.clone()
    }
}

/// `y = c - x`, so `dy/dx = -1`.
#[derive(Clone, Copy)]
struct SubFromNumber(f64);

impl Unary for SubFromNumber {
    const NAME: &'static str = "sub";
    const SAVES: Saves = Saves::Nothing;
    const COST: usize = 1;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        V::splat_f64(self.0) - x
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, _saved: V, grad_y: V) -> V {
        -grad_y
    }
    fn grad_graph<T: Real>(self, _saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -grad_y
    }
}

/// `y = c x`, so `dy/dx = c`.
#[derive(Clone, Copy)]
struct MulNumber(f64);

impl Unary for MulNumber {
    const NAME: &'static str = "mul";
    const SAVES: Saves = Saves::Nothing;
    const COST: usize = 1;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x * V::splat_f64(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, _saved: V, grad_y: V) -> V {
        grad_y * V::splat_f64(self.0)
    }
    fn grad_graph<T: Real>(self, _saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        unary(grad_y.clone(), self)
    }
}

/// `y = x / c`, so `dy/dx = 1 / c`.
#[derive(Clone, Copy)]
struct DivNumber(f64);

impl Unary for DivNumber {
    const NAME: &'static str = "div";
    const SAVES: Saves = Saves::Nothing;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x / V::splat_f64(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, _saved: V, grad_y: V) -> V {
        grad_y / V::splat_f64(self.0)
    }
    fn grad_graph<T: Real>(self, _saved: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        unary(grad_y.clone(), self)
    }
}

/// `y = c / x`, so `dy/dx = -y / x = -c / x^2`.
#[derive(Clone, Copy)]
struct NumberDiv(f64);

impl Unary for NumberDiv {
    const NAME: &'static str = "div";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 8;
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        V::splat_f64(self.0) / x
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        -(grad_y / x) * self.eval(x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -(grad_y / x) * unary(x.clone(), self)
    }
}

impl<T: Real> Tensor<T> {
    /// `self + c`, for code that is generic over the number type; elsewhere write `x + c`.
    #[must_use]
    pub fn add_scalar(&self, c: f64) -> Self {
        unary(self.clone(), AddNumber(T::from_f64(c).to_f64()))
    }

    /// `self * c`, for code that is generic over the number type; elsewhere write `x * c`.
    #[must_use]
    pub fn mul_scalar(&self, c: f64) -> Self {
        unary(self.clone(), MulNumber(T::from_f64(c).to_f64()))
    }
}

impl<T: Real> Neg for Tensor<T> {
    type Output = Self;
    fn neg(self) -> Self {
        unary(self, Negate)
    }
}

impl<T: Real> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        unary(self.clone(), Negate)
    }
}

/// The four mixtures of values and references of an operator, with a tensor or a number on the
/// right, and the assigning form. The language wants one `impl` for each.
macro_rules! operator {
    ($trait:ident, $method:ident, $assign_trait:ident, $assign:ident, $op:expr, $number:expr) => {
        impl<T: Real> $trait<Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: Tensor<T>) -> Tensor<T> {
                binary(self, rhs, $op)
            }
        }
        impl<T: Real> $trait<&Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: &Tensor<T>) -> Tensor<T> {
                binary(self, rhs.clone(), $op)
            }
        }
        impl<T: Real> $trait<Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: Tensor<T>) -> Tensor<T> {
                binary(self.clone(), rhs, $op)
            }
        }
        impl<T: Real> $trait<&Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: &Tensor<T>) -> Tensor<T> {
                binary(self.clone(), rhs.clone(), $op)
            }
        }
        impl<T: Real> $trait<T> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: T) -> Tensor<T> {
                unary(self, $number(rhs))
            }
        }
        impl<T: Real> $trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: T) -> Tensor<T> {
                unary(self.clone(), $number(rhs))
            }
        }
        impl<T: Real> $assign_trait<Tensor<T>> for Tensor<T> {
            #[track_caller]
            fn $assign(&mut self, rhs: Tensor<T>) {
                let lhs = std::mem::replace(self, Tensor::empty());
                *self = binary(lhs, rhs, $op);
            }
        }
        impl<T: Real> $assign_trait<&Tensor<T>> for Tensor<T> {
            #[track_caller]
            fn $assign(&mut self, rhs: &Tensor<T>) {
                let lhs = std::mem::replace(self, Tensor::empty());
                *self = binary(lhs, rhs.clone(), $op);
            }
        }
        impl<T: Real> $assign_trait<T> for Tensor<T> {
            #[track_caller]
            fn $assign(&mut self, rhs: T) {
                let lhs = std::mem::replace(self, Tensor::empty());
                *self = unary(lhs, $number(rhs));
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign, ops::Add, |c: T| AddNumber(c.to_f64()));
operator!(Sub, sub, SubAssign, sub_assign, ops::Sub, |c: T| AddNumber(-c.to_f64()));
operator!(Mul, mul, MulAssign, mul_assign, ops::Mul, |c: T| MulNumber(c.to_f64()));
operator!(Div, div, DivAssign, div_assign, ops::Div, |c: T| DivNumber(c.to_f64()));

/// A number on the left; the orphan rule wants the types spelled out.
macro_rules! number_on_the_left {
    ($($t:ident),*) => {$(
        impl Add<Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn add(self, rhs: Tensor<$t>) -> Tensor<$t> {
                rhs + self
            }
        }
        impl Add<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn add(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                rhs + self
            }
        }
        impl Sub<Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn sub(self, rhs: Tensor<$t>) -> Tensor<$t> {
                unary(rhs, SubFromNumber(self.to_f64()))
            }
        }
        impl Sub<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn sub(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                unary(rhs.clone(), SubFromNumber(self.to_f64()))
            }
        }
        impl Mul<Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn mul(self, rhs: Tensor<$t>) -> Tensor<$t> {
                rhs * self
            }
        }
        impl Mul<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn mul(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                rhs * self
            }
        }
        impl Div<Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn div(self, rhs: Tensor<$t>) -> Tensor<$t> {
                unary(rhs, NumberDiv(self.to_f64()))
            }
        }
        impl Div<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn div(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                unary(rhs.clone(), NumberDiv(self.to_f64()))
            }
        }
    )*};
}

number_on_the_left!(f32, f64);
