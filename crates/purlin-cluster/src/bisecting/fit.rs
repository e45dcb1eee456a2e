//! The splits.

use super::halves::{End, Halves, Samples};
use super::rows::{Rows, part};
use super::tree::{BisectingNode, Tree};
use super::{BisectingKMeans, BisectingModel, BisectingStrategy, OP};
use crate::kmeans::{Seeds, Space, is_reversible};
use crate::{assign, check};
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::ops::Range;

impl BisectingKMeans {
    /// Splits the rows of `x`.
    ///
    /// Running out of `max_iter` is not an error; ask [`BisectingModel::converged`].
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a parameter is out of its range, or numbers of `x` are so large
    ///   that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `n_clusters`.
    /// - [`Error::Shape`]: `x` has no column, or there are fewer distinct samples than clusters.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<BisectingModel<T>> {
        self.run(x, None)
    }

    /// [`BisectingKMeans::fit`] with a weight for each sample: a weight of 2 counts as two samples
    /// in one place, a weight of 0 as none.
    ///
    /// # Errors
    ///
    /// As [`BisectingKMeans::fit`]; and when a weight is negative or not finite, all are 0, or there
    /// is not one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{BisectingKMeans, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [90.0]];
    /// let x = MatrixView::from_rows(&x);
    /// let model = BisectingKMeans::new(2).fit_weighted(x, &[1.0, 3.0, 1.0])?;
    /// assert_eq!(model.centroids().row(model.labels()[0]), [0.75]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_weighted<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<BisectingModel<T>> {
        self.run(x, Some(sample_weight))
    }

    fn run<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
    ) -> Result<BisectingModel<T>> {
        self.check()?;
        check::table(OP, x, self.n_clusters)?;
        assign::check_squares(OP, x)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, x.n_rows())?;
        }
        let k = self.n_clusters;
        let mut growth = Growth::new(x, weights);
        while growth.leaves.len() < k {
            let Some(place) = growth.next(self.strategy) else {
                let got = growth.leaves.len();
                return Err(Error::shape(OP, format!("at least {k} distinct samples"), got));
            };
            self.split(&mut growth, place)?;
        }
        growth.finish()
    }

    /// Splits the leaf at `place`, if it can be.
    fn split<T: Real>(&self, growth: &mut Growth<'_, T>, place: usize) -> Result<()> {
        let node = growth.leaves[place];
        let rows = growth.clusters[node].rows.clone();
        let order = &growth.order[rows.clone()];
        let (is_whole, weights) = (order.len() == growth.x.n_rows(), growth.weights);
        let gathered = if is_whole { None } else { Some(Rows::gather(growth.x, order)) };
        let x = gathered.as_ref().map_or(Ok(growth.x), Rows::view)?;
        let of_rows = |all: &[T]| order.iter().map(|&i| all[i as usize]).collect::<Vec<T>>();
        let weights = weights.map(of_rows);
        let weights = weights.as_deref();

        let stream = Stream::new(self.seed, OP).child_at(growth.n_splits as u64);
        let samples = Samples { x, weights, is_reversible: growth.is_reversible };
        match self.halves(samples, &stream) {
            Ok(halves) => growth.take_in(place, weights, &halves),
            // Fewer than two distinct samples.
            Err(Error::Shape { .. }) => growth.clusters[node].is_done = true,
            Err(err) => return Err(err),
        }
        Ok(())
    }

    /// The best of the starts.
    fn halves<T: Real>(&self, samples: Samples<'_, T>, stream: &Stream) -> Result<Halves<T>> {
        let Samples { x, weights, .. } = samples;
        let seeds = Seeds::new(OP, x, weights)?;
        let end = End { max_iter: self.max_iter, shift: self.tol * seeds.variance() };
        let mut best: Option<Halves<T>> = None;
        for i in 0..self.n_init {
            let first = seeds.choose(&self.init, 2, &stream.child_at(i as u64))?;
            let Some(halves) = Halves::find(samples, first, end) else {
                return self.by_kmeans(samples, stream);
            };
            if best.as_ref().is_none_or(|best| halves.inertia() < best.inertia()) {
                best = Some(halves);
            }
        }
        best.ok_or_else(|| Error::param(OP, "n_init", "at least 1", 0))
    }

    /// Where means round so that a centroid loses its samples, k-means moves it to another.
    fn by_kmeans<T: Real>(&self, samples: Samples<'_, T>, stream: &Stream) -> Result<Halves<T>> {
        let Samples { x, weights, .. } = samples;
        let model = self.in_two().run_as(OP, Space::Flat, x, weights, stream)?;
        let labels: Vec<u32> = model.labels().iter().map(|&label| label as u32).collect();
        let inertias = assign::inertias(x, model.centroids(), &labels, weights);
        let (centroids, converged) = (model.centroids().to_matrix(), model.converged());
        Ok(Halves { centroids, labels, inertias, converged })
    }
}

/// A tree and the samples of its leaves.
struct Growth<'a, T: Real> {
    x: MatrixView<'a, T>,
    weights: Option<&'a [T]>,
    /// Of all samples, and so of any.
    is_reversible: bool,
    /// The samples, those of each leaf side by side.
    order: Vec<u32>,
    clusters: Vec<Cluster>,
    /// The centroids of the clusters, one after the other.
    centroids: Vec<T>,
    /// The clusters that are leaves, from left to right.
    leaves: Vec<usize>,
    n_splits: usize,
    converged: bool,
}

struct Cluster {
    /// Its part of the order.
    rows: Range<usize>,
    weight: f64,
    inertia: f64,
    children: Option<[usize; 2]>,
    /// Whether it is known that it cannot be split.
    is_done: bool,
}

impl<'a, T: Real> Growth<'a, T> {
    fn new(x: MatrixView<'a, T>, weights: Option<&'a [T]>) -> Self {
        let (n, d) = x.shape();
        let labels = vec![0; n];
        let sums = assign::sums(x, &labels, weights, 1);
        let centroids: Vec<T> = sums[..d].iter().map(|sum| T::from_f64(sum / sums[d])).collect();
        let inertia = MatrixView::from_slice(&centroids, 1, d)
            .map_or(0.0, |centroid| assign::inertia(x, centroid, &labels, weights));
        let root = Cluster { rows: 0..n, weight: sums[d], inertia, children: None, is_done: false };
        Self {
            x,
            weights,
            is_reversible: is_reversible(x, weights),
            order: (0..n as u32).collect(),
            clusters: vec![root],
            centroids,
            leaves: vec![0],
            n_splits: 0,
            converged: true,
        }
    }

    /// The place among the leaves of the one to split next, the leftmost of equals.
    fn next(&self, strategy: BisectingStrategy) -> Option<usize> {
        let score = |place: usize| {
            let cluster = &self.clusters[self.leaves[place]];
            match strategy {
                BisectingStrategy::BiggestInertia => cluster.inertia,
                BisectingStrategy::LargestCluster => cluster.weight,
            }
        };
        let places = (0..self.leaves.len()).rev();
        let open = places.filter(|&place| !self.clusters[self.leaves[place]].is_done);
        open.max_by(|&a, &b| score(a).total_cmp(&score(b)))
    }

    /// Puts two leaves in the place of one, whose samples have these weights.
    fn take_in(&mut self, place: usize, weights: Option<&[T]>, halves: &Halves<T>) {
        let parent = self.leaves[place];
        let labels = &halves.labels;
        let mut totals = [0.0; 2];
        for (i, &label) in labels.iter().enumerate() {
            totals[label as usize] += weights.map_or(1.0, |weights| weights[i].to_f64());
        }
        if totals.contains(&0.0) {
            self.clusters[parent].is_done = true;
            return;
        }
        let Range { start, end } = self.clusters[parent].rows;
        let middle = start + part(&mut self.order[start..end], labels);
        let pair = [self.clusters.len(), self.clusters.len() + 1];
        for (side, rows) in [start..middle, middle..end].into_iter().enumerate() {
            let (weight, inertia) = (totals[side], halves.inertias[side]);
            let leaf = Cluster { rows, weight, inertia, children: None, is_done: false };
            self.clusters.push(leaf);
            self.centroids.extend_from_slice(halves.centroids.row(side));
        }
        self.clusters[parent].children = Some(pair);
        self.leaves.splice(place..=place, pair);
        self.n_splits += 1;
        self.converged &= halves.converged;
    }

    fn finish(self) -> Result<BisectingModel<T>> {
        let (n, d) = self.x.shape();
        let mut labels = vec![0; n];
        let node = |cluster: &Cluster| BisectingNode {
            children: cluster.children,
            label: None,
            n_samples: cluster.rows.len(),
            inertia: cluster.inertia,
        };
        let mut nodes: Vec<BisectingNode> = self.clusters.iter().map(node).collect();
        for (label, &leaf) in self.leaves.iter().enumerate() {
            nodes[leaf].label = Some(label);
            for &row in &self.order[self.clusters[leaf].rows.clone()] {
                labels[row as usize] = label as u32;
            }
        }
        let all = Matrix::from_vec(self.centroids, nodes.len(), d)?;
        let centroids = all.view().select_rows(&self.leaves);
        let inertia = assign::inertia(self.x, centroids.view(), &labels, self.weights);
        let tree = Tree { nodes, centroids: all };
        Ok(BisectingModel::new(tree, &self.leaves, centroids, &labels, inertia, self.converged))
    }
}
