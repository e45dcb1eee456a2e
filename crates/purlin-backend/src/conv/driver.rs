//! From the geometry of a convolution to the engines.

use super::band::Axis;
use super::correlate::Correlation;
use super::{Conv2d, weight};
use crate::gemm::Epilogue;
use crate::gemm::pack::Source;
use crate::mono::once;
use crate::parallel;
use purlin_core::Real;

/// `conv2d` on slices that have the lengths of `spec`.
pub(super) fn forward<T: Real>(
    spec: &Conv2d,
    x: &[T],
    weight: &[T],
    epilogue: &Epilogue<'_, T>,
    y: &mut [T],
) {
    once!(|spec: &Conv2d, x: &[T], weight: &[T], epilogue: &Epilogue<'_, T>, y: &mut [T]| {
        forward_of(spec, x, weight, epilogue, y);
    });
}

/// `conv2d_input_grad` on slices that have the lengths of `spec`.
pub(super) fn input_grad<T: Real>(spec: &Conv2d, grad_y: &[T], weight: &[T], grad_x: &mut [T]) {
    once!(|spec: &Conv2d, grad_y: &[T], weight: &[T], grad_x: &mut [T]| {
        input_grad_of(spec, grad_y, weight, grad_x);
    });
}

/// `conv2d_weight_grad` on slices that have the lengths of `spec`.
pub(super) fn weight_grad<T: Real>(spec: &Conv2d, x: &[T], grad_y: &[T], grad_weight: &mut [T]) {
    once!(|spec: &Conv2d, x: &[T], grad_y: &[T], grad_weight: &mut [T]| {
        weight::grad(spec, x, grad_y, grad_weight);
    });
}

/// A window of one pixel turns each image into one row: longer rows fill register tiles better.
fn flatten(spec: &Conv2d) -> Conv2d {
    let is_pointwise =
        spec.kernel == [1; 2] && spec.stride == [1; 2] && spec.padding == [[0; 2]; 2];
    if !is_pointwise {
        return *spec;
    }
    let (height, width) = (spec.batch, spec.height * spec.width);
    Conv2d { batch: 1, height, width, dilation: [1; 2], ..*spec }
}

fn forward_of<T: Real>(
    spec: &Conv2d,
    x: &[T],
    weight: &[T],
    epilogue: &Epilogue<'_, T>,
    y: &mut [T],
) {
    if y.is_empty() {
        return;
    }
    let spec = flatten(spec);
    let (out_h, out_w, channels) = (spec.out_height(), spec.out_width(), spec.out_channels);
    let correlation = Correlation {
        batch: spec.batch,
        rows: Axis::of(&spec, 0, spec.height, out_h),
        columns: Axis::of(&spec, 1, spec.width, out_w),
        groups: spec.groups,
        group_in: spec.in_channels / spec.groups,
        group_out: channels / spec.groups,
        out_steps: [channels, out_w * channels, out_h * out_w * channels],
    };
    let per_tap = correlation.group_in * channels;
    let panels = correlation.pack(correlation.group_out, |ty, tx| Source {
        first: weight[(ty * spec.kernel[1] + tx) * per_tap..].as_ptr(),
        row_step: channels,
        column_step: 1,
    });
    // SAFETY: `y` has all pixels of the spec.
    unsafe { correlation.run(x, &panels, y.as_mut_ptr(), epilogue) };
}

/// The outputs of the input gradient that lie `stride` apart read the same taps: one
/// correlation of `grad_y` per phase, at stride 1.
///
/// Tap `k` reaches input `i` from output `o` when `i + padding = o * stride + k * dilation`. For
/// `i = phase + stride * u` that picks the taps `k = first, first + step, ...`, each of which
/// reads an output `dilation / gcd` before the last: in reverse order a dilated correlation.
#[derive(Debug, Clone, Copy)]
struct Phase {
    axis: Axis,
    /// The tap that the correlation's tap 0 stands for.
    last: usize,
    /// From tap to tap, downwards.
    step: usize,
}

impl Phase {
    /// `None` where no tap reaches the phase: its gradient is 0.
    fn new(spec: &Conv2d, axis: usize, size: usize, out: usize, phase: usize) -> Option<Self> {
        let (stride, dilation) = (spec.stride[axis], spec.dilation[axis]);
        let target = phase + spec.padding[axis][0];
        let step = stride / gcd(stride, dilation);
        let reaches = |k: usize| (k * dilation) % stride == target % stride;
        let first = (0..spec.kernel[axis].min(step)).find(|&k| reaches(k))?;
        let taps = (spec.kernel[axis] - first).div_ceil(step);
        let dilation = dilation * step / stride;
        let from = target.cast_signed() - (first * spec.dilation[axis]).cast_signed();
        let before = (taps - 1) * dilation;
        let axis = Axis {
            size: out,
            out: (size - phase).div_ceil(stride),
            taps,
            stride: 1,
            dilation,
            pad: before.cast_signed() - from / stride.cast_signed(),
        };
        Some(Self { axis, last: first + (taps - 1) * step, step })
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn input_grad_of<T: Real>(spec: &Conv2d, grad_y: &[T], weight: &[T], grad_x: &mut [T]) {
    let spec = &flatten(spec);
    let &Conv2d { batch, height, width, in_channels, out_channels, groups, .. } = spec;
    if grad_x.is_empty() {
        return;
    }
    let (group_in, group_out) = (in_channels / groups, out_channels / groups);
    let phases = |axis: usize, size: usize, out: usize| {
        (0..spec.stride[axis].min(size)).map(move |phase| Phase::new(spec, axis, size, out, phase))
    };
    let rows: Vec<_> = phases(0, height, spec.out_height()).collect();
    let columns: Vec<_> = phases(1, width, spec.out_width()).collect();
    if group_out == 0 || rows.iter().chain(&columns).any(Option::is_none) {
        parallel::for_each_chunk(grad_x, 1 << 16, size_of_val(grad_y), |_, grad_x| {
            grad_x.fill(T::ZERO);
        });
    }
    if group_out == 0 {
        return;
    }
    for (py, row) in rows.iter().enumerate() {
        for (px, column) in columns.iter().enumerate() {
            let (Some(row), Some(column)) = (row, column) else { continue };
            let correlation = Correlation {
                batch,
                rows: row.axis,
                columns: column.axis,
                groups,
                group_in: group_out,
                group_out: group_in,
                out_steps: [
                    spec.stride[1] * in_channels,
                    spec.stride[0] * width * in_channels,
                    height * width * in_channels,
                ],
            };
            let panels = correlation.pack(group_out, |ty, tx| {
                let (ky, kx) = (row.last - ty * row.step, column.last - tx * column.step);
                let first = (ky * spec.kernel[1] + kx) * group_in * out_channels;
                Source { first: weight[first..].as_ptr(), row_step: 1, column_step: out_channels }
            });
            let out = grad_x[(py * width + px) * in_channels..].as_mut_ptr();
            // SAFETY: the phase's pixels are pixels of `grad_x`.
            unsafe { correlation.run(grad_y, &panels, out, &Epilogue::none()) };
        }
    }
}
