//! Borůvka's algorithm on a kd-tree.

use super::Edge;
use crate::index::{Near, Tree, first_rows};
use crate::union_find::UnionFind;
use purlin_backend::distance::{Hit, find_in_box, gap_to_box};
use purlin_backend::parallel;
use purlin_core::Real;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// No place, no component.
const NONE: u32 = u32::MAX;

/// Leaves that one task looks at.
const BLOCK: usize = 8;

/// The minimum spanning tree of the rows of a tree, sorted.
///
/// | argument | what |
/// |---|---|
/// | `cores` | the core value of the row at each place; not above the last of its list |
/// | `near` | for each place the nearest rows, by value, then by number, the row itself among them |
///
/// In each round every component takes its least edge to another one. What makes it fast:
///
/// - the lists decide most of it: outside a list all weights are at least the core value and all
///   values at least those in it, so that an edge to a row in the list whose weight is not above what
///   is known of the others is the least one of the row;
/// - a row that was asked before knows a weight below which it has no edge to another component.
///   Components only grow, so that this stays true, and rows inside of a component whose least
///   edge is shorter need not ask again;
/// - rows of a leaf ask together, and pass by what belongs to their own component.
///
/// What one thread sees of the least weight that another has found for a component only saves work.
///
/// - O. Borůvka, *O jistém problému minimálním*, 1926.
/// - W. B. March, P. Ram, A. G. Gray, *Fast Euclidean minimum spanning tree*, KDD 2010.
/// - L. McInnes, J. Healy, *Accelerated hierarchical density based clustering*, ICDMW 2017.
pub(crate) fn boruvka<T: Real>(tree: &Tree<T>, cores: &[T], near: &[Near<T>]) -> Vec<Edge<T>> {
    let n = tree.order().len();
    let mut search = Search::new(tree, cores, near);
    let mut points: Vec<Point<T>> = cores
        .iter()
        .map(|&core| Point { floor: core, edge: Edge::NONE, to: NONE, is_exact: false })
        .collect();
    let sets = UnionFind::new(n);
    let mut edges = Vec::with_capacity(n.saturating_sub(1));
    let mut best = vec![Edge::NONE; n];
    while edges.len() + 1 < n {
        search.start(&sets);
        search.round(&mut points, Search::look_in_lists);
        search.round(&mut points, Search::look_in_tree);
        best.fill(Edge::NONE);
        for (point, &component) in points.iter().zip(&search.components) {
            let best = &mut best[component as usize];
            if point.to != NONE && point.edge.is_before(best) {
                *best = point.edge;
            }
        }
        for edge in &best {
            if edge.a == NONE {
                continue;
            }
            let [a, b] = [edge.a, edge.b].map(|row| search.places[row as usize]);
            // Two components may have chosen the same edge.
            if sets.find(a) != sets.find(b) {
                sets.unite(a, b);
                edges.push(*edge);
            }
        }
    }
    edges.sort_unstable_by(Edge::order);
    edges
}

/// What is known of a row.
#[derive(Debug, Clone, Copy)]
struct Point<T> {
    /// At most the weight of all edges to other components.
    floor: T,
    /// An edge to another component, where `to` is a place.
    edge: Edge<T>,
    to: u32,
    /// Whether it is the least one.
    is_exact: bool,
}

struct Search<'a, T: Real> {
    tree: &'a Tree<T>,
    cores: &'a [T],
    near: &'a [Near<T>],
    /// Items of `near` for each place.
    k: usize,
    /// The place of each row.
    places: Vec<u32>,
    first_rows: Vec<u32>,
    /// The least core value in each node.
    least_cores: Vec<T>,
    /// The component of each place, a place.
    components: Vec<u32>,
    /// The component of each node, [`NONE`] where there are several.
    of_nodes: Vec<u32>,
    /// Bits of the least weight that a component is known to have to another one.
    limits: Vec<AtomicU64>,
    work: usize,
}

impl<'a, T: Real> Search<'a, T> {
    fn new(tree: &'a Tree<T>, cores: &'a [T], near: &'a [Near<T>]) -> Self {
        let (n, n_nodes) = (cores.len(), tree.n_nodes());
        let mut places = vec![0; n];
        for (place, &row) in tree.order().iter().enumerate() {
            places[row as usize] = place as u32;
        }
        let mut least_cores = vec![T::INFINITY; n_nodes];
        for node in (0..n_nodes as u32).rev() {
            least_cores[node as usize] = match tree.children(node) {
                Some([a, b]) => least_cores[a as usize].min(least_cores[b as usize]),
                None => cores[tree.places(node)].iter().fold(T::INFINITY, |a, &b| b.min(a)),
            };
        }
        Self {
            tree,
            cores,
            near,
            k: near.len() / n.max(1),
            places,
            first_rows: first_rows(tree),
            least_cores,
            components: (0..n as u32).collect(),
            of_nodes: vec![NONE; n_nodes],
            limits: (0..n).map(|_| AtomicU64::new(0)).collect(),
            work: n.saturating_mul(tree.panels().n_features()).saturating_mul(64),
        }
    }

    /// Brings the components up to date.
    fn start(&mut self, sets: &UnionFind) {
        let size = 1 << 12;
        parallel::for_each_chunk(&mut self.components, size, self.work, |block, out| {
            for (i, out) in out.iter_mut().enumerate() {
                *out = sets.find((block * size + i) as u32);
            }
        });
        for limit in &mut self.limits {
            *limit.get_mut() = T::INFINITY.to_bits();
        }
        for node in (0..self.of_nodes.len() as u32).rev() {
            let (tree, of_nodes) = (self.tree, &self.of_nodes);
            self.of_nodes[node as usize] = match tree.children(node) {
                Some([a, b]) if of_nodes[a as usize] == of_nodes[b as usize] => {
                    of_nodes[a as usize]
                }
                Some(_) => NONE,
                None => {
                    let components = &self.components[tree.places(node)];
                    let is_one = components.iter().all(|&c| c == components[0]);
                    if is_one { components[0] } else { NONE }
                }
            };
        }
    }

    /// Calls `look` with every leaf and what is known of its rows.
    fn round(
        &self,
        points: &mut [Point<T>],
        look: impl Fn(&Self, usize, &mut [Point<T>], &mut Scratch<T>) + Sync + Send,
    ) {
        let tree = self.tree;
        let mut leaves = Vec::with_capacity(tree.n_leaves());
        let mut rest = points;
        for i in 0..tree.n_leaves() {
            let (own, others) = rest.split_at_mut(tree.leaf(i).len());
            leaves.push(own);
            rest = others;
        }
        parallel::for_each_chunk(&mut leaves, BLOCK, self.work, |block, leaves| {
            let mut scratch = Scratch::new();
            for (i, points) in leaves.iter_mut().enumerate() {
                look(self, block * BLOCK + i, points, &mut scratch);
            }
        });
    }

    fn limit(&self, component: u32) -> T {
        T::from_bits(self.limits[component as usize].load(Relaxed))
    }

    fn lower(&self, component: u32, weight: T) {
        // Numbers of at least 0 are in the order of their bits.
        let limit = &self.limits[component as usize];
        if weight.to_bits() < limit.load(Relaxed) {
            limit.fetch_min(weight.to_bits(), Relaxed);
        }
    }

    /// The least edges to rows in the lists.
    fn look_in_lists(&self, i: usize, points: &mut [Point<T>], _: &mut Scratch<T>) {
        for (place, point) in self.tree.leaf(i).zip(points) {
            let component = self.components[place];
            if point.to != NONE && self.components[point.to as usize] == component {
                if point.is_exact {
                    point.floor = point.edge.weight;
                }
                (point.edge, point.to, point.is_exact) = (Edge::NONE, NONE, false);
            }
            if !point.is_exact {
                let (row, core) = (self.tree.order()[place], self.cores[place]);
                for near in &self.near[place * self.k..][..self.k] {
                    let to = self.places[near.row as usize];
                    if self.components[to as usize] == component {
                        continue;
                    }
                    let weight = near.value.max(core).max(self.cores[to as usize]);
                    let edge = Edge::new(weight, near.value, row, near.row);
                    if edge.is_before(&point.edge) {
                        (point.edge, point.to) = (edge, to);
                    }
                    // All that follow are longer, and weigh no less.
                    if weight <= point.floor {
                        point.is_exact = true;
                        break;
                    }
                }
            }
            if point.to != NONE {
                self.lower(component, point.edge.weight);
            }
        }
    }

    /// The least edges of those rows that may have one as short as their component.
    fn look_in_tree(&self, i: usize, points: &mut [Point<T>], scratch: &mut Scratch<T>) {
        let (tree, leaf) = (self.tree, self.tree.leaf(i));
        let Scratch { asking, limits, hits, open } = scratch;
        asking.clear();
        for (query, point) in points.iter().enumerate() {
            let limit = self.limit(self.components[leaf.start + query]);
            if !point.is_exact && point.floor <= limit {
                asking.push(query);
            }
        }
        let Some(&first) = asking.first() else { return };
        let component = self.components[leaf.start + first];
        let is_one = asking.iter().all(|&q| self.components[leaf.start + q] == component);
        let least_core = asking.iter().fold(T::INFINITY, |a, &q| self.cores[leaf.start + q].min(a));
        let limit_of = |q: usize, point: &Point<T>| {
            point.edge.weight.min(self.limit(self.components[leaf.start + q]))
        };
        let most = |points: &[Point<T>]| {
            asking.iter().fold(T::ZERO, |most, &q| limit_of(q, &points[q]).max(most))
        };
        let set_limits = |limits: &mut Vec<T>, points: &[Point<T>], of_node: u32| {
            limits.clear();
            limits.resize(leaf.len(), T::NAN);
            for &q in asking.iter() {
                if self.components[leaf.start + q] != of_node {
                    limits[q] = limit_of(q, &points[q]);
                }
            }
        };
        set_limits(limits, points, NONE);
        open.clear();
        open.extend(tree.root().map(|root| (T::ZERO, root)));
        let mut limit = most(points);
        while let Some((bound, node)) = open.pop() {
            let of_node = self.of_nodes[node as usize];
            if is_one && of_node == component {
                continue;
            }
            let weight = bound.max(least_core).max(self.least_cores[node as usize]);
            if weight > limit {
                continue;
            }
            // Of equal weights those count that come before what is known.
            let may_improve = |q: &usize| {
                let (point, row) = (&points[*q], tree.order()[leaf.start + q]);
                let weight = weight.max(self.cores[leaf.start + q]);
                weight <= limit_of(*q, point)
                    && Edge::new(weight, bound, row, self.first_rows[node as usize])
                        .is_before(&point.edge)
            };
            if weight == limit && !asking.iter().any(may_improve) {
                continue;
            }
            if let Some(children) = tree.children(node) {
                // NaN where all rows are too far away.
                let gap = |child: u32| {
                    let rows = (tree.panels(), leaf.clone());
                    gap_to_box(tree.form(), rows, limits, tree.bounds(child))
                };
                let [a, b] = children.map(|child| (gap(child), child));
                let key = |(bound, child): (T, u32)| {
                    let weight = bound.max(least_core).max(self.least_cores[child as usize]);
                    Edge::new(weight, bound, self.first_rows[child as usize], child)
                };
                let is_b_first = !b.0.is_nan() && key(b).is_before(&key(a));
                let far_first = if is_b_first { [a, b] } else { [b, a] };
                open.extend(far_first.into_iter().filter(|(gap, _)| !gap.is_nan()));
                continue;
            }
            set_limits(limits, points, of_node);
            hits.clear();
            let (queries, others) =
                ((tree.panels(), leaf.clone()), (tree.panels(), tree.places(node)));
            find_in_box(tree.form(), queries, limits, others, tree.bounds(node), hits);
            for &Hit { query, row: to, value } in hits.iter() {
                let (point, place) = (&mut points[query as usize], leaf.start + query as usize);
                let own = self.components[place];
                if self.components[to as usize] == own {
                    continue;
                }
                let weight = value.max(self.cores[place]).max(self.cores[to as usize]);
                let (row, other) = (tree.order()[place], tree.order()[to as usize]);
                let edge = Edge::new(weight, value, row, other);
                if edge.is_before(&point.edge) {
                    (point.edge, point.to) = (edge, to);
                    self.lower(own, weight);
                }
            }
            limit = most(points);
            set_limits(limits, points, NONE);
        }
        for &q in asking.iter() {
            let limit = limit_of(q, &points[q]);
            let point = &mut points[q];
            // All edges up to the limit have been looked at.
            point.is_exact = point.to != NONE && point.edge.weight <= limit;
            point.floor = point.floor.max(limit);
        }
    }
}

/// Room that the leaves of a task share.
struct Scratch<T> {
    /// The rows of the leaf that ask.
    asking: Vec<usize>,
    limits: Vec<T>,
    hits: Vec<Hit<T>>,
    open: Vec<(T, u32)>,
}

impl<T> Scratch<T> {
    fn new() -> Self {
        Self { asking: Vec::new(), limits: Vec::new(), hits: Vec::new(), open: Vec::new() }
    }
}
