//! The search for the operation that made NaN or an infinity.

use purlin_core::Real;

/// Panics at the first value that is not finite, naming the operation.
#[track_caller]
pub(crate) fn check<T: Real>(op: &str, what: &str, values: &[T]) {
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        panic!("{op}: {what} must be finite, got {} at element {i}", values[i]);
    }
}
