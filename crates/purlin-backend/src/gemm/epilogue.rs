//! What happens to a result before it is stored.

use crate::elementwise::MapOp;
use crate::math;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// An activation function that a product or a convolution applies to its result.
///
/// Each can be differentiated from its output alone, so the input need not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `0` for negative `x`, else `x` (so -0 and NaN stay as they are).
    Relu,
    /// `x` for positive `x`, else `slope * x`; the slope must not be negative.
    LeakyRelu(f64),
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// The function, per lane.
    #[inline(always)]
    pub fn eval<V: Lanes>(self, x: V) -> V {
        match self {
            Self::Identity => x,
            Self::Relu => V::splat_f64(0.0).max(x),
            Self::LeakyRelu(slope) => {
                V::select(x.gt(V::splat_f64(0.0)), x, x * V::splat_f64(slope))
            }
            Self::Sigmoid => math::sigmoid(x),
            Self::Tanh => math::tanh(x),
        }
    }

    /// The gradient of the input, `grad_y * f'(x)`, from the output `y = f(x)`, per lane.
    ///
    /// At the corner of ReLU and its leaky kin the derivative is that of the negative side.
    #[inline(always)]
    pub fn grad_from_output<V: Lanes>(self, y: V, grad_y: V) -> V {
        let zero = V::splat_f64(0.0);
        let one = V::splat_f64(1.0);
        match self {
            Self::Identity => grad_y,
            Self::Relu => V::select(y.le(zero), zero, grad_y),
            Self::LeakyRelu(slope) => V::select(y.le(zero), grad_y * V::splat_f64(slope), grad_y),
            Self::Sigmoid => grad_y * (y * (one - y)),
            Self::Tanh => grad_y * (one - y * y),
        }
    }

    /// Panics where the slope is negative or NaN: its output would not tell the input's sign.
    #[track_caller]
    pub(crate) fn check(self, op: &str) {
        if let Self::LeakyRelu(slope) = self {
            assert!(slope >= 0.0, "{op}: slope must be at least 0, got {slope}");
        }
    }
}

impl MapOp for Activation {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        Self::eval(self, x)
    }
}

/// What is done to each result: a bias per output column (channel) is added, then the activation
/// applied.
///
/// # Examples
///
/// ```
/// use purlin_backend::gemm::{Activation, Epilogue, Gemm, gemm};
///
/// let epilogue = Epilogue { bias: Some(&[1.0, -9.0]), activation: Activation::Relu };
/// let mut c = [0.0; 2];
/// gemm(&Gemm::new(1, 1, 2), &[2.0], &[3.0, 4.0], &mut c, &epilogue);
/// assert_eq!(c, [7.0, 0.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epilogue<'a, T> {
    /// Added to each result; one number per output column (channel).
    pub bias: Option<&'a [T]>,
    /// Applied last.
    pub activation: Activation,
}

impl<T: Real> Epilogue<'_, T> {
    /// The bare result.
    pub fn none() -> Self {
        Self { bias: None, activation: Activation::Identity }
    }

    /// One result of column `j`: the scalar twin of what kernels do per vector.
    pub(crate) fn apply(&self, j: usize, x: T) -> T {
        let x = self.bias.map_or(x, |bias| x + bias[j]);
        match self.activation {
            Activation::Identity => x,
            activation => crate::dispatch(ApplyOne(activation, x)),
        }
    }

    #[track_caller]
    pub(crate) fn check(&self, op: &str, columns: usize) {
        if let Some(bias) = self.bias {
            let got = bias.len();
            assert!(got == columns, "{op}: expected bias with {columns} items, got {got}");
        }
        self.activation.check(op);
    }
}

struct ApplyOne<T>(Activation, T);

impl<T: Real> crate::Kernel for ApplyOne<T> {
    type Output = T;
    #[inline(always)]
    fn run<I: purlin_core::simd::Isa>(self) -> T {
        let mut out = [T::ZERO; 1];
        self.0.eval(T::Lanes::<I>::splat(self.1)).store_partial(&mut out);
        out[0]
    }
}
