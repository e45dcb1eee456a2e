//! The way back.

use super::rule::{Elman, Gru, Lstm, RowGrad, Rule};
use super::weights::Weights;
use super::{Cell, ROWS, Recurrence, check_len, parts};
use crate::gemm::K_BLOCK;
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// What [`backward`] reads and writes; `o` is the size of a state, `g` the number of gates.
///
/// Where a sequence has ended, gradients are 0.
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// `(n, steps, g * hidden)`: the gates, as [`forward`](super::forward) left them.
    pub gates: &'a [T],
    /// `(n, steps, o)`: the states before each step. Read for [`Cell::Gru`].
    pub before: &'a [T],
    /// What [`Kept::other`](super::Kept::other) took.
    pub other: &'a [T],
    /// `(n, steps, o)`: the gradient of the outputs.
    pub grad_y: &'a [T],
    /// `(n, o)`. In: the gradient of the states at the end, beside that of the outputs. Out: at
    /// the start.
    pub grad_h: &'a mut [T],
    /// `(n, hidden)` for [`Cell::Lstm`], else empty. In: the gradient of the cells at the end. Out:
    /// at the start.
    pub grad_c: &'a mut [T],
    /// `(n, steps, g * hidden)`: the gradient of what the inputs give each gate.
    pub grad_gates: &'a mut [T],
    /// `(n, steps, g * hidden)` for [`Cell::Gru`], else empty: the gradient of the product of state
    /// and weight, which for the other rules is `grad_gates`.
    pub grad_product: &'a mut [T],
    /// `(n, steps, o)` where there is a projection, else empty: the gradient of what it gave.
    pub grad_projected: &'a mut [T],
}

/// The gradients of [`forward`](super::forward).
///
/// The caller forms what is a sum over all steps: with `g` the gradient of the product,
/// `grad_weight = before^T g`, and so on.
///
/// # Panics
///
/// When an array has not the length that the sizes say, or the rule has no such part.
#[track_caller]
pub fn backward<T: Real>(spec: &Recurrence<'_, T>, arrays: Backward<'_, T>) {
    once!(|spec: &Recurrence<'_, T>, arrays: Backward<'_, T>| {
        spec.check();
        match spec.cell {
            Cell::Elman(activation) => run(Elman(activation), spec, arrays),
            Cell::Gru => run(Gru, spec, arrays),
            Cell::Lstm => run(Lstm, spec, arrays),
        }
    });
}

#[track_caller]
fn run<T: Real, R: Rule>(rule: R, spec: &Recurrence<'_, T>, arrays: Backward<'_, T>) {
    let &Recurrence { n, steps, hidden, .. } = spec;
    let (outputs, width) = (spec.outputs(), spec.width());
    let Backward { gates, before, other, grad_y, .. } = arrays;
    let Backward { grad_h, grad_c, grad_gates, grad_product, grad_projected, .. } = arrays;
    let only = |is_there: bool, len: usize| if is_there { len } else { 0 };
    check_len("gates", n * steps * width, gates.len());
    check_len("before", n * steps * outputs, before.len());
    check_len("other", only(R::HAS_KEPT, n * steps * hidden), other.len());
    check_len("grad_y", n * steps * outputs, grad_y.len());
    check_len("grad_h", n * outputs, grad_h.len());
    check_len("grad_c", only(R::HAS_CELL, n * hidden), grad_c.len());
    check_len("grad_gates", n * steps * width, grad_gates.len());
    check_len("grad_product", only(R::HAS_PRODUCT_GRAD, n * steps * width), grad_product.len());
    let projected = only(spec.projection.is_some(), n * steps * outputs);
    check_len("grad_projected", projected, grad_projected.len());
    if n * steps == 0 {
        return;
    }
    let weight = Weights::transposed(spec.weight, width, outputs);
    let projection = spec.projection.map(|items| Weights::transposed(items, outputs, hidden));
    let arrays = parts(grad_h, outputs, n)
        .into_iter()
        .zip(parts(grad_c, hidden, n))
        .zip(parts(grad_gates, steps * width, n))
        .zip(parts(grad_product, steps * width, n))
        .zip(parts(grad_projected, steps * outputs, n));
    let mut tasks: Vec<_> = arrays.collect();
    parallel::for_each_chunk(&mut tasks, 1, spec.work(), |i, task| {
        let ((((grad_h, grad_c), grad_gates), grad_product), grad_projected) = &mut task[0];
        let (first, n) = (i * ROWS, ROWS.min(n - i * ROWS));
        let other = if R::HAS_KEPT { &other[first * steps * hidden..] } else { &[] };
        let arrays = Backward {
            gates: &gates[first * steps * width..],
            before: &before[first * steps * outputs..],
            other,
            grad_y: &grad_y[first * steps * outputs..],
            grad_h,
            grad_c,
            grad_gates,
            grad_product,
            grad_projected,
        };
        let (weight, projection) = (&weight, projection.as_ref());
        dispatch(Steps { rule, spec: spec.rows(first, n), weight, projection, arrays });
    });
}

/// All steps of some sequences.
struct Steps<'a, T: Real, R> {
    rule: R,
    spec: Recurrence<'a, T>,
    weight: &'a Weights<'a, T>,
    projection: Option<&'a Weights<'a, T>>,
    arrays: Backward<'a, T>,
}

impl<T: Real, R: Rule> Kernel for Steps<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { rule, spec, weight, projection, arrays } = self;
        let Recurrence { n, steps, hidden, .. } = spec;
        let (outputs, width) = (spec.outputs(), spec.width());
        let Backward { gates, before, other, grad_y, grad_h, .. } = arrays;
        let Backward { grad_c, grad_gates, grad_product, grad_projected, .. } = arrays;
        let mut product = Buffer::scratch(n * width);
        let mut scratch = Buffer::scratch(n * width.max(outputs).min(K_BLOCK));
        let mut wide = Buffer::scratch(if projection.is_some() { n * hidden } else { 0 });
        for s in (0..steps).rev() {
            let t = spec.at(s);
            for row in 0..n {
                if spec.has(row, t) {
                    let grad_y = &grad_y[(row * steps + t) * outputs..][..outputs];
                    for (h, y) in grad_h[row * outputs..][..outputs].iter_mut().zip(grad_y) {
                        *h += *y;
                    }
                }
            }
            if let Some(projection) = projection {
                projection.multiply::<T::Lanes<I>>(grad_h, &mut wide, false, &mut scratch);
                for row in 0..n {
                    let state = &mut grad_h[row * outputs..][..outputs];
                    let out = &mut grad_projected[(row * steps + t) * outputs..][..outputs];
                    if spec.has(row, t) {
                        out.copy_from_slice(state);
                        state.fill(T::ZERO);
                    } else {
                        out.fill(T::ZERO);
                    }
                }
            }
            for row in 0..n {
                let at = row * steps + t;
                let grad = &mut grad_gates[at * width..][..width];
                let product = &mut product[row * width..][..width];
                if spec.has(row, t) {
                    rule.grad::<T::Lanes<I>>(RowGrad {
                        gates: &gates[at * width..][..width],
                        kept: if R::HAS_KEPT { &other[at * hidden..][..hidden] } else { &[] },
                        before: &before[at * outputs..][..outputs],
                        h: if projection.is_some() {
                            &mut wide[row * hidden..][..hidden]
                        } else {
                            &mut grad_h[row * outputs..][..outputs]
                        },
                        c: if R::HAS_CELL {
                            &mut grad_c[row * hidden..][..hidden]
                        } else {
                            &mut []
                        },
                        grad,
                        product: &mut *product,
                    });
                } else {
                    grad.fill(T::ZERO);
                    product.fill(T::ZERO);
                }
                if R::HAS_PRODUCT_GRAD {
                    grad_product[at * width..][..width].copy_from_slice(product);
                }
            }
            // Adds nothing where a sequence has ended.
            weight.multiply::<T::Lanes<I>>(&product, grad_h, true, &mut scratch);
        }
    }
}
