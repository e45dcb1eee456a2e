//! The samples, as the rounds read them.

use super::OP;
use crate::assign;
use purlin_backend::distance::Panels;
use purlin_backend::mixture::{Gaussians, Moments};
use purlin_backend::{Buffer, parallel};
use purlin_core::{Matrix, MatrixView, Real, Result};

/// Rows of a panel of `f64`.
pub(super) const LANES: usize = 8;

/// The samples in `f64` less their middle, cut into blocks by the sizes alone.
pub(super) struct Table {
    pub(super) center: Vec<f64>,
    n: usize,
    d: usize,
    blocks: Vec<Block>,
}

/// Some samples and their sums.
struct Block {
    first: usize,
    x: Panels<f64>,
    sums: Vec<f64>,
    log_likelihood: f64,
}

impl Table {
    /// The caller has checked that the numbers are finite.
    pub(super) fn new<T: Real>(x: MatrixView<'_, T>, k: usize) -> Result<Self> {
        assign::check_squares(OP, x)?;
        let ((n, d), center) = (x.shape(), assign::means(x));
        // At most some 64 blocks, none so small that its sums outgrow it.
        let size = n.div_ceil(64).max(1024).max(k * (d + 3) / 2).next_multiple_of(LANES);
        let mut blocks: Vec<Option<Block>> = (0..n.div_ceil(size)).map(|_| None).collect();
        parallel::for_each_chunk(&mut blocks, 1, n * d * 8, |i, block| {
            let x = x.row_range(i * size..n.min((i + 1) * size));
            block[0] = Some(Block {
                first: i * size,
                x: pack(x, &center),
                sums: Vec::new(),
                log_likelihood: 0.0,
            });
        });
        Ok(Self { center, n, d, blocks: blocks.into_iter().flatten().collect() })
    }

    /// The mean logarithm of the density, and the sums of the moments of the shares.
    pub(super) fn round(
        &mut self,
        gaussians: &Gaussians,
        moments: Moments,
        origins: &Matrix<f64>,
    ) -> (f64, &[f64]) {
        self.sum(moments, origins, |block| {
            let Block { x, sums, log_likelihood, .. } = block;
            *log_likelihood = 0.0;
            each_piece(x, gaussians, |panels, shares, densities| {
                // Missing rows have density 0 in the log.
                *log_likelihood = densities.iter().fold(*log_likelihood, |sum, d| sum + d);
                moments.add(x, panels, shares, origins.view(), sums);
            });
        });
        let log_likelihood =
            parallel::reduce(self.blocks.len(), 0, |i| self.blocks[i].log_likelihood, |a, b| a + b);
        (log_likelihood.unwrap_or(0.0) / self.n as f64, &self.blocks[0].sums)
    }

    /// The sums of the moments where each sample counts fully for its label.
    pub(super) fn sums_of_labels(
        &mut self,
        labels: &[u32],
        moments: Moments,
        origins: &Matrix<f64>,
    ) -> &[f64] {
        let k = origins.n_rows();
        self.sum(moments, origins, |block| {
            let Block { x, sums, first, .. } = block;
            let size = piece(k);
            let mut shares = Buffer::scratch(size * k * LANES);
            for start in (0..x.n_panels()).step_by(size) {
                let panels = start..x.n_panels().min(start + size);
                let shares = &mut shares[..panels.len() * k * LANES];
                shares.fill(0.0);
                let rows = x.rows_of(&panels);
                for (i, &label) in labels[*first..][rows].iter().enumerate() {
                    shares[(i / LANES * k + label as usize) * LANES + i % LANES] = 1.0;
                }
                moments.add(x, panels, shares, origins.view(), sums);
            }
        });
        &self.blocks[0].sums
    }

    /// Lets `f` fill the sums of every block, and adds them into those of the first.
    fn sum(
        &mut self,
        moments: Moments,
        origins: &Matrix<f64>,
        f: impl Fn(&mut Block) + Sync + Send,
    ) {
        let ((k, d), n) = (origins.shape(), self.n);
        let width = if moments == Moments::Diagonal { 1 } else { d };
        let work = n.saturating_mul(d * k).saturating_mul(width) / 4;
        parallel::for_each_chunk(&mut self.blocks, 1, work, |_, block| {
            block[0].sums.resize(moments.len(k, d), 0.0);
            block[0].sums.fill(0.0);
            f(&mut block[0]);
        });
        add_tree(&mut self.blocks);
    }

    /// The component with the largest share in each sample.
    pub(super) fn labels(&self, gaussians: &Gaussians) -> Vec<usize> {
        let mut labels: Vec<Vec<usize>> = self.blocks.iter().map(|_| Vec::new()).collect();
        let work = self.n.saturating_mul(self.d * gaussians.n_components());
        parallel::for_each_chunk(&mut labels, 1, work, |i, out| {
            out[0] = labels_of(&self.blocks[i].x, gaussians);
        });
        labels.concat()
    }
}

/// Rows in `f64`, less `center`.
pub(super) fn pack<T: Real>(x: MatrixView<'_, T>, center: &[f64]) -> Panels<f64> {
    Panels::pack(x.cast::<f64>().view(), Some(center))
}

/// Panels whose shares are kept at a time: some 128 KiB of them.
fn piece(k: usize) -> usize {
    (2048 / k).clamp(8, 128).next_multiple_of(8)
}

/// Calls `f(panels, shares, log_densities)` for piece after piece of `x`.
pub(super) fn each_piece(
    x: &Panels<f64>,
    gaussians: &Gaussians,
    mut f: impl FnMut(std::ops::Range<usize>, &[f64], &[f64]),
) {
    let k = gaussians.n_components();
    let size = piece(k).min(x.n_panels());
    let mut shares = Buffer::scratch(size * k * LANES);
    let mut densities = Buffer::scratch(size * LANES);
    for start in (0..x.n_panels()).step_by(size.max(1)) {
        let panels = start..x.n_panels().min(start + size);
        let shares = &mut shares[..panels.len() * k * LANES];
        let densities = &mut densities[..panels.len() * LANES];
        gaussians.shares(x, panels.clone(), shares, densities);
        f(panels, shares, densities);
    }
}

/// The component with the largest share in each row, ties to the smallest index.
pub(super) fn labels_of(x: &Panels<f64>, gaussians: &Gaussians) -> Vec<usize> {
    let k = gaussians.n_components();
    let mut labels = Vec::with_capacity(x.n_panels() * LANES);
    each_piece(x, gaussians, |_, shares, _| {
        for shares in shares.chunks_exact(k * LANES) {
            let (mut most, mut best) = ([-1.0; LANES], [0; LANES]);
            for (c, shares) in shares.chunks_exact(LANES).enumerate() {
                for ((most, best), &share) in most.iter_mut().zip(&mut best).zip(shares) {
                    if share > *most {
                        (*most, *best) = (share, c);
                    }
                }
            }
            labels.extend(best);
        }
    });
    labels.truncate(x.n_rows());
    labels
}

/// Adds the sums of all blocks into those of the first: neighbours in pairs, then pairs of pairs.
fn add_tree(blocks: &mut [Block]) {
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
