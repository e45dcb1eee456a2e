//! A kd-tree.

use purlin_backend::distance::{Bounds, Form, Panels, between_boxes};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// The most rows of a leaf: two vectors of single precision.
const LEAF: usize = 32;

/// Rows in leaves of up to [`LEAF`], halved at the median of the widest column, ties by index: the
/// tree is a function of the table.
///
/// Every leaf but the last is whole panels. Bounds are exact as they are computed, see
/// [`between_boxes`]: no row is missed, with no allowance for rounding.
#[derive(Debug, Clone)]
pub(crate) struct Tree<T: Real> {
    form: Form,
    /// The row at each place.
    order: Vec<u32>,
    panels: Panels<T>,
    nodes: Vec<Node>,
    /// For each node the least numbers of its rows, then the greatest.
    boxes: Vec<T>,
    /// The leaves in the order of their places.
    leaves: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    /// The first of two children, side by side; 0 for a leaf.
    children: u32,
}

/// A node to be split, with the rows that are its.
struct Task<'a, T> {
    rows: &'a mut [u32],
    bounds: Vec<T>,
    /// How many rows the first child gets, 0 for a leaf.
    split: usize,
}

impl<T: Real> Tree<T> {
    pub(crate) fn new(x: MatrixView<'_, T>, form: Form) -> Self {
        Self::grow(x, form, split)
    }

    /// The rows as they lie, in boxes without end: a search that knows nothing.
    pub(crate) fn flat(x: MatrixView<'_, T>, form: Form) -> Self {
        Self::grow(x, form, |x, task| {
            task.split = size_of_first::<T>(task.rows.len());
            task.bounds = vec![T::NEG_INFINITY; x.n_cols()];
            task.bounds.resize(2 * x.n_cols(), T::INFINITY);
        })
    }

    fn grow(
        x: MatrixView<'_, T>,
        form: Form,
        split: fn(MatrixView<'_, T>, &mut Task<'_, T>),
    ) -> Self {
        let (n, d) = x.shape();
        let mut order: Vec<u32> = (0..n as u32).collect();
        let (mut nodes, mut boxes) = (Vec::new(), Vec::new());
        let whole = Task { rows: &mut order[..], bounds: Vec::new(), split: 0 };
        let mut level = if n > 0 { vec![whole] } else { Vec::new() };
        let mut start_of_level = vec![0];
        while !level.is_empty() {
            parallel::for_each_chunk(&mut level, 1, n * d * 8, |_, task| split(x, &mut task[0]));
            let (mut next, mut starts) = (Vec::new(), Vec::new());
            // The children of this level come after all of its nodes.
            let after = nodes.len() + level.len();
            for (task, start) in level.into_iter().zip(start_of_level) {
                let is_leaf = task.split == 0;
                let children = if is_leaf { 0 } else { (after + next.len()) as u32 };
                let end = (start + task.rows.len()) as u32;
                nodes.push(Node { start: start as u32, end, children });
                boxes.extend(task.bounds);
                if !is_leaf {
                    starts.extend([start, start + task.split]);
                    let (left, right) = task.rows.split_at_mut(task.split);
                    next.extend([left, right].map(|rows| Task {
                        rows,
                        bounds: Vec::new(),
                        split: 0,
                    }));
                }
            }
            (level, start_of_level) = (next, starts);
        }
        let mut leaves: Vec<u32> =
            (0..nodes.len() as u32).filter(|&i| nodes[i as usize].children == 0).collect();
        leaves.sort_unstable_by_key(|&leaf| nodes[leaf as usize].start);
        let panels = Panels::gather(x, &order);
        Self { form, order, panels, nodes, boxes, leaves }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The row at each place.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The rows in this order.
    pub(crate) fn panels(&self) -> &Panels<T> {
        &self.panels
    }

    pub(crate) fn n_leaves(&self) -> usize {
        self.leaves.len()
    }

    /// The node and what lies beside the way to it from the root: together all rows, the nearest
    /// parts last.
    pub(crate) fn path(&self, node: u32) -> Vec<u32> {
        let (mut beside, mut at, start) = (Vec::new(), 0, self.nodes[node as usize].start);
        while at != node {
            let first = self.nodes[at as usize].children;
            let is_right = self.nodes[first as usize].end <= start;
            at = first + u32::from(is_right);
            beside.push(first + u32::from(!is_right));
        }
        beside.push(node);
        beside
    }

    /// The nodes of each level, from the root down.
    pub(crate) fn levels(&self) -> Vec<Range<u32>> {
        let (mut levels, mut level) = (Vec::new(), 0..self.nodes.len().min(1) as u32);
        while !level.is_empty() {
            let inner = level.clone().filter_map(|node| self.children(node)).count() as u32;
            let end = level.end;
            levels.push(level);
            level = end..end + 2 * inner;
        }
        levels
    }

    /// Whether boxes say anything.
    pub(crate) fn is_bounded(&self) -> bool {
        self.boxes.first().is_none_or(|low| low.is_finite())
    }

    /// The root, where there is one.
    pub(crate) fn root(&self) -> Option<u32> {
        (!self.nodes.is_empty()).then_some(0)
    }

    /// The places of a node.
    pub(crate) fn places(&self, node: u32) -> Range<usize> {
        let node = &self.nodes[node as usize];
        node.start as usize..node.end as usize
    }

    /// The children of a node that is no leaf.
    pub(crate) fn children(&self, node: u32) -> Option<[u32; 2]> {
        let first = self.nodes[node as usize].children;
        (first > 0).then_some([first, first + 1])
    }

    /// The number of nodes; children come after their parents, level by level.
    pub(crate) fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The places of the rows of leaf `i`.
    pub(crate) fn leaf(&self, i: usize) -> Range<usize> {
        self.places(self.leaves[i])
    }

    /// The node that is leaf `i`.
    pub(crate) fn leaf_node(&self, i: usize) -> u32 {
        self.leaves[i]
    }

    /// The box of a node.
    pub(crate) fn bounds(&self, node: u32) -> Bounds<'_, T> {
        let d = self.panels.n_features();
        self.boxes[node as usize * 2 * d..][..2 * d].split_at(d)
    }

    /// At most the value between `query` and any row of a node.
    pub(crate) fn least(&self, query: &[T], node: u32) -> T {
        between_boxes(self.form, (query, query), self.bounds(node)).0
    }

    /// At least the value between `query` and any row of a node.
    pub(crate) fn most(&self, query: &[T], node: u32) -> T {
        between_boxes(self.form, (query, query), self.bounds(node)).1
    }
}

/// Bounds the rows of a task and moves those below the median of the widest column to the front.
fn split<T: Real>(x: MatrixView<'_, T>, task: &mut Task<'_, T>) {
    let d = x.n_cols();
    let first = x.row(task.rows[0] as usize);
    let (mut low, mut high) = (first.to_vec(), first.to_vec());
    for &row in task.rows.iter() {
        for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(x.row(row as usize)) {
            *low = value.min(*low);
            *high = value.max(*high);
        }
    }
    task.split = size_of_first::<T>(task.rows.len());
    if task.split == 0 {
        task.rows.sort_unstable();
    } else {
        let wider = |best: usize, j: usize| {
            if high[j] - low[j] > high[best] - low[best] { j } else { best }
        };
        let widest = (0..d).fold(0, wider);
        let mut keys: Vec<(T, u32)> =
            task.rows.iter().map(|&row| (x.row(row as usize)[widest], row)).collect();
        keys.select_nth_unstable_by(task.split, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (row, key) in task.rows.iter_mut().zip(keys) {
            *row = key.1;
        }
    }
    low.append(&mut high);
    task.bounds = low;
}

/// Rows of the first child of a node of `n`: whole vectors. 0 for a leaf.
fn size_of_first<T: Real>(n: usize) -> usize {
    if n > LEAF { (n / 2).next_multiple_of(Panels::<T>::lanes()) } else { 0 }
}
