//! Two centroids for some samples.
//!
//! Rounds of k-means with the labels that Lloyd's rounds give, but a round looks only at samples
//! whose label may have changed. Between two centroids one bound for each sample is enough: with
//! the distances `a` and `b >= a` from them, no label changes before both together have moved by
//! `b - a`. What they move from round to round is added up, and each sample keeps the sum up to
//! which its label holds. The sums of the samples follow the labels, those that change alone.

use crate::assign;
use crate::kmeans::Margin;
use purlin_backend::distance::{Bundles, LabelSums, Least, Panels};
use purlin_backend::parallel;
use purlin_core::{Matrix, MatrixView, Real};
use std::ops::Range;

/// Samples whose distances are computed at a time.
const PIECE: usize = 256;

/// Samples in two halves.
pub(super) struct Halves<T: Real> {
    pub(super) centroids: Matrix<T>,
    pub(super) labels: Vec<u32>,
    pub(super) inertias: [f64; 2],
    pub(super) converged: bool,
}

/// The samples of a split.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a, T: Real> {
    pub(super) x: MatrixView<'a, T>,
    pub(super) weights: Option<&'a [T]>,
    /// Whether sums may follow the labels, or begin anew where a label has changed.
    pub(super) is_reversible: bool,
}

/// When rounds end.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) max_iter: usize,
    /// The squared shift of both centroids that is small enough.
    pub(super) shift: f64,
}

impl<T: Real> Halves<T> {
    /// All rounds from these centroids; nothing where one of them is left without samples.
    pub(super) fn find(samples: Samples<'_, T>, first: Matrix<T>, end: End) -> Option<Self> {
        let mut rounds = Rounds::new(samples, first);
        let mut converged = false;
        for round in 1..=end.max_iter {
            let n_changed = rounds.assign()?;
            let shift = rounds.update();
            if n_changed == 0 {
                return Some(rounds.finish(true));
            }
            converged = shift <= end.shift;
            if converged || round == end.max_iter {
                break;
            }
        }
        rounds.assign()?;
        Some(rounds.finish(converged))
    }

    pub(super) fn inertia(&self) -> f64 {
        self.inertias[0] + self.inertias[1]
    }
}

struct Rounds<'a, T: Real> {
    samples: Samples<'a, T>,
    blocks: Vec<Block<T>>,
    centroids: Matrix<T>,
    /// Of the samples of each label, then of their weights.
    sums: Vec<f64>,
    margin: Margin<T>,
    /// At least what both centroids have moved since the start.
    moved: f64,
    /// Samples that the last round looked at.
    n_open: usize,
}

/// Some samples and what the rounds know of them.
struct Block<T> {
    rows: Range<usize>,
    labels: Vec<u32>,
    /// How much the centroids may have moved before the label may change.
    until: Vec<T>,
    /// The sums of the samples of each label.
    sums: LabelSums,
    n_changed: usize,
    open: Vec<u32>,
    /// The labels of the round before.
    before: Vec<u32>,
}

impl<'a, T: Real> Rounds<'a, T> {
    fn new(samples: Samples<'a, T>, centroids: Matrix<T>) -> Self {
        let (n, d) = samples.x.shape();
        let size = n.div_ceil(64).max(1024);
        let block = |start: usize| {
            let rows = start..n.min(start + size);
            Block {
                labels: vec![u32::MAX; rows.len()],
                until: vec![T::NEG_INFINITY; rows.len()],
                sums: LabelSums::new(2, d),
                n_changed: 0,
                open: Vec::new(),
                before: Vec::new(),
                rows,
            }
        };
        let blocks = (0..n).step_by(size).map(block).collect();
        let (sums, margin) = (vec![0.0; 2 * (d + 1)], Margin::new(d));
        Self { samples, blocks, centroids, sums, margin, moved: 0.0, n_open: n }
    }

    /// Gives every sample the label of the nearer centroid, ties to the first. Returns how many
    /// labels changed, or nothing where a label has no samples.
    fn assign(&mut self) -> Option<usize> {
        let Self { samples, margin, moved, .. } = *self;
        let mut members = vec![u32::MAX; Panels::<T>::lanes()];
        members[..2].copy_from_slice(&[0, 1]);
        let centroids = Bundles::new(self.centroids.view(), &members);
        let (n, d) = samples.x.shape();
        let work = n + 8 * d * self.n_open;
        parallel::for_each_chunk(&mut self.blocks, 1, work, |_, blocks| {
            blocks[0].assign(samples, &centroids, margin, moved);
        });
        self.n_open = self.blocks.iter().map(|block| block.open.len()).sum();
        let n_changed = self.blocks.iter().map(|block| block.n_changed).sum();
        if n_changed > 0 {
            let sums: Vec<&LabelSums> = self.blocks.iter().map(|block| &block.sums).collect();
            LabelSums::total(&sums, &mut self.sums);
        }
        (!self.sums[2 * d..].contains(&0.0)).then_some(n_changed)
    }

    /// Moves both centroids to the means of their samples. Returns the sum of the squared shifts.
    fn update(&mut self) -> f64 {
        let (before, d) = (self.centroids.clone(), self.samples.x.n_cols());
        let mut shift = 0.0;
        let mut moved = T::ZERO;
        for c in 0..2 {
            let (sum, weight) = (&self.sums[c * d..(c + 1) * d], self.sums[2 * d + c]);
            for (value, sum) in self.centroids.row_mut(c).iter_mut().zip(sum) {
                let new = T::from_f64(sum / weight);
                let t = new.to_f64() - value.to_f64();
                shift += t * t;
                *value = new;
            }
            moved += self.margin.shift(before.row(c), self.centroids.row(c));
        }
        let moved = self.margin.reach(moved).to_f64();
        self.moved = (self.moved + moved) * (1.0 + 4.0 * T::EPSILON.to_f64());
        shift
    }

    fn finish(self, converged: bool) -> Halves<T> {
        let Samples { x, weights, .. } = self.samples;
        let labels: Vec<u32> = self.blocks.into_iter().flat_map(|block| block.labels).collect();
        let inertias = assign::inertias(x, self.centroids.view(), &labels, weights);
        Halves { centroids: self.centroids, labels, inertias, converged }
    }
}

impl<T: Real> Block<T> {
    fn assign(
        &mut self,
        samples: Samples<'_, T>,
        centroids: &Bundles<T>,
        margin: Margin<T>,
        moved: f64,
    ) {
        let up = 1.0 + 4.0 * T::EPSILON.to_f64();
        let limit = T::from_f64(moved * up);
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        // No branch: which samples are open has no pattern.
        open.resize(self.rows.len(), 0);
        let mut n_open = 0;
        for (i, until) in self.until.iter().enumerate() {
            open[n_open] = i as u32;
            n_open += usize::from(*until <= limit);
        }
        open.truncate(n_open);
        self.n_changed = 0;
        if n_open > 0 {
            self.before.clone_from(&self.labels);
        }
        let x = samples.x.row_range(self.rows.clone());
        let weights = samples.weights.map(|weights| &weights[self.rows.clone()]);
        let mut nearest = Vec::with_capacity(PIECE);
        for piece in open.chunks(PIECE) {
            centroids.least(0, x, piece, &mut nearest);
            for (&i, nearest) in piece.iter().zip(&nearest) {
                self.place(i as usize, *nearest, margin, moved);
            }
        }
        self.open = open;
        if self.n_changed > 0 {
            if !samples.is_reversible {
                self.sums.clear();
                self.before.fill(u32::MAX);
            }
            self.sums.follow(x, weights, &self.before, &self.labels);
        }
    }

    /// Labels sample `i`, whose nearer centroid is known.
    #[inline]
    fn place(&mut self, i: usize, nearest: Least<T>, margin: Margin<T>, moved: f64) {
        let Least { value, lane: new, second } = nearest;
        let slack = margin.below(second) - margin.reach(margin.above(value));
        self.until[i] = if slack > T::ZERO {
            let down = 1.0 - 8.0 * T::EPSILON.to_f64();
            T::from_f64((moved + slack.to_f64()) * down)
        } else {
            T::NEG_INFINITY
        };
        self.n_changed += usize::from(self.labels[i] != new);
        self.labels[i] = new;
    }
}
