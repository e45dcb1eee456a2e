//! Normalisation within each sample: over trailing axes, or over groups of channels.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::batch_norm::{affine, check_affine, edges_of};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::norm::{self, GroupNorm};
use purlin_core::{Error, Real, Shape};

/// What is normalised together.
#[derive(Clone, Copy)]
enum Over {
    /// Each row of `(rows, cols)`.
    Rows { rows: usize, cols: usize, eps: f64 },
    /// Each group of channels of each sample.
    Groups(GroupNorm),
}

/// `y = h w + b`, `h = (x - m) r`, `r = 1 / sqrt(v + eps)`. With `g = w grad_y`, means taken over
/// what is normalised together: `grad_x = r (g - mean(g) - h mean(g h))`; `grad_w = sum grad_y h`,
/// `grad_b = sum grad_y`.
struct NormBackward<T: Real> {
    over: Over,
    x: Tensor<T>,
    weight: Option<Tensor<T>>,
    bias: Option<Tensor<T>>,
    mean: Buffer<T>,
    rstd: Buffer<T>,
}

impl<T: Real> Backward<T> for NormBackward<T> {
    fn name(&self) -> &'static str {
        match self.over {
            Over::Rows { .. } => "layer_norm",
            Over::Groups(_) => "group_norm",
        }
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let inputs = edges_of(&self.x, self.weight.as_ref(), self.bias.as_ref());
            compose(&grad, flow, &inputs, |v| affine(self.normalised(&v[0]), &inputs, v));
            return;
        }
        let n = match self.over {
            Over::Rows { cols, .. } => cols,
            Over::Groups(spec) => spec.channels,
        };
        let mut grad_x = Buffer::scratch(self.x.numel());
        let (mut grad_weight, mut grad_bias) = (Buffer::zeroed(n), Buffer::zeroed(n));
        let (x, grad) = (self.x.data(), grad.data());
        let weight = self.weight.as_ref().map(Tensor::data);
        match self.over {
            Over::Rows { rows, cols, .. } => norm::layer_norm_grad(
                x,
                rows,
                cols,
                weight,
                &self.mean,
                &self.rstd,
                grad,
                &mut grad_x,
                flow.needs(1).then_some(&mut grad_weight[..]),
                flow.needs(2).then_some(&mut grad_bias[..]),
            ),
            Over::Groups(spec) => spec.grad(
                x,
                weight,
                &self.mean,
                &self.rstd,
                grad,
                &mut grad_x,
                &mut grad_weight,
                &mut grad_bias,
            ),
        }
        flow.send(0, Tensor::new(*self.x.shape(), grad_x));
        if let Some(weight) = &self.weight {
            flow.send(1, Tensor::new(*weight.shape(), grad_weight));
        }
        if let Some(bias) = &self.bias {
            flow.send(2, Tensor::new(*bias.shape(), grad_bias));
        }
    }
}

impl<T: Real> NormBackward<T> {
    /// `h` in basic operations.
    fn normalised(&self, x: &Tensor<T>) -> Tensor<T> {
        let (view, axes, eps) = match self.over {
            Over::Rows { rows, cols, eps } => (Shape::from([rows, cols]), vec![1], eps),
            Over::Groups(GroupNorm { batch, spatial, channels, groups, eps }) => {
                (Shape::from([batch, spatial, groups, channels / groups]), vec![1, 3], eps)
            }
        };
        let grouped = x.reshape(view);
        let centred = &grouped - grouped.mean_axes(&axes, true);
        let var = centred.square().mean_axes(&axes, true);
        (centred * var.add_scalar(eps).rsqrt()).reshape(x.shape())
    }
}

/// Layer normalisation (Ba, Kiros, Hinton, 2016): the last `n_axes` axes of each sample are
/// brought to mean 0 and variance 1 together, then scaled and shifted elementwise:
/// `y = (x - mean) / sqrt(var + eps) * weight + bias`, with the population variance.
///
/// | value | shape |
/// |---|---|
/// | `x`, result | `(.., normalised axes)` |
/// | `weight`, `bias` | the normalised axes |
///
/// # Panics
///
/// When the shapes do not fit, `n_axes` is 0 or above the rank, the normalised axes are empty, or
/// `eps` is negative.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, layer_norm};
///
/// let x = Tensor::from([[1.0f64, 3.0], [10.0, 30.0]]);
/// assert_eq!(layer_norm(&x, 1, None, None, 0.0).data(), [-1.0, 1.0, -1.0, 1.0]);
/// ```
#[track_caller]
pub fn layer_norm<T: Real>(
    x: &Tensor<T>,
    n_axes: usize,
    weight: Option<&Tensor<T>>,
    bias: Option<&Tensor<T>>,
    eps: f64,
) -> Tensor<T> {
    let op = "layer_norm";
    if n_axes == 0 || n_axes > x.rank() {
        let rule = format!("in 1..={} for shape {}", x.rank(), x.shape());
        or_panic::<()>(Err(Error::param(op, "n_axes", rule, n_axes)));
    }
    let normalised = Shape::new(&x.dims()[x.rank() - n_axes..]);
    or_panic(check_affine(op, &normalised, &[("weight", weight), ("bias", bias)], eps));
    let cols = normalised.numel();
    assert!(cols > 0, "{op}: expected at least 1 element to normalise, got shape {}", x.shape());
    let rows = x.numel() / cols;
    let mut out = Buffer::scratch(x.numel());
    let (mut mean, mut rstd) = (Buffer::scratch(rows), Buffer::scratch(rows));
    norm::layer_norm(
        x.data(),
        rows,
        cols,
        eps,
        weight.map(Tensor::data),
        bias.map(Tensor::data),
        &mut out,
        &mut mean,
        &mut rstd,
    );
    record(Over::Rows { rows, cols, eps }, op, x, weight, bias, out, (mean, rstd))
}

/// Group normalisation (Wu and He, 2018): the channels (the last axis) of each sample are cut
/// into `groups` of equal size, and each group is brought to mean 0 and variance 1 over its
/// channels and all places, then scaled and shifted per channel.
///
/// | value | shape |
/// |---|---|
/// | `x`, result | `(batch, .., channels)` |
/// | `weight`, `bias` | `(channels,)` |
///
/// # Panics
///
/// When the shapes do not fit, `x` has fewer than two axes or empty samples, `groups` does not
/// divide the channels, or `eps` is negative.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, group_norm};
///
/// // One sample of two places and two channels, each channel its own group.
/// let x = Tensor::from([[[1.0f64, 10.0], [3.0, 30.0]]]);
/// assert_eq!(group_norm(&x, 2, None, None, 0.0).data(), [-1.0, -1.0, 1.0, 1.0]);
/// ```
#[track_caller]
pub fn group_norm<T: Real>(
    x: &Tensor<T>,
    groups: usize,
    weight: Option<&Tensor<T>>,
    bias: Option<&Tensor<T>>,
    eps: f64,
) -> Tensor<T> {
    let op = "group_norm";
    assert!(x.rank() >= 2, "{op}: expected input (batch, .., channels), got {}", x.shape());
    let (batch, channels) = (x.dims()[0], x.dims()[x.rank() - 1]);
    let spatial: usize = x.dims()[1..x.rank() - 1].iter().product();
    if groups == 0 || channels % groups != 0 {
        let rule = format!("a divisor of the {channels} channels");
        or_panic::<()>(Err(Error::param(op, "groups", rule, groups)));
    }
    or_panic(check_affine(
        op,
        &Shape::from([channels]),
        &[("weight", weight), ("bias", bias)],
        eps,
    ));
    assert!(
        spatial * channels > 0,
        "{op}: expected at least 1 element to normalise, got shape {}",
        x.shape()
    );
    let spec = GroupNorm { batch, spatial, channels, groups, eps };
    let mut out = Buffer::scratch(x.numel());
    let (mut mean, mut rstd) = (Buffer::scratch(batch * groups), Buffer::scratch(batch * groups));
    let (gamma, beta) = (weight.map(Tensor::data), bias.map(Tensor::data));
    spec.forward(x.data(), gamma, beta, &mut out, &mut mean, &mut rstd);
    record(Over::Groups(spec), op, x, weight, bias, out, (mean, rstd))
}

fn record<T: Real>(
    over: Over,
    op: &'static str,
    x: &Tensor<T>,
    weight: Option<&Tensor<T>>,
    bias: Option<&Tensor<T>>,
    out: Buffer<T>,
    (mean, rstd): (Buffer<T>, Buffer<T>),
) -> Tensor<T> {
    let edges = Edges::of_some(&[Some(x), weight, bias]);
    Tensor::new(*x.shape(), out).record(edges, op, |_| NormBackward {
        over,
        x: x.detach(),
        weight: weight.map(Tensor::detach),
        bias: bias.map(Tensor::detach),
        mean,
        rstd,
    })
}
