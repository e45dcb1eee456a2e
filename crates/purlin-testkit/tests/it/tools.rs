//! The tools find what they are made to find.

use proptest::prelude::*;
use purlin_backend::isa::{self, IsaKind};
use purlin_core::{Matrix, Shape};
use purlin_testkit::strategies::{self, any_value, special};
use purlin_testkit::{
    Bits, Tolerance, assert_close, assert_close_at, assert_same_bits, check_same_bits_again,
    check_same_bits_on_all_isas, check_same_bits_on_threads, first_difference,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The text of the panic that `f` must cause.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("expected a panic");
    payload.downcast::<String>().map_or_else(
        |payload| payload.downcast_ref::<&str>().expect("a text").to_string(),
        |text| *text,
    )
}

#[test]
fn the_first_offender_is_named_with_both_values() {
    let (a, e) = ([1.0f32, 2.0, 3.5, 9.0], [1.0f64, 2.0, 3.0, 4.0]);
    let text = panic_of(|| assert_close(&a, &e, Tolerance::F32));
    assert_eq!(
        text,
        "not close within Tolerance { rtol: 1e-5, atol: 1e-6 }: \
         index 2: got 3.5e0, expected 3e0, apart 5e-1 (2 of 4 differ)"
    );
    let text = panic_of(|| assert_close_at("grad", [2, 2], &a, &e, Tolerance::EXACT));
    assert!(text.starts_with("grad: not close within"), "{text}");
    assert!(text.contains("at (1, 0) of (2, 2): index 2: got 3.5e0"), "{text}");
    assert_eq!(
        panic_of(|| assert_close(&a[..3], &e, Tolerance::F32)),
        "assertion `left == right` failed: expected 4 numbers, got 3\n  left: 3\n right: 4"
    );
}

#[test]
fn nan_and_infinity_are_close_to_themselves_only() {
    let close = |a: f64, e: f64| Tolerance::F32.accepts(a, e);
    assert!(close(f64::NAN, f64::NAN) && close(f64::INFINITY, f64::INFINITY));
    assert!(close(0.0, -0.0) && close(1e-7, 0.0) && close(1e30, 1.000_001e30));
    assert!(!close(f64::NAN, 1.0) && !close(1.0, f64::NAN));
    assert!(!close(f64::NEG_INFINITY, f64::INFINITY) && !close(f64::MAX, f64::INFINITY));
    assert!(!close(f64::INFINITY, f64::MAX));
    assert_eq!(first_difference(&[f64::NAN], &[f64::NAN], Tolerance::EXACT), None);
}

#[test]
fn bits_see_the_sign_of_zero_and_the_payload_of_nan() {
    assert_same_bits(&[f32::NAN, 0.0], &[f32::NAN, 0.0]);
    let text = panic_of(|| assert_same_bits(&[1.0, -0.0], &[1.0, 0.0]));
    assert_eq!(text, "bits differ at index 1: got -0e0 (0x8000000000000000), expected 0e0 (0x0)");
    let payload = f32::from_bits(0x7fc0_0001);
    panic_of(|| assert_same_bits(&[payload], &[f32::NAN]));
}

#[test]
fn words_tell_nested_lists_apart() {
    assert_ne!(vec![vec![1u32], vec![2, 3]].to_words(), vec![vec![1u32, 2], vec![3]].to_words());
    assert_ne!(Some(0.0f32).to_words(), None::<f32>.to_words());
    assert_ne!(Matrix::<f32>::zeros(2, 3).to_words(), Matrix::<f32>::zeros(3, 2).to_words());
    assert_eq!((1.0f32, [2.0f64]).to_words(), (1.0f32, vec![2.0f64]).to_words());
}

#[test]
fn a_result_that_depends_on_the_instruction_set_is_caught() {
    let n_isas = IsaKind::available().count();
    check_same_bits_on_all_isas(|| 1.0f32);
    if n_isas > 1 {
        let text = panic_of(|| check_same_bits_on_all_isas(|| isa::current().name().to_owned()));
        assert!(text.contains("on plain code"), "{text}");
    }
}

#[test]
fn a_result_that_depends_on_the_threads_is_caught() {
    check_same_bits_on_threads(|| vec![1.0f32; 3]);
    let text = panic_of(|| check_same_bits_on_threads(rayon::current_num_threads));
    assert_eq!(
        text,
        "bits differ at word 0 (1 of 1 differ): 0x2 with 2 threads, 0x1 with 1 thread"
    );
}

#[test]
fn a_result_that_depends_on_the_call_is_caught() {
    let calls = AtomicUsize::new(0);
    check_same_bits_again(|| 1usize);
    let text = panic_of(|| check_same_bits_again(|| calls.fetch_add(1, Ordering::Relaxed)));
    assert_eq!(text, "bits differ at word 0 (1 of 1 differ): 0x1 again, 0x0 at first");
}

/// Counts what a strategy gives in 4,000 draws.
fn share<X: std::fmt::Debug>(
    strategy: impl Strategy<Value = X>,
    holds: impl Fn(&X) -> bool,
) -> f64 {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let n = 4_000;
    let hits = (0..n)
        .filter(|_| {
            use proptest::strategy::ValueTree;
            holds(&strategy.new_tree(&mut runner).expect("a value").current())
        })
        .count();
    hits as f64 / f64::from(n)
}

#[test]
fn strategies_reach_the_hard_cases() {
    assert!(share(special::<f32>(), |x| x.is_nan()) > 0.02);
    assert!(share(special::<f64>(), |x| x.is_subnormal()) > 0.05);
    assert!(share(any_value::<f32>(), |x| x.abs() > 1e20 && x.is_finite()) > 0.05);
    assert!(share(any_value::<f64>(), |x| *x == 0.0) > 0.01);
    let shapes = || strategies::broadcastable_shapes(4, 3);
    assert!(share(shapes(), |(a, b, _)| a.rank() != b.rank()) > 0.2);
    assert!(share(shapes(), |(_, _, c)| c.numel() == 0) > 0.1);
    assert!(share(shapes(), |(a, b, c)| a != c && b != c) > 0.05);
    assert!(share(strategies::conv2d(), |s| s.groups > 1) > 0.2);
    assert!(share(strategies::conv2d(), |s| s.padding[0][0] != s.padding[0][1]) > 0.2);
    assert!(share(strategies::pool2d(), |s| s.ceil_mode) > 0.2);
}

proptest! {
    #[test]
    fn broadcastable_shapes_broadcast((a, b, c) in strategies::broadcastable_shapes(4, 4)) {
        prop_assert_eq!(a.broadcast("test", &b).unwrap(), c);
        prop_assert_eq!(b.broadcast("test", &a).unwrap(), c);
    }

    #[test]
    fn shapes_stay_within_their_ranges(s in strategies::shape(1..4usize, 0..3usize)) {
        prop_assert!((1..4).contains(&s.rank()) && s.iter().all(|&n| n < 3));
        prop_assert_eq!(Shape::new(&s), s);
    }

    #[test]
    fn tables_are_finite_and_of_their_kind(
        any in strategies::hostile_matrix(1..8usize, 1..5usize),
        line in strategies::collinear(3..8usize, 2..5usize),
        few in strategies::duplicated(6..12usize, 1..4usize),
        far in strategies::huge_offset(2..6usize, 1..4usize),
        tiny in strategies::tiny_scale(2..6usize, 1..4usize),
    ) {
        prop_assert!(any.view().check_finite("test", "any").is_ok());
        let centred = Matrix::from_fn(line.n_rows(), line.n_cols(), |i, j| line[(i, j)] - line[(0, j)]);
        prop_assert!(purlin_core::linalg::svd(centred.view()).unwrap().rank() <= 1);
        let different: std::collections::BTreeSet<_> = few.rows().map(|row| row.to_vec().to_words()).collect();
        prop_assert!(different.len() < 4);
        prop_assert!(far.as_slice().iter().all(|v| (v - 1e8).abs() <= 10.0));
        prop_assert!(tiny.as_slice().iter().all(|v| v * v == 0.0));
    }
}
