//! Bounds of values between boxes of rows.
//!
//! They are exact as they are computed: the gap between a number and an interval is never above
//! the difference from a number inside, rounding keeps the order, and so does every step of the
//! chain. What is skipped by them needs no allowance for rounding.

use super::form::{Chain, with_chain};
use super::{Form, Panels};
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// A box: the least number of each feature, and the greatest.
pub type Bounds<'a, T> = (&'a [T], &'a [T]);

/// At most and at least the value of `form` between a row in the box `a` and a row in the box `b`.
///
/// # Panics
///
/// When the boxes differ in length.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Form, between_boxes};
///
/// let (a, b) = ((&[0.0, 0.0][..], &[1.0, 1.0][..]), (&[3.0, 0.0][..], &[5.0, 2.0][..]));
/// assert_eq!(between_boxes(Form::Manhattan, a, b), (2.0, 7.0));
/// ```
#[track_caller]
pub fn between_boxes<T: Real>(form: Form, a: Bounds<'_, T>, b: Bounds<'_, T>) -> (T, T) {
    let (d, got) = (a.0.len(), [a.1.len(), b.0.len(), b.1.len()]);
    assert!(got == [d; 3], "between_boxes: expected {d} features, got {got:?}");
    once!(|form: Form, a: Bounds<'_, T>, b: Bounds<'_, T>| -> (T, T) {
        dispatch(Between { form, a, b })
    })
}

struct Between<'a, T> {
    form: Form,
    a: Bounds<'a, T>,
    b: Bounds<'a, T>,
}

impl<T: Real> Kernel for Between<'_, T> {
    type Output = (T, T);
    #[inline(always)]
    fn run<I: Isa>(self) -> (T, T) {
        with_chain!(self.form, C => self.with::<C>())
    }
}

impl<T: Real> Between<'_, T> {
    #[inline(always)]
    fn with<C: Chain>(self) -> (T, T) {
        let (mut least, mut most) = (T::ZERO, T::ZERO);
        let a = self.a.0.iter().zip(self.a.1);
        for ((&a_low, &a_high), (&b_low, &b_high)) in a.zip(self.b.0.iter().zip(self.b.1)) {
            let (above, below) = (b_low - a_high, a_low - b_high);
            least = C::add_one(above.max(below).max(T::ZERO), least);
            most = C::add_one((-above).max(-below), most);
        }
        (least, most)
    }
}

/// At most the value of `form` between each row of `panel` and any row in the box `b`, written to
/// the front of `out`.
///
/// # Panics
///
/// When sizes do not fit or the panel is missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Form, Panels, least_of_rows};
/// use purlin_core::MatrixView;
///
/// let x = Panels::pack(MatrixView::from_rows(&[[0.0f64, 0.0], [4.0, 1.0]]), None);
/// let mut out = [0.0; 8];
/// least_of_rows(Form::Manhattan, (&x, 0), (&[3.0, 3.0], &[5.0, 5.0]), &mut out);
/// assert_eq!(out[..2], [6.0, 2.0]);
/// ```
#[track_caller]
pub fn least_of_rows<T: Real>(
    form: Form,
    (rows, panel): (&Panels<T>, usize),
    b: Bounds<'_, T>,
    out: &mut [T],
) {
    let (d, lanes) = (rows.n_features(), Panels::<T>::lanes());
    assert!(
        b.0.len() == d && b.1.len() == d && out.len() >= lanes,
        "least_of_rows: expected {d} features and {lanes} items, got {}, {} and {}",
        b.0.len(),
        b.1.len(),
        out.len()
    );
    let panel = rows.panel(panel);
    once!(|form: Form, panel: &[T], b: Bounds<'_, T>, out: &mut [T]| {
        dispatch(LeastOfRows { form, panel, b, out });
    });
}

struct LeastOfRows<'a, T> {
    form: Form,
    panel: &'a [T],
    b: Bounds<'a, T>,
    out: &'a mut [T],
}

impl<T: Real> Kernel for LeastOfRows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>());
    }
}

impl<T: Real> LeastOfRows<'_, T> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(self) {
        let (low, high) = self.b;
        let mut sum = V::splat(T::ZERO);
        for ((x, &low), &high) in self.panel.chunks_exact(V::LANES).zip(low).zip(high) {
            let x = V::load(x);
            let gap = (V::splat(low) - x).max(x - V::splat(high)).max(V::splat(T::ZERO));
            sum = C::add(gap, sum);
        }
        sum.store(self.out);
    }
}
