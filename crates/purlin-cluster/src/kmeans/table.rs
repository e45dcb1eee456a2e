//! The samples, as every part of k-means reads them.

use super::{OP, Space};
use crate::assign;
use purlin_backend::distance::{
    Centroids, Column, Drift, Frame, HamerlyBounds, LabelSums, Points, column_sums, columns,
    squared_to_assigned,
};
use purlin_backend::parallel;
use purlin_core::{Matrix, MatrixView, Real, Result};
use std::ops::Range;
use std::sync::OnceLock;

/// Samples with their weights, and a copy of them in single precision, by which they are ranked.
///
/// Where clusters are few a round waits for memory more than for arithmetic: it reads that copy,
/// and of the samples themselves only those that change their cluster.
pub(super) struct Table<'a, T: Real> {
    pub(super) x: MatrixView<'a, T>,
    pub(super) weights: Option<&'a [T]>,
    /// The means of the columns: distances are ranked around them.
    pub(super) center: Vec<T>,
    frame: Frame<T>,
    /// The samples as they are ranked, from the first round on.
    points: OnceLock<Points>,
    /// Whether a sum that a sample has left is as good as one that it was never in.
    is_reversible: bool,
    /// The mean variance of the columns.
    pub(super) variance: f64,
    /// What a centroid is.
    pub(super) space: Space,
}

/// The most samples of a piece, and the most numbers of single precision: half of a second cache of
/// 2 MiB, where the starts that share the reading find them.
const PIECE: usize = 1024;
const _: () = assert!(PIECE.is_multiple_of(assign::BLOCK));
const PIECE_NUMBERS: usize = 1 << 18;

/// Numbers of a column, and weights, may differ by this factor. What `n` numbers leave behind in a
/// pair of `f64` is some `n^2 2^-106` of the greatest of them: of the smallest less than a rounding,
/// for the numbers of a block.
const REVERSIBLE: f64 = (1u64 << 40) as f64;

/// Some samples and what a round finds about them.
pub(super) struct Block {
    pub(super) rows: Range<usize>,
    pub(super) labels: Vec<u32>,
    /// The sums of the samples of each label.
    pub(super) sums: LabelSums,
    /// Samples whose label is another than in the round before.
    pub(super) n_changed: usize,
    /// Distances that were computed, or scores.
    pub(super) n_distances: u64,
    /// Where they are kept.
    bounds: Option<HamerlyBounds>,
}

/// What a start brings to a round.
pub(super) struct Round<'a, T: Real> {
    pub(super) centroids: &'a Matrix<T>,
    /// How far they have moved since bounds are kept, if they are.
    pub(super) drift: Option<&'a Drift>,
    pub(super) blocks: &'a mut [Block],
}

impl<'a, T: Real> Table<'a, T> {
    /// Refuses numbers that are not finite, or too large.
    pub(super) fn new(x: MatrixView<'a, T>, weights: Option<&'a [T]>) -> Result<Self> {
        let (n, d) = x.shape();
        let (mut spread, center) = Spread::and_means(x);
        if !center.iter().all(|mean| mean.is_finite()) {
            x.check_finite(OP, "x")?;
            return Err(assign::too_large(OP, "x", x));
        }
        let limit = assign::greatest_square_root::<T>(d);
        if spread.reach > limit || !spread.square.is_finite() {
            // Nearly too large, or too large.
            spread = Spread::around(x, &center);
            if spread.reach > limit || !spread.square.is_finite() {
                return Err(assign::too_large(OP, "x", x));
            }
        }
        let frame = Frame::new(&center, spread.reach);
        Ok(Self {
            x,
            weights,
            points: OnceLock::new(),
            center,
            frame,
            is_reversible: spread.ratio * ratio_of(weights) <= REVERSIBLE,
            variance: spread.square / (n * d) as f64,
            space: Space::Flat,
        })
    }

    /// Cuts the samples into blocks, by the sizes alone: at most some 64, none so small that its
    /// sums outgrow it.
    pub(super) fn blocks(&self, n_clusters: usize) -> Vec<Block> {
        let (n, d) = self.x.shape();
        let size = n.div_ceil(64).max(1024).max(32 * n_clusters).next_multiple_of(PIECE);
        let block = |start: usize| {
            let rows = start..n.min(start + size);
            let labels = vec![u32::MAX; rows.len()];
            let sums = LabelSums::new(n_clusters, d);
            Block { rows, labels, sums, n_changed: 0, n_distances: 0, bounds: None }
        };
        (0..n).step_by(size).map(block).collect()
    }

    /// Operations of a round, in the unit of [`parallel::THRESHOLD`].
    pub(super) fn work(&self, n_clusters: usize) -> usize {
        let (n, d) = self.x.shape();
        n.saturating_mul(d).saturating_mul(n_clusters) / 8 + n * d
    }

    /// Assigns every sample to its nearest centroid, for several starts that share the reading of
    /// the samples.
    pub(super) fn assign(&self, mut starts: Vec<Round<'_, T>>) {
        let prepare = |start: &Round<'_, T>| match start.drift {
            Some(drift) => Centroids::after(start.centroids.view(), &self.frame, drift),
            None => Centroids::new(start.centroids.view(), &self.frame),
        };
        let centroids: Vec<Centroids<T>> = starts.iter().map(prepare).collect();
        let work = centroids.iter().map(|centroids| self.work(centroids.len())).sum();
        let points = self.points.get_or_init(|| Points::pack(self.x, &self.frame));
        let piece = PIECE_NUMBERS / self.x.n_cols() / Points::LANES * Points::LANES;
        let piece = piece.clamp(Points::LANES, PIECE);
        // Beside each other the blocks of the same samples.
        let mut beside: Vec<Vec<(&mut Block, bool)>> = Vec::new();
        for Round { blocks, drift, .. } in &mut starts {
            beside.resize_with(blocks.len(), Vec::new);
            for (beside, block) in beside.iter_mut().zip(blocks.iter_mut()) {
                beside.push((block, drift.is_some()));
            }
        }
        parallel::for_each_chunk(&mut beside, 1, work, |_, beside| {
            let blocks = &mut beside[0];
            for (block, _) in blocks.iter_mut() {
                (block.n_distances, block.n_changed) = (0, 0);
            }
            let (all, mut before) = (blocks[0].0.rows.clone(), [u32::MAX; PIECE]);
            for first in all.clone().step_by(piece) {
                let rows = first..all.end.min(first + piece);
                let places = first - all.start..rows.end - all.start;
                for ((block, is_bounded), centroids) in blocks.iter_mut().zip(&centroids) {
                    let labels = &mut block.labels[places.clone()];
                    before[..labels.len()].copy_from_slice(labels);
                    let (x, rows) = (self.x, rows.clone());
                    let assigned = if *is_bounded {
                        let n = all.len();
                        let bounds = block.bounds.get_or_insert_with(|| centroids.bounds(n));
                        let bounds = bounds.of(places.clone());
                        centroids.nearest_bounded(x, points, rows, labels, bounds)
                    } else {
                        centroids.nearest(x, points, rows, labels)
                    };
                    block.n_distances += assigned.n_distances;
                    if assigned.n_changed > 0 {
                        block.n_changed += assigned.n_changed;
                        let before = &before[..places.len()];
                        self.follow(block, places.clone(), before);
                    }
                }
            }
        });
    }

    /// Takes the labels of some samples of a block into its sums.
    pub(super) fn follow(&self, block: &mut Block, places: Range<usize>, before: &[u32]) {
        let rows = block.rows.start + places.start..block.rows.start + places.end;
        let weights = self.weights.map(|weights| &weights[rows.clone()]);
        if self.is_reversible {
            block.sums.follow(self.x.row_range(rows), weights, before, &block.labels[places]);
        }
    }

    /// Writes the sums of the rows of each label, then of their weights.
    pub(super) fn total(&self, blocks: &mut [Block], out: &mut [f64]) {
        if !self.is_reversible {
            let work = self.work(1);
            parallel::for_each_chunk(blocks, 1, work, |_, block| {
                let Block { rows, labels, sums, .. } = &mut block[0];
                let weights = self.weights.map(|weights| &weights[rows.clone()]);
                sums.clear();
                let none = vec![u32::MAX; labels.len()];
                sums.follow(self.x.row_range(rows.clone()), weights, &none, labels);
            });
        }
        let sums: Vec<&LabelSums> = blocks.iter().map(|block| &block.sums).collect();
        LabelSums::total(&sums, out);
    }

    /// The squared distance of each sample from the centroid of its label, block by block.
    pub(super) fn distances(&self, centroids: &Matrix<T>, blocks: &[Block]) -> Vec<Vec<T>> {
        let mut distances: Vec<Vec<T>> =
            blocks.iter().map(|block| vec![T::ZERO; block.rows.len()]).collect();
        parallel::for_each_chunk(&mut distances, 1, self.work(1), |i, out| {
            let Block { rows, labels, .. } = &blocks[i];
            let x = self.x.row_range(rows.clone());
            squared_to_assigned(x, centroids.view(), labels, &mut out[0]);
        });
        distances
    }

    /// The weighted sum of the squared distances of the samples from the centroids of their labels.
    pub(super) fn inertia(&self, centroids: &Matrix<T>, blocks: &[Block]) -> f64 {
        // A block is a whole number of the blocks of the sum.
        let labels = |rows: Range<usize>| {
            let block = &blocks[rows.start / blocks[0].rows.len()];
            let first = block.rows.start;
            &block.labels[rows.start - first..rows.end - first]
        };
        assign::inertia_by(self.x, centroids.view(), labels, self.weights)
    }

    /// The weight of sample `i`.
    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i].to_f64())
    }
}

/// Whether sums over labels of these samples may follow the labels: one that a sample has left is as
/// good as one that it was never in.
pub(crate) fn is_reversible<T: Real>(x: MatrixView<'_, T>, weights: Option<&[T]>) -> bool {
    Spread::around(x, &vec![T::ZERO; x.n_cols()]).ratio * ratio_of(weights) <= REVERSIBLE
}

/// The greatest ratio of two weights that are not 0, or more.
fn ratio_of<T: Real>(weights: Option<&[T]>) -> f64 {
    weights.map_or(1.0, |weights| {
        let weights = MatrixView::from_slice(weights, weights.len(), 1);
        weights.map_or(1.0, |weights| Spread::around(weights, &[T::ZERO]).ratio)
    })
}

/// How the numbers of a table lie.
struct Spread {
    /// The sum of the squares less the center.
    square: f64,
    /// At least the greatest distance of a number from its center.
    reach: f64,
    /// The greatest ratio of two numbers of a column that are not 0, or more.
    ratio: f64,
}

/// What is known of a column of some rows: their mean, and how they lie around it.
#[derive(Clone, Copy)]
struct Part {
    mean: f64,
    column: Column,
}

impl Spread {
    /// How the table lies around the means of its columns, and those.
    ///
    /// Some rows at a time that stay in the cache, put together as by Chan, Golub and LeVeque
    /// (Updating formulae and a pairwise algorithm for computing sample variances, 1979).
    fn and_means<T: Real>(x: MatrixView<'_, T>) -> (Self, Vec<T>) {
        let (n, d) = x.shape();
        let size = ((1 << 15) / d.max(1)).clamp(256, 1024);
        let part = |i: usize| {
            let rows = x.row_range(i * size..n.min((i + 1) * size));
            let n = rows.n_rows() as f64;
            let sums = column_sums(rows);
            let center: Vec<T> = sums.iter().map(|sum| T::from_f64(sum / n)).collect();
            let mut parts = Vec::with_capacity(d);
            for ((column, sum), center) in columns(rows, &center).into_iter().zip(sums).zip(center)
            {
                let (mean, center) = (sum / n, center.to_f64());
                let off = mean - center;
                let square = (column.square - n * off * off).max(0.0);
                let reach = column.reach + off.abs();
                parts.push(Part { mean, column: Column { square, reach, ..column } });
            }
            (n, parts)
        };
        let add = |(n, mut parts): (f64, Vec<Part>), (m, others): (f64, Vec<Part>)| {
            let all = n + m;
            for (a, b) in parts.iter_mut().zip(others) {
                let apart = b.mean - a.mean;
                let mean = a.mean + apart * (m / all);
                let square = a.column.square + b.column.square + apart * apart * (n * m / all);
                let [reach_a, reach_b] =
                    [&*a, &b].map(|part| part.column.reach + (part.mean - mean).abs());
                a.column = Column {
                    square,
                    reach: reach_a.max(reach_b),
                    most: a.column.most.max(b.column.most),
                    least: a.column.least.min(b.column.least),
                };
                a.mean = mean;
            }
            (all, parts)
        };
        let found = parallel::reduce(n.div_ceil(size), 4 * n * d, part, add);
        let parts = found.map(|(_, parts)| parts).unwrap_or_default();
        let center = parts.iter().map(|part| T::from_f64(part.mean)).collect();
        (Self::of(parts.into_iter().map(|part| part.column)), center)
    }

    /// How a table lies around the numbers `center`: the reach is no bound, but that of the numbers.
    fn around<T: Real>(x: MatrixView<'_, T>, center: &[T]) -> Self {
        let (n, d) = x.shape();
        let part = |i: usize| columns(x.row_range(i * PIECE..n.min((i + 1) * PIECE)), center);
        let add = |mut a: Vec<Column>, b: Vec<Column>| {
            for (a, b) in a.iter_mut().zip(b) {
                a.square += b.square;
                a.reach = a.reach.max(b.reach);
                a.most = a.most.max(b.most);
                a.least = a.least.min(b.least);
            }
            a
        };
        let columns = parallel::reduce(n.div_ceil(PIECE), 4 * n * d, part, add);
        Self::of(columns.into_iter().flatten())
    }

    fn of(columns: impl Iterator<Item = Column>) -> Self {
        let none = Self { square: 0.0, reach: 0.0, ratio: 1.0 };
        columns.fold(none, |all, column| Self {
            square: all.square + column.square,
            reach: all.reach.max(column.reach),
            ratio: all.ratio.max(column.most / column.least),
        })
    }
}
