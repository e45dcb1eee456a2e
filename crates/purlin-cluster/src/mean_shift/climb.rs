//! The way up.

use super::OP;
use super::seeds::by_numbers;
use crate::index::Tree;
use crate::{Metric, reach};
use purlin_backend::distance::{DoubleSum, Form, add_within};
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Result};
use std::ops::Range;

/// Points that one task moves.
const BLOCK: usize = 16;

/// Samples in a tree that knows the sums of its nodes.
pub(super) struct Slope {
    tree: Tree<f64>,
    /// For each node the sum of its samples.
    sums: Vec<DoubleSum>,
    n_features: usize,
    bandwidth: f64,
    /// What a squared distance within the bandwidth is at most.
    reach: f64,
}

/// Where a point has ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Peak {
    pub(super) place: Vec<f64>,
    /// How many samples its mean was taken of; 0 where there was none in reach.
    pub(super) count: usize,
    /// Moves after which it was not yet at rest.
    pub(super) n_moves: usize,
}

/// What a point needs on its way.
#[derive(Default)]
struct Scratch {
    open: Vec<u32>,
    ranges: Vec<Range<usize>>,
    lanes: Vec<f64>,
    sums: Vec<DoubleSum>,
}

impl Slope {
    pub(super) fn new(x: MatrixView<'_, f64>, bandwidth: f64) -> Self {
        let d = x.n_cols();
        let tree = Tree::new(x, Form::SquaredEuclidean);
        // Parents come before their children.
        let mut nodes: Vec<u32> = tree.root().into_iter().collect();
        let mut at = 0;
        while at < nodes.len() {
            nodes.extend(tree.children(nodes[at]).into_iter().flatten());
            at += 1;
        }
        let n_nodes = nodes.iter().max().map_or(0, |&last| last as usize + 1);
        let mut sums = vec![DoubleSum::default(); n_nodes * d];
        for &node in nodes.iter().rev() {
            let mut sum = vec![DoubleSum::default(); d];
            if let Some(children) = tree.children(node) {
                for child in children {
                    for (sum, &part) in sum.iter_mut().zip(&sums[child as usize * d..]) {
                        sum.add(part);
                    }
                }
            } else {
                for &row in &tree.order()[tree.places(node)] {
                    for (sum, &high) in sum.iter_mut().zip(x.row(row as usize)) {
                        sum.add(DoubleSum { high, low: 0.0 });
                    }
                }
            }
            sums[node as usize * d..][..d].copy_from_slice(&sum);
        }
        let reach = reach::reach(&Metric::Euclidean, bandwidth);
        Self { tree, sums, n_features: d, bandwidth, reach }
    }

    /// Where the points of `starts` end.
    pub(super) fn climb(&self, starts: MatrixView<'_, f64>, max_iter: usize) -> Vec<Peak> {
        let start = |row: &[f64]| Peak { place: row.to_vec(), count: 0, n_moves: 0 };
        let mut peaks: Vec<Peak> = starts.rows().map(start).collect();
        parallel::for_each_chunk(&mut peaks, BLOCK, usize::MAX, |_, peaks| {
            let mut scratch = Scratch::default();
            for peak in peaks {
                self.climb_one(peak, max_iter, &mut scratch);
            }
        });
        peaks
    }

    fn climb_one(&self, peak: &mut Peak, max_iter: usize, scratch: &mut Scratch) {
        let rest = 1e-3 * self.bandwidth;
        loop {
            peak.count = self.add_up(&peak.place, scratch);
            if peak.count == 0 {
                return;
            }
            let mut squares = 0.0;
            for (place, sum) in peak.place.iter_mut().zip(&scratch.sums) {
                let mean = sum.high / peak.count as f64;
                let t: f64 = mean - *place;
                squares = t.mul_add(t, squares);
                *place = mean;
            }
            if squares.sqrt() <= rest || peak.n_moves == max_iter {
                return;
            }
            peak.n_moves += 1;
        }
    }

    /// Adds up the samples within reach and returns their number.
    fn add_up(&self, place: &[f64], scratch: &mut Scratch) -> usize {
        let Scratch { open, ranges, lanes, sums } = scratch;
        let (tree, d) = (&self.tree, self.n_features);
        sums.clear();
        sums.resize(d, DoubleSum::default());
        ranges.clear();
        open.extend(tree.root());
        let mut count = 0;
        while let Some(node) = open.pop() {
            if tree.least(place, node) > self.reach {
                continue;
            }
            if tree.most(place, node) <= self.reach {
                count += tree.places(node).len();
                for (sum, &part) in sums.iter_mut().zip(&self.sums[node as usize * d..]) {
                    sum.add(part);
                }
            } else if let Some([left, right]) = tree.children(node) {
                open.extend([right, left]);
            } else {
                ranges.push(tree.places(node));
            }
        }
        let others = (tree.panels(), &ranges[..]);
        count + add_within(Form::SquaredEuclidean, place, others, self.reach, lanes, sums)
    }
}

/// The peaks that are centres: none is within the bandwidth of one before it.
pub(super) fn centers(mut peaks: Vec<Peak>, bandwidth: f64) -> Result<Matrix<f64>> {
    let n_seeds = peaks.len();
    peaks.retain(|peak| peak.count > 0);
    let d = peaks.first().map_or(0, |peak| peak.place.len());
    if peaks.is_empty() {
        let expected = format!("a sample within {bandwidth} of one of the {n_seeds} seeds");
        return Err(Error::shape(OP, expected, "none"));
    }
    peaks.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| by_numbers(&b.place, &a.place)));
    peaks.dedup_by(|a, b| a.place == b.place);
    let places = Matrix::from_fn(peaks.len(), d, |i, j| peaks[i].place[j]);
    let tree = Tree::new(places.view(), Form::SquaredEuclidean);
    let reach: f64 = reach::reach(&Metric::Euclidean, bandwidth);
    let mut is_center = vec![true; peaks.len()];
    let mut open = Vec::new();
    for i in 0..peaks.len() {
        if !is_center[i] {
            continue;
        }
        let place = places.row(i);
        open.extend(tree.root());
        while let Some(node) = open.pop() {
            if tree.least(place, node) > reach {
                continue;
            }
            if let Some(children) = tree.children(node) {
                open.extend(children);
                continue;
            }
            for &other in &tree.order()[tree.places(node)] {
                if Form::SquaredEuclidean.of(place, places.row(other as usize)) <= reach {
                    is_center[other as usize] = false;
                }
            }
        }
        is_center[i] = true;
    }
    let kept: Vec<usize> = (0..peaks.len()).filter(|&i| is_center[i]).collect();
    Ok(places.view().select_rows(&kept))
}
