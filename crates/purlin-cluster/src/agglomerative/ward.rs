//! Ward's linkage from vectors.
//!
//! Two clusters are as unlike as the sum of squared distances from the centroids grows when they
//! merge, which sizes and centroids tell: `n_A n_B / (n_A + n_B) |c_A - c_B|^2`. So no distances
//! are kept; a step of the chain looks at the centroids of all clusters once.

use super::Linkage;
use super::centroids::Centroids;
use super::chain::Chain;
use super::clusters::Merges;
use crate::Dendrogram;
use purlin_backend::distance::{Panels, least_growth};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};

/// Panels that one task looks at.
const BLOCK: usize = 320;

/// The most samples: their number is counted in `T`.
pub(super) fn most<T: Real>() -> usize {
    (2.0 / T::EPSILON.to_f64()) as usize
}

pub(super) fn of_rows<T: Real>(x: MatrixView<'_, T>) -> Dendrogram {
    let n = x.n_rows();
    let mut merges = Merges::new(Linkage::Ward, n);
    let mut clusters = Clusters::new(x);
    let mut chain = Chain::new(n);
    while clusters.n_left > 1 {
        if 2 * clusters.n_left <= clusters.ids.len() && clusters.ids.len() > 64 {
            clusters.compact(&mut chain);
        }
        let (top, before) = chain.ends(|| clusters.first());
        let nearest = clusters.nearest(top, before);
        if Some(nearest) == before {
            chain.pop_two();
            let (a, b) = (top.min(nearest) as usize, top.max(nearest) as usize);
            // Twice the growth: two single samples are as unlike as they are far apart.
            let height = (2.0 * clusters.growth(a, b).to_f64()).sqrt();
            merges.push(clusters.ids[a] as usize, clusters.ids[b] as usize, height);
            clusters.merge(a, b);
        } else {
            chain.push(nearest);
        }
    }
    merges.sorted()
}

/// The clusters, each in a slot, in the order of their first samples.
#[derive(Debug)]
struct Clusters<T: Real> {
    /// The first sample of each.
    ids: Vec<u32>,
    n_left: usize,
    /// NaN in a slot that is empty.
    sizes: Vec<T>,
    centroids: Centroids<T>,
}

impl<T: Real> Clusters<T> {
    fn new(x: MatrixView<'_, T>) -> Self {
        let (n, d) = x.shape();
        let mut means = vec![0.0; d];
        for row in x.rows() {
            for (mean, value) in means.iter_mut().zip(row) {
                *mean += value.to_f64() / n as f64;
            }
        }
        let means: Vec<T> = means.into_iter().map(T::from_f64).collect();
        let centroids = Centroids::new(x, &means);
        Self { ids: (0..n as u32).collect(), n_left: n, sizes: vec![T::ONE; n], centroids }
    }

    /// The first slot with a cluster.
    fn first(&self) -> u32 {
        self.sizes.iter().position(|size| !size.is_nan()).unwrap_or(0) as u32
    }

    /// In the order of operations of [`least_growth`].
    fn growth(&self, a: usize, b: usize) -> T {
        let (n_a, n_b) = (self.sizes[a], self.sizes[b]);
        n_a * n_b / (n_a + n_b) * self.centroids.squared_distance(a, b)
    }

    /// The cluster nearest to `top`: of equals the one before it in the chain, then the first.
    fn nearest(&mut self, top: u32, before: Option<u32>) -> u32 {
        let slot = top as usize;
        let known = before.map(|before| (self.growth(slot, before as usize), before));
        let size = std::mem::replace(&mut self.sizes[slot], T::NAN);
        let found = self.scan(self.centroids.row(slot), size);
        self.sizes[slot] = size;
        match (known, found) {
            (Some((least, before)), Some((value, nearest))) => {
                if value < least {
                    nearest
                } else {
                    before
                }
            }
            (Some((_, nearest)), None) | (None, Some((_, nearest))) => nearest,
            (None, None) => top,
        }
    }

    fn scan(&self, centroid: &[T], size: T) -> Option<(T, u32)> {
        let lanes = Panels::<T>::lanes();
        let all = self.centroids.panels();
        let n_panels = all.n_panels();
        let of = |block: usize| {
            let panels = block * BLOCK..n_panels.min((block + 1) * BLOCK);
            let sizes = &self.sizes[all.rows_of(&panels)];
            least_growth(centroid, size, all, panels, sizes)
        };
        if n_panels <= BLOCK {
            return of(0);
        }
        let work = n_panels * lanes * (centroid.len() + 4);
        // The first block wins ties.
        let first = |a: Option<(T, u32)>, b: Option<(T, u32)>| match (a, b) {
            (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
            (a, b) => a.or(b),
        };
        parallel::reduce(n_panels.div_ceil(BLOCK), work, of, first).flatten()
    }

    /// Joins the cluster in slot `b` to the one in `a`.
    fn merge(&mut self, a: usize, b: usize) {
        let (n_a, n_b) = (self.sizes[a].to_f64(), self.sizes[b].to_f64());
        let n = n_a + n_b;
        self.centroids.join(a, b, |x, y| (n_a * x + n_b * y) / n);
        self.sizes[a] = T::from_f64(n);
        self.sizes[b] = T::NAN;
        self.n_left -= 1;
    }

    /// Drops the empty slots.
    fn compact(&mut self, chain: &mut Chain) {
        let kept: Vec<usize> =
            (0..self.ids.len()).filter(|&slot| !self.sizes[slot].is_nan()).collect();
        let mut numbers = vec![u32::MAX; self.ids.len()];
        for (new, &old) in (0..).zip(&kept) {
            numbers[old] = new;
        }
        chain.renumber(kept.len(), |slot| numbers[slot as usize]);
        self.ids = kept.iter().map(|&slot| self.ids[slot]).collect();
        self.sizes = kept.iter().map(|&slot| self.sizes[slot]).collect();
        self.centroids.select(&kept);
    }
}
