//! How many clusters?

use crate::{KMeans, KMeansModel, Metric, metrics};
use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::f64::consts::TAU;
use std::ops::RangeInclusive;

/// The operation's name in errors.
const OP: &str = "choose_k";

/// Clusters a table by k-means into each number of clusters of a range, and tells what speaks for
/// each.
///
/// | column | formula | best |
/// |---|---|---|
/// | `inertia` | `W`, the sum of squared distances from the centroids | where its fall slows: the elbow |
/// | `silhouette` | see [`silhouette`](crate::metrics::silhouette()), Euclidean | the greatest |
/// | `gap` | the mean of `ln W` over tables without clusters, less `ln W` | the first that the next does not beat |
/// | `bic` | `-2 l + p ln n` of a Gaussian of one variance around each centroid | the least |
///
/// The tables without clusters have as many rows as `x`, uniform in its bounding box; `gap_std` is
/// their standard deviation times `sqrt(1 + 1/n_references)`. The mixture has the variance
/// `W / (d (n - k))`, the weights `n_c / n` and `p = k d + k` free numbers; `l` is its likelihood
/// with each sample in its own cluster (Pelleg and Moore divide by `n - k` alone, which is right for
/// one feature).
///
/// It takes `1 + n_references` times the clusterings, and the silhouette `O(n^2 d)` each: leave out
/// what is too dear by [`ChooseK::n_references`] and [`ChooseK::silhouette`]. The same data,
/// parameters and seed give the same bits on any number of threads and any instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{ChooseK, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [20.0], [21.0], [22.0], [50.0], [51.0], [52.0]];
/// let table = ChooseK::new(1..=5).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(table.best_by_silhouette(), Some(3));
/// assert_eq!(table.best_by_gap(), Some(3));
/// assert_eq!(table.rows()[2].inertia, 6.0); // three clusters, each 1 + 0 + 1
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - R. Tibshirani, G. Walther, T. Hastie, *Estimating the number of clusters in a data set via
///   the gap statistic*, Journal of the Royal Statistical Society B 63, 2001.
/// - D. Pelleg, A. Moore, *X-means: extending k-means with efficient estimation of the number of
///   clusters*, ICML 2000.
/// - V. Satopaa et al., *Finding a "kneedle" in a haystack*, ICDCS workshops 2011, for the elbow.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct ChooseK {
    n_clusters: RangeInclusive<usize>,
    n_init: usize,
    max_iter: usize,
    n_references: usize,
    silhouette: bool,
    seed: u64,
}

/// What [`ChooseK::fit`] found, a row for each number of clusters.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{ChooseK, MatrixView};
///
/// let x = [[0.0], [1.0], [2.0], [20.0], [21.0], [22.0]];
/// let table = ChooseK::new(1..=3).n_references(0).fit(MatrixView::from_rows(&x))?;
/// assert_eq!(table.rows().len(), 3);
/// assert_eq!((table.best_by_silhouette(), table.elbow()), (Some(2), Some(2)));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ChooseKTable {
    rows: Vec<ChooseKRow>,
}

/// What speaks for a number of clusters; see [`ChooseK`].
///
/// # Examples
///
/// ```
/// use purlin_cluster::{ChooseK, MatrixView};
///
/// let x = [[0.0], [1.0], [20.0], [21.0]];
/// let table = ChooseK::new(1..=2).n_references(0).fit(MatrixView::from_rows(&x))?;
/// let [one, two] = table.rows() else { panic!("expected two rows") };
/// assert_eq!((one.n_clusters, one.inertia, one.silhouette), (1, 401.0, None));
/// assert_eq!((two.n_clusters, two.inertia, two.gap), (2, 1.0, None)); // no references
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChooseKRow {
    /// The number of clusters.
    pub n_clusters: usize,
    /// The sum of the squared distances of the samples from their centroids.
    pub inertia: f64,
    /// The mean silhouette; none for a single cluster, for one per sample, or where it was not
    /// asked for.
    pub silhouette: Option<f64>,
    /// The gap; infinite where the inertia is 0, none without references.
    pub gap: Option<f64>,
    /// By how much the gap may be off.
    pub gap_std: Option<f64>,
    /// Bayes's information criterion; negative infinity where the inertia is 0.
    pub bic: f64,
}

impl ChooseK {
    /// Ten starts of at most 300 rounds for each number of clusters, ten references, the
    /// silhouette, seed 0.
    pub fn new(n_clusters: RangeInclusive<usize>) -> Self {
        Self { n_clusters, n_init: 10, max_iter: 300, n_references: 10, silhouette: true, seed: 0 }
    }

    /// Starts of each clustering, of which the one with the least inertia is kept.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// The most rounds of one start.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// Tables without clusters that the gap is measured by; 0 leaves it out.
    pub fn n_references(mut self, n_references: usize) -> Self {
        self.n_references = n_references;
        self
    }

    /// Whether the silhouette is computed.
    pub fn silhouette(mut self, silhouette: bool) -> Self {
        self.silhouette = silhouette;
        self
    }

    /// The seed of the starts and of the references.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Clusters `x` into each number of clusters.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: the range is empty or begins at 0, or `n_init` or `max_iter` is 0.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than the range ends with.
    /// - Otherwise as [`KMeans::fit`].
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<ChooseKTable> {
        let (first, last) = (*self.n_clusters.start(), *self.n_clusters.end());
        if first == 0 {
            return Err(Error::param(OP, "n_clusters", "at least 1", 0));
        }
        if first > last {
            let range = format!("{first}..={last}");
            return Err(Error::param(OP, "n_clusters", "a range that is not empty", range));
        }
        for (name, value) in [("n_init", self.n_init), ("max_iter", self.max_iter)] {
            if value == 0 {
                return Err(Error::param(OP, name, "at least 1", value));
            }
        }
        crate::check::table(OP, x, last)?;
        let mut rows = Vec::new();
        for k in self.n_clusters.clone() {
            rows.push(self.row(x, &self.kmeans(k).fit(x)?)?);
        }
        if self.n_references > 0 {
            self.add_gaps(x, &mut rows)?;
        }
        Ok(ChooseKTable { rows })
    }

    fn kmeans(&self, n_clusters: usize) -> KMeans {
        KMeans::new(n_clusters).n_init(self.n_init).max_iter(self.max_iter).seed(self.seed)
    }

    fn row<T: Real>(&self, x: MatrixView<'_, T>, model: &KMeansModel<T>) -> Result<ChooseKRow> {
        let n_labels = model.cluster_sizes().iter().filter(|&&size| size > 0).count();
        let silhouette = if self.silhouette && (2..x.n_rows()).contains(&n_labels) {
            Some(metrics::silhouette(x, model.labels(), &Metric::Euclidean)?)
        } else {
            None
        };
        let (n_clusters, inertia) = (model.n_clusters(), model.inertia());
        let bic = bic(x.shape(), model.cluster_sizes(), inertia);
        Ok(ChooseKRow { n_clusters, inertia, silhouette, gap: None, gap_std: None, bic })
    }

    fn add_gaps<T: Real>(&self, x: MatrixView<'_, T>, rows: &mut [ChooseKRow]) -> Result<()> {
        let bounds = bounds(x);
        let stream = Stream::new(self.seed, OP).child("references");
        let mut logs = vec![Vec::with_capacity(self.n_references); rows.len()];
        for i in 0..self.n_references {
            let mut rng = stream.rng(i as u64);
            let reference = Matrix::from_fn(x.n_rows(), x.n_cols(), |_, j| {
                let (low, high) = bounds[j];
                T::from_f64(low + (high - low) * rng.uniform())
            });
            for (row, logs) in rows.iter().zip(&mut logs) {
                // Where `x` has no inertia left, the gap is infinite whatever the references.
                if row.inertia > 0.0 {
                    let model = self.kmeans(row.n_clusters).fit(reference.view())?;
                    logs.push(ln(model.inertia()));
                }
            }
        }
        let b = self.n_references as f64;
        for (row, logs) in rows.iter_mut().zip(logs) {
            if row.inertia == 0.0 {
                (row.gap, row.gap_std) = (Some(f64::INFINITY), Some(0.0));
                continue;
            }
            let mean = logs.iter().fold(0.0, |sum, log| sum + log) / b;
            let variance = logs.iter().fold(0.0, |sum, log| sum + (log - mean) * (log - mean)) / b;
            row.gap = Some(mean - ln(row.inertia));
            row.gap_std = Some((variance * (1.0 + 1.0 / b)).sqrt());
        }
        Ok(())
    }
}

impl ChooseKTable {
    /// The rows, by increasing number of clusters.
    pub fn rows(&self) -> &[ChooseKRow] {
        &self.rows
    }

    /// The number of clusters with the greatest silhouette, the least of equal ones; none where no
    /// row has one.
    pub fn best_by_silhouette(&self) -> Option<usize> {
        let scores = self.rows.iter().filter_map(|row| Some((row.n_clusters, row.silhouette?)));
        first_greatest(scores)
    }

    /// The least number of clusters whose gap is at least that of the next row less its
    /// `gap_std`; none where no row is.
    pub fn best_by_gap(&self) -> Option<usize> {
        let enough = |pair: &[ChooseKRow]| {
            Some(pair[0].gap? >= pair[1].gap? - pair[1].gap_std?).filter(|&is| is)
        };
        self.rows.windows(2).find_map(|pair| enough(pair).map(|_| pair[0].n_clusters))
    }

    /// The number of clusters with the least criterion, the least of equal ones.
    pub fn best_by_bic(&self) -> Option<usize> {
        first_greatest(self.rows.iter().map(|row| (row.n_clusters, -row.bic)))
    }

    /// The number of clusters where the inertia lies farthest below the straight line from the
    /// first row to the last; none where no row does.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{ChooseK, MatrixView};
    ///
    /// let x = [[0.0, 0.0], [0.0, 1.0], [20.0, 0.0], [20.0, 1.0], [10.0, 17.0], [10.0, 18.0]];
    /// let choice = ChooseK::new(1..=6).n_references(0).silhouette(false);
    /// let table = choice.fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(table.elbow(), Some(3));
    /// assert_eq!(table.best_by_gap(), None); // not computed
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn elbow(&self) -> Option<usize> {
        let (first, last) = (self.rows.first()?, self.rows.last()?);
        let width = (last.n_clusters - first.n_clusters) as f64;
        let depth = |row: &ChooseKRow| {
            let part = (row.n_clusters - first.n_clusters) as f64 / width;
            first.inertia + (last.inertia - first.inertia) * part - row.inertia
        };
        let inner = self.rows.get(1..self.rows.len() - 1)?;
        let depths = inner.iter().map(|row| (row.n_clusters, depth(row)));
        first_greatest(depths.filter(|&(_, depth)| depth > 0.0))
    }
}

fn first_greatest(scores: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
    let greatest = scores.reduce(|best, next| if next.1 > best.1 { next } else { best });
    greatest.map(|(n_clusters, _)| n_clusters)
}

fn ln(x: f64) -> f64 {
    math::scalar(ops::Ln, x)
}

/// The least and the greatest number of each column.
fn bounds<T: Real>(x: MatrixView<'_, T>) -> Vec<(f64, f64)> {
    let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); x.n_cols()];
    for row in x.rows() {
        for ((low, high), value) in bounds.iter_mut().zip(row) {
            let value = value.to_f64();
            (*low, *high) = (low.min(value), high.max(value));
        }
    }
    bounds
}

fn bic((n, d): (usize, usize), sizes: &[usize], inertia: f64) -> f64 {
    if inertia == 0.0 {
        return f64::NEG_INFINITY;
    }
    let (n, d, k) = (n as f64, d as f64, sizes.len() as f64);
    let degrees = d * (n - k);
    let weights = sizes.iter().filter(|&&size| size > 0).fold(0.0, |sum, &size| {
        let size = size as f64;
        sum + size * ln(size / n)
    });
    let likelihood = weights - 0.5 * n * d * ln(TAU * inertia / degrees) - 0.5 * degrees;
    (k * d + k) * ln(n) - 2.0 * likelihood
}
