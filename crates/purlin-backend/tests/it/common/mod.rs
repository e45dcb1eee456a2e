//! Inputs, and the promise of equal bits.
#![allow(dead_code, reason = "each test file takes what it needs")]

use purlin_backend::isa::{self, IsaKind};
use purlin_core::Real;
use purlin_core::rng::Stream;
use std::sync::OnceLock;

/// Values at which kernels go wrong.
pub(crate) const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-40,
    -1e-40,
    5e-324,
    1.5,
    -2.5,
    3e38,
    1e300,
    -1e300,
    0.1,
];

/// `n` numbers in `[-2, 2)`, the same for the same seed.
pub(crate) fn numbers<T: Real>(seed: u64, n: usize) -> Vec<T> {
    let mut rng = Stream::new(seed, "kernel tests").rng(0);
    (0..n).map(|_| T::from_f64(rng.uniform_in(-2.0, 2.0))).collect()
}

/// As [`numbers`], with special values strewn in.
pub(crate) fn wild<T: Real>(seed: u64, n: usize) -> Vec<T> {
    let mut x = numbers::<T>(seed, n);
    for (k, value) in SPECIAL.into_iter().enumerate() {
        if let Some(slot) = x.get_mut(k * 7 + 3) {
            *slot = T::from_f64(value);
        }
    }
    x
}

/// The bits; any NaN is one NaN, as its payload is no part of the promise.
pub(crate) fn bits<T: Real>(x: &[T]) -> Vec<u64> {
    x.iter().map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() }).collect()
}

fn pools() -> &'static [(usize, rayon::ThreadPool)] {
    static POOLS: OnceLock<Vec<(usize, rayon::ThreadPool)>> = OnceLock::new();
    POOLS.get_or_init(|| {
        let pool =
            |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a thread pool");
        [1, 2, 3, 8].into_iter().map(|n| (n, pool(n))).collect()
    })
}

/// Runs `f` on every instruction set and on 1, 2, 3 and 8 threads; the bits must be equal.
/// Returns the result.
#[track_caller]
pub(crate) fn same_everywhere<T: Real>(f: impl Fn() -> Vec<T> + Sync) -> Vec<T> {
    let expected = {
        let _pin = isa::pin(IsaKind::Scalar);
        pools()[0].1.install(&f)
    };
    for kind in IsaKind::available() {
        let _pin = isa::pin(kind);
        for (n, pool) in pools() {
            assert_same(&expected, &pool.install(&f), &format!("{} with {n} threads", kind.name()));
        }
    }
    expected
}

#[track_caller]
fn assert_same<T: Real>(expected: &[T], got: &[T], place: &str) {
    assert_eq!(expected.len(), got.len(), "{place}");
    for (i, (e, g)) in bits(expected).iter().zip(bits(got)).enumerate() {
        assert!(*e == g, "{place}: item {i} is {:?}, scalar gives {:?}", got[i], expected[i]);
    }
}

/// `|got - expected| <= tol * max(1, |expected|)`, NaN and infinities equal.
#[track_caller]
pub(crate) fn assert_close<T: Real>(got: &[T], expected: &[f64], tol: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, &e)) in got.iter().zip(expected).enumerate() {
        let g = g.to_f64();
        let is_same = g == e || (g.is_nan() && e.is_nan());
        assert!(is_same || (g - e).abs() <= tol * e.abs().max(1.0), "item {i}: {g}, expected {e}");
    }
}

/// Relative rounding error of `T`, times a count of operations.
pub(crate) fn eps<T: Real>(operations: f64) -> f64 {
    T::EPSILON.to_f64() * operations
}

pub(crate) fn to_f64<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|v| v.to_f64()).collect()
}
