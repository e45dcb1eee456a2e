//! Sum, difference, product, quotient, and their forms with a plain number.

use crate::Tensor;
use crate::ops::elementwise::{
    Binary, Grad, Pull, Saves, Simple, Table, Unary, binary, simple, unary,
};
use purlin_backend::elementwise::ops;
use purlin_core::Real;
use purlin_core::simd::Lanes;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// `y = a + b`, so `dy/da = dy/db = 1`.
impl Binary for ops::Add {
    const NAME: &'static str = "add";
    const COMMUTES: bool = true;
    const LEFT_READS: (bool, bool) = (false, false);
    const RIGHT_READS: (bool, bool) = (false, false);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        pull.grad
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        pull.grad
    }
}

/// `y = a - b`, so `dy/da = 1`, `dy/db = -1`.
impl Binary for ops::Sub {
    const NAME: &'static str = "sub";
    const COMMUTES: bool = false;
    const LEFT_READS: (bool, bool) = (false, false);
    const RIGHT_READS: (bool, bool) = (false, false);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        pull.grad
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        -pull.grad
    }
}

/// `y = a b`, so `dy/da = b`, `dy/db = a`.
impl Binary for ops::Mul {
    const NAME: &'static str = "mul";
    const COMMUTES: bool = true;
    const LEFT_READS: (bool, bool) = (false, true);
    const RIGHT_READS: (bool, bool) = (true, false);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        let b = pull.b().clone();
        pull.grad * b
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        let a = pull.a().clone();
        pull.grad * a
    }
}

/// `y = a / b`, so `dy/da = 1 / b`, `dy/db = -(1 / b) (a / b)`.
impl Binary for ops::Div {
    const NAME: &'static str = "div";
    const COMMUTES: bool = false;
    const LEFT_READS: (bool, bool) = (false, true);
    const RIGHT_READS: (bool, bool) = (true, true);
    fn grad_left<T: Real>(pull: Pull<T>) -> Tensor<T> {
        let b = pull.b().clone();
        pull.grad / b
    }
    fn grad_right<T: Real>(pull: Pull<T>) -> Tensor<T> {
        let (a, b) = (pull.a().clone(), pull.b().clone());
        -(pull.grad / &b) * (a / b)
    }
}

/// `y = -x`, so `dy/dx = -1`.
impl Simple for ops::Neg {
    const NAME: &'static str = "neg";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        -grad_y
    }
}

/// `y = x + c`, so `dy/dx = 1`.
impl Simple for ops::AddScalar {
    const NAME: &'static str = "add";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        grad_y
    }
}

/// `y = c - x`, so `dy/dx = -1`.
impl Simple for ops::RsubScalar {
    const NAME: &'static str = "sub";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        -grad_y
    }
}

/// `y = c x`, so `dy/dx = c`.
impl Simple for ops::MulScalar {
    const NAME: &'static str = "mul";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        simple(grad_y, self)
    }
}

/// `y = x / c`, so `dy/dx = 1 / c`.
impl Simple for ops::DivScalar {
    const NAME: &'static str = "div";
    fn grad<T: Real>(self, grad_y: Tensor<T>) -> Tensor<T> {
        simple(grad_y, self)
    }
}

/// `y = c / x`, so `dy/dx = -y / x = -c / x^2`.
#[derive(Clone, Copy)]
struct NumberDiv(f64);

impl Unary for NumberDiv {
    const NAME: &'static str = "div";
    const SAVES: Saves = Saves::Input;
    const COST: usize = 10;
    type Value = ops::RdivScalar;
    fn value(self) -> ops::RdivScalar {
        ops::RdivScalar(self.0)
    }
    #[inline(always)]
    fn grad<V: Lanes>(self, x: V, grad_y: V) -> V {
        -(grad_y / x) * (V::splat_f64(self.0) / x)
    }
    fn grad_graph<T: Real>(self, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
        -(grad_y / x) * unary(x, self)
    }
    fn table() -> &'static Table<Grad<Self>> {
        static TABLE: Table<Grad<NumberDiv>> = Table::new();
        &TABLE
    }
}

impl<T: Real> Tensor<T> {
    /// `self + c`, for code that is generic over the number type; elsewhere write `x + c`.
    #[must_use]
    #[track_caller]
    pub fn add_scalar(&self, c: f64) -> Self {
        self + T::from_f64(c)
    }

    /// `self * c`, for code that is generic over the number type; elsewhere write `x * c`.
    #[must_use]
    #[track_caller]
    pub fn mul_scalar(&self, c: f64) -> Self {
        self * T::from_f64(c)
    }
}

impl<T: Real> Neg for Tensor<T> {
    type Output = Self;
    fn neg(self) -> Self {
        simple(self, ops::Neg)
    }
}

impl<T: Real> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        simple(self.clone(), ops::Neg)
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
                simple(self, $number(rhs))
            }
        }
        impl<T: Real> $trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, rhs: T) -> Tensor<T> {
                simple(self.clone(), $number(rhs))
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
                *self = simple(lhs, $number(rhs));
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign, ops::Add, |c: T| ops::AddScalar(c.to_f64()));
operator!(Sub, sub, SubAssign, sub_assign, ops::Sub, |c: T| ops::AddScalar(-c.to_f64()));
operator!(Mul, mul, MulAssign, mul_assign, ops::Mul, |c: T| ops::MulScalar(c.to_f64()));
operator!(Div, div, DivAssign, div_assign, ops::Div, |c: T| ops::DivScalar(c.to_f64()));

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
                simple(rhs, ops::RsubScalar(self.to_f64()))
            }
        }
        impl Sub<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn sub(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                simple(rhs.clone(), ops::RsubScalar(self.to_f64()))
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
                unary(&rhs, NumberDiv(self.to_f64()))
            }
        }
        impl Div<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;
            fn div(self, rhs: &Tensor<$t>) -> Tensor<$t> {
                unary(rhs, NumberDiv(self.to_f64()))
            }
        }
    )*};
}

number_on_the_left!(f32, f64);
