//! Near rows of a group, in a box.

use super::form::{Chain, with_chain};
use super::row_scan::chains;
use super::{Form, Panels};
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::ops::Range;

/// A row that is near enough to another.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Form, Hit, Panels, find_in_box};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [3.0]]), None);
/// let (mut hits, bounds) = (Vec::new(), (&[1.0][..], &[3.0][..]));
/// find_in_box(Form::SquaredEuclidean, (&x, 0..1), &[4.0], (&x, 1..3), bounds, &mut hits);
/// assert_eq!(hits, [Hit { query: 0, row: 1, value: 1.0 }]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<T> {
    /// Which of the rows that ask, counted from the first.
    pub query: u32,
    /// The row that was found.
    pub row: u32,
    /// The value of the form between both.
    pub value: T,
}

/// The most rows that ask at a time.
const MOST: usize = 64;

/// Appends to `hits` every pair of a row of `queries` in `rows` and a row of `others` in `range`
/// whose value of `form` is at most the limit of the query; NaN is never met.
///
/// | argument | what |
/// |---|---|
/// | `queries`, `rows` | which rows ask: at most 64, from the first of a panel on |
/// | `limits` | one for each of them |
/// | `others`, `range` | which rows may be found |
/// | `low`, `high` | the least and the greatest numbers of these in each feature |
///
/// Queries that are too far from the box are not compared with what is inside: the gap between
/// them, rounded step by step as the chain is, is never above a value.
///
/// Runs on the calling thread.
///
/// # Panics
///
/// When sizes do not fit or a row is missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Form, Hit, Panels, find_in_box};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// let (mut hits, bounds) = (Vec::new(), (&[2.0][..], &[5.0][..]));
/// let form = Form::Manhattan;
/// find_in_box(form, (&x, 0..3), &[1.0, 1.5, f64::NAN], (&x, 2..4), bounds, &mut hits);
/// assert_eq!(hits, [Hit { query: 1, row: 2, value: 1.0 }]);
/// ```
#[track_caller]
pub fn find_in_box<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, Range<usize>),
    limits: &[T],
    (others, range): (&Panels<T>, Range<usize>),
    (low, high): (&[T], &[T]),
    hits: &mut Vec<Hit<T>>,
) {
    let (n, d, lanes) = (queries.n_rows(), queries.n_features(), Panels::<T>::lanes());
    assert!(
        rows.start.is_multiple_of(lanes) && rows.len() <= MOST && rows.end <= n,
        "find_in_box: expected at most {MOST} queries below {n} from a multiple of {lanes} on, got \
         {rows:?}"
    );
    assert!(
        limits.len() == rows.len() && range.end <= others.n_rows(),
        "find_in_box: expected {} limits and rows below {}, got {} and {range:?}",
        rows.len(),
        others.n_rows(),
        limits.len()
    );
    assert!(
        [others.n_features(), low.len(), high.len()] == [d; 3],
        "find_in_box: expected {d} features, got {}, {} and {}",
        others.n_features(),
        low.len(),
        high.len()
    );
    once!(|form: Form,
           queries: &Panels<T>,
           rows: Range<usize>,
           limits: &[T],
           others: &Panels<T>,
           range: Range<usize>,
           low: &[T],
           high: &[T],
           hits: &mut Vec<Hit<T>>| {
        dispatch(InBox { form, queries, rows, limits, others, range, low, high, hits });
    });
}

/// The least gap between the rows of `queries` in `rows` and a box, of those rows for which it is at
/// most their limit; NaN where there is none. Arguments are as in [`find_in_box`]; the gap is never
/// above the value of a row in the box.
///
/// # Panics
///
/// When sizes do not fit or a row is missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Form, Panels, gap_to_box};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// let gap = |limits: [f64; 2]| gap_to_box(Form::Manhattan, (&x, 0..2), &limits, (&[3.0], &[5.0]));
/// assert_eq!(gap([9.0, 9.0]), 2.0);
/// assert_eq!(gap([9.0, 1.0]), 3.0);
/// assert!(gap([1.0, 1.0]).is_nan());
/// ```
#[track_caller]
pub fn gap_to_box<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, Range<usize>),
    limits: &[T],
    (low, high): (&[T], &[T]),
) -> T {
    let (n, d, lanes) = (queries.n_rows(), queries.n_features(), Panels::<T>::lanes());
    assert!(
        rows.start.is_multiple_of(lanes) && rows.end <= n && limits.len() == rows.len(),
        "gap_to_box: expected queries below {n} from a multiple of {lanes} on with a limit each, \
         got {rows:?} and {} limits",
        limits.len()
    );
    assert!(
        [low.len(), high.len()] == [d; 2],
        "gap_to_box: expected {d} features, got {} and {}",
        low.len(),
        high.len()
    );
    once!(|form: Form,
           queries: &Panels<T>,
           rows: Range<usize>,
           limits: &[T],
           low: &[T],
           high: &[T]|
     -> T { dispatch(Gap { form, queries, rows, limits, low, high }) })
}

struct Gap<'a, T: Real> {
    form: Form,
    queries: &'a Panels<T>,
    rows: Range<usize>,
    limits: &'a [T],
    low: &'a [T],
    high: &'a [T],
}

impl<T: Real> Kernel for Gap<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run<I: Isa>(self) -> T {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>())
    }
}

impl<T: Real> Gap<'_, T> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) -> T {
        let Self { queries, rows, limits, low, high, .. } = self;
        let first = rows.start / V::LANES;
        let (infinity, mut least, mut is_any) = (V::splat(T::INFINITY), None::<V>, false);
        for p in 0..rows.len().div_ceil(V::LANES) {
            let limit = V::load_partial(&limits[p * V::LANES..], T::NAN);
            let gaps = gaps::<C, V>(queries.panel(first + p), low, high);
            let is_near = gaps.le(limit);
            is_any |= V::any(is_near);
            let gaps = V::select(is_near, gaps, infinity);
            least = Some(least.map_or(gaps, |least| least.min(gaps)));
        }
        match least {
            Some(least) if is_any => least.fold(T::min),
            _ => T::NAN,
        }
    }
}

/// The gaps between the rows of a panel and a box.
#[inline(always)]
fn gaps<C: Chain, V: Lanes>(panel: &[V::Scalar], low: &[V::Scalar], high: &[V::Scalar]) -> V {
    let zero = V::splat_f64(0.0);
    let mut sum = zero;
    for (x, (&low, &high)) in panel.chunks_exact(V::LANES).zip(low.iter().zip(high)) {
        let x = V::load(x);
        sum = C::add((V::splat(low) - x).max(x - V::splat(high)).max(zero), sum);
    }
    sum
}

struct InBox<'a, T: Real> {
    form: Form,
    queries: &'a Panels<T>,
    rows: Range<usize>,
    limits: &'a [T],
    others: &'a Panels<T>,
    range: Range<usize>,
    low: &'a [T],
    high: &'a [T],
    hits: &'a mut Vec<Hit<T>>,
}

impl<T: Real> Kernel for InBox<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>());
    }
}

impl<T: Real> InBox<'_, T> {
    /// Writes those queries that are near enough to the box; returns how many.
    #[inline(always)]
    fn active<C: Chain, V: Lanes<Scalar = T>>(&self, active: &mut [u8; MOST]) -> usize {
        let zero = V::splat(T::ZERO);
        let first = self.rows.start / V::LANES;
        let mut n = 0;
        for p in 0..self.rows.len().div_ceil(V::LANES) {
            let limit = V::load_partial(&self.limits[p * V::LANES..], T::NAN);
            let bound = gaps::<C, V>(self.queries.panel(first + p), self.low, self.high);
            let mut is_near = [T::ZERO; MAX_LANES];
            V::select(bound.le(limit), V::splat(T::ONE), zero).store(&mut is_near);
            for (lane, is_near) in is_near.iter().enumerate().take(V::LANES) {
                // Beyond the last query the limit is NaN, and this writes where the next one does.
                active[n.min(MOST - 1)] = (p * V::LANES + lane) as u8;
                n += usize::from(*is_near != T::ZERO);
            }
        }
        n
    }

    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) {
        const HEIGHT: usize = 4;
        let mut active = [0; MOST];
        let n = self.active::<C, V>(&mut active);
        let Self { queries, rows, limits, others, range, hits, .. } = self;
        let row = |query: u8| {
            let row = rows.start + usize::from(query);
            &queries.panel(row / V::LANES)[row % V::LANES..]
        };
        let panels = range.start / V::LANES..range.end.div_ceil(V::LANES);
        for four in active[..n].chunks(HEIGHT) {
            // The last one again where there are fewer.
            let of = |i: usize| row(four[i.min(four.len() - 1)]);
            let of_four = [of(0), of(1), of(2), of(3)];
            for p in panels.clone() {
                let values = chains::<C, V, HEIGHT>(of_four, V::LANES, others.panel(p));
                for (&query, value) in four.iter().zip(values) {
                    let limit = limits[usize::from(query)];
                    if !V::any(value.le(V::splat(limit))) {
                        continue;
                    }
                    let mut all = [T::ZERO; MAX_LANES];
                    value.store(&mut all);
                    for (lane, &value) in all.iter().enumerate().take(V::LANES) {
                        let row = p * V::LANES + lane;
                        if value <= limit && range.contains(&row) {
                            hits.push(Hit { query: u32::from(query), row: row as u32, value });
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin_core::Matrix;

    fn check<T: Real>(d: usize) {
        let mut seed = 7u64;
        let x = Matrix::<T>::from_fn(150, d, |_, _| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            T::from_f64((seed >> 60) as f64)
        });
        let panels = Panels::pack(x.view(), None);
        for form in [Form::SquaredEuclidean, Form::Manhattan, Form::Chebyshev] {
            for (rows, range) in [(0..40, 32..96), (64..128, 3..150), (128..150, 140..141)] {
                let limit = |i: usize| if i % 7 == 3 { T::NAN } else { T::from_usize(i % 30) };
                let limits: Vec<T> = rows.clone().map(limit).collect();
                let of = |j: usize, better: fn(T, T) -> T| {
                    range.clone().map(|i| x[(i, j)]).reduce(better).unwrap_or(T::ZERO)
                };
                let low: Vec<T> = (0..d).map(|j| of(j, T::min)).collect();
                let high: Vec<T> = (0..d).map(|j| of(j, T::max)).collect();
                let (queries, others) = ((&panels, rows.clone()), (&panels, range.clone()));
                let mut hits = Vec::new();
                find_in_box(form, queries, &limits, others, (&low, &high), &mut hits);
                hits.sort_unstable_by_key(|hit| (hit.query, hit.row));
                let mut expected = Vec::new();
                for (query, i) in rows.clone().enumerate() {
                    for j in range.clone() {
                        let value = form.of(x.row(i), x.row(j));
                        if value <= limits[query] {
                            let (query, row) = (query as u32, j as u32);
                            expected.push(Hit { query, row, value });
                        }
                    }
                }
                assert_eq!(hits, expected, "{form:?}, {d} features");
                let gap = gap_to_box(form, (&panels, rows.clone()), &limits, (&low, &high));
                assert!(hits.iter().all(|hit| gap <= hit.value), "{form:?}, {d} features");
            }
        }
    }

    #[test]
    fn what_is_found_is_what_a_look_at_all_pairs_finds() {
        for d in [1, 2, 5] {
            check::<f32>(d);
            check::<f64>(d);
        }
    }
}
