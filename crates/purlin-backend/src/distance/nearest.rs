//! The nearest of a few rows, for each of many.
//!
//! # How the exact answer is found by half the arithmetic
//!
//! `|x - c|^2 / 2 = |x|^2 / 2 + |c|^2 / 2 - x c`, and the first term is the same for every
//! centroid: the *score* `|c|^2 / 2 - x c` ranks them with one multiply-add per feature, where the
//! definition takes a subtraction too. But it rounds differently. So a score is trusted only
//! where it cannot be wrong, and a row whose two best scores are closer than that is ranked again
//! by the definition.
//!
//! Let `u` be half of epsilon, `d` the number of features, and all rows be taken less one common
//! row, which leaves `X = |x|^2` and `C`, the greatest `|c|^2`. To first order in `d u`:
//!
//! - the definition's sum is off by a factor of at most `1 + (d + 2) u`: half of it by
//!   `(d + 2) u (X + C)`, as `|x - c|^2 <= 2 (X + C)`;
//! - subtracting the common row rounds each number once: `u C + u (X + C)` in the score;
//! - the sum `|c|^2` is off by `d u C`, half of it by `d u C / 2`;
//! - the chain of `d` multiply-adds runs over numbers of at most `C / 2 + (X + C) / 2` in size:
//!   `d u (X / 2 + C)`.
//!
//! Together at most `(2.5 d + 4) u (X + C)` for each centroid. Two scores further apart than
//! twice `(4 d + 32) u (X + C)` are in the order of the definition, strictly, with room for the
//! rounding of `X`, `C` and of the bound itself.

use super::Panels;
use crate::indices::{self, store_indices};
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// A few rows, prepared for being the nearest of many.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Centroids, Panels};
/// use purlin_core::MatrixView;
///
/// let x = [[0.0f32, 0.0], [1.0, 0.0], [9.0, 9.0], [5.0, 5.0]];
/// let x = MatrixView::from_rows(&x);
/// let center = [4.0, 4.0];
/// let points = Panels::pack(x, Some(&center));
/// let norms = points.squared_norms();
///
/// let centroids = [[0.0, 0.0], [10.0, 10.0]];
/// let centroids = Centroids::new(MatrixView::from_rows(&centroids), &center);
/// let mut labels = [7; 4];
/// let assigned = centroids.nearest(x, &points, &norms, 0..1, &mut labels);
/// assert_eq!(labels, [0, 0, 1, 0]); // the last is as far from both: the smallest index
/// assert_eq!(assigned.n_changed, 4);
/// ```
#[derive(Debug)]
pub struct Centroids<T: Real> {
    /// As they are, for the definition.
    exact: Panels<T>,
    /// Tile by tile, feature by feature: the numbers of `height` centroids less the common row,
    /// negated.
    tiles: Buffer<T>,
    /// Half of the squared norms; infinite where a tile has no centroid.
    half_norms: Buffer<T>,
    /// Centroids of a tile.
    height: usize,
    /// Scores closer than `factor * (|x|^2 + greatest) + least` are not trusted.
    greatest: T,
    factor: T,
    least: T,
}

/// What [`Centroids::nearest`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assigned {
    /// Rows whose label is another than before.
    pub n_changed: usize,
    /// Rows that the score could not rank.
    pub n_close: usize,
}

/// The most centroids of a tile: with vectors of one panel in two registers of AVX2 they fill
/// its register file.
const MAX_HEIGHT: usize = 6;

impl<T: Real> Centroids<T> {
    /// Prepares the rows of `centroids`, less the row `center`, as the points are packed.
    ///
    /// # Panics
    ///
    /// When `center` has not one number per column, or there are more centroids than `T` can
    /// count exactly (2^22 of `f32`).
    #[track_caller]
    pub fn new(centroids: MatrixView<'_, T>, center: &[T]) -> Self {
        let (n, d) = centroids.shape();
        assert!(center.len() == d, "centroids: expected {d} centers, got {}", center.len());
        let most = indices::limit::<T>();
        assert!(n < most, "centroids: expected fewer than {most} centroids, got {n}");
        // The height that wastes least; of equals the greatest.
        let waste = |height: usize| n.next_multiple_of(height) - n;
        let height = match n {
            0..MAX_HEIGHT => n.max(1),
            _ => (4..=MAX_HEIGHT).rev().min_by_key(|&height| waste(height)).unwrap_or(MAX_HEIGHT),
        };
        let n_tiles = n.div_ceil(height);
        let mut tiles = Buffer::zeroed(n_tiles * height * d);
        let mut half_norms = Buffer::filled(n_tiles * height, T::INFINITY);
        let mut greatest = T::ZERO;
        for (i, row) in centroids.rows().enumerate() {
            let (tile, lane) = (i / height, i % height);
            let mut norm = T::ZERO;
            for (j, (&value, &center)) in row.iter().zip(center).enumerate() {
                let value = value - center;
                norm = value.mul_add(value, norm);
                tiles[(tile * d + j) * height + lane] = -value;
            }
            half_norms[i] = norm * T::from_f64(0.5);
            greatest = greatest.max(norm);
        }
        let terms = (4 * d + 32) as f64;
        let factor = T::from_f64(1.01 * terms * T::EPSILON.to_f64());
        let least = T::from_f64(terms * T::MIN_POSITIVE.to_f64());
        let exact = Panels::pack(centroids, None);
        Self { exact, tiles, half_norms, height, greatest, factor, least }
    }

    /// The number of centroids.
    pub fn len(&self) -> usize {
        self.exact.n_rows()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes for each row of the panels `panels` the index of the centroid nearest to it, as
    /// [`naive::nearest`](super::naive::nearest) gives it.
    ///
    /// | argument | what |
    /// |---|---|
    /// | `x` | the rows as they are |
    /// | `points` | the rows of `x` in panels, less the `center` of [`Centroids::new`] |
    /// | `norms` | [`Panels::squared_norms`] of `points` |
    /// | `labels` | one per row of these panels; what it holds before is compared with |
    ///
    /// Runs on the calling thread: callers cut the panels into blocks.
    ///
    /// # Panics
    ///
    /// When the sizes do not fit, or there is no centroid.
    #[track_caller]
    pub fn nearest(
        &self,
        x: MatrixView<'_, T>,
        points: &Panels<T>,
        norms: &[T],
        panels: Range<usize>,
        labels: &mut [u32],
    ) -> Assigned {
        let features = self.exact.n_features();
        assert!(!self.is_empty(), "nearest: expected at least 1 centroid, got 0");
        assert!(
            x.shape() == (points.n_rows(), features) && points.n_features() == features,
            "nearest: expected x and points of ({}, {features}), got {:?} and {} features",
            points.n_rows(),
            x.shape(),
            points.n_features()
        );
        let lanes = Panels::<T>::lanes();
        let rows = points.rows_of(&panels);
        assert!(
            panels.end <= points.n_panels()
                && labels.len() == rows.len()
                && norms.len() == points.n_panels() * lanes,
            "nearest: expected {} labels, {} norms and panels below {}, got {}, {} and {panels:?}",
            rows.len(),
            points.n_panels() * lanes,
            points.n_panels(),
            labels.len(),
            norms.len()
        );
        let centroids = self;
        once!(|centroids: &Centroids<T>,
               x: MatrixView<'_, T>,
               points: &Panels<T>,
               norms: &[T],
               panels: Range<usize>,
               labels: &mut [u32]|
         -> Assigned {
            dispatch(Nearest { centroids, x, points, norms, panels, labels })
        })
    }
}

struct Nearest<'a, T: Real> {
    centroids: &'a Centroids<T>,
    x: MatrixView<'a, T>,
    points: &'a Panels<T>,
    norms: &'a [T],
    panels: Range<usize>,
    labels: &'a mut [u32],
}

impl<T: Real> Kernel for Nearest<'_, T> {
    type Output = Assigned;

    #[inline(always)]
    fn run<I: Isa>(mut self) -> Assigned {
        let Self { centroids, points, .. } = self;
        let panels = self.panels.clone();
        let mut assigned = Assigned::default();
        // A vector of AVX-512 is one register: two panels make enough chains.
        let mut first = 0;
        if align_of::<T::Lanes<I>>() == 64 {
            while first + 2 <= panels.len() {
                let p = panels.start + first;
                let pair = [points.panel(p), points.panel(p + 1)];
                for (i, best) in rank::<T::Lanes<I>, 2>(centroids, pair).iter().enumerate() {
                    self.label::<I>(p + i, best, &mut assigned);
                }
                first += 2;
            }
        }
        for p in panels.start + first..panels.end {
            let [best] = rank::<T::Lanes<I>, 1>(centroids, [points.panel(p)]);
            self.label::<I>(p, &best, &mut assigned);
        }
        assigned
    }
}

impl<T: Real> Nearest<'_, T> {
    /// Writes the labels of panel `p`. A method, because closures are not always part of the
    /// function they are in, and then outside of the instruction set.
    #[inline(always)]
    fn label<I: Isa>(&mut self, p: usize, best: &Best<T::Lanes<I>>, assigned: &mut Assigned) {
        let lanes = T::Lanes::<I>::LANES;
        let first = (p - self.panels.start) * lanes;
        let last = self.labels.len().min(first + lanes);
        let labels = &mut self.labels[first..last];
        let norm = T::Lanes::<I>::load(&self.norms[p * lanes..]);
        let certain = self.centroids.is_certain(norm, best);
        let mut new = [0; MAX_LANES];
        let new = &mut new[..lanes];
        store_indices(best.index, 0, new);
        if T::Lanes::<I>::any(!certain) {
            let mut is_certain = [T::ZERO; MAX_LANES];
            let (yes, no) = (T::Lanes::<I>::splat(T::ONE), T::Lanes::<I>::splat(T::ZERO));
            T::Lanes::<I>::select(certain, yes, no).store(&mut is_certain);
            for lane in 0..labels.len() {
                if is_certain[lane] == T::ZERO {
                    let row = self.x.row(p * lanes + lane);
                    new[lane] = exact::<T::Lanes<I>>(&self.centroids.exact, row);
                    assigned.n_close += 1;
                }
            }
        }
        let mut n_changed = 0;
        for (label, &new) in labels.iter_mut().zip(new.iter()) {
            n_changed += u32::from(*label != new);
            *label = new;
        }
        assigned.n_changed += n_changed as usize;
    }
}

/// The best score so far, its centroid, and the second best score, lane by lane.
#[derive(Clone, Copy)]
struct Best<V> {
    score: V,
    index: V,
    second: V,
}

impl<T: Real> Centroids<T> {
    /// Where the best score is the definition's; see the head of this file.
    #[inline(always)]
    fn is_certain<V: Lanes<Scalar = T>>(&self, norm: V, best: &Best<V>) -> V::Mask {
        let size = norm + V::splat(self.greatest);
        let bound = size.mul_add(V::splat(self.factor), V::splat(self.least));
        bound.lt(best.second - best.score)
    }
}

/// The best of all centroids for `N` panels.
#[inline(always)]
fn rank<V: Lanes, const N: usize>(
    centroids: &Centroids<V::Scalar>,
    panels: [&[V::Scalar]; N],
) -> [Best<V>; N] {
    match centroids.height {
        1 => tiles::<V, 1, N>(centroids, panels),
        2 => tiles::<V, 2, N>(centroids, panels),
        3 => tiles::<V, 3, N>(centroids, panels),
        4 => tiles::<V, 4, N>(centroids, panels),
        5 => tiles::<V, 5, N>(centroids, panels),
        _ => tiles::<V, MAX_HEIGHT, N>(centroids, panels),
    }
}

/// [`rank`] for tiles of `M` centroids. Loops, not `map`: a closure there is a function of its
/// own, outside of the instruction set.
#[inline(always)]
fn tiles<V: Lanes, const M: usize, const N: usize>(
    centroids: &Centroids<V::Scalar>,
    panels: [&[V::Scalar]; N],
) -> [Best<V>; N] {
    let infinity = V::splat(V::Scalar::INFINITY);
    let mut best = [Best { score: infinity, index: V::splat_f64(0.0), second: infinity }; N];
    let mut index = V::splat_f64(0.0);
    let d = centroids.exact.n_features();
    let (halves, _) = centroids.half_norms.as_chunks::<M>();
    let (tiles, _) = centroids.tiles.as_chunks::<M>();
    for (t, halves) in halves.iter().enumerate() {
        let mut scores = [[V::splat_f64(0.0); N]; M];
        for (scores, &half) in scores.iter_mut().zip(halves) {
            *scores = [V::splat(half); N];
        }
        for (j, tile) in tiles[t * d..(t + 1) * d].iter().enumerate() {
            let mut x = [V::splat_f64(0.0); N];
            for (x, panel) in x.iter_mut().zip(&panels) {
                *x = V::load(&panel[j * V::LANES..]);
            }
            for (scores, &minus) in scores.iter_mut().zip(tile) {
                let minus = V::splat(minus);
                for (score, x) in scores.iter_mut().zip(x) {
                    *score = minus.mul_add(x, *score);
                }
            }
        }
        for scores in &scores {
            for (best, &score) in best.iter_mut().zip(scores) {
                let is_better = score.lt(best.score);
                best.second = best.second.min(best.score.max(score));
                best.score = score.min(best.score);
                best.index = V::select(is_better, index, best.index);
            }
            index = index + V::splat_f64(1.0);
        }
    }
    best
}

/// The nearest centroid by the definition.
#[inline(always)]
fn exact<V: Lanes>(centroids: &Panels<V::Scalar>, row: &[V::Scalar]) -> u32 {
    let n = centroids.n_rows();
    let mut best = (V::Scalar::INFINITY, 0);
    for p in 0..centroids.n_panels() {
        let mut sum = V::splat_f64(0.0);
        for (&x, c) in row.iter().zip(centroids.panel(p).chunks_exact(V::LANES)) {
            let t = V::splat(x) - V::load(c);
            sum = t.mul_add(t, sum);
        }
        let mut sums = [V::Scalar::INFINITY; MAX_LANES];
        sum.store(&mut sums);
        let first = p * V::LANES;
        for (i, &sum) in sums[..V::LANES.min(n - first)].iter().enumerate() {
            if sum < best.0 {
                best = (sum, first + i);
            }
        }
    }
    best.1 as u32
}
