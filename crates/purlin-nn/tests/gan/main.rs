//! Generative adversarial networks: losses, penalties, the trainer, distances.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod distances;
mod ema;
mod fit;
mod losses;
mod penalty;
mod resume;
mod spectral;

/// A panic unless all numbers agree to `tolerance`, relative where they are above 1.
#[track_caller]
fn assert_near(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        let is_near = (a - b).abs() <= tolerance * b.abs().max(1.0);
        assert!(is_near, "number {i}: expected {b}, got {a}");
    }
}
