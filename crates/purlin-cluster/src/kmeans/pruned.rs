//! Rounds that skip the distances which cannot matter.
//!
//! Each sample keeps an upper bound on the distance of its own centroid and lower bounds on those
//! of the others. Centroids move, and the bounds with them. A sample whose bounds are apart keeps
//! its label without a distance; else its upper bound is computed anew, then the distances of the
//! centroids that the bounds leave, by the definition. What is skipped is proven to be farther, in
//! the numbers that would be computed: labels are those of Lloyd's rounds, to the bit, and so are
//! the sums, that follow the labels.

mod open;
mod search;

use super::Algorithm;
use super::bounds::Margin;
use super::plan::{self, Between};
use super::table::{Block, Table};
use purlin_backend::distance::{Bundles, Panels, roughly_to_assigned};
use purlin_backend::parallel;
use purlin_core::{Matrix, Real};

/// What the rounds of an accelerated algorithm remember.
pub(super) struct Pruned<T: Real> {
    algorithm: Algorithm,
    margin: Margin<T>,
    /// The centroid in each lane of each bundle.
    members: Vec<u32>,
    /// The bundle of each centroid; of the last one where it is in several.
    home: Vec<u32>,
    bundles: Bundles<T>,
    between: Between<T>,
    before: Matrix<T>,
    moves: Moves<T>,
    bounds: Vec<Bounds<T>>,
}

/// How far centroids have moved in a round.
struct Moves<T> {
    /// Each of them.
    each: Vec<T>,
    /// The most of those that a row of lower bounds is about.
    rows: Vec<T>,
    /// The one that moved most, and the most of the others.
    first: u32,
    second: T,
}

/// The bounds of a block.
struct Bounds<T> {
    upper: Vec<T>,
    /// Row after row with one bound per sample; a row is about all centroids, a bundle, or one.
    lower: Vec<T>,
    is_new: bool,
}

/// Rows of lower bounds.
fn n_rows<T: Real>(algorithm: Algorithm, k: usize) -> usize {
    match algorithm {
        Algorithm::Elkan => k,
        Algorithm::Yinyang => k.div_ceil(Panels::<T>::lanes()),
        _ => 1,
    }
}

/// Bytes that an algorithm keeps beside those of Lloyd's; `None` where they overflow.
pub(super) fn bytes<T: Real>(algorithm: Algorithm, n: usize, d: usize, k: usize) -> Option<u64> {
    let (n, d, k, size) = (n as u64, d as u64, k as u64, size_of::<T>() as u64);
    let rows = n_rows::<T>(algorithm, k as usize) as u64;
    let bounds = n.checked_mul(rows.checked_add(1)?)?;
    let width = k.next_multiple_of(Panels::<T>::lanes() as u64);
    let centroids = match algorithm {
        Algorithm::Lloyd => return Some(0),
        Algorithm::Exponion => k.checked_mul(width)?.checked_mul(d.checked_add(3)?)?,
        Algorithm::Elkan => k.checked_mul(k)?.checked_add(width.checked_mul(d)?)?,
        _ => width.checked_mul(d)?,
    };
    bounds.checked_add(centroids)?.checked_mul(size)
}

impl<T: Real> Pruned<T> {
    /// Bounds that know nothing yet.
    pub(super) fn new(algorithm: Algorithm, centroids: &Matrix<T>, blocks: &[Block]) -> Self {
        let (k, d) = centroids.shape();
        let members = match algorithm {
            Algorithm::Yinyang => plan::close_groups(centroids.view()),
            _ => plan::in_order::<T>(k),
        };
        let mut home = vec![0; k];
        for (i, &c) in members.iter().enumerate().filter(|(_, c)| **c != u32::MAX) {
            home[c as usize] = (i / Panels::<T>::lanes()) as u32;
        }
        let rows = n_rows::<T>(algorithm, k);
        let bounds = |block: &Block| Bounds {
            upper: vec![T::INFINITY; block.rows.len()],
            lower: vec![T::ZERO; rows * block.rows.len()],
            is_new: true,
        };
        Self {
            algorithm,
            margin: Margin::new(d),
            bundles: plan::bundles(centroids, &members),
            members,
            home,
            between: Between { nearest: vec![T::NEG_INFINITY; k], all: Vec::new() },
            before: centroids.clone(),
            moves: Moves { each: Vec::new(), rows: Vec::new(), first: 0, second: T::ZERO },
            bounds: blocks.iter().map(bounds).collect(),
        }
    }

    /// Does what [`Table::assign`] does.
    pub(super) fn assign(
        &mut self,
        table: &Table<'_, T>,
        centroids: &Matrix<T>,
        blocks: &mut [Block],
    ) {
        self.follow(centroids);
        let (k, work) = (centroids.n_rows(), table.work(centroids.n_rows()));
        let mut bounds = std::mem::take(&mut self.bounds);
        let mut pairs: Vec<_> = blocks.iter_mut().zip(&mut bounds).collect();
        parallel::for_each_chunk(&mut pairs, 1, work, |_, pair| {
            let (block, bounds) = &mut pair[0];
            self.block(table, centroids, block, bounds);
        });
        self.bounds = bounds;
        if self.algorithm != Algorithm::Yinyang {
            blocks[0].n_distances += (k as u64 * (k as u64 - 1)) / 2;
        }
    }

    /// Takes up where the centroids are now.
    fn follow(&mut self, centroids: &Matrix<T>) {
        let (k, lanes) = (centroids.n_rows(), Panels::<T>::lanes());
        let margin = &self.margin;
        let shift = |c: usize| margin.shift(self.before.row(c), centroids.row(c));
        let each: Vec<T> = (0..k).map(shift).collect();
        let most = |of: &[u32]| {
            let there = of.iter().filter(|&&c| c != u32::MAX);
            there.fold(T::ZERO, |most, &c| most.max(each[c as usize]))
        };
        let first = (0..k).rev().max_by(|&a, &b| each[a].total_cmp(&each[b])).unwrap_or(0);
        let others = (0..k).filter(|&c| c != first).map(|c| each[c]);
        let second = others.fold(T::ZERO, T::max);
        let rows = match self.algorithm {
            Algorithm::Elkan => each.clone(),
            Algorithm::Yinyang => self.members.chunks(lanes).map(most).collect(),
            _ => vec![each[first]],
        };
        self.moves = Moves { rows, first: first as u32, second, each };
        self.before.as_mut_slice().copy_from_slice(centroids.as_slice());
        match self.algorithm {
            Algorithm::Yinyang => {}
            Algorithm::Exponion => {
                let members = Some(&mut self.members);
                self.between = plan::between(centroids.view(), margin, true, members);
            }
            algorithm => {
                let keep = algorithm == Algorithm::Elkan;
                self.between = plan::between(centroids.view(), margin, keep, None);
            }
        }
        self.bundles = plan::bundles(centroids, &self.members);
    }

    fn block(
        &self,
        table: &Table<'_, T>,
        centroids: &Matrix<T>,
        block: &mut Block,
        bounds: &mut Bounds<T>,
    ) {
        self.carry(&block.labels, bounds);
        let mut open = self.open(&block.labels, bounds);
        block.n_distances = 0;
        if !bounds.is_new {
            // Upper bounds anew.
            let rows: Vec<u32> = open.iter().map(|&i| block.rows.start as u32 + i).collect();
            let labels: Vec<u32> = open.iter().map(|&i| block.labels[i as usize]).collect();
            let mut squared = vec![T::ZERO; rows.len()];
            roughly_to_assigned(table.x, centroids.view(), &rows, &labels, &mut squared);
            for (&i, &squared) in open.iter().zip(&squared) {
                bounds.upper[i as usize] = self.margin.above(squared);
            }
            block.n_distances += rows.len() as u64;
            let least: Vec<T> = open
                .iter()
                .map(|&i| {
                    let rows = bounds.lower[i as usize..].iter().step_by(block.labels.len());
                    rows.fold(T::INFINITY, |least, &lower| lower.min(least))
                })
                .collect();
            open = self.those_open(&block.labels, bounds, &least, open);
        }
        let found = self.search(table, block, bounds, &open);
        let before = block.labels.clone();
        block.n_changed = 0;
        for (&i, found) in open.iter().zip(&found) {
            let label = &mut block.labels[i as usize];
            block.n_changed += usize::from(*label != found.centroid);
            *label = found.centroid;
        }
        if block.n_changed > 0 {
            table.follow(block, 0..before.len(), &before);
        }
        bounds.is_new = false;
    }
}
