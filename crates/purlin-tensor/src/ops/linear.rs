//! The fully connected layer as one operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::elementwise::Table;
use purlin_backend::elementwise::ZipOp;
use purlin_backend::gemm::{Activation, Epilogue, Gemm, gemm};
use purlin_backend::{Buffer, reduce};
use purlin_core::simd::Lanes;
use purlin_core::{Error, Real, Result, Shape};

/// `f'(u) grad_y` from `(grad_y, y)` with `y = f(u)`.
#[derive(Clone, Copy)]
struct ActivationGrad(Activation);

impl ZipOp for ActivationGrad {
    const COST: usize = 3;
    #[inline(always)]
    fn eval<V: Lanes>(self, grad_y: V, y: V) -> V {
        self.0.grad_from_output(y, grad_y)
    }
}

/// The gradient before an activation from the gradient after it, in place where possible.
pub(crate) fn activation_grad<T: Real>(
    activation: Activation,
    y: Option<&Tensor<T>>,
    mut grad: Tensor<T>,
) -> Tensor<T> {
    static TABLE: Table<ActivationGrad> = Table::new();
    if let Some(y) = y {
        TABLE.run(ActivationGrad(activation), grad.data_mut(), y.data());
    }
    grad
}

/// The sum over all axes but the last: the gradient of a bias.
pub(crate) fn bias_grad<T: Real>(grad: &Tensor<T>) -> Tensor<T> {
    let channels = grad.dims()[grad.rank() - 1];
    let mut out = Buffer::scratch(channels);
    let rows: usize = grad.dims()[..grad.rank() - 1].iter().product();
    reduce::sum_axis(grad.data(), 1, rows, channels, &mut out);
    Tensor::new(Shape::from([channels]), out)
}

/// Whether a bias fits `channels` outputs.
pub(crate) fn check_bias<T: Real>(
    op: &'static str,
    bias: Option<&Tensor<T>>,
    channels: usize,
) -> Result<()> {
    check_named_bias(op, "bias", bias, channels)
}

/// [`check_bias`] where there are several.
pub(crate) fn check_named_bias<T: Real>(
    op: &'static str,
    name: &str,
    bias: Option<&Tensor<T>>,
    channels: usize,
) -> Result<()> {
    match bias {
        Some(bias) if bias.dims() != [channels] => {
            Err(Error::shape(op, format!("{name} ({channels},)"), bias.shape()))
        }
        _ => Ok(()),
    }
}

/// `y = f(u)`, `u = x W + b`. With `g = f'(u) grad_y`: `grad_x = g W^T`, `grad_W = x^T g`,
/// `grad_b` is the sum of the rows of `g`.
struct LinearBackward<T: Real> {
    activation: Activation,
    /// Saved where the weight needs a gradient, or a graph may be asked for.
    x: Tensor<T>,
    weight: Tensor<T>,
    bias: Option<Tensor<T>>,
    /// Saved unless the activation is the identity.
    y: Option<Tensor<T>>,
}

impl<T: Real> Backward<T> for LinearBackward<T> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let mut inputs = vec![(0, &self.x), (1, &self.weight)];
            inputs.extend(self.bias.iter().map(|bias| (2, bias)));
            compose(&grad, flow, &inputs, |v| {
                let u = v[0].matmul(&v[1]);
                v.get(2).map_or_else(|| u.clone(), |bias| &u + bias).activate(self.activation)
            });
            return;
        }
        let grad = activation_grad(self.activation, self.y.as_ref(), grad);
        let (k, n) = (self.weight.dims()[0], self.weight.dims()[1]);
        let m = self.x.dims()[..self.x.rank() - 1].iter().product();
        if flow.needs(0) {
            let mut out = Buffer::scratch(m * k);
            let spec = Gemm::new(m, n, k).trans_b();
            gemm(&spec, grad.data(), self.weight.data(), &mut out, &Epilogue::none());
            flow.send(0, Tensor::new(*self.x.shape(), out));
        }
        if flow.needs(1) {
            let mut out = Buffer::scratch(k * n);
            let spec = Gemm::new(k, m, n).trans_a();
            gemm(&spec, self.x.data(), grad.data(), &mut out, &Epilogue::none());
            flow.send(1, Tensor::new(*self.weight.shape(), out));
        }
        if flow.needs(2) {
            flow.send(2, bias_grad(&grad));
        }
    }
}

/// `activation(x W + b)` in one pass: the fully connected layer.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(.., in_features)` |
/// | `weight` | `(in_features, out_features)` |
/// | `bias` | `(out_features,)` |
/// | result | `(.., out_features)` |
///
/// # Panics
///
/// When the shapes do not fit, or a leaky slope is negative (its output would not tell the sign
/// of its input).
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Activation, Tensor, linear};
///
/// let x = Tensor::from([[1.0f32, 2.0]]);
/// let weight = Tensor::from([[1.0f32, -1.0], [1.0, -1.0]]);
/// let bias = Tensor::from([0.5f32, 0.5]);
/// let y = linear(&x, &weight, Some(&bias), Activation::Relu);
/// assert_eq!(y.data(), [3.5, 0.0]);
/// ```
#[track_caller]
pub fn linear<T: Real>(
    x: &Tensor<T>,
    weight: &Tensor<T>,
    bias: Option<&Tensor<T>>,
    activation: Activation,
) -> Tensor<T> {
    assert!(
        weight.rank() == 2,
        "linear: expected weight (in_features, out_features), got {}",
        weight.shape()
    );
    let (k, n) = (weight.dims()[0], weight.dims()[1]);
    assert!(
        x.rank() >= 1 && x.dims()[x.rank() - 1] == k,
        "linear: expected input (.., {k}) for weight {}, got {}",
        weight.shape(),
        x.shape()
    );
    super::or_panic(check_bias("linear", bias, n));
    let last = x.rank() - 1;
    let rows: usize = x.dims()[..last].iter().product();
    let mut out = Buffer::scratch(rows * n);
    let epilogue = Epilogue { bias: bias.map(Tensor::data), activation };
    gemm(&Gemm::new(rows, k, n), x.data(), weight.data(), &mut out, &epilogue);
    let edges = Edges::of_some(&[Some(x), Some(weight), bias]);
    Tensor::new(x.shape().with(last, n), out).record(edges, "linear", |y| LinearBackward {
        activation,
        x: x.detach(),
        weight: weight.detach(),
        bias: bias.map(Tensor::detach),
        y: (activation != Activation::Identity).then(|| y.detach()),
    })
}
