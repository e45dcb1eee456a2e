//! Comparisons that name the first place where two arrays part.

use purlin_core::{Real, Shape};
use std::fmt;

/// How far two numbers may lie apart: `|actual - expected| <= atol + rtol * |expected|`.
///
/// Equal numbers are always close, infinities of one sign among them; NaN is close to NaN only.
///
/// # Examples
///
/// ```
/// use purlin_testkit::{Tolerance, assert_close};
///
/// assert_close(&[1.0f32, 2.000_001], &[1.0f64, 2.0], Tolerance::F32);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Relative to the expected number.
    pub rtol: f64,
    /// Absolute, for numbers near 0.
    pub atol: f64,
}

impl Tolerance {
    /// The same value; the sign of 0 is not looked at.
    pub const EXACT: Self = Self { rtol: 0.0, atol: 0.0 };
    /// Single precision against a double-precision result: some hundred roundings.
    pub const F32: Self = Self { rtol: 1e-5, atol: 1e-6 };
    /// Double precision against a double-precision result: some thousand roundings.
    pub const F64: Self = Self { rtol: 1e-12, atol: 1e-12 };
    /// A derivative in `f64` against [`naive::gradient`](crate::naive::gradient), whose own error
    /// is some `1e-12` of the value: room for values and fifth derivatives in the thousands.
    pub const GRADIENT: Self = Self { rtol: 1e-7, atol: 1e-8 };

    /// [`Tolerance::F32`] or [`Tolerance::F64`], as `T` is.
    pub fn of<T: Real>() -> Self {
        if T::EPSILON.to_f64() < 1e-10 { Self::F64 } else { Self::F32 }
    }

    /// Both bounds times `factor`; say at the call why.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { rtol: self.rtol * factor, atol: self.atol * factor }
    }

    /// Whether two numbers are close.
    pub fn accepts(self, actual: f64, expected: f64) -> bool {
        actual == expected
            || (actual.is_nan() && expected.is_nan())
            || (actual - expected).abs() <= self.atol + self.rtol * expected.abs()
                && expected.is_finite()
    }
}

/// The first place where two arrays part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Position in the flat array.
    pub index: usize,
    /// The number there.
    pub actual: f64,
    /// The number that should be there.
    pub expected: f64,
    /// How many positions part in all.
    pub count: usize,
    /// The length of the arrays.
    pub len: usize,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, actual, expected, count, len } = self;
        let apart = (actual - expected).abs();
        write!(
            f,
            "index {index}: got {actual:e}, expected {expected:e}, apart {apart:e} \
             ({count} of {len} differ)"
        )
    }
}

/// The first place where two arrays of one length are not close, if there is one.
///
/// # Panics
///
/// When the lengths differ.
#[track_caller]
pub fn first_difference<A: Real, E: Real>(
    actual: &[A],
    expected: &[E],
    tolerance: Tolerance,
) -> Option<Difference> {
    let (len, expected_len) = (actual.len(), expected.len());
    assert_eq!(len, expected_len, "expected {expected_len} numbers, got {len}");
    let apart = |&(_, (a, e)): &(usize, (&A, &E))| !tolerance.accepts(a.to_f64(), e.to_f64());
    let mut places = actual.iter().zip(expected).enumerate().filter(apart);
    let (index, (actual, expected)) = places.next()?;
    let count = 1 + places.count();
    Some(Difference { index, actual: actual.to_f64(), expected: expected.to_f64(), count, len })
}

/// Panics with the first offender when two arrays are not close.
///
/// # Panics
///
/// When the lengths differ or a number is not close.
#[track_caller]
pub fn assert_close<A: Real, E: Real>(actual: &[A], expected: &[E], tolerance: Tolerance) {
    if let Some(difference) = first_difference(actual, expected, tolerance) {
        panic!("not close within {tolerance:?}: {difference}");
    }
}

/// As [`assert_close`], with the place given along the axes of `shape`.
///
/// # Panics
///
/// When the lengths differ from the shape or a number is not close.
#[track_caller]
pub fn assert_close_at<A: Real, E: Real>(
    what: &str,
    shape: impl Into<Shape>,
    actual: &[A],
    expected: &[E],
    tolerance: Tolerance,
) {
    let shape = shape.into();
    assert_eq!(actual.len(), shape.numel(), "{what}: expected {shape}, got {}", actual.len());
    if let Some(difference) = first_difference(actual, expected, tolerance) {
        let place = unravel(&shape, difference.index);
        panic!("{what}: not close within {tolerance:?} at {place} of {shape}: {difference}");
    }
}

/// Panics with the first offender when two arrays differ in a bit. NaN equals NaN of the same
/// bits only, and `-0.0` is not `0.0`.
///
/// # Panics
///
/// When the lengths or a bit differ.
#[track_caller]
pub fn assert_same_bits<T: Real>(actual: &[T], expected: &[T]) {
    let (len, expected_len) = (actual.len(), expected.len());
    assert_eq!(len, expected_len, "expected {expected_len} numbers, got {len}");
    let differs = |(a, e): (&T, &T)| a.to_bits() != e.to_bits();
    if let Some(index) = actual.iter().zip(expected).position(differs) {
        let (a, e) = (actual[index], expected[index]);
        panic!(
            "bits differ at index {index}: got {a:e} ({:#x}), expected {e:e} ({:#x})",
            a.to_bits(),
            e.to_bits()
        );
    }
}

/// The coordinates of a flat index.
fn unravel(shape: &Shape, mut index: usize) -> Shape {
    let mut place = vec![0; shape.rank()];
    for (axis, &size) in shape.iter().enumerate().rev() {
        place[axis] = index % size;
        index /= size;
    }
    place.into()
}
