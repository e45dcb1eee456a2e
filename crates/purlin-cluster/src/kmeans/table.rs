//! The samples, as every part of k-means reads them.

use super::OP;
use purlin_backend::distance::{Centroids, Panels, add_rows, squared_to_assigned};
use purlin_backend::{Buffer, parallel};
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// Samples with their weights, packed once for all rounds.
pub(super) struct Table<'a, T: Real> {
    pub(super) x: MatrixView<'a, T>,
    pub(super) weights: Option<&'a [T]>,
    /// The means of the columns: distances are ranked around them.
    pub(super) center: Vec<T>,
    /// The rows of `x` less `center`.
    pub(super) panels: Panels<T>,
    norms: Buffer<T>,
    /// The mean variance of the columns.
    pub(super) variance: f64,
}

/// Samples of the pieces of a block that are assigned, then added, while they are in the cache.
const PIECE: usize = 256;

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
        let center: Vec<T> = means(x).into_iter().map(T::from_f64).collect();
        let panels = Panels::pack(x, Some(&center));
        let norms = panels.squared_norms();
        // A squared distance is at most four times the greatest norm.
        let four = T::from_f64(4.0);
        let sum = |i: usize| {
            let norms = &norms[i * SUM_BLOCK..norms.len().min((i + 1) * SUM_BLOCK)];
            norms.iter().fold(0.0, |sum, &norm| sum + (four * norm).to_f64())
        };
        let blocks = norms.len().div_ceil(SUM_BLOCK);
        let sum = parallel::reduce(blocks, size_of_val(&norms[..]), sum, |a, b| a + b);
        let sum = sum.unwrap_or(0.0) / 4.0;
        if !sum.is_finite() {
            let most = |row: usize| x.row(row).iter().fold(T::ZERO, |most, x| x.abs().max(most));
            let row = (0..n).rev().max_by(|&a, &b| most(a).total_cmp(&most(b))).unwrap_or(0);
            let rule = format!("small enough that squared distances are finite in {}", T::NAME);
            let most = most(row);
            return Err(Error::param(OP, "x", rule, format!("{most:e} at row {row}")));
        }
        Ok(Self { x, weights, center, panels, norms, variance: sum / (n * d) as f64 })
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
        let k = centroids.n_rows();
        let centroids = Centroids::new(centroids.view(), &self.center);
        parallel::for_each_chunk(blocks, 1, self.work(k), |_, block| {
            let Block { rows, labels, sums, n_changed, n_distances } = &mut block[0];
            *n_distances = rows.len() as u64 * k as u64;
            sums.fill(0.0);
            let (sums, totals) = sums.split_at_mut(k * self.x.n_cols());
            *n_changed = 0;
            for (i, labels) in labels.chunks_mut(PIECE).enumerate() {
                let first = rows.start + i * PIECE;
                let rows = first..first + labels.len();
                let lanes = Panels::<T>::lanes();
                let panels = first / lanes..rows.end.div_ceil(lanes);
                let assigned = centroids.nearest(self.x, &self.panels, &self.norms, panels, labels);
                *n_changed += assigned.n_changed;
                let weights = self.weights.map(|weights| &weights[rows.clone()]);
                add_rows(self.x.row_range(rows), labels, weights, sums, totals);
            }
        });
        add_tree(blocks);
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

    /// The weighted sum of the distances of [`Table::distances`].
    pub(super) fn inertia(&self, centroids: &Matrix<T>, blocks: &[Block]) -> f64 {
        let distances = self.distances(centroids, blocks);
        let sum = |i: usize| {
            let weights = self.weights.map(|weights| &weights[blocks[i].rows.clone()]);
            weighted_sum(&distances[i], weights)
        };
        parallel::reduce(blocks.len(), 0, sum, |a, b| a + b).unwrap_or(0.0)
    }

    /// The weight of sample `i`.
    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i].to_f64())
    }
}

/// `sum of weight * value`, in order.
pub(super) fn weighted_sum<T: Real>(values: &[T], weights: Option<&[T]>) -> f64 {
    match weights {
        None => values.iter().fold(0.0, |sum, x| sum + x.to_f64()),
        Some(weights) => {
            let terms = values.iter().zip(weights);
            terms.fold(0.0, |sum, (x, w)| sum + x.to_f64() * w.to_f64())
        }
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

/// The means of the columns.
fn means<T: Real>(x: MatrixView<'_, T>) -> Vec<f64> {
    let (n, d) = x.shape();
    let sums = |i: usize| {
        let x = x.row_range(i * SUM_BLOCK..n.min((i + 1) * SUM_BLOCK));
        let mut sums = vec![0.0; d];
        add_rows(x, &vec![0; x.n_rows()], None, &mut sums, &mut [0.0]);
        sums
    };
    let add = |mut a: Vec<f64>, b: Vec<f64>| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
        a
    };
    let sums = parallel::reduce(n.div_ceil(SUM_BLOCK), n * d * size_of::<T>(), sums, add);
    sums.unwrap_or_default().into_iter().map(|sum| sum / n as f64).collect()
}
