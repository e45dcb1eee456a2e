//! Distances and neighbours that are known.

use super::known::{self, Near, Wanted};
use super::{Dbscan, DbscanClusters, OP};
use crate::condensed::index;
use crate::{CondensedMatrix, Metric, NeighborGraph, check, reach};
use purlin_core::{Error, Real, Result};
use std::ops::Range;

impl Dbscan {
    /// Clusters samples of which all distances are known. The metric and the search are not looked
    /// at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `eps` is not finite and above 0 or `min_samples` is 0,
    /// [`Error::TooFewSamples`] when there is no sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{CondensedMatrix, Dbscan};
    ///
    /// // 0 and 1 are near each other, 2 is near nothing.
    /// let distances = CondensedMatrix::from_vec(3, vec![1.0, 9.0, 8.0])?;
    /// let clusters = Dbscan::new(2.0, 2).fit_precomputed(&distances)?;
    /// assert_eq!(clusters.labels(), [Some(0), Some(0), None]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_precomputed<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
    ) -> Result<DbscanClusters> {
        self.of_distances(distances, None)
    }

    /// [`Dbscan::fit_precomputed`] with a weight for each sample, as in [`Dbscan::fit_weighted`].
    ///
    /// # Errors
    ///
    /// As [`Dbscan::fit_precomputed`]; and when a weight is negative or not finite, all are 0, or
    /// there is not one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{CondensedMatrix, Dbscan};
    ///
    /// let distances = CondensedMatrix::from_vec(3, vec![1.0, 9.0, 8.0])?;
    /// let dbscan = Dbscan::new(2.0, 5); // five samples are needed, or one that counts for four
    /// assert_eq!(dbscan.fit_precomputed(&distances)?.n_clusters(), 0);
    /// let clusters = dbscan.fit_precomputed_weighted(&distances, &[1.0, 4.0, 1.0])?;
    /// assert_eq!(clusters.labels(), [Some(0), Some(0), None]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_precomputed_weighted<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
        sample_weight: &[T],
    ) -> Result<DbscanClusters> {
        self.of_distances(distances, Some(sample_weight))
    }

    fn of_distances<T: Real>(
        &self,
        distances: &CondensedMatrix<T>,
        weights: Option<&[T]>,
    ) -> Result<DbscanClusters> {
        // Distances are compared as they are.
        let reach = |eps| reach::reach::<T>(&Metric::Manhattan, eps);
        self.known(distances.n(), distances.as_slice().len(), weights, &|eps| {
            Box::new(Table { distances, reach: reach(eps) })
        })
    }

    /// Clusters samples of which the neighbours are known, such as [`NeighborGraph`] holds them.
    ///
    /// Two samples are neighbours when either's list holds the other at a distance of at most
    /// `eps`; a sample is its own neighbour, listed or not. A list that ends before `eps` (the
    /// nearest few, say) is taken as it is. The metric and the search are not looked at.
    ///
    /// # Errors
    ///
    /// As [`Dbscan::fit_precomputed`]; and [`Error::Shape`] when the graph has not one column for
    /// each row.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Dbscan, MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [1.0], [9.0], [10.0], [30.0]];
    /// let x = MatrixView::from_rows(&x);
    /// // Asked once, clustered at several scales.
    /// let graph = SpatialIndex::new(x, Metric::Euclidean)?.within_batch(x, 10.0)?;
    /// assert_eq!(Dbscan::new(1.5, 2).fit_graph(&graph)?.n_clusters(), 2);
    /// assert_eq!(Dbscan::new(8.5, 2).fit_graph(&graph)?.n_clusters(), 1);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_graph<T: Real>(&self, graph: &NeighborGraph<T>) -> Result<DbscanClusters> {
        self.of_graph(graph, None)
    }

    /// [`Dbscan::fit_graph`] with a weight for each sample, as in [`Dbscan::fit_weighted`].
    ///
    /// # Errors
    ///
    /// As [`Dbscan::fit_graph`]; and when a weight is negative or not finite, all are 0, or there is
    /// not one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Dbscan, MatrixView, Metric, SpatialIndex};
    ///
    /// let x = [[0.0], [1.0], [9.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let graph = SpatialIndex::new(x, Metric::Euclidean)?.within_batch(x, 2.0)?;
    /// let clusters = Dbscan::new(2.0, 5).fit_graph_weighted(&graph, &[1.0, 1.0, 6.0])?;
    /// assert_eq!(clusters.labels(), [None, None, Some(0)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_graph_weighted<T: Real>(
        &self,
        graph: &NeighborGraph<T>,
        sample_weight: &[T],
    ) -> Result<DbscanClusters> {
        self.of_graph(graph, Some(sample_weight))
    }

    fn of_graph<T: Real>(
        &self,
        graph: &NeighborGraph<T>,
        weights: Option<&[T]>,
    ) -> Result<DbscanClusters> {
        let (n, n_columns) = (graph.n_rows(), graph.n_columns());
        if n != n_columns {
            return Err(Error::shape(OP, format!("a graph with {n} columns"), n_columns));
        }
        self.known(n, graph.n_neighbors(), weights, &|eps| Box::new(Lists::new(graph, eps)))
    }

    fn known<'a, T: Real>(
        &self,
        n: usize,
        size: usize,
        weights: Option<&[T]>,
        near: &dyn Fn(f64) -> Box<dyn Near + 'a>,
    ) -> Result<DbscanClusters> {
        self.check()?;
        check::n_samples(OP, n, 1)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, n)?;
        }
        let weight = |i: usize| weights.map_or(1.0, |weights| weights[i].to_f64());
        let work = size.saturating_mul(4);
        let found = known::run(&*near(self.eps), n, work, &weight, self.min_samples as f64);
        Ok(DbscanClusters::new(&found))
    }
}

/// All distances.
struct Table<'a, T: Real> {
    distances: &'a CondensedMatrix<T>,
    /// The greatest distance that counts.
    reach: T,
}

impl<T: Real> Near for Table<'_, T> {
    fn visit(&self, block: Range<usize>, wanted: &Wanted<'_>, found: &mut dyn FnMut(usize, usize)) {
        let (n, all) = (self.distances.n(), self.distances.as_slice());
        // A stretch of the row of each sample before.
        for j in 0..block.end - 1 {
            let columns = block.start.max(j + 1)..block.end;
            let stretch = &all[index(n, j, columns.start)..][..columns.len()];
            for (i, &distance) in columns.zip(stretch) {
                if distance <= self.reach && wanted(i, j) {
                    found(i, j);
                }
            }
        }
        for i in block {
            if wanted(i, i) {
                found(i, i);
            }
            let row = &all[index(n, i, i + 1)..][..n - i - 1];
            for (j, &distance) in (i + 1..n).zip(row) {
                if distance <= self.reach && wanted(i, j) {
                    found(i, j);
                }
            }
        }
    }
}

/// Lists of neighbours, within `eps` or not.
struct Lists<'a, T: Real> {
    graph: &'a NeighborGraph<T>,
    eps: f64,
    /// `[i, j]` where only the list of `j` makes the two neighbours; in order.
    others: Vec<[u32; 2]>,
}

impl<'a, T: Real> Lists<'a, T> {
    fn new(graph: &'a NeighborGraph<T>, eps: f64) -> Self {
        let mut lists = Self { graph, eps, others: Vec::new() };
        let mut others = Vec::new();
        for j in 0..graph.n_rows() {
            let holds = |i: u32| {
                let at = graph.indices(i as usize).binary_search(&(j as u32));
                at.is_ok_and(|at| graph.distances(i as usize)[at].to_f64() <= eps)
            };
            others.extend(lists.of(j).filter(|&i| !holds(i)).map(|i| [i, j as u32]));
        }
        others.sort_unstable();
        lists.others = others;
        lists
    }

    /// What the list of `i` holds within `eps`.
    fn of(&self, i: usize) -> impl Iterator<Item = u32> + '_ {
        let list = self.graph.indices(i).iter().zip(self.graph.distances(i));
        list.filter(|(_, distance)| distance.to_f64() <= self.eps).map(|(&j, _)| j)
    }
}

impl<T: Real> Near for Lists<'_, T> {
    fn visit(&self, block: Range<usize>, wanted: &Wanted<'_>, found: &mut dyn FnMut(usize, usize)) {
        let mut near = Vec::new();
        for i in block {
            near.clear();
            near.push(i as u32);
            near.extend(self.of(i));
            let first = self.others.partition_point(|other| (other[0] as usize) < i);
            let others = self.others[first..].iter();
            near.extend(others.take_while(|other| other[0] as usize == i).map(|other| other[1]));
            near.sort_unstable();
            near.dedup();
            for j in near.iter().map(|&j| j as usize).filter(|&j| wanted(i, j)) {
                found(i, j);
            }
        }
    }
}
