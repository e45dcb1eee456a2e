//! Linear maps and their adjoints: each is the derivative of the other, to any order.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use purlin_core::Real;
use std::sync::Arc;

/// A linear map `y = A x` with its adjoint `x = A^T y`, both computed without recording.
pub(crate) trait LinearMap<T: Real>: Send + Sync + 'static {
    const NAME: &'static str;
    const ADJOINT: &'static str;
    /// `A x`.
    fn apply(&self, x: &Tensor<T>) -> Tensor<T>;
    /// `A^T y`.
    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T>;
}

struct Forward<M>(Arc<M>);

impl<T: Real, M: LinearMap<T>> Backward<T> for Forward<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, adjoint(&grad, &self.0));
    }
}

struct Adjoint<M>(Arc<M>);

impl<T: Real, M: LinearMap<T>> Backward<T> for Adjoint<M> {
    fn name(&self) -> &'static str {
        M::ADJOINT
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, apply(&grad, &self.0));
    }
}

/// `A x` on the tape.
#[track_caller]
pub(crate) fn apply<T: Real, M: LinearMap<T>>(x: &Tensor<T>, map: &Arc<M>) -> Tensor<T> {
    let edges = Edges::of(&[x]);
    map.apply(x).record(edges, M::NAME, |_| Forward(Arc::clone(map)))
}

/// `A^T y` on the tape.
#[track_caller]
pub(crate) fn adjoint<T: Real, M: LinearMap<T>>(y: &Tensor<T>, map: &Arc<M>) -> Tensor<T> {
    let edges = Edges::of(&[y]);
    map.adjoint(y).record(edges, M::ADJOINT, |_| Adjoint(Arc::clone(map)))
}

/// Whether a result of `x` goes onto the tape: then what its derivative needs must be computed.
pub(crate) fn is_recorded<T: Real>(x: &Tensor<T>) -> bool {
    Edges::of(&[x]).is_some()
}

/// `y = A x`, computed already, on the tape.
#[track_caller]
pub(crate) fn record<T: Real, M: LinearMap<T>>(
    x: &Tensor<T>,
    y: Tensor<T>,
    map: &Arc<M>,
) -> Tensor<T> {
    y.record(Edges::of(&[x]), M::NAME, |_| Forward(Arc::clone(map)))
}
