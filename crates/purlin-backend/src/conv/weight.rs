//! The engine of the weight gradient.
//!
//! For one kernel row, `grad_weight[(kx, ci)][co]` sums `x[pixel * stride + (kx, ci)] *
//! grad_y[pixel][co]` over the output pixels: a product whose left operand is the image read by
//! columns, its rows (kernel column, input channel) side by side, and whose right operand is
//! `grad_y` as it lies. A register tile passes a band of pixels and is then added to the
//! gradient.
//!
//! Bands of all images are cut into at most [`WEIGHT_GRAD_RUNS`](super::WEIGHT_GRAD_RUNS) runs. Each run has a gradient of its own;
//! they are added in a fixed tree.

use super::band::{Axis, PaddedBand};
use super::correlate::lanes;
use super::{Conv2d, bands, runs};
use crate::gemm::Epilogue;
use crate::gemm::block::{Block, block};
use crate::gemm::driver::Shared;
use crate::gemm::tile::{Operands, Out, Steps, Walk};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// Output channels of a task.
const COLUMNS: usize = 64;

/// `conv2d_weight_grad` on slices that have the lengths of `spec`.
pub(super) fn grad<T: Real>(spec: &Conv2d, x: &[T], grad_y: &[T], grad_weight: &mut [T]) {
    let len = grad_weight.len();
    if len == 0 {
        return;
    }
    let bands = bands::<T>(spec);
    let units = spec.batch * bands;
    let runs = runs(units);
    if runs == 0 {
        grad_weight.fill(T::ZERO);
        return;
    }
    let group_out = spec.out_channels / spec.groups;
    let columns = group_out.div_ceil(COLUMNS);
    let mut others = Buffer::<T>::scratch((runs - 1) * len);
    let (first, rest) = (Shared(grad_weight.as_mut_ptr()), Shared(others.as_mut_ptr()));
    let work = (grad_y.len() / spec.out_channels).saturating_mul(len) / 16;
    parallel::for_each(runs * columns, work, |task| {
        let (run, column) = (task / columns, task % columns);
        let out = if run == 0 { first } else { rest.at((run - 1) * len) };
        dispatch(Run {
            spec,
            x,
            grad_y,
            out,
            bands,
            units: units * run / runs..units * (run + 1) / runs,
            columns: column * COLUMNS..group_out.min((column + 1) * COLUMNS),
        });
    });
    let others = &others[..];
    parallel::for_each_chunk(grad_weight, SUM_BLOCK, runs * len, |i, sum| {
        dispatch(Tree { sum, others, at: i * SUM_BLOCK, len, runs });
    });
}

/// Items of the gradient that one task sums over the runs.
const SUM_BLOCK: usize = 4096;

/// Adds the gradients of the runs: neighbours in pairs, then pairs of pairs.
struct Tree<'a, T> {
    sum: &'a mut [T],
    others: &'a [T],
    at: usize,
    len: usize,
    runs: usize,
}

impl<T: Real> Kernel for Tree<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { sum, others, at, len, runs } = self;
        let mut parts = Buffer::<T>::scratch(runs * sum.len());
        let n = sum.len();
        parts[..n].copy_from_slice(sum);
        for run in 1..runs {
            parts[run * n..][..n].copy_from_slice(&others[(run - 1) * len + at..][..n]);
        }
        let mut step = 1;
        while step < runs {
            for run in (0..runs - step).step_by(2 * step) {
                let (left, right) = parts.split_at_mut((run + step) * n);
                for (a, &b) in left[run * n..][..n].iter_mut().zip(&right[..n]) {
                    *a += b;
                }
            }
            step *= 2;
        }
        sum.copy_from_slice(&parts[..n]);
    }
}

/// A run of bands for some columns of each group.
struct Run<'a, T> {
    spec: &'a Conv2d,
    x: &'a [T],
    grad_y: &'a [T],
    out: Shared<T>,
    bands: usize,
    units: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl<T: Real> Kernel for Run<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, x, grad_y, out, bands, units, columns } = self;
        let &Conv2d { height, width, in_channels, out_channels, kernel, groups, .. } = spec;
        let (out_h, out_w) = (spec.out_height(), spec.out_width());
        let (group_in, group_out) = (in_channels / groups, out_channels / groups);
        let axis = |axis: usize, size, out| Axis {
            size,
            out,
            taps: kernel[axis],
            stride: spec.stride[axis],
            dilation: spec.dilation[axis],
            pad: spec.padding[axis][0].cast_signed(),
        };
        let (rows_axis, columns_axis) = (axis(0, height, out_h), axis(1, width, out_w));
        // Whole vectors of `grad_y` are read: where they would leave a pixel it is copied.
        let width_of_columns = columns.len().div_ceil(lanes::<T>()) * lanes::<T>();
        let is_whole = width_of_columns == columns.len() && group_out % lanes::<T>() == 0;
        let mut copy = Buffer::<T>::scratch(0);
        let is_joined = groups == 1 && spec.dilation[1] == 1;
        let first_unit = units.start;
        for unit in units {
            let (n, band) = (unit / bands, unit % bands);
            let (start, end) = (out_h * band / bands, out_h * (band + 1) / bands);
            let image = &x[n * height * width * in_channels..][..height * width * in_channels];
            let input = PaddedBand::new(&rows_axis, &columns_axis, in_channels, image, start, end);
            let pixels = (end - start) * out_w;
            let grad_y = &grad_y[(n * out_h + start) * out_w * out_channels..];
            let grad_y = &grad_y[..pixels * out_channels];
            for group in 0..groups {
                let first = group * group_out + columns.start;
                let (b, b_step) = if is_whole {
                    (grad_y[first..].as_ptr(), out_channels)
                } else {
                    copy = Buffer::scratch(pixels * width_of_columns);
                    copy_columns(grad_y, out_channels, first, columns.len(), &mut copy);
                    (copy.as_ptr(), width_of_columns)
                };
                let walk = Walk {
                    outer: Steps::ONE,
                    inner: Steps {
                        n: end - start,
                        a: spec.stride[0] * input.row,
                        b: out_w * b_step,
                    },
                    len: out_w,
                };
                for ky in 0..kernel[0] {
                    let operands = Operands {
                        a: input
                            .first
                            .wrapping_add(ky * spec.dilation[0] * input.row + group * group_in),
                        a_row: 1,
                        a_step: spec.stride[1] * in_channels,
                        b,
                        b_step,
                        b_vector: lanes::<T>(),
                    };
                    let (taps, rows) =
                        if is_joined { (1, kernel[1] * group_in) } else { (kernel[1], group_in) };
                    let shape = Block {
                        groups: taps,
                        group_a: spec.dilation[1] * in_channels,
                        group_c: group_in * out_channels,
                        ..Block::new(rows, columns.len())
                    };
                    let c = out.0.wrapping_add(ky * kernel[1] * group_in * out_channels + first);
                    let out = Out {
                        accumulate: unit > first_unit,
                        ..Out::rows(c, out_channels, &Epilogue::none())
                    };
                    // SAFETY: `input` and `b` hold every pixel of the band, and the columns of
                    // this task are written by no other.
                    unsafe { block::<T::Lanes<I>>(&shape, &walk, &operands, &out) };
                }
            }
        }
        drop(copy);
    }
}

/// Copies `n` channels of each pixel, followed by zeros up to whole vectors.
fn copy_columns<T: Real>(pixels: &[T], channels: usize, first: usize, n: usize, out: &mut [T]) {
    let width = n.div_ceil(lanes::<T>()) * lanes::<T>();
    for (pixel, out) in pixels.chunks_exact(channels).zip(out.chunks_exact_mut(width)) {
        out[..n].copy_from_slice(&pixel[first..first + n]);
        out[n..].fill(T::ZERO);
    }
}
