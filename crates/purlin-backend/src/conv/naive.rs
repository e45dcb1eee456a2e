//! Convolution as its definition says it, in the documented order: the twin of the fast one.

use super::{Conv2d, Units};
use crate::gemm::Epilogue;
use purlin_core::Real;

/// The input under tap `k` of output `o` along an axis, or `None` in the padding.
fn under(spec: &Conv2d, axis: usize, size: usize, o: usize, k: usize) -> Option<usize> {
    let i = o * spec.stride[axis] + k * spec.dilation[axis];
    i.checked_sub(spec.padding[axis][0]).filter(|&i| i < size)
}

/// [`conv2d`](super::conv2d) as nested loops.
pub fn conv2d<T: Real>(
    spec: &Conv2d,
    x: &[T],
    weight: &[T],
    epilogue: &Epilogue<'_, T>,
    y: &mut [T],
) {
    let &Conv2d { batch, height, width, in_channels, out_channels, kernel, groups, .. } = spec;
    let (out_h, out_w) = (spec.out_height(), spec.out_width());
    let (inputs, outputs) = (in_channels / groups, out_channels / groups);
    for n in 0..batch {
        let image = &x[n * height * width * in_channels..];
        for (oy, ox, co) in each([out_h, out_w, out_channels]) {
            let mut sum = T::ZERO;
            for (ky, kx, ci) in each([kernel[0], kernel[1], inputs]) {
                let Some(iy) = under(spec, 0, height, oy, ky) else { continue };
                let value = under(spec, 1, width, ox, kx).map_or(T::ZERO, |ix| {
                    image[(iy * width + ix) * in_channels + co / outputs * inputs + ci]
                });
                let w = weight[((ky * kernel[1] + kx) * inputs + ci) * out_channels + co];
                sum = value.mul_add(w, sum);
            }
            y[((n * out_h + oy) * out_w + ox) * out_channels + co] = epilogue.apply(co, sum);
        }
    }
}

/// [`conv2d_input_grad`](super::conv2d_input_grad) as nested loops.
pub fn conv2d_input_grad<T: Real>(spec: &Conv2d, grad_y: &[T], weight: &[T], grad_x: &mut [T]) {
    let &Conv2d { batch, height, width, in_channels, out_channels, kernel, groups, .. } = spec;
    let (out_h, out_w) = (spec.out_height(), spec.out_width());
    let (inputs, outputs) = (in_channels / groups, out_channels / groups);
    // Tap `k` reaches input `i` from output `o` when `i + padding = o * stride + k * dilation`;
    // `None` where no integer `o` does, `Some(None)` where `o` lies outside the output.
    let from = |axis: usize, i: usize, k: usize, size: usize| {
        let o = (i + spec.padding[axis][0]).cast_signed() - (k * spec.dilation[axis]).cast_signed();
        let stride = spec.stride[axis].cast_signed();
        (o % stride == 0).then(|| usize::try_from(o / stride).ok().filter(|&o| o < size))
    };
    for n in 0..batch {
        for (iy, ix, ci) in each([height, width, in_channels]) {
            let (group, mut sum) = (ci / inputs, T::ZERO);
            for (ky, kx, co) in each([kernel[0], kernel[1], outputs]) {
                let (ky, kx) = (kernel[0] - 1 - ky, kernel[1] - 1 - kx);
                let (Some(oy), Some(ox)) = (from(0, iy, ky, out_h), from(1, ix, kx, out_w)) else {
                    continue;
                };
                let Some(oy) = oy else { continue };
                let co = group * outputs + co;
                let g = ox.map_or(T::ZERO, |ox| {
                    grad_y[((n * out_h + oy) * out_w + ox) * out_channels + co]
                });
                let w = weight[((ky * kernel[1] + kx) * inputs + ci % inputs) * out_channels + co];
                sum = g.mul_add(w, sum);
            }
            grad_x[((n * height + iy) * width + ix) * in_channels + ci] = sum;
        }
    }
}

/// [`conv2d_weight_grad`](super::conv2d_weight_grad) as nested loops.
pub fn conv2d_weight_grad<T: Real>(spec: &Conv2d, x: &[T], grad_y: &[T], grad_weight: &mut [T]) {
    let &Conv2d { height, width, in_channels, out_channels, kernel, groups, .. } = spec;
    let (out_h, out_w) = (spec.out_height(), spec.out_width());
    let (inputs, outputs) = (in_channels / groups, out_channels / groups);
    let units = Units::of::<T>(spec);
    let runs = units.runs();
    for (tap, ci, co) in each([kernel[0] * kernel[1], inputs, out_channels]) {
        let unit_sum = |unit: usize| {
            let (images, rows) = units.get(unit);
            let mut sum = T::ZERO;
            for (n, oy, ox) in each([images.end, rows.end, out_w]) {
                if n < images.start || oy < rows.start {
                    continue;
                }
                let Some(iy) = under(spec, 0, height, oy, tap / kernel[1]) else { continue };
                let value = under(spec, 1, width, ox, tap % kernel[1]).map_or(T::ZERO, |ix| {
                    let pixel = (n * height + iy) * width + ix;
                    x[pixel * in_channels + co / outputs * inputs + ci]
                });
                let g = grad_y[((n * out_h + oy) * out_w + ox) * out_channels + co];
                sum = value.mul_add(g, sum);
            }
            sum
        };
        let run_sum = |run: usize| units.of_run(run).map(unit_sum).reduce(|a, b| a + b);
        let mut sums: Vec<T> = (0..runs).filter_map(run_sum).collect();
        while sums.len() > 1 {
            sums = sums
                .chunks(2)
                .map(|pair| pair.iter().copied().reduce(|a, b| a + b))
                .map(Option::unwrap_or_default)
                .collect();
        }
        grad_weight[(tap * inputs + ci) * out_channels + co] = sums.pop().unwrap_or(T::ZERO);
    }
}

/// All triples below `sizes`, the last index fastest.
fn each([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}
