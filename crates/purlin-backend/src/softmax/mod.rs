//! Softmax along rows, its logarithm, its normaliser, the cross-entropy of class indices, and that of
//! labels without places in time.
//!
//! `x` is `(rows, cols)`, row-major. Each row is shifted by its maximum, so nothing overflows.
//! A row that holds NaN becomes NaN; so does a row of -inf only.

mod cross_entropy;
mod ctc;

pub use cross_entropy::{CrossEntropy, IGNORE};
pub use ctc::{Ctc, ctc};

use crate::elementwise::work;
use crate::mono::once;
use crate::reduce::row;
use crate::{Kernel, dispatch, math, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Elements per block of rows.
pub(crate) const BLOCK: usize = 1 << 13;

/// `out = e^(x - max) / sum`, row by row.
///
/// # Panics
///
/// When a length is not `rows * cols`.
///
/// # Examples
///
/// ```
/// use purlin_backend::softmax::softmax;
///
/// let mut probs = [0.0f32; 4];
/// softmax(&[0.0, 0.0, 1000.0, 0.0], 2, 2, &mut probs);
/// assert_eq!(probs, [0.5, 0.5, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn softmax<T: Real>(x: &[T], rows: usize, cols: usize, out: &mut [T]) {
    once!(|x: &[T], rows: usize, cols: usize, out: &mut [T]| {
        by_rows("softmax", x, rows, cols, out, |x, out| {
            dispatch(Rows { x, cols, out, op: Softmax })
        });
    });
}

/// `out = x - max - ln(sum)`, row by row.
///
/// # Panics
///
/// When a length is not `rows * cols`.
#[track_caller]
pub fn log_softmax<T: Real>(x: &[T], rows: usize, cols: usize, out: &mut [T]) {
    once!(|x: &[T], rows: usize, cols: usize, out: &mut [T]| {
        by_rows("log_softmax", x, rows, cols, out, |x, out| {
            dispatch(Rows { x, cols, out, op: LogSoftmax });
        });
    });
}

#[track_caller]
fn by_rows<T: Real>(
    op: &str,
    x: &[T],
    rows: usize,
    cols: usize,
    out: &mut [T],
    f: impl Fn(&[T], &mut [T]) + Sync + Send,
) {
    assert_eq!(x.len(), rows * cols, "{op}: x must have rows * cols elements");
    assert_eq!(out.len(), x.len(), "{op}: out must be as long as x");
    if x.is_empty() {
        return;
    }
    let size = (BLOCK / cols).max(1) * cols;
    parallel::for_each_chunk(out, size, work::<T>(x.len(), 2, 12), |block, out| {
        f(&x[block * size..][..out.len()], out);
    });
}

/// `out[r] = ln(sum of e^x)` of row `r`; -inf for rows without columns.
///
/// # Panics
///
/// When `x` is not `rows * cols` long or `out` not `rows`.
#[track_caller]
pub fn log_sum_exp<T: Real>(x: &[T], rows: usize, cols: usize, out: &mut [T]) {
    once!(|x: &[T], rows: usize, cols: usize, out: &mut [T]| {
        assert_eq!(x.len(), rows * cols, "log_sum_exp: x must have rows * cols elements");
        assert_eq!(out.len(), rows, "log_sum_exp: out must have one element per row");
        if cols == 0 {
            out.fill(T::NEG_INFINITY);
            return;
        }
        let size = (BLOCK / cols).max(1);
        parallel::for_each_chunk(out, size, work::<T>(x.len(), 1, 12), |block, out| {
            let x = &x[block * size * cols..][..out.len() * cols];
            dispatch(LogSumExp { x, cols, out });
        });
    });
}

/// The gradient of [`softmax`] from its output: `out = y (grad_y - <grad_y, y>)`, row by row.
///
/// # Panics
///
/// When a length is not `rows * cols`.
#[track_caller]
pub fn softmax_grad<T: Real>(y: &[T], grad_y: &[T], rows: usize, cols: usize, out: &mut [T]) {
    once!(|y: &[T], grad_y: &[T], rows: usize, cols: usize, out: &mut [T]| {
        grad_by_rows::<T, false>("softmax_grad", y, grad_y, rows, cols, out);
    });
}

/// The gradient of [`log_softmax`] from its output: `out = grad_y - e^y sum(grad_y)`, row by row.
///
/// # Panics
///
/// When a length is not `rows * cols`.
#[track_caller]
pub fn log_softmax_grad<T: Real>(y: &[T], grad_y: &[T], rows: usize, cols: usize, out: &mut [T]) {
    once!(|y: &[T], grad_y: &[T], rows: usize, cols: usize, out: &mut [T]| {
        grad_by_rows::<T, true>("log_softmax_grad", y, grad_y, rows, cols, out);
    });
}

#[track_caller]
fn grad_by_rows<T: Real, const LOG: bool>(
    op: &str,
    y: &[T],
    grad_y: &[T],
    rows: usize,
    cols: usize,
    out: &mut [T],
) {
    assert_eq!(y.len(), rows * cols, "{op}: y must have rows * cols elements");
    assert_eq!(grad_y.len(), y.len(), "{op}: grad_y must be as long as y");
    assert_eq!(out.len(), y.len(), "{op}: out must be as long as y");
    if y.is_empty() {
        return;
    }
    let size = (BLOCK / cols).max(1) * cols;
    parallel::for_each_chunk(out, size, work::<T>(y.len(), 3, 8), |block, out| {
        let range = block * size..block * size + out.len();
        let (y, grad_y) = (&y[range.clone()], &grad_y[range]);
        dispatch(Backward::<T, LOG> { y, grad_y, cols, out });
    });
}

/// What a row kernel does with `x - max` and the row's normaliser.
trait RowOp: Copy {
    fn row<I: Isa, T: Real>(self, x: &[T], out: &mut [T]);
}

#[derive(Clone, Copy)]
struct Softmax;
#[derive(Clone, Copy)]
struct LogSoftmax;

struct Rows<'a, T, O> {
    x: &'a [T],
    cols: usize,
    out: &'a mut [T],
    op: O,
}

impl<T: Real, O: RowOp> Kernel for Rows<'_, T, O> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (x, out) in self.x.chunks_exact(self.cols).zip(self.out.chunks_exact_mut(self.cols)) {
            self.op.row::<I, T>(x, out);
        }
    }
}

impl RowOp for Softmax {
    #[inline(always)]
    fn row<I: Isa, T: Real>(self, x: &[T], out: &mut [T]) {
        softmax_row::<I, T>(x, out);
    }
}

/// Writes the softmax of a row; returns its maximum and the sum of the shifted exponentials.
#[inline(always)]
pub(crate) fn softmax_row<I: Isa, T: Real>(x: &[T], out: &mut [T]) -> (T, T) {
    let max = row::max::<I, T>(x);
    let sum = exp_shifted::<I, T>(x, max, out);
    scale::<I, T>(out, T::ONE / sum);
    (max, sum)
}

/// `out = e^(x - max)`; returns the sum.
#[inline(always)]
fn exp_shifted<I: Isa, T: Real>(x: &[T], max: T, out: &mut [T]) -> T {
    let n = T::Lanes::<I>::LANES;
    let max = T::Lanes::<I>::splat(max);
    let mut sum = T::Lanes::<I>::splat(T::ZERO);
    let (mut xs, mut outs) = (x.chunks_exact(n), out.chunks_exact_mut(n));
    for (x, out) in xs.by_ref().zip(outs.by_ref()) {
        let e = math::exp(T::Lanes::<I>::load(x) - max);
        e.store(out);
        sum = sum + e;
    }
    let out = outs.into_remainder();
    if !out.is_empty() {
        let x = T::Lanes::<I>::load_partial(xs.remainder(), T::NEG_INFINITY);
        let e = math::exp(x - max);
        e.store_partial(out);
        sum = sum + e;
    }
    sum.sum()
}

#[inline(always)]
pub(crate) fn scale<I: Isa, T: Real>(x: &mut [T], factor: T) {
    let n = T::Lanes::<I>::LANES;
    let factor = T::Lanes::<I>::splat(factor);
    let mut chunks = x.chunks_exact_mut(n);
    for x in chunks.by_ref() {
        (T::Lanes::<I>::load(x) * factor).store(x);
    }
    let x = chunks.into_remainder();
    if !x.is_empty() {
        (T::Lanes::<I>::load_partial(x, T::ZERO) * factor).store_partial(x);
    }
}

impl RowOp for LogSoftmax {
    #[inline(always)]
    fn row<I: Isa, T: Real>(self, x: &[T], out: &mut [T]) {
        let max = row::max::<I, T>(x);
        let log_sum = ln_of::<I, T>(row::sum_exp::<I, T>(x, max));
        let n = T::Lanes::<I>::LANES;
        // Two subtractions: max + ln(sum) would round away the logarithm beside a large maximum.
        let (max, log_sum) = (T::Lanes::<I>::splat(max), T::Lanes::<I>::splat(log_sum));
        let (mut xs, mut outs) = (x.chunks_exact(n), out.chunks_exact_mut(n));
        for (x, out) in xs.by_ref().zip(outs.by_ref()) {
            (T::Lanes::<I>::load(x) - max - log_sum).store(out);
        }
        let out = outs.into_remainder();
        if !out.is_empty() {
            let x = T::Lanes::<I>::load_partial(xs.remainder(), T::ZERO);
            (x - max - log_sum).store_partial(out);
        }
    }
}

/// The logarithm of one number inside a kernel.
#[inline(always)]
pub(crate) fn ln_of<I: Isa, T: Real>(x: T) -> T {
    let mut out = [T::ZERO];
    math::ln(T::Lanes::<I>::splat(x)).store_partial(&mut out);
    out[0]
}

struct LogSumExp<'a, T> {
    x: &'a [T],
    cols: usize,
    out: &'a mut [T],
}

impl<T: Real> Kernel for LogSumExp<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (x, out) in self.x.chunks_exact(self.cols).zip(self.out) {
            let max = row::max::<I, T>(x);
            // A row of -inf only has no finite shift; its sum is 0 and its logarithm -inf.
            *out = if max.is_finite() {
                max + ln_of::<I, T>(row::sum_exp::<I, T>(x, max))
            } else {
                max
            };
        }
    }
}

struct Backward<'a, T, const LOG: bool> {
    y: &'a [T],
    grad_y: &'a [T],
    cols: usize,
    out: &'a mut [T],
}

impl<T: Real, const LOG: bool> Kernel for Backward<'_, T, LOG> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows = self.y.chunks_exact(self.cols).zip(self.grad_y.chunks_exact(self.cols));
        for ((y, grad), out) in rows.zip(self.out.chunks_exact_mut(self.cols)) {
            let total = if LOG { row::sum::<I, T>(grad) } else { row::dot::<I, T>(y, grad) };
            let total = T::Lanes::<I>::splat(total);
            let n = T::Lanes::<I>::LANES;
            let (mut ys, mut grads) = (y.chunks_exact(n), grad.chunks_exact(n));
            let mut outs = out.chunks_exact_mut(n);
            for ((y, grad), out) in ys.by_ref().zip(grads.by_ref()).zip(outs.by_ref()) {
                let (y, grad) = (T::Lanes::<I>::load(y), T::Lanes::<I>::load(grad));
                grad_of::<_, LOG>(y, grad, total).store(out);
            }
            let out = outs.into_remainder();
            if !out.is_empty() {
                let y = T::Lanes::<I>::load_partial(ys.remainder(), T::ZERO);
                let grad = T::Lanes::<I>::load_partial(grads.remainder(), T::ZERO);
                grad_of::<_, LOG>(y, grad, total).store_partial(out);
            }
        }
    }
}

#[inline(always)]
fn grad_of<V: Lanes, const LOG: bool>(y: V, grad: V, total: V) -> V {
    if LOG { (-math::exp(y)).mul_add(total, grad) } else { y * (grad - total) }
}
