//! Checks that all plots share.

use purlin_core::{Error, Real, Result};

/// The same numbers in double precision (exact).
pub(crate) fn to_f64<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

/// Refuses two columns of different lengths.
pub(crate) fn same_length(
    op: &'static str,
    (name_a, a): (&str, usize),
    (name_b, b): (&str, usize),
) -> Result<()> {
    if a == b {
        return Ok(());
    }
    Err(Error::shape(op, format!("{name_b} as long as {name_a} ({a})"), b))
}

/// Refuses NaN and infinities; `column` is what the error reports.
pub(crate) fn finite(
    op: &'static str,
    name: &'static str,
    values: &[f64],
    column: usize,
) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(row) => Err(Error::NonFinite { op, name, value: values[row], row, column }),
    }
}

/// Refuses an empty column.
pub(crate) fn not_empty(op: &'static str, n: usize) -> Result<()> {
    if n == 0 { Err(Error::TooFewSamples { op, expected: 1, got: 0 }) } else { Ok(()) }
}
