//! Second derivatives of fused operations, and the sign at the end of the road where there are
//! none.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, grad_with};
use purlin_core::Real;

/// `y = x` on a node of its own.
struct Alias;

impl<T: Real> Backward<T> for Alias {
    fn name(&self) -> &'static str {
        "alias"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, grad);
    }
}

/// The same value at a new place of the tape.
fn alias<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    let edges = Edges::of(&[x]);
    x.detach().record(edges, "alias", |_| Alias)
}

/// The differentiable gradient of a fused operation: `f` writes the same function of `inputs`
/// (pairs of edge and saved value) in basic operations, and is differentiated on the spot.
///
/// Each input gets an alias, and the walk ends at the aliases: without them it would go on into
/// inputs that depend on each other and count their common past twice.
pub(crate) fn compose<T: Real>(
    grad: &Tensor<T>,
    flow: &mut Flow<'_, T>,
    inputs: &[(usize, &Tensor<T>)],
    f: impl FnOnce(&[Tensor<T>]) -> Tensor<T>,
) {
    let aliases: Vec<Tensor<T>> = inputs.iter().map(|&(i, x)| alias(&flow.input(i, x))).collect();
    let y = f(&aliases);
    let wanted: Vec<usize> = (0..inputs.len()).filter(|&k| flow.needs(inputs[k].0)).collect();
    let targets: Vec<&Tensor<T>> = wanted.iter().map(|&k| &aliases[k]).collect();
    for (k, grad) in wanted.iter().zip(grad_with(&y, grad, &targets)) {
        flow.send(inputs[*k].0, grad);
    }
}

struct Once(&'static str);

impl<T: Real> Backward<T> for Once {
    fn name(&self) -> &'static str {
        self.0
    }
    fn backward(&self, _grad: Tensor<T>, _flow: &mut Flow<'_, T>) {
        panic!(
            "grad: expected operations with a second derivative, got {}, which has none",
            self.0
        );
    }
}

/// Marks `result`, a gradient computed without recording from `sources`, as not differentiable:
/// a pass that reaches it panics with the name of the operation instead of taking it for a
/// constant.
pub(crate) fn only_once<T: Real>(
    name: &'static str,
    result: &Tensor<T>,
    sources: &[&Tensor<T>],
) -> Tensor<T> {
    let edges = Edges::of(sources);
    result.detach().record(edges, name, |_| Once(name))
}
