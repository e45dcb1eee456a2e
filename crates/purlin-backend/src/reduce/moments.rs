//! Mean and variance in two passes over each block, which does not cancel.

use super::axis::{Centered, Sweep, rows_per_block};
use super::row;
use crate::elementwise::work;
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Mean and population variance (divided by `size`) along an axis: NaN along an empty one.
///
/// Each block of entries is summed as distances from the first entry of the axis, then its squared
/// distances from its own mean are; blocks are combined by the formula of Chan, Golub and LeVeque (1983) in a fixed tree.
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
    once!(|x: &[T], outer: usize, size: usize, inner: usize, mean: &mut [T], var: &mut [T]| {
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
        // (outer, blocks, mean less the first entry | sum of squares | scratch, inner)
        let mut parts = Buffer::<T>::scratch(outer * blocks * 3 * inner);
        let group = if blocks == 1 { (super::BLOCK / (size * inner)).max(1) } else { 1 };
        parallel::for_each_chunk(&mut parts, group * 3 * inner, work, |g, parts| {
            for (k, part) in parts.chunks_exact_mut(3 * inner).enumerate() {
                let (o, b) = ((g * group + k) / blocks, (g * group + k) % blocks);
                let x = &x[o * size * inner..][..size * inner];
                let (shift, x) = (&x[..inner], &x[b * per_block * inner..]);
                let x = &x[..x.len().min(per_block * inner)];
                let (offset, rest) = part.split_at_mut(inner);
                let (squares, mean) = rest.split_at_mut(inner);
                dispatch(Moments { x, shift, offset, squares, mean });
            }
        });
        for (o, parts) in parts.chunks_exact_mut(blocks * 3 * inner).enumerate() {
            combine(parts, inner, size, per_block);
            let shift = &x[o * size * inner..][..inner];
            for ((mean, &shift), &offset) in mean[o * inner..].iter_mut().zip(shift).zip(&parts[..])
            {
                *mean = shift + offset;
            }
            let n = T::from_usize(size);
            for (var, &squares) in var[o * inner..][..inner].iter_mut().zip(&parts[inner..]) {
                *var = squares / n;
            }
        }
    });
}

/// Combines blocks `(offset | squares | scratch)` in pairs, then pairs of pairs, into the first.
fn combine<T: Real>(parts: &mut [T], inner: usize, size: usize, per_block: usize) {
    let width = 3 * inner;
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
                (a[..2 * inner].split_at_mut(inner), b[..2 * inner].split_at(inner));
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
    /// The first entry of the axis.
    shift: &'a [T],
    /// Becomes the mean less `shift`: small where the mean is large, so digits are left for the
    /// difference of two blocks.
    offset: &'a mut [T],
    squares: &'a mut [T],
    /// Scratch.
    mean: &'a mut [T],
}

impl<T: Real> Kernel for Moments<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, shift, offset, squares, mean } = self;
        let inner = shift.len();
        let n = T::from_usize(x.len() / inner);
        if inner == 1 {
            offset[0] = row::sum_shifted::<I, T>(x, shift[0]) / n;
            squares[0] = row::sum_squares::<I, T>(x, shift[0] + offset[0]);
            return;
        }
        let neutral = T::ZERO;
        let center = Some(shift);
        Sweep { step: Shifted, x, inner, from: 0, center, neutral, out: offset }.run::<I>();
        for ((mean, offset), &shift) in mean.iter_mut().zip(offset).zip(shift) {
            *offset /= n;
            *mean = shift + *offset;
        }
        let center = Some(&*mean);
        Sweep { step: Squares, x, inner, from: 0, center, neutral, out: squares }.run::<I>();
    }
}

/// Adds `x - center`: a sum of distances from the first entry stays small beside a large mean.
#[derive(Clone, Copy)]
struct Shifted;

impl Centered for Shifted {
    #[inline(always)]
    fn step<V: Lanes>(self, acc: V, x: V, center: V) -> V {
        acc + (x - center)
    }
    #[inline(always)]
    fn merge<V: Lanes>(self, a: V, b: V) -> V {
        a + b
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
