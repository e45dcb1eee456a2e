//! Squared Euclidean distances between the rows of tables, and what is made of them.
//!
//! # One value for each pair
//!
//! The squared distance of two rows is one chain of fused multiply-adds in the order of the
//! features: `t = a[j] - b[j]`, `sum = t * t + sum`, from 0, in the precision of the numbers.
//! Vectors run across pairs, never along the features, so that a pair has the same bits alone
//! ([`naive`]), in a tile, on any instruction set and on any number of threads; it does not depend
//! on the order of the two rows either.
//!
//! Functions that look for the nearest row may rank by a cheaper formula, but what they return is
//! what this definition gives, ties to the smallest index.

mod again;
mod approach;
#[cfg(test)]
mod approach_tests;
mod boxes;
mod bundles;
#[cfg(test)]
mod bundles_tests;
mod by_score;
mod columns;
mod form;
mod label_sums;
mod linkage;
mod mean;
mod medoids;
#[cfg(test)]
mod medoids_tests;
pub mod naive;
mod nearest;
mod panels;
mod points;
mod ranking;
mod row_scan;
mod scan;
mod sums;
mod symmetric;
#[cfg(test)]
mod symmetric_tests;
#[cfg(test)]
mod tests;
mod tiles;
mod two_nearest;
mod values;
mod within;
#[cfg(test)]
mod within_tests;

pub use again::{Drift, HamerlyBounds, HamerlyBoundsMut};
pub use approach::approach;
pub use boxes::{Bounds, between_boxes, least_of_rows};
pub use bundles::{Bundles, Least, roughly_to_assigned};
pub use columns::{Column, column_sums, columns};
pub use form::Form;
pub use label_sums::LabelSums;
pub use linkage::{Joined, Update};
pub use mean::{DoubleSum, add_within};
pub use medoids::{gain, swap_changes, total};
pub use nearest::{Assigned, Centroids};
pub use panels::Panels;
pub use points::{Frame, Points};
pub use scan::{least_growth, within};
pub use sums::{add_rows, squared_to_assigned};
pub use symmetric::Symmetric;
pub use tiles::{Hit, find_in_box, gap_to_box};
pub use two_nearest::{TwoNearest, two_nearest};
pub use values::values_of;
pub use within::{any_within, find_within, weigh_within};

use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes};
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// The squared distance of each row of `a` from each row `j` of the panels `panels` of `b`:
/// `out[i * n + j] = |a_i - b_j|^2`, where `n` is the number of those rows.
///
/// Runs on the calling thread: callers cut the rows of `a` into blocks.
///
/// # Panics
///
/// When the numbers of features differ, a panel is missing, or `out` has not one item per pair.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Panels, squared_euclidean};
/// use purlin_core::MatrixView;
///
/// let b = [[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]];
/// let b = Panels::pack(MatrixView::from_rows(&b), None);
/// let mut out = [0.0; 3];
/// squared_euclidean(MatrixView::from_rows(&[[3.0, 4.0]]), &b, 0..b.n_panels(), &mut out);
/// assert_eq!(out, [25.0, 0.0, 25.0]);
/// ```
#[track_caller]
pub fn squared_euclidean<T: Real>(
    a: MatrixView<'_, T>,
    b: &Panels<T>,
    panels: Range<usize>,
    out: &mut [T],
) {
    let (pairs, features) = (a.n_rows() * b.rows_of(&panels).len(), b.n_features());
    assert!(
        a.n_cols() == features && panels.end <= b.n_panels(),
        "squared_euclidean: expected a with {features} features and panels below {}, got {} and \
         {panels:?}",
        b.n_panels(),
        a.n_cols()
    );
    assert!(
        out.len() == pairs,
        "squared_euclidean: expected out with {pairs} items, got {}",
        out.len()
    );
    once!(|a: MatrixView<'_, T>, b: &Panels<T>, panels: Range<usize>, out: &mut [T]| {
        dispatch(Tile { a, b, panels, out });
    });
}

struct Tile<'a, T: Real> {
    a: MatrixView<'a, T>,
    b: &'a Panels<T>,
    panels: Range<usize>,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Tile<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { a, b, panels, out } = self;
        let (n, lanes) = (b.rows_of(&panels).len(), T::Lanes::<I>::LANES);
        let mut first = 0;
        // Four rows at a time: as many chains as hide the latency of the sums.
        while first < a.n_rows() {
            let height = (a.n_rows() - first).min(4);
            // The last row again where fewer are left.
            let row = |i: usize| a.row(first + i.min(height - 1));
            let rows = [row(0), row(1), row(2), row(3)];
            for (p, panel) in panels.clone().enumerate() {
                let columns = p * lanes..n.min((p + 1) * lanes);
                let sums = four::<T::Lanes<I>>(rows, b.panel(panel));
                for (i, sum) in sums.into_iter().enumerate().take(height) {
                    sum.store_partial(&mut out[(first + i) * n..][columns.clone()]);
                }
            }
            first += height;
        }
    }
}

/// Squared distances of four rows from a panel.
#[inline(always)]
fn four<V: Lanes>(rows: [&[V::Scalar]; 4], panel: &[V::Scalar]) -> [V; 4] {
    let mut sums = [V::splat_f64(0.0); 4];
    for (j, b) in panel.chunks_exact(V::LANES).enumerate() {
        let b = V::load(b);
        for (sum, row) in sums.iter_mut().zip(rows) {
            let t = V::splat(row[j]) - b;
            *sum = t.mul_add(t, *sum);
        }
    }
    sums
}
