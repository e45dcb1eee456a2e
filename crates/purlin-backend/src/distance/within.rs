//! Which rows lie within reach of others.

use super::Panels;
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::ops::Range;

/// What is compared with the reach: a chain over the features in their order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `t * t + sum` for each difference `t`, in one rounding.
    SquaredEuclidean,
    /// `sum + abs(t)`.
    Manhattan,
    /// The greater of `abs(t)` and what came before.
    Chebyshev,
}

impl Form {
    /// The chain of two rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::Form;
    ///
    /// assert_eq!(Form::SquaredEuclidean.of(&[0.0, 0.0], &[3.0, 4.0]), 25.0);
    /// assert_eq!(Form::Manhattan.of(&[0.0, 0.0], &[3.0f32, 4.0]), 7.0);
    /// assert_eq!(Form::Chebyshev.of(&[0.0, 0.0], &[3.0, 4.0]), 4.0);
    /// ```
    #[inline(always)]
    pub fn of<T: Real>(self, a: &[T], b: &[T]) -> T {
        self.of_differences(a.iter().zip(b).map(|(&a, &b)| a - b))
    }

    /// The chain of given differences.
    #[inline(always)]
    pub fn of_differences<T: Real>(self, differences: impl Iterator<Item = T>) -> T {
        differences.fold(T::ZERO, |sum, t| match self {
            Self::SquaredEuclidean => t.mul_add(t, sum),
            Self::Manhattan => sum + t.abs(),
            Self::Chebyshev => t.abs().max(sum),
        })
    }
}

/// Adds up for each query the weights (1 each without `weights`) of the rows of `others` in
/// `ranges` that lie within `reach`, until all are `enough` or the ranges end.
///
/// | argument | what |
/// |---|---|
/// | `queries`, `rows` | which rows ask |
/// | `ranges` | rows of `others`, which do not overlap |
/// | `weights` | one per lane of the panels of `others`: rows, then anything |
/// | `reach` | the greatest value of `form` that counts |
/// | `out` | the sum of each query; exact where the weights are whole numbers |
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
/// use purlin_backend::distance::{Form, Panels, weigh_within};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// let mut out = [0.0; 2];
/// let form = Form::SquaredEuclidean;
/// weigh_within(form, (&x, 1..3), (&x, &[0..4]), None, 1.0, f64::INFINITY, &mut out);
/// assert_eq!(out, [3.0, 2.0]);
/// ```
#[track_caller]
pub fn weigh_within<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, Range<usize>),
    (others, ranges): (&Panels<T>, &[Range<usize>]),
    weights: Option<&[T]>,
    reach: T,
    enough: f64,
    out: &mut [f64],
) {
    check(queries, &rows, others, ranges);
    let lanes = others.n_panels() * Panels::<T>::lanes();
    let got = (out.len(), weights.map_or(lanes, <[T]>::len));
    assert!(
        got == (rows.len(), lanes),
        "weigh_within: expected {} sums and {lanes} weights, got {} and {}",
        rows.len(),
        got.0,
        got.1
    );
    once!(|form: Form,
           queries: &Panels<T>,
           rows: Range<usize>,
           others: &Panels<T>,
           ranges: &[Range<usize>],
           weights: Option<&[T]>,
           reach: T,
           enough: f64,
           out: &mut [f64]| {
        dispatch(Weigh { form, queries, rows, others, ranges, weights, reach, enough, out });
    });
}

/// Whether any of the rows `rows` of `queries` lies within `reach` of any row of `others` in
/// `range`.
///
/// Runs on the calling thread.
///
/// # Panics
///
/// When sizes do not fit or a row is missing.
#[track_caller]
pub fn any_within<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, Range<usize>),
    (others, range): (&Panels<T>, Range<usize>),
    reach: T,
) -> bool {
    check(queries, &rows, others, std::slice::from_ref(&range));
    once!(|form: Form,
           queries: &Panels<T>,
           rows: Range<usize>,
           others: &Panels<T>,
           range: Range<usize>,
           reach: T|
     -> bool { dispatch(Any { form, queries, rows, others, range, reach }) })
}

/// Appends to `found` every pair of a row of `queries` in `rows` and a row of `others` in `range`
/// that lie within `reach` of each other.
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
/// use purlin_backend::distance::{Form, Panels, find_within};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// let mut found = Vec::new();
/// find_within(Form::Manhattan, (&x, 1..2), (&x, 1..4), 1.0, &mut found);
/// assert_eq!(found, [[1, 1], [1, 2]]);
/// ```
#[track_caller]
pub fn find_within<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, Range<usize>),
    (others, range): (&Panels<T>, Range<usize>),
    reach: T,
    found: &mut Vec<[u32; 2]>,
) {
    check(queries, &rows, others, std::slice::from_ref(&range));
    once!(|form: Form,
           queries: &Panels<T>,
           rows: Range<usize>,
           others: &Panels<T>,
           range: Range<usize>,
           reach: T,
           found: &mut Vec<[u32; 2]>| {
        dispatch(Find { form, queries, rows, others, range, reach, found });
    });
}

/// The value of `form` between `query` and each row of `others` in `range`.
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
/// use purlin_backend::distance::{Form, Panels, values_of};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// let mut out = [0.0; 2];
/// values_of(Form::Manhattan, &[1.5], (&x, 2..4), &mut out);
/// assert_eq!(out, [0.5, 3.5]);
/// ```
#[track_caller]
pub fn values_of<T: Real>(
    form: Form,
    query: &[T],
    (others, range): (&Panels<T>, Range<usize>),
    out: &mut [T],
) {
    let (n, d) = (others.n_rows(), others.n_features());
    assert!(
        query.len() == d && range.end <= n && out.len() == range.len(),
        "values_of: expected {d} features, rows below {n} and {} items, got {}, {range:?} and {}",
        range.len(),
        query.len(),
        out.len()
    );
    once!(|form: Form, query: &[T], others: &Panels<T>, range: Range<usize>, out: &mut [T]| {
        dispatch(Values { form, query, others, range, out });
    });
}

#[track_caller]
fn check<T: Real>(
    queries: &Panels<T>,
    rows: &Range<usize>,
    others: &Panels<T>,
    ranges: &[Range<usize>],
) {
    let (n, d) = (queries.n_rows(), queries.n_features());
    assert!(others.n_features() == d, "within: expected {d} features, got {}", others.n_features());
    assert!(rows.end <= n, "within: expected queries below {n}, got {rows:?}");
    let n = others.n_rows();
    let outside = ranges.iter().find(|range| range.start > range.end || range.end > n);
    assert!(outside.is_none(), "within: expected rows below {n}, got {outside:?}");
}

/// A step of the chain.
pub(super) trait Chain {
    fn add<V: Lanes>(t: V, sum: V) -> V;
}

pub(super) struct Squares;
pub(super) struct Sums;
pub(super) struct Greatest;

impl Chain for Squares {
    #[inline(always)]
    fn add<V: Lanes>(t: V, sum: V) -> V {
        t.mul_add(t, sum)
    }
}

impl Chain for Sums {
    #[inline(always)]
    fn add<V: Lanes>(t: V, sum: V) -> V {
        sum + t.abs()
    }
}

impl Chain for Greatest {
    #[inline(always)]
    fn add<V: Lanes>(t: V, sum: V) -> V {
        t.abs().max(sum)
    }
}

/// `$body` with `$chain` as the chain of `$form`.
macro_rules! with_chain {
    ($form:expr, $chain:ident => $body:expr) => {
        match $form {
            $crate::distance::Form::SquaredEuclidean => {
                type $chain = $crate::distance::within::Squares;
                $body
            }
            $crate::distance::Form::Manhattan => {
                type $chain = $crate::distance::within::Sums;
                $body
            }
            $crate::distance::Form::Chebyshev => {
                type $chain = $crate::distance::within::Greatest;
                $body
            }
        }
    };
}
pub(super) use with_chain;

/// Rows that ask at the same time: as many chains as hide the latency of a sum.
const HEIGHT: usize = 4;

/// The numbers of up to four rows; the last again where fewer are left. The features of each
/// lie a vector apart.
#[inline(always)]
fn four_rows<T: Real>(panels: &Panels<T>, first: usize, end: usize) -> [&[T]; HEIGHT] {
    let lanes = Panels::<T>::lanes();
    [0, 1, 2, 3].map(|i| {
        let row = (first + i).min(end - 1);
        &panels.panel(row / lanes)[row % lanes..]
    })
}

/// The chains of rows with the rows of a panel.
#[inline(always)]
pub(super) fn chains<C: Chain, V: Lanes, const N: usize>(
    rows: [&[V::Scalar]; N],
    step: usize,
    panel: &[V::Scalar],
) -> [V; N] {
    let mut sums = [V::splat_f64(0.0); N];
    for (j, b) in panel.chunks_exact(V::LANES).enumerate() {
        let b = V::load(b);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = C::add(V::splat(row[j * step]) - b, *sum);
        }
    }
    sums
}

/// The panels that a range of rows touches, and which of their lanes.
struct Span<V: Lanes> {
    iota: V,
}

impl<V: Lanes> Span<V> {
    #[inline(always)]
    fn new() -> Self {
        let mut iota = [V::Scalar::ZERO; MAX_LANES];
        for (i, lane) in iota.iter_mut().enumerate() {
            *lane = V::Scalar::from_usize(i);
        }
        Self { iota: V::load(&iota) }
    }

    #[inline(always)]
    fn panels(range: &Range<usize>) -> Range<usize> {
        range.start / V::LANES..range.end.div_ceil(V::LANES)
    }

    /// `mask` without the lanes of panel `p` that are not in the range.
    #[inline(always)]
    fn cut(&self, range: &Range<usize>, p: usize, mask: V::Mask) -> V::Mask {
        let first = p * V::LANES;
        if range.start <= first && first + V::LANES <= range.end {
            return mask;
        }
        let at = |row: usize| {
            V::splat(V::Scalar::from_usize(row.clamp(first, first + V::LANES) - first))
        };
        mask & self.iota.ge(at(range.start)) & self.iota.lt(at(range.end))
    }
}

struct Weigh<'a, T: Real> {
    form: Form,
    queries: &'a Panels<T>,
    rows: Range<usize>,
    others: &'a Panels<T>,
    ranges: &'a [Range<usize>],
    weights: Option<&'a [T]>,
    reach: T,
    enough: f64,
    out: &'a mut [f64],
}

/// Panels whose sum of ones is exact in any precision.
const RUN: usize = 1 << 16;

impl<T: Real> Kernel for Weigh<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>());
    }
}

impl<T: Real> Weigh<'_, T> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) {
        let Self { queries, rows, others, ranges, weights, reach, enough, out, .. } = self;
        let (span, reach) = (Span::<V>::new(), V::splat(reach));
        let (zero, one) = (V::splat(T::ZERO), V::splat(T::ONE));
        for (group, out) in out.chunks_mut(HEIGHT).enumerate() {
            let four = four_rows(queries, rows.start + group * HEIGHT, rows.end);
            let mut totals = [0.0; HEIGHT];
            for range in ranges {
                let mut panels = Span::<V>::panels(range);
                while !panels.is_empty() {
                    let run = panels.start..panels.end.min(panels.start + RUN);
                    panels.start = run.end;
                    let mut sums = [zero; HEIGHT];
                    for p in run {
                        let values = chains::<C, V, HEIGHT>(four, V::LANES, others.panel(p));
                        let weight = match weights {
                            Some(weights) => V::load(&weights[p * V::LANES..]),
                            None => one,
                        };
                        for (sum, value) in sums.iter_mut().zip(values) {
                            let mask = span.cut(range, p, value.le(reach));
                            *sum = *sum + V::select(mask, weight, zero);
                        }
                    }
                    for (total, sum) in totals.iter_mut().zip(sums) {
                        *total += sum.sum().to_f64();
                    }
                }
                if totals.iter().all(|&total| total >= enough) {
                    break;
                }
            }
            out.copy_from_slice(&totals[..out.len()]);
        }
    }
}

struct Any<'a, T: Real> {
    form: Form,
    queries: &'a Panels<T>,
    rows: Range<usize>,
    others: &'a Panels<T>,
    range: Range<usize>,
    reach: T,
}

impl<T: Real> Kernel for Any<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>())
    }
}

impl<T: Real> Any<'_, T> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) -> bool {
        let Self { queries, rows, others, range, reach, .. } = self;
        let (span, reach) = (Span::<V>::new(), V::splat(reach));
        for first in rows.clone().step_by(HEIGHT) {
            let four = four_rows(queries, first, rows.end);
            for p in Span::<V>::panels(&range) {
                let [a, b, c, d] = chains::<C, V, HEIGHT>(four, V::LANES, others.panel(p));
                let least = a.min(b).min(c.min(d));
                if V::any(span.cut(&range, p, least.le(reach))) {
                    return true;
                }
            }
        }
        false
    }
}

struct Find<'a, T: Real> {
    form: Form,
    queries: &'a Panels<T>,
    rows: Range<usize>,
    others: &'a Panels<T>,
    range: Range<usize>,
    reach: T,
    found: &'a mut Vec<[u32; 2]>,
}

impl<T: Real> Kernel for Find<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>());
    }
}

impl<T: Real> Find<'_, T> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) {
        let Self { queries, rows, others, range, reach, found, .. } = self;
        let (span, reach) = (Span::<V>::new(), V::splat(reach));
        let (zero, one) = (V::splat(T::ZERO), V::splat(T::ONE));
        for first in rows.clone().step_by(HEIGHT) {
            let four = four_rows(queries, first, rows.end);
            let height = HEIGHT.min(rows.end - first);
            for p in Span::<V>::panels(&range) {
                let values = chains::<C, V, HEIGHT>(four, V::LANES, others.panel(p));
                for (i, value) in values.into_iter().enumerate().take(height) {
                    let mask = span.cut(&range, p, value.le(reach));
                    if !V::any(mask) {
                        continue;
                    }
                    let mut is_within = [T::ZERO; MAX_LANES];
                    V::select(mask, one, zero).store(&mut is_within);
                    for (lane, is_within) in is_within.iter().enumerate().take(V::LANES) {
                        if *is_within != T::ZERO {
                            found.push([(first + i) as u32, (p * V::LANES + lane) as u32]);
                        }
                    }
                }
            }
        }
    }
}

struct Values<'a, T: Real> {
    form: Form,
    query: &'a [T],
    others: &'a Panels<T>,
    range: Range<usize>,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Values<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>());
    }
}

impl<T: Real> Values<'_, T> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) {
        let Self { query, others, range, out, .. } = self;
        for p in Span::<V>::panels(&range) {
            let [values] = chains::<C, V, 1>([query], 1, others.panel(p));
            let first = p * V::LANES;
            if range.start <= first {
                values.store_partial(&mut out[first - range.start..]);
            } else {
                let mut all = [T::ZERO; MAX_LANES];
                values.store(&mut all);
                let skip = range.start - first;
                let n = out.len().min(V::LANES - skip);
                out[..n].copy_from_slice(&all[skip..skip + n]);
            }
        }
    }
}
