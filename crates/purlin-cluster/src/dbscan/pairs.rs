//! Any metric: the distance of every pair by its definition.

use super::need::Need;
use super::{Found, NOISE, number};
use crate::union_find::UnionFind;
use purlin_backend::parallel;
use purlin_core::Real;

/// Samples that one task looks at.
const BLOCK: usize = 16;

pub(super) fn run<T: Real>(need: &Need<'_, T>) -> Found {
    let x = need.x;
    let (n, d) = x.shape();
    // A distance by its definition costs some ten times a vector's share.
    let work = n.saturating_mul(n).saturating_mul(d);
    let is_near =
        |i: usize, j: usize| need.metric.distance(x.row(i), x.row(j)).to_f64() <= need.eps;
    let mut is_core = vec![false; n];
    parallel::for_each_chunk(&mut is_core, BLOCK, work, |block, is_core| {
        for (i, is_core) in is_core.iter_mut().enumerate() {
            *is_core = need.is_core(block * BLOCK + i, need.weigh(block * BLOCK + i));
        }
    });
    let sets = UnionFind::new(n);
    parallel::for_each(n.div_ceil(BLOCK), work, |block| {
        for i in (block * BLOCK..n.min((block + 1) * BLOCK)).filter(|&i| is_core[i]) {
            for j in (0..i).filter(|&j| is_core[j]) {
                if sets.find(i as u32) != sets.find(j as u32) && is_near(i, j) {
                    sets.unite(i as u32, j as u32);
                }
            }
        }
    });
    let component = |i: usize| if is_core[i] { sets.find(i as u32) } else { NOISE };
    let mut labels: Vec<u32> = (0..n).map(component).collect();
    let (n_clusters, _) = number(&mut labels, n);
    let of_cores = labels.clone();
    parallel::for_each_chunk(&mut labels, BLOCK, work, |block, labels| {
        for (i, label) in labels.iter_mut().enumerate() {
            let i = block * BLOCK + i;
            if !is_core[i] {
                let near = (0..n).filter(|&j| is_core[j] && is_near(i, j));
                *label = near.map(|j| of_cores[j]).min().unwrap_or(NOISE);
            }
        }
    });
    Found { is_core, labels, n_clusters }
}
