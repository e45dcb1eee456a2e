//! Two products with an activation between them as one operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::linear::{bias_grad, check_named_bias};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::feed_forward::{self as kernel, FeedForward, FeedForwardActivation};
use purlin_core::{Real, Shape};

/// The parameters of [`feed_forward`].
#[derive(Debug, Clone, Copy)]
pub struct FeedForwardWeights<'a, T: Real = f32> {
    /// `W`, `(features, hidden)`.
    pub weight1: &'a Tensor<T>,
    /// `b`, `(hidden,)`.
    pub bias1: Option<&'a Tensor<T>>,
    /// `V`, `(hidden, outputs)`.
    pub weight2: &'a Tensor<T>,
    /// `c`, `(outputs,)`.
    pub bias2: Option<&'a Tensor<T>>,
}

/// The inputs of the operation.
const X: usize = 0;
const WEIGHT1: usize = 1;
const BIAS1: usize = 2;
const WEIGHT2: usize = 3;
const BIAS2: usize = 4;

/// The activation is computed again on the way back.
struct FeedForwardBackward<T: Real> {
    activation: FeedForwardActivation,
    x: Tensor<T>,
    weight1: Tensor<T>,
    bias1: Option<Tensor<T>>,
    weight2: Tensor<T>,
    bias2: Option<Tensor<T>>,
    mask: Option<Tensor<T>>,
    kept: Buffer<T>,
}

impl<T: Real> Backward<T> for FeedForwardBackward<T> {
    fn name(&self) -> &'static str {
        "feed_forward"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let Self { activation, x, weight1, bias1, weight2, bias2, mask, kept } = self;
        if flow.is_graph() {
            let mut inputs = vec![(X, x), (WEIGHT1, weight1), (WEIGHT2, weight2)];
            inputs.extend(bias1.iter().map(|bias| (BIAS1, bias)));
            inputs.extend(bias2.iter().map(|bias| (BIAS2, bias)));
            compose(&grad, flow, &inputs, |v| {
                let plus = |y: Tensor<T>, bias: usize| {
                    let place = inputs.iter().position(|&(input, _)| input == bias);
                    place.map_or_else(|| y.clone(), |place| &y + &v[place])
                };
                let u = plus(v[0].matmul(&v[1]), BIAS1);
                let mut hidden = match activation {
                    FeedForwardActivation::Relu => u.relu(),
                    FeedForwardActivation::Gelu => u.gelu(),
                };
                if let Some(mask) = mask {
                    hidden *= mask;
                }
                plus(hidden.matmul(&v[2]), BIAS2)
            });
            return;
        }
        let [features, hidden] = [weight1.dims()[0], weight1.dims()[1]];
        let spec = FeedForward {
            rows: x.dims()[..x.rank() - 1].iter().product(),
            features,
            hidden,
            outputs: weight2.dims()[1],
            weight1: weight1.data(),
            bias1: bias1.as_ref().map(Tensor::data),
            weight2: weight2.data(),
            bias2: bias2.as_ref().map(Tensor::data),
            activation: *activation,
            mask: mask.as_ref().map(Tensor::data),
        };
        let shapes = [*x.shape(), *weight1.shape(), Shape::from([hidden]), *weight2.shape()];
        let mut grads: [Option<Buffer<T>>; 4] =
            std::array::from_fn(|i| flow.needs(i).then(|| Buffer::scratch(shapes[i].numel())));
        let [grad_x, grad_weight1, grad_bias1, grad_weight2] =
            grads.each_mut().map(|grad| grad.as_mut().map(|grad| &mut grad[..]));
        let arrays = kernel::Backward {
            x: x.data(),
            kept,
            grad_y: grad.data(),
            grad_x,
            grad_weight1,
            grad_bias1,
            grad_weight2,
        };
        if (0..4).any(|i| flow.needs(i)) {
            kernel::backward(&spec, arrays);
        }
        for (i, grad) in grads.into_iter().enumerate() {
            if let Some(grad) = grad {
                flow.send(i, Tensor::new(shapes[i], grad));
            }
        }
        if flow.needs(BIAS2) {
            flow.send(BIAS2, bias_grad(&grad));
        }
    }
}

/// `f(x W + b) V + c` in one pass: the feed-forward part of a transformer. The values between the
/// products are multiplied with `mask` ([`dropout_mask`](crate::dropout_mask)) where there is one; it is
/// a constant: it has no gradient.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(.., features)` |
/// | `mask` | `(.., hidden)` |
/// | result | `(.., outputs)` |
///
/// # Panics
///
/// When the shapes do not fit.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{FeedForwardActivation, FeedForwardWeights, Tensor, feed_forward};
///
/// let x = Tensor::from([[1.0f32, 2.0]]);
/// let weight1 = Tensor::from([[1.0f32, -1.0], [1.0, -1.0]]);
/// let weight2 = Tensor::from([[1.0f32], [1.0]]);
/// let weights =
///     FeedForwardWeights { weight1: &weight1, bias1: None, weight2: &weight2, bias2: None };
/// let y = feed_forward(&x, weights, FeedForwardActivation::Relu, None);
/// assert_eq!(y.data(), [3.0]);
/// ```
///
/// # References
///
/// - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017, section 3.3.
#[track_caller]
pub fn feed_forward<T: Real>(
    x: &Tensor<T>,
    weights: FeedForwardWeights<'_, T>,
    activation: FeedForwardActivation,
    mask: Option<&Tensor<T>>,
) -> Tensor<T> {
    let FeedForwardWeights { weight1, bias1, weight2, bias2 } = weights;
    let (&[features, hidden], &[rows2, outputs]) = (weight1.dims(), weight2.dims()) else {
        panic!(
            "feed_forward: expected weights (features, hidden) and (hidden, outputs), got {} and {}",
            weight1.shape(),
            weight2.shape()
        );
    };
    assert!(
        rows2 == hidden,
        "feed_forward: expected weight2 ({hidden}, outputs) for weight1 {}, got {}",
        weight1.shape(),
        weight2.shape()
    );
    assert!(
        x.rank() >= 1 && x.dims()[x.rank() - 1] == features,
        "feed_forward: expected input (.., {features}) for weight1 {}, got {}",
        weight1.shape(),
        x.shape()
    );
    or_panic(check_named_bias("feed_forward", "bias1", bias1, hidden));
    or_panic(check_named_bias("feed_forward", "bias2", bias2, outputs));
    let last = x.rank() - 1;
    let between = x.shape().with(last, hidden);
    if let Some(mask) = mask {
        assert!(
            *mask.shape() == between,
            "feed_forward: expected mask {between}, got {}",
            mask.shape()
        );
    }
    let rows = x.dims()[..last].iter().product();
    let spec = FeedForward {
        rows,
        features,
        hidden,
        outputs,
        weight1: weight1.data(),
        bias1: bias1.map(Tensor::data),
        weight2: weight2.data(),
        bias2: bias2.map(Tensor::data),
        activation,
        mask: mask.map(Tensor::data),
    };
    let edges = Edges::of_some(&[Some(x), Some(weight1), bias1, Some(weight2), bias2]);
    let mut y = Buffer::scratch(rows * outputs);
    let mut kept = Buffer::scratch(if edges.is_some() { rows * hidden } else { 0 });
    kernel::forward(&spec, x.data(), edges.is_some().then_some(&mut kept[..]), &mut y);
    Tensor::new(x.shape().with(last, outputs), y).record(edges, "feed_forward", |_| {
        FeedForwardBackward {
            activation,
            x: x.detach(),
            weight1: weight1.detach(),
            bias1: bias1.map(Tensor::detach),
            weight2: weight2.detach(),
            bias2: bias2.map(Tensor::detach),
            mask: mask.map(Tensor::detach),
            kept,
        }
    })
}
