//! Pooling as its definition says it: the twins of the fast functions.

use super::{AdaptiveAvgPool2d, Pool2d};
use purlin_core::Real;

/// [`max_pool2d`](super::max_pool2d) as nested loops.
pub fn max_pool2d<T: Real>(spec: &Pool2d, x: &[T], y: &mut [T], indices: &mut [u32]) {
    for (at, (y, index)) in y.iter_mut().zip(indices).enumerate() {
        let (n, oy, ox, c) = place(at, spec.out_height(), spec.out_width(), spec.channels);
        let mut best: Option<(T, usize)> = None;
        for pixel in window(spec, oy, ox) {
            let value = x[(n * spec.height * spec.width + pixel) * spec.channels + c];
            let wins =
                best.is_none_or(|(best, _)| value > best || (value.is_nan() && !best.is_nan()));
            if wins {
                best = Some((value, pixel));
            }
        }
        if let Some((value, pixel)) = best {
            (*y, *index) = (value, pixel as u32);
        }
    }
}

/// [`max_pool2d_grad`](super::max_pool2d_grad) as one scatter.
pub fn max_pool2d_grad<T: Real>(spec: &Pool2d, grad_y: &[T], indices: &[u32], grad_x: &mut [T]) {
    grad_x.fill(T::ZERO);
    for (at, (&g, &index)) in grad_y.iter().zip(indices).enumerate() {
        let (n, _, _, c) = place(at, spec.out_height(), spec.out_width(), spec.channels);
        grad_x[(n * spec.height * spec.width + index as usize) * spec.channels + c] += g;
    }
}

/// [`avg_pool2d`](super::avg_pool2d) as nested loops.
pub fn avg_pool2d<T: Real>(spec: &Pool2d, count_include_pad: bool, x: &[T], y: &mut [T]) {
    for (at, y) in y.iter_mut().enumerate() {
        let (n, oy, ox, c) = place(at, spec.out_height(), spec.out_width(), spec.channels);
        let mut sum = T::ZERO;
        for pixel in window(spec, oy, ox) {
            sum += x[(n * spec.height * spec.width + pixel) * spec.channels + c];
        }
        *y = sum / T::from_usize(cells(spec, count_include_pad, oy, ox));
    }
}

/// [`avg_pool2d_grad`](super::avg_pool2d_grad) as one scatter.
pub fn avg_pool2d_grad<T: Real>(
    spec: &Pool2d,
    count_include_pad: bool,
    grad_y: &[T],
    grad_x: &mut [T],
) {
    grad_x.fill(T::ZERO);
    for (at, &g) in grad_y.iter().enumerate() {
        let (n, oy, ox, c) = place(at, spec.out_height(), spec.out_width(), spec.channels);
        for pixel in window(spec, oy, ox) {
            grad_x[(n * spec.height * spec.width + pixel) * spec.channels + c] +=
                g / T::from_usize(cells(spec, count_include_pad, oy, ox));
        }
    }
}

/// [`adaptive_avg_pool2d`](super::adaptive_avg_pool2d) as nested loops.
pub fn adaptive_avg_pool2d<T: Real>(spec: &AdaptiveAvgPool2d, x: &[T], y: &mut [T]) {
    for (at, y) in y.iter_mut().enumerate() {
        let (n, oy, ox, c) = place(at, spec.out_height, spec.out_width, spec.channels);
        let pixels = adaptive_window(spec, oy, ox);
        let mut sum = T::ZERO;
        for &pixel in &pixels {
            sum += x[(n * spec.height * spec.width + pixel) * spec.channels + c];
        }
        *y = sum / T::from_usize(pixels.len());
    }
}

/// [`adaptive_avg_pool2d_grad`](super::adaptive_avg_pool2d_grad) as one scatter.
pub fn adaptive_avg_pool2d_grad<T: Real>(spec: &AdaptiveAvgPool2d, grad_y: &[T], grad_x: &mut [T]) {
    grad_x.fill(T::ZERO);
    for (at, &g) in grad_y.iter().enumerate() {
        let (n, oy, ox, c) = place(at, spec.out_height, spec.out_width, spec.channels);
        let pixels = adaptive_window(spec, oy, ox);
        for &pixel in &pixels {
            grad_x[(n * spec.height * spec.width + pixel) * spec.channels + c] +=
                g / T::from_usize(pixels.len());
        }
    }
}

/// Image, row, column and channel of an item of a `(batch, height, width, channels)` array.
fn place(at: usize, height: usize, width: usize, channels: usize) -> (usize, usize, usize, usize) {
    let (pixel, c) = (at / channels, at % channels);
    (pixel / width / height, pixel / width % height, pixel % width, c)
}

/// Every cell of a window along one axis, in the image or not: tap `k` lies over
/// `o * stride + k * dilation - padding`.
fn taps(spec: &Pool2d, axis: usize, o: usize) -> impl Iterator<Item = isize> {
    let (stride, dilation, before) =
        (spec.stride[axis], spec.dilation[axis], spec.padding[axis][0]);
    (0..spec.kernel[axis])
        .map(move |k| (o * stride + k * dilation).cast_signed() - before.cast_signed())
}

/// The pixels `h * width + w` under a window, in order.
fn window(spec: &Pool2d, oy: usize, ox: usize) -> Vec<usize> {
    let inside = |at: isize, size: usize| usize::try_from(at).ok().filter(|&at| at < size);
    let rows = taps(spec, 0, oy).filter_map(|y| inside(y, spec.height));
    rows.flat_map(|y| {
        taps(spec, 1, ox).filter_map(move |x| Some(y * spec.width + inside(x, spec.width)?))
    })
    .collect()
}

/// What the average of a window is divided by.
fn cells(spec: &Pool2d, count_include_pad: bool, oy: usize, ox: usize) -> usize {
    if !count_include_pad {
        return window(spec, oy, ox).len();
    }
    let counted = |axis: usize, size: usize, o: usize| {
        let end = (size + spec.padding[axis][1]).cast_signed();
        taps(spec, axis, o).filter(|&at| at < end).count()
    };
    counted(0, spec.height, oy) * counted(1, spec.width, ox)
}

/// The pixels of window `(oy, ox)`, which begins at `floor(o size / out)` and ends before
/// `ceil((o + 1) size / out)` along each axis.
fn adaptive_window(spec: &AdaptiveAvgPool2d, oy: usize, ox: usize) -> Vec<usize> {
    let run = |o: usize, size: usize, out: usize| o * size / out..((o + 1) * size).div_ceil(out);
    let columns = run(ox, spec.width, spec.out_width);
    run(oy, spec.height, spec.out_height)
        .flat_map(|y| columns.clone().map(move |x| y * spec.width + x))
        .collect()
}
