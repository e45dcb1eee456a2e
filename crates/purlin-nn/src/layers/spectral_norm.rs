//! Layers whose weight has the largest singular value 1.

use super::at_least_one;
use crate::{Buffer, Context, Forward, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{Norm, Tensor, no_grad};

/// A layer that can run with another weight than its own; its last axis counts outputs.
pub trait Reweight<T: Real = f32>: Forward<T> {
    /// Its own weight.
    fn weight(&self) -> &Param<T>;

    /// As [`Forward::forward`], with this weight, of the shape of its own.
    #[track_caller]
    fn forward_with(&self, weight: &Tensor<T>, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T>;
}

/// Spectral normalisation: the layer with its weight divided by the weight's largest
/// singular value.
///
/// ```text
/// u = W^T v / |W^T v|,  v = W u / |W u|,  sigma = v^T W u,  y = layer with weight W / sigma
/// ```
///
/// where `W` is the weight as a matrix `(everything else, outputs)`. So a linear layer changes no
/// distance by more than a factor of 1, and the slope of a network of such layers stays bounded; for a
/// convolution the bound holds up to the overlap of its windows.
///
/// | value | shape |
/// |---|---|
/// | `layer.weight`, `layer.bias` | as in the layer |
/// | `u` | `(out,)`, of length 1 after a pass in training |
/// | `v` | `(everything else,)`, likewise |
///
/// A pass in training takes one step of the power iteration for `u` and `v` (a construction takes 15), as
/// batch norm moves its statistics; evaluation and a frozen layer use their directions as they are (averages of them
/// over steps, as [`Ema`](crate::callbacks::Ema) makes, are shorter than 1). They are
/// constants for the gradient, which flows through `sigma`: `d sigma / dW = v u^T`. The step, the 15 and
/// the gradient are those of PyTorch's `spectral_norm`.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::layers::{Linear, SpectralNorm};
/// use purlin_nn::{Context, Forward, Init};
/// use purlin_tensor::Tensor;
///
/// let init = Stream::new(1, "init");
/// let layer = Linear::new(2, 2, &init).init(Init::Ones).bias(false); // singular values 2 and 0
/// let layer: SpectralNorm<Linear> = SpectralNorm::new(layer, &init.child("norm"));
/// let y = layer.forward(&Tensor::from([[1.0, 0.0]]), &mut Context::eval());
/// assert!((y.data()[0] - 0.5).abs() < 1e-6);
/// ```
///
/// # References
///
/// - T. Miyato et al., *Spectral normalization for generative adversarial networks*, ICLR 2018:
///   algorithm 1.
#[derive(Debug, Clone)]
pub struct SpectralNorm<L, T: Real = f32> {
    /// The layer, with its weight as it is trained.
    pub layer: L,
    /// The left factor of the power iteration, on the side of the outputs.
    pub u: Buffer<T>,
    /// The right factor.
    pub v: Buffer<T>,
    n_iterations: usize,
}

/// Steps of the power iteration when a layer is made.
const FIRST_STEPS: usize = 15;

impl<T: Real, L: Reweight<T>> SpectralNorm<L, T> {
    /// Wraps a layer; the power iteration begins at normal draws from `stream`.
    pub fn new(layer: L, stream: &Stream) -> Self {
        let matrix = matrix(layer.weight());
        let normal = |n: usize, name| unit(&Tensor::normal([n, 1], 0.0, 1.0, &stream.child(name)));
        let (rows, columns) = (matrix.dims()[0], matrix.dims()[1]);
        let (mut u, mut v) = (normal(columns, "u"), normal(rows, "v"));
        no_grad(|| {
            for _ in 0..FIRST_STEPS {
                (u, v) = power_step(&matrix, &v);
            }
        });
        let (u, v) = (Buffer::new(u.reshape(columns)), Buffer::new(v.reshape(rows)));
        Self { layer, u, v, n_iterations: 1 }
    }

    /// Steps of the power iteration in a training pass; 1 unless told.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn n_iterations(mut self, n_iterations: usize) -> Self {
        at_least_one("spectral_norm", "n_iterations", n_iterations);
        self.n_iterations = n_iterations;
        self
    }

    /// The estimate of the largest singular value, a number on the tape: it is exact once the power
    /// iteration has settled.
    pub fn sigma(&self) -> Tensor<T> {
        let matrix = matrix(self.layer.weight());
        let (rows, columns) = (matrix.dims()[0], matrix.dims()[1]);
        let (u, v) = (unit(&self.u.get()), unit(&self.v.get()));
        let (u, v) = (u.reshape([columns, 1]), v.reshape([1, rows]));
        v.matmul(&matrix).matmul(&u).reshape(Shape::SCALAR)
    }
}

/// A weight as `(everything else, outputs)`.
fn matrix<T: Real>(weight: &Tensor<T>) -> Tensor<T> {
    let outputs = weight.dims().last().copied().unwrap_or(1);
    weight.reshape([weight.numel() / outputs.max(1), outputs])
}

/// `(u, v)` after a step from `v`, both as columns.
fn power_step<T: Real>(matrix: &Tensor<T>, v: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
    let u = unit(&matrix.matmul_tn(v));
    let v = unit(&matrix.matmul(&u));
    (u, v)
}

/// A vector scaled to length 1; one that is all but zero stays small.
fn unit<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    x / &x.norm(Norm::L2).clamp(1e-12, f64::INFINITY)
}

impl<T: Real, L: Reweight<T>> Module<T> for SpectralNorm<L, T> {
    fn kind(&self) -> &'static str {
        "SpectralNorm"
    }

    fn walk(&self, path: &mut crate::Path, visitor: &mut dyn crate::Visitor<T>) {
        visitor.enter(path.name(), self);
        self.layer.walk(&mut path.child("layer"), visitor);
        self.u.walk(&mut path.child("u"), visitor);
        self.v.walk(&mut path.child("v"), visitor);
    }

    fn walk_mut(&mut self, path: &mut crate::Path, visitor: &mut dyn crate::VisitorMut<T>) {
        self.layer.walk_mut(&mut path.child("layer"), visitor);
        self.u.walk_mut(&mut path.child("u"), visitor);
        self.v.walk_mut(&mut path.child("v"), visitor);
    }
}

impl<T: Real, L: Reweight<T>> Forward<T> for SpectralNorm<L, T> {
    /// # Panics
    ///
    /// When the weight, `u` or `v` is zero throughout, and as the layer.
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        if ctx.is_training() && !self.u.is_frozen() {
            no_grad(|| {
                let matrix = matrix(&self.layer.weight().detach());
                let (mut u, mut v) = (self.u.get(), self.v.get().unsqueeze(1));
                for _ in 0..self.n_iterations {
                    (u, v) = power_step(&matrix, &v);
                }
                self.u.replace(u.reshape(u.numel()));
                self.v.replace(v.reshape(v.numel()));
            });
        }
        let sigma = self.sigma();
        let is_zero = |x: &Tensor<T>| x.data().iter().all(|&x| x == T::ZERO);
        let name = if is_zero(self.layer.weight()) { "weight" } else { "u and v" };
        assert!(sigma.item() != T::ZERO, "spectral_norm: {name} must be other than 0 throughout");
        self.layer.forward_with(&(&**self.layer.weight() / &sigma), x, ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.layer.output_shape(input)
    }
}
