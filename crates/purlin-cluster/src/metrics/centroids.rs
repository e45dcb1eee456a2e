//! Scores by the centroids of the clusters.

use super::groups::{Groups, unit_scale};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real, Result};

/// Where the clusters are, in a unit of the data's size.
pub(super) struct Places {
    groups: Groups,
    n_features: usize,
    /// What numbers are multiplied by.
    scale: f64,
    /// The centroids, one after the other, less the first row of the table.
    centroids: Vec<f64>,
    /// Distances of the samples from the centroid of their cluster: their mean.
    scatter: Vec<f64>,
    /// The sum of their squares over all clusters.
    within: f64,
}

impl Places {
    /// Numbers are halved until none is above 1 and taken relative to the first row, so that
    /// neither their unit nor a common offset costs digits.
    pub(super) fn of<T: Real, L: Ord + Copy>(
        op: &'static str,
        x: MatrixView<'_, T>,
        labels: &[L],
    ) -> Result<Self> {
        let groups = Groups::of(op, x, labels)?;
        let (n, d) = x.shape();
        let scale = unit_scale(x);
        let mut centroids = vec![0.0; groups.n_clusters() * d];
        let mut squares = vec![0.0; n];
        let mut tasks = Vec::with_capacity(groups.n_clusters());
        let mut rest = &mut squares[..];
        for (c, centroid) in centroids.chunks_exact_mut(d).enumerate() {
            let (head, tail) = rest.split_at_mut(groups.size(c));
            tasks.push((centroid, head));
            rest = tail;
        }
        let work = n.saturating_mul(d).saturating_mul(4);
        parallel::for_each_chunk(&mut tasks, 1, work, |c, task| {
            let (centroid, squares) = &mut task[0];
            place(x, scale, groups.samples(c), centroid, squares);
        });
        let scatter = groups.starts.windows(2).map(|ends| {
            let distances = squares[ends[0]..ends[1]].iter().map(|square| square.sqrt());
            distances.fold(0.0, |sum, x| sum + x) / (ends[1] - ends[0]) as f64
        });
        let (scatter, within) = (scatter.collect(), squares.iter().fold(0.0, |sum, x| sum + x));
        Ok(Self { groups, n_features: d, scale, centroids, scatter, within })
    }

    pub(super) fn n_clusters(&self) -> usize {
        self.groups.n_clusters()
    }

    /// The cluster of sample `i`.
    pub(super) fn cluster(&self, i: usize) -> usize {
        self.groups.labels[i] as usize
    }

    /// The number of samples of cluster `c`.
    pub(super) fn size(&self, c: usize) -> usize {
        self.groups.size(c)
    }

    /// Where row `i` of the table is, in this unit and less the first row.
    pub(super) fn of_row<T: Real>(&self, x: MatrixView<'_, T>, i: usize, out: &mut [f64]) {
        of_row(x, self.scale, i, out);
    }

    /// The centroids, column after column.
    pub(super) fn columns(&self) -> Vec<f64> {
        let of_column = |j| (0..self.n_clusters()).map(move |c| self.centroid(c)[j]);
        (0..self.n_features).flat_map(of_column).collect()
    }

    fn centroid(&self, c: usize) -> &[f64] {
        &self.centroids[c * self.n_features..][..self.n_features]
    }
}

fn of_row<T: Real>(x: MatrixView<'_, T>, scale: f64, i: usize, out: &mut [f64]) {
    let value = |x: &T| x.to_f64() * scale;
    for (out, (x, first)) in out.iter_mut().zip(x.row(i).iter().zip(x.row(0))) {
        *out = value(x) - value(first);
    }
}

/// The centroid of some samples, and the squared distance of each from it.
fn place<T: Real>(
    x: MatrixView<'_, T>,
    scale: f64,
    samples: &[usize],
    centroid: &mut [f64],
    distances: &mut [f64],
) {
    let mut first = vec![0.0; centroid.len()];
    let mut row = first.clone();
    of_row(x, scale, samples[0], &mut first);
    // Relative to the first member: the centroid of equal rows is that row.
    for &i in samples {
        of_row(x, scale, i, &mut row);
        for ((sum, value), first) in centroid.iter_mut().zip(&row).zip(&first) {
            *sum += value - first;
        }
    }
    for (sum, first) in centroid.iter_mut().zip(&first) {
        *sum = first + *sum / samples.len() as f64;
    }
    for (&i, square) in samples.iter().zip(distances) {
        of_row(x, scale, i, &mut row);
        *square = squares(row.iter().zip(&*centroid).map(|(value, m)| value - m));
    }
}

fn squares(differences: impl Iterator<Item = f64>) -> f64 {
    differences.fold(0.0, |sum, t| sum + t * t)
}

/// Centroids count as one place where their distance, in units of the scatter around them, is
/// below what rounding leaves of equal ones: some thousand units in the last place.
const SAME_PLACE: f64 = 1.0 / (1_u64 << 40) as f64;

/// The Davies-Bouldin index: the mean over the clusters `i` of the most, over the others `j`, of
/// `(s_i + s_j) / d_ij`, where `s` is the mean Euclidean distance of the members from their centroid
/// and `d_ij` that of two centroids. From 0; less is better.
///
/// Pairs of centroids at one place are left out; where there are no others, it is 0. (So it is in
/// scikit-learn, which besides gives 0 where all scatters or all gaps are below 1e-8 in the unit of
/// `x`; here no unit matters.) It costs `O(n d + k^2 d)` and computes in `f64`.
///
/// # Errors
///
/// - [`Error::Shape`](crate::Error::Shape): not one label per row, or not between 2 and `n - 1`
///   different ones.
/// - [`Error::TooFewSamples`](crate::Error::TooFewSamples): fewer than 3 rows.
/// - [`Error::NonFinite`](crate::Error::NonFinite): NaN or an infinity in `x`.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, metrics::davies_bouldin};
///
/// let x = [[0.0], [2.0], [8.0], [12.0]];
/// // Scatters 1 and 2, centroids 9 apart.
/// assert_eq!(davies_bouldin(MatrixView::from_rows(&x), &[0, 0, 1, 1])?, 3.0 / 9.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - D. L. Davies, D. W. Bouldin, *A cluster separation measure*, IEEE Transactions on Pattern
///   Analysis and Machine Intelligence 1, 1979.
pub fn davies_bouldin<T: Real, L: Ord + Copy>(x: MatrixView<'_, T>, labels: &[L]) -> Result<f64> {
    let places = Places::of("davies_bouldin", x, labels)?;
    let k = places.n_clusters();
    let ratio = |i: usize, j: usize| {
        let pairs = places.centroid(i).iter().zip(places.centroid(j));
        let distance = squares(pairs.map(|(a, b)| a - b)).sqrt();
        let scatter = places.scatter[i] + places.scatter[j];
        if distance <= scatter * SAME_PLACE { 0.0 } else { scatter / distance }
    };
    let worst = |i: usize| (0..k).filter(|&j| j != i).map(|j| ratio(i, j)).fold(0.0, f64::max);
    Ok((0..k).map(worst).fold(0.0, |sum, x| sum + x) / k as f64)
}

/// The Calinski-Harabasz index, the ratio of the variances between and within clusters:
/// `B (n - k) / (W (k - 1))` with `B = sum n_c |m_c - m|^2` over the centroids and
/// `W = sum |x - m_c|^2` over the samples. From 0; more is better.
///
/// 1 where every sample is at its centroid. It costs `O(n d)` and computes in `f64`.
///
/// # Errors
///
/// As [`davies_bouldin`].
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, metrics::calinski_harabasz};
///
/// let x = [[0.0], [2.0], [8.0], [10.0]];
/// // B = 4 * 16, W = 4 * 1.
/// assert_eq!(calinski_harabasz(MatrixView::from_rows(&x), &[0, 0, 1, 1])?, 32.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - T. Calinski, J. Harabasz, *A dendrite method for cluster analysis*, Communications in
///   Statistics 3, 1974.
pub fn calinski_harabasz<T: Real, L: Ord + Copy>(
    x: MatrixView<'_, T>,
    labels: &[L],
) -> Result<f64> {
    let places = Places::of("calinski_harabasz", x, labels)?;
    if places.within == 0.0 {
        return Ok(1.0);
    }
    let (n, k) = (x.n_rows() as f64, places.n_clusters());
    let size = |c: usize| places.groups.size(c) as f64;
    let mean: Vec<f64> = (0..places.n_features)
        .map(|j| (0..k).fold(0.0, |sum, c| sum + size(c) * places.centroid(c)[j]) / n)
        .collect();
    let between = (0..k).fold(0.0, |sum, c| {
        sum + size(c) * squares(places.centroid(c).iter().zip(&mean).map(|(m, mean)| m - mean))
    });
    Ok(between * (n - k as f64) / (places.within * (k - 1) as f64))
}
