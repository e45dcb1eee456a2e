//! The narrowest gap beside the widest cluster.

use super::groups::Groups;
use super::sweep::{Sweep, rescaled};
use crate::Metric;
use purlin_backend::{Kernel, dispatch};
use purlin_core::simd::Isa;
use purlin_core::{Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// The Dunn index: the least distance between samples of different clusters over the greatest
/// distance between samples of one cluster. From 0; above 1 every sample is nearer to all of its
/// own cluster than to any other.
///
/// 0 where two clusters have a sample at one place; infinite where otherwise each cluster is one
/// place.
///
/// Time and memory are those of [`silhouette`](super::silhouette()), less the sums.
///
/// # Errors
///
/// As [`silhouette_samples`](super::silhouette_samples).
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Metric, metrics::dunn};
///
/// let x = [[0.0], [2.0], [8.0], [12.0]];
/// let score = dunn(MatrixView::from_rows(&x), &[0, 0, 1, 1], &Metric::Euclidean)?;
/// assert_eq!(score, 6.0 / 4.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - J. C. Dunn, *Well-separated clusters and optimal fuzzy partitions*, Journal of Cybernetics 4,
///   1974.
pub fn dunn<T: Real, L: Ord + Copy>(
    x: MatrixView<'_, T>,
    labels: &[L],
    metric: &Metric,
) -> Result<f64> {
    let op = "dunn";
    metric.check(op)?;
    let groups = Groups::of(op, x, labels)?;
    metric.check_table(op, x)?;
    let copy = rescaled(x, metric);
    let x = copy.as_ref().map_or(x, Matrix::view);
    let sweep = Sweep::new(op, x, metric, &groups);
    let blocks = sweep.blocks(|rows| {
        let mut extremes = Extremes { gap: [T::INFINITY; 8], diameter: [T::ZERO; 8] };
        sweep.tiles(&rows, |some, places, tile| {
            let labels = &groups.labels[some];
            dispatch(Look { tile, places, groups: &groups, labels, extremes: &mut extremes });
        })?;
        Ok(extremes)
    })?;
    let gaps = blocks.iter().flat_map(|block| block.gap);
    let diameters = blocks.iter().flat_map(|block| block.diameter);
    let gap = gaps.fold(T::INFINITY, T::min).to_f64();
    let diameter = diameters.fold(T::ZERO, T::max).to_f64();
    Ok(if gap == 0.0 { 0.0 } else { gap / diameter })
}

/// In lanes, so that vectors can be compared.
struct Extremes<T> {
    gap: [T; 8],
    diameter: [T; 8],
}

struct Look<'a, T> {
    tile: &'a [T],
    places: Range<usize>,
    groups: &'a Groups,
    labels: &'a [u32],
    extremes: &'a mut Extremes<T>,
}

impl<T: Real> Kernel for Look<'_, T> {
    type Output = ();
    #[inline(always)] // compiled for each instruction set
    fn run<I: Isa>(self) {
        let Self { tile, places, groups, labels, extremes } = self;
        for (row, &own) in tile.chunks_exact(places.len()).zip(labels) {
            for (c, columns) in groups.within(&places) {
                if c == own as usize {
                    fold(&mut extremes.diameter, &row[columns], T::max);
                } else {
                    fold(&mut extremes.gap, &row[columns], T::min);
                }
            }
        }
    }
}

#[inline(always)]
fn fold<T: Real>(lanes: &mut [T; 8], distances: &[T], f: impl Fn(T, T) -> T) {
    let (eights, rest) = distances.as_chunks::<8>();
    for eight in eights {
        for (lane, &x) in lanes.iter_mut().zip(eight) {
            *lane = f(x, *lane);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = f(x, *lane);
    }
}
