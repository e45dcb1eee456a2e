//! A kd-tree.

use purlin_backend::distance::{Form, Panels};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// The most rows of a leaf: two vectors of single precision.
const LEAF: usize = 32;

/// Rows in leaves of up to [`LEAF`], halved at the median of the widest column, ties by index: the
/// tree is a function of the table.
///
/// Bounds are exact as they are computed: the gap between a number and a box is never above the
/// difference from a number inside, rounding keeps the order, and so does every step of the chain
/// over the features. No row is missed, with no allowance for rounding.
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

    /// The places of leaf `i`.
    pub(crate) fn leaf(&self, i: usize) -> Range<usize> {
        self.places(self.leaves[i])
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

    /// The number of nodes; children come after their parents.
    pub(crate) fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Leaf `i` as a node.
    pub(crate) fn leaf_node(&self, i: usize) -> u32 {
        self.leaves[i]
    }

    /// The least numbers of the rows of a node, and the greatest.
    pub(crate) fn bounds(&self, node: u32) -> (&[T], &[T]) {
        let d = self.panels.n_features();
        self.boxes[node as usize * 2 * d..][..2 * d].split_at(d)
    }

    /// At most the value between `query` and any row of a node.
    pub(crate) fn least(&self, query: &[T], node: u32) -> T {
        let (low, high) = self.bounds(node);
        let gaps = query.iter().zip(low).zip(high);
        self.form.of_differences(gaps.map(|((&x, &low), &high)| gap(low - x, x - high)))
    }

    /// At least the value between `query` and any row of a node.
    pub(crate) fn most(&self, query: &[T], node: u32) -> T {
        let (low, high) = self.bounds(node);
        let far = query.iter().zip(low).zip(high);
        self.form.of_differences(far.map(|((&x, &low), &high)| (high - x).max(x - low)))
    }

    /// At most the value between a row of leaf `i` and a row of a node.
    fn least_of_leaf(&self, i: usize, node: u32) -> T {
        self.least_of_box(self.bounds(self.leaves[i]), node)
    }

    /// At most the value between a row in a box and a row of a node.
    fn least_of_box(&self, (a_low, a_high): (&[T], &[T]), node: u32) -> T {
        let (b_low, b_high) = self.bounds(node);
        let gaps = (0..a_low.len()).map(|j| gap(b_low[j] - a_high[j], a_low[j] - b_high[j]));
        self.form.of_differences(gaps)
    }

    /// Writes to `near`, in increasing order, the places of the leaves that may hold rows within
    /// `reach` of leaf `i`.
    pub(crate) fn near_leaf(&self, i: usize, reach: T, near: &mut Vec<Range<usize>>) {
        near.clear();
        let mut open = vec![0];
        while let Some(node) = open.pop() {
            if self.least_of_leaf(i, node) > reach {
                continue;
            }
            if let Some([left, right]) = self.children(node) {
                open.extend([right, left]);
                continue;
            }
            let places = self.places(node);
            match near.last_mut() {
                Some(last) if last.end == places.start => last.end = places.end,
                _ => near.push(places),
            }
        }
    }
}

/// The gap between intervals, 0 where they meet.
fn gap<T: Real>(below: T, above: T) -> T {
    below.max(above).max(T::ZERO)
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
    let n = task.rows.len();
    if n > LEAF {
        let wider = |best: usize, j: usize| {
            if high[j] - low[j] > high[best] - low[best] { j } else { best }
        };
        let widest = (0..d).fold(0, wider);
        let mut keys: Vec<(T, u32)> =
            task.rows.iter().map(|&row| (x.row(row as usize)[widest], row)).collect();
        // Whole vectors in the first half.
        task.split = (n / 2).next_multiple_of(Panels::<T>::lanes());
        keys.select_nth_unstable_by(task.split, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (row, key) in task.rows.iter_mut().zip(keys) {
            *row = key.1;
        }
    }
    if n <= LEAF {
        task.rows.sort_unstable();
    }
    low.append(&mut high);
    task.bounds = low;
}
