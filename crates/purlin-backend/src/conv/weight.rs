//! The engine of the weight gradient.
//!
//! For one kernel row, `grad_weight[(kx, ci)][co]` sums `x[pixel * stride + (kx, ci)] *
//! grad_y[pixel][co]` over the output pixels: a product whose left operand is the image read by
//! columns, its rows (kernel column, input channel) side by side, and whose right operand is
//! `grad_y` as it lies. A register tile passes a band of pixels and is then added to the
//! gradient.
//!
//! The units of all images are cut into at most [`WEIGHT_GRAD_RUNS`](super::WEIGHT_GRAD_RUNS) runs. Each run has a gradient of its own;
//! they are added in a fixed tree.

use super::Conv2d;
use super::band::{Axis, PaddedRows};
use super::correlate::lanes;
use super::depthwise::WeightGrad;
use super::units::{COLUMNS, Units};
use crate::gemm::Epilogue;
use crate::gemm::block::{Block, block};
use crate::gemm::driver::Shared;
use crate::gemm::pack::{Source, pack_panels};
use crate::gemm::tile::{MAX_ROWS, Operands, Out, Steps, Walk};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// `conv2d_weight_grad` on slices that have the lengths of `spec`.
pub(super) fn grad<T: Real>(spec: &Conv2d, x: &[T], grad_y: &[T], grad_weight: &mut [T]) {
    let len = grad_weight.len();
    if len == 0 {
        return;
    }
    let units = Units::of::<T>(spec);
    let runs = units.runs();
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
        if spec.groups == spec.in_channels && group_out == 1 {
            return dispatch(WeightGrad { spec, x, grad_y, out, units, run });
        }
        dispatch(Part {
            spec,
            x,
            grad_y,
            out,
            units,
            run,
            columns: column * COLUMNS..group_out.min((column + 1) * COLUMNS),
        });
    });
    let others = &others[..];
    parallel::for_each_chunk(grad_weight, SUM_BLOCK, runs * len, |i, sum| {
        dispatch(Tree { sum, others, at: i * SUM_BLOCK, len, runs });
    });
}

/// Rows of the gradient for which copying `grad_y` into panels pays.
const MANY_ROWS: usize = 48;

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
struct Part<'a, T> {
    spec: &'a Conv2d,
    x: &'a [T],
    grad_y: &'a [T],
    out: Shared<T>,
    units: Units,
    run: usize,
    columns: std::ops::Range<usize>,
}

impl<T: Real> Kernel for Part<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, x, grad_y, out, units, run, columns } = self;
        let &Conv2d { height, width, in_channels, out_channels, kernel, groups, .. } = spec;
        let (out_h, out_w) = (spec.out_height(), spec.out_width());
        let (group_in, group_out) = (in_channels / groups, out_channels / groups);
        let row_axis = Axis::of(spec, 0, height, out_h);
        let column_axis = Axis::of(spec, 1, width, out_w);
        let image_in = height * width * in_channels;
        let lanes = lanes::<T>();
        let (taps, rows) = if groups == 1 && spec.dilation[1] == 1 {
            (1, kernel[1] * group_in)
        } else {
            (kernel[1], group_in)
        };
        // Few output channels would leave lanes empty: then they are the rows of the tile, and
        // the lanes run over (kernel column, input channel).
        let is_narrow = columns.len() <= MAX_ROWS / 2 && rows % lanes == 0;
        let shape = Block {
            groups: taps,
            group_a: if is_narrow { 0 } else { spec.dilation[1] * in_channels },
            group_b: if is_narrow { spec.dilation[1] * in_channels } else { 0 },
            group_c: group_in * out_channels,
            ..if is_narrow {
                Block::new(columns.len(), rows)
            } else {
                Block::new(rows, columns.len())
            }
        };
        // Tiles read whole vectors of `grad_y`: where they would leave a pixel it is copied.
        let vectors = columns.len().div_ceil(lanes);
        let is_whole = columns.len() % lanes == 0;
        let is_packed = !is_narrow && (!is_whole || kernel[0] * taps * rows >= MANY_ROWS);
        for (i, unit) in units.of_run(run).enumerate() {
            let (images, band) = units.get(unit);
            let input = PaddedRows::new(
                &column_axis,
                in_channels,
                (&x[images.start * image_in..images.end * image_in], images.len()),
                height,
                row_axis.inside(band.start, band.end),
            );
            // A unit is a band of one image, or all rows of several.
            let pixels = images.len() * band.len() * out_w;
            let first_row = images.start * out_h + band.start;
            let grad_y = &grad_y[first_row * out_w * out_channels..][..pixels * out_channels];
            for group in 0..groups {
                let first = group * group_out + columns.start;
                // The unit's pixels from channel `first` on: as they lie, or in panels of one
                // vector, which many rows of the gradient read in one stream.
                let mut panels =
                    Buffer::<T>::scratch(if is_packed { vectors * pixels * lanes } else { 0 });
                let source = Source {
                    first: grad_y.as_ptr().wrapping_add(first),
                    row_step: out_channels,
                    column_step: 1,
                };
                let (b, b_step, b_vector) = if is_packed {
                    let panel = pixels * lanes;
                    // SAFETY: `grad_y` has that many pixels of `out_channels`; the columns of
                    // this task from `first` on are some of them.
                    unsafe {
                        pack_panels::<T::Lanes<I>>(
                            source,
                            pixels,
                            columns.len(),
                            &mut panels,
                            panel,
                        );
                    }
                    (panels.as_ptr(), lanes, panel)
                } else {
                    (source.first, out_channels, lanes)
                };
                for ky in 0..kernel[0] {
                    let seen = row_axis.outputs_inside(&band, ky);
                    let top = row_axis.first(seen.start) + (ky * spec.dilation[0]).cast_signed();
                    let mut walk = Walk {
                        outer: Steps { n: images.len(), a: input.image, b: out_h * out_w * b_step },
                        inner: Steps {
                            n: seen.len(),
                            a: spec.stride[0] * input.row,
                            b: out_w * b_step,
                        },
                        len: out_w,
                    };
                    let mut operands = Operands {
                        a: input.at(top.max(0).cast_unsigned()).wrapping_add(group * group_in),
                        a_row: 1,
                        a_step: spec.stride[1] * in_channels,
                        b: b.wrapping_add((seen.start - band.start) * out_w * b_step),
                        b_step,
                        b_vector,
                    };
                    let c = out.at(ky * kernel[1] * group_in * out_channels + first);
                    let mut out = Out {
                        accumulate: i > 0,
                        ..Out::rows(c.0, out_channels, &Epilogue::none())
                    };
                    if is_narrow {
                        for steps in [&mut walk.outer, &mut walk.inner] {
                            std::mem::swap(&mut steps.a, &mut steps.b);
                        }
                        operands = Operands {
                            a: operands.b,
                            a_row: 1,
                            a_step: b_step,
                            b: operands.a,
                            b_step: operands.a_step,
                            b_vector: lanes,
                        };
                        (out.row, out.column) = (1, out_channels);
                    }
                    // SAFETY: `input` and `b` hold every pixel of the unit, and the columns of
                    // this task are written by no other.
                    unsafe { block::<T::Lanes<I>>(&shape, &walk, &operands, &out) };
                }
            }
        }
    }
}
