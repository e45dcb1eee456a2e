//! Normalisation of each row.

use super::rstd;
use crate::elementwise::work;
use crate::mono::once;
use crate::reduce::{row, sum_axis};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Elements per block of rows.
const BLOCK: usize = 1 << 13;

/// `out = (x - mean) * rstd * gamma + beta` row by row (Ba, Kiros, Hinton, 2016).
///
/// | value | shape |
/// |---|---|
/// | `x`, `out` | `(rows, cols)` |
/// | `gamma`, `beta` | `(cols,)`; 1 and 0 without |
/// | `mean`, `rstd_out` | `(rows,)`, written for the backward pass |
///
/// # Panics
///
/// When a length differs from its shape.
///
/// # Examples
///
/// ```
/// let (mut out, mut mean, mut rstd) = ([0.0f64; 2], [0.0], [0.0]);
/// purlin_backend::norm::layer_norm(&[1.0, 3.0], 1, 2, 0.0, None, None, &mut out, &mut mean, &mut rstd);
/// assert_eq!((out, mean, rstd), ([-1.0, 1.0], [2.0], [1.0]));
/// ```
#[track_caller]
#[expect(clippy::too_many_arguments, reason = "a kernel names every array it touches")]
pub fn layer_norm<T: Real>(
    x: &[T],
    rows: usize,
    cols: usize,
    eps: f64,
    gamma: Option<&[T]>,
    beta: Option<&[T]>,
    out: &mut [T],
    mean: &mut [T],
    rstd_out: &mut [T],
) {
    once!(|x: &[T],
           rows: usize,
           cols: usize,
           eps: f64,
           gamma: Option<&[T]>,
           beta: Option<&[T]>,
           out: &mut [T],
           mean: &mut [T],
           rstd_out: &mut [T]| {
        assert_eq!(x.len(), rows * cols, "layer_norm: x must have rows * cols elements");
        assert_eq!(out.len(), x.len(), "layer_norm: out must be as long as x");
        assert_eq!(mean.len(), rows, "layer_norm: mean must have one element per row");
        assert_eq!(rstd_out.len(), rows, "layer_norm: rstd must have one element per row");
        check_affine("layer_norm", cols, gamma, beta);
        if x.is_empty() {
            mean.fill(T::NAN);
            rstd_out.fill(T::NAN);
            return;
        }
        let per_block = (BLOCK / cols).max(1);
        let work = work::<T>(x.len(), 2, 6);
        let stats = mean.chunks_mut(per_block).zip(rstd_out.chunks_mut(per_block));
        let blocks = out.chunks_mut(per_block * cols).zip(stats);
        parallel::for_each_task(blocks, work, |block, (out, (mean, rstd))| {
            let x = &x[block * per_block * cols..][..out.len()];
            dispatch(Forward { x, cols, eps, gamma, beta, out, mean, rstd });
        });
    });
}

#[track_caller]
pub(super) fn check_affine<T>(op: &str, size: usize, gamma: Option<&[T]>, beta: Option<&[T]>) {
    assert!(gamma.is_none_or(|g| g.len() == size), "{op}: gamma must have {size} elements");
    assert!(beta.is_none_or(|b| b.len() == size), "{op}: beta must have {size} elements");
}

/// The gradients of [`layer_norm`].
///
/// With `h = (x - mean) rstd` and `g = grad_y gamma`, row by row
/// `grad_x = rstd (g - mean(g) - h mean(g h))`, and over the rows
/// `grad_gamma = sum grad_y h`, `grad_beta = sum grad_y`.
///
/// # Panics
///
/// When a length differs from its shape.
#[track_caller]
#[expect(clippy::too_many_arguments, reason = "a kernel names every array it touches")]
pub fn layer_norm_grad<T: Real>(
    x: &[T],
    rows: usize,
    cols: usize,
    gamma: Option<&[T]>,
    mean: &[T],
    rstd: &[T],
    grad_y: &[T],
    grad_x: &mut [T],
    grad_gamma: Option<&mut [T]>,
    grad_beta: Option<&mut [T]>,
) {
    once!(|x: &[T],
           rows: usize,
           cols: usize,
           gamma: Option<&[T]>,
           mean: &[T],
           rstd: &[T],
           grad_y: &[T],
           grad_x: &mut [T],
           grad_gamma: Option<&mut [T]>,
           grad_beta: Option<&mut [T]>| {
        assert_eq!(x.len(), rows * cols, "layer_norm_grad: x must have rows * cols elements");
        assert_eq!(grad_y.len(), x.len(), "layer_norm_grad: grad_y must be as long as x");
        assert_eq!(grad_x.len(), x.len(), "layer_norm_grad: grad_x must be as long as x");
        assert_eq!(mean.len(), rows, "layer_norm_grad: mean must have one element per row");
        assert_eq!(rstd.len(), rows, "layer_norm_grad: rstd must have one element per row");
        let (dg, db) = (grad_gamma.as_deref(), grad_beta.as_deref());
        check_affine("layer_norm_grad", cols, gamma, None);
        check_affine("layer_norm_grad", cols, dg, db);
        if x.is_empty() {
            grad_gamma.into_iter().chain(grad_beta).for_each(|g| g.fill(T::ZERO));
            return;
        }
        let per_block = (BLOCK / cols).max(1);
        let blocks = rows.div_ceil(per_block);
        // Per block: the sums for gamma, then those for beta.
        let wants_sums = grad_gamma.is_some() || grad_beta.is_some();
        let width = if wants_sums { 2 * cols } else { 0 };
        let mut sums = Buffer::<T>::zeroed(blocks * width);
        let work = work::<T>(x.len(), 3, 10);
        let mut rest = &mut sums[..];
        let tasks = grad_x.chunks_mut(per_block * cols).map(|grad_x| {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(width);
            rest = others;
            (grad_x, own)
        });
        parallel::for_each_task(tasks, work, |block, (grad_x, sums)| {
            let range = block * per_block * cols..block * per_block * cols + grad_x.len();
            let (x, grad_y) = (&x[range.clone()], &grad_y[range]);
            let n = grad_x.len() / cols;
            let (mean, rstd) = (&mean[block * per_block..][..n], &rstd[block * per_block..][..n]);
            dispatch(Backward { x, cols, gamma, mean, rstd, grad_y, grad_x, sums });
        });
        if wants_sums {
            let mut total = Buffer::<T>::scratch(width);
            sum_axis(&sums, 1, blocks, width, &mut total);
            if let Some(out) = grad_gamma {
                out.copy_from_slice(&total[..cols]);
            }
            if let Some(out) = grad_beta {
                out.copy_from_slice(&total[cols..]);
            }
        }
    });
}

struct Forward<'a, T> {
    x: &'a [T],
    cols: usize,
    eps: f64,
    gamma: Option<&'a [T]>,
    beta: Option<&'a [T]>,
    out: &'a mut [T],
    mean: &'a mut [T],
    rstd: &'a mut [T],
}

impl<T: Real> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = T::from_usize(self.cols);
        let rows = self.x.chunks_exact(self.cols).zip(self.out.chunks_exact_mut(self.cols));
        for ((x, out), (mean, r)) in rows.zip(self.mean.iter_mut().zip(self.rstd)) {
            *mean = row::sum::<I, T>(x) / n;
            *r = rstd(row::sum_squares::<I, T>(x, *mean) / n, self.eps);
            let (m, r) = (T::Lanes::<I>::splat(*mean), T::Lanes::<I>::splat(*r));
            for j in (0..self.cols).step_by(T::Lanes::<I>::LANES) {
                let mut h = (T::Lanes::<I>::load_partial(&x[j..], T::ZERO) - m) * r;
                if let Some(gamma) = self.gamma {
                    h = h * T::Lanes::<I>::load_partial(&gamma[j..], T::ZERO);
                }
                if let Some(beta) = self.beta {
                    h = h + T::Lanes::<I>::load_partial(&beta[j..], T::ZERO);
                }
                h.store_partial(&mut out[j..]);
            }
        }
    }
}

struct Backward<'a, T> {
    x: &'a [T],
    cols: usize,
    gamma: Option<&'a [T]>,
    mean: &'a [T],
    rstd: &'a [T],
    grad_y: &'a [T],
    grad_x: &'a mut [T],
    /// `(gamma | beta)`, or empty.
    sums: &'a mut [T],
}

impl<T: Real> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (cols, lanes) = (self.cols, T::Lanes::<I>::LANES);
        let n = T::from_usize(cols);
        let zero = T::Lanes::<I>::splat(T::ZERO);
        let rows = self.x.chunks_exact(cols).zip(self.grad_y.chunks_exact(cols));
        let stats = self.mean.iter().zip(self.rstd);
        let wants_sums = !self.sums.is_empty();
        let (sum_gamma, sum_beta) = self.sums.split_at_mut(self.sums.len() / 2);
        let outs = self.grad_x.chunks_exact_mut(cols);
        for (((x, grad), out), (&mean, &rstd)) in rows.zip(outs).zip(stats) {
            let (m, r) = (T::Lanes::<I>::splat(mean), T::Lanes::<I>::splat(rstd));
            let (mut sum_g, mut sum_gh) = (zero, zero);
            for j in (0..cols).step_by(lanes) {
                let h = (T::Lanes::<I>::load_partial(&x[j..], mean) - m) * r;
                let dy = T::Lanes::<I>::load_partial(&grad[j..], T::ZERO);
                let g = match self.gamma {
                    Some(gamma) => dy * T::Lanes::<I>::load_partial(&gamma[j..], T::ZERO),
                    None => dy,
                };
                sum_g = sum_g + g;
                sum_gh = g.mul_add(h, sum_gh);
                if wants_sums {
                    let (to_gamma, to_beta) = (&mut sum_gamma[j..], &mut sum_beta[j..]);
                    let old = T::Lanes::<I>::load_partial(to_gamma, T::ZERO);
                    dy.mul_add(h, old).store_partial(to_gamma);
                    (T::Lanes::<I>::load_partial(to_beta, T::ZERO) + dy).store_partial(to_beta);
                }
            }
            let mean_g = T::Lanes::<I>::splat(sum_g.sum() / n);
            let mean_gh = T::Lanes::<I>::splat(sum_gh.sum() / n);
            for j in (0..cols).step_by(lanes) {
                let h = (T::Lanes::<I>::load_partial(&x[j..], mean) - m) * r;
                let dy = T::Lanes::<I>::load_partial(&grad[j..], T::ZERO);
                let g = match self.gamma {
                    Some(gamma) => dy * T::Lanes::<I>::load_partial(&gamma[j..], T::ZERO),
                    None => dy,
                };
                (r * ((g - mean_g) - h * mean_gh)).store_partial(&mut out[j..]);
            }
        }
    }
}
