//! Which algorithm runs, and when its bounds begin to pay.

use super::fit::Start;
use super::pruned::{Pruned, bytes};
use super::table::{Block, Round, Table};
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

/// Assigns every sample to its nearest centroid in each of the starts.
pub(super) fn assign<'a, T: Real>(
    table: &Table<'_, T>,
    starts: impl Iterator<Item = &'a mut Start<T>>,
) {
    let mut plain = Vec::new();
    for start in starts {
        let Start { centroids, blocks, assigner, watch, .. } = start;
        assigner.look(table.x.n_rows(), centroids, blocks);
        if let Some(pruned) = &mut assigner.pruned {
            pruned.assign(table, centroids, blocks);
        } else {
            // The other algorithms keep bounds of their own.
            let drift = watch.drift.as_ref().filter(|_| assigner.algorithm == Algorithm::Lloyd);
            plain.push(Round { centroids, drift, blocks });
        }
    }
    table.assign(plain);
}

/// How many starts run side by side: so many that what they keep beside the table is no more than
/// about twice the table.
pub(super) fn side_by_side(n_init: usize, d: usize, n_trials: usize) -> usize {
    (2 * d / (n_trials + 2)).clamp(1, 16).min(n_init)
}

/// What runs; refused where its bounds do not fit into the memory.
pub(super) fn choose<T: Real>(kmeans: &KMeans, (n, d): (usize, usize)) -> Result<Algorithm> {
    let algorithm = match kmeans.algorithm {
        Algorithm::Auto => Algorithm::Lloyd,
        chosen => chosen,
    };
    let needed = bytes::<T>(algorithm, n, d, kmeans.n_clusters);
    kmeans.memory.check(OP, "the bounds of the algorithm", needed)?;
    Ok(algorithm)
}
