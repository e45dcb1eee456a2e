//! Samples in blocks, each against the blocks that may lie near it.

use super::need::Need;
use super::{Found, NOISE, number};
use crate::index::Tree;
use crate::union_find::UnionFind;
use purlin_backend::distance::{Form, Panels, find_within, weigh_within};
use purlin_backend::{Buffer, parallel};
use purlin_core::{MatrixView, Real};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Samples in an order of their own, cut into blocks.
pub(super) trait Blocks<T: Real>: Sync {
    /// The sample at each place.
    fn order(&self) -> &[u32];

    /// The samples in this order.
    fn panels(&self) -> &Panels<T>;

    /// Number of blocks.
    fn n_blocks(&self) -> usize;

    /// The places of block `i`; blocks are in the order of their places.
    fn block(&self, i: usize) -> Range<usize>;

    /// Writes to `near`, in increasing order and without overlaps, places among which are all
    /// within `reach` of a sample of block `i`.
    fn near(&self, i: usize, reach: T, near: &mut Vec<Range<usize>>);
}

/// The samples as they lie, and everything near everything.
pub(super) struct Flat<T: Real> {
    order: Vec<u32>,
    panels: Panels<T>,
}

/// Samples of a block of [`Flat`].
const BLOCK: usize = 64;

impl<T: Real> Flat<T> {
    pub(super) fn new(x: MatrixView<'_, T>) -> Self {
        Self { order: (0..x.n_rows() as u32).collect(), panels: Panels::pack(x, None) }
    }
}

impl<T: Real> Blocks<T> for Flat<T> {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn panels(&self) -> &Panels<T> {
        &self.panels
    }

    fn n_blocks(&self) -> usize {
        self.order.len().div_ceil(BLOCK)
    }

    fn block(&self, i: usize) -> Range<usize> {
        i * BLOCK..self.order.len().min((i + 1) * BLOCK)
    }

    fn near(&self, _: usize, _: T, near: &mut Vec<Range<usize>>) {
        near.clear();
        near.push(0..self.order.len());
    }
}

impl<T: Real> Blocks<T> for Tree<T> {
    fn order(&self) -> &[u32] {
        self.order()
    }

    fn panels(&self) -> &Panels<T> {
        self.panels()
    }

    fn n_blocks(&self) -> usize {
        self.n_leaves()
    }

    fn block(&self, i: usize) -> Range<usize> {
        self.leaf(i)
    }

    fn near(&self, i: usize, reach: T, near: &mut Vec<Range<usize>>) {
        self.near_leaf(i, reach, near);
    }
}

/// Places that are joined with a block at a time: what is found of them is kept meanwhile.
const PIECE: usize = 256;

pub(super) fn run<T: Real, B: Blocks<T>>(
    need: &Need<'_, T>,
    blocks: &B,
    form: Form,
    reach: T,
    work: usize,
) -> Found {
    let (order, panels, n) = (blocks.order(), blocks.panels(), need.x.n_rows());
    let is_core = cores(need, blocks, form, reach, work);

    // The cores again, side by side.
    let core_order: Vec<u32> =
        (0..n).filter(|&place| is_core[place]).map(|place| order[place]).collect();
    let mut before = Vec::with_capacity(n + 1);
    before.push(0);
    before.extend(is_core.iter().scan(0u32, |count, &is_core| {
        *count += u32::from(is_core);
        Some(*count)
    }));
    let among_cores =
        |places: Range<usize>| before[places.start] as usize..before[places.end] as usize;
    let cores = Panels::gather(need.x, &core_order);
    let sets = UnionFind::new(core_order.len());
    parallel::for_each(blocks.n_blocks(), work, |i| {
        let block = among_cores(blocks.block(i));
        if block.is_empty() {
            return;
        }
        let (mut near, mut found) = (Vec::new(), Vec::new());
        blocks.near(i, reach, &mut near);
        let mut join = |places: Range<usize>| {
            if all_one(&sets, block.start as u32, block.clone())
                && all_one(&sets, block.start as u32, places.clone())
            {
                return;
            }
            found.clear();
            find_within(form, (&cores, block.clone()), (&cores, places), reach, &mut found);
            for &[a, b] in &found {
                sets.unite(a, b);
            }
        };
        join(block.clone());
        for places in &near {
            // A pair is seen from the later block.
            let places = among_cores(places.clone());
            let end = places.end.min(block.start);
            for start in places.clone().step_by(PIECE).take_while(|&start| start < end) {
                join(start..end.min(start + PIECE));
            }
        }
    });

    let mut labels = vec![NOISE; n];
    for (core, &sample) in core_order.iter().enumerate() {
        labels[sample as usize] = sets.find(core as u32);
    }
    let (n_clusters, _) = number(&mut labels, core_order.len());

    let border = |i: usize| {
        let (mut near, mut found, mut out) = (Vec::new(), Vec::new(), Vec::new());
        let block = blocks.block(i);
        if block.len() == among_cores(block.clone()).len() {
            return out;
        }
        blocks.near(i, reach, &mut near);
        for place in block.filter(|&place| !is_core[place]) {
            let mut label = NOISE;
            for places in &near {
                let places = among_cores(places.clone());
                for start in places.clone().step_by(PIECE) {
                    let piece = start..places.end.min(start + PIECE);
                    found.clear();
                    find_within(
                        form,
                        (panels, place..place + 1),
                        (&cores, piece),
                        reach,
                        &mut found,
                    );
                    let clusters =
                        found.iter().map(|&[_, core]| labels[core_order[core as usize] as usize]);
                    label = clusters.fold(label, u32::min);
                }
            }
            out.push((order[place], label));
        }
        out
    };
    let mut borders = vec![Vec::new(); blocks.n_blocks()];
    parallel::for_each_chunk(&mut borders, 1, work, |i, out| out[0] = border(i));
    for (sample, label) in borders.into_iter().flatten() {
        labels[sample as usize] = label;
    }
    let mut of_samples = vec![false; n];
    for &sample in &core_order {
        of_samples[sample as usize] = true;
    }
    Found { is_core: of_samples, labels, n_clusters }
}

/// Whether the sample at each place is a core.
fn cores<T: Real, B: Blocks<T>>(
    need: &Need<'_, T>,
    blocks: &B,
    form: Form,
    reach: T,
    work: usize,
) -> Vec<bool> {
    let (order, panels) = (blocks.order(), blocks.panels());
    let weights = need.weights.map(|weights| {
        let mut sorted = Buffer::zeroed(panels.n_panels() * Panels::<T>::lanes());
        for (out, &sample) in sorted.iter_mut().zip(order) {
            *out = weights[sample as usize];
        }
        sorted
    });
    let is_core: Vec<AtomicBool> = order.iter().map(|_| AtomicBool::new(false)).collect();
    parallel::for_each(blocks.n_blocks(), work, |i| {
        let (mut near, block) = (Vec::new(), blocks.block(i));
        blocks.near(i, reach, &mut near);
        // In pieces: sums end once they are enough.
        let near: Vec<Range<usize>> = near.into_iter().flat_map(pieces).collect();
        let mut sums = vec![0.0; block.len()];
        let (queries, others) = ((panels, block.clone()), (panels, &near[..]));
        weigh_within(form, queries, others, weights.as_deref(), reach, need.enough(), &mut sums);
        for (place, sum) in block.zip(sums) {
            if need.is_core(order[place] as usize, sum) {
                is_core[place].store(true, Relaxed);
            }
        }
    });
    is_core.into_iter().map(AtomicBool::into_inner).collect()
}

/// Runs of at most [`PIECE`] places.
fn pieces(places: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    places.clone().step_by(PIECE).map(move |start| start..places.end.min(start + PIECE))
}

/// Whether all `places` are known to be in the set of `of`.
fn all_one(sets: &UnionFind, of: u32, places: Range<usize>) -> bool {
    let root = sets.find(of);
    places.into_iter().all(|place| sets.find(place as u32) == root)
}
