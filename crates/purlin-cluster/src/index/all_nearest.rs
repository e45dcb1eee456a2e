//! The nearest rows of many rows at a time: leaves of one tree against those of another.

use super::nearest::nearest_in;
use super::{Search, SpatialIndex, Tree};
use crate::Metric;
use purlin_backend::distance::{Hit, find_in_box, gap_to_box};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};
use std::cmp::Ordering;

/// A row and the value of the form, or the distance, that it is ranked by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near<T> {
    pub(crate) value: T,
    pub(crate) row: u32,
}

impl<T: Real> Near<T> {
    /// Behind all others.
    const NONE: Self = Self { value: T::INFINITY, row: u32::MAX };

    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.value.total_cmp(&other.value).then(self.row.cmp(&other.row))
    }

    fn is_before(&self, other: &Self) -> bool {
        self.value < other.value || (self.value == other.value && self.row < other.row)
    }
}

/// How rows are ranked; ties by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// By the value of the form.
    Value,
    /// By its square root: values that differ may tie.
    Root,
}

impl Rank {
    pub(super) fn of<T: Real>(self, value: T) -> T {
        match self {
            Self::Value => value,
            Self::Root => value.sqrt(),
        }
    }

    /// At least every value that ranks as `rank` does.
    fn limit<T: Real>(self, rank: T) -> T {
        match self {
            Self::Value => rank,
            // A root is within half a unit of its place, so its square within some two.
            Self::Root => rank * rank * (T::ONE + T::EPSILON * T::from_usize(8)),
        }
    }
}

/// Leaves that one task answers for.
const BLOCK: usize = 4;

/// Rows that one task answers for.
const ROWS: usize = 64;

/// With more columns, rows of a leaf are so far apart that together they see most of the tree.
const MOST_FEATURES: usize = 8;

/// Of the rows of `tree`, nearest to each row of `x` first, those at `places` (increasing, below the
/// number of rows); in the order of `queries`, which is the tree of `x`.
///
/// All rows of a leaf walk down the tree together, its nearest leaves first, and see a leaf as a
/// tile. On equal bounds a node is passed by where all of its rows have greater numbers than what
/// is known: a table of equal rows is no slower than another.
pub(crate) fn all_nearest<T: Real>(
    x: MatrixView<'_, T>,
    queries: &Tree<T>,
    tree: &Tree<T>,
    places: &[usize],
    rank: Rank,
) -> Vec<Near<T>> {
    let (n, d) = x.shape();
    let (width, k) = (places.len(), places.last().map_or(0, |last| last + 1));
    let mut out = vec![Near::NONE; n * width];
    let work = n.saturating_mul(d + k).saturating_mul(64);
    if d > MOST_FEATURES {
        parallel::for_each_chunk(&mut out, ROWS * width, work, |block, out| {
            let rows = &queries.order()[block * ROWS..];
            for (&row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
                let list = nearest_in(tree, x.row(row as usize), k, rank);
                take(&list, places, out);
            }
        });
        return out;
    }
    let mut leaves = Vec::with_capacity(queries.n_leaves());
    let mut rest = &mut out[..];
    for i in 0..queries.n_leaves() {
        let (own, others) = rest.split_at_mut(queries.leaf(i).len() * width);
        leaves.push(own);
        rest = others;
    }
    let first_rows = first_rows(tree);
    parallel::for_each_chunk(&mut leaves, BLOCK, work, |block, leaves| {
        let mut walk = Walk::new(queries, tree, &first_rows, rank, k);
        for (i, out) in leaves.iter_mut().enumerate() {
            walk.leaf(block * BLOCK + i);
            for (list, out) in walk.lists.sorted().zip(out.chunks_exact_mut(width)) {
                take(list, places, out);
            }
        }
    });
    out
}

fn take<T: Real>(list: &[Near<T>], places: &[usize], out: &mut [Near<T>]) {
    for (out, &place) in out.iter_mut().zip(places) {
        *out = list[place];
    }
}

impl<T: Real> SpatialIndex<T> {
    /// The tree, where the metric has one.
    pub(crate) fn tree(&self) -> Option<&Tree<T>> {
        match &self.search {
            Search::Tree(tree) => Some(tree),
            Search::Plain(_) => None,
        }
    }

    pub(crate) fn metric(&self) -> &Metric {
        &self.metric
    }
}

/// The least number of a row of each node.
pub(crate) fn first_rows<T: Real>(tree: &Tree<T>) -> Vec<u32> {
    let mut first = vec![u32::MAX; tree.n_nodes()];
    // Children come after their parents.
    for node in (0..tree.n_nodes() as u32).rev() {
        first[node as usize] = match tree.children(node) {
            Some(children) => {
                children.map(|child| first[child as usize]).into_iter().fold(u32::MAX, u32::min)
            }
            None => tree.order()[tree.places(node)].iter().copied().fold(u32::MAX, u32::min),
        };
    }
    first
}

/// The lists of one leaf, and what it takes to fill them.
struct Walk<'a, T: Real> {
    queries: &'a Tree<T>,
    tree: &'a Tree<T>,
    first_rows: &'a [u32],
    rank: Rank,
    lists: Lists<T>,
    limits: Vec<T>,
    hits: Vec<Hit<T>>,
    /// Nodes to be looked at with their bounds, the nearest on top.
    open: Vec<(T, u32)>,
}

impl<'a, T: Real> Walk<'a, T> {
    fn new(
        queries: &'a Tree<T>,
        tree: &'a Tree<T>,
        first_rows: &'a [u32],
        rank: Rank,
        k: usize,
    ) -> Self {
        let lists = Lists { k, items: Vec::new(), counts: Vec::new(), last: Vec::new() };
        let (limits, hits, open) = (Vec::new(), Vec::new(), Vec::new());
        Self { queries, tree, first_rows, rank, lists, limits, hits, open }
    }

    fn leaf(&mut self, i: usize) {
        let (queries, tree, first_rows) = (self.queries, self.tree, self.first_rows);
        self.lists.clear(queries.leaf(i).len());
        let asking = queries.leaf(i);
        self.limits.clear();
        self.limits.resize(asking.len(), T::INFINITY);
        // Among themselves the rows of the leaf come first.
        let own = std::ptr::eq(queries, tree).then(|| tree.leaf_node(i));
        if let Some(own) = own {
            self.look(i, own);
        }
        self.open.clear();
        self.open.extend(tree.root().map(|root| (T::ZERO, root)));
        let mut worst = self.lists.worst();
        while let Some((bound, node)) = self.open.pop() {
            let row = first_rows[node as usize];
            if own == Some(node) || !(Near { value: self.rank.of(bound), row }).is_before(&worst) {
                continue;
            }
            if let Some(children) = tree.children(node) {
                // NaN where all rows are too far away.
                let gap = |child: u32| {
                    let rows = (queries.panels(), asking.clone());
                    gap_to_box(tree.form(), rows, &self.limits, tree.bounds(child))
                };
                let [a, b] = children.map(|child| (gap(child), child));
                let row = |node: u32| first_rows[node as usize];
                let is_a_first = a.0 < b.0 || (a.0 == b.0 && row(a.1) <= row(b.1));
                let far_first = if is_a_first { [b, a] } else { [a, b] };
                self.open.extend(far_first.into_iter().filter(|(gap, _)| !gap.is_nan()));
            } else {
                self.look(i, node);
                worst = self.lists.worst();
            }
        }
    }

    /// Offers the rows of a leaf of the tree.
    fn look(&mut self, i: usize, node: u32) {
        let (queries, tree) = (self.queries, self.tree);
        self.hits.clear();
        let asking = (queries.panels(), queries.leaf(i));
        let found = (tree.panels(), tree.places(node));
        let form = tree.form();
        find_in_box(form, asking, &self.limits, found, tree.bounds(node), &mut self.hits);
        for &Hit { query, row, value } in &self.hits {
            let row = tree.order()[row as usize];
            self.lists.offer(query as usize, Near { value: self.rank.of(value), row });
        }
        self.limits.clear();
        self.limits.extend(self.lists.last.iter().map(|last| self.rank.limit(last.value)));
    }
}

/// The nearest so far of each row of a leaf.
struct Lists<T> {
    k: usize,
    /// For each row room for twice `k`.
    items: Vec<Near<T>>,
    counts: Vec<usize>,
    /// What is not before this one is not taken.
    last: Vec<Near<T>>,
}

/// Up to so many, lists are kept in order.
const SHORT: usize = 48;

impl<T: Real> Lists<T> {
    fn clear(&mut self, n: usize) {
        self.items.clear();
        self.items.resize(n * 2 * self.k, Near::NONE);
        self.counts.clear();
        self.counts.resize(n, 0);
        self.last.clear();
        self.last.resize(n, Near::NONE);
    }

    /// The last of the lists' last ones.
    fn worst(&self) -> Near<T> {
        let first = Near { value: T::ZERO, row: 0 };
        self.last
            .iter()
            .fold(first, |worst, last| if worst.is_before(last) { *last } else { worst })
    }

    fn offer(&mut self, i: usize, near: Near<T>) {
        if !near.is_before(&self.last[i]) {
            return;
        }
        let k = self.k;
        let list = &mut self.items[i * 2 * k..][..2 * k];
        if k <= SHORT {
            let mut at = k - 1;
            while at > 0 && near.is_before(&list[at - 1]) {
                list[at] = list[at - 1];
                at -= 1;
            }
            list[at] = near;
            self.last[i] = list[k - 1];
            return;
        }
        // A long list is sorted out when its room is full.
        list[self.counts[i]] = near;
        self.counts[i] += 1;
        if self.counts[i] == 2 * k {
            list.select_nth_unstable_by(k - 1, Near::order);
            list[k..].fill(Near::NONE);
            self.counts[i] = k;
            self.last[i] = list[k - 1];
        }
    }

    /// The lists, nearest first.
    fn sorted(&mut self) -> impl Iterator<Item = &[Near<T>]> {
        let k = self.k;
        self.items.chunks_exact_mut(2 * k).map(move |list| {
            if k > SHORT {
                list.sort_unstable_by(Near::order);
            }
            &list[..k]
        })
    }
}
