//! The search by leaves of a tree: which samples are cores, and the three passes together.

use super::cores::Cores;
use super::need::Need;
use super::{Found, NOISE, borders, join, number};
use crate::index::Tree;
use purlin_backend::distance::{Panels, between_boxes, least_of_rows, weigh_within};
use purlin_backend::{Buffer, parallel};
use purlin_core::{MatrixView, Real};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub(super) fn run<T: Real>(need: &Need<'_, T>, tree: &Tree<T>, reach: T) -> Found {
    let (n, d) = need.x.shape();
    let work = n.saturating_mul(d).saturating_mul(64);
    let cores = Cores::new(need.x, tree, weigh(need, tree, reach, work), reach);
    let sets = join::run(&cores, reach, work);
    let mut labels = vec![NOISE; n];
    for (core, &place) in cores.places().iter().enumerate() {
        labels[tree.order()[place as usize] as usize] = sets.find(core as u32);
    }
    let (n_clusters, _) = number(&mut labels, cores.places().len());
    borders::run(&cores, need.x, reach, work, &mut labels);
    let mut is_core = vec![false; n];
    for &place in cores.places() {
        is_core[tree.order()[place as usize] as usize] = true;
    }
    Found { is_core, labels, n_clusters }
}

/// Whether the sample at each place is a core.
fn weigh<T: Real>(need: &Need<'_, T>, tree: &Tree<T>, reach: T, work: usize) -> Vec<bool> {
    let limits = tree.panels().limits(reach);
    let weights = need.weights.map(|weights| {
        let mut sorted = Buffer::zeroed(limits.len());
        for (out, &sample) in sorted.iter_mut().zip(tree.order()) {
            *out = weights[sample as usize];
        }
        sorted
    });
    let weight_of_nodes = weigh_nodes(tree, weights.as_deref());
    let is_core: Vec<AtomicBool> = tree.order().iter().map(|_| AtomicBool::new(false)).collect();
    parallel::for_each(tree.n_leaves(), work, |leaf| {
        let mut leaf = Leaf::new(need, tree, leaf);
        let mut open = tree.path(leaf.node);
        while let Some(node) = open.pop() {
            let (least, most) = between_boxes(tree.form(), leaf.bounds(), tree.bounds(node));
            if least > reach {
                continue;
            }
            if most <= reach {
                leaf.add(weight_of_nodes[node as usize]);
            } else if let Some([left, right]) = tree.children(node) {
                open.extend([right, left]);
                continue;
            } else {
                leaf.look(node, reach, &limits, weights.as_deref());
            }
            if leaf.settle(&is_core) {
                return;
            }
        }
        leaf.decide(&is_core, 0.0);
    });
    is_core.into_iter().map(AtomicBool::into_inner).collect()
}

/// The weight of the rows of each node.
fn weigh_nodes<T: Real>(tree: &Tree<T>, weights: Option<&[T]>) -> Vec<f64> {
    let mut sums = vec![0.0; tree.n_nodes()];
    for node in (0..tree.n_nodes() as u32).rev() {
        let places = tree.places(node);
        sums[node as usize] = match (weights, tree.children(node)) {
            (None, _) => places.len() as f64,
            (_, Some(children)) => children.map(|child| sums[child as usize]).iter().sum(),
            (Some(weights), None) => {
                weights[places].iter().fold(0.0, |sum, weight| sum + weight.to_f64())
            }
        };
    }
    sums
}

/// The samples of a leaf whose neighbours do not suffice yet.
struct Leaf<'a, T: Real> {
    need: &'a Need<'a, T>,
    tree: &'a Tree<T>,
    node: u32,
    /// Their places.
    rows: Vec<u32>,
    /// What was found of each.
    sums: Vec<f64>,
    /// Their box, or one around it.
    low: Vec<T>,
    high: Vec<T>,
    /// How many there were when the box was made.
    boxed: usize,
    asking: Vec<u32>,
    found: Vec<f64>,
    least: Vec<T>,
}

impl<'a, T: Real> Leaf<'a, T> {
    fn new(need: &'a Need<'a, T>, tree: &'a Tree<T>, leaf: usize) -> Self {
        let node = tree.leaf_node(leaf);
        let places = tree.places(node);
        let (low, high) = tree.bounds(node);
        Self {
            need,
            tree,
            node,
            sums: vec![0.0; places.len()],
            low: low.to_vec(),
            high: high.to_vec(),
            boxed: places.len(),
            rows: (places.start as u32..places.end as u32).collect(),
            asking: Vec::new(),
            found: Vec::new(),
            least: Vec::new(),
        }
    }

    fn bounds(&self) -> (&[T], &[T]) {
        (&self.low, &self.high)
    }

    fn add(&mut self, weight: f64) {
        for sum in &mut self.sums {
            *sum += weight;
        }
    }

    /// Adds what leaf `node` has within reach.
    fn look(&mut self, node: u32, reach: T, limits: &[T], weights: Option<&[T]>) {
        let Self { tree, rows, sums, .. } = self;
        let (panels, form) = (tree.panels(), tree.form());
        let others = [tree.places(node)];
        let others = (panels, &others[..]);
        let enough = self.need.enough();
        if rows.len() <= FEW {
            weigh_within(form, (panels, rows), others, limits, weights, enough, sums);
            return;
        }
        near_rows(tree, rows, tree.bounds(node), &mut self.least);
        self.asking.clear();
        self.found.clear();
        for ((&row, &sum), &least) in rows.iter().zip(&*sums).zip(&self.least) {
            if least <= reach {
                self.asking.push(row);
                self.found.push(sum);
            }
        }
        weigh_within(
            form,
            (panels, &self.asking),
            others,
            limits,
            weights,
            enough,
            &mut self.found,
        );
        let mut found = self.found.iter();
        for (sum, &least) in sums.iter_mut().zip(&self.least) {
            if least <= reach
                && let Some(&found) = found.next()
            {
                *sum = found;
            }
        }
    }

    /// Takes out what is settled; whether all is.
    fn settle(&mut self, is_core: &[AtomicBool]) -> bool {
        self.decide(is_core, self.need.enough());
        let enough = self.need.enough();
        let mut sums = self.sums.iter();
        self.rows.retain(|_| sums.next().is_some_and(|&sum| sum < enough));
        self.sums.retain(|&sum| sum < enough);
        if self.rows.len() * 2 <= self.boxed && !self.rows.is_empty() && self.tree.is_bounded() {
            self.boxed = self.rows.len();
            let samples = self.rows.iter().map(|&row| self.tree.order()[row as usize]);
            bound(self.need.x, samples, &mut self.low, &mut self.high);
        }
        self.rows.is_empty()
    }

    /// Marks the cores among those that have at least `least`.
    fn decide(&self, is_core: &[AtomicBool], least: f64) {
        for (&row, &sum) in self.rows.iter().zip(&self.sums) {
            let row = row as usize;
            if sum >= least && self.need.is_core(self.tree.order()[row] as usize, sum) {
                is_core[row].store(true, Relaxed);
            }
        }
    }
}

/// Rows of which all ask: to look which of them may find something costs as much.
pub(super) const FEW: usize = 4;

/// The box of samples, of which there is one at least.
pub(super) fn bound<T: Real>(
    x: MatrixView<'_, T>,
    samples: impl Iterator<Item = u32>,
    low: &mut [T],
    high: &mut [T],
) {
    low.fill(T::INFINITY);
    high.fill(T::NEG_INFINITY);
    for sample in samples {
        for ((low, high), &value) in low.iter_mut().zip(&mut *high).zip(x.row(sample as usize)) {
            *low = value.min(*low);
            *high = value.max(*high);
        }
    }
}

/// At most the value between each of `rows`, in the order of their places, and what is in the box.
pub(super) fn near_rows<T: Real>(
    tree: &Tree<T>,
    rows: &[u32],
    bounds: (&[T], &[T]),
    least: &mut Vec<T>,
) {
    let (lanes, mut of_panel) = (Panels::<T>::lanes(), [T::ZERO; 16]);
    let mut panel = usize::MAX;
    least.clear();
    for &row in rows {
        let row = row as usize;
        if row / lanes != panel {
            panel = row / lanes;
            least_of_rows(tree.form(), (tree.panels(), panel), bounds, &mut of_panel);
        }
        least.push(of_panel[row % lanes]);
    }
}
