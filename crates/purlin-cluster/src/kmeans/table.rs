//! The samples, as every part of k-means reads them.

use super::{OP, Space};
use crate::assign;
use purlin_backend::distance::{Centroids, Panels, add_rows, squared_to_assigned};
use purlin_backend::{Buffer, parallel};
use purlin_core::{Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// Samples with their weights.
///
/// They are not copied, unless [`Table::keep_packed`] is called: a round packs a piece of them at a
/// time, and what it does with the piece finds it in the cache. A round waits for memory more than
/// for arithmetic where clusters are few, and this way it reads the table once.
pub(super) struct Table<'a, T: Real> {
    pub(super) x: MatrixView<'a, T>,
    pub(super) weights: Option<&'a [T]>,
    /// The means of the columns: distances are ranked around them.
    pub(super) center: Vec<T>,
    /// The rows of `x` less `center` with their norms, where [`Table::keep_packed`] was called.
    packed: Option<(Panels<T>, Buffer<T>)>,
    /// The mean variance of the columns.
    pub(super) variance: f64,
    /// What a centroid is.
    pub(super) space: Space,
}

/// The most samples of a piece of a block that is packed, assigned and added while it is in the
/// cache.
const PIECE: usize = assign::BLOCK;

/// Bytes of a piece, unless that is less than a panel: with its packed copy it fits into a second
/// cache of 512 KiB.
const PIECE_BYTES: usize = 3 << 16;

/// Samples of a block of the sums that are formed once.
const SUM_BLOCK: usize = 4096;

/// Some samples and what a round finds about them.
pub(super) struct Block {
    pub(super) rows: Range<usize>,
    pub(super) labels: Vec<u32>,
    /// Sums of the rows of each label, then the weight of each label.
    pub(super) sums: Vec<f64>,
    pub(super) n_changed: usize,
    /// Distances that were computed, or scores.
    pub(super) n_distances: u64,
}

impl<'a, T: Real> Table<'a, T> {
    /// The caller has checked that the numbers are finite.
    pub(super) fn new(x: MatrixView<'a, T>, weights: Option<&'a [T]>) -> Result<Self> {
        let (n, d) = x.shape();
        let center: Vec<T> = assign::means(x).into_iter().map(T::from_f64).collect();
        assign::check_squares_about(OP, x, &center)?;
        // A squared distance is at most four times the greatest norm.
        let four = T::from_f64(4.0);
        let sum = |i: usize| {
            let mut sum = 0.0;
            for_each_piece(x, i * SUM_BLOCK..n.min((i + 1) * SUM_BLOCK), &center, |_, piece| {
                sum = piece.norms.iter().fold(sum, |sum, &norm| sum + (four * norm).to_f64());
            });
            sum
        };
        let sum = parallel::reduce(n.div_ceil(SUM_BLOCK), n * d, sum, |a, b| a + b);
        let sum = sum.unwrap_or(0.0) / 4.0;
        if !sum.is_finite() {
            return Err(assign::too_large(OP, "x", x));
        }
        let variance = sum / (n * d) as f64;
        Ok(Self { x, weights, center, packed: None, variance, space: Space::Flat })
    }

    /// Packs all samples at once, for the rounds of a start that is alone: in single precision the
    /// copy is read faster than it is made again.
    pub(super) fn keep_packed(&mut self) {
        let panels = Panels::pack(self.x, Some(&self.center));
        let norms = panels.squared_norms();
        self.packed = Some((panels, norms));
    }

    /// Cuts the samples into blocks, by the sizes alone: at most some 64, none so small that its
    /// sums outgrow it.
    pub(super) fn blocks(&self, n_clusters: usize) -> Vec<Block> {
        let (n, d) = self.x.shape();
        let size = n.div_ceil(64).max(1024).max(4 * n_clusters).next_multiple_of(PIECE);
        let block = |start: usize| {
            let rows = start..n.min(start + size);
            let labels = vec![u32::MAX; rows.len()];
            Block {
                rows,
                labels,
                sums: vec![0.0; n_clusters * (d + 1)],
                n_changed: 0,
                n_distances: 0,
            }
        };
        (0..n).step_by(size).map(block).collect()
    }

    /// Operations of a round, in the unit of [`parallel::THRESHOLD`].
    pub(super) fn work(&self, n_clusters: usize) -> usize {
        let (n, d) = self.x.shape();
        n.saturating_mul(d).saturating_mul(n_clusters) / 8 + n * d
    }

    /// Assigns every sample to its nearest centroid, and adds up the samples of each.
    pub(super) fn assign(&self, centroids: &Matrix<T>, blocks: &mut [Block]) {
        self.assign_all(vec![(centroids, blocks)]);
    }

    /// [`Table::assign`] for several starts, that share the reading and the packing of the samples.
    pub(super) fn assign_all(&self, mut starts: Vec<(&Matrix<T>, &mut [Block])>) {
        let prepare = |start: &(&Matrix<T>, _)| Centroids::new(start.0.view(), &self.center);
        let centroids: Vec<Centroids<T>> = starts.iter().map(prepare).collect();
        let work = centroids.iter().map(|centroids| self.work(centroids.len())).sum();
        // Beside each other the blocks of the same samples.
        let mut beside: Vec<Vec<&mut Block>> = Vec::new();
        for (_, blocks) in &mut starts {
            beside.resize_with(blocks.len(), Vec::new);
            for (beside, block) in beside.iter_mut().zip(blocks.iter_mut()) {
                beside.push(block);
            }
        }
        parallel::for_each_chunk(&mut beside, 1, work, |_, beside| {
            let blocks = &mut beside[0];
            for (block, centroids) in blocks.iter_mut().zip(&centroids) {
                block.n_distances = block.rows.len() as u64 * centroids.len() as u64;
                block.n_changed = 0;
                block.sums.fill(0.0);
            }
            let all = blocks[0].rows.clone();
            if let Some((panels, norms)) = &self.packed {
                let lanes = Panels::<T>::lanes();
                for start in all.clone().step_by(PIECE) {
                    let rows = start..all.end.min(start + PIECE);
                    let weights = self.weights.map(|weights| &weights[rows.clone()]);
                    let x = self.x.row_range(rows.clone());
                    let range = rows.start / lanes..rows.end.div_ceil(lanes);
                    for (block, centroids) in blocks.iter_mut().zip(&centroids) {
                        let labels = &mut block.labels[rows.start - all.start..][..rows.len()];
                        let range = range.clone();
                        let assigned = centroids.nearest(self.x, panels, norms, range, labels);
                        block.n_changed += assigned.n_changed;
                        let (sums, totals) = block.sums.split_at_mut(centroids.len() * x.n_cols());
                        add_rows(x, labels, weights, sums, totals);
                    }
                }
                return;
            }
            for_each_piece(self.x, all.clone(), &self.center, |rows, piece| {
                let weights = self.weights.map(|weights| &weights[rows.clone()]);
                let rows = rows.start - all.start..rows.end - all.start;
                for (block, centroids) in blocks.iter_mut().zip(&centroids) {
                    let labels = &mut block.labels[rows.clone()];
                    let Piece { x, panels, norms } = piece;
                    let every = 0..panels.n_panels();
                    block.n_changed += centroids.nearest(x, panels, norms, every, labels).n_changed;
                    let (sums, totals) = block.sums.split_at_mut(centroids.len() * x.n_cols());
                    add_rows(x, labels, weights, sums, totals);
                }
            });
        });
        for (_, blocks) in starts {
            add_tree(blocks);
        }
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
        // A block is a whole number of pieces.
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

/// Some samples, packed.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a, T: Real> {
    pub(super) x: MatrixView<'a, T>,
    /// The rows of `x` less the center.
    pub(super) panels: &'a Panels<T>,
    pub(super) norms: &'a [T],
}

/// Calls `f` with some of the rows `rows` of `x` after others, in order, on the calling thread.
pub(super) fn for_each_piece<T: Real>(
    x: MatrixView<'_, T>,
    rows: Range<usize>,
    center: &[T],
    mut f: impl FnMut(Range<usize>, Piece<'_, T>),
) {
    let size = PIECE_BYTES / (x.n_cols() * size_of::<T>());
    let lanes = Panels::<T>::lanes();
    let size = (size / lanes * lanes).clamp(lanes, PIECE);
    let (mut panels, mut norms) = (Panels::none(), Vec::new());
    for start in rows.clone().step_by(size) {
        let rows = start..rows.end.min(start + size);
        let x = x.row_range(rows.clone());
        panels.refill(x, center, &mut norms);
        f(rows, Piece { x, panels: &panels, norms: &norms });
    }
}

/// Adds the sums of all blocks into those of the first: neighbours in pairs, then pairs of pairs.
pub(super) fn add_tree(blocks: &mut [Block]) {
    let mut step = 1;
    while step < blocks.len() {
        for i in (0..blocks.len() - step).step_by(2 * step) {
            let (left, right) = blocks.split_at_mut(i + step);
            for (a, b) in left[i].sums.iter_mut().zip(&right[0].sums) {
                *a += b;
            }
        }
        step *= 2;
    }
}
