//! What a further medoid changes.
//!
//! Sums are in double precision, in eight lanes over the distances in their order, the lanes then
//! in a fixed tree: the same bits on any instruction set.

use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::Isa;
use std::marker::PhantomData;

/// Lanes of a sum.
const LANES: usize = 8;

/// The sum of `distances`, of their square roots where `has_root`.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::total;
///
/// assert_eq!(total(&[1.0f32, 4.0, 9.0], true), 6.0);
/// ```
pub fn total<T: Real>(distances: &[T], has_root: bool) -> f64 {
    once!(|distances: &[T], has_root: bool| -> f64 {
        dispatch(OfOne::<T, Total> { distances, nearest: distances, has_root, term: PhantomData })
    })
}

/// The sum of `max(nearest - distance, 0)`, of the square roots of `distances` where `has_root`: how
/// much less far a medoid at these distances makes the way of all samples to their nearest one.
///
/// It does not grow when numbers of `nearest` fall, rounding included.
///
/// # Panics
///
/// When the lengths differ.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::gain;
///
/// assert_eq!(gain(&[1.0f32, 4.0, 9.0], &[3.0, 3.0, 3.0], true), 3.0);
/// ```
#[track_caller]
pub fn gain<T: Real>(distances: &[T], nearest: &[T], has_root: bool) -> f64 {
    let (n, got) = (distances.len(), nearest.len());
    assert!(got == n, "gain: expected {n} nearest distances, got {got}");
    once!(|distances: &[T], nearest: &[T], has_root: bool| -> f64 {
        dispatch(OfOne::<T, Gain> { distances, nearest, has_root, term: PhantomData })
    })
}

/// What it changes in the sum of the distances of all samples from their nearest medoid to put
/// another sample in the place of one of the medoids.
///
/// | argument | shape | what |
/// |---|---|---|
/// | `distances` | `(n,)` | of the samples from the new medoid; the square roots of these where `has_root` |
/// | `nearest`, `second` | `(n,)` | of the samples from their nearest and second medoid |
/// | `ends` | `(k,)` | samples `ends[i - 1]..ends[i]` have medoid `i` as their nearest |
/// | `changes` | `(k,)` | `changes[i]`: what it adds to the change if medoid `i` goes |
///
/// To `changes[i]` is added what the samples of medoid `i` then lose or win beside what they win
/// anyway; it starts as the sum of `second - nearest` over them. Returned is what samples win
/// whichever medoid goes, at most 0; the sum of both is the change.
///
/// # Panics
///
/// When the lengths differ, or `ends` do not rise to the number of samples.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::swap_changes;
///
/// // Samples at 0, 1, 5 and 8, medoids at 0 and 8: the new one is at 5.
/// let (nearest, second) = ([0.0, 1.0, 3.0, 0.0], [8.0, 7.0, 5.0, 8.0]);
/// let mut changes = [14.0, 10.0];
/// let shared =
///     swap_changes(&[5.0, 4.0, 0.0, 3.0], &nearest, &second, &[2, 4], false, &mut changes);
/// // At 5 and 8: 5 + 4 instead of 1 + 3. At 0 and 5: 1 + 3.
/// assert_eq!([changes[0] + shared, changes[1] + shared], [5.0, 0.0]);
/// ```
#[track_caller]
pub fn swap_changes<T: Real>(
    distances: &[T],
    nearest: &[T],
    second: &[T],
    ends: &[usize],
    has_root: bool,
    changes: &mut [f64],
) -> f64 {
    let n = distances.len();
    assert!(
        nearest.len() == n
            && second.len() == n
            && ends.is_sorted()
            && ends.last().copied().unwrap_or(0) == n,
        "swap_changes: expected {n} nearest and second distances and ends that rise to it, got {}, \
         {} and {ends:?}",
        nearest.len(),
        second.len()
    );
    assert!(
        changes.len() == ends.len(),
        "swap_changes: expected {} changes, got {}",
        ends.len(),
        changes.len()
    );
    once!(|distances: &[T],
           nearest: &[T],
           second: &[T],
           ends: &[usize],
           has_root: bool,
           changes: &mut [f64]|
     -> f64 { dispatch(Swap { distances, nearest, second, ends, has_root, changes }) })
}

/// What a sample adds to two sums.
trait Term {
    fn of(distance: f64, nearest: f64, second: f64) -> [f64; 2];
}

struct Total;
struct Gain;
struct Change;

impl Term for Total {
    #[inline(always)]
    fn of(distance: f64, _: f64, _: f64) -> [f64; 2] {
        [distance, 0.0]
    }
}

impl Term for Gain {
    #[inline(always)]
    fn of(distance: f64, nearest: f64, _: f64) -> [f64; 2] {
        let gain = nearest - distance;
        [if gain > 0.0 { gain } else { 0.0 }, 0.0]
    }
}

impl Term for Change {
    /// With the nearest medoid gone, the sample goes to its second or to the new one. Counted
    /// apart is what it wins whichever goes.
    #[inline(always)]
    fn of(distance: f64, nearest: f64, second: f64) -> [f64; 2] {
        let win = distance - nearest;
        let to = if distance > nearest { distance } else { nearest };
        let to = if to < second { to } else { second };
        [if win < 0.0 { win } else { 0.0 }, to - second]
    }
}

struct OfOne<'a, T, E> {
    distances: &'a [T],
    nearest: &'a [T],
    has_root: bool,
    term: PhantomData<E>,
}

impl<T: Real, E: Term> Kernel for OfOne<'_, T, E> {
    type Output = f64;
    #[inline(always)]
    fn run<I: Isa>(self) -> f64 {
        let Self { distances, nearest, has_root, .. } = self;
        if has_root {
            sums::<E, true, T>(distances, nearest, nearest)[0]
        } else {
            sums::<E, false, T>(distances, nearest, nearest)[0]
        }
    }
}

struct Swap<'a, T> {
    distances: &'a [T],
    nearest: &'a [T],
    second: &'a [T],
    ends: &'a [usize],
    has_root: bool,
    changes: &'a mut [f64],
}

impl<T: Real> Kernel for Swap<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run<I: Isa>(self) -> f64 {
        if self.has_root { self.groups::<true>() } else { self.groups::<false>() }
    }
}

impl<T: Real> Swap<'_, T> {
    #[inline(always)]
    fn groups<const ROOT: bool>(self) -> f64 {
        let Self { distances, nearest, second, ends, changes, .. } = self;
        let (mut start, mut shared) = (0, 0.0);
        for (&end, change) in ends.iter().zip(changes) {
            let group = start..end;
            let (distances, nearest) = (&distances[group.clone()], &nearest[group.clone()]);
            let [won, changed] = sums::<Change, ROOT, T>(distances, nearest, &second[group]);
            shared += won;
            *change += changed;
            start = end;
        }
        shared
    }
}

/// The two sums of the terms of all samples.
#[inline(always)]
fn sums<E: Term, const ROOT: bool, T: Real>(
    distances: &[T],
    nearest: &[T],
    second: &[T],
) -> [f64; 2] {
    let (mut a, mut b) = ([0.0; LANES], [0.0; LANES]);
    let (distances, distances_rest) = distances.as_chunks::<LANES>();
    let (nearest, nearest_rest) = nearest.as_chunks::<LANES>();
    let (second, second_rest) = second.as_chunks::<LANES>();
    for ((distances, nearest), second) in distances.iter().zip(nearest).zip(second) {
        add::<E, ROOT, T>(distances, nearest, second, &mut a, &mut b);
    }
    if !distances_rest.is_empty() {
        // A sample that is 0 away from everything adds nothing.
        let fill = |rest: &[T]| {
            let mut full = [T::ZERO; LANES];
            full[..rest.len()].copy_from_slice(rest);
            full
        };
        let (distances, nearest) = (fill(distances_rest), fill(nearest_rest));
        add::<E, ROOT, T>(&distances, &nearest, &fill(second_rest), &mut a, &mut b);
    }
    [tree(a), tree(b)]
}

#[inline(always)]
fn add<E: Term, const ROOT: bool, T: Real>(
    distances: &[T; LANES],
    nearest: &[T; LANES],
    second: &[T; LANES],
    a: &mut [f64; LANES],
    b: &mut [f64; LANES],
) {
    for lane in 0..LANES {
        let distance = if ROOT { distances[lane].sqrt() } else { distances[lane] };
        let term = E::of(distance.to_f64(), nearest[lane].to_f64(), second[lane].to_f64());
        a[lane] += term[0];
        b[lane] += term[1];
    }
}

#[inline(always)]
fn tree(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}
