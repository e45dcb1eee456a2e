//! The activations, and what happens to hidden values.

use crate::elementwise::{Update, UpdateOp};
use crate::gemm::Activation;
use crate::{Kernel, math};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// What stands between the two products of a feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedForwardActivation {
    /// The larger of `x` and 0.
    #[default]
    Relu,
    /// `x` times the normal distribution function of `x`.
    Gelu,
}

/// `f(x)`, times the mask where there is one.
#[derive(Clone, Copy)]
pub(super) struct Forwards(pub(super) FeedForwardActivation);

/// From the gradient of [`Forwards`] the gradient of `x`; beside it what [`Forwards`] gave.
#[derive(Clone, Copy)]
pub(super) struct Backwards(pub(super) FeedForwardActivation);

impl UpdateOp<1, 1> for Forwards {
    const COST: usize = 40;
    #[inline(always)]
    fn eval<V: Lanes>(self, _: [V; 1], [x]: [V; 1]) -> [V; 1] {
        [match self.0 {
            FeedForwardActivation::Relu => Activation::Relu.eval(x),
            FeedForwardActivation::Gelu => math::gelu(x),
        }]
    }
}

impl UpdateOp<1, 2> for Forwards {
    const COST: usize = 40;
    #[inline(always)]
    fn eval<V: Lanes>(self, y: [V; 1], [x, mask]: [V; 2]) -> [V; 1] {
        let [y] = <Self as UpdateOp<1, 1>>::eval(self, y, [x]);
        [y * mask]
    }
}

impl UpdateOp<2, 1> for Backwards {
    const COST: usize = 60;
    #[inline(always)]
    fn eval<V: Lanes>(self, [grad, _]: [V; 2], [x]: [V; 1]) -> [V; 2] {
        match self.0 {
            FeedForwardActivation::Relu => {
                let y = Activation::Relu.eval(x);
                [Activation::Relu.grad_from_output(y, grad), y]
            }
            FeedForwardActivation::Gelu => {
                let (y, slope) = math::gelu_with_grad(x);
                [grad * slope, y]
            }
        }
    }
}

impl UpdateOp<2, 2> for Backwards {
    const COST: usize = 60;
    #[inline(always)]
    fn eval<V: Lanes>(self, [grad, y]: [V; 2], [x, mask]: [V; 2]) -> [V; 2] {
        let [grad, y] = <Self as UpdateOp<2, 1>>::eval(self, [grad * mask, y], [x]);
        [grad, y * mask]
    }
}

impl Forwards {
    /// `out = f(x)`, times the mask.
    #[inline(always)]
    pub(super) fn row<I: Isa, T: Real>(self, x: &[T], mask: Option<&[T]>, out: &mut [T]) {
        match mask {
            Some(mask) => Update { op: self, state: [out], input: [x, mask] }.run::<I>(),
            None => Update { op: self, state: [out], input: [x] }.run::<I>(),
        }
    }
}

impl Backwards {
    /// In `grad` the gradient of `x` in place of that of the values, and the values.
    #[inline(always)]
    pub(super) fn row<I: Isa, T: Real>(
        self,
        x: &[T],
        mask: Option<&[T]>,
        grad: &mut [T],
        value: &mut [T],
    ) {
        match mask {
            Some(mask) => Update { op: self, state: [grad, value], input: [x, mask] }.run::<I>(),
            None => Update { op: self, state: [grad, value], input: [x] }.run::<I>(),
        }
    }
}
