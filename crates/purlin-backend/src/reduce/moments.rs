//! Mean and variance in two passes over each block, which does not cancel.

use super::axis::{Centered, Sweep, rows_per_block};
use super::row::{self, By};
use crate::elementwise::{ops, work};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Mean and population variance (divided by `size`) along an axis: NaN along an empty one.
///
/// Each block of entries is summed, then its squared distances from its own mean; blocks are
/// combined by the formula of Chan, Golub and LeVeque (1983) in a fixed tree.
///
/// # Panics
///
/// When `x` is not `outer * size * inner` long, or `mean` or `var` not `outer * inner`.
///
/// # Examples
///
/// ```
/// let (mut mean, mut var) = ([0.0f64; 2], [0.0; 2]);
/// purlin_backend::reduce::mean_var_axis(&[1.0, 2.0, 3.0, 8.0], 1, 2, 2, &mut mean, &mut var);
/// assert_eq!((mean, var), ([2.0, 5.0], [1.0, 9.0]));
/// ```
#[track_caller]
pub fn mean_var_axis<T: Real>(
    x: &[T],
    outer: usize,
    size: usize,
    inner: usize,
    mean: &mut [T],
    var: &mut [T],
) {
    assert_eq!(x.len(), outer * size * inner, "mean_var_axis: x must be (outer, size, inner)");
    assert_eq!(mean.len(), outer * inner, "mean_var_axis: mean must be (outer, inner)");
    assert_eq!(var.len(), outer * inner, "mean_var_axis: var must be (outer, inner)");
    if x.is_empty() {
        mean.fill(T::NAN);
        var.fill(T::NAN);
        return;
    }
    let lanes = if size_of::<T>() == 4 { 16 } else { 8 };
    let per_block = if inner == 1 { super::BLOCK } else { rows_per_block(inner, lanes) };
    let blocks = size.div_ceil(per_block);
    let work = work::<T>(x.len(), 1, 4);
    // (outer, blocks, mean | sum of squares, inner)
    let mut parts = Buffer::<T>::scratch(outer * blocks * 2 * inner);
    let group = if blocks == 1 { (super::BLOCK / (size * inner)).max(1) } else { 1 };
    parallel::for_each_chunk(&mut parts, group * 2 * inner, work, |g, parts| {
        for (k, part) in parts.chunks_exact_mut(2 * inner).enumerate() {
            let (o, b) = ((g * group + k) / blocks, (g * group + k) % blocks);
            let x = &x[o * size * inner..][..size * inner][b * per_block * inner..];
            let x = &x[..x.len().min(per_block * inner)];
            let (mean, squares) = part.split_at_mut(inner);
            dispatch(Moments { x, inner, mean, squares });
        }
    });
    for (o, parts) in parts.chunks_exact_mut(blocks * 2 * inner).enumerate() {
        combine(parts, inner, size, per_block);
        mean[o * inner..][..inner].copy_from_slice(&parts[..inner]);
        let n = T::from_usize(size);
        for (var, &squares) in var[o * inner..][..inner].iter_mut().zip(&parts[inner..]) {
            *var = squares / n;
        }
    }
}

/// Combines blocks `(mean | squares)` in pairs, then pairs of pairs, into the first.
fn combine<T: Real>(parts: &mut [T], inner: usize, size: usize, per_block: usize) {
    let width = 2 * inner;
    let blocks = parts.len() / width;
    let mut step = 1;
    while step < blocks {
        for (p, pair) in parts.chunks_mut(2 * step * width).enumerate() {
            if pair.len() <= step * width {
                continue;
            }
            let (a, b) = pair.split_at_mut(step * width);
            let first = 2 * p * step * per_block;
            let n_a = step * per_block;
            let n_b = (size - first - n_a).min(n_a);
            let n = T::from_usize(n_a + n_b);
            let share_b = T::from_usize(n_b) / n;
            let weight = T::from_usize(n_a) * share_b;
            let ((mean_a, squares_a), (mean_b, squares_b)) =
                (a[..width].split_at_mut(inner), b[..width].split_at(inner));
            for j in 0..inner {
                let delta = mean_b[j] - mean_a[j];
                mean_a[j] = delta.mul_add(share_b, mean_a[j]);
                squares_a[j] = (delta * delta).mul_add(weight, squares_a[j] + squares_b[j]);
            }
        }
        step *= 2;
    }
}

/// Mean and sum of squared distances of one block, which stays in the cache between the passes.
struct Moments<'a, T> {
    x: &'a [T],
    inner: usize,
    mean: &'a mut [T],
    squares: &'a mut [T],
}

impl<T: Real> Kernel for Moments<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, inner, mean, squares } = self;
        let n = T::from_usize(x.len() / inner);
        if inner == 1 {
            mean[0] = row::sum::<I, T>(x) / n;
            squares[0] = row::sum_squares::<I, T>(x, mean[0]);
            return;
        }
        let neutral = T::ZERO;
        Sweep { step: By(ops::Add), x, inner, from: 0, center: None, neutral, out: mean }
            .run::<I>();
        for mean in mean.iter_mut() {
            *mean /= n;
        }
        let center = Some(&*mean);
        Sweep { step: Squares, x, inner, from: 0, center, neutral, out: squares }.run::<I>();
    }
}

/// Adds `(x - center)^2`.
#[derive(Clone, Copy)]
struct Squares;

impl Centered for Squares {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V, center: V) -> V {
        let d = x - center;
        d.mul_add(d, acc)
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        a + b
    }
}
