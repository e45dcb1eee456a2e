//! One operation after the other, whole arrays at a time.

use super::rule::{Backwards, Forwards};
use super::{Backward, FeedForward};
use crate::elementwise::update;
use crate::gemm::{Activation, Epilogue, Gemm, gemm};
use crate::{Buffer, reduce};
use purlin_core::Real;

pub(super) fn forward<T: Real>(
    spec: &FeedForward<'_, T>,
    x: &[T],
    kept: Option<&mut [T]>,
    y: &mut [T],
) {
    let &FeedForward { rows, features, hidden, outputs, bias1, bias2, .. } = spec;
    let activation = Activation::Identity;
    let mut own = Buffer::scratch(if kept.is_some() { 0 } else { rows * hidden });
    let sums = kept.unwrap_or(&mut own);
    let epilogue = Epilogue { bias: bias1, activation };
    gemm(&Gemm::new(rows, features, hidden), x, spec.weight1, sums, &epilogue);
    let mut values = Buffer::scratch(rows * hidden);
    let op = Forwards(spec.activation);
    match spec.mask {
        Some(mask) => update(op, [&mut values], [sums, mask]),
        None => update(op, [&mut values], [sums]),
    }
    let epilogue = Epilogue { bias: bias2, activation };
    gemm(&Gemm::new(rows, hidden, outputs), &values, spec.weight2, y, &epilogue);
}

pub(super) fn backward<T: Real>(spec: &FeedForward<'_, T>, arrays: Backward<'_, T>) {
    let &FeedForward { rows, features, hidden, outputs, .. } = spec;
    let Backward { x, kept, grad_y, grad_x, grad_weight1, grad_bias1, grad_weight2 } = arrays;
    let none = Epilogue::none();
    let (mut grad, mut values) = (Buffer::scratch(rows * hidden), Buffer::scratch(rows * hidden));
    gemm(&Gemm::new(rows, outputs, hidden).trans_b(), grad_y, spec.weight2, &mut grad, &none);
    let op = Backwards(spec.activation);
    match spec.mask {
        Some(mask) => update(op, [&mut grad, &mut values], [kept, mask]),
        None => update(op, [&mut grad, &mut values], [kept]),
    }
    if let Some(out) = grad_weight2 {
        gemm(&Gemm::new(hidden, rows, outputs).trans_a(), &values, grad_y, out, &none);
    }
    if let Some(out) = grad_weight1 {
        gemm(&Gemm::new(features, rows, hidden).trans_a(), x, &grad, out, &none);
    }
    if let Some(out) = grad_bias1 {
        reduce::sum_axis(&grad, 1, rows, hidden, out);
    }
    if let Some(out) = grad_x {
        gemm(&Gemm::new(rows, hidden, features).trans_b(), &grad, spec.weight1, out, &none);
    }
}
