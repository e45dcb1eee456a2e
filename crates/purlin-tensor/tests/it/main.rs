//! Tests across the crate, in one binary: derivatives, the tape, errors, storage, bits.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod attention;
mod bits;
mod derivatives;
mod display;
mod edge_values;
mod einsum;
mod errors;
mod known_values;
mod laws;
mod storage;
mod tape;

use purlin_core::rng::Stream;
use purlin_tensor::{Shape, Tensor};

/// Numbers in [-2, 2) named by a purpose.
fn random(shape: impl Into<Shape>, purpose: &str) -> Tensor<f64> {
    Tensor::uniform(shape, -2.0, 2.0, &Stream::new(11, purpose))
}

/// Numbers in [0.5, 2.5).
fn positive(shape: impl Into<Shape>, purpose: &str) -> Tensor<f64> {
    Tensor::uniform(shape, 0.5, 2.5, &Stream::new(12, purpose))
}

/// Numbers whose distance from each other and from 0 is at least 0.05, in mixed order: far from
/// every corner that a step of a finite difference could cross.
fn distinct(shape: impl Into<Shape>, purpose: &str) -> Tensor<f64> {
    let shape = shape.into();
    let n = shape.numel();
    let order = Stream::new(13, purpose).rng(0).permutation(n);
    Tensor::from_fn(shape, |i| {
        let value = 0.05 + 0.07 * (order[i] / 2) as f64;
        if order[i].is_multiple_of(2) { value } else { -value - 0.03 }
    })
}
