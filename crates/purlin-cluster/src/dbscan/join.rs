//! Which cores are connected.

use super::cores::Cores;
use crate::union_find::UnionFind;
use purlin_backend::distance::{any_within, between_boxes, find_within};
use purlin_backend::parallel;
use purlin_core::Real;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Joins the cores within reach of each other: from the leaves up, at each node what is left with
/// what is right. Two nodes whose cores are in one set already are not looked at, so that of two
/// parts of a cluster one pair suffices. What one thread sees of another's unions only saves work.
pub(super) fn run<T: Real>(cores: &Cores<'_, T>, reach: T, work: usize) -> UnionFind {
    let tree = cores.tree;
    let join = Join {
        cores,
        reach,
        sets: UnionFind::new(cores.places().len()),
        is_one: (0..tree.n_nodes()).map(|_| AtomicBool::new(false)).collect(),
    };
    for level in tree.levels().into_iter().rev() {
        let pair = |node| tree.children(node).map_or((node, node), |[left, right]| (left, right));
        let mut pairs: Vec<(u32, u32)> = level.clone().map(pair).collect();
        // High up there are few nodes: their parts, so that all threads have work.
        while pairs.len() < SHARES && pairs.iter().any(|&pair| !join.are_leaves(pair)) {
            let mut parts = Vec::new();
            for pair in pairs {
                if join.are_leaves(pair) {
                    parts.push(pair);
                } else {
                    join.look(pair, &mut parts);
                }
            }
            pairs = parts;
        }
        let size = (pairs.len() / SHARES).max(1);
        parallel::for_each(pairs.len().div_ceil(size), work, |share| {
            let mut open = Vec::new();
            for &pair in &pairs[share * size..pairs.len().min((share + 1) * size)] {
                open.push(pair);
                while let Some(pair) = open.pop() {
                    join.look(pair, &mut open);
                }
            }
        });
        for node in level {
            join.set_of(node);
        }
    }
    join.sets
}

/// Tasks of a level.
const SHARES: usize = 256;

struct Join<'a, T: Real> {
    cores: &'a Cores<'a, T>,
    reach: T,
    sets: UnionFind,
    /// Nodes whose cores are known to be in one set.
    is_one: Vec<AtomicBool>,
}

impl<T: Real> Join<'_, T> {
    fn are_leaves(&self, (a, b): (u32, u32)) -> bool {
        let is_leaf = |node| self.cores.tree.children(node).is_none();
        is_leaf(a) && is_leaf(b)
    }

    /// The set of the cores of a node, where it is known to be one.
    fn set_of(&self, node: u32) -> Option<u32> {
        let (sets, cores) = (&self.sets, self.cores.of(node));
        if cores.is_empty() {
            return None;
        }
        let set = sets.find(cores.start);
        let is_one = |node: u32| self.is_one[node as usize].load(Relaxed);
        if is_one(node) {
            return Some(set);
        }
        let now = match self.cores.tree.children(node) {
            Some(children) => children.into_iter().all(|child| {
                let cores = self.cores.of(child);
                cores.is_empty() || is_one(child) && sets.find(cores.start) == set
            }),
            None => cores.into_iter().all(|core| sets.find(core) == set),
        };
        if now {
            self.is_one[node as usize].store(true, Relaxed);
        }
        now.then_some(set)
    }

    /// Makes one set of all cores of a node.
    fn make_one(&self, node: u32) {
        if !self.is_one[node as usize].load(Relaxed) {
            let cores = self.cores.of(node);
            for core in cores.clone() {
                self.sets.unite(cores.start, core);
            }
            self.is_one[node as usize].store(true, Relaxed);
        }
    }

    /// Joins two nodes, or puts pairs of parts of them on the stack, the nearest on top.
    fn look(&self, (a, b): (u32, u32), open: &mut Vec<(u32, u32)>) {
        let (cores, sets) = (self.cores, &self.sets);
        let (of_a, of_b) = (cores.of(a), cores.of(b));
        if of_a.is_empty() || of_b.is_empty() {
            return;
        }
        let (set_a, set_b) = (self.set_of(a), self.set_of(b));
        if set_a.is_some() && set_a == set_b {
            return;
        }
        let form = cores.tree.form();
        let between = |a, b| between_boxes(form, cores.bounds(a), cores.bounds(b));
        let (least, most) = between(a, b);
        if least > self.reach {
            return;
        }
        if most <= self.reach {
            self.make_one(a);
            self.make_one(b);
            sets.unite(of_a.start, of_b.start);
            return;
        }
        let (parts_a, parts_b) = (cores.tree.children(a), cores.tree.children(b));
        let parts = match (parts_a, parts_b) {
            (Some(parts), None) => parts.map(|part| (part, b)),
            (None, Some(parts)) => parts.map(|part| (a, part)),
            (Some(parts), Some(_)) if of_a.len() >= of_b.len() => parts.map(|part| (part, b)),
            (Some(_), Some(parts)) => parts.map(|part| (a, part)),
            (None, None) => return self.look_at_rows((a, b), set_a.is_some() && set_b.is_some()),
        };
        let [first, second] = parts;
        let is_second_nearer = between(second.0, second.1).0 < between(first.0, first.1).0;
        open.extend(if is_second_nearer { [first, second] } else { [second, first] });
    }

    /// Joins two leaves, by one pair where both are in one set each.
    fn look_at_rows(&self, (a, b): (u32, u32), are_one: bool) {
        let (cores, tree, sets) = (self.cores, self.cores.tree, &self.sets);
        let rows = (tree.panels(), cores.places_of(a));
        let others = (tree.panels(), tree.places(b));
        if are_one {
            if any_within(tree.form(), rows, others, &cores.limits) {
                sets.unite(cores.of(a).start, cores.of(b).start);
            }
            return;
        }
        let mut found = Vec::new();
        find_within(tree.form(), rows, others, &cores.limits, &mut found);
        for [row, other] in found.into_iter().filter(|&[row, other]| a != b || row < other) {
            sets.unite(cores.number(row), cores.number(other));
        }
    }
}
