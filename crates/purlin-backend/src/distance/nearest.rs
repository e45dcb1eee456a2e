//! The nearest of a few rows, for each of many.

use super::ranking::{Best, Tiles};
use super::{Frame, Panels, Points};
use crate::indices::{self, store_indices};
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
}

/// What [`Centroids::nearest`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assigned {
    /// Rows whose label is another than before.
    pub n_changed: usize,
    /// Rows that were ranked.
    pub n_ranked: usize,
    /// Rows that single precision could not rank.
    pub n_close: usize,
    /// Rows that no score could rank.
    pub n_tied: usize,
}

/// A panel as the kernel reads it.
type Single<I> = <f32 as Real>::Lanes<I>;

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
        }
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
        self.nearest_again(x, points, rows, labels, &mut Calm { moved: 0.0, until: &mut [] })
    }

    /// [`Centroids::nearest`] for as many centroids that have moved since the last call, which had
    /// the same points and left these labels: rows for which that cannot matter stay as they are.
    ///
    /// # Panics
    ///
    /// As [`Centroids::nearest`]; and when [`Calm::until`] has not one number per
    /// [`Points::LANES`] rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::{Calm, Centroids, Frame, Points};
    /// use purlin_core::MatrixView;
    ///
    /// let x = [[0.0f32], [1.0], [9.0], [8.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let frame = Frame::new(&[4.0f32], 5.0);
    /// let points = Points::pack(x, &frame);
    /// let (mut labels, mut until) = ([0; 4], [0.0]);
    ///
    /// let first = Centroids::new(MatrixView::from_rows(&[[0.0], [9.0]]), &frame);
    /// let mut calm = Calm { moved: 0.0, until: &mut until };
    /// assert_eq!(first.nearest_again(x, &points, 0..4, &mut labels, &mut calm).n_ranked, 4);
    /// let second = Centroids::new(MatrixView::from_rows(&[[0.0], [9.1]]), &frame);
    /// calm.moved += 0.1001;
    /// assert_eq!(second.nearest_again(x, &points, 0..4, &mut labels, &mut calm).n_ranked, 0);
    /// assert_eq!(labels, [0, 0, 1, 1]);
    /// ```
    #[track_caller]
    pub fn nearest_again(
        &self,
        x: MatrixView<'_, T>,
        points: &Points,
        rows: Range<usize>,
        labels: &mut [u32],
        calm: &mut Calm<'_>,
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
        let (expected, got) = (rows.len().div_ceil(Points::LANES), calm.until.len());
        assert!(got == 0 || got == expected, "nearest: expected {expected} panels, got {got}");
        let centroids = self;
        once!(|centroids: &Centroids<T>,
               x: MatrixView<'_, T>,
               points: &Points,
               rows: Range<usize>,
               labels: &mut [u32],
               calm: &mut Calm<'_>|
         -> Assigned {
            let (first, mut close) = (rows.start, Vec::new());
            let (tiles, scale) = (&centroids.single, centroids.frame.scale().to_f64());
            let close_rows = &mut close;
            let by_score = ByScore { tiles, scale, points, rows, labels, calm, close: close_rows };
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

/// Cache lines that are asked for ahead at most: a part of the first cache.
const LINES: usize = 256;

/// What is known of rows from the last time that they were ranked.
#[derive(Debug)]
pub struct Calm<'a> {
    /// How far the centroids have moved since the first time: the sum, over the times, of the
    /// greatest move, at least. The caller rounds it up.
    pub moved: f64,
    /// For each [`Points::LANES`] rows what `moved` must come to before their labels can change; 0
    /// at the first time. Empty where rows are ranked once.
    pub until: &'a mut [f64],
}

/// Ranks by single precision.
struct ByScore<'a, 'b> {
    tiles: &'a Tiles<f32>,
    /// The scale of the frame.
    scale: f64,
    points: &'a Points,
    rows: Range<usize>,
    labels: &'a mut [u32],
    calm: &'a mut Calm<'b>,
    /// Takes the places in `labels` that are not certain.
    close: &'a mut Vec<u32>,
}

impl Kernel for ByScore<'_, '_> {
    type Output = Assigned;

    #[inline(always)]
    fn run<I: Isa>(mut self) -> Assigned {
        let Self { tiles, points: Points { panels, .. }, .. } = self;
        let (mut p, end) = (self.rows.start / Points::LANES, self.rows.end.div_ceil(Points::LANES));
        let mut assigned = Assigned::default();
        // A vector of AVX-512 is one register: two panels make enough chains.
        if align_of::<Single<I>>() == 64 {
            while p + 2 <= end {
                let calm = [self.is_calm(p), self.is_calm(p + 1)];
                if calm != [true; 2] {
                    let pair = [vectors(panels, p), vectors(panels, p + 1)];
                    // The processor does not look so far ahead, and not across pages.
                    let next = self.next(p + 2, 2);
                    let [a, b] = tiles.rank::<Single<I>, { Points::LANES }, 2>(pair, next);
                    // What is known of a calm panel stays, as where it is not ranked in company.
                    if !calm[0] {
                        self.label::<I>(p, &a, &mut assigned);
                    }
                    if !calm[1] {
                        self.label::<I>(p + 1, &b, &mut assigned);
                    }
                }
                p += 2;
            }
        }
        while p < end {
            if !self.is_calm(p) {
                let (panel, next) = ([vectors(panels, p)], self.next(p + 1, 1));
                let [best] = tiles.rank::<Single<I>, { Points::LANES }, 1>(panel, next);
                self.label::<I>(p, &best, &mut assigned);
            }
            p += 1;
        }
        assigned
    }
}

/// Panel `p` as vectors.
#[inline(always)]
fn vectors(panels: &Panels<f32>, p: usize) -> &[[f32; Points::LANES]] {
    panels.panel(p).as_chunks().0
}

impl ByScore<'_, '_> {
    /// The `n` panels from `p` on, if they will be read.
    #[inline(always)]
    fn next(&self, p: usize, n: usize) -> &[[f32; Points::LANES]] {
        let panels = &self.points.panels;
        let fits = n * panels.n_features() <= LINES;
        if !fits || p + n > panels.n_panels() || self.is_calm(p) && self.is_calm(p + n - 1) {
            return &[];
        }
        panels.run(&(p..p + n)).as_chunks().0
    }

    /// Whether no label of panel `p` can have changed.
    #[inline(always)]
    fn is_calm(&self, p: usize) -> bool {
        let until = self.calm.until.get(p - self.rows.start / Points::LANES);
        matches!(until, Some(&until) if self.calm.moved < until)
    }

    /// Writes the labels of panel `p`. A method, because closures are not always part of the
    /// function they are in, and then outside of the instruction set.
    #[inline(always)]
    fn label<I: Isa>(&mut self, p: usize, best: &Best<Single<I>>, assigned: &mut Assigned) {
        let first = p * Points::LANES - self.rows.start;
        let last = self.labels.len().min(first + Points::LANES);
        let labels = &mut self.labels[first..last];
        let norms = &self.points.norms[p * Points::LANES..][..Points::LANES];
        let norm = Single::<I>::load(norms);
        let certain = self.tiles.bound(norm).lt(best.gap());
        if let Some(until) = self.calm.until.get_mut(first / Points::LANES) {
            let calm = self.tiles.calm(norm, best.gap()) / self.scale;
            *until = (self.calm.moved + calm).next_down();
        }
        let mut new = [0; Points::LANES];
        store_indices(best.index, 0, &mut new);
        if Single::<I>::any(!certain) {
            let (mut is_certain, mut gaps) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
            let (yes, no) = (Single::<I>::splat(1.0), Single::<I>::splat(0.0));
            Single::<I>::select(certain, yes, no).store(&mut is_certain);
            best.gap().store(&mut gaps);
            for (lane, label) in labels.iter().enumerate() {
                let index = new[lane] as usize;
                if is_certain[lane] == 0.0 && !self.tiles.is_certain(norms[lane], gaps[lane], index)
                {
                    new[lane] = *label;
                    self.close.push((first + lane) as u32);
                }
            }
        }
        let mut n_changed = 0;
        for (label, &new) in labels.iter_mut().zip(&new) {
            n_changed += u32::from(*label != new);
            *label = new;
        }
        assigned.n_changed += n_changed as usize;
        assigned.n_ranked += labels.len();
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
            let mut is_certain = [false; MAX_LANES];
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
                let mut gaps = [T::ZERO; MAX_LANES];
                best.gap().store(&mut gaps);
                for lane in 0..rows.len() {
                    let index = indices[lane] as usize;
                    is_certain[lane] = tiles.is_certain(norms[lane], gaps[lane], index);
                }
            }
            for (lane, &row) in rows.iter().enumerate() {
                let mut new = indices[lane];
                if !is_certain[lane] {
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
