//! Scores that rank a few rows for each of many, and how far they can be trusted.
//!
//! # How the exact answer is found by half the arithmetic
//!
//! `|x - c|^2 / 2 = |x|^2 / 2 + |c|^2 / 2 - x c`, and the first term is the same for every
//! centroid: the *score* `|c|^2 / 2 - x c` ranks them with one multiply-add per feature, where the
//! definition takes a subtraction too. But it rounds differently, and in single precision where
//! the table is in double. So a score is trusted only where it cannot be wrong; the other rows are
//! ranked by a better score or by the definition.
//!
//! Let `u` be half of epsilon of the score's type `S`, `d` the number of features, and all rows be
//! taken in a [`Frame`], which leaves `X = |x|^2` and `C = |c|^2`. To first order in `d u`:
//!
//! - the definition's sum is off by a factor of at most `1 + (d + 2) u`: half of it by
//!   `(d + 2) u (X + C)`, as `|x - c|^2 <= 2 (X + C)`;
//! - a number of the frame is rounded once: `u C + u (X + C)` in the score;
//! - the sum `|c|^2` is off by `d u C`, half of it by `d u C / 2`;
//! - the chain of `d` multiply-adds runs over numbers of at most `C / 2 + (X + C) / 2` in size:
//!   `d u (X / 2 + C)`.
//!
//! Together at most `(2.5 d + 4) u (X + C)`. With `e = (4 d + 32) u`, that leaves room for the
//! rounding of `X`, `C` and of the bound itself, `score - e C` is below the definition's half, less
//! the common term, by at most `2 e C + e X`, and above it by at most `e X`. So the least of these
//! *floors* is that of the nearest, strictly, where it is below the second least by more than
//! `2 e C + 2 e X`, with the `C` of the nearest alone: a centroid far away blurs no other. And that
//! `C` is at most `2 X + 2 |x - c|^2`, so about `4 X + 4 F` where `F` is its floor: a gap of more
//! than `10 e X + 8 e F` is enough, the *error* of the row. (To first order in `e`, so for `e` of at
//! most 1/64: with more columns, some 65,000 in single precision, no score is trusted.)
//!
//! The same error bounds distances: that of the nearest is at most the root of `X + 2 (F + error)`,
//! those of all others at least that of `X + 2 (F' - error)` with the second least floor `F'`.
//!
//! What underflows, in the score's type or in the definition's, is at most the least normal number
//! for each term; where the definition could overflow no score is trusted.

use super::Frame;
use crate::{Buffer, isa};
use purlin_core::simd::Lanes;
use purlin_core::{MatrixView, Real};

/// The most centroids of a tile: with vectors of one panel in two registers of AVX2 they fill
/// its register file.
const MAX_HEIGHT: usize = 6;

/// The greatest `2 e` of scores that are trusted.
const MAX_ERROR: f64 = 1.0 / 32.0;

/// Centroids in tiles, as scores read them.
#[derive(Debug)]
pub(super) struct Tiles<S: Real> {
    /// Tile by tile, feature by feature: the numbers of `height` centroids in the frame, negated.
    data: Buffer<S>,
    /// `|c|^2 / 2 - e |c|^2`; infinite where a tile has no centroid.
    starts: Buffer<S>,
    /// Centroids of a tile.
    height: usize,
    n_centroids: usize,
    n_features: usize,
    /// `2 e`.
    factor: S,
    /// What underflow adds to an error.
    least: S,
    /// What it adds to a distance.
    vanishing: S,
    /// A greater `|x|^2` might overflow in the definition.
    limit: S,
}

/// The best floor so far, its centroid, and the second best floor, lane by lane.
#[derive(Clone, Copy)]
pub(super) struct Best<V> {
    pub(super) floor: V,
    pub(super) index: V,
    pub(super) second: V,
}

impl<S: Real> Tiles<S> {
    pub(super) fn new<T: Real>(centroids: MatrixView<'_, T>, frame: &Frame<T>) -> Self {
        let (n, d) = centroids.shape();
        // The height that wastes least; of equals the greatest.
        let waste = |height: usize| n.next_multiple_of(height) - n;
        let height = match n {
            0..MAX_HEIGHT => n.max(1),
            _ => (4..=MAX_HEIGHT).rev().min_by_key(|&height| waste(height)).unwrap_or(MAX_HEIGHT),
        };
        let n_tiles = n.div_ceil(height);
        let terms = (4 * d + 32) as f64;
        let factor = S::from_f64(1.01 * terms * S::EPSILON.to_f64());
        let mut data = Buffer::zeroed(n_tiles * height * d);
        let mut starts = Buffer::filled(n_tiles * height, S::INFINITY);
        let mut greatest = 0.0f64;
        let mut values = vec![S::ZERO; d];
        for (i, row) in centroids.rows().enumerate() {
            let (tile, lane) = (i / height, i % height);
            frame.of(row, 0, &mut values);
            let mut norm = S::ZERO;
            for (j, &value) in values.iter().enumerate() {
                norm = value.mul_add(value, norm);
                data[(tile * d + j) * height + lane] = -value;
            }
            greatest = greatest.max(norm.to_f64());
            starts[i] = S::from_f64(0.5) * (norm - norm * factor);
        }
        let unit = frame.scale().to_f64() * frame.scale().to_f64();
        let vanishing = S::MIN_POSITIVE.to_f64() + T::MIN_POSITIVE.to_f64() * unit;
        // |x - c|^2 is at most four times the greater norm, and sums round up; nor may a score
        // overflow on the way.
        let limit = (T::MAX.to_f64() / 8.0 * unit).min(S::MAX.to_f64() / 8.0);
        let is_sound = greatest <= limit && terms * S::EPSILON.to_f64() <= MAX_ERROR;
        Self {
            data,
            starts,
            height,
            n_centroids: n,
            n_features: d,
            factor,
            least: S::from_f64(terms * vanishing),
            vanishing: S::from_f64(1.01 * (2.0 * terms * vanishing).sqrt()),
            limit: if is_sound { S::from_f64(limit) } else { S::NEG_INFINITY },
        }
    }

    /// Centroids.
    pub(super) fn len(&self) -> usize {
        self.n_centroids
    }

    /// The error of rows: infinite where no score is trusted.
    #[inline(always)]
    pub(super) fn error<V: Lanes<Scalar = S>>(&self, norm: V, best: &Best<V>) -> V {
        let size = norm.mul_add(V::splat_f64(5.0), best.floor * V::splat_f64(4.0));
        let error = size.mul_add(V::splat(self.factor), V::splat(self.least));
        V::select(norm.le(V::splat(self.limit)), error, V::splat(S::INFINITY))
    }

    /// At most how far the centroid with a floor is, in the unit of the frame. As long as that is
    /// less than [`Tiles::far`] of all others, when both follow the moves of the centroids, the
    /// definition finds the same nearest: they leave room for its rounding.
    #[inline(always)]
    pub(super) fn near<V: Lanes<Scalar = S>>(&self, norm: V, floor: V, error: V) -> V {
        let square = (floor + error).mul_add(V::splat_f64(2.0), norm);
        let distance = square.max(V::splat_f64(0.0)).sqrt();
        distance.mul_add(V::splat(self.more()), V::splat(self.vanishing))
    }

    /// At least how far all centroids are whose floor is no less.
    #[inline(always)]
    pub(super) fn far<V: Lanes<Scalar = S>>(&self, norm: V, floor: V, error: V) -> V {
        let square = (floor - error).mul_add(V::splat_f64(2.0), norm);
        square.max(V::splat_f64(0.0)).sqrt() * V::splat(S::ONE - self.factor)
    }

    /// What bounds of near centroids, and moves, are multiplied by to leave room for the rounding of
    /// the definition.
    pub(super) fn more(&self) -> S {
        S::ONE + self.factor
    }

    /// The best of all centroids for `N` panels of `W` lanes. Meanwhile asks for the numbers `next`.
    #[inline(always)]
    pub(super) fn rank<V: Lanes<Scalar = S>, const W: usize, const N: usize>(
        &self,
        panels: [&[[S; W]]; N],
        next: &[[S; W]],
    ) -> [Best<V>; N] {
        match self.height {
            1 => self.rank_by::<V, W, 1, N>(panels, next),
            2 => self.rank_by::<V, W, 2, N>(panels, next),
            3 => self.rank_by::<V, W, 3, N>(panels, next),
            4 => self.rank_by::<V, W, 4, N>(panels, next),
            5 => self.rank_by::<V, W, 5, N>(panels, next),
            _ => self.rank_by::<V, W, MAX_HEIGHT, N>(panels, next),
        }
    }

    /// [`Tiles::rank`] for tiles of `M` centroids. Loops, not `map`: a closure there is a function
    /// of its own, outside of the instruction set.
    #[inline(always)]
    fn rank_by<V: Lanes<Scalar = S>, const W: usize, const M: usize, const N: usize>(
        &self,
        mut panels: [&[[S; W]]; N],
        next: &[[S; W]],
    ) -> [Best<V>; N] {
        let infinity = V::splat(S::INFINITY);
        let mut best = [Best { floor: infinity, index: V::splat_f64(0.0), second: infinity }; N];
        let mut index = V::splat_f64(0.0);
        let d = self.n_features;
        // Of the same length as a tile: no step below needs a check.
        for panel in &mut panels {
            *panel = &panel[..d];
        }
        let (starts, _) = self.starts.as_chunks::<M>();
        let (tiles, _) = self.data.as_chunks::<M>();
        let share = next.len().div_ceil(starts.len());
        for (t, starts) in starts.iter().enumerate() {
            for line in next.iter().skip(t * share).take(share) {
                isa::prefetch(line);
            }
            let mut floors = [[V::splat_f64(0.0); N]; M];
            for (floors, &start) in floors.iter_mut().zip(starts) {
                *floors = [V::splat(start); N];
            }
            let tile = &tiles[t * d..][..d];
            for j in 0..d {
                let mut x = [V::splat_f64(0.0); N];
                for (x, panel) in x.iter_mut().zip(&panels) {
                    *x = V::load(&panel[j]);
                }
                for (floors, &minus) in floors.iter_mut().zip(&tile[j]) {
                    let minus = V::splat(minus);
                    for (floor, x) in floors.iter_mut().zip(x) {
                        *floor = minus.mul_add(x, *floor);
                    }
                }
            }
            for floors in &floors {
                for (best, &floor) in best.iter_mut().zip(floors) {
                    let is_better = floor.lt(best.floor);
                    best.second = best.second.min(best.floor.max(floor));
                    best.floor = floor.min(best.floor);
                    best.index = V::select(is_better, index, best.index);
                }
                index = index + V::splat_f64(1.0);
            }
        }
        best
    }
}

/// The least of the lanes.
#[inline(always)]
pub(super) fn least_lane<V: Lanes>(v: V) -> V::Scalar {
    let v = if V::LANES > 8 { v.min(v.upper::<8>()) } else { v };
    let v = v.min(v.upper::<4>());
    let v = v.min(v.upper::<2>());
    v.min(v.upper::<1>()).first()
}

impl<V: Lanes> Best<V> {
    /// By how much the second best floor is above the best.
    #[inline(always)]
    pub(super) fn gap(&self) -> V {
        self.second - self.floor
    }
}
