//! Batch normalisation, in its training and its evaluation form.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::norm::{BatchNorm, batch_norm_stats};
use purlin_core::{Error, Real, Result, Shape};

/// The result of [`batch_norm`].
#[derive(Debug, Clone)]
pub struct BatchNormOutput<T: Real = f32> {
    /// The normalised batch, of the input's shape.
    pub y: Tensor<T>,
    /// The mean of each channel over the batch, `(channels,)`; not tracked.
    pub mean: Tensor<T>,
    /// The population variance of each channel over the batch, `(channels,)`; not tracked.
    pub var: Tensor<T>,
}

/// `y = h w + b`, `h = (x - m) r`, `r = 1 / sqrt(v + eps)` per channel. In training `m` and `v`
/// depend on `x`: `grad_x = w r (grad_y - (grad_b + h grad_w) / rows)`; in evaluation
/// `grad_x = w r grad_y`. Both times `grad_w = sum grad_y h`, `grad_b = sum grad_y`.
struct BatchNormBackward<T: Real> {
    of_batch: bool,
    eps: f64,
    x: Tensor<T>,
    weight: Option<Tensor<T>>,
    bias: Option<Tensor<T>>,
    mean: Tensor<T>,
    var: Tensor<T>,
}

/// `h w + b` with what of `w` (edge 1) and `b` (edge 2) there is.
pub(crate) fn affine<T: Real>(
    h: Tensor<T>,
    inputs: &[(usize, &Tensor<T>)],
    values: &[Tensor<T>],
) -> Tensor<T> {
    let mut y = h;
    for ((edge, _), value) in inputs.iter().zip(values) {
        match edge {
            1 => y *= value,
            2 => y += value,
            _ => {}
        }
    }
    y
}

/// The inputs that there are, with their edges.
pub(crate) fn edges_of<'a, T: Real>(
    x: &'a Tensor<T>,
    weight: Option<&'a Tensor<T>>,
    bias: Option<&'a Tensor<T>>,
) -> Vec<(usize, &'a Tensor<T>)> {
    let mut inputs = vec![(0, x)];
    inputs.extend(weight.map(|w| (1, w)));
    inputs.extend(bias.map(|b| (2, b)));
    inputs
}

impl<T: Real> BatchNormBackward<T> {
    fn compose(&self, grad: &Tensor<T>, flow: &mut Flow<'_, T>) {
        let inputs = edges_of(&self.x, self.weight.as_ref(), self.bias.as_ref());
        compose(grad, flow, &inputs, |v| {
            let x = &v[0];
            let (centred, var) = if self.of_batch {
                let axes: Vec<isize> = (0..x.rank().cast_signed() - 1).collect();
                let centred = x - x.mean_axes(&axes, true);
                let var = centred.square().mean_axes(&axes, true);
                (centred, var)
            } else {
                (x - &self.mean, self.var.clone())
            };
            affine(centred * var.add_scalar(self.eps).rsqrt(), &inputs, v)
        });
    }
}

impl<T: Real> Backward<T> for BatchNormBackward<T> {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            self.compose(&grad, flow);
            return;
        }
        let channels = self.mean.numel();
        let rows = self.x.numel() / channels.max(1);
        let norm = BatchNorm {
            mean: self.mean.data(),
            var: self.var.data(),
            eps: self.eps,
            gamma: self.weight.as_ref().map(Tensor::data),
            beta: None,
        };
        let mut grad_x = Buffer::scratch(self.x.numel());
        let (mut grad_weight, mut grad_bias) = (Buffer::zeroed(channels), Buffer::zeroed(channels));
        norm.grad(
            self.x.data(),
            rows,
            grad.data(),
            self.of_batch,
            &mut grad_x,
            &mut grad_weight,
            &mut grad_bias,
        );
        flow.send(0, Tensor::new(*self.x.shape(), grad_x));
        let shape = Shape::from([channels]);
        flow.send(1, Tensor::new(shape, grad_weight));
        flow.send(2, Tensor::new(shape, grad_bias));
    }
}

/// Refuses parameters that have not one number per channel, and `eps` below 0.
pub(crate) fn check_affine<T: Real>(
    op: &'static str,
    shape: &Shape,
    parameters: &[(&str, Option<&Tensor<T>>)],
    eps: f64,
) -> Result<()> {
    for (name, parameter) in parameters {
        if let Some(parameter) = parameter
            && parameter.shape() != shape
        {
            return Err(Error::shape(op, format!("{name} {shape}"), parameter.shape()));
        }
    }
    if eps >= 0.0 { Ok(()) } else { Err(Error::param(op, "eps", "at least 0", eps)) }
}

/// The number of channels: the last axis of at least two.
fn channels_of<T: Real>(op: &'static str, x: &Tensor<T>) -> Result<usize> {
    if x.rank() < 2 {
        return Err(Error::shape(op, "input (batch, .., channels)", x.shape()));
    }
    Ok(x.dims()[x.rank() - 1])
}

/// Batch normalisation in training (Ioffe and Szegedy, 2015): each channel (the last axis) is
/// brought to mean 0 and variance 1 over all other axes, then scaled and shifted:
/// `y = (x - mean) / sqrt(var + eps) * weight + bias`, with the population variance. The batch
/// statistics are returned for a running average.
///
/// | value | shape |
/// |---|---|
/// | `x`, `y` | `(batch, .., channels)` |
/// | `weight`, `bias`, `mean`, `var` | `(channels,)` |
///
/// # Panics
///
/// When the shapes do not fit, `x` has fewer than two axes or no rows, or `eps` is negative.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, batch_norm};
///
/// let x = Tensor::from([[1.0f64, 10.0], [3.0, 30.0]]);
/// let out = batch_norm(&x, None, None, 0.0);
/// assert_eq!(out.y.data(), [-1.0, -1.0, 1.0, 1.0]);
/// assert_eq!(out.mean.data(), [2.0, 20.0]);
/// assert_eq!(out.var.data(), [1.0, 100.0]);
/// ```
#[track_caller]
pub fn batch_norm<T: Real>(
    x: &Tensor<T>,
    weight: Option<&Tensor<T>>,
    bias: Option<&Tensor<T>>,
    eps: f64,
) -> BatchNormOutput<T> {
    let op = "batch_norm";
    let channels = or_panic(channels_of(op, x));
    let shape = Shape::from([channels]);
    or_panic(check_affine(op, &shape, &[("weight", weight), ("bias", bias)], eps));
    let rows: usize = x.dims()[..x.rank() - 1].iter().product();
    assert!(
        rows > 0,
        "{op}: expected at least 1 row to take statistics of, got shape {}",
        x.shape()
    );
    let (mut mean, mut var) = (Buffer::scratch(channels), Buffer::scratch(channels));
    batch_norm_stats(x.data(), rows, channels, &mut mean, &mut var);
    let (mean, var) = (Tensor::new(shape, mean), Tensor::new(shape, var));
    let y = normalise(true, x, weight, bias, (&mean, &var), eps);
    BatchNormOutput { y, mean, var }
}

/// Batch normalisation in evaluation, with given statistics, which are constants to the tape:
/// `y = (x - mean) / sqrt(var + eps) * weight + bias`.
///
/// # Panics
///
/// When the shapes do not fit, `x` has fewer than two axes, `eps` is negative, or `mean` or
/// `var` is tracked.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, batch_norm_infer};
///
/// let (mean, var) = (Tensor::from([1.0f64]), Tensor::from([4.0]));
/// let y = batch_norm_infer(&Tensor::from([[5.0], [1.0]]), &mean, &var, None, None, 0.0);
/// assert_eq!(y.data(), [2.0, 0.0]);
/// ```
#[track_caller]
pub fn batch_norm_infer<T: Real>(
    x: &Tensor<T>,
    mean: &Tensor<T>,
    var: &Tensor<T>,
    weight: Option<&Tensor<T>>,
    bias: Option<&Tensor<T>>,
    eps: f64,
) -> Tensor<T> {
    let op = "batch_norm_infer";
    let channels = or_panic(channels_of(op, x));
    let parameters = [("mean", Some(mean)), ("var", Some(var)), ("weight", weight), ("bias", bias)];
    or_panic(check_affine(op, &Shape::from([channels]), &parameters, eps));
    assert!(
        !mean.is_tracked() && !var.is_tracked(),
        "{op}: mean and var must be constants, got a tracked tensor; detach it"
    );
    normalise(false, x, weight, bias, (mean, var), eps)
}

fn normalise<T: Real>(
    of_batch: bool,
    x: &Tensor<T>,
    weight: Option<&Tensor<T>>,
    bias: Option<&Tensor<T>>,
    (mean, var): (&Tensor<T>, &Tensor<T>),
    eps: f64,
) -> Tensor<T> {
    let rows = x.dims()[..x.rank() - 1].iter().product();
    let norm = BatchNorm {
        mean: mean.data(),
        var: var.data(),
        eps,
        gamma: weight.map(Tensor::data),
        beta: bias.map(Tensor::data),
    };
    let mut out = Buffer::scratch(x.numel());
    norm.forward(x.data(), rows, &mut out);
    let edges = Edges::of_some(&[Some(x), weight, bias]);
    Tensor::new(*x.shape(), out).record(edges, "batch_norm", |_| BatchNormBackward {
        of_batch,
        eps,
        x: x.detach(),
        weight: weight.map(Tensor::detach),
        bias: bias.map(Tensor::detach),
        mean: mean.clone(),
        var: var.clone(),
    })
}
