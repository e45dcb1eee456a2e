//! A user's own operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, mode, only_once};
use purlin_core::{Real, Shape};

/// An operation with its own derivative, applied with [`apply`].
///
/// # Examples
///
/// The gradient reversal of domain-adversarial training (Ganin and Lempitsky, 2015): identity
/// forwards, `-lambda` times the gradient backwards.
///
/// ```
/// use purlin_tensor::{Function, Saved, Tensor, apply};
///
/// struct Reverse {
///     lambda: f32,
/// }
///
/// impl Function<f32> for Reverse {
///     fn name(&self) -> &'static str {
///         "reverse"
///     }
///     fn forward(&self, inputs: &[&Tensor], _keep: &mut Vec<Tensor>) -> Tensor {
///         inputs[0].clone()
///     }
///     fn backward(&self, grad: &Tensor, _saved: &Saved<'_, f32>) -> Vec<Option<Tensor>> {
///         vec![Some(grad * -self.lambda)]
///     }
/// }
///
/// let x = Tensor::from([1.0, 2.0]).requires_grad();
/// let y = apply(Reverse { lambda: 0.5 }, &[&x]);
/// assert_eq!(y.data(), [1.0, 2.0]);
/// assert_eq!(y.sum().backward().require(&x)?.data(), [-0.5, -0.5]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub trait Function<T: Real>: Send + Sync + 'static {
    /// The operation, as in error texts.
    fn name(&self) -> &'static str;

    /// The value. Nothing is recorded while it runs, and the inputs arrive detached, so it may
    /// read [`Tensor::data`] and loop. What it pushes to `keep` comes back in
    /// [`Saved::kept`].
    fn forward(&self, inputs: &[&Tensor<T>], keep: &mut Vec<Tensor<T>>) -> Tensor<T>;

    /// The derivative of the loss with respect to each input, of its shape, given the one with
    /// respect to the output. `None` is allowed where [`Saved::needs`] is false.
    fn backward(&self, grad: &Tensor<T>, saved: &Saved<'_, T>) -> Vec<Option<Tensor<T>>>;

    /// Whether `backward` is written in tensor operations on `grad`, [`Saved::input`] and
    /// [`Saved::output`], so that [`grad`](crate::grad) may record it. Values from `keep` count
    /// as constants. Without it a second derivative through this operation panics.
    fn is_twice_differentiable(&self) -> bool {
        false
    }
}

/// What [`Function::backward`] works with.
#[derive(Debug)]
pub struct Saved<'a, T: Real> {
    inputs: Vec<Tensor<T>>,
    output: Tensor<T>,
    kept: &'a [Tensor<T>],
    needs: Vec<bool>,
}

impl<T: Real> Saved<'_, T> {
    /// Input `i` of the forward pass.
    pub fn input(&self, i: usize) -> &Tensor<T> {
        &self.inputs[i]
    }

    /// The result of the forward pass.
    pub fn output(&self) -> &Tensor<T> {
        &self.output
    }

    /// The `i`-th tensor that the forward pass kept.
    pub fn kept(&self, i: usize) -> &Tensor<T> {
        &self.kept[i]
    }

    /// Whether the gradient of input `i` is asked for.
    pub fn needs(&self, i: usize) -> bool {
        self.needs[i]
    }
}

struct Apply<T: Real, F> {
    function: F,
    inputs: Vec<Tensor<T>>,
    output: Tensor<T>,
    kept: Vec<Tensor<T>>,
}

impl<T: Real, F: Function<T>> Backward<T> for Apply<T, F> {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let name = self.function.name();
        let needs = (0..self.inputs.len()).map(|i| flow.needs(i)).collect();
        let is_recorded = flow.is_graph() && self.function.is_twice_differentiable();
        let attached = |flow: &Flow<'_, T>| -> Vec<Tensor<T>> {
            self.inputs.iter().enumerate().map(|(i, x)| flow.input(i, x)).collect()
        };
        let grads = if is_recorded {
            let output = flow.output(&self.output);
            let saved = Saved { inputs: attached(flow), output, kept: &self.kept, needs };
            self.function.backward(&grad, &saved)
        } else {
            let _pause = mode::pause();
            let inputs = self.inputs.clone();
            let saved = Saved { inputs, output: self.output.clone(), kept: &self.kept, needs };
            self.function.backward(&grad.detach(), &saved)
        };
        assert!(
            grads.len() == self.inputs.len(),
            "{name}: backward: expected {} gradients, one per input, got {}",
            self.inputs.len(),
            grads.len()
        );
        let sources = (flow.is_graph() && !is_recorded).then(|| {
            let mut sources = attached(flow);
            sources.push(grad);
            sources
        });
        for (i, grad) in grads.into_iter().enumerate() {
            if !flow.needs(i) {
                continue;
            }
            let Some(grad) = grad else {
                panic!(
                    "{name}: backward: expected a gradient for input {i}, which is tracked, got None"
                );
            };
            let expected: &Shape = self.inputs[i].shape();
            assert!(
                grad.shape() == expected,
                "{name}: backward: expected a gradient of shape {expected} for input {i}, got {}",
                grad.shape()
            );
            flow.send(
                i,
                match &sources {
                    Some(sources) => only_once(name, &grad, &sources.iter().collect::<Vec<_>>()),
                    None => grad,
                },
            );
        }
    }
}

/// Runs a [`Function`] and puts it on the tape.
///
/// # Panics
///
/// In the backward pass, when the function returns the wrong number of gradients, one of the
/// wrong shape, or none for a tracked input.
#[track_caller]
pub fn apply<T: Real>(function: impl Function<T>, inputs: &[&Tensor<T>]) -> Tensor<T> {
    let edges = Edges::of(inputs);
    let detached: Vec<Tensor<T>> = inputs.iter().map(|x| x.detach()).collect();
    let mut kept = Vec::new();
    let output = {
        let _pause = mode::pause();
        function.forward(&detached.iter().collect::<Vec<_>>(), &mut kept).detach()
    };
    let kept = kept.iter().map(Tensor::detach).collect();
    output.record(edges, function.name(), |output| Apply {
        output: output.detach(),
        function,
        inputs: detached,
        kept,
    })
}
