//! Definitions as programs: slow, plain, in `f64`, for comparing the fast ones with.
//!
//! Everything takes either precision, widens exactly and sums from the first term to the last.

use purlin_backend::conv::Conv2d;
use purlin_backend::pool::Pool2d;
use purlin_core::{Matrix, MatrixView, Real};

fn wide<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|v| v.to_f64()).collect()
}

/// `a b` for row-major `a` of `(m, k)` and `b` of `(k, n)`.
///
/// # Panics
///
/// When a length does not fit; so all functions here.
#[track_caller]
pub fn matmul<T: Real>(a: &[T], b: &[T], m: usize, k: usize, n: usize) -> Vec<f64> {
    assert_eq!((a.len(), b.len()), (m * k, k * n), "matmul: lengths of a and b");
    let (a, b) = (wide(a), wide(b));
    let mut out = Vec::with_capacity(m * n);
    for i in 0..m {
        for j in 0..n {
            out.push((0..k).map(|p| a[i * k + p] * b[p * n + j]).sum());
        }
    }
    out
}

/// The sum, compensated (Neumaier): right to a rounding or two of the largest term.
pub fn sum<T: Real>(x: &[T]) -> f64 {
    let (mut sum, mut lost) = (0.0, 0.0);
    for v in x.iter().map(|v| v.to_f64()) {
        let next: f64 = sum + v;
        lost += if sum.abs() >= v.abs() { (sum - next) + v } else { (v - next) + sum };
        sum = next;
    }
    // An infinite or NaN sum has no meaningful remainder.
    if sum.is_finite() { sum + lost } else { sum }
}

/// Calls `f(y, x, weight, y_channel)` with the flat indices of every product in a convolution;
/// padding is left out.
fn each_tap(spec: &Conv2d, mut f: impl FnMut(usize, usize, usize)) {
    let &Conv2d { batch, height, width, in_channels, out_channels, groups, .. } = spec;
    let ([kh, kw], [sh, sw], [dh, dw]) = (spec.kernel, spec.stride, spec.dilation);
    let (out_h, out_w) = (spec.out_height(), spec.out_width());
    let (group_in, group_out) = (in_channels / groups, out_channels / groups);
    for n in 0..batch {
        for (oh, ow) in grid(out_h, out_w) {
            for (r, s) in grid(kh, kw) {
                let h = (oh * sh + r * dh).checked_sub(spec.padding[0][0]).filter(|&h| h < height);
                let w = (ow * sw + s * dw).checked_sub(spec.padding[1][0]).filter(|&w| w < width);
                let (Some(h), Some(w)) = (h, w) else { continue };
                for o in 0..out_channels {
                    for i in 0..group_in {
                        let channel = o / group_out * group_in + i;
                        let y = ((n * out_h + oh) * out_w + ow) * out_channels + o;
                        let x = ((n * height + h) * width + w) * in_channels + channel;
                        let weight = ((r * kw + s) * group_in + i) * out_channels + o;
                        f(y, x, weight);
                    }
                }
            }
        }
    }
}

fn grid(rows: usize, cols: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..cols).map(move |j| (i, j)))
}

fn sizes(spec: &Conv2d) -> (usize, usize, usize) {
    let window = spec.kernel[0] * spec.kernel[1];
    (
        spec.batch * spec.height * spec.width * spec.in_channels,
        window * (spec.in_channels / spec.groups) * spec.out_channels,
        spec.batch * spec.out_height() * spec.out_width() * spec.out_channels,
    )
}

/// Convolution of channels-last images with zeros around them; shapes as [`Conv2d`] says.
#[track_caller]
pub fn conv2d<T: Real>(spec: &Conv2d, x: &[T], weight: &[T]) -> Vec<f64> {
    let (n_x, n_weight, n_y) = sizes(spec);
    assert_eq!((x.len(), weight.len()), (n_x, n_weight), "conv2d: lengths of x and weight");
    let (x, weight) = (wide(x), wide(weight));
    let mut y = vec![0.0; n_y];
    each_tap(spec, |o, i, w| y[o] += x[i] * weight[w]);
    y
}

/// The derivative of `sum(grad_y * conv2d(x, weight))` by `x`.
#[track_caller]
pub fn conv2d_input_grad<T: Real>(spec: &Conv2d, grad_y: &[T], weight: &[T]) -> Vec<f64> {
    let (n_x, n_weight, n_y) = sizes(spec);
    assert_eq!((grad_y.len(), weight.len()), (n_y, n_weight), "conv2d: lengths of grad_y, weight");
    let (grad_y, weight) = (wide(grad_y), wide(weight));
    let mut grad_x = vec![0.0; n_x];
    each_tap(spec, |o, i, w| grad_x[i] += grad_y[o] * weight[w]);
    grad_x
}

/// The derivative of `sum(grad_y * conv2d(x, weight))` by `weight`.
#[track_caller]
pub fn conv2d_weight_grad<T: Real>(spec: &Conv2d, x: &[T], grad_y: &[T]) -> Vec<f64> {
    let (n_x, n_weight, n_y) = sizes(spec);
    assert_eq!((x.len(), grad_y.len()), (n_x, n_y), "conv2d: lengths of x and grad_y");
    let (x, grad_y) = (wide(x), wide(grad_y));
    let mut grad_weight = vec![0.0; n_weight];
    each_tap(spec, |o, i, w| grad_weight[w] += x[i] * grad_y[o]);
    grad_weight
}

/// Calls `f(y, cells, n_padded)` for every window: the flat index of the output, the flat indices
/// of its cells inside the image (row by row), and how many cells lie inside the padded image.
fn each_window(spec: &Pool2d, mut f: impl FnMut(usize, &[usize], usize)) {
    let &Pool2d { batch, height, width, channels, .. } = spec;
    let [[top, bottom], [left, right]] = spec.padding;
    let mut y = 0;
    for n in 0..batch {
        for (oh, ow) in grid(spec.out_height(), spec.out_width()) {
            for c in 0..channels {
                let (mut cells, mut n_padded) = (Vec::new(), 0);
                for (r, s) in grid(spec.kernel[0], spec.kernel[1]) {
                    let h = oh * spec.stride[0] + r * spec.dilation[0];
                    let w = ow * spec.stride[1] + s * spec.dilation[1];
                    if h < top + height + bottom && w < left + width + right {
                        n_padded += 1;
                    }
                    if (top..top + height).contains(&h) && (left..left + width).contains(&w) {
                        cells.push(((n * height + h - top) * width + w - left) * channels + c);
                    }
                }
                f(y, &cells, n_padded);
                y += 1;
            }
        }
    }
}

/// The largest number of each window; the first NaN where there is one.
#[track_caller]
pub fn max_pool2d<T: Real>(spec: &Pool2d, x: &[T]) -> Vec<f64> {
    let n_x = spec.batch * spec.height * spec.width * spec.channels;
    assert_eq!(x.len(), n_x, "max_pool2d: length of x");
    let mut y = Vec::new();
    each_window(spec, |_, cells, _| {
        let mut best = f64::NEG_INFINITY;
        for v in cells.iter().map(|&i| x[i].to_f64()) {
            if v > best || (v.is_nan() && !best.is_nan()) {
                best = v;
            }
        }
        y.push(best);
    });
    y
}

/// The mean of each window, over its cells in the image or, with `count_include_pad`, in the
/// padded image.
#[track_caller]
pub fn avg_pool2d<T: Real>(spec: &Pool2d, count_include_pad: bool, x: &[T]) -> Vec<f64> {
    let n_x = spec.batch * spec.height * spec.width * spec.channels;
    assert_eq!(x.len(), n_x, "avg_pool2d: length of x");
    let mut y = Vec::new();
    each_window(spec, |_, cells, n_padded| {
        let sum: f64 = cells.iter().map(|&i| x[i].to_f64()).sum();
        y.push(sum / (if count_include_pad { n_padded } else { cells.len() }) as f64);
    });
    y
}

/// `exp(x) / sum(exp(x))` of each row, shifted by the largest number first.
#[track_caller]
pub fn softmax<T: Real>(x: &[T], rows: usize, cols: usize) -> Vec<f64> {
    log_softmax(x, rows, cols).into_iter().map(f64::exp).collect()
}

/// `x - ln(sum(exp(x)))` of each row, shifted by the largest number first.
#[track_caller]
pub fn log_softmax<T: Real>(x: &[T], rows: usize, cols: usize) -> Vec<f64> {
    assert_eq!(x.len(), rows * cols, "softmax: length of x");
    let x = wide(x);
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks(cols.max(1)) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ln_sum = row.iter().map(|v| (v - top).exp()).sum::<f64>().ln();
        y.extend(row.iter().map(|v| v - top - ln_sum));
    }
    y
}

/// Squared Euclidean distances from each row of `a` to each row of `b`, as sums of squares.
#[track_caller]
pub fn squared_distances<T: Real>(a: MatrixView<'_, T>, b: MatrixView<'_, T>) -> Matrix<f64> {
    assert_eq!(a.n_cols(), b.n_cols(), "distances: columns of a and b");
    Matrix::from_fn(a.n_rows(), b.n_rows(), |i, j| {
        let pairs = a.row(i).iter().zip(b.row(j));
        pairs.map(|(x, y)| (x.to_f64() - y.to_f64()).powi(2)).sum()
    })
}

/// Euclidean distances from each row of `a` to each row of `b`.
#[track_caller]
pub fn distances<T: Real>(a: MatrixView<'_, T>, b: MatrixView<'_, T>) -> Matrix<f64> {
    squared_distances(a, b).map(f64::sqrt)
}

/// The sum of squared distances from each sample to the centroid its label names.
#[track_caller]
pub fn inertia<T: Real>(
    x: MatrixView<'_, T>,
    labels: &[usize],
    centroids: MatrixView<'_, T>,
) -> f64 {
    assert_eq!(labels.len(), x.n_rows(), "inertia: one label per sample");
    let terms = x.rows().zip(labels).flat_map(|(row, &label)| {
        let pairs = row.iter().zip(centroids.row(label));
        pairs.map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).collect::<Vec<_>>()
    });
    sum(&terms.collect::<Vec<f64>>())
}

/// The derivative of `f` at `x` by each coordinate: `(f(x + h) - f(x - h)) / 2h` for two steps
/// `h` (`1e-3` of the coordinate's size and half that), extrapolated to step 0.
///
/// Right to some `1e-12` of the value and of the fifth derivative, where `f` is smooth. At a kink
/// it gives something between the two slopes.
pub fn gradient(mut f: impl FnMut(&[f64]) -> f64, x: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    let mut out = Vec::with_capacity(x.len());
    for i in 0..x.len() {
        let at = x[i];
        // A power of two, so that `at + h - at` is `h`.
        let size = at.abs().max(1.0);
        let step = 2f64.powi(size.log2().ceil() as i32 - 10);
        let mut slope = |h: f64| {
            x[i] = at + h;
            let above = f(&x);
            x[i] = at - h;
            let below = f(&x);
            x[i] = at;
            (above - below) / (2.0 * h)
        };
        let (coarse, fine) = (slope(step), slope(step / 2.0));
        out.push(fine + (fine - coarse) / 3.0);
    }
    out
}
