//! Convolution as its definition says it, in the documented order: the twin of the fast one.

use super::Conv2d;
use crate::gemm::Epilogue;
use purlin_core::Real;

/// The input pixel under tap `(ky, kx)` of output pixel `(oy, ox)`, or `None` in the padding.
fn under(spec: &Conv2d, [oy, ox]: [usize; 2], [ky, kx]: [usize; 2]) -> Option<usize> {
    let iy = (oy * spec.stride[0] + ky * spec.dilation[0]).checked_sub(spec.padding[0][0])?;
    let ix = (ox * spec.stride[1] + kx * spec.dilation[1]).checked_sub(spec.padding[1][0])?;
    (iy < spec.height && ix < spec.width).then_some(iy * spec.width + ix)
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
                let value = under(spec, [oy, ox], [ky, kx])
                    .map_or(T::ZERO, |p| image[p * in_channels + co / outputs * inputs + ci]);
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
                let co = group * outputs + co;
                let g = oy.zip(ox).map_or(T::ZERO, |(oy, ox)| {
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
    let &Conv2d { batch, height, width, in_channels, out_channels, kernel, groups, .. } = spec;
    let (out_h, out_w) = (spec.out_height(), spec.out_width());
    let (inputs, outputs) = (in_channels / groups, out_channels / groups);
    let bands = super::bands::<T>(spec);
    let units = batch * bands;
    let runs = super::runs(units);
    for (tap, ci, co) in each([kernel[0] * kernel[1], inputs, out_channels]) {
        let band_sum = |unit: usize| {
            let (n, band) = (unit / bands, unit % bands);
            let mut sum = T::ZERO;
            for (oy, ox, _) in each([out_h * (band + 1) / bands, out_w, 1]) {
                if oy < out_h * band / bands {
                    continue;
                }
                let value = under(spec, [oy, ox], [tap / kernel[1], tap % kernel[1]])
                    .map_or(T::ZERO, |p| {
                        x[(n * height * width + p) * in_channels + co / outputs * inputs + ci]
                    });
                let g = grad_y[((n * out_h + oy) * out_w + ox) * out_channels + co];
                sum = value.mul_add(g, sum);
            }
            sum
        };
        let run_sum = |run: usize| {
            (units * run / runs..units * (run + 1) / runs).map(band_sum).reduce(|a, b| a + b)
        };
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
