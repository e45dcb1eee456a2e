//! One row beside all others.

use super::Panels;
use crate::indices;
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::ops::Range;

/// Panels at a time: as many chains as hide the latency of the sums.
pub(super) const WIDTH: usize = 4;

/// Appends to `hits` each of the first `limits.len()` rows of the panels `panels` of `b` whose
/// squared distance from `a` is at most its limit: the row of the table, and the squared distance.
///
/// Runs on the calling thread. A limit of NaN is never met.
///
/// # Panics
///
/// When the numbers of features differ, a panel is missing, or there are more limits than rows.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Panels, within};
/// use purlin_core::MatrixView;
///
/// let b = Panels::pack(MatrixView::from_rows(&[[0.0], [3.0], [6.0]]), None);
/// let mut hits = Vec::new();
/// within(&[2.0], &b, 0..1, &[1.0, 1.0, 16.0], &mut hits);
/// assert_eq!(hits, [(1, 1.0), (2, 16.0)]);
/// ```
#[track_caller]
pub fn within<T: Real>(
    a: &[T],
    b: &Panels<T>,
    panels: Range<usize>,
    limits: &[T],
    hits: &mut Vec<(u32, T)>,
) {
    check("within", a, b, &panels, limits.len());
    once!(|a: &[T],
           b: &Panels<T>,
           panels: Range<usize>,
           limits: &[T],
           hits: &mut Vec<(u32, T)>| {
        dispatch(Within { a, b, panels, limits, hits });
    });
}

/// The first of `sizes.len()` rows `j` of the panels `panels` of `b` for which
/// `size * sizes[j] / (size + sizes[j]) * |a - b_j|^2` is least, and that number: what the sum of
/// squared distances from the centroids grows by when two clusters become one, if `size` samples
/// have the centroid `a`.
///
/// A row of size NaN does not exist. `None` where no row has a finite value.
///
/// Runs on the calling thread.
///
/// # Panics
///
/// When the numbers of features differ, a panel is missing, there are more sizes than rows, or
/// more panels than `T` can count (2^22 of `f32`).
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Panels, least_growth};
/// use purlin_core::MatrixView;
///
/// let b = Panels::pack(MatrixView::from_rows(&[[0.0], [3.0], [7.0]]), None);
/// // 0 is as far away as 4 would be, but its cluster is smaller.
/// let nearest = least_growth(&[2.0], 2.0, &b, 0..1, &[2.0, f64::NAN, 2.0]);
/// assert_eq!(nearest, Some((4.0, 0)));
/// ```
#[track_caller]
pub fn least_growth<T: Real>(
    a: &[T],
    size: T,
    b: &Panels<T>,
    panels: Range<usize>,
    sizes: &[T],
) -> Option<(T, u32)> {
    check("least_growth", a, b, &panels, sizes.len());
    let most = indices::limit::<T>();
    let n = panels.len();
    assert!(n < most, "least_growth: expected fewer than {most} panels, got {n}");
    once!(|a: &[T],
           size: T,
           b: &Panels<T>,
           panels: Range<usize>,
           sizes: &[T]|
     -> Option<(T, u32)> { dispatch(LeastGrowth { a, size, b, panels, sizes }) })
}

#[track_caller]
fn check<T: Real>(op: &'static str, a: &[T], b: &Panels<T>, panels: &Range<usize>, n: usize) {
    let (features, rows) = (b.n_features(), b.rows_of(panels).len());
    assert!(
        a.len() == features && panels.end <= b.n_panels() && n <= rows,
        "{op}: expected a with {features} features, panels below {} and at most {rows} rows, got \
         {}, {panels:?} and {n}",
        b.n_panels(),
        a.len()
    );
}

struct Within<'a, T: Real> {
    a: &'a [T],
    b: &'a Panels<T>,
    panels: Range<usize>,
    limits: &'a [T],
    hits: &'a mut Vec<(u32, T)>,
}

impl<T: Real> Kernel for Within<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { a, b, panels, limits, hits } = self;
        let lanes = T::Lanes::<I>::LANES;
        let first = panels.start;
        let mut p = 0;
        while p * lanes < limits.len() {
            let sums = beside::<T::Lanes<I>>(a, b, first + p, panels.end);
            for (i, &sum) in sums.iter().enumerate() {
                let start = (p + i) * lanes;
                if start >= limits.len() {
                    break;
                }
                let limits = &limits[start..];
                let limit = T::Lanes::<I>::load_partial(limits, T::NAN);
                if !T::Lanes::<I>::any(sum.le(limit)) {
                    continue;
                }
                let mut values = [T::ZERO; MAX_LANES];
                sum.store(&mut values);
                for (lane, (&value, &limit)) in values[..lanes].iter().zip(limits).enumerate() {
                    if value <= limit {
                        hits.push((((first + p + i) * lanes + lane) as u32, value));
                    }
                }
            }
            p += WIDTH;
        }
    }
}

struct LeastGrowth<'a, T: Real> {
    a: &'a [T],
    size: T,
    b: &'a Panels<T>,
    panels: Range<usize>,
    sizes: &'a [T],
}

impl<T: Real> Kernel for LeastGrowth<'_, T> {
    type Output = Option<(T, u32)>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<(T, u32)> {
        let Self { a, size, b, panels, sizes } = self;
        let lanes = T::Lanes::<I>::LANES;
        let (first, size) = (panels.start, T::Lanes::<I>::splat(size));
        let mut least = T::Lanes::<I>::splat(T::INFINITY);
        let mut index = T::Lanes::<I>::splat(T::ZERO);
        // The least of all lanes. `s t / (s + t)` is at least half of the smaller: where that, a
        // bit less for rounding, is too much already, the division is saved.
        let mut limit = least;
        let half = T::Lanes::<I>::splat_f64(0.4999);
        let mut p = 0;
        while p * lanes < sizes.len() {
            let sums = beside::<T::Lanes<I>>(a, b, first + p, panels.end);
            for (i, &sum) in sums.iter().enumerate() {
                let start = (p + i) * lanes;
                if start >= sizes.len() {
                    break;
                }
                let other = T::Lanes::<I>::load_partial(&sizes[start..], T::NAN);
                let at_least = half * size.min(other) * sum;
                if !T::Lanes::<I>::any(at_least.lt(limit)) {
                    continue;
                }
                let value = size * other / (size + other) * sum;
                let is_less = value.lt(least);
                let here = T::Lanes::<I>::splat(T::from_usize(p + i));
                least = T::Lanes::<I>::select(is_less, value, least);
                index = T::Lanes::<I>::select(is_less, here, index);
                if T::Lanes::<I>::any(value.lt(limit)) {
                    limit = T::Lanes::<I>::splat(least.fold(|a, b| if b < a { b } else { a }));
                }
            }
            p += WIDTH;
        }
        let (mut values, mut places) = ([T::INFINITY; MAX_LANES], [0; MAX_LANES]);
        least.store(&mut values);
        indices::store_indices(index, first as u32, &mut places[..lanes]);
        let mut best = None;
        for lane in 0..lanes {
            let (value, row) = (values[lane], places[lane] * lanes as u32 + lane as u32);
            let is_better = match best {
                None => value < T::INFINITY,
                Some((least, place)) => value < least || (value == least && row < place),
            };
            if is_better {
                best = Some((value, row));
            }
        }
        best
    }
}

/// Squared distances of a row from `WIDTH` panels from `first` on; the last one before `end` again
/// where there are fewer.
#[inline(always)]
pub(super) fn beside<V: Lanes>(
    a: &[V::Scalar],
    b: &Panels<V::Scalar>,
    first: usize,
    end: usize,
) -> [V; WIDTH] {
    let panel = |i: usize| b.panel((first + i).min(end - 1));
    let panels = [panel(0), panel(1), panel(2), panel(3)];
    let mut sums = [V::splat_f64(0.0); WIDTH];
    for (j, &a) in a.iter().enumerate() {
        let a = V::splat(a);
        for (sum, panel) in sums.iter_mut().zip(&panels) {
            let t = a - V::load(&panel[j * V::LANES..]);
            *sum = t.mul_add(t, *sum);
        }
    }
    sums
}
