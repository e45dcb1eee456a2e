//! The kernels of both number types, compiled once, in this crate.
//!
//! A generic kernel is compiled anew in every crate that calls it with a concrete type, three
//! instruction sets at a time: minutes for each program and each test. Operations here therefore
//! reach their kernels through tables of function pointers, one for `f32` and one for `f64`,
//! which are statics of this crate; what is left to compile in a program is thin.

use crate::ops::{ActivationGrad, DivGradRight, First};
use purlin_backend::conv::{self, Conv2d};
use purlin_backend::elementwise::{self, ops};
use purlin_backend::gemm::{self, Activation, Epilogue, Gemm};
use purlin_backend::norm::{self, BatchNorm, GroupNorm};
use purlin_backend::pool::{self, AdaptiveAvgPool2d, Pool2d};
use purlin_backend::softmax::{self, CrossEntropy};
use purlin_backend::{layout, random, reduce};
use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};
use std::any::Any;

/// The one of two tables that is made for `T`.
#[inline]
pub(crate) fn pick<K: Any>(of_f32: &'static dyn Any, of_f64: &'static dyn Any) -> &'static K {
    let table = of_f32.downcast_ref().or_else(|| of_f64.downcast_ref());
    table.expect("a Real is f32 or f64")
}

/// Every kernel that is no elementwise function of its own; arguments as in the backend.
#[allow(clippy::type_complexity, reason = "a kernel names every array it touches")]
pub(crate) struct Kernels<T: Real> {
    pub(crate) gemm: fn(&Gemm, &[T], &[T], &mut [T], &Epilogue<'_, T>),
    pub(crate) gemm_batched:
        fn(&Gemm, usize, &[T], usize, &[T], usize, &mut [T], usize, &Epilogue<'_, T>),
    /// `(activation, grad, y)`: the gradient before the activation takes the place of `grad`.
    pub(crate) activation_grad: fn(Activation, &mut [T], &[T]),
    pub(crate) conv2d: fn(&Conv2d, &[T], &[T], &Epilogue<'_, T>, &mut [T]),
    pub(crate) conv2d_input_grad: fn(&Conv2d, &[T], &[T], &mut [T]),
    pub(crate) conv2d_weight_grad: fn(&Conv2d, &[T], &[T], &mut [T]),
    pub(crate) max_pool2d: fn(&Pool2d, &[T], &mut [T], &mut [u32]),
    pub(crate) max_pool2d_infer: fn(&Pool2d, &[T], &mut [T]),
    pub(crate) max_pool2d_grad: fn(&Pool2d, &[T], &[u32], &mut [T]),
    pub(crate) avg_pool2d: fn(&Pool2d, bool, &[T], &mut [T]),
    pub(crate) avg_pool2d_grad: fn(&Pool2d, bool, &[T], &mut [T]),
    pub(crate) adaptive_avg_pool2d: fn(&AdaptiveAvgPool2d, &[T], &mut [T]),
    pub(crate) adaptive_avg_pool2d_grad: fn(&AdaptiveAvgPool2d, &[T], &mut [T]),
    pub(crate) batch_norm_stats: fn(&[T], usize, usize, &mut [T], &mut [T]),
    pub(crate) batch_norm: fn(&BatchNorm<'_, T>, &[T], usize, &mut [T]),
    pub(crate) batch_norm_grad:
        fn(&BatchNorm<'_, T>, &[T], usize, &[T], bool, &mut [T], &mut [T], &mut [T]),
    pub(crate) layer_norm:
        fn(&[T], usize, usize, f64, Option<&[T]>, Option<&[T]>, &mut [T], &mut [T], &mut [T]),
    pub(crate) layer_norm_grad: fn(
        &[T],
        usize,
        usize,
        Option<&[T]>,
        &[T],
        &[T],
        &[T],
        &mut [T],
        Option<&mut [T]>,
        Option<&mut [T]>,
    ),
    pub(crate) group_norm:
        fn(&GroupNorm, &[T], Option<&[T]>, Option<&[T]>, &mut [T], &mut [T], &mut [T]),
    pub(crate) group_norm_grad:
        fn(&GroupNorm, &[T], Option<&[T]>, &[T], &[T], &[T], &mut [T], &mut [T], &mut [T]),
    pub(crate) softmax: fn(&[T], usize, usize, &mut [T]),
    pub(crate) log_softmax: fn(&[T], usize, usize, &mut [T]),
    pub(crate) log_sum_exp: fn(&[T], usize, usize, &mut [T]),
    pub(crate) softmax_grad: fn(&[T], &[T], usize, usize, &mut [T]),
    pub(crate) log_softmax_grad: fn(&[T], &[T], usize, usize, &mut [T]),
    pub(crate) cross_entropy:
        fn(&CrossEntropy<'_, T>, &[T], usize, usize, &[u32], &mut [T], &mut [T]),
    pub(crate) cross_entropy_grad:
        fn(&CrossEntropy<'_, T>, &[T], usize, usize, &[u32], &[T], &mut [T]),
    pub(crate) sum: fn(&[T]) -> T,
    pub(crate) sum_axis: fn(&[T], usize, usize, usize, &mut [T]),
    pub(crate) sum_to: fn(&[T], &Shape, &mut [T], &Shape),
    pub(crate) max_axis: fn(&[T], usize, usize, usize, &mut [T]),
    pub(crate) min_axis: fn(&[T], usize, usize, usize, &mut [T]),
    pub(crate) argmax_axis: fn(&[T], usize, usize, usize, &mut [u32]),
    pub(crate) argmin_axis: fn(&[T], usize, usize, usize, &mut [u32]),
    pub(crate) mean_var_axis: fn(&[T], usize, usize, usize, &mut [T], &mut [T]),
    pub(crate) fill_uniform: fn(&Stream, u64, f64, f64, &mut [T]),
    pub(crate) fill_normal: fn(&Stream, u64, f64, f64, &mut [T]),
    pub(crate) fill_bernoulli: fn(&Stream, u64, f64, &mut [T]),
    pub(crate) permute: fn(&[T], &Shape, &[usize], &mut [T]),
    pub(crate) slice_axis: fn(&[T], usize, usize, usize, usize, usize, &mut [T]),
    pub(crate) write_axis: fn(&[T], usize, usize, usize, &mut [T], usize, usize),
    pub(crate) gather_axis: fn(&[T], usize, usize, usize, &[usize], &mut [T]),
    pub(crate) scatter_add_axis: fn(&[T], usize, &[usize], usize, &mut [T], usize),
    /// `(x, x_shape, out, out_shape)`
    pub(crate) broadcast: fn(&[T], &Shape, &mut [T], &Shape),
    /// `(mask, a, b, out)`
    pub(crate) select: fn(&[T], &[T], &[T], &mut [T]),
    /// `(a, b, grad, out)`: the gradient of `b` in `a / b`.
    pub(crate) div_grad_right: fn(&[T], &[T], &[T], &mut [T]),
}

impl<T: Real> Kernels<T> {
    const fn new() -> Self {
        Self {
            gemm: gemm::gemm::<T>,
            gemm_batched: gemm::gemm_batched::<T>,
            activation_grad: |f, grad, y| elementwise::zip_inplace(ActivationGrad(f), grad, y),
            conv2d: conv::conv2d::<T>,
            conv2d_input_grad: conv::conv2d_input_grad::<T>,
            conv2d_weight_grad: conv::conv2d_weight_grad::<T>,
            max_pool2d: pool::max_pool2d::<T>,
            max_pool2d_infer: pool::max_pool2d_infer::<T>,
            max_pool2d_grad: pool::max_pool2d_grad::<T>,
            avg_pool2d: pool::avg_pool2d::<T>,
            avg_pool2d_grad: pool::avg_pool2d_grad::<T>,
            adaptive_avg_pool2d: pool::adaptive_avg_pool2d::<T>,
            adaptive_avg_pool2d_grad: pool::adaptive_avg_pool2d_grad::<T>,
            batch_norm_stats: norm::batch_norm_stats::<T>,
            batch_norm: |spec, x, rows, out| spec.forward(x, rows, out),
            batch_norm_grad: |spec, x, rows, grad_y, of_batch, grad_x, grad_gamma, grad_beta| {
                spec.grad(x, rows, grad_y, of_batch, grad_x, grad_gamma, grad_beta);
            },
            layer_norm: norm::layer_norm::<T>,
            layer_norm_grad: norm::layer_norm_grad::<T>,
            group_norm: GroupNorm::forward::<T>,
            group_norm_grad: GroupNorm::grad::<T>,
            softmax: softmax::softmax::<T>,
            log_softmax: softmax::log_softmax::<T>,
            log_sum_exp: softmax::log_sum_exp::<T>,
            softmax_grad: softmax::softmax_grad::<T>,
            log_softmax_grad: softmax::log_softmax_grad::<T>,
            cross_entropy: |spec, logits, rows, cols, targets, loss, probs| {
                spec.forward(logits, rows, cols, targets, loss, probs);
            },
            cross_entropy_grad: |spec, probs, rows, cols, targets, grad_loss, out| {
                spec.grad(probs, rows, cols, targets, grad_loss, out);
            },
            sum: reduce::sum::<T>,
            sum_axis: reduce::sum_axis::<T>,
            sum_to: reduce::sum_to::<T>,
            max_axis: reduce::max_axis::<T>,
            min_axis: reduce::min_axis::<T>,
            argmax_axis: reduce::argmax_axis::<T>,
            argmin_axis: reduce::argmin_axis::<T>,
            mean_var_axis: reduce::mean_var_axis::<T>,
            fill_uniform: random::fill_uniform::<T>,
            fill_normal: random::fill_normal::<T>,
            fill_bernoulli: random::fill_bernoulli::<T>,
            permute: layout::permute::<T>,
            slice_axis: layout::slice_axis::<T>,
            write_axis: layout::write_axis::<T>,
            gather_axis: layout::gather_axis::<T>,
            scatter_add_axis: layout::scatter_add_axis::<T>,
            broadcast: |x, x_shape, out, out_shape| {
                let zero = [T::ZERO];
                elementwise::zip_broadcast(
                    First,
                    x,
                    x_shape,
                    &zero,
                    &Shape::SCALAR,
                    out,
                    out_shape,
                );
            },
            select: |mask, a, b, out| elementwise::zip3(ops::Where, mask, a, b, out),
            div_grad_right: |a, b, grad, out| elementwise::zip3(DivGradRight, a, b, grad, out),
        }
    }
}

/// The kernels for `T`.
#[inline]
pub(crate) fn kernels<T: Real>() -> &'static Kernels<T> {
    static OF_F32: Kernels<f32> = Kernels::new();
    static OF_F64: Kernels<f64> = Kernels::new();
    pick(&OF_F32, &OF_F64)
}
