//! The nearest two of one row.

use super::Panels;
use super::scan::{WIDTH, beside};
use crate::indices;
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::ops::Range;

/// What [`two_nearest`] finds.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Panels, TwoNearest, two_nearest};
/// use purlin_core::MatrixView;
///
/// let b = Panels::pack(MatrixView::from_rows(&[[5.0], [1.0], [2.0]]), None);
/// let found = two_nearest(&[0.0], &b, 0..3, &[0.0; 3]);
/// assert_eq!(found, Some(TwoNearest { value: 1.0, row: 1, next: 4.0 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoNearest<T> {
    /// The least squared distance.
    pub value: T,
    /// The first row that lies so near.
    pub row: u32,
    /// The least squared distance of all other rows; infinite where there is none.
    pub next: T,
}

impl<T: Real> TwoNearest<T> {
    /// The nearest two of these rows and of others that come after them.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::TwoNearest;
    ///
    /// let here = TwoNearest { value: 2.0, row: 3, next: 5.0 };
    /// let later = TwoNearest { value: 2.0, row: 7, next: 4.0 };
    /// assert_eq!(here.and(later), TwoNearest { value: 2.0, row: 3, next: 2.0 });
    /// ```
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let (first, other) = if later.value < self.value { (later, self) } else { (self, later) };
        let next = if other.value < first.next { other.value } else { first.next };
        Self { next, ..first }
    }
}

/// The nearest to `a` of the rows `rows` of `b`, the first of equals, its squared distance and that
/// of the nearest of the others.
///
/// Each row has its item of `floors`, which is added to its distance: 0, or infinity where the row
/// does not exist. `None` where no row has a finite value.
///
/// Runs on the calling thread.
///
/// # Panics
///
/// When the numbers of features differ, a row is missing, there is not one floor per row, or more
/// panels than `T` can count (2^22 of `f32`).
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Panels, TwoNearest, two_nearest};
/// use purlin_core::MatrixView;
///
/// let b = Panels::pack(MatrixView::from_rows(&[[0.0], [3.0], [7.0], [8.0]]), None);
/// let found = two_nearest(&[1.0], &b, 1..4, &[0.0, f64::INFINITY, 0.0]);
/// assert_eq!(found, Some(TwoNearest { value: 4.0, row: 1, next: 49.0 }));
/// ```
#[track_caller]
pub fn two_nearest<T: Real>(
    a: &[T],
    b: &Panels<T>,
    rows: Range<usize>,
    floors: &[T],
) -> Option<TwoNearest<T>> {
    let (n, features, most) = (b.n_rows(), b.n_features(), indices::limit::<T>());
    assert!(
        a.len() == features && rows.end <= n && floors.len() == rows.len(),
        "two_nearest: expected a with {features} features, rows below {n} and {} floors, got {}, \
         {rows:?} and {}",
        rows.len(),
        a.len(),
        floors.len()
    );
    let n_panels = rows.len().div_ceil(Panels::<T>::lanes()) + 1;
    assert!(n_panels < most, "two_nearest: expected fewer than {most} panels, got {n_panels}");
    once!(|a: &[T], b: &Panels<T>, rows: Range<usize>, floors: &[T]| -> Option<TwoNearest<T>> {
        dispatch(Search { a, b, rows, floors })
    })
}

struct Search<'a, T: Real> {
    a: &'a [T],
    b: &'a Panels<T>,
    rows: Range<usize>,
    floors: &'a [T],
}

impl<T: Real> Kernel for Search<'_, T> {
    type Output = Option<TwoNearest<T>>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<TwoNearest<T>> {
        let lanes = T::Lanes::<I>::LANES;
        let (first, end) = (self.rows.start / lanes, self.rows.end.div_ceil(lanes));
        let mut least = T::Lanes::<I>::splat(T::INFINITY);
        let mut next = least;
        let mut index = T::Lanes::<I>::splat(T::ZERO);
        for p in (first..end).step_by(WIDTH) {
            let sums = beside::<T::Lanes<I>>(self.a, self.b, p, end);
            for (panel, sum) in (p..end).zip(sums) {
                let value = sum + self.floors::<T::Lanes<I>>(panel);
                let is_less = value.lt(least);
                let here = T::Lanes::<I>::splat(T::from_usize(panel - first));
                next = next.min(T::Lanes::<I>::select(is_less, least, value));
                least = T::Lanes::<I>::select(is_less, value, least);
                index = T::Lanes::<I>::select(is_less, here, index);
            }
        }
        let mut lists = [[T::INFINITY; MAX_LANES]; 2];
        least.store(&mut lists[0]);
        next.store(&mut lists[1]);
        let mut panels = [0; MAX_LANES];
        indices::store_indices(index, first as u32, &mut panels[..lanes]);
        of_lanes(&lists, &panels, lanes)
    }
}

impl<T: Real> Search<'_, T> {
    /// The floors of a panel, infinite outside of the rows.
    #[inline(always)]
    fn floors<V: Lanes<Scalar = T>>(&self, panel: usize) -> V {
        let start = panel * V::LANES;
        if start >= self.rows.start {
            return V::load_partial(&self.floors[start - self.rows.start..], T::INFINITY);
        }
        let mut floors = [T::INFINITY; MAX_LANES];
        for (floor, &own) in floors[self.rows.start - start..V::LANES].iter_mut().zip(self.floors) {
            *floor = own;
        }
        V::load(&floors)
    }
}

/// The nearest two of all lanes.
fn of_lanes<T: Real>(
    [least, next]: &[[T; MAX_LANES]; 2],
    panels: &[u32; MAX_LANES],
    lanes: usize,
) -> Option<TwoNearest<T>> {
    let row = |lane: usize| panels[lane] * lanes as u32 + lane as u32;
    let mut best: Option<TwoNearest<T>> = None;
    for lane in 0..lanes {
        let own = TwoNearest { value: least[lane], row: row(lane), next: next[lane] };
        best = match best {
            _ if own.value == T::INFINITY => best,
            // Of equals the first row counts as the first.
            Some(best) if own.row < best.row => Some(own.and(best)),
            Some(best) => Some(best.and(own)),
            None => Some(own),
        };
    }
    best
}
