//! Neighbourhoods that are looked up, or tried pair by pair.

use super::{Found, NOISE, number};
use crate::union_find::UnionFind;
use purlin_backend::parallel;
use std::ops::Range;

/// Which samples are near which. It is mutual.
pub(super) trait Near: Sync {
    /// Calls `found(i, j)` for each sample `i` of `block` and each `j` near it, itself among them,
    /// for which `wanted(i, j)`; for each `i` in the order of the `j`.
    fn visit(&self, block: Range<usize>, wanted: &Wanted<'_>, found: &mut dyn FnMut(usize, usize));
}

pub(super) type Wanted<'a> = dyn Fn(usize, usize) -> bool + Sync + 'a;

/// Samples that one task looks at.
const BLOCK: usize = 32;

/// `n` samples, of which those are cores whose neighbours weigh `enough`, added up in their order.
pub(super) fn run(
    near: &dyn Near,
    n: usize,
    work: usize,
    weight: &(dyn Fn(usize) -> f64 + Sync),
    enough: f64,
) -> Found {
    let mut is_core = vec![false; n];
    parallel::for_each_chunk(&mut is_core, BLOCK, work, |block, is_core| {
        let first = block * BLOCK;
        let mut sums = vec![0.0; is_core.len()];
        near.visit(first..first + is_core.len(), &|_, _| true, &mut |i, j| {
            sums[i - first] += weight(j);
        });
        for (is_core, sum) in is_core.iter_mut().zip(sums) {
            *is_core = sum >= enough;
        }
    });
    let sets = UnionFind::new(n);
    parallel::for_each(n.div_ceil(BLOCK), work, |block| {
        let wanted = |i: usize, j: usize| {
            j < i && is_core[i] && is_core[j] && sets.find(i as u32) != sets.find(j as u32)
        };
        let block = block * BLOCK..n.min((block + 1) * BLOCK);
        near.visit(block, &wanted, &mut |i, j| sets.unite(i as u32, j as u32));
    });
    let component = |i: usize| if is_core[i] { sets.find(i as u32) } else { NOISE };
    let mut labels: Vec<u32> = (0..n).map(component).collect();
    let (n_clusters, _) = number(&mut labels, n);
    let of_cores = labels.clone();
    parallel::for_each_chunk(&mut labels, BLOCK, work, |block, labels| {
        let first = block * BLOCK;
        let wanted = |i: usize, j: usize| !is_core[i] && is_core[j];
        near.visit(first..first + labels.len(), &wanted, &mut |i, j| {
            let label = &mut labels[i - first];
            *label = of_cores[j].min(*label);
        });
    });
    Found { is_core, labels, n_clusters }
}
