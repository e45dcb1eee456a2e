//! Sizes of arrays.

/// A product of sizes; a panic where it does not fit. What follows may multiply freely.
#[track_caller]
pub(crate) fn product(op: &str, sizes: &[usize]) -> usize {
    let all = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    assert!(all.is_some(), "{op}: sizes must fit in memory, got {sizes:?}");
    all.unwrap_or(0)
}
