//! Rounds that skip the distances which cannot matter.
//!
//! Each sample keeps an upper bound on the distance of its own centroid and lower bounds on those
//! of the others. Centroids move, and the bounds with them. A sample whose bounds are apart keeps
//! its label without a distance; else its upper bound is computed anew, then the distances of the
//! centroids that the bounds leave, by the definition. What is skipped is proven to be farther, in
//! the numbers that would be computed: labels are those of Lloyd's rounds, to the bit. The sums
//! are formed from the labels alone, for the clusters that a sample of the block left or joined;
//! the other clusters' sums are those of the round before, which would come out the same.

use super::Algorithm;
use super::bounds::Margin;
use super::plan::{self, Between};
use super::table::{Block, Table, add_tree};
use purlin_backend::distance::{Bundles, Least, Panels, add_rows_of, roughly_to_assigned};
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
    /// The sums of the block as of its labels.
    sums: Vec<f64>,
    is_new: bool,
}

/// The nearest centroid found so far for a sample.
#[derive(Clone, Copy)]
struct Found<T> {
    value: T,
    centroid: u32,
    second: T,
    /// The bundle it was found in, and the second best there.
    bundle: u32,
    beside: T,
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
            sums: vec![0.0; block.sums.len()],
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
        add_tree(blocks);
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
        let (k, d) = centroids.shape();
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
        let mut is_open = vec![bounds.is_new; k];
        let found = self.search(table, block, bounds, &open);
        block.n_changed = 0;
        for (&i, found) in open.iter().zip(&found) {
            let label = &mut block.labels[i as usize];
            if *label != found.centroid {
                is_open[*label as usize] = true;
                is_open[found.centroid as usize] = true;
                *label = found.centroid;
                block.n_changed += 1;
            }
        }
        let (sums, totals) = bounds.sums.split_at_mut(k * d);
        for c in (0..k).filter(|&c| is_open[c]) {
            sums[c * d..(c + 1) * d].fill(0.0);
            totals[c] = 0.0;
        }
        if bounds.is_new || block.n_changed > 0 {
            let weights = table.weights.map(|weights| &weights[block.rows.clone()]);
            let x = table.x.row_range(block.rows.clone());
            add_rows_of(x, &block.labels, weights, &is_open, sums, totals);
        }
        block.sums.copy_from_slice(&bounds.sums);
        bounds.is_new = false;
    }

    /// Moves the bounds as the centroids have moved.
    fn carry(&self, labels: &[u32], bounds: &mut Bounds<T>) {
        if bounds.is_new {
            return;
        }
        let (n, margin, moves) = (labels.len(), self.margin, &self.moves);
        for (upper, &label) in bounds.upper.iter_mut().zip(labels) {
            *upper = margin.farther(*upper, moves.each[label as usize]);
        }
        for (lower, &shift) in bounds.lower.chunks_exact_mut(n).zip(&moves.rows) {
            if moves.rows.len() > 1 {
                for lower in lower {
                    *lower = margin.nearer(*lower, shift);
                }
            } else {
                for (lower, &label) in lower.iter_mut().zip(labels) {
                    let shift = if label == moves.first { moves.second } else { shift };
                    *lower = margin.nearer(*lower, shift);
                }
            }
        }
    }

    /// The samples of a block whose bounds do not tell their label.
    fn open(&self, labels: &[u32], bounds: &Bounds<T>) -> Vec<u32> {
        let n = labels.len();
        let all = (0..n as u32).collect();
        if bounds.is_new {
            return all;
        }
        let (first, rest) = bounds.lower.split_at(n);
        let mut least = first.to_vec();
        for lower in rest.chunks_exact(n) {
            for (least, &lower) in least.iter_mut().zip(lower) {
                *least = lower.min(*least);
            }
        }
        self.those_open(labels, bounds, &least, all)
    }

    /// Those of the samples `among` whose bounds do not tell their label; `least` holds the least
    /// lower bound of each.
    fn those_open(
        &self,
        labels: &[u32],
        bounds: &Bounds<T>,
        least: &[T],
        mut among: Vec<u32>,
    ) -> Vec<u32> {
        let (margin, nearest) = (self.margin, &self.between.nearest[..]);
        let mut n_open = 0;
        for slot in 0..among.len() {
            let i = among[slot];
            let (upper, label) = (bounds.upper[i as usize], labels[i as usize]);
            let lower = least[slot];
            let is_told = margin.is_apart(upper, lower)
                | margin.is_apart(upper + upper, nearest[label as usize]);
            // No branch: which samples are open has no pattern.
            among[n_open] = i;
            n_open += usize::from(!is_told);
        }
        among.truncate(n_open);
        among
    }

    /// The nearest centroid of each of the samples `open`, whose lower bounds it renews.
    fn search(
        &self,
        table: &Table<'_, T>,
        block: &mut Block,
        bounds: &mut Bounds<T>,
        open: &[u32],
    ) -> Vec<Found<T>> {
        let (n, lanes, margin) = (block.labels.len(), Panels::<T>::lanes(), &self.margin);
        let none = T::INFINITY;
        let start = Found { value: none, centroid: 0, second: none, bundle: 0, beside: none };
        let mut found = vec![start; open.len()];
        // Which bundles each asks.
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); self.bundles.n_bundles()];
        let mut beyond = vec![T::MAX; open.len()];
        for (slot, &i) in open.iter().enumerate() {
            beyond[slot] =
                self.ask(block.labels[i as usize], i as usize, n, bounds, slot, &mut lists);
        }
        let (mut rows, mut least, mut all) = (Vec::new(), Vec::<Least<T>>::new(), Vec::new());
        for (bundle, slots) in lists.iter().enumerate().filter(|(_, slots)| !slots.is_empty()) {
            rows.clear();
            rows.extend(slots.iter().map(|&slot| block.rows.start as u32 + open[slot as usize]));
            let members = &self.members[bundle * lanes..(bundle + 1) * lanes];
            let there = members.iter().filter(|&&c| c != u32::MAX).count();
            block.n_distances += (rows.len() * there) as u64;
            if self.algorithm == Algorithm::Elkan {
                self.bundles.distances(bundle, table.x, &rows, &mut all);
                least.clear();
                for (&slot, all) in slots.iter().zip(all.chunks_exact(lanes)) {
                    let i = open[slot as usize] as usize;
                    for (&c, &squared) in members[..there].iter().zip(all) {
                        bounds.lower[c as usize * n + i] = margin.below(squared);
                    }
                    least.push(least_of(all));
                }
            } else {
                self.bundles.least(bundle, table.x, &rows, &mut least);
            }
            for (&slot, least) in slots.iter().zip(&least) {
                found[slot as usize].meet(least, members, bundle as u32);
                if self.algorithm == Algorithm::Yinyang {
                    let i = open[slot as usize] as usize;
                    bounds.lower[bundle * n + i] = margin.below(least.value);
                }
            }
        }
        for ((&i, found), &beyond) in open.iter().zip(&found).zip(&beyond) {
            let i = i as usize;
            bounds.upper[i] = margin.above(found.value);
            match self.algorithm {
                Algorithm::Elkan => {
                    bounds.lower[found.centroid as usize * n + i] = margin.below(T::INFINITY);
                }
                Algorithm::Yinyang => {
                    bounds.lower[found.bundle as usize * n + i] = margin.below(found.beside);
                }
                _ => bounds.lower[i] = margin.below(found.second).min(beyond),
            }
        }
        found
    }

    /// Puts `slot`, which is sample `i`, into the lists of the bundles that may hold its nearest
    /// centroid, that of its own among them. Returns a bound on the distances of the others, where
    /// there is one bound for all.
    fn ask(
        &self,
        label: u32,
        i: usize,
        n: usize,
        bounds: &Bounds<T>,
        slot: usize,
        lists: &mut [Vec<u32>],
    ) -> T {
        let (lanes, margin, k) = (Panels::<T>::lanes(), &self.margin, self.before.n_rows());
        let (own, upper) = (label as usize, bounds.upper[i]);
        let mut add = |bundle: usize| lists[bundle].push(slot as u32);
        if bounds.is_new && self.algorithm != Algorithm::Exponion {
            (0..self.bundles.n_bundles()).for_each(add);
            return T::MAX;
        }
        match self.algorithm {
            Algorithm::Exponion => {
                let width = k.div_ceil(lanes);
                let all = &self.between.all[own * k..(own + 1) * k];
                let two = margin.reach(upper + upper);
                // As far as the nearest other centroid too: it makes the bound a good one.
                let radius = two + margin.farther(self.between.nearest[own].max(T::ZERO), T::ZERO);
                let within = all.partition_point(|&lower| lower <= radius);
                let n_bundles = within.div_ceil(lanes).max(1);
                (0..n_bundles).for_each(|bundle| add(own * width + bundle));
                match all.get(n_bundles * lanes) {
                    Some(&next) => margin.nearer(next, upper),
                    None => T::MAX,
                }
            }
            Algorithm::Yinyang => {
                let reach = margin.reach(upper);
                for bundle in 0..self.bundles.n_bundles() {
                    let is_own = bundle as u32 == self.home[own];
                    if is_own || bounds.lower[bundle * n + i] <= reach {
                        add(bundle);
                    }
                }
                T::MAX
            }
            Algorithm::Elkan => {
                let (reach, two) = (margin.reach(upper), margin.reach(upper + upper));
                let between = &self.between.all[own * k..(own + 1) * k];
                for (bundle, members) in self.members.chunks_exact(lanes).enumerate() {
                    let may = |&c: &u32| {
                        c == label
                            || c != u32::MAX
                                && bounds.lower[c as usize * n + i] <= reach
                                && between[c as usize] <= two
                    };
                    if members.iter().any(may) {
                        add(bundle);
                    }
                }
                T::MAX
            }
            _ => {
                (0..self.bundles.n_bundles()).for_each(add);
                T::MAX
            }
        }
    }
}

/// The nearest lane, as [`Bundles::least`] gives it.
fn least_of<T: Real>(all: &[T]) -> Least<T> {
    let mut least = Least { value: T::INFINITY, lane: 0, second: T::INFINITY };
    for (lane, &value) in all.iter().enumerate() {
        if value < least.value {
            least = Least { value, lane: lane as u32, second: least.value };
        } else {
            least.second = least.second.min(value);
        }
    }
    least
}

impl<T: Real> Found<T> {
    /// Takes in the best of another bundle; of equals the smaller number.
    fn meet(&mut self, least: &Least<T>, members: &[u32], bundle: u32) {
        let centroid = members[least.lane as usize];
        let is_better =
            least.value < self.value || least.value == self.value && centroid < self.centroid;
        if is_better {
            self.second = self.value.min(least.second);
            self.value = least.value;
            (self.centroid, self.bundle, self.beside) = (centroid, bundle, least.second);
        } else {
            self.second = self.second.min(least.value);
        }
    }
}
