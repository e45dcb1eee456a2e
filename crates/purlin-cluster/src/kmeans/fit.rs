//! The rounds.

use super::assign::{Assigner, assign, choose, side_by_side};
use super::empty::relocate;
use super::init::{n_trials, start};
use super::seed::in_the_name_of;
use super::table::{Block, Table};
use super::{Algorithm, EmptyCluster, Init, Iteration, KMeans, KMeansModel, OP, Space, StopReason};
use crate::check;
use purlin_backend::distance::Drift;
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

impl KMeans {
    /// Finds the centroids of `x`.
    ///
    /// Running out of `max_iter` is not an error; ask [`KMeansModel::converged`].
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a count is 0, `tol` is negative or NaN, or numbers of `x` are so
    ///   large that squared distances overflow.
    /// - [`Error::TooFewSamples`]: `x` has fewer rows than `n_clusters`.
    /// - [`Error::Shape`]: `x` has no column, or given centroids do not fit it, or there are fewer
    ///   distinct samples than clusters.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    /// - [`Error::OutOfBudget`]: the bounds of the algorithm exceed [`KMeans::memory`].
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<KMeansModel<T>> {
        self.run(x, None)
    }

    /// [`KMeans::fit`] with a weight for each sample: a weight of 2 counts as two samples in one
    /// place, a weight of 0 as none.
    ///
    /// # Errors
    ///
    /// As [`KMeans::fit`]; and when a weight is negative or not finite, all are 0, or there is not
    /// one per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{KMeans, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [9.0]];
    /// let model = KMeans::new(1).fit_weighted(MatrixView::from_rows(&x), &[1.0, 3.0, 0.0])?;
    /// assert_eq!(model.centroids().row(0), [0.75]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn fit_weighted<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        sample_weight: &[T],
    ) -> Result<KMeansModel<T>> {
        self.run(x, Some(sample_weight))
    }

    fn run<T: Real>(&self, x: MatrixView<'_, T>, weights: Option<&[T]>) -> Result<KMeansModel<T>> {
        self.check()?;
        check::shape(OP, x, self.n_clusters)?;
        if let Some(weights) = weights {
            check::weights(OP, weights, x.n_rows())?;
        }
        self.run_in(Space::Flat, x, weights, &Stream::new(self.seed, OP))
    }

    /// The same for a relative of k-means, that has checked the parameters, `x` and the weights:
    /// with its own stream, and errors in the name of `op`.
    pub(crate) fn run_as<T: Real>(
        &self,
        op: &'static str,
        space: Space,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
        stream: &Stream,
    ) -> Result<KMeansModel<T>> {
        self.run_in(space, x, weights, stream).map_err(|err| in_the_name_of(op, err))
    }

    fn run_in<T: Real>(
        &self,
        space: Space,
        x: MatrixView<'_, T>,
        weights: Option<&[T]>,
        stream: &Stream,
    ) -> Result<KMeansModel<T>> {
        let given = match &self.init {
            Init::Centroids(given) => Some(self.given::<T>(given, x.n_cols())?),
            _ => None,
        };
        let algorithm = choose::<T>(self, x.shape())?;
        let mut table = Table::new(x, weights)?;
        table.space = space;
        let mut best: Option<KMeansModel<T>> = None;
        let side = side_by_side(self.n_init, x.n_cols(), n_trials(&self.init, self.n_clusters));
        for first in (0..self.n_init).step_by(side) {
            let places = first..self.n_init.min(first + side);
            let centroids = if let Some(given) = &given {
                vec![given.clone(); places.len()]
            } else {
                let streams: Vec<Stream> =
                    places.clone().map(|i| stream.child_at(i as u64)).collect();
                start(&self.init, &table, self.n_clusters, &streams)?
            };
            // Bounds are large, and gain nothing from company.
            let company = if algorithm == Algorithm::Lloyd { side } else { 1 };
            let mut places = places;
            let mut centroids = centroids.into_iter();
            while centroids.len() > 0 {
                let start = |centroids| Start::new(centroids, &table, algorithm);
                let mut starts: Vec<Start<T>> =
                    centroids.by_ref().take(company).map(start).collect();
                self.rounds(&table, &mut starts);
                for (start, i) in starts.into_iter().zip(places.by_ref()) {
                    let mut model = self.model(&table, start)?;
                    (model.best_init, model.algorithm) = (i, algorithm);
                    if best.as_ref().is_none_or(|best| model.inertia < best.inertia) {
                        best = Some(model);
                    }
                }
            }
        }
        best.ok_or_else(|| Error::param(OP, "n_init", "at least 1", 0))
    }

    /// All rounds of some starts, side by side.
    fn rounds<T: Real>(&self, table: &Table<'_, T>, starts: &mut [Start<T>]) {
        while starts.iter().any(|start| start.end.is_none()) {
            assign(table, starts.iter_mut().filter(|start| start.end.is_none()));
            for start in starts.iter_mut().filter(|start| start.end.is_none()) {
                start.end = self.round(table, start).transpose();
            }
        }
        let is_late = |start: &&mut Start<T>| {
            !matches!(start.end, Some(Ok(StopReason::LabelsStable) | Err(_)))
        };
        assign(table, starts.iter_mut().filter(is_late));
        if self.empty_cluster == EmptyCluster::Error {
            for start in starts.iter_mut().filter(is_late) {
                let Start { centroids, blocks, sums, end, .. } = start;
                table.total(blocks, sums);
                if let Err(err) = relocate(self.empty_cluster, table, centroids, blocks, sums) {
                    *end = Some(Err(err));
                }
            }
        }
    }

    /// What follows when the samples are assigned. Returns why it was the last round, if it was.
    fn round<T: Real>(
        &self,
        table: &Table<'_, T>,
        start: &mut Start<T>,
    ) -> Result<Option<StopReason>> {
        let Start { centroids, blocks, sums, trace, n_iter, watch, .. } = start;
        *n_iter += 1;
        let n_changed: usize = blocks.iter().map(|block| block.n_changed).sum();
        let inertia = self.trace.then(|| table.inertia(centroids, blocks));
        table.total(blocks, sums);
        let n_relocated = relocate(self.empty_cluster, table, centroids, blocks, sums)?;
        let moves = update(table.space, self.empty_cluster, centroids, sums);
        let shift = moves.iter().sum();
        let n_distances: u64 = blocks.iter().map(|block| block.n_distances).sum();
        let is_dear = n_distances > (table.x.n_rows() * centroids.n_rows()) as u64;
        watch.follow(&moves, n_changed, is_dear);
        if let Some(inertia) = inertia {
            let centroid_shift = shift;
            let round = Iteration { inertia, n_changed, centroid_shift, n_relocated, n_distances };
            trace.push(round);
        }
        Ok(if n_changed == 0 && n_relocated == 0 {
            Some(StopReason::LabelsStable)
        } else if shift <= self.tol * table.variance {
            Some(StopReason::CentroidsWithinTol)
        } else {
            (*n_iter >= self.max_iter).then_some(StopReason::MaxIter)
        })
    }

    /// What a start has come to.
    fn model<T: Real>(&self, table: &Table<'_, T>, start: Start<T>) -> Result<KMeansModel<T>> {
        let Start { mut centroids, blocks, trace, n_iter, end, .. } = start;
        let stop_reason = end.unwrap_or(Ok(StopReason::MaxIter))?;
        let inertia = table.inertia(&centroids, &blocks);
        let mut labels: Vec<usize> =
            blocks.iter().flat_map(|block| &block.labels).map(|&label| label as usize).collect();
        if self.empty_cluster == EmptyCluster::Drop {
            centroids = drop_empty(&centroids, &mut labels);
        }
        let center = table.center.clone();
        Ok(KMeansModel::new(centroids, center, labels, inertia, n_iter, stop_reason, trace))
    }
}

/// One of the starts of which the best is kept.
pub(super) struct Start<T: Real> {
    pub(super) centroids: Matrix<T>,
    pub(super) blocks: Vec<Block>,
    pub(super) assigner: Assigner<T>,
    /// Of the rows of each label, then of their weights.
    sums: Vec<f64>,
    trace: Vec<Iteration>,
    n_iter: usize,
    pub(super) watch: Watch,
    end: Option<Result<StopReason>>,
}

impl<T: Real> Start<T> {
    fn new(centroids: Matrix<T>, table: &Table<'_, T>, algorithm: Algorithm) -> Self {
        let (k, d) = centroids.shape();
        let (blocks, sums) = (table.blocks(k), vec![0.0; k * (d + 1)]);
        let assigner = Assigner::new(algorithm);
        Self {
            centroids,
            blocks,
            assigner,
            sums,
            trace: Vec::new(),
            n_iter: 0,
            watch: Watch::new(table.x.n_rows()),
            end: None,
        }
    }
}

/// When the bounds of samples pay, which tell little while many samples change their cluster.
pub(super) struct Watch {
    /// How far the centroids have moved since bounds are kept, if they are.
    pub(super) drift: Option<Drift>,
    /// Bounds are trusted when no more samples change their cluster.
    limit: usize,
}

/// At first fewer than one of so many samples must change for bounds to be trusted.
const QUIET: usize = 8;

/// When so many times the limit change, bounds are kept for the next round.
const NEARLY_QUIET: usize = 3;

impl Watch {
    fn new(n: usize) -> Self {
        Self { drift: None, limit: n / QUIET }
    }

    /// After a round in which `n_changed` samples changed their cluster, and before one in which
    /// centroids have moved by the roots of `squares`. `is_dear`: the round computed more distances
    /// than one without bounds.
    fn follow(&mut self, squares: &[f64], n_changed: usize, is_dear: bool) {
        if is_dear {
            self.limit = self.limit.min(n_changed / 2);
        }
        match &mut self.drift {
            Some(drift) if n_changed <= self.limit => {
                // Upwards, for what they round and what they lack where terms underflow.
                let upwards = |square: &f64| (square + f64::MIN_POSITIVE).sqrt() * (1.0 + 1e-9);
                drift.add(&squares.iter().map(upwards).collect::<Vec<_>>());
            }
            drift => {
                let is_near = n_changed <= NEARLY_QUIET * self.limit;
                *drift = is_near.then(|| Drift::new(squares.len()));
            }
        }
    }
}

/// Moves each centroid to where its samples put it; returns the squares of the moves.
///
/// One without samples stays; under [`EmptyCluster::Farthest`] it has given its only sample to
/// another and joins the heaviest cluster, as in scikit-learn.
fn update<T: Real>(
    space: Space,
    policy: EmptyCluster,
    centroids: &mut Matrix<T>,
    sums: &[f64],
) -> Vec<f64> {
    let (k, d) = centroids.shape();
    let (sums, totals) = sums.split_at(k * d);
    let heaviest = (0..k).rev().max_by(|&a, &b| totals[a].total_cmp(&totals[b])).unwrap_or(0);
    let mut squares = vec![0.0; k];
    for (c, square) in squares.iter_mut().enumerate() {
        let from = match policy {
            _ if totals[c] > 0.0 => c,
            EmptyCluster::Farthest => heaviest,
            _ => continue,
        };
        let sum = &sums[from * d..(from + 1) * d];
        let Some(divisor) = space.divisor(sum, totals[from]) else { continue };
        for (value, &sum) in centroids.row_mut(c).iter_mut().zip(sum) {
            let new = T::from_f64(divisor.divide(sum));
            let t = new.to_f64() - value.to_f64();
            *square += t * t;
            *value = new;
        }
    }
    squares
}

/// Removes the centroids that no label names, and renumbers the labels.
fn drop_empty<T: Real>(centroids: &Matrix<T>, labels: &mut [usize]) -> Matrix<T> {
    let mut is_used = vec![false; centroids.n_rows()];
    for &label in labels.iter() {
        is_used[label] = true;
    }
    let used: Vec<usize> = (0..is_used.len()).filter(|&c| is_used[c]).collect();
    let mut number = vec![0; is_used.len()];
    for (new, &old) in used.iter().enumerate() {
        number[old] = new;
    }
    for label in labels.iter_mut() {
        *label = number[*label];
    }
    centroids.view().select_rows(&used)
}
