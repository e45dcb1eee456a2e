//! How much nearer samples are to their own cluster than to the next.

use super::groups::Groups;
use super::sweep::{Sweep, rescaled};
use crate::Metric;
use purlin_backend::{Kernel, dispatch};
use purlin_core::simd::Isa;
use purlin_core::{Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// The operation's name in errors.
const OP: &str = "silhouette";

/// The mean of [`silhouette_samples`], between -1 and 1: near 1 for clusters that are tight and far
/// apart, below 0 where samples are nearer to a cluster that is not theirs.
///
/// # Errors
///
/// As [`silhouette_samples`].
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Metric, metrics::silhouette};
///
/// let x = [[0.0], [1.0], [9.0], [10.0]];
/// let score = silhouette(MatrixView::from_rows(&x), &[0, 0, 1, 1], &Metric::Euclidean)?;
/// assert!((score - (17.0 / 19.0 + 15.0 / 17.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - P. J. Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of
///   cluster analysis*, Journal of Computational and Applied Mathematics 20, 1987.
pub fn silhouette<T: Real, L: Ord + Copy>(
    x: MatrixView<'_, T>,
    labels: &[L],
    metric: &Metric,
) -> Result<f64> {
    let samples = silhouette_samples(x, labels, metric)?;
    Ok(samples.iter().fold(0.0, |sum, x| sum + x) / samples.len() as f64)
}

/// The silhouette of each sample: `(b - a) / max(a, b)`, between -1 and 1, where `a` is its mean
/// distance from the other members of its cluster and `b` the least, over the other clusters, of
/// its mean distance from the members.
///
/// 0 for the only sample of a cluster, and where `a` and `b` are 0.
///
/// It computes all `n^2` distances, in tiles and over several threads, in the precision of `x`;
/// their sums are `f64`. Beside a copy of `x` it takes `O(n)` memory, and `O(k)` for each of the
/// rows that are in work; no table of distances is made.
///
/// # Errors
///
/// - [`Error::Shape`](crate::Error::Shape): not one label per row, or not between 2 and `n - 1`
///   different ones.
/// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): fewer than 3 rows.
/// - [`Error::NonFinite`](crate::Error::NonFinite): NaN or an infinity in `x`.
/// - [`Error::InvalidParam`](crate::Error::InvalidParam): a parameter of `metric` out of its range,
///   or a distance that is not finite.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Metric, metrics::silhouette_samples};
///
/// let x = [[0.0], [1.0], [2.0], [8.0]];
/// let x = MatrixView::from_rows(&x);
/// let scores = silhouette_samples(x, &["a", "a", "b", "c"], &Metric::Manhattan)?;
/// assert_eq!(scores, [0.5, 0.0, 0.0, 0.0]); // the first: a = 1, b = 2; the last two are alone
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// As [`silhouette`].
pub fn silhouette_samples<T: Real, L: Ord + Copy>(
    x: MatrixView<'_, T>,
    labels: &[L],
    metric: &Metric,
) -> Result<Vec<f64>> {
    metric.check(OP)?;
    let groups = Groups::of(OP, x, labels)?;
    metric.check_table(OP, x)?;
    let copy = rescaled(x, metric);
    let x = copy.as_ref().map_or(x, Matrix::view);
    let sweep = Sweep::new(OP, x, metric, &groups);
    let k = groups.n_clusters();
    let blocks = sweep.blocks(|rows| {
        let mut sums = vec![0.0; rows.len() * k];
        sweep.tiles(&rows, |some, places, tile| {
            let sums = &mut sums[(some.start - rows.start) * k..(some.end - rows.start) * k];
            dispatch(AddUp { tile, places, groups: &groups, sums });
        })?;
        let scores = rows.zip(sums.chunks_exact(k)).map(|(i, sums)| score(&groups, i, sums));
        Ok(scores.collect::<Vec<f64>>())
    })?;
    Ok(blocks.concat())
}

/// The silhouette of sample `i`, from the sums of its distances from each cluster.
fn score(groups: &Groups, i: usize, sums: &[f64]) -> f64 {
    let own = groups.labels[i] as usize;
    if groups.size(own) == 1 {
        return 0.0;
    }
    let a = sums[own] / (groups.size(own) - 1) as f64;
    let others = sums.iter().enumerate().filter(|&(c, _)| c != own);
    let b = others.map(|(c, sum)| sum / groups.size(c) as f64).fold(f64::INFINITY, f64::min);
    let most = a.max(b);
    if most == 0.0 { 0.0 } else { (b - a) / most }
}

/// Adds the distances of a tile to the sums of their row and cluster.
struct AddUp<'a, T> {
    tile: &'a [T],
    places: Range<usize>,
    groups: &'a Groups,
    sums: &'a mut [f64],
}

impl<T: Real> Kernel for AddUp<'_, T> {
    type Output = ();
    #[inline(always)] // compiled for each instruction set
    fn run<I: Isa>(self) {
        let Self { tile, places, groups, sums } = self;
        let rows = tile.chunks_exact(places.len());
        for (row, sums) in rows.zip(sums.chunks_exact_mut(groups.n_clusters())) {
            for (c, columns) in groups.within(&places) {
                sums[c] += sum(&row[columns]);
            }
        }
    }
}

/// The sum of some distances in eight lanes, so that it is the same on every instruction set.
#[inline(always)]
fn sum<T: Real>(distances: &[T]) -> f64 {
    let (eights, rest) = distances.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, x) in sums.iter_mut().zip(eight) {
            *sum += x.to_f64();
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += x.to_f64();
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
