//! The way back.

use super::rule::Backwards;
use super::{FeedForward, check_len, whole};
use crate::elementwise::{BLOCK, ops, zip_inplace};
use crate::gemm::K_BLOCK;
use crate::gemm::inner::{Right, pack, product};
use crate::gemm::pack::Source;
use crate::gemm::tile::Out;
use crate::isa::prefetch;
use crate::mono::once;
use crate::parallel::{self, Shared};
use crate::reduce::{RowSums, SharedRowSums};
use crate::{Buffer, Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// What [`backward`] reads and writes. The gradient of the second bias, the sum of the rows of
/// `grad_y`, is the caller's.
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// `(rows, features)`: the input.
    pub x: &'a [T],
    /// `(rows, hidden)`: what [`forward`](super::forward) kept.
    pub kept: &'a [T],
    /// `(rows, outputs)`: the gradient of the result.
    pub grad_y: &'a [T],
    /// `(rows, features)`.
    pub grad_x: Option<&'a mut [T]>,
    /// `(features, hidden)`.
    pub grad_weight1: Option<&'a mut [T]>,
    /// `(hidden,)`.
    pub grad_bias1: Option<&'a mut [T]>,
    /// `(hidden, outputs)`.
    pub grad_weight2: Option<&'a mut [T]>,
}

/// The gradients of [`forward`](super::forward), those that are asked for.
///
/// # Panics
///
/// When an array has not the length that the sizes say.
#[track_caller]
pub fn backward<T: Real>(spec: &FeedForward<'_, T>, arrays: Backward<'_, T>) {
    once!(|spec: &FeedForward<'_, T>, arrays: Backward<'_, T>| {
        let &FeedForward { rows, features, hidden, outputs, .. } = spec;
        spec.check();
        check_len("x", rows * features, arrays.x.len());
        check_len("kept", rows * hidden, arrays.kept.len());
        check_len("grad_y", rows * outputs, arrays.grad_y.len());
        let check = |name: &str, len: usize, array: &Option<&mut [T]>| {
            check_len(name, len, array.as_ref().map_or(len, |array| array.len()));
        };
        check("grad_x", rows * features, &arrays.grad_x);
        check("grad_weight1", features * hidden, &arrays.grad_weight1);
        check("grad_bias1", hidden, &arrays.grad_bias1);
        check("grad_weight2", hidden * outputs, &arrays.grad_weight2);
        let threads =
            if parallel::is_worth_it(spec.work()) { rayon::current_num_threads() } else { 1 };
        let is_small =
            rows < K_BLOCK || hidden < RowSums::<T>::NARROWEST || features == 0 || outputs == 0;
        // Parts would leave threads idle, or what they add to the gradient of `x` would take more memory
        // than whole hidden values.
        let idle = spec.parts().next_multiple_of(threads) - spec.parts();
        let is_uneven = idle > spec.parts() / 6 || (threads - 1) * features > 2 * hidden;
        if is_small || is_uneven {
            return whole::backward(spec, arrays);
        }
        in_parts(spec, arrays, threads);
    });
}

/// As many parts of the hidden columns at a time as there are threads.
fn in_parts<T: Real>(spec: &FeedForward<'_, T>, arrays: Backward<'_, T>, threads: usize) {
    let &FeedForward { rows, features, hidden, .. } = spec;
    let Backward { x, kept, grad_y, mut grad_x, grad_weight1, grad_bias1, grad_weight2 } = arrays;
    let is_asked = grad_x.is_some();
    // What the parts beside the first of their wave add to the gradient of `x`.
    let mut others: Vec<Buffer<T>> =
        (1..if is_asked { threads } else { 1 }).map(|_| Buffer::scratch(rows * features)).collect();
    let mut sums = grad_bias1.as_ref().map(|_| RowSums::new(rows, hidden));
    let shared_sums = sums.as_mut().map(RowSums::shared);
    let grad_weight1 = grad_weight1.map(|grad| Shared(grad.as_mut_ptr()));
    let grad_weight2 = grad_weight2.map(|grad| Shared(grad.as_mut_ptr()));
    for wave in (0..spec.parts()).step_by(threads) {
        let of_wave = threads.min(spec.parts() - wave);
        let of_x: Vec<Shared<T>> = (grad_x.iter_mut().map(|grad| Shared(grad.as_mut_ptr())))
            .chain(others.iter_mut().map(|other| Shared(other.as_mut_ptr())))
            .collect();
        parallel::for_each(of_wave, spec.work(), |i| {
            let (first, width) = spec.part(wave + i);
            dispatch(Part {
                spec,
                first,
                width,
                x,
                kept,
                grad_y,
                grad_x: of_x.get(i).copied(),
                adds_to_x: i == 0 && wave > 0,
                grad_weight1,
                grad_weight2,
                sums: shared_sums,
            });
        });
        if let Some(grad_x) = &mut grad_x {
            let others = &others[..of_wave - 1];
            let work = size_of_val(&grad_x[..]) * others.len();
            parallel::for_each_chunk(grad_x, BLOCK, work, |block, grad_x| {
                for other in others {
                    let start = block * BLOCK;
                    zip_inplace(ops::Add, grad_x, &other[start..start + grad_x.len()]);
                }
            });
        }
    }
    if let Some((sums, grad)) = sums.zip(grad_bias1) {
        sums.finish(grad);
    }
}

/// Some of the hidden columns.
struct Part<'a, T: Real> {
    spec: &'a FeedForward<'a, T>,
    first: usize,
    width: usize,
    x: &'a [T],
    kept: &'a [T],
    grad_y: &'a [T],
    /// What these columns add to the gradient of `x`.
    grad_x: Option<Shared<T>>,
    adds_to_x: bool,
    grad_weight1: Option<Shared<T>>,
    grad_weight2: Option<Shared<T>>,
    sums: Option<SharedRowSums<T>>,
}

impl<T: Real> Kernel for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, first, width, x, kept, grad_y, .. } = self;
        let &FeedForward { rows, features, hidden, outputs, .. } = spec;
        let most = rows.min(K_BLOCK);
        let room = |is_asked: bool, k: usize, n: usize| {
            Buffer::<T>::scratch(if is_asked { Right::<T>::panels_len(k, n) } else { 0 })
        };
        let (of_x, of_weights) = (self.grad_x.is_some(), self.grad_weight1.is_some());
        let mut panels1 = room(of_x, width, features);
        let mut panels2 = room(true, outputs, width);
        let mut grad_panels = room(of_weights, most, width);
        let mut y_panels = room(self.grad_weight2.is_some(), most, outputs);
        let mut grad = Buffer::<T>::scratch(most * width);
        let mut values = Buffer::<T>::scratch(most * width);
        let mut scratch = Buffer::<T>::scratch(most.max(features).max(width) * K_BLOCK);
        let by_columns = |items: &[T], step: usize| Source {
            first: items.as_ptr(),
            row_step: 1,
            column_step: step,
        };
        let by_rows = |items: &[T], step: usize| by_columns(items, step).transposed();
        let weight1 = by_columns(&spec.weight1[first..], hidden);
        let weight2 = by_columns(&spec.weight2[first * outputs..], outputs);
        // SAFETY: the sources are the columns and rows of the weights that belong to this part.
        unsafe {
            pack::<T::Lanes<I>>(weight2, outputs, width, &mut panels2);
            if of_x {
                pack::<T::Lanes<I>>(weight1, width, features, &mut panels1);
            }
        }
        for start in (0..rows).step_by(K_BLOCK) {
            let n = K_BLOCK.min(rows - start);
            let x_rows = &x[start * features..(start + n) * features];
            let y_rows = &grad_y[start * outputs..(start + n) * outputs];
            let right = Right::panels(&panels2, outputs, width).whole();
            let (left, out) =
                (by_rows(y_rows, outputs), Out::sums(grad.as_mut_ptr(), width, false));
            // SAFETY: there are `n` rows in both.
            unsafe { product::<T::Lanes<I>>(n, left, right, out, &mut scratch) };
            for row in 0..n {
                let at = (start + row) * hidden + first;
                for ahead in (0..width).step_by(T::Lanes::<I>::LANES) {
                    // The rows lie too far apart for the processor to see what comes.
                    prefetch(kept.as_ptr().wrapping_add(at + 2 * hidden + ahead));
                }
                let mask = spec.mask.map(|mask| &mask[at..][..width]);
                let grad = &mut grad[row * width..][..width];
                let values = &mut values[row * width..][..width];
                Backwards(spec.activation).row::<I, T>(&kept[at..][..width], mask, grad, values);
                if let Some(sums) = self.sums {
                    // SAFETY: no other task has these columns.
                    unsafe { sums.add::<I>(start + row, first, grad) };
                }
            }
            if let Some(grad_x) = self.grad_x {
                let right = Right::panels(&panels1, width, features).whole();
                let out = Out::sums(grad_x.at(start * features).0, features, self.adds_to_x);
                let left = by_rows(&grad, width);
                // SAFETY: each task of a wave has an array of its own, with a place for each row.
                unsafe { product::<T::Lanes<I>>(n, left, right, out, &mut scratch) };
            }
            if let Some(grad_weight1) = self.grad_weight1 {
                let out = Out::sums(grad_weight1.at(first).0, hidden, start > 0);
                let left = by_columns(x_rows, features);
                // SAFETY: there are `n` rows of gradients and of `x`, and each task writes its own
                // columns.
                unsafe {
                    pack::<T::Lanes<I>>(by_rows(&grad, width), n, width, &mut grad_panels);
                    let right = Right::panels(&grad_panels, n, width).whole();
                    product::<T::Lanes<I>>(features, left, right, out, &mut scratch);
                }
            }
            if let Some(grad_weight2) = self.grad_weight2 {
                let out = Out::sums(grad_weight2.at(first * outputs).0, outputs, start > 0);
                let left = by_columns(&values, width);
                // SAFETY: there are `n` rows of values and of `grad_y`, and each task writes its own
                // rows.
                unsafe {
                    pack::<T::Lanes<I>>(by_rows(y_rows, outputs), n, outputs, &mut y_panels);
                    let right = Right::panels(&y_panels, n, outputs).whole();
                    product::<T::Lanes<I>>(width, left, right, out, &mut scratch);
                }
            }
        }
    }
}
