//! Clusters without samples.

use super::table::{Block, Table};
use super::{EmptyCluster, OP, Space};
use purlin_core::{Error, Matrix, Real, Result};

/// Gives clusters without samples new ones where the policy says so, in `sums` (of rows, then of
/// weights). On a sphere clusters whose sum is 0 are among them. Returns how many were moved.
pub(super) fn relocate<T: Real>(
    policy: EmptyCluster,
    table: &Table<'_, T>,
    centroids: &Matrix<T>,
    blocks: &[Block],
    sums: &mut [f64],
) -> Result<usize> {
    let (k, d) = centroids.shape();
    let is_empty = |&c: &usize| {
        let (sums, totals) = sums.split_at(k * d);
        let is_sphere = table.space == Space::Sphere;
        totals[c] == 0.0 || is_sphere && sums[c * d..(c + 1) * d].iter().all(|&sum| sum == 0.0)
    };
    let empty: Vec<usize> = (0..k).filter(is_empty).collect();
    let Some(&first) = empty.first() else { return Ok(0) };
    match policy {
        EmptyCluster::Keep | EmptyCluster::Drop => return Ok(0),
        EmptyCluster::Error => {
            let rule = "kept by every cluster (see empty_cluster)";
            let is_there = sums[k * d + first] > 0.0;
            let what = if is_there { "a sum of 0" } else { "none" };
            return Err(Error::param(OP, "samples", rule, format!("{what} in cluster {first}")));
        }
        EmptyCluster::Farthest => {}
    }
    let distances = table.distances(centroids, blocks);
    let mut samples: Vec<(T, usize, u32)> = Vec::new();
    for (block, distances) in blocks.iter().zip(&distances) {
        for ((i, &label), &distance) in block.rows.clone().zip(&block.labels).zip(distances) {
            if table.weight(i) > 0.0 && distance > T::ZERO {
                samples.push((distance, i, label));
            }
        }
    }
    if samples.len() < empty.len() {
        let expected = format!("at least {k} distinct samples");
        return Err(Error::shape(OP, expected, k - empty.len() + samples.len()));
    }
    // The farthest first; of equal distances the smaller index.
    let order = |a: &(T, usize, u32), b: &(T, usize, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    samples.select_nth_unstable_by(empty.len() - 1, order);
    samples.truncate(empty.len());
    samples.sort_unstable_by(order);
    let mut left = vec![0; k];
    for (i, &label) in blocks.iter().flat_map(|block| block.rows.clone().zip(&block.labels)) {
        left[label as usize] += usize::from(table.weight(i) > 0.0);
    }
    for (&cluster, &(_, i, from)) in empty.iter().zip(&samples) {
        let (weight, from) = (table.weight(i), from as usize);
        for (j, value) in table.x.row(i).iter().enumerate() {
            let value = value.to_f64() * weight;
            sums[from * d + j] -= value;
            sums[cluster * d + j] = value;
        }
        sums[k * d + from] -= weight;
        sums[k * d + cluster] = weight;
        left[from] -= 1;
        if left[from] == 0 {
            // No rounding is left where no sample is.
            sums[from * d..(from + 1) * d].fill(0.0);
            sums[k * d + from] = 0.0;
        }
    }
    Ok(empty.len())
}
