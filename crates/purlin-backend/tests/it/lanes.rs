//! Every vector operation, bit for bit, against plain arithmetic on one number.

use crate::common::bits;
use purlin_backend::isa::{self, IsaKind};
use purlin_backend::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Zeros, subnormals, powers of two and their neighbours, ties, huge numbers, infinities, NaN.
fn inputs<T: Real>() -> Vec<T> {
    let mut x = vec![];
    let values = [
        0.0,
        0.25,
        0.5,
        0.75,
        1.0,
        1.5,
        2.0,
        2.5,
        3.5,
        4.5,
        7.999,
        100.5,
        8_388_607.5,
        8_388_608.0,
        1e10,
        4_503_599_627_370_495.5,
        4_503_599_627_370_496.0,
        1e30,
        3e38,
        f64::INFINITY,
        f64::NAN,
    ];
    for value in values {
        x.push(T::from_f64(value));
    }
    let first = T::from_bits(1);
    for value in [first, T::MIN_POSITIVE, T::MAX, T::ONE, T::from_f64(0.5), T::from_f64(65536.0)] {
        x.extend([T::from_bits(value.to_bits() - 1), value, T::from_bits(value.to_bits() + 1)]);
    }
    x.extend(x.clone().into_iter().map(|v| -v));
    x
}

struct Unary<'a, T, F>(&'a [T], F);
struct Binary<'a, T, F>(&'a [T], &'a [T], F);

/// A vector operation under test.
trait Op1: Copy {
    fn eval<V: Lanes>(self, x: V) -> V;
}
trait Op2: Copy {
    fn eval<V: Lanes>(self, a: V, b: V) -> V;
}

impl<T: Real, F: Op1> Kernel for Unary<'_, T, F> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<T> {
        let n = T::Lanes::<I>::LANES;
        let mut out = vec![T::ZERO; self.0.len()];
        for (x, out) in self.0.chunks(n).zip(out.chunks_mut(n)) {
            self.1.eval(T::Lanes::<I>::load_partial(x, T::ONE)).store_partial(out);
        }
        out
    }
}

impl<T: Real, F: Op2> Kernel for Binary<'_, T, F> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<T> {
        let n = T::Lanes::<I>::LANES;
        let mut out = vec![T::ZERO; self.0.len()];
        for ((a, b), out) in self.0.chunks(n).zip(self.1.chunks(n)).zip(out.chunks_mut(n)) {
            let a = T::Lanes::<I>::load_partial(a, T::ONE);
            self.2.eval(a, T::Lanes::<I>::load_partial(b, T::ONE)).store_partial(out);
        }
        out
    }
}

fn on_all<R>(f: impl Fn() -> R, check: impl Fn(&str, R)) {
    for kind in IsaKind::available() {
        let _pin = isa::pin(kind);
        check(kind.name(), f());
    }
}

fn check1<T: Real, F: Op1>(name: &str, op: F, x: &[T], naive: impl Fn(T) -> T) {
    let expected: Vec<T> = x.iter().map(|&v| naive(v)).collect();
    on_all(
        || dispatch(Unary(x, op)),
        |isa, got| {
            for (i, (g, e)) in bits(&got).into_iter().zip(bits(&expected)).enumerate() {
                assert!(g == e, "{isa} {name}({:?}) is {:?}, not {:?}", x[i], got[i], expected[i]);
            }
        },
    );
}

fn check2<T: Real, F: Op2>(name: &str, op: F, naive: impl Fn(T, T) -> T) {
    let values = inputs::<T>();
    let pairs: Vec<(T, T)> =
        values.iter().flat_map(|&a| values.iter().map(move |&b| (a, b))).collect();
    let (a, b): (Vec<T>, Vec<T>) = pairs.iter().copied().unzip();
    let expected: Vec<T> = pairs.iter().map(|&(a, b)| naive(a, b)).collect();
    on_all(
        || dispatch(Binary(&a, &b, op)),
        |isa, got| {
            for (i, (g, e)) in bits(&got).into_iter().zip(bits(&expected)).enumerate() {
                let (a, b, got, expected) = (a[i], b[i], got[i], expected[i]);
                assert!(g == e, "{isa} {name}({a:?}, {b:?}) is {got:?}, not {expected:?}");
            }
        },
    );
}

macro_rules! op1 {
    ($($name:ident |$x:ident| $body:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl Op1 for $name {
            #[inline(always)]
            fn eval<V: Lanes>(self, $x: V) -> V { $body }
        }
    )*};
}
macro_rules! op2 {
    ($($name:ident |$a:ident, $b:ident| $body:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl Op2 for $name {
            #[inline(always)]
            fn eval<V: Lanes>(self, $a: V, $b: V) -> V { $body }
        }
    )*};
}

fn truth<V: Lanes>(mask: V::Mask) -> V {
    V::select(mask, V::splat_f64(1.0), V::splat_f64(0.0))
}

op1! {
    Neg |x| -x;
    Abs |x| x.abs();
    Sqrt |x| x.sqrt();
    Round |x| x.round_ties_even();
    Floor |x| x.floor();
    Pow2 |x| x.pow2();
    Exponent |x| x.exponent();
    Mantissa |x| x.mantissa();
    IsNan |x| truth::<V>(x.is_nan());
    FusedSquare |x| x.mul_add(x, V::splat_f64(-1.0));
}
op2! {
    Add |a, b| a + b;
    Sub |a, b| a - b;
    Mul |a, b| a * b;
    Div |a, b| a / b;
    Max |a, b| a.max(b);
    Min |a, b| a.min(b);
    Copysign |a, b| a.copysign(b);
    MulAdd |a, b| a.mul_add(b, V::splat_f64(0.1));
    Lt |a, b| truth::<V>(a.lt(b));
    Le |a, b| truth::<V>(a.le(b));
    Eq |a, b| truth::<V>(a.eq(b));
    Gt |a, b| truth::<V>(a.gt(b));
    Ge |a, b| truth::<V>(a.ge(b));
    Nand |a, b| truth::<V>(!(a.lt(b) & a.eq(a)));
    Or |a, b| truth::<V>(a.lt(b) | b.is_nan());
}

fn check_all<T: Real>(min_exponent: i32, max_exponent: i32) {
    let x = inputs::<T>();
    check1("neg", Neg, &x, |x| -x);
    check1("abs", Abs, &x, T::abs);
    check1("sqrt", Sqrt, &x, T::sqrt);
    check1("round", Round, &x, T::round_ties_even);
    check1("floor", Floor, &x, T::floor);
    check1("is_nan", IsNan, &x, |x| if x.is_nan() { T::ONE } else { T::ZERO });
    check1("x * x - 1", FusedSquare, &x, |x| x.mul_add(x, -T::ONE));

    let exponents: Vec<T> =
        (min_exponent..=max_exponent).map(|e| T::from_f64(f64::from(e))).collect();
    let power = |e: T| T::from_f64(e.to_f64().exp2());
    check1("pow2", Pow2, &exponents, power);
    let normal: Vec<T> =
        x.iter().copied().filter(|v| *v >= T::MIN_POSITIVE && v.is_finite()).collect();
    assert!(normal.len() > 20);
    let floor_log2 = |x: T| T::from_f64(f64::from(libm::ilogb(x.to_f64())));
    check1("exponent", Exponent, &normal, floor_log2);
    check1("mantissa", Mantissa, &normal, |x| {
        T::from_f64(libm::scalbn(x.to_f64(), -libm::ilogb(x.to_f64())))
    });

    let truth = |yes: bool| if yes { T::ONE } else { T::ZERO };
    check2::<T, _>("add", Add, |a, b| a + b);
    check2::<T, _>("sub", Sub, |a, b| a - b);
    check2::<T, _>("mul", Mul, |a, b| a * b);
    check2::<T, _>("div", Div, |a, b| a / b);
    check2::<T, _>("max", Max, |a, b| if a > b { a } else { b });
    check2::<T, _>("min", Min, |a, b| if a < b { a } else { b });
    check2::<T, _>("copysign", Copysign, T::copysign);
    check2::<T, _>("mul_add", MulAdd, |a, b| a.mul_add(b, T::from_f64(0.1)));
    check2::<T, _>("lt", Lt, |a, b| truth(a < b));
    check2::<T, _>("le", Le, |a, b| truth(a <= b));
    check2::<T, _>("eq", Eq, |a, b| truth(a == b));
    check2::<T, _>("gt", Gt, |a, b| truth(a > b));
    check2::<T, _>("ge", Ge, |a, b| truth(a >= b));
    check2::<T, _>("nand", Nand, |a, b| truth(a >= b || a.is_nan() || b.is_nan()));
    check2::<T, _>("or", Or, |a, b| truth(a < b || b.is_nan()));
}

#[test]
fn lanes_of_f32_equal_plain_arithmetic() {
    check_all::<f32>(-126, 127);
}

#[test]
fn lanes_of_f64_equal_plain_arithmetic() {
    check_all::<f64>(-1022, 1023);
}

/// Loads and stores of every length, folds, sums, halves.
struct Memory<'a, T>(&'a [T]);

impl<T: Real> Kernel for Memory<'_, T> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<T> {
        let n = T::Lanes::<I>::LANES;
        let mut out = Vec::new();
        for len in 0..=n + 3 {
            let x = T::Lanes::<I>::load_partial(&self.0[..len], T::from_f64(7.0));
            let mut whole = vec![T::ZERO; n];
            x.store(&mut whole);
            out.extend(whole);
            // Guards around the destination must survive.
            let mut part = vec![T::from_f64(9.0); len + 2];
            x.store_partial(&mut part[1..=len]);
            out.extend(part);
        }
        let x = T::Lanes::<I>::load(self.0);
        out.extend([x.sum(), x.first(), x.fold(|a, b| a - b), x.fold(T::max)]);
        let (one, two) = (x.upper::<1>(), x.upper::<2>());
        out.push(one.first());
        let mut lanes = vec![T::ZERO; n];
        two.store(&mut lanes);
        out.extend_from_slice(&lanes[..2]);
        x.upper::<4>().store(&mut lanes);
        out.extend_from_slice(&lanes[..4]);
        if n > 8 {
            x.upper::<8>().store(&mut lanes);
            out.extend_from_slice(&lanes[..8]);
        }
        for k in 0..n {
            let at = T::Lanes::<I>::splat(self.0[k]);
            out.push(if T::Lanes::<I>::any(x.eq(at)) { T::ONE } else { T::ZERO });
        }
        let nowhere = x.lt(T::Lanes::<I>::splat(T::NEG_INFINITY));
        out.push(if T::Lanes::<I>::any(nowhere) { T::ONE } else { T::ZERO });
        out
    }
}

fn naive_memory<T: Real>(x: &[T], n: usize) -> Vec<T> {
    let mut out = Vec::new();
    for len in 0..=n + 3 {
        let lanes: Vec<T> = (0..n).map(|i| if i < len { x[i] } else { T::from_f64(7.0) }).collect();
        out.extend(&lanes);
        let guard = T::from_f64(9.0);
        out.push(guard);
        out.extend((0..len).map(|i| lanes.get(i).copied().unwrap_or(guard)));
        out.push(guard);
    }
    let tree = |f: fn(T, T) -> T| {
        let mut v = x[..n].to_vec();
        while v.len() > 1 {
            let half = v.len() / 2;
            v = (0..half).map(|i| f(v[i], v[i + half])).collect();
        }
        v[0]
    };
    out.extend([tree(|a, b| a + b), x[0], tree(|a, b| a - b), tree(T::max)]);
    out.push(x[1]);
    out.extend(&x[2..4]);
    out.extend(&x[4..8]);
    if n > 8 {
        out.extend(&x[8..16]);
    }
    out.extend(vec![T::ONE; n]);
    out.push(T::ZERO);
    out
}

#[test]
fn loads_stores_and_trees_keep_every_lane() {
    let x: Vec<f32> = (0..20).map(|i| 1.1 + i as f32 * 0.7).collect();
    let y: Vec<f64> = (0..20).map(|i| 1.1 + f64::from(i) * 0.7).collect();
    let (expected_x, expected_y) = (naive_memory(&x, 16), naive_memory(&y, 8));
    on_all(
        || (dispatch(Memory(&x)), dispatch(Memory(&y))),
        |isa, (got_x, got_y)| {
            assert_eq!(bits(&got_x), bits(&expected_x), "{isa}");
            assert_eq!(bits(&got_y), bits(&expected_y), "{isa}");
        },
    );
}
