//! Clusters and their distances while they merge.

use super::Linkage;
use crate::condensed;
use crate::{CondensedMatrix, Dendrogram};
use purlin_core::Real;

/// The clusters that are left, each under the number of its first sample, and their distances:
/// squared where the linkage is defined by centroids.
#[derive(Debug)]
pub(super) struct Clusters<T: Real> {
    linkage: Linkage,
    n: usize,
    distances: Vec<T>,
    sizes: Vec<f64>,
    /// In increasing order.
    pub(super) active: Vec<u32>,
}

impl<T: Real> Clusters<T> {
    pub(super) fn new(linkage: Linkage, distances: CondensedMatrix<T>) -> Self {
        let n = distances.n();
        let active = (0..n as u32).collect();
        Self { linkage, n, distances: distances.into_vec(), sizes: vec![1.0; n], active }
    }

    #[inline]
    pub(super) fn get(&self, a: usize, b: usize) -> T {
        self.distances[condensed::index(self.n, a.min(b), a.max(b))]
    }

    /// Joins `b` to `a`, which is the smaller number, and gives the height.
    pub(super) fn merge(&mut self, a: usize, b: usize) -> f64 {
        debug_assert!(a < b);
        let (n, ab) = (self.n, self.get(a, b).to_f64());
        if let Ok(place) = self.active.binary_search(&(b as u32)) {
            self.active.remove(place);
        }
        let sizes = [self.sizes[a], self.sizes[b]];
        for &x in &self.active {
            let x = x as usize;
            if x == a {
                continue;
            }
            let to_a = condensed::index(n, a.min(x), a.max(x));
            let to_b = condensed::index(n, b.min(x), b.max(x));
            let (ax, bx) = (self.distances[to_a].to_f64(), self.distances[to_b].to_f64());
            let new = lance_williams(self.linkage, [ax, bx, ab], sizes, self.sizes[x]);
            self.distances[to_a] = T::from_f64(new);
        }
        self.sizes[a] += self.sizes[b];
        if self.linkage.is_euclidean() { ab.sqrt() } else { ab }
    }
}

/// The distance of `x` from the union of `a` and `b`, from the three distances and the sizes, in
/// double precision; squared distances where the linkage is defined by centroids.
#[inline]
fn lance_williams(linkage: Linkage, [ax, bx, ab]: [f64; 3], [a, b]: [f64; 2], x: f64) -> f64 {
    match linkage {
        Linkage::Single => ax.min(bx),
        Linkage::Complete => ax.max(bx),
        Linkage::Average => (a * ax + b * bx) / (a + b),
        Linkage::Weighted => 0.5 * ax + 0.5 * bx,
        // Never negative but for rounding.
        Linkage::Ward => (((a + x) * ax + (b + x) * bx - x * ab) / (a + b + x)).max(0.0),
        Linkage::Centroid => ((a * ax + b * bx - a * b * ab / (a + b)) / (a + b)).max(0.0),
        Linkage::Median => (0.5 * ax + 0.5 * bx - 0.25 * ab).max(0.0),
    }
}

/// The merges as they happen.
#[derive(Debug)]
pub(super) struct Merges {
    is_monotone: bool,
    /// The height of each cluster.
    heights: Vec<f64>,
    pairs: Vec<(u32, u32, f64)>,
}

impl Merges {
    pub(super) fn new(linkage: Linkage, n: usize) -> Self {
        let pairs = Vec::with_capacity(n - 1);
        Self { is_monotone: linkage.is_monotone(), heights: vec![0.0; n], pairs }
    }

    /// Cluster `a` takes in `b`. Clusters are named by one of their samples.
    pub(super) fn push(&mut self, a: usize, b: usize, mut height: f64) {
        if self.is_monotone {
            height = height.max(self.heights[a]).max(self.heights[b]);
        }
        self.heights[a] = height;
        self.pairs.push((a as u32, b as u32, height));
    }

    /// The tree of merges in the order in which they came.
    pub(super) fn in_order(self) -> Dendrogram {
        Dendrogram::from_pairs(self.heights.len(), self.pairs.into_iter())
    }

    /// The tree of merges sorted by height, and of equals in the order in which they came: no
    /// part comes after its whole, as no height is below its parts'.
    pub(super) fn sorted(mut self) -> Dendrogram {
        debug_assert!(self.is_monotone);
        self.pairs.sort_by(|(.., a), (.., b)| a.total_cmp(b));
        self.in_order()
    }
}
