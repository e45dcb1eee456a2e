//! The silhouette by centroids.

use super::centroids::Places;
use purlin_core::{MatrixView, Real, Result};

/// The simplified silhouette: the mean of `(b - a) / max(a, b)`, where `a` is the Euclidean distance
/// of a sample from the centroid of its cluster and `b` that from the nearest other centroid.
/// Between -1 and 1; more is better.
///
/// 0 counts for the only sample of a cluster, and where `a` and `b` are 0. It costs `O(n k d)`,
/// where the [`silhouette`](super::silhouette()) costs `O(n^2 d)`.
///
/// # Errors
///
/// As [`davies_bouldin`](super::davies_bouldin).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::simplified_silhouette;
/// use purlin_core::MatrixView;
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
    let mut sum = 0.0;
    for i in 0..x.n_rows() {
        let own = places.cluster(i);
        if places.size(own) == 1 {
            continue;
        }
        let (mut a, mut b) = (0.0, f64::INFINITY);
        for c in 0..places.n_clusters() {
            let distance = places.distance(x, i, c);
            if c == own {
                a = distance;
            } else {
                b = distance.min(b);
            }
        }
        let most = a.max(b);
        sum += if most == 0.0 { 0.0 } else { (b - a) / most };
    }
    Ok(sum / x.n_rows() as f64)
}
