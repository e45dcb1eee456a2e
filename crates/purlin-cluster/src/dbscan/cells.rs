//! The search by cells of a grid.

use super::grid::{Cells, Grid};
use super::need::Need;
use super::{Found, NOISE, number};
use crate::union_find::UnionFind;
use purlin_backend::distance::{Form, Panels, any_within, weigh_within};
use purlin_backend::{Buffer, parallel};
use purlin_core::Real;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Cells that one task looks at.
const BLOCK: usize = 128;

const FORM: Form = Form::SquaredEuclidean;

pub(super) fn run<T: Real>(need: &Need<'_, T>, grid: &Grid<T>, reach: T) -> Found {
    let n = need.x.n_rows();
    let work = n.saturating_mul(need.x.n_cols()).saturating_mul(64);
    // Queries are lists of places: all of them, to take parts of.
    let all: Vec<u32> = (0..n as u32).collect();
    let is_core = cores(need, grid, &all, reach, work);
    let core_places = || (0..n).filter(|&place| is_core[place]);
    let core_order: Vec<u32> = core_places().map(|place| grid.order[place]).collect();
    let keys = grid.cells.key_of_places().zip(&is_core);
    let cells = Cells::new(keys.filter(|&(_, &is_core)| is_core).map(|(key, _)| key));
    let panels = Panels::gather(need.x, &core_order);
    let cores = Cores { limits: panels.limits(reach), panels, order: core_order, cells };

    let sets = join(need, grid, &cores, &all, reach, work);
    let mut labels = vec![NOISE; n];
    for cell in 0..cores.cells.len() {
        let root = sets.find(cell as u32);
        for place in cores.cells.places(cell) {
            labels[cores.order[place] as usize] = root;
        }
    }
    let (n_clusters, clusters) = number(&mut labels, cores.cells.len());
    let cluster_of_cell: Vec<u32> =
        (0..cores.cells.len()).map(|cell| clusters[sets.find(cell as u32) as usize]).collect();
    for (place, cluster) in borders(grid, &cores, &cluster_of_cell, &is_core, &all, work) {
        labels[grid.order[place] as usize] = cluster;
    }
    let mut of_samples = vec![false; n];
    for &sample in &cores.order {
        of_samples[sample as usize] = true;
    }
    Found { is_core: of_samples, labels, n_clusters }
}

/// The cores, in the order of the cells.
struct Cores<T: Real> {
    panels: Panels<T>,
    limits: Buffer<T>,
    order: Vec<u32>,
    cells: Cells,
}

/// Calls `f` with each block of cells.
fn for_blocks(cells: &Cells, work: usize, f: impl Fn(Range<usize>) + Sync + Send) {
    parallel::for_each(cells.len().div_ceil(BLOCK), work, |block| {
        f(block * BLOCK..cells.len().min((block + 1) * BLOCK));
    });
}

/// Whether the sample at each place is a core. Where a cell alone suffices, no distance is
/// computed, nor where all cells around do not.
fn cores<T: Real>(
    need: &Need<'_, T>,
    grid: &Grid<T>,
    all: &[u32],
    reach: T,
    work: usize,
) -> Vec<bool> {
    let limits = grid.panels.limits(reach);
    let weights = need.weights.map(|weights| {
        let mut sorted = Buffer::zeroed(grid.panels.n_panels() * Panels::<T>::lanes());
        for (out, &sample) in sorted.iter_mut().zip(&grid.order) {
            *out = weights[sample as usize];
        }
        sorted
    });
    let weight_of = |places: Range<usize>| match &weights {
        None => places.len() as f64,
        Some(weights) => weights[places].iter().fold(0.0, |sum, w| sum + w.to_f64()),
    };
    let is_core: Vec<AtomicBool> = grid.order.iter().map(|_| AtomicBool::new(false)).collect();
    for_blocks(&grid.cells, work, |block| {
        let (mut walk, mut near) = (grid.walk(&grid.cells), Vec::new());
        let (mut ranges, mut sums) = (Vec::new(), Vec::new());
        for cell in block {
            let places = grid.cells.places(cell);
            if weight_of(places.clone()) >= need.enough() {
                for place in places {
                    is_core[place].store(true, Relaxed);
                }
                continue;
            }
            walk.near(grid.cells.keys[cell], &mut near);
            ranges.clear();
            ranges.extend(near.iter().map(|cells| grid.cells.places_of(cells.clone())));
            if need.is_short(ranges.iter().map(|range| weight_of(range.clone())).sum()) {
                continue;
            }
            // Its own row first: it is likely to suffice.
            let own = ranges.iter().position(|range| range.contains(&places.start)).unwrap_or(0);
            ranges.swap(0, own);
            sums.clear();
            sums.resize(places.len(), 0.0);
            let (queries, others) =
                ((&grid.panels, &all[places.clone()]), (&grid.panels, &ranges[..]));
            let (enough, weights) = (need.enough(), weights.as_deref());
            weigh_within(FORM, queries, others, &limits, weights, enough, &mut sums);
            for (place, &sum) in places.zip(&sums) {
                if need.is_core(grid.order[place] as usize, sum) {
                    is_core[place].store(true, Relaxed);
                }
            }
        }
    });
    is_core.into_iter().map(AtomicBool::into_inner).collect()
}

/// Joins the cells that have cores within reach of each other. The nearest rows come first: most
/// of the others are joined by then. What one thread sees of another's unions only saves work.
fn join<T: Real>(
    need: &Need<'_, T>,
    grid: &Grid<T>,
    cores: &Cores<T>,
    all: &[u32],
    reach: T,
    work: usize,
) -> UnionFind {
    let cells = &cores.cells;
    let sets = UnionFind::new(cells.len());
    for_blocks(cells, work, |block| {
        let (mut walk, mut near, mut others) = (grid.walk(cells), Vec::new(), Vec::new());
        for cell in block {
            let places = cells.places(cell);
            walk.near(cells.keys[cell], &mut near);
            others.clear();
            // A pair is seen from the later cell.
            others.extend(near.iter().cloned().flatten().take_while(|&other| other < cell));
            for &other in others.iter().rev() {
                if sets.find(other as u32) != sets.find(cell as u32)
                    && are_near(need, cores, &all[places.clone()], cells.places(other), reach)
                {
                    sets.unite(other as u32, cell as u32);
                }
            }
        }
    });
    sets
}

/// Pairs above which it pays to look first which of them can be within reach.
const MANY: usize = 1 << 12;

/// Whether two cells have cores within reach of each other.
fn are_near<T: Real>(
    need: &Need<'_, T>,
    cores: &Cores<T>,
    a: &[u32],
    b: Range<usize>,
    reach: T,
) -> bool {
    let (panels, limits) = (&cores.panels, &cores.limits[..]);
    let are_near = |rows: &[u32]| any_within(FORM, (panels, rows), (panels, b.clone()), limits);
    if a.len().saturating_mul(b.len()) < MANY {
        return are_near(a);
    }
    let row = |place: usize| need.x.row(cores.order[place] as usize);
    let (mut low, mut high) = (row(b.start).to_vec(), row(b.start).to_vec());
    for place in b.clone() {
        for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(row(place)) {
            *low = value.min(*low);
            *high = value.max(*high);
        }
    }
    // A distance from the box, step by step rounded as those from what is inside: never above.
    let may_reach = |place: &u32| {
        let gaps = row(*place as usize).iter().zip(&low).zip(&high);
        let gaps = gaps.map(|((&x, &low), &high)| (low - x).max(x - high).max(T::ZERO));
        FORM.of_differences(gaps) <= reach
    };
    let candidates: Vec<u32> = a.iter().copied().filter(may_reach).collect();
    are_near(&candidates)
}

/// The border samples by their places, with their clusters.
fn borders<T: Real>(
    grid: &Grid<T>,
    cores: &Cores<T>,
    cluster_of_cell: &[u32],
    is_core: &[bool],
    all: &[u32],
    work: usize,
) -> impl Iterator<Item = (usize, u32)> {
    let cells = &grid.cells;
    let mut found = vec![Vec::new(); cells.len().div_ceil(BLOCK)];
    parallel::for_each_chunk(&mut found, 1, work, |block, found| {
        let (mut walk, mut near) = (grid.walk(&cores.cells), Vec::new());
        for cell in block * BLOCK..cells.len().min((block + 1) * BLOCK) {
            let places = cells.places(cell);
            if is_core[places.clone()].iter().all(|&is_core| is_core) {
                continue;
            }
            walk.near(cells.keys[cell], &mut near);
            for place in places.filter(|&place| !is_core[place]) {
                let mut best = NOISE;
                for other in near.iter().cloned().flatten() {
                    let (of, others) = (cluster_of_cell[other], cores.cells.places(other));
                    let others = (&cores.panels, others);
                    let query = (&grid.panels, &all[place..=place]);
                    if of < best && any_within(FORM, query, others, &cores.limits) {
                        best = of;
                    }
                }
                if best != NOISE {
                    found[0].push((place, best));
                }
            }
        }
    });
    found.into_iter().flatten()
}
