//! Elementary functions: special values, accuracy against better arithmetic, equal bits.
//!
//! `docs/accuracy.md` is made here: `PURLIN_BLESS=1 cargo test -p purlin-backend --test it math`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{bits, same_everywhere, wild};
use purlin_backend::elementwise::{MapOp, map, ops, zip};
use purlin_backend::math::{self, scalar, scalar2};
use purlin_core::Real;
use purlin_core::simd::Lanes;
use std::fmt::Write as _;

const INF: f64 = f64::INFINITY;
/// `ln(1 + e^x)` without a threshold.
const SOFTPLUS: ops::Softplus = ops::Softplus(1.0, INF);

/// `f(x)` must be `y` exactly, signs of zeros included, in both types.
fn exactly<F: MapOp>(name: &str, op: F, table: &[(f64, f64)]) {
    for &(x, y) in table {
        assert_eq!(bits(&[scalar(op, x)]), bits(&[y]), "{name}({x}) in f64");
        let narrow = scalar(op, x as f32);
        assert_eq!(bits(&[narrow]), bits(&[y as f32]), "{name}({x}) in f32, got {narrow}");
    }
}

#[test]
fn special_values_are_those_of_the_definition() {
    let nan = f64::NAN;
    let tiny = 1e-300; // 0 in f32
    exactly("exp", ops::Exp, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (nan, nan)]);
    exactly("exp", ops::Exp, &[(1e30, INF), (-1e30, 0.0), (tiny, 1.0), (-1e6, 0.0)]);
    exactly("expm1", ops::Expm1, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (nan, nan)]);
    exactly("expm1", ops::Expm1, &[(1e30, INF), (-1e30, -1.0), (-50.0, -1.0)]);
    exactly("ln", ops::Ln, &[(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, nan), (-INF, nan)]);
    exactly("ln", ops::Ln, &[(INF, INF), (nan, nan)]);
    exactly(
        "ln_1p",
        ops::Ln1p,
        &[(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-1.5, nan), (-INF, nan)],
    );
    exactly("ln_1p", ops::Ln1p, &[(INF, INF), (nan, nan)]);
    exactly("sin", ops::Sin, &[(0.0, 0.0), (-0.0, -0.0), (INF, nan), (-INF, nan), (nan, nan)]);
    exactly("cos", ops::Cos, &[(0.0, 1.0), (-0.0, 1.0), (INF, nan), (-INF, nan), (nan, nan)]);
    exactly("tanh", ops::Tanh, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (nan, nan)]);
    exactly("tanh", ops::Tanh, &[(30.0, 1.0), (-1e30, -1.0)]);
    exactly("sigmoid", ops::Sigmoid, &[(0.0, 0.5), (INF, 1.0), (-INF, 0.0), (nan, nan)]);
    exactly("sigmoid", ops::Sigmoid, &[(-0.0, 0.5), (1e30, 1.0), (-1e30, 0.0)]);
    exactly("silu", ops::Silu, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -0.0), (nan, nan)]);
    exactly("silu", ops::Silu, &[(1e30, 1e30), (-1e30, -0.0), (200.0, 200.0)]);
    exactly("softplus", SOFTPLUS, &[(INF, INF), (-INF, 0.0), (nan, nan), (1e30, 1e30)]);
    exactly("erf", ops::Erf, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (nan, nan)]);
    exactly("erfc", ops::Erfc, &[(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (nan, nan)]);
    exactly("gelu", ops::Gelu, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -0.0), (nan, nan)]);
    exactly("gelu", ops::Gelu, &[(1e30, 1e30), (-1e30, -0.0)]);
    exactly("gelu_tanh", ops::GeluTanh, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -0.0)]);
    exactly("gelu_tanh", ops::GeluTanh, &[(nan, nan), (1e30, 1e30), (-1e30, -0.0)]);
}

/// The derivatives that are functions of their own.
#[derive(Clone, Copy)]
enum Slope {
    Gelu,
    GeluTanh,
    Silu,
}

impl MapOp for Slope {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        match self {
            Self::Gelu => math::gelu_grad(x),
            Self::GeluTanh => math::gelu_tanh_grad(x),
            Self::Silu => math::silu_grad(x),
        }
    }
}

#[test]
fn gradients_keep_their_limits() {
    for (x, slope) in [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (60.0, 1.0), (-60.0, 0.0)] {
        for y in [
            scalar(Slope::Gelu, x),
            scalar(Slope::GeluTanh, x),
            scalar(Slope::Silu, x),
            scalar(ops::Sigmoid, x),
        ] {
            assert!((y - slope).abs() < 1e-15, "slope {y} at {x}");
        }
    }
}

#[test]
fn gradients_are_central_differences() {
    let h = 1e-5;
    for i in -80..=80 {
        let x = f64::from(i) * 0.1;
        let check = |name: &str, f: &dyn Fn(f64) -> f64, slope: f64| {
            let numeric = (f(x + h) - f(x - h)) / (2.0 * h);
            assert!((numeric - slope).abs() < 1e-9, "{name} at {x}: {slope}, numeric {numeric}");
        };
        check("gelu", &|x| scalar(ops::Gelu, x), scalar(Slope::Gelu, x));
        check("gelu_tanh", &|x| scalar(ops::GeluTanh, x), scalar(Slope::GeluTanh, x));
        check("silu", &|x| scalar(ops::Silu, x), scalar(Slope::Silu, x));
        check("softplus", &|x| scalar(SOFTPLUS, x), scalar(ops::Sigmoid, x));
    }
}

#[test]
fn powers_follow_ieee_754() {
    let values =
        [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1e30, -1e30, INF, -INF, f64::NAN];
    for x in values {
        for y in values {
            let expected = libm::pow(x, y);
            let got = scalar2(ops::PowElem, x, y);
            let is_close = (got - expected).abs() <= 2.0 * f64::EPSILON * expected.abs();
            assert!(bits(&[got]) == bits(&[expected]) || is_close, "{x}^{y} = {got}");
            let (x, y) = (x as f32, y as f32);
            let expected = libm::pow(f64::from(x), f64::from(y)) as f32;
            let got = scalar2(ops::PowElem, x, y);
            let is_close = (got - expected).abs() <= 2.0 * f32::EPSILON * expected.abs();
            assert!(bits(&[got]) == bits(&[expected]) || is_close, "{x}^{y} = {got} in f32");
        }
    }
    assert_eq!(scalar(ops::Powi(-3), -2.0f32), -0.125);
    assert_eq!(scalar(ops::Powi(10), -2.0f64), 1024.0);
    assert_eq!(scalar(ops::Powi(i32::MIN), -1.0f32), 1.0);
    assert_eq!(scalar(ops::Powi(i32::MAX), -1.0f32), -1.0);
    assert_eq!(scalar(ops::Powi(i32::MAX), f32::NAN).to_bits(), f32::NAN.to_bits());
}

#[test]
fn functions_have_the_same_bits_everywhere() {
    fn check<T: Real, F: MapOp>(op: F) {
        let mut x = wild::<T>(2, 3000);
        for (i, v) in x.iter_mut().enumerate().skip(200) {
            *v *= T::from_f64((0..i % 60).fold(2.0f64.powi(-20), |x, _| 2.0 * x));
        }
        same_everywhere(|| {
            let mut y = vec![T::ZERO; x.len()];
            map(op, &x, &mut y);
            y
        });
    }
    fn both<F: MapOp>(op: F) {
        check::<f32, F>(op);
        check::<f64, F>(op);
    }
    both(ops::Exp);
    both(ops::Expm1);
    both(ops::Ln);
    both(ops::Ln1p);
    both(ops::Sin);
    both(ops::Cos);
    both(ops::Tanh);
    both(ops::Sigmoid);
    both(ops::Silu);
    both(SOFTPLUS);
    both(ops::Erf);
    both(ops::Erfc);
    both(ops::Gelu);
    both(ops::GeluTanh);
    both(ops::Pow(1.7));
    both(ops::Powi(-5));
}

/// The error of `got` in units in the last place of the exact `high + low`.
fn ulps<T: Real>(got: T, high: f64, low: f64) -> f64 {
    let (digits, least) = if T::NAME == "f32" { (24, -149) } else { (53, -1074) };
    let limit = T::MAX.to_f64();
    if high.is_nan() {
        return if got.is_nan() { 0.0 } else { INF };
    }
    let exponent = if high == 0.0 { least } else { (libm::ilogb(high) - digits + 1).max(least) };
    let unit = libm::scalbn(1.0, exponent);
    let got = got.to_f64();
    if got.is_infinite() || high.abs() > limit {
        // Rounding past the greatest number is right; anything else is not.
        let is_past = high.abs() >= limit + 0.5 * libm::scalbn(limit, 1 - digits);
        return if got.is_infinite() && is_past && got.signum() == high.signum() {
            0.0
        } else {
            INF
        };
    }
    if unit == 0.0 { INF } else { (((got - high) - low) / unit).abs() }
}

/// The greatest error of an `f32` function over bit patterns that step through the whole line,
/// and `n` more in the interval where it is not trivial.
fn sweep(op: impl MapOp, exact: impl Fn(f64) -> f64, [from, to]: [f64; 2]) -> (f64, f32) {
    const N: u32 = 1 << 19;
    let steps = (0..N).map(|i| f32::from_bits(i.wrapping_mul(8191).wrapping_add(i >> 3)));
    let inside = (0..N).map(|i| (from + (to - from) * f64::from(i) / f64::from(N)) as f32);
    let x: Vec<f32> = steps.chain(inside).filter(|v| !v.is_nan()).collect();
    let mut y = vec![0.0; x.len()];
    map(op, &x, &mut y);
    let mut worst = (0.0, 0.0);
    for (&x, &y) in x.iter().zip(&y) {
        let error = ulps(y, exact(f64::from(x)), 0.0);
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

fn sweep_pow() -> (f64, f32) {
    const N: u32 = 1 << 19;
    let x: Vec<f32> = (0..N).map(|i| f32::from_bits(i.wrapping_mul(4093) & 0x7f7f_ffff)).collect();
    // Exponents that spread the results over the range of f32.
    let y: Vec<f32> = x
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            let log = libm::log(f64::from(x)).abs().max(1e-7);
            ((f64::from(i as u32 % 1009) / 504.5 - 1.0) * 103.0 / log) as f32
        })
        .collect();
    let mut power = vec![0.0; x.len()];
    zip(ops::PowElem, &x, &y, &mut power);
    let mut worst = (0.0, 0.0);
    for ((&x, &y), &power) in x.iter().zip(&y).zip(&power) {
        let error = ulps(power, libm::pow(f64::from(x), f64::from(y)), 0.0);
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

fn logistic(x: f64) -> f64 {
    if x < 0.0 { libm::exp(x) / (1.0 + libm::exp(x)) } else { 1.0 / (1.0 + libm::exp(-x)) }
}

fn f32_errors() -> Vec<(&'static str, f64, f32)> {
    let gelu = |x: f64| {
        if x < -40.0 { -0.0 } else { 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2) }
    };
    let softplus = |x: f64| if x > 40.0 { x } else { libm::log1p(libm::exp(x)) };
    let silu = |x: f64| if x < -700.0 { -0.0 } else { x * logistic(x) };
    let gelu_tanh = |x: f64| {
        let u = 1.595_769_121_605_730_7 * x * (1.0 + 0.044_715 * x * x);
        if u < -700.0 { -0.0 } else { x * logistic(u) }
    };
    [
        ("exp", sweep(ops::Exp, libm::exp, [-104.0, 89.0])),
        ("expm1", sweep(ops::Expm1, libm::expm1, [-18.0, 89.0])),
        ("ln", sweep(ops::Ln, libm::log, [0.0, 4.0])),
        ("ln_1p", sweep(ops::Ln1p, libm::log1p, [-1.0, 3.0])),
        ("sin", sweep(ops::Sin, libm::sin, [-100.0, 100.0])),
        ("cos", sweep(ops::Cos, libm::cos, [-100.0, 100.0])),
        ("tanh", sweep(ops::Tanh, libm::tanh, [-10.0, 10.0])),
        ("sigmoid", sweep(ops::Sigmoid, logistic, [-104.0, 30.0])),
        ("silu", sweep(ops::Silu, silu, [-110.0, 30.0])),
        ("softplus", sweep(SOFTPLUS, softplus, [-104.0, 30.0])),
        ("erf", sweep(ops::Erf, libm::erf, [-4.0, 4.0])),
        ("erfc", sweep(ops::Erfc, libm::erfc, [-4.0, 10.2])),
        ("gelu", sweep(ops::Gelu, gelu, [-14.5, 8.0])),
        ("gelu_tanh", sweep(ops::GeluTanh, gelu_tanh, [-11.0, 8.0])),
        ("pow", sweep_pow()),
    ]
    .map(|(name, (error, at))| (name, error, at))
    .to_vec()
}

/// `tests/reference/math_f64.txt`: `name x [y] high low`, numbers as hexadecimal bits; lines with
/// `#` tell how many points were searched for the hardest ones. Made by `tools/reference.py`.
fn f64_errors() -> Vec<(String, f64, f64)> {
    let mut worst: Vec<(String, f64, f64)> = Vec::new();
    let table = include_str!("reference/math_f64.txt");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let numbers: Vec<f64> =
            words.map(|w| f64::from_bits(u64::from_str_radix(w, 16).unwrap())).collect();
        let [high, low] = numbers[numbers.len() - 2..] else { panic!("two numbers at the end") };
        let x = numbers[0];
        let got = match name {
            "exp" => scalar(ops::Exp, x),
            "expm1" => scalar(ops::Expm1, x),
            "ln" => scalar(ops::Ln, x),
            "ln_1p" => scalar(ops::Ln1p, x),
            "sin" => scalar(ops::Sin, x),
            "cos" => scalar(ops::Cos, x),
            "tanh" => scalar(ops::Tanh, x),
            "sigmoid" => scalar(ops::Sigmoid, x),
            "silu" => scalar(ops::Silu, x),
            "softplus" => scalar(SOFTPLUS, x),
            "erf" => scalar(ops::Erf, x),
            "erfc" => scalar(ops::Erfc, x),
            "gelu" => scalar(ops::Gelu, x),
            "gelu_tanh" => scalar(ops::GeluTanh, x),
            "pow" => scalar2(ops::PowElem, x, numbers[1]),
            _ => panic!("unknown function {name}"),
        };
        let error = ulps(got, high, low);
        match worst.iter_mut().find(|w| w.0 == name) {
            Some(w) if w.1 >= error => {}
            Some(w) => (w.1, w.2) = (error, x),
            None => worst.push((name.to_string(), error, x)),
        }
    }
    worst
}

/// Nothing may be further from the exact value than this.
const MOST_ULPS: f64 = 2.0;

#[test]
fn every_function_is_accurate_to_two_ulp_and_the_table_says_so() {
    let (narrow, wide) = (f32_errors(), f64_errors());
    let mut table = String::from(concat!(
        "Greatest error found, in units in the last place (0.5 is correct rounding), and where.\n",
        "`f32`: a million arguments each, over all exponents and the interesting interval,\n",
        "against double precision. `f64`: the hardest of a hundred thousand arguments each,\n",
        "against 60 digits (`tools/reference.py`).\n\n",
        "| function | `f32` | at | `f64` | at |\n|---|---|---|---|---|\n"
    ));
    for (name, error, at) in &narrow {
        let (_, wide_error, wide_at) =
            wide.iter().find(|w| w.0 == *name).expect("the table holds every function");
        writeln!(table, "| `{name}` | {error:.2} | {at:e} | {wide_error:.2} | {wide_at:e} |")
            .unwrap();
        assert!(*error <= MOST_ULPS, "{name} in f32 is {error} ulp off at {at:e}");
        assert!(*wide_error <= MOST_ULPS, "{name} in f64 is {wide_error} ulp off at {wide_at:e}");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/accuracy.md");
    if std::env::var_os("PURLIN_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == table, "docs/accuracy.md is not what was measured:\n{table}");
}
