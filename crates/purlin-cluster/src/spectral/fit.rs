//! The doors.

use super::eigen::leading;
use super::graph::{ALONE, Graph, root_of_degree};
use super::{Affinity, OP, SpectralClustering, SpectralModel};
use crate::{CondensedMatrix, KMeans, assign, check};
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

impl SpectralClustering {
    /// Clusters the rows of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a count is 0, there are fewer than 2 neighbours, `gamma` is not
    ///   finite and above 0, `tol` not finite and at least 1e-14, or numbers of `x` are so large
    ///   that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than clusters, components or neighbours.
    /// - [`Error::Shape`]: `x` has no column, no two samples have an affinity, or the embedding has
    ///   fewer distinct rows than there are clusters.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    /// - [`Error::OutOfBudget`]: the affinities of all pairs, or of all neighbours, exceed
    ///   [`SpectralClustering::memory`].
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<SpectralModel> {
        self.check()?;
        let mut least = self.n_clusters.max(self.components());
        if let Affinity::NearestNeighbors(k) = self.affinity {
            least = least.max(k);
        }
        check::table(OP, x, least)?;
        let wide = x.cast::<f64>();
        let graph = match self.affinity {
            Affinity::NearestNeighbors(k) => {
                assign::check_squares(OP, wide.view())?;
                // Each pair of neighbours, and an index and a weight at both of its ends.
                let bytes = (x.n_rows() as u64).checked_mul(k as u64);
                let bytes = bytes.and_then(|pairs| pairs.checked_mul(48));
                self.memory.check(OP, "the graph of neighbours", bytes)?;
                Graph::of_neighbors(wide.view(), k)?
            }
            Affinity::Rbf { gamma } => {
                self.check_memory(x.n_rows())?;
                Graph::of_rbf(wide.view(), gamma)
            }
        };
        self.cluster(graph, x.n_cols())
    }

    /// Clusters samples whose affinities are given, in place of [`SpectralClustering::affinity`]:
    /// 0 for two samples that have nothing in common, the greater the more alike they are.
    ///
    /// # Errors
    ///
    /// As [`SpectralClustering::fit`], and [`Error::InvalidParam`] when an affinity is infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{CondensedMatrix, SpectralClustering};
    ///
    /// // The pairs (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3).
    /// let affinity = CondensedMatrix::from_vec(4, vec![1.0, 0.1, 0.0, 0.0, 0.1, 1.0])?;
    /// let model = SpectralClustering::new(2).fit_precomputed(&affinity)?;
    /// assert_eq!(model.labels()[0], model.labels()[1]);
    /// assert_eq!(model.labels()[2], model.labels()[3]);
    /// assert_ne!(model.labels()[0], model.labels()[2]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_precomputed<T: Real>(&self, affinity: &CondensedMatrix<T>) -> Result<SpectralModel> {
        self.check()?;
        let (least, n) = (self.n_clusters.max(self.components()), affinity.n());
        if n < least {
            return Err(Error::TooFewSamples { op: OP, expected: least, got: n });
        }
        self.check_memory(n)?;
        self.cluster(Graph::of_pairs(affinity)?, 0)
    }

    fn check_memory(&self, n: usize) -> Result<()> {
        let bytes = (n as u64).checked_mul(n as u64).and_then(|pairs| pairs.checked_mul(8));
        self.memory.check(OP, "the affinity matrix", bytes)
    }

    fn cluster(&self, graph: Graph, n_features: usize) -> Result<SpectralModel> {
        let (n, n_components) = (graph.degrees.len(), self.components());
        let roots: Vec<f64> = graph.degrees.iter().map(|&d| root_of_degree(d)).collect();
        let parts = graph.parts();
        if parts.volumes.is_empty() {
            return Err(Error::shape(OP, "at least 1 pair with an affinity above 0", 0));
        }
        let n_known = parts.volumes.len().min(n_components);
        let mut embedding = Matrix::zeros(n, n_components);
        for (column, part) in largest(&parts.volumes, n_known).into_iter().enumerate() {
            let value = 1.0 / parts.volumes[part].sqrt();
            for i in (0..n).filter(|&i| parts.of_node[i] == part as u32) {
                embedding.row_mut(i)[column] = value;
            }
        }
        let mut eigenvalues = vec![0.0; n_known];
        let (mut converged, mut n_products) = (true, 0);
        if n_known < n_components {
            let known: Vec<f64> = (0..n)
                .map(|i| match parts.of_node[i] {
                    ALONE => 0.0,
                    part => roots[i] / parts.volumes[part as usize].sqrt(),
                })
                .collect();
            let stream = Stream::new(self.seed, OP);
            let known = (&parts.of_node[..], &known[..]);
            let matrix = graph.normalized();
            let found = leading(&matrix, known, n_components - n_known, self.tol, &stream)?;
            eigenvalues.extend(found.values.iter().map(|value| (1.0 - value).max(0.0)));
            for (j, vector) in found.vectors.iter().enumerate() {
                for (i, (value, root)) in vector.iter().zip(&roots).enumerate() {
                    embedding.row_mut(i)[n_known + j] = value / root;
                }
                fix_sign(&mut embedding, n_known + j);
            }
            (converged, n_products) = (found.converged, found.n_products);
        }
        let kmeans = KMeans::new(self.n_clusters).n_init(self.n_init).seed(self.seed);
        let labels = match kmeans.fit(embedding.view()) {
            Ok(model) => model.labels().to_vec(),
            // In the name of this operation.
            Err(Error::Shape { expected, got, .. }) => {
                let expected = format!("an embedding with {expected}");
                return Err(Error::shape(OP, expected, got));
            }
            Err(Error::InvalidParam { rule, value, .. }) => {
                return Err(Error::param(OP, "the embedding", rule, value));
            }
            Err(err) => return Err(err),
        };
        Ok(SpectralModel {
            labels,
            embedding,
            eigenvalues,
            n_clusters: self.n_clusters,
            n_features,
            converged,
            n_products,
        })
    }
}

/// The `k` parts with the greatest volumes, ties to the first, in their order.
fn largest(volumes: &[f64], k: usize) -> Vec<usize> {
    let mut parts: Vec<usize> = (0..volumes.len()).collect();
    parts.sort_by(|&a, &b| volumes[b].total_cmp(&volumes[a]));
    parts.truncate(k);
    parts.sort_unstable();
    parts
}

/// Makes the first largest magnitude of a column positive.
fn fix_sign(x: &mut Matrix<f64>, column: usize) {
    let largest = x
        .rows()
        .map(|row| row[column])
        .fold(0.0, |largest: f64, value| if value.abs() > largest.abs() { value } else { largest });
    if largest < 0.0 {
        for i in 0..x.n_rows() {
            x.row_mut(i)[column] *= -1.0;
        }
    }
}
