//! What is kept of rows from one time to the next, while their centroids move.
//!
//! The two bounds are those of Hamerly (Making k-means even faster, SDM 2010): the upper one grows
//! with the moves of a row's own centroid, the lower one shrinks with the greatest move of all. In
//! most rounds a few centroids still wander while the others rest, and would spoil the lower bounds
//! of all rows: so those that moved most, a quarter, are ranked by themselves, which brings their
//! part of the bounds up to date, and the bounds of the rest shrink by what the rest moved.

use super::ranking::Tiles;
use super::{Frame, Points};
use purlin_core::simd::Lanes;
use purlin_core::{Matrix, MatrixView, Real};
use std::ops::Range;

/// Sums of two numbers of single precision, and what is stored of them, are off by less.
const UP: f32 = 1.0 + 4.0 * f32::EPSILON;
pub(super) const DOWN: f32 = 1.0 - 4.0 * f32::EPSILON;

/// Bounds on distances of rows, in the manner of Hamerly (2010): how far the nearest of a few rows
/// is at most, and how far all others at least.
///
/// They hold for the time when a [`Drift`] began. Made by [`Centroids::bounds`](super::Centroids::bounds).
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Centroids, Drift, Frame, Points};
/// use purlin_core::MatrixView;
///
/// let x = [[0.0f32], [1.0], [9.0]];
/// let x = MatrixView::from_rows(&x);
/// let frame = Frame::new(&[4.0f32], 5.0);
/// let points = Points::pack(x, &frame);
/// let centroids = MatrixView::from_rows(&[[0.0], [9.0]]);
/// let centroids = Centroids::after(centroids, &frame, &Drift::new(2));
/// let (mut labels, mut bounds) = ([0; 3], centroids.bounds(3));
/// centroids.nearest_bounded(x, &points, 0..3, &mut labels, bounds.of(0..3));
/// assert_eq!(labels, [0, 0, 1]); // and `bounds` hold until the centroids move too far
/// ```
#[derive(Debug, Clone)]
pub struct HamerlyBounds(pub(super) Kept<Vec<f32>, Vec<RowBounds>>);

/// Where bounds are.
#[derive(Debug, Clone)]
pub(super) enum Kept<P, R> {
    /// One number for each panel: how far all rows may move.
    Panels(P),
    /// For each panel the bounds of each row.
    Rows(R),
}

/// The bounds of the rows of a panel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowBounds {
    pub(super) upper: [f32; Points::LANES],
    pub(super) lower: [f32; Points::LANES],
}

/// [`HamerlyBounds`] of some of the rows.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Centroids, Frame, Points};
/// use purlin_core::MatrixView;
///
/// let frame = Frame::new(&[4.0f32], 5.0);
/// let centroids = Centroids::new(MatrixView::from_rows(&[[0.0], [9.0]]), &frame);
/// let mut bounds = centroids.bounds(40);
/// let block = bounds.of(Points::LANES..40); // what one task keeps
/// drop(block);
/// ```
#[derive(Debug)]
pub struct HamerlyBoundsMut<'a>(pub(super) Kept<&'a mut [f32], &'a mut [RowBounds]>);

impl RowBounds {
    /// Writes bounds for the time when the drift began: since then the first have grown by `own`,
    /// the second shrunk by `any`.
    #[inline(always)]
    pub(super) fn store<V: Lanes<Scalar = f32>>(&mut self, near: V, far: V, own: V, any: f32) {
        let room = V::splat(UP - 1.0);
        (near + own).mul_add(room, near - own).store(&mut self.upper);
        ((far + V::splat(any)) * V::splat(DOWN)).store(&mut self.lower);
    }

    /// What [`RowBounds::store`] took, for the time after moves of `own` and `any`.
    #[inline(always)]
    pub(super) fn read<V: Lanes<Scalar = f32>>(&self, own: V, any: f32) -> (V, V) {
        let near = (V::load(&self.upper) + own) * V::splat(UP);
        (near, (V::load(&self.lower) - V::splat(any)) * V::splat(DOWN))
    }
}

impl HamerlyBounds {
    /// Of `n` rows, of each or of each panel; they say nothing.
    pub(super) fn new(n: usize, is_fine: bool) -> Self {
        let n_panels = n.div_ceil(Points::LANES);
        Self(if is_fine {
            Kept::Rows(vec![RowBounds::default(); n_panels])
        } else {
            Kept::Panels(vec![0.0; n_panels])
        })
    }

    /// Those of the rows `rows`, which begin at a multiple of [`Points::LANES`].
    ///
    /// # Panics
    ///
    /// When they begin elsewhere, or a row is missing.
    #[track_caller]
    pub fn of(&mut self, rows: Range<usize>) -> HamerlyBoundsMut<'_> {
        let (start, lanes) = (rows.start, Points::LANES);
        assert!(start.is_multiple_of(lanes), "bounds: expected a multiple of {lanes}, got {start}");
        let panels = rows.start / Points::LANES..rows.end.div_ceil(Points::LANES);
        HamerlyBoundsMut(match &mut self.0 {
            Kept::Panels(bounds) => Kept::Panels(&mut bounds[panels]),
            Kept::Rows(bounds) => Kept::Rows(&mut bounds[panels]),
        })
    }
}

impl HamerlyBoundsMut<'_> {
    /// Panels.
    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Kept::Panels(bounds) => bounds.len(),
            Kept::Rows(bounds) => bounds.len(),
        }
    }

    /// Whether they are bounds of each row.
    pub(super) fn is_fine(&self) -> bool {
        matches!(self.0, Kept::Rows(_))
    }
}

/// How far each of a few rows has moved since [`HamerlyBounds`] are kept.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Centroids, Drift, Frame, Points};
/// use purlin_core::MatrixView;
///
/// let x = MatrixView::from_rows(&[[0.0f32], [9.0]]);
/// let frame = Frame::new(&[4.0f32], 5.0);
/// let points = Points::pack(x, &frame);
/// let (mut labels, mut drift) = ([0; 2], Drift::new(2));
/// let centroids = Centroids::after(x, &frame, &drift);
/// let mut bounds = centroids.bounds(2);
/// centroids.nearest_bounded(x, &points, 0..2, &mut labels, bounds.of(0..2));
///
/// let moved = MatrixView::from_rows(&[[5.0f32], [9.0]]);
/// drift.add(&[5.0, 0.0]); // so far that a bound no longer tells
/// let centroids = Centroids::after(moved, &frame, &drift);
/// let assigned = centroids.nearest_bounded(x, &points, 0..2, &mut labels, bounds.of(0..2));
/// assert!(assigned.n_distances > 0);
/// assert_eq!(labels, [0, 1]);
/// ```
#[derive(Debug, Clone)]
pub struct Drift {
    /// Each, all together.
    own: Vec<f64>,
    /// The sum of the greatest of each time, without the last.
    any: f64,
    /// The last time.
    last: Vec<f64>,
}

impl Drift {
    /// Of `n` rows that have not moved yet.
    pub fn new(n: usize) -> Self {
        Self { own: vec![0.0; n], any: 0.0, last: Vec::new() }
    }

    /// Adds the distance of each row from where it was before; no less than that.
    ///
    /// # Panics
    ///
    /// When there is not one per row, or one is NaN.
    #[track_caller]
    pub fn add(&mut self, moves: &[f64]) {
        let (n, got) = (self.own.len(), moves.len());
        assert!(got == n, "drift: expected {n} moves, got {got}");
        assert!(!moves.iter().any(|moved| moved.is_nan()), "drift: expected numbers, got NaN");
        self.any = above(self.any + greatest(&self.last));
        for (own, &moved) in self.own.iter_mut().zip(moves) {
            *own = above(*own + moved);
        }
        self.last = moves.to_vec();
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.own.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Whether nothing has moved since the beginning.
    pub(super) fn is_new(&self) -> bool {
        self.last.is_empty()
    }
}

/// A [`Drift`] as the kernel reads it: in the unit of the frame, rounded up.
#[derive(Debug)]
pub(super) struct Again {
    /// How much lower bounds have shrunk, and upper bounds grown at most.
    pub(super) any: f32,
    /// What more is known where bounds are those of each row.
    pub(super) movers: Option<Movers>,
}

/// The centroids that moved most the last time, to be ranked by themselves.
#[derive(Debug)]
pub(super) struct Movers {
    pub(super) tiles: Tiles<f32>,
    /// The place of each centroid among them; less than 0 where it is none.
    pub(super) places: Vec<f32>,
    /// How much lower bounds have shrunk but for them.
    pub(super) kept: f32,
    /// How much upper bounds of the rows of each centroid have grown.
    pub(super) own: Vec<f32>,
}

/// One in so many centroids is a mover.
const SHARE: usize = 4;

/// Whether bounds of each row pay: so many multiply-adds of a row cost more than the bounds do.
pub(super) fn is_fine(k: usize, d: usize) -> bool {
    k.saturating_mul(d) >= 1024
}

impl Again {
    pub(super) fn new<T: Real>(
        centroids: MatrixView<'_, T>,
        frame: &Frame<T>,
        drift: &Drift,
        tiles: &Tiles<f32>,
    ) -> Self {
        let more = frame.scale().to_f64() * f64::from(tiles.more());
        let any = single((drift.any + greatest(&drift.last)) * more);
        let is_fine = is_fine(centroids.n_rows(), centroids.n_cols());
        Self { any, movers: is_fine.then(|| Movers::new(centroids, frame, drift, more)) }
    }
}

impl Movers {
    fn new<T: Real>(
        centroids: MatrixView<'_, T>,
        frame: &Frame<T>,
        drift: &Drift,
        more: f64,
    ) -> Self {
        let (k, d) = centroids.shape();
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| drift.last[b].total_cmp(&drift.last[a]));
        let (movers, rest) = order.split_at(k.div_ceil(SHARE));
        let mut moved = Matrix::zeros(movers.len(), d);
        let mut places = vec![-1.0; k];
        for (i, &c) in movers.iter().enumerate() {
            moved.row_mut(i).copy_from_slice(centroids.row(c));
            places[c] = i as f32;
        }
        let kept = rest.first().map_or(0.0, |&c| drift.last[c]);
        Self {
            tiles: Tiles::new(moved.view(), frame),
            places,
            kept: single((drift.any + kept) * more),
            own: drift.own.iter().map(|&own| single(own * more)).collect(),
        }
    }
}

/// What `of` gives for the labels of a panel; 0 where rows are missing.
#[inline(always)]
pub(super) fn of_labels<V: Lanes<Scalar = f32>>(of: &[f32], labels: &[u32]) -> V {
    let mut out = [0.0; Points::LANES];
    for (out, &label) in out.iter_mut().zip(labels) {
        *out = of.get(label as usize).copied().unwrap_or(f32::INFINITY);
    }
    V::load(&out)
}

fn greatest(moves: &[f64]) -> f64 {
    moves.iter().copied().fold(0.0, f64::max)
}

/// A number above.
fn above(x: f64) -> f64 {
    x * (1.0 + 4.0 * f64::EPSILON)
}

/// A number above, in single precision.
fn single(x: f64) -> f32 {
    (above(x) as f32).next_up()
}
