//! The backward pass: a walk over the tape from the newest node to the oldest.

use crate::Tensor;
use crate::autograd::node::Node;
use crate::autograd::{Gradients, mode};
use purlin_core::{Real, Shape};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Gradients that wait for their node's turn, by its id.
type Pending<T> = BTreeMap<u64, Waiting<T>>;

/// A node with what it has received so far.
struct Waiting<T: Real> {
    node: Arc<Node<T>>,
    grad: Tensor<T>,
    /// The gradient of a second result of the same operation.
    beside: Option<Tensor<T>>,
}

/// What one operation's derivative sees of the pass: who needs a gradient, and where to send it.
pub(crate) struct Flow<'a, T: Real> {
    node: &'a Arc<Node<T>>,
    pending: &'a mut Pending<T>,
    wanted: Option<&'a BTreeSet<u64>>,
    beside: Option<Tensor<T>>,
    is_graph: bool,
}

impl<T: Real> Flow<'_, T> {
    /// Whether input `i` is tracked and leads to something asked for.
    pub(crate) fn needs(&self, i: usize) -> bool {
        self.node
            .edges()
            .get(i)
            .is_some_and(|node| self.wanted.is_none_or(|wanted| wanted.contains(&node.id())))
    }

    /// Whether the gradients must be differentiable themselves.
    pub(crate) fn is_graph(&self) -> bool {
        self.is_graph
    }

    /// A saved input: tied to its node again when gradients must be differentiable.
    pub(crate) fn input(&self, i: usize, saved: &Tensor<T>) -> Tensor<T> {
        if self.is_graph {
            saved.clone().with_node(self.node.edges().get(i).cloned())
        } else {
            saved.clone()
        }
    }

    /// The saved output, likewise.
    pub(crate) fn output(&self, saved: &Tensor<T>) -> Tensor<T> {
        if self.is_graph {
            saved.clone().with_node(Some(Arc::clone(self.node)))
        } else {
            saved.clone()
        }
    }

    /// Adds `grad` to what input `i` has received so far. Calls come in a fixed order, so sums
    /// have the same bits every time.
    pub(crate) fn send(&mut self, i: usize, grad: Tensor<T>) {
        let Some(node) = self.node.edges().get(i) else { return };
        if self.wanted.is_some_and(|wanted| !wanted.contains(&node.id())) {
            return;
        }
        let waiting = match self.pending.remove(&node.id()) {
            Some(Waiting { node, grad: sum, beside }) => {
                debug_assert_eq!(
                    sum.shape(),
                    grad.shape(),
                    "gradients of one value differ in shape"
                );
                Waiting { node, grad: sum + grad, beside }
            }
            None => Waiting { node: Arc::clone(node), grad, beside: None },
        };
        self.pending.insert(node.id(), waiting);
    }

    /// Hands the gradient of a second result to the operation that made both; input 0 is its
    /// first result, of shape `first`.
    ///
    /// The second result is put on the tape right after the first, so whoever used the first has
    /// sent its gradient by now.
    pub(crate) fn send_beside(&mut self, first: Shape, grad: Tensor<T>) {
        let Some(node) = self.node.edges().get(0) else { return };
        let waiting = self.pending.entry(node.id()).or_insert_with(|| Waiting {
            node: Arc::clone(node),
            grad: Tensor::zeros(first),
            beside: None,
        });
        waiting.beside = Some(grad);
    }

    /// What came by [`Flow::send_beside`].
    pub(crate) fn beside(&self) -> Option<&Tensor<T>> {
        self.beside.as_ref()
    }
}

/// How a pass treats the graph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Frees each derivative after its use.
    Once,
    /// Keeps everything for another pass.
    Retain,
    /// Keeps everything and records the pass itself.
    Graph,
}

/// Walks from `root` in decreasing id and hands the gradient of every leaf, or of every wanted
/// node, to `found`.
#[track_caller]
fn walk<T: Real>(
    root: &Arc<Node<T>>,
    seed: Tensor<T>,
    pass: Pass,
    wanted: Option<&BTreeSet<u64>>,
    mut found: impl FnMut(u64, Tensor<T>),
) {
    let _pause = (pass != Pass::Graph).then(mode::pause);
    let mut pending = Pending::new();
    pending.insert(root.id(), Waiting { node: Arc::clone(root), grad: seed, beside: None });
    while let Some((id, Waiting { node, grad, beside })) = pending.pop_last() {
        let leads_on =
            wanted.is_none_or(|wanted| node.edges().iter().any(|n| wanted.contains(&n.id())));
        if node.is_leaf() || !leads_on {
            found(id, grad);
            continue;
        }
        if wanted.is_some() {
            found(id, grad.clone());
        }
        let Some(op) = node.op(pass != Pass::Once) else { continue };
        if mode::is_anomaly_mode() {
            super::anomaly::check(op.name(), "gradient of its result", grad.data());
        }
        let is_graph = pass == Pass::Graph;
        let mut flow = Flow { node: &node, pending: &mut pending, wanted, beside, is_graph };
        op.backward(grad, &mut flow);
    }
}

/// The ids of `targets` and of every node between them and `root`.
fn between<T: Real>(root: &Arc<Node<T>>, targets: &BTreeSet<u64>) -> BTreeSet<u64> {
    let mut seen = BTreeMap::new();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if seen.insert(node.id(), node).is_none() {
            stack.extend(node.edges().iter());
        }
    }
    // Inputs have smaller ids than their results, so ascending order decides inputs first.
    let mut wanted = BTreeSet::new();
    for (&id, node) in &seen {
        if targets.contains(&id) || node.edges().iter().any(|n| wanted.contains(&n.id())) {
            wanted.insert(id);
        }
    }
    wanted
}

impl<T: Real> Tensor<T> {
    /// The derivatives of this number with respect to every leaf it was made from.
    ///
    /// Values saved for the pass are freed as it goes, so that a graph can be walked once; see
    /// [`Tensor::backward_retain`] for twice. The tape is walked in a loop: its depth is limited
    /// by memory, not by the stack.
    ///
    /// # Panics
    ///
    /// When the tensor has more than one element ([`Tensor::backward_with`] takes any shape),
    /// is not tracked, or its graph has been freed by an earlier pass.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let w = Tensor::from([1.0f32, 2.0]).requires_grad();
    /// let loss = w.square().sum();
    /// let grads = loss.backward();
    /// assert_eq!(grads.require(&w)?.data(), [2.0, 4.0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    #[track_caller]
    pub fn backward(&self) -> Gradients<T> {
        self.backward_pass(self.unit_seed("backward"), Pass::Once)
    }

    /// As [`Tensor::backward`], and keeps the graph for another pass.
    ///
    /// # Panics
    ///
    /// As [`Tensor::backward`].
    #[track_caller]
    pub fn backward_retain(&self) -> Gradients<T> {
        self.backward_pass(self.unit_seed("backward"), Pass::Retain)
    }

    /// The derivatives of `sum(self * grad)`: `grad` holds the derivative of the loss with
    /// respect to this tensor and has its shape.
    ///
    /// # Panics
    ///
    /// When the shapes differ, and as [`Tensor::backward`].
    #[track_caller]
    pub fn backward_with(&self, grad: &Tensor<T>) -> Gradients<T> {
        self.backward_pass(self.seed("backward", grad).detach(), Pass::Once)
    }

    #[track_caller]
    fn backward_pass(&self, seed: Tensor<T>, pass: Pass) -> Gradients<T> {
        let mut grads = Gradients::new();
        walk(self.tracked_node("backward"), seed, pass, None, |id, grad| {
            grads.insert_id(id, grad);
        });
        grads
    }

    #[track_caller]
    fn unit_seed(&self, op: &str) -> Tensor<T> {
        assert!(
            self.numel() == 1,
            "{op}: expected a tensor with 1 element, got shape {}; reduce it first or use {op}_with",
            self.shape()
        );
        Tensor::ones(self.shape())
    }

    #[track_caller]
    fn seed(&self, op: &str, grad: &Tensor<T>) -> Tensor<T> {
        assert!(
            self.shape() == grad.shape(),
            "{op}: expected a gradient of shape {}, got {}",
            self.shape(),
            grad.shape()
        );
        grad.clone()
    }

    #[track_caller]
    fn tracked_node(&self, op: &str) -> &Arc<Node<T>> {
        let Some(node) = self.node() else {
            panic!(
                "{op}: expected a tracked tensor, got one made without gradients (shape {})",
                self.shape()
            )
        };
        node
    }
}

/// The derivatives of the number `y` with respect to each of `inputs`, differentiable in turn:
/// for gradient penalties, Hessian-vector products, Newton steps.
///
/// `inputs` may be leaves or results on the way to `y`. The graph is kept.
///
/// # Panics
///
/// When `y` has more than one element or is not tracked, when an input is not tracked or `y`
/// does not depend on it, and when the graph has been freed. Differentiating through the
/// result panics at an operation that has no second derivative, naming it.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, grad};
///
/// let x = Tensor::<f64>::from([3.0]).requires_grad();
/// let y = x.powi(3).sum();
/// let dy = grad(&y, &[&x]).remove(0);
/// assert_eq!(dy.data(), [27.0]); // 3 x^2
/// let d2y = grad(&dy.sum(), &[&x]).remove(0);
/// assert_eq!(d2y.data(), [18.0]); // 6 x
/// ```
#[track_caller]
pub fn grad<T: Real>(y: &Tensor<T>, inputs: &[&Tensor<T>]) -> Vec<Tensor<T>> {
    differentiate("grad", y, y.unit_seed("grad"), inputs, Pass::Graph)
}

/// As [`grad`], for `y` of any shape: the derivatives of `sum(y * grad_y)`, differentiable
/// also with respect to `grad_y`.
///
/// # Panics
///
/// As [`grad`], and when `grad_y` has another shape than `y`.
#[track_caller]
pub fn grad_with<T: Real>(
    y: &Tensor<T>,
    grad_y: &Tensor<T>,
    inputs: &[&Tensor<T>],
) -> Vec<Tensor<T>> {
    differentiate("grad", y, y.seed("grad", grad_y), inputs, Pass::Graph)
}

/// The derivatives of `sum(y * grad_y)` with respect to each of `inputs` and nothing else,
/// without recording the pass: for saliency maps and other questions about inputs, where the
/// gradients of the parameters would be wasted work. The graph is kept.
///
/// # Panics
///
/// As [`grad_with`].
#[track_caller]
pub fn grad_once<T: Real>(
    y: &Tensor<T>,
    grad_y: &Tensor<T>,
    inputs: &[&Tensor<T>],
) -> Vec<Tensor<T>> {
    differentiate("grad", y, y.seed("grad", grad_y).detach(), inputs, Pass::Retain)
}

#[track_caller]
fn differentiate<T: Real>(
    op: &str,
    y: &Tensor<T>,
    seed: Tensor<T>,
    inputs: &[&Tensor<T>],
    pass: Pass,
) -> Vec<Tensor<T>> {
    let root = y.tracked_node(op);
    let ids: Vec<u64> = inputs.iter().map(|x| x.tracked_node(op).id()).collect();
    let wanted = between(root, &ids.iter().copied().collect());
    let mut grads: Vec<Option<Tensor<T>>> = vec![None; inputs.len()];
    walk(root, seed, pass, Some(&wanted), |id, grad| {
        for (slot, &wanted_id) in grads.iter_mut().zip(&ids) {
            if wanted_id == id {
                *slot = Some(grad.clone()); // the same input may be asked for twice
            }
        }
    });
    grads
        .into_iter()
        .enumerate()
        .map(|(i, grad)| {
            let Some(grad) = grad else {
                panic!(
                    "{op}: y must depend on every input, got one it does not depend on: input {i} of shape {}",
                    inputs[i].shape()
                )
            };
            grad
        })
        .collect()
}
