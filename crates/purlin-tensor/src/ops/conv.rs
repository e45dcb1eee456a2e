//! Convolution: one operation forwards, and its two gradients as operations of their own, each
//! the derivative of the others.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::linear::{activation_grad, bias_grad, check_bias};
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::conv::{self, Conv2d};
use purlin_backend::gemm::{Activation, Epilogue};
use purlin_core::{Error, Real, Result, Shape};

/// How the window of [`conv2d`] moves.
///
/// # Examples
///
/// ```
/// use purlin_tensor::Conv2dOptions;
///
/// let same = Conv2dOptions { padding: [[1, 1], [1, 1]], ..Conv2dOptions::default() };
/// assert_eq!(same.stride, [1, 1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Steps of the window, down and right; 1.
    pub stride: [usize; 2],
    /// Zeros around the image, `[[top, bottom], [left, right]]`; none.
    pub padding: [[usize; 2]; 2],
    /// Distance of neighbouring taps, down and right; 1.
    pub dilation: [usize; 2],
    /// Runs of channels that do not see each other; 1. The number of input channels makes the
    /// convolution depthwise.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    fn default() -> Self {
        Self { stride: [1; 2], padding: [[0; 2]; 2], dilation: [1; 2], groups: 1 }
    }
}

/// How the window of [`conv1d`] moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv1dOptions {
    /// Steps of the window; 1.
    pub stride: usize,
    /// Zeros `[before, after]` the sequence; none.
    pub padding: [usize; 2],
    /// Distance of neighbouring taps; 1.
    pub dilation: usize,
    /// Runs of channels that do not see each other; 1.
    pub groups: usize,
}

impl Default for Conv1dOptions {
    fn default() -> Self {
        Self { stride: 1, padding: [0; 2], dilation: 1, groups: 1 }
    }
}

pub(crate) fn x_shape(spec: &Conv2d) -> Shape {
    Shape::from([spec.batch, spec.height, spec.width, spec.in_channels])
}

fn y_shape(spec: &Conv2d) -> Shape {
    Shape::from([spec.batch, spec.out_height(), spec.out_width(), spec.out_channels])
}

fn weight_shape(spec: &Conv2d) -> Shape {
    let [height, width] = spec.kernel;
    Shape::from([height, width, spec.in_channels / spec.groups, spec.out_channels])
}

/// `y = f(u)`, `u = x * W + b`. With `g = f'(u) grad_y`: `grad_x` and `grad_W` are the two
/// adjoint convolutions of `g`, `grad_b` is the sum of `g` over batch and pixels.
struct ConvBackward<T: Real> {
    spec: Conv2d,
    activation: Activation,
    x: Tensor<T>,
    weight: Tensor<T>,
    bias: Option<Tensor<T>>,
    /// Saved unless the activation is the identity.
    y: Option<Tensor<T>>,
}

impl<T: Real> Backward<T> for ConvBackward<T> {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let is_plain = self.bias.is_none() && self.y.is_none();
        if flow.is_graph() && !is_plain {
            let mut inputs = vec![(0, &self.x), (1, &self.weight)];
            inputs.extend(self.bias.iter().map(|bias| (2, bias)));
            compose(&grad, flow, &inputs, |v| {
                let u = convolve(&self.spec, &v[0], &v[1], None, Activation::Identity);
                let u = v.get(2).map_or_else(|| u.clone(), |bias| &u + bias);
                u.activate(self.activation)
            });
            return;
        }
        let grad = activation_grad(self.activation, self.y.as_ref(), grad);
        if flow.needs(0) {
            flow.send(0, input_grad(&self.spec, &grad, &flow.input(1, &self.weight)));
        }
        if flow.needs(1) {
            flow.send(1, weight_grad(&self.spec, &flow.input(0, &self.x), &grad));
        }
        if flow.needs(2) {
            flow.send(2, bias_grad(&grad));
        }
    }
}

/// `z = A(g, W)`, the input gradient of a convolution, is linear in both: its gradient in `g` is
/// the convolution, in `W` the weight gradient with `grad_z` in the place of the image.
struct InputGradBackward<T: Real> {
    spec: Conv2d,
    grad_y: Tensor<T>,
    weight: Tensor<T>,
}

impl<T: Real> Backward<T> for InputGradBackward<T> {
    fn name(&self) -> &'static str {
        "conv2d_input_grad"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.needs(0) {
            let weight = flow.input(1, &self.weight);
            flow.send(0, convolve(&self.spec, &grad, &weight, None, Activation::Identity));
        }
        if flow.needs(1) {
            flow.send(1, weight_grad(&self.spec, &grad, &flow.input(0, &self.grad_y)));
        }
    }
}

/// `z = B(x, g)`, the weight gradient of a convolution, is linear in both: its gradient in `x`
/// is the input gradient with `grad_z` in the place of the weight, in `g` the convolution with
/// it.
struct WeightGradBackward<T: Real> {
    spec: Conv2d,
    x: Tensor<T>,
    grad_y: Tensor<T>,
}

impl<T: Real> Backward<T> for WeightGradBackward<T> {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.needs(0) {
            flow.send(0, input_grad(&self.spec, &flow.input(1, &self.grad_y), &grad));
        }
        if flow.needs(1) {
            let x = flow.input(0, &self.x);
            flow.send(1, convolve(&self.spec, &x, &grad, None, Activation::Identity));
        }
    }
}

fn convolve<T: Real>(
    spec: &Conv2d,
    x: &Tensor<T>,
    weight: &Tensor<T>,
    bias: Option<&Tensor<T>>,
    activation: Activation,
) -> Tensor<T> {
    let shape = y_shape(spec);
    let mut out = Buffer::scratch(shape.numel());
    let epilogue = Epilogue { bias: bias.map(Tensor::data), activation };
    conv::conv2d(spec, x.data(), weight.data(), &epilogue, &mut out);
    let edges = Edges::of_some(&[Some(x), Some(weight), bias]);
    Tensor::new(shape, out).record(edges, "conv2d", |y| ConvBackward {
        spec: *spec,
        activation,
        x: x.detach(),
        weight: weight.detach(),
        bias: bias.map(Tensor::detach),
        y: (activation != Activation::Identity).then(|| y.detach()),
    })
}

/// The gradient of the image of a convolution, on the tape.
pub(crate) fn input_grad<T: Real>(
    spec: &Conv2d,
    grad_y: &Tensor<T>,
    weight: &Tensor<T>,
) -> Tensor<T> {
    let shape = x_shape(spec);
    let mut out = Buffer::scratch(shape.numel());
    conv::conv2d_input_grad(spec, grad_y.data(), weight.data(), &mut out);
    Tensor::new(shape, out).record(Edges::of(&[grad_y, weight]), "conv2d_input_grad", |_| {
        InputGradBackward { spec: *spec, grad_y: grad_y.detach(), weight: weight.detach() }
    })
}

/// The gradient of the weight of a convolution, on the tape.
fn weight_grad<T: Real>(spec: &Conv2d, x: &Tensor<T>, grad_y: &Tensor<T>) -> Tensor<T> {
    let shape = weight_shape(spec);
    let mut out = Buffer::scratch(shape.numel());
    conv::conv2d_weight_grad(spec, x.data(), grad_y.data(), &mut out);
    Tensor::new(shape, out).record(Edges::of(&[x, grad_y]), "conv2d_weight_grad", |_| {
        WeightGradBackward { spec: *spec, x: x.detach(), grad_y: grad_y.detach() }
    })
}

fn spec_of<T: Real>(
    op: &'static str,
    x: &Tensor<T>,
    weight: &Tensor<T>,
    options: &Conv2dOptions,
) -> Result<Conv2d> {
    let Conv2dOptions { stride, padding, dilation, groups } = *options;
    let [kernel_h, kernel_w, group_channels, out_channels] = *weight.dims() else {
        let expected = "weight (kernel_h, kernel_w, in_channels / groups, out_channels)";
        return Err(Error::shape(op, expected, weight.shape()));
    };
    let in_channels = group_channels.saturating_mul(groups);
    let [batch, height, width, channels] = *x.dims() else {
        let expected = format!("input (batch, height, width, {in_channels})");
        return Err(Error::shape(op, expected, x.shape()));
    };
    if channels != in_channels {
        let expected = format!("input (batch, height, width, {in_channels})");
        return Err(Error::shape(op, expected, x.shape()));
    }
    let spec = Conv2d {
        batch,
        height,
        width,
        in_channels,
        out_channels,
        kernel: [kernel_h, kernel_w],
        stride,
        dilation,
        padding,
        groups,
    };
    spec.check_as(op)?;
    Ok(spec)
}

/// `activation(x * W + b)`, the two-dimensional convolution (cross-correlation, as the field's
/// networks mean it) with its bias and activation in one pass.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(batch, height, width, in_channels)` |
/// | `weight` | `(kernel_h, kernel_w, in_channels / groups, out_channels)` |
/// | `bias` | `(out_channels,)` |
/// | result | `(batch, out_h, out_w, out_channels)` |
///
/// with `out_h = (height + top + bottom - dilation (kernel_h - 1) - 1) / stride + 1`, rounded
/// down. It can be differentiated any number of times: the convolution, its input gradient and
/// its weight gradient are each other's derivatives.
///
/// # Panics
///
/// When the shapes do not fit, the window does not fit into the padded image, or an option is 0.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Activation, Conv2dOptions, Tensor, conv2d};
///
/// // The sum of each 2x2 window of a 3x3 image.
/// let x = Tensor::<f32>::arange(9).reshape([1, 3, 3, 1]);
/// let weight = Tensor::ones([2, 2, 1, 1]);
/// let y = conv2d(&x, &weight, None, &Conv2dOptions::default(), Activation::Identity);
/// assert_eq!(y.dims(), [1, 2, 2, 1]);
/// assert_eq!(y.data(), [8.0, 12.0, 20.0, 24.0]);
/// ```
#[track_caller]
pub fn conv2d<T: Real>(
    x: &Tensor<T>,
    weight: &Tensor<T>,
    bias: Option<&Tensor<T>>,
    options: &Conv2dOptions,
    activation: Activation,
) -> Tensor<T> {
    let spec = or_panic(spec_of("conv2d", x, weight, options));
    or_panic(check_bias("conv2d", bias, spec.out_channels));
    convolve(&spec, x, weight, bias, activation)
}

/// `activation(x * W + b)` along one axis: [`conv2d`] over images of height 1.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(batch, length, in_channels)` |
/// | `weight` | `(kernel, in_channels / groups, out_channels)` |
/// | `bias` | `(out_channels,)` |
/// | result | `(batch, out_length, out_channels)` |
///
/// # Panics
///
/// As [`conv2d`].
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Activation, Conv1dOptions, Tensor, conv1d};
///
/// let x = Tensor::from([1.0f32, 4.0, 9.0, 16.0]).reshape([1, 4, 1]);
/// let difference = Tensor::from([-1.0f32, 1.0]).reshape([2, 1, 1]);
/// let y = conv1d(&x, &difference, None, &Conv1dOptions::default(), Activation::Identity);
/// assert_eq!(y.data(), [3.0, 5.0, 7.0]);
/// ```
#[track_caller]
pub fn conv1d<T: Real>(
    x: &Tensor<T>,
    weight: &Tensor<T>,
    bias: Option<&Tensor<T>>,
    options: &Conv1dOptions,
    activation: Activation,
) -> Tensor<T> {
    assert!(
        weight.rank() == 3,
        "conv1d: expected weight (kernel, in_channels / groups, out_channels), got {}",
        weight.shape()
    );
    let in_channels = weight.dims()[1].saturating_mul(options.groups);
    assert!(
        x.rank() == 3 && x.dims()[2] == in_channels,
        "conv1d: expected input (batch, length, {in_channels}), got {}",
        x.shape()
    );
    let options = Conv2dOptions {
        stride: [1, options.stride],
        padding: [[0, 0], options.padding],
        dilation: [1, options.dilation],
        groups: options.groups,
    };
    let (x, weight) = (x.unsqueeze(1), weight.unsqueeze(0));
    let spec = or_panic(spec_of("conv1d", &x, &weight, &options));
    or_panic(check_bias("conv1d", bias, spec.out_channels));
    convolve(&spec, &x, &weight, bias, activation).squeeze(1)
}
