//! One row beside others.

use super::form::{Chain, with_chain};
use super::row_scan::{Span, chains};
use super::{Form, Panels};
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::ops::Range;

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
