//! What can be set.

use super::OP;
use crate::MemoryBudget;
use crate::check;
use purlin_core::{Error, Result};

/// Spectral clustering: groups of samples that are well connected inside and hardly to each other,
/// whatever their shape.
///
/// Samples are the nodes of a graph whose edges weigh the more the more alike two samples are; see
/// [`Affinity`]. Let `A` be the weights without those of a sample with itself, `D` the diagonal of
/// their sums by rows, `L = I - D^-1/2 A D^-1/2` the normalised Laplacian. The eigenvectors of `L`
/// of the `n_components` least eigenvalues, divided by `D^1/2`, are the columns of the *embedding*,
/// whose rows k-means clusters, without bringing them to one length: as in scikit-learn.
///
/// | value | shape | |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | scale the columns first |
/// | `labels` | `(n_samples,)` | cluster in `0..n_clusters` |
/// | `embedding` | `(n_samples, n_components)` | the largest magnitude of each column is positive |
/// | `eigenvalues` | `(n_components,)` | of `L`, from 0 to 2, rising |
///
/// In each part of the graph that is not connected to the others, `L` has one eigenvector of
/// eigenvalue 0, which is known: constant on the part in the embedding, and 0 elsewhere. Where the
/// graph has more parts than `n_components`, those with the greatest sums of weights are taken. A
/// sample without any neighbour is no part: its eigenvalue is 1, and the others' vectors are 0 there.
///
/// The other eigenvectors are found by Chebyshev-filtered iteration of a subspace in double
/// precision, whatever the type of `x`. It finds eigenvalues that are equal or close to each other,
/// as those of separate groups are; each eigenvector `v` of the result has a residual
/// `abs(L v - w v)` of at most `tol`. A step costs as many operations as the graph has edges, times
/// `n_components` and some; small graphs (up to some 64 samples) are decomposed at once.
///
/// The same data, parameters and seed give the same bits on any number of threads and any
/// instruction set.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Affinity, Matrix, SpectralClustering};
///
/// // A ring around a point: no straight line parts them.
/// let ring = |i: usize| (i as f64 * 0.1 * std::f64::consts::TAU).sin_cos();
/// let x = Matrix::from_fn(15, 2, |i, j| {
///     let (sin, cos) = ring(i);
///     let radius = if i < 10 { 5.0 } else { 0.1 };
///     radius * if j == 0 { sin } else { cos }
/// });
/// let spectral = SpectralClustering::new(2).affinity(Affinity::NearestNeighbors(3));
/// let model = spectral.fit(x.view())?;
///
/// assert!((1..10).all(|i| model.labels()[i] == model.labels()[0]));
/// assert!((10..15).all(|i| model.labels()[i] != model.labels()[0]));
/// assert_eq!(model.eigenvalues(), [0.0, 0.0]); // two parts
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - J. Shi, J. Malik, *Normalized cuts and image segmentation*, IEEE TPAMI 22(8), 2000.
/// - A. Y. Ng, M. I. Jordan, Y. Weiss, *On spectral clustering: analysis and an algorithm*, NIPS 2001.
/// - U. von Luxburg, *A tutorial on spectral clustering*, Statistics and Computing 17(4), 2007.
/// - Y. Zhou, Y. Saad, M. L. Tiago, J. R. Chelikowsky, *Self-consistent-field calculations using
///   Chebyshev-filtered subspace iteration*, J. Comput. Phys. 219(1), 2006.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct SpectralClustering {
    pub(super) n_clusters: usize,
    pub(super) n_components: Option<usize>,
    pub(super) affinity: Affinity,
    pub(super) n_init: usize,
    pub(super) tol: f64,
    pub(super) seed: u64,
    pub(super) memory: MemoryBudget,
}

/// How alike two samples are.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Affinity, MatrixView, SpectralClustering};
///
/// let x = [[0.0], [0.5], [1.0], [6.0], [6.5], [7.0]];
/// for affinity in [Affinity::NearestNeighbors(3), Affinity::Rbf { gamma: 1.0 }] {
///     let model = SpectralClustering::new(2).affinity(affinity).fit(MatrixView::from_rows(&x))?;
///     let first = model.labels()[0];
///     assert!((0..6).all(|i| (model.labels()[i] == first) == (i < 3)));
/// }
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Affinity {
    /// 1 where each is among so many nearest samples of the other (Euclidean distances, ties to the
    /// smallest index), 1/2 where one is, else 0. A sample counts among its own. Memory is
    /// proportional to the edges.
    NearestNeighbors(usize),
    /// `exp(-gamma abs(a - b)^2)` for all pairs: takes `8 n_samples^2` bytes.
    Rbf {
        /// The inverse of the squared distance at which the affinity has fallen to `1/e`.
        gamma: f64,
    },
}

impl SpectralClustering {
    /// Ten nearest neighbours, as many components as clusters, 10 starts of k-means, `tol` 1e-8,
    /// seed 0.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            n_components: None,
            affinity: Affinity::NearestNeighbors(10),
            n_init: 10,
            tol: 1e-8,
            seed: 0,
            memory: MemoryBudget::default(),
        }
    }

    /// How alike two samples are.
    pub fn affinity(mut self, affinity: Affinity) -> Self {
        self.affinity = affinity;
        self
    }

    /// Columns of the embedding, in place of `n_clusters`.
    pub fn n_components(mut self, n_components: usize) -> Self {
        self.n_components = Some(n_components);
        self
    }

    /// Starts of k-means, of which the best is kept.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// The residual of an eigenvector at which it is good enough.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// The seed of k-means and of the subspace's start.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The most bytes that the affinities of all pairs, or the graph of neighbours, may take.
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = memory;
        self
    }

    pub(super) fn components(&self) -> usize {
        self.n_components.unwrap_or(self.n_clusters)
    }

    /// Refuses parameters outside of their range.
    pub(super) fn check(&self) -> Result<()> {
        let at_least_1 = [
            ("n_clusters", self.n_clusters),
            ("n_components", self.components()),
            ("n_init", self.n_init),
        ];
        if let Some((name, value)) = at_least_1.into_iter().find(|&(_, value)| value == 0) {
            return Err(Error::param(OP, name, "at least 1", value));
        }
        check::n_centroids(OP, self.n_clusters)?;
        if !(self.tol >= 1e-14 && self.tol.is_finite()) {
            return Err(Error::param(OP, "tol", "finite and at least 1e-14", self.tol));
        }
        match self.affinity {
            Affinity::NearestNeighbors(n) if n < 2 => {
                Err(Error::param(OP, "n_neighbors", "at least 2, the sample itself one of them", n))
            }
            Affinity::Rbf { gamma } if !(gamma > 0.0 && gamma.is_finite()) => {
                Err(Error::param(OP, "gamma", "finite and above 0", gamma))
            }
            _ => Ok(()),
        }
    }
}
