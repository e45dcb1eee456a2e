//! The tape: nodes, the edges between them, and the derivative that each carries.

use crate::Tensor;
use crate::autograd::{Flow, mode};
use purlin_core::Real;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The derivative of one operation, with the values it needs.
///
/// Saved tensors are detached: only [`Edges`] tie nodes together, so that freeing a graph never
/// recurses through saved values.
pub(crate) trait Backward<T: Real>: Send + Sync {
    /// The operation, as in error texts.
    fn name(&self) -> &'static str;
    /// Sends to every input that needs it the derivative of the loss with respect to it, given
    /// `grad`, the derivative with respect to the output.
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>);
}

/// A value on the tape: a leaf, or the result of an operation.
pub(crate) struct Node<T: Real> {
    /// Grows with time, so every input of a node has a smaller one.
    id: u64,
    edges: Edges<T>,
    op: Op<T>,
}

enum Op<T: Real> {
    Leaf,
    /// `None` once a backward pass has freed it.
    Result(Mutex<Option<Arc<dyn Backward<T>>>>),
}

/// The nodes of an operation's inputs; `None` where an input is not tracked.
pub(crate) enum Edges<T: Real> {
    /// Nearly all operations; no allocation.
    Few([Option<Arc<Node<T>>>; 3]),
    /// Concatenation and a user's own operations.
    Many(Vec<Option<Arc<Node<T>>>>),
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl<T: Real> Edges<T> {
    /// The edges of a result made from `inputs`; `None` where nothing is to be recorded.
    #[inline]
    pub(crate) fn of(inputs: &[&Tensor<T>]) -> Option<Self> {
        Self::from_nodes(inputs, |x| x.node())
    }

    /// As [`Edges::of`], where some inputs may be left out: edge `i` belongs to `inputs[i]`.
    #[inline]
    pub(crate) fn of_some(inputs: &[Option<&Tensor<T>>]) -> Option<Self> {
        Self::from_nodes(inputs, |x| x.and_then(Tensor::node))
    }

    #[inline]
    fn from_nodes<'a, X: Copy>(
        inputs: &[X],
        node: impl Fn(X) -> Option<&'a Arc<Node<T>>>,
    ) -> Option<Self> {
        if !inputs.iter().any(|&x| node(x).is_some()) || !mode::is_recording() {
            return None;
        }
        Some(if inputs.len() <= 3 {
            Self::Few(std::array::from_fn(|i| inputs.get(i).and_then(|&x| node(x)).cloned()))
        } else {
            Self::Many(inputs.iter().map(|&x| node(x).cloned()).collect())
        })
    }

    fn as_slice(&self) -> &[Option<Arc<Node<T>>>] {
        match self {
            Self::Few(nodes) => nodes,
            Self::Many(nodes) => nodes,
        }
    }

    /// The node of input `i`.
    pub(crate) fn get(&self, i: usize) -> Option<&Arc<Node<T>>> {
        self.as_slice().get(i).and_then(Option::as_ref)
    }

    /// Whether input `i` is tracked.
    pub(crate) fn has(&self, i: usize) -> bool {
        self.get(i).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Node<T>>> {
        self.as_slice().iter().flatten()
    }

    fn drain_into(&mut self, stack: &mut Vec<Arc<Node<T>>>) {
        match self {
            Self::Few(nodes) => stack.extend(nodes.iter_mut().filter_map(Option::take)),
            Self::Many(nodes) => stack.extend(nodes.drain(..).flatten()),
        }
    }
}

impl<T: Real> Node<T> {
    pub(crate) fn leaf() -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            edges: Edges::Few([None, None, None]),
            op: Op::Leaf,
        })
    }

    pub(crate) fn result(edges: Edges<T>, op: impl Backward<T> + 'static) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            edges,
            op: Op::Result(Mutex::new(Some(Arc::new(op)))),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn edges(&self) -> &Edges<T> {
        &self.edges
    }

    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.op, Op::Leaf)
    }

    /// The derivative of a result, taken out for good unless `retain`; `None` for a leaf.
    ///
    /// # Panics
    ///
    /// When an earlier pass has freed it.
    #[track_caller]
    pub(crate) fn op(&self, retain: bool) -> Option<Arc<dyn Backward<T>>> {
        let Op::Result(op) = &self.op else { return None };
        let mut op = op.lock().unwrap_or_else(PoisonError::into_inner);
        let op = if retain { op.clone() } else { op.take() };
        assert!(
            op.is_some(),
            "backward: the graph was freed by an earlier backward; call backward_retain the first time to walk it twice"
        );
        op
    }
}

impl<T: Real> Drop for Node<T> {
    /// Frees a chain of any length in a loop: dropping edges one inside the other would overflow
    /// the stack after some 100,000 nodes.
    fn drop(&mut self) {
        let mut stack = Vec::new();
        self.edges.drain_into(&mut stack);
        while let Some(node) = stack.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                node.edges.drain_into(&mut stack);
            }
        }
    }
}
