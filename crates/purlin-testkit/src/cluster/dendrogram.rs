//! A dendrogram, replayed merge by merge.

use purlin_cluster::{Linkage, Merge, Metric};
use purlin_core::MatrixView;

/// How far a height may lie from the definition, relative to it.
const RELATIVE: f64 = 1e-9;
/// The same relative to the largest distance: what rounding leaves of a distance near 0.
const ABSOLUTE: f64 = 1e-13;

/// Law: every merge unites two of the clusters that lie least apart, at the height that the linkage
/// gives them.
///
/// Distances between clusters are followed by definition, in `O(n^2)` memory and `O(n^3)` time: keep
/// `x` below some hundred rows. Where several pairs lie least apart (within `1e-9` of it), any of
/// them is right.
///
/// # Panics
///
/// When a merge breaks the law; the text names the first one, with the height it has and the one it
/// should have.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, Linkage, Metric};
/// use purlin_testkit::{check_dendrogram, three_groups};
///
/// let x = three_groups::<f64>(40, 2);
/// let tree = Agglomerative::new(Linkage::Average).fit(x.view())?;
/// check_dendrogram(x.view(), &Metric::Euclidean, Linkage::Average, tree.merges());
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[track_caller]
pub fn check_dendrogram(
    x: MatrixView<'_, f64>,
    metric: &Metric,
    linkage: Linkage,
    merges: &[Merge],
) {
    let n = x.n_rows();
    let expected = n.saturating_sub(1);
    assert_eq!(merges.len(), expected, "law of dendrograms: n - 1 merges for {n} samples");
    let mut clusters = Clusters::new(x, metric, linkage);
    let largest = clusters.largest;
    let tolerance = |height: f64| RELATIVE * height + ABSOLUTE * largest;
    for (i, merge) in merges.iter().enumerate() {
        let Merge { left, right, dissimilarity, size } = *merge;
        let pair = [left, right].map(|id| {
            let slot = clusters.ids.iter().position(|&other| other == id);
            slot.unwrap_or_else(|| {
                panic!("law of dendrograms: merge {i} takes clusters that exist, got {id}")
            })
        });
        assert!(pair[0] != pair[1], "law of dendrograms: merge {i} takes two clusters, got {left}");
        let expected = clusters.sizes[pair[0]] + clusters.sizes[pair[1]];
        assert_eq!(size, expected, "law of dendrograms: merge {i} is as large as its parts");
        let height = clusters.distance(pair[0], pair[1]);
        assert!(
            (dissimilarity - height).abs() <= tolerance(height),
            "law of dendrograms: merge {i} of {left} and {right} is at the distance of its parts: \
             got {dissimilarity:e}, expected {height:e}"
        );
        let (a, b) = clusters.closest();
        let least = clusters.distance(a, b);
        assert!(
            height - least <= tolerance(least),
            "law of dendrograms: merge {i} takes a pair least apart: {left} and {right} are \
             {height:e} apart, {} and {} only {least:e}",
            clusters.ids[a],
            clusters.ids[b]
        );
        clusters.merge(pair, n + i);
    }
}

/// The clusters that are not yet part of another, and how far they lie apart.
struct Clusters {
    ids: Vec<usize>,
    sizes: Vec<usize>,
    between: Between,
    linkage: Linkage,
    largest: f64,
}

enum Between {
    /// Distances of all pairs, `n * n`; a merged cluster keeps the place of its left part.
    Pairs { distances: Vec<f64>, n: usize },
    /// Places in space.
    Places(Vec<Vec<f64>>),
}

/// What stands in `ids` for a cluster that is part of another.
const GONE: usize = usize::MAX;

impl Clusters {
    fn new(x: MatrixView<'_, f64>, metric: &Metric, linkage: Linkage) -> Self {
        let n = x.n_rows();
        let distances: Vec<f64> =
            (0..n * n).map(|at| metric.distance(x.row(at / n), x.row(at % n))).collect();
        let largest = distances.iter().copied().fold(0.0, f64::max);
        let between = if linkage.is_euclidean() {
            // Relative to the first row, so that a common offset costs no digits.
            let place = |row: &[f64]| row.iter().zip(x.row(0)).map(|(a, b)| a - b).collect();
            Between::Places(x.rows().map(place).collect())
        } else {
            Between::Pairs { distances, n }
        };
        Self { ids: (0..n).collect(), sizes: vec![1; n], between, linkage, largest }
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        match &self.between {
            Between::Pairs { distances, n } => distances[a * n + b],
            Between::Places(places) => {
                let square = places[a].iter().zip(&places[b]).map(|(a, b)| (a - b) * (a - b));
                let distance = square.sum::<f64>().sqrt();
                let (a, b) = (self.sizes[a] as f64, self.sizes[b] as f64);
                match self.linkage {
                    Linkage::Ward => distance * (2.0 * a * b / (a + b)).sqrt(),
                    _ => distance,
                }
            }
        }
    }

    fn closest(&self) -> (usize, usize) {
        let here: Vec<usize> = (0..self.ids.len()).filter(|&i| self.ids[i] != GONE).collect();
        let pairs = here
            .iter()
            .enumerate()
            .flat_map(|(at, &a)| here[at + 1..].iter().map(move |&b| (a, b)));
        let mut best = (here[0], here[1]);
        let mut least = f64::INFINITY;
        for (a, b) in pairs {
            let distance = self.distance(a, b);
            if distance < least {
                (best, least) = ((a, b), distance);
            }
        }
        best
    }

    /// Unites two clusters in the place of the first.
    fn merge(&mut self, [a, b]: [usize; 2], id: usize) {
        let (size_a, size_b) = (self.sizes[a] as f64, self.sizes[b] as f64);
        match &mut self.between {
            Between::Pairs { distances, n } => {
                for c in (0..*n).filter(|&c| c != a && c != b) {
                    let (x, y) = (distances[a * *n + c], distances[b * *n + c]);
                    let joint = match self.linkage {
                        Linkage::Single => x.min(y),
                        Linkage::Complete => x.max(y),
                        Linkage::Average => (size_a * x + size_b * y) / (size_a + size_b),
                        _ => f64::midpoint(x, y),
                    };
                    distances[a * *n + c] = joint;
                    distances[c * *n + a] = joint;
                }
            }
            Between::Places(places) => {
                let (share_a, share_b) = match self.linkage {
                    Linkage::Median => (0.5, 0.5),
                    _ => (size_a / (size_a + size_b), size_b / (size_a + size_b)),
                };
                let other = std::mem::take(&mut places[b]);
                for (x, y) in places[a].iter_mut().zip(other) {
                    *x = *x * share_a + y * share_b;
                }
            }
        }
        self.sizes[a] += self.sizes[b];
        (self.ids[a], self.ids[b]) = (id, GONE);
    }
}
