//! Which rows lie within reach of others.

use super::row_scan::{Any, Find, Weigh, Within};
use super::{Form, Panels};
use crate::dispatch;
use crate::mono::once;
use purlin_core::Real;
use std::ops::Range;

/// Adds to `sums` for each query the weights (1 each without `weights`) of the rows of `others`
/// in `ranges` that lie within reach, until all are `enough` or the ranges end.
///
/// | argument | what |
/// |---|---|
/// | `queries`, `rows` | which rows ask |
/// | `ranges` | rows of `others`, which do not overlap |
/// | `limits` | one per lane of the panels of `others`: the greatest value of `form` that counts, NaN for none |
/// | `weights` | one per lane of the panels of `others` |
/// | `sums` | the sum of each query; exact where the weights are whole numbers |
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
/// let limits = x.limits(1.0);
/// let mut sums = [0.0; 2];
/// let form = Form::SquaredEuclidean;
/// weigh_within(form, (&x, &[1, 2]), (&x, &[0..4]), &limits, None, f64::INFINITY, &mut sums);
/// assert_eq!(sums, [3.0, 2.0]);
/// ```
#[track_caller]
pub fn weigh_within<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, &[u32]),
    (others, ranges): (&Panels<T>, &[Range<usize>]),
    limits: &[T],
    weights: Option<&[T]>,
    enough: f64,
    sums: &mut [f64],
) {
    check(queries, rows, others, ranges, limits);
    let got = (sums.len(), weights.map_or(limits.len(), <[T]>::len));
    assert!(
        got == (rows.len(), limits.len()),
        "weigh_within: expected {} sums and {} weights, got {} and {}",
        rows.len(),
        limits.len(),
        got.0,
        got.1
    );
    once!(|form: Form,
           queries: &Panels<T>,
           rows: &[u32],
           others: &Panels<T>,
           ranges: &[Range<usize>],
           limits: &[T],
           weights: Option<&[T]>,
           enough: f64,
           sums: &mut [f64]| {
        let sink = Weigh { weights, enough, sums };
        dispatch(Within { form, queries, rows, others, ranges, limits, sink });
    });
}

/// Whether any of the rows `rows` of `queries` lies within reach of any row of `others` in
/// `range`; `limits` as for [`weigh_within`].
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
/// use purlin_backend::distance::{Form, Panels, any_within};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0], [1.0], [2.0], [5.0]]), None);
/// assert!(any_within(Form::Manhattan, (&x, &[0, 1]), (&x, 2..4), &x.limits(1.0)));
/// assert!(!any_within(Form::Manhattan, (&x, &[0]), (&x, 2..4), &x.limits(1.0)));
/// ```
#[track_caller]
pub fn any_within<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, &[u32]),
    (others, range): (&Panels<T>, Range<usize>),
    limits: &[T],
) -> bool {
    check(queries, rows, others, std::slice::from_ref(&range), limits);
    once!(|form: Form,
           queries: &Panels<T>,
           rows: &[u32],
           others: &Panels<T>,
           range: Range<usize>,
           limits: &[T]|
     -> bool {
        let ranges = std::slice::from_ref(&range);
        dispatch(Within { form, queries, rows, others, ranges, limits, sink: Any })
    })
}

/// Appends to `found` every pair of a row of `queries` in `rows` and a row of `others` in `range`
/// that lie within reach of each other; `limits` as for [`weigh_within`].
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
/// find_within(Form::Manhattan, (&x, &[1]), (&x, 1..4), &x.limits(1.0), &mut found);
/// assert_eq!(found, [[1, 1], [1, 2]]);
/// ```
#[track_caller]
pub fn find_within<T: Real>(
    form: Form,
    (queries, rows): (&Panels<T>, &[u32]),
    (others, range): (&Panels<T>, Range<usize>),
    limits: &[T],
    found: &mut Vec<[u32; 2]>,
) {
    check(queries, rows, others, std::slice::from_ref(&range), limits);
    once!(|form: Form,
           queries: &Panels<T>,
           rows: &[u32],
           others: &Panels<T>,
           range: Range<usize>,
           limits: &[T],
           found: &mut Vec<[u32; 2]>| {
        let (ranges, sink) = (std::slice::from_ref(&range), Find { rows, found });
        dispatch(Within { form, queries, rows, others, ranges, limits, sink });
    });
}

#[track_caller]
fn check<T: Real>(
    queries: &Panels<T>,
    rows: &[u32],
    others: &Panels<T>,
    ranges: &[Range<usize>],
    limits: &[T],
) {
    let (n, d) = (queries.n_rows(), queries.n_features());
    assert!(others.n_features() == d, "within: expected {d} features, got {}", others.n_features());
    let outside = rows.iter().find(|&&row| row as usize >= n);
    assert!(outside.is_none(), "within: expected queries below {n}, got {outside:?}");
    let n = others.n_rows();
    let outside = ranges.iter().find(|range| range.start > range.end || range.end > n);
    assert!(outside.is_none(), "within: expected rows below {n}, got {outside:?}");
    let (got, n) = (limits.len(), others.n_panels() * Panels::<T>::lanes());
    assert!(got == n, "within: expected {n} limits, got {got}");
}
