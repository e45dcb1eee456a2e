//! Slopes of activations are numbers.

use purlin_nn::layers::{Elu, LeakyRelu, Softplus};
use std::panic::catch_unwind;

/// Panics unless the layer is refused in these words.
fn assert_refused<M>(new: impl Fn(f64) -> M + std::panic::RefUnwindSafe, value: f64, rule: &str) {
    let Err(payload) = catch_unwind(|| drop(new(value))) else { panic!("{value} is taken") };
    let text = payload.downcast_ref::<String>().expect("a text with a number");
    assert_eq!(*text, format!("{rule}, got {value}"));
}

#[test]
fn slopes_that_are_not_finite_are_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_refused(LeakyRelu::new, value, "leaky_relu: negative_slope must be finite");
        assert_refused(Elu::new, value, "elu: alpha must be finite");
    }
    for value in [0.0, -0.0, -0.3, 1e300, f64::MIN_POSITIVE] {
        let _ = (LeakyRelu::new(value), Elu::new(value));
    }
}

#[test]
fn a_softplus_is_as_steep_as_a_positive_number() {
    for value in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_refused(Softplus::new, value, "softplus: beta must be positive and finite");
    }
    for value in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        let threshold = |value| Softplus::new(1.0).threshold(value);
        assert_refused(threshold, value, "softplus: threshold must be at least 0");
    }
    let _ = Softplus::new(f64::MIN_POSITIVE).threshold(0.0).threshold(f64::INFINITY);
}
