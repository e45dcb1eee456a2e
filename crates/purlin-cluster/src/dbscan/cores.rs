//! The cores in a tree.

use super::leaves::bound;
use crate::index::Tree;
use purlin_backend::Buffer;
use purlin_core::{MatrixView, Real};

/// The cores at their places in the tree of all samples, with the boxes of their own.
pub(super) struct Cores<'a, T: Real> {
    pub(super) tree: &'a Tree<T>,
    /// The places of the cores, increasing.
    places: Vec<u32>,
    /// How many cores lie before each place.
    before: Vec<u32>,
    /// For each node the box of its cores.
    boxes: Vec<T>,
    /// The reach for each core, NaN for the other lanes.
    pub(super) limits: Buffer<T>,
}

impl<'a, T: Real> Cores<'a, T> {
    pub(super) fn new(
        x: MatrixView<'_, T>,
        tree: &'a Tree<T>,
        is_core: Vec<bool>,
        reach: T,
    ) -> Self {
        let mut limits = tree.panels().limits(T::NAN);
        let mut places = Vec::with_capacity(is_core.len());
        let mut before = Vec::with_capacity(is_core.len() + 1);
        for (place, is_core) in is_core.into_iter().enumerate() {
            before.push(places.len() as u32);
            if is_core {
                places.push(place as u32);
                limits[place] = reach;
            }
        }
        before.push(places.len() as u32);
        let mut cores = Self { tree, places, before, boxes: Vec::new(), limits };
        cores.bound(x);
        cores
    }

    /// The places of all cores.
    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }

    /// The number of the core at a place.
    pub(super) fn number(&self, place: u32) -> u32 {
        self.before[place as usize]
    }

    /// Whether the sample at a place is a core.
    pub(super) fn is_core(&self, place: usize) -> bool {
        self.before[place] < self.before[place + 1]
    }

    /// The numbers of the cores of a node.
    pub(super) fn of(&self, node: u32) -> std::ops::Range<u32> {
        let places = self.tree.places(node);
        self.before[places.start]..self.before[places.end]
    }

    /// The places of the cores of a node.
    pub(super) fn places_of(&self, node: u32) -> &[u32] {
        let cores = self.of(node);
        &self.places[cores.start as usize..cores.end as usize]
    }

    /// The box of the cores of a node, where it has any.
    pub(super) fn bounds(&self, node: u32) -> (&[T], &[T]) {
        if !self.tree.is_bounded() {
            return self.tree.bounds(node);
        }
        let d = self.tree.panels().n_features();
        self.boxes[node as usize * 2 * d..][..2 * d].split_at(d)
    }

    fn bound(&mut self, x: MatrixView<'_, T>) {
        let (tree, d) = (self.tree, x.n_cols());
        if !tree.is_bounded() {
            return;
        }
        let mut boxes = vec![T::ZERO; tree.n_nodes() * 2 * d];
        // Children come after their parents.
        for node in (0..tree.n_nodes() as u32).rev() {
            let (head, tail) = boxes.split_at_mut((node as usize + 1) * 2 * d);
            let (low, high) = head[node as usize * 2 * d..].split_at_mut(d);
            let Some([left, _]) = tree.children(node) else {
                let samples = self.places_of(node).iter().map(|&p| tree.order()[p as usize]);
                bound(x, samples, low, high);
                continue;
            };
            let children = &tail[(left - node - 1) as usize * 2 * d..][..4 * d];
            let ((a_low, rest), b_high) = (children.split_at(d), &children[3 * d..]);
            let (a_high, b_low) = rest.split_at(d);
            for j in 0..d {
                low[j] = a_low[j].min(b_low[j]);
                high[j] = a_high[j].max(b_high[j]);
            }
        }
        self.boxes = boxes;
    }
}
