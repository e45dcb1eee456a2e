//! The nearest of a few rows, for each of many.

use super::again::{Again, HamerlyBoundsMut, is_fine};
use super::by_score::ByScore;
use super::ranking::Tiles;
use super::{Drift, Frame, HamerlyBounds, Panels, Points};
use crate::indices::{self, flags, store_indices};
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// A few rows, prepared for being the nearest of many.
///
/// The rows are ranked in single precision; those that it cannot rank for certain, in the
/// precision of the table; what is still close, by the definition.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Centroids, Frame, Points};
/// use purlin_core::MatrixView;
///
/// let x = [[0.0f32, 0.0], [1.0, 0.0], [9.0, 9.0], [5.0, 5.0]];
/// let x = MatrixView::from_rows(&x);
/// let frame = Frame::new(&[4.0f32, 4.0], 5.0);
/// let points = Points::pack(x, &frame);
///
/// let centroids = [[0.0, 0.0], [10.0, 10.0]];
/// let centroids = Centroids::new(MatrixView::from_rows(&centroids), &frame);
/// let mut labels = [7; 4];
/// let assigned = centroids.nearest(x, &points, 0..4, &mut labels);
/// assert_eq!(labels, [0, 0, 1, 0]); // the last is as far from both: the smallest index
/// assert_eq!(assigned.n_changed, 4);
/// ```
#[derive(Debug)]
pub struct Centroids<T: Real> {
    /// As they are, for the definition.
    exact: Panels<T>,
    single: Tiles<f32>,
    /// In the precision of the table, where that is better.
    double: Option<Tiles<T>>,
    frame: Frame<T>,
    /// How bounds are read, where they are trusted.
    again: Option<Again>,
}

/// What [`Centroids::nearest`] did.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Assigned, Centroids, Frame, Points};
/// use purlin_core::MatrixView;
///
/// let x = [[0.0f32], [1.0], [9.0], [8.0]];
/// let x = MatrixView::from_rows(&x);
/// let frame = Frame::new(&[4.0f32], 5.0);
/// let points = Points::pack(x, &frame);
/// let centroids = Centroids::new(MatrixView::from_rows(&[[0.0], [9.0]]), &frame);
/// let assigned = centroids.nearest(x, &points, 0..4, &mut [0; 4]);
/// assert_eq!(assigned, Assigned { n_changed: 2, n_distances: 8, n_close: 0, n_tied: 0 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assigned {
    /// Rows whose label is another than before.
    pub n_changed: usize,
    /// Scores of a row and a centroid that were computed.
    pub n_distances: u64,
    /// Rows that single precision could not rank.
    pub n_close: usize,
    /// Rows that no score could rank.
    pub n_tied: usize,
}

impl<T: Real> Centroids<T> {
    /// More centroids than this cannot be numbered.
    pub const MOST: usize = indices::limit::<f32>() - 1;

    /// Prepares the rows of `centroids` for points in the same frame.
    ///
    /// # Panics
    ///
    /// When the frame has not one number per column, or there are more than [`Centroids::MOST`].
    #[track_caller]
    pub fn new(centroids: MatrixView<'_, T>, frame: &Frame<T>) -> Self {
        let ((n, d), got) = (centroids.shape(), frame.center().len());
        assert!(got == d, "centroids: expected a frame of {d} features, got {got}");
        assert!(n <= Self::MOST, "centroids: expected at most {} rows, got {n}", Self::MOST);
        Self {
            exact: Panels::pack(centroids, None),
            single: Tiles::new(centroids, frame),
            double: (size_of::<T>() == 8).then(|| Tiles::new(centroids, frame)),
            frame: frame.clone(),
            again: None,
        }
    }

    /// [`Centroids::new`] for as many centroids that have moved by `drift`: bounds that were kept
    /// since it began tell which rows need not be ranked.
    ///
    /// # Panics
    ///
    /// As [`Centroids::new`]; and when the drift is not one of so many rows.
    #[track_caller]
    pub fn after(centroids: MatrixView<'_, T>, frame: &Frame<T>, drift: &Drift) -> Self {
        let (n, got) = (centroids.n_rows(), drift.len());
        assert!(got == n, "centroids: expected a drift of {n} rows, got {got}");
        let mut new = Self::new(centroids, frame);
        new.again = (!drift.is_new()).then(|| Again::new(centroids, frame, drift, &new.single));
        new
    }

    /// The number of centroids.
    pub fn len(&self) -> usize {
        self.exact.n_rows()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes for each of the rows `rows` of `x` the index of the centroid nearest to it, as
    /// [`naive::nearest`](super::naive::nearest) gives it.
    ///
    /// | argument | what |
    /// |---|---|
    /// | `x` | the rows as they are |
    /// | `points` | [`Points`] of `x` in the frame of [`Centroids::new`] |
    /// | `rows` | from a multiple of [`Points::LANES`] on |
    /// | `labels` | one per row of `rows`; what it holds before is compared with |
    ///
    /// Runs on the calling thread: callers cut the rows into blocks.
    ///
    /// # Panics
    ///
    /// When the sizes do not fit, or there is no centroid.
    #[track_caller]
    pub fn nearest(
        &self,
        x: MatrixView<'_, T>,
        points: &Points,
        rows: Range<usize>,
        labels: &mut [u32],
    ) -> Assigned {
        self.find(x, points, rows, labels, None)
    }

    /// Room for [`Centroids::nearest_bounded`] of `n` rows.
    pub fn bounds(&self, n: usize) -> HamerlyBounds {
        HamerlyBounds::new(n, is_fine(self.len(), self.exact.n_features()))
    }

    /// [`Centroids::nearest`] that keeps bounds: with those, [`Centroids::after`] passes over the
    /// rows that can have no other label than the last time.
    ///
    /// `x`, `points` and `rows` must be those of the last time, `labels` and `bounds` as it left
    /// them; and all of the rows must have been ranked once since [`Drift::new`], before the first
    /// [`Drift::add`].
    ///
    /// # Panics
    ///
    /// As [`Centroids::nearest`]; and when the bounds are not those of as many rows, and of
    /// centroids of this shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::{Centroids, Drift, Frame, Points};
    /// use purlin_core::MatrixView;
    ///
    /// let x = [[0.0f32], [1.0], [9.0], [8.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let frame = Frame::new(&[4.0f32], 5.0);
    /// let points = Points::pack(x, &frame);
    /// let (mut labels, mut drift) = ([0; 4], Drift::new(2));
    ///
    /// let first = Centroids::after(MatrixView::from_rows(&[[0.0], [9.0]]), &frame, &drift);
    /// let mut bounds = first.bounds(4);
    /// let assigned = first.nearest_bounded(x, &points, 0..4, &mut labels, bounds.of(0..4));
    /// assert_eq!(assigned.n_distances, 8);
    /// drift.add(&[0.0, 0.1]);
    /// let second = Centroids::after(MatrixView::from_rows(&[[0.0], [9.1]]), &frame, &drift);
    /// let assigned = second.nearest_bounded(x, &points, 0..4, &mut labels, bounds.of(0..4));
    /// assert_eq!(assigned.n_distances, 0);
    /// assert_eq!(labels, [0, 0, 1, 1]);
    /// ```
    #[track_caller]
    pub fn nearest_bounded(
        &self,
        x: MatrixView<'_, T>,
        points: &Points,
        rows: Range<usize>,
        labels: &mut [u32],
        bounds: HamerlyBoundsMut<'_>,
    ) -> Assigned {
        let (expected, got) = (rows.len().div_ceil(Points::LANES), bounds.len());
        assert!(
            got == expected && bounds.is_fine() == is_fine(self.len(), self.exact.n_features()),
            "nearest: expected bounds of {expected} panels for these centroids, got {got}"
        );
        self.find(x, points, rows, labels, Some(bounds))
    }

    #[track_caller]
    fn find(
        &self,
        x: MatrixView<'_, T>,
        points: &Points,
        rows: Range<usize>,
        labels: &mut [u32],
        bounds: Option<HamerlyBoundsMut<'_>>,
    ) -> Assigned {
        let (n, d) = (points.n_rows(), self.exact.n_features());
        assert!(!self.is_empty(), "nearest: expected at least 1 centroid, got 0");
        assert!(
            x.shape() == (n, d) && points.panels.n_features() == d,
            "nearest: expected x and points of ({n}, {d}), got {:?} and {} features",
            x.shape(),
            points.panels.n_features()
        );
        assert!(
            rows.start.is_multiple_of(Points::LANES) && rows.end <= n && labels.len() == rows.len(),
            "nearest: expected rows below {n} from a multiple of {} on, and as many labels, got \
             {rows:?} and {}",
            Points::LANES,
            labels.len()
        );
        let centroids = self;
        once!(|centroids: &Centroids<T>,
               x: MatrixView<'_, T>,
               points: &Points,
               rows: Range<usize>,
               labels: &mut [u32],
               bounds: Option<HamerlyBoundsMut<'_>>|
         -> Assigned {
            let (first, mut close) = (rows.start, Vec::new());
            let again = centroids.again.as_ref().filter(|_| bounds.is_some());
            let (tiles, close_rows) = (&centroids.single, &mut close);
            let by_score =
                ByScore { tiles, again, points, rows, labels, bounds, close: close_rows };
            let mut assigned = dispatch(by_score);
            assigned.n_close = close.len();
            if !close.is_empty() {
                let x = x.row_range(first..first + labels.len());
                dispatch(Close { centroids, x, rows: &close, labels, assigned: &mut assigned });
            }
            assigned
        })
    }
}

/// Rows that are ranked in double precision at a time.
const DOUBLE: usize = 8;

/// Ranks the rows that single precision could not.
struct Close<'a, T: Real> {
    centroids: &'a Centroids<T>,
    x: MatrixView<'a, T>,
    rows: &'a [u32],
    labels: &'a mut [u32],
    assigned: &'a mut Assigned,
}

impl<T: Real> Kernel for Close<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { centroids, x, rows, labels, assigned } = self;
        let (d, lanes) = (x.n_cols(), DOUBLE);
        let mut panel = vec![T::ZERO; if centroids.double.is_some() { lanes * d } else { 0 }];
        let mut values = vec![T::ZERO; d];
        for rows in rows.chunks(lanes) {
            let mut indices = [0; MAX_LANES];
            let mut is_certain = [T::ZERO; MAX_LANES];
            if let Some(tiles) = &centroids.double {
                let mut norms = [T::ZERO; MAX_LANES];
                for (lane, &row) in rows.iter().enumerate() {
                    centroids.frame.of(x.row(row as usize), 0, &mut values);
                    for (j, &value) in values.iter().enumerate() {
                        panel[j * lanes + lane] = value;
                        norms[lane] = value.mul_add(value, norms[lane]);
                    }
                }
                let [best] = tiles.rank::<T::Lanes<I>, DOUBLE, 1>([panel.as_chunks().0], &[]);
                store_indices(best.index, 0, &mut indices[..lanes]);
                let certain = tiles.error(T::Lanes::<I>::load(&norms), &best).lt(best.gap());
                is_certain = flags::<T::Lanes<I>>(certain);
            }
            for (lane, &row) in rows.iter().enumerate() {
                let mut new = indices[lane];
                if is_certain[lane] == T::ZERO {
                    new = exact::<T::Lanes<I>>(&centroids.exact, x.row(row as usize));
                    assigned.n_tied += 1;
                }
                let label = &mut labels[row as usize];
                assigned.n_changed += usize::from(*label != new);
                *label = new;
            }
        }
    }
}

/// Panels of centroids at once: as many chains as hide the latency of the sums.
const CHAINS: usize = 4;

/// The nearest centroid by the definition.
#[inline(always)]
fn exact<V: Lanes>(centroids: &Panels<V::Scalar>, row: &[V::Scalar]) -> u32 {
    let n_panels = centroids.n_panels();
    let mut best = (V::Scalar::INFINITY, 0);
    for first in (0..n_panels).step_by(CHAINS) {
        // The last panel again where fewer are left.
        let mut panels = [&[][..]; CHAINS];
        for (i, panel) in panels.iter_mut().enumerate() {
            *panel = centroids.panel((first + i).min(n_panels - 1));
        }
        let mut sums = [V::splat_f64(0.0); CHAINS];
        for (j, &x) in row.iter().enumerate() {
            let x = V::splat(x);
            for (sum, panel) in sums.iter_mut().zip(&panels) {
                let t = x - V::load(&panel[j * V::LANES..]);
                *sum = t.mul_add(t, *sum);
            }
        }
        for (p, sum) in (first..n_panels).zip(sums) {
            let mut values = [V::Scalar::INFINITY; MAX_LANES];
            sum.store(&mut values);
            let rows = p * V::LANES..centroids.n_rows().min((p + 1) * V::LANES);
            for (i, &value) in rows.zip(&values) {
                if value < best.0 {
                    best = (value, i);
                }
            }
        }
    }
    best.1 as u32
}
