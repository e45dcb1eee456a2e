//! Which algorithm runs, and when its bounds begin to pay.

use super::fit::Start;
use super::pruned::{Pruned, bytes};
use super::table::{Block, Table};
use super::{Algorithm, KMeans, OP};
use purlin_core::{Matrix, Real, Result};

/// Lloyd's rounds go on while more than one of so many samples changes its cluster.
const SETTLED: usize = 4;

/// Finds labels, by Lloyd's rounds first and then by bounds.
pub(super) struct Assigner<T: Real> {
    algorithm: Algorithm,
    pruned: Option<Pruned<T>>,
    is_first: bool,
}

impl<T: Real> Assigner<T> {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, pruned: None, is_first: true }
    }

    /// Turns to bounds if it is time to.
    fn look(&mut self, n: usize, centroids: &Matrix<T>, blocks: &[Block]) {
        if self.pruned.is_none() && self.algorithm != Algorithm::Lloyd && !self.is_first {
            let n_changed: usize = blocks.iter().map(|block| block.n_changed).sum();
            if n_changed <= n / SETTLED {
                self.pruned = Some(Pruned::new(self.algorithm, centroids, blocks));
            }
        }
        self.is_first = false;
    }
}

/// Assigns every sample to its nearest centroid in each of the starts, and adds up the samples of
/// each.
pub(super) fn assign<'a, T: Real>(
    table: &Table<'_, T>,
    starts: impl Iterator<Item = &'a mut Start<T>>,
) {
    let mut plain = Vec::new();
    for start in starts {
        let Start { centroids, blocks, assigner, .. } = start;
        assigner.look(table.x.n_rows(), centroids, blocks);
        match &mut assigner.pruned {
            Some(pruned) => pruned.assign(table, centroids, blocks),
            None => plain.push((&*centroids, &mut blocks[..])),
        }
    }
    table.assign_all(plain);
}

/// How many starts run side by side: so many that what they keep beside the table is no more than
/// about twice the table.
pub(super) fn side_by_side(n_init: usize, d: usize, n_trials: usize) -> usize {
    (2 * d / (n_trials + 2)).clamp(1, 16).min(n_init)
}

/// What runs: the algorithm that was asked for if its bounds fit into the memory, or one chosen by
/// the shape.
pub(super) fn choose<T: Real>(kmeans: &KMeans, (n, d): (usize, usize)) -> Result<Algorithm> {
    let k = kmeans.n_clusters;
    let needed = |algorithm| bytes::<T>(algorithm, n, d, k);
    if kmeans.algorithm != Algorithm::Auto {
        let needed = needed(kmeans.algorithm);
        kmeans.memory.check(OP, "the bounds of the algorithm", needed)?;
        return Ok(kmeans.algorithm);
    }
    let chosen = by_shape(d, k, kmeans.n_init);
    let fits = needed(chosen).is_some_and(|needed| needed <= kmeans.memory.bytes());
    Ok(if fits { chosen } else { Algorithm::Lloyd })
}

/// Measured at `(d, k)` of (8, 16) and (16, 10), where bounds cost more than they save, and of
/// (64, 100) and (784, 10), where they take half of the time off. Ten starts at (784, 10), that
/// share the reading of the samples as long as they do without bounds, take less time without.
fn by_shape(d: usize, k: usize, n_init: usize) -> Algorithm {
    let is_dear = k.saturating_mul(d) >= 1024 && (k >= 32 || d >= 256 && n_init < 4);
    if is_dear { Algorithm::Yinyang } else { Algorithm::Lloyd }
}
