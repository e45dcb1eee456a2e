//! The way forwards.

use super::rule::{Elman, Gru, Lstm, Row, Rule};
use super::weights::Weights;
use super::{Cell, ROWS, Recurrence, check_len, parts};
use crate::gemm::K_BLOCK;
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// What [`forward`] reads and writes; `o` is the size of a state, `g` the number of gates.
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// `(n, steps, g * hidden)`. In: what the inputs give each gate. Out: the gates.
    pub gates: &'a mut [T],
    /// `(n, o)`. In: the states at the start. Out: at the end.
    pub h: &'a mut [T],
    /// `(n, hidden)` for [`Cell::Lstm`], else empty. In: the cells at the start. Out: at the end.
    pub c: &'a mut [T],
    /// `(n, steps, o)`: the states after each step, 0 where a sequence has ended.
    pub y: &'a mut [T],
    /// What the way back needs, if there is one.
    pub kept: Option<Kept<'a, T>>,
}

/// What the way back needs beside the gates.
#[derive(Debug)]
pub struct Kept<'a, T> {
    /// `(n, steps, o)`: the states before each step.
    pub before: &'a mut [T],
    /// `(n, steps, hidden)`: for [`Cell::Lstm`] the cells before each step, for [`Cell::Gru`] the
    /// products within the reset gate; else empty.
    pub other: &'a mut [T],
    /// `(n, steps, hidden)` where there is a projection, else empty: what was projected.
    pub unprojected: &'a mut [T],
}

/// Takes a batch of sequences through all steps.
///
/// # Panics
///
/// When an array has not the length that the sizes say, or the rule has no such part.
///
/// # Examples
///
/// ```
/// use purlin_backend::gemm::Activation;
/// use purlin_backend::recurrent::{Cell, Forward, Recurrence, forward};
///
/// // One sequence of two steps, one unit: h' = relu(x + 2 h).
/// let spec = Recurrence {
///     cell: Cell::Elman(Activation::Relu),
///     n: 1,
///     steps: 2,
///     hidden: 1,
///     weight: &[2.0],
///     bias: None,
///     projection: None,
///     lengths: None,
///     is_reverse: false,
/// };
/// let (mut x, mut h, mut y) = ([1.0, -3.0], [4.0], [0.0; 2]);
/// forward(&spec, Forward { gates: &mut x, h: &mut h, c: &mut [], y: &mut y, kept: None });
/// assert_eq!((y, h), ([9.0, 15.0], [15.0]));
/// ```
#[track_caller]
pub fn forward<T: Real>(spec: &Recurrence<'_, T>, arrays: Forward<'_, T>) {
    once!(|spec: &Recurrence<'_, T>, arrays: Forward<'_, T>| {
        spec.check();
        match spec.cell {
            Cell::Elman(activation) => run(Elman(activation), spec, arrays),
            Cell::Gru => run(Gru, spec, arrays),
            Cell::Lstm => run(Lstm, spec, arrays),
        }
    });
}

#[track_caller]
fn run<T: Real, R: Rule>(rule: R, spec: &Recurrence<'_, T>, arrays: Forward<'_, T>) {
    let &Recurrence { n, steps, hidden, .. } = spec;
    let (outputs, width) = (spec.outputs(), spec.width());
    let Forward { gates, h, c, y, kept } = arrays;
    check_len("gates", n * steps * width, gates.len());
    check_len("h", n * outputs, h.len());
    check_len("c", if R::HAS_CELL { n * hidden } else { 0 }, c.len());
    check_len("y", n * steps * outputs, y.len());
    let is_kept = kept.is_some();
    let empty = || Kept { before: &mut [], other: &mut [], unprojected: &mut [] };
    let Kept { before, other, unprojected } = kept.unwrap_or_else(empty);
    if is_kept {
        check_len("before", n * steps * outputs, before.len());
        check_len("other", if R::HAS_KEPT { n * steps * hidden } else { 0 }, other.len());
        let is_projected = spec.projection.is_some();
        let expected = if is_projected { n * steps * hidden } else { 0 };
        check_len("unprojected", expected, unprojected.len());
    }
    if n * steps == 0 {
        return;
    }
    let weight = Weights::new(spec.weight, outputs, width, n * steps);
    let projection = spec.projection.map(|items| Weights::new(items, hidden, outputs, n * steps));
    let arrays = parts(gates, steps * width, n)
        .into_iter()
        .zip(parts(h, outputs, n))
        .zip(parts(c, hidden, n))
        .zip(parts(y, steps * outputs, n))
        .zip(parts(before, steps * outputs, n))
        .zip(parts(other, steps * hidden, n))
        .zip(parts(unprojected, steps * hidden, n));
    let mut tasks: Vec<_> = arrays.collect();
    parallel::for_each_chunk(&mut tasks, 1, spec.work(), |i, task| {
        let ((((((gates, h), c), y), before), other), unprojected) = &mut task[0];
        let spec = spec.rows(i * ROWS, ROWS.min(n - i * ROWS));
        let (weight, projection) = (&weight, projection.as_ref());
        let kept = Kept { before, other, unprojected };
        dispatch(Steps { rule, spec, weight, projection, gates, h, c, y, kept });
    });
}

/// All steps of some sequences.
struct Steps<'a, T: Real, R> {
    rule: R,
    spec: Recurrence<'a, T>,
    weight: &'a Weights<'a, T>,
    projection: Option<&'a Weights<'a, T>>,
    gates: &'a mut [T],
    h: &'a mut [T],
    c: &'a mut [T],
    y: &'a mut [T],
    kept: Kept<'a, T>,
}

impl<T: Real, R: Rule> Kernel for Steps<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { rule, spec, weight, projection, gates, h, c, y, kept } = self;
        let Recurrence { n, steps, hidden, bias, .. } = spec;
        let (outputs, width) = (spec.outputs(), spec.width());
        let mut product = Buffer::scratch(n * width);
        let mut scratch = Buffer::scratch(n * hidden.max(outputs).min(K_BLOCK));
        let mut room = Buffer::scratch(hidden); // for what nobody keeps
        let is_projected = projection.is_some();
        let mut wide = Buffer::zeroed(if is_projected { n * hidden } else { 0 });
        let mut narrow = Buffer::scratch(if is_projected { n * outputs } else { 0 });
        for s in 0..steps {
            let t = spec.at(s);
            weight.multiply::<T::Lanes<I>>(h, &mut product, false, &mut scratch);
            for row in 0..n {
                let at = row * steps + t;
                let gates = &mut gates[at * width..(at + 1) * width];
                let state = &mut h[row * outputs..(row + 1) * outputs];
                let has_step = spec.has(row, t);
                if !kept.before.is_empty() {
                    let before = &mut kept.before[at * outputs..(at + 1) * outputs];
                    copy_or_zero(before, state, has_step);
                }
                if !has_step {
                    gates.fill(T::ZERO);
                    y[at * outputs..(at + 1) * outputs].fill(T::ZERO);
                    if !kept.other.is_empty() {
                        kept.other[at * hidden..(at + 1) * hidden].fill(T::ZERO);
                    }
                    continue;
                }
                rule.step::<T::Lanes<I>>(Row {
                    gates,
                    product: &product[row * width..(row + 1) * width],
                    bias,
                    h: if is_projected {
                        &mut wide[row * hidden..(row + 1) * hidden]
                    } else {
                        &mut *state
                    },
                    c: if R::HAS_CELL { &mut c[row * hidden..(row + 1) * hidden] } else { &mut [] },
                    kept: if kept.other.is_empty() {
                        &mut room
                    } else {
                        &mut kept.other[at * hidden..(at + 1) * hidden]
                    },
                });
                if !is_projected {
                    y[at * outputs..(at + 1) * outputs].copy_from_slice(state);
                }
            }
            let Some(projection) = projection else { continue };
            projection.multiply::<T::Lanes<I>>(&wide, &mut narrow, false, &mut scratch);
            for row in 0..n {
                let (at, has_step) = (row * steps + t, spec.has(row, t));
                if !kept.unprojected.is_empty() {
                    let wide = &wide[row * hidden..(row + 1) * hidden];
                    let unprojected = &mut kept.unprojected[at * hidden..(at + 1) * hidden];
                    copy_or_zero(unprojected, wide, has_step);
                }
                if has_step {
                    let new = &narrow[row * outputs..(row + 1) * outputs];
                    h[row * outputs..(row + 1) * outputs].copy_from_slice(new);
                    y[at * outputs..(at + 1) * outputs].copy_from_slice(new);
                }
            }
        }
    }
}

/// Padding is 0, so that a product over all steps takes nothing from it.
#[inline(always)]
fn copy_or_zero<T: Real>(to: &mut [T], from: &[T], is_there: bool) {
    if is_there {
        to.copy_from_slice(from);
    } else {
        to.fill(T::ZERO);
    }
}
