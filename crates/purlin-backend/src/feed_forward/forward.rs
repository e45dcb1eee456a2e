//! The way forwards.

use super::rule::Forwards;
use super::{FeedForward, check_len, whole};
use crate::gemm::driver::pack_right;
use crate::gemm::inner::{Right, product};
use crate::gemm::pack::Source;
use crate::gemm::tile::Out;
use crate::gemm::{Activation, Epilogue, K_BLOCK};
use crate::mono::once;
use crate::parallel::{self, Shared};
use crate::{Buffer, Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// Rows of a task, about; fewer go one operation after the other.
const ROWS: usize = 112;

/// Rows of a task, at least where many threads want one.
const LEAST_ROWS: usize = 28;

/// `y = f(x W + b) V + c`, of shape `(rows, outputs)`; `kept`, of shape `(rows, hidden)`, takes
/// `x W + b` for [`backward`](super::backward).
///
/// # Panics
///
/// When an array has not the length that the sizes say.
#[track_caller]
pub fn forward<T: Real>(spec: &FeedForward<'_, T>, x: &[T], kept: Option<&mut [T]>, y: &mut [T]) {
    once!(|spec: &FeedForward<'_, T>, x: &[T], kept: Option<&mut [T]>, y: &mut [T]| {
        spec.check();
        check_len("x", spec.rows * spec.features, x.len());
        check_len("y", spec.rows * spec.outputs, y.len());
        if let Some(kept) = &kept {
            check_len("kept", spec.rows * spec.hidden, kept.len());
        }
        run(spec, x, kept, y);
    });
}

fn run<T: Real>(spec: &FeedForward<'_, T>, x: &[T], kept: Option<&mut [T]>, y: &mut [T]) {
    let &FeedForward { rows, features, hidden, outputs, .. } = spec;
    if rows <= ROWS || [features, hidden, outputs].contains(&0) {
        return whole::forward(spec, x, kept, y);
    }
    let mut panels1 = Buffer::scratch(Right::<T>::panels_len(features, hidden));
    for i in 0..spec.parts() {
        let (first, width) = spec.part(i);
        let source = Source { first: spec.weight1.as_ptr(), row_step: hidden, column_step: 1 };
        pack_right(features, width, source.at(0, first), &mut panels1[first * features..]);
    }
    let mut panels2 = Buffer::scratch(Right::<T>::panels_len(hidden, outputs));
    let source = Source { first: spec.weight2.as_ptr(), row_step: outputs, column_step: 1 };
    pack_right(hidden, outputs, source, &mut panels2);
    let tasks = parallel::even_tasks(rows.div_ceil(ROWS), rows / LEAST_ROWS, spec.work());
    let kept = kept.map(|kept| Shared(kept.as_mut_ptr()));
    let y = Shared(y.as_mut_ptr());
    parallel::for_each(tasks, spec.work(), |i| {
        let (first, end) = (rows * i / tasks, rows * (i + 1) / tasks);
        let kept = kept.map(|kept| kept.at(first * hidden));
        let y = y.at(first * outputs);
        dispatch(Rows { spec, panels1: &panels1, panels2: &panels2, first, end, x, kept, y });
    });
}

/// Some rows.
struct Rows<'a, T> {
    spec: &'a FeedForward<'a, T>,
    /// The first weight, its parts one after the other, each in panels.
    panels1: &'a [T],
    /// The second in panels.
    panels2: &'a [T],
    first: usize,
    end: usize,
    x: &'a [T],
    /// From these rows on.
    kept: Option<Shared<T>>,
    y: Shared<T>,
}

impl<T: Real> Kernel for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, panels1, panels2, first: start, end, x, kept, y } = self;
        let &FeedForward { features, hidden, outputs, .. } = spec;
        let m = end - start;
        let widest = hidden.min(K_BLOCK);
        let mut own = Buffer::<T>::scratch(if kept.is_some() { 0 } else { m * widest });
        let mut values = Buffer::<T>::scratch(m * widest);
        let mut scratch = Buffer::<T>::scratch(m * features.max(hidden).min(K_BLOCK));
        let panels_width = outputs.next_multiple_of(Right::<T>::LANES);
        let activation = Activation::Identity;
        for i in 0..spec.parts() {
            let (first, width) = spec.part(i);
            let (sums, step) = match kept {
                Some(kept) => (kept.at(first).0, hidden),
                None => (own.as_mut_ptr(), width),
            };
            let left = Source {
                first: x[start * features..].as_ptr(),
                row_step: features,
                column_step: 1,
            };
            let right = Right::panels(&panels1[first * features..], features, width);
            let bias = spec.bias1.map(|bias| &bias[first..first + width]);
            let out = Out::rows(sums, step, &Epilogue { bias, activation });
            // SAFETY: `x` has rows `start..end`, and there is room for as many rows of sums: each
            // task has rows of `kept` of its own, or its own array.
            unsafe { product::<T::Lanes<I>>(m, left, right.whole(), out, &mut scratch) };
            for row in 0..m {
                // SAFETY: this row of sums was written just now.
                let sums = unsafe { std::slice::from_raw_parts(sums.add(row * step), width) };
                let mask = spec.mask.map(|mask| &mask[(start + row) * hidden + first..][..width]);
                let values = &mut values[row * width..][..width];
                Forwards(spec.activation).row::<I, T>(sums, mask, values);
            }
            let left = Source { first: values.as_ptr(), row_step: width, column_step: 1 };
            let right = Right::panels(&panels2[first * panels_width..], width, outputs);
            let bias = if first + width == hidden { spec.bias2 } else { None };
            let out = Out::rows(y.0, outputs, &Epilogue { bias, activation });
            let out = Out { accumulate: i > 0, ..out };
            // SAFETY: there are `m` rows of values; each task has rows of `y` of its own.
            unsafe { product::<T::Lanes<I>>(m, left, right.whole(), out, &mut scratch) };
        }
    }
}
