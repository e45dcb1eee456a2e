//! The silhouette by centroids.

use super::centroids::Places;
use purlin_backend::{Kernel, dispatch, parallel};
use purlin_core::simd::Isa;
use purlin_core::{MatrixView, Real, Result};

/// Samples that one task scores.
const BLOCK: usize = 256;

/// The simplified silhouette: the mean of `(b - a) / max(a, b)`, where `a` is the Euclidean distance
/// of a sample from the centroid of its cluster and `b` that from the nearest other centroid.
/// Between -1 and 1; more is better.
///
/// 0 counts for the only sample of a cluster, and where `a` and `b` are 0. It costs `O(n k d)`,
/// where the [`silhouette`](super::silhouette()) costs `O(n^2 d)`, in `f64` and over several threads; the
/// sum over the samples runs in their order.
///
/// # Errors
///
/// As [`davies_bouldin`](super::davies_bouldin).
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, metrics::simplified_silhouette};
///
/// let x = [[0.0], [2.0], [8.0], [10.0]]; // centroids 1 and 9
/// let score = simplified_silhouette(MatrixView::from_rows(&x), &[0, 0, 1, 1])?;
/// assert!((score - (8.0 / 9.0 + 6.0 / 7.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - E. R. Hruschka, R. J. G. B. Campello, L. N. de Castro, *Evolving clusters in gene-expression
///   data*, Information Sciences 176, 2006.
pub fn simplified_silhouette<T: Real, L: Ord + Copy>(
    x: MatrixView<'_, T>,
    labels: &[L],
) -> Result<f64> {
    let places = Places::of("simplified_silhouette", x, labels)?;
    let (n, d) = x.shape();
    let columns = places.columns();
    let mut scores = vec![0.0; n];
    let work = n.saturating_mul(places.n_clusters()).saturating_mul(d);
    parallel::for_each_chunk(&mut scores, BLOCK, work, |block, scores| {
        let mut place = vec![0.0; d];
        let mut distances = vec![0.0; places.n_clusters()];
        for (i, score) in (block * BLOCK..).zip(scores) {
            let own = places.cluster(i);
            if places.size(own) > 1 {
                places.of_row(x, i, &mut place);
                dispatch(Squares { place: &place, columns: &columns, out: &mut distances });
                *score = score_of(own, &distances);
            }
        }
    });
    Ok(scores.iter().fold(0.0, |sum, score| sum + score) / n as f64)
}

/// From the squared distances to all centroids.
fn score_of(own: usize, squares: &[f64]) -> f64 {
    let others = squares.iter().enumerate().filter(|&(c, _)| c != own);
    let next = others.fold(f64::INFINITY, |least, (_, &square)| square.min(least));
    let (a, b) = (squares[own].sqrt(), next.sqrt());
    let most = a.max(b);
    if most == 0.0 { 0.0 } else { (b - a) / most }
}

/// The squared distances of a place from all centroids, given by their columns. Vectors run across the
/// centroids: each sum is in the order of the features.
struct Squares<'a> {
    place: &'a [f64],
    columns: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Squares<'_> {
    type Output = ();
    #[inline(always)] // compiled for each instruction set
    fn run<I: Isa>(self) {
        let Self { place, columns, out } = self;
        out.fill(0.0);
        for (x, column) in place.iter().zip(columns.chunks_exact(out.len())) {
            for (sum, m) in out.iter_mut().zip(column) {
                let t = x - m;
                *sum += t * t;
            }
        }
    }
}
