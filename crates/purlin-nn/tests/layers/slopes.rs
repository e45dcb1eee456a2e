//! Slopes of activations are numbers.

use purlin_nn::layers::{Elu, LeakyRelu};

#[test]
#[should_panic(expected = "leaky_relu: negative_slope must be finite, got NaN")]
fn a_slope_of_nan_is_refused() {
    let _ = LeakyRelu::new(f64::NAN);
}

#[test]
#[should_panic(expected = "elu: alpha must be finite, got inf")]
fn an_infinite_alpha_is_refused() {
    let _ = Elu::new(f64::INFINITY);
}
