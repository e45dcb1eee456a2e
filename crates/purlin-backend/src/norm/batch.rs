//! Normalisation of each channel over the rows.

use super::rstd;
use crate::elementwise::work;
use crate::mono::once;
use crate::reduce::{mean_var_axis, sum_axis};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Elements per block of rows.
const BLOCK: usize = 1 << 14;

/// Mean and population variance of each channel of `x`, `(rows, channels)`; NaN without rows.
///
/// # Panics
///
/// When a length differs from its shape.
#[track_caller]
pub fn batch_norm_stats<T: Real>(
    x: &[T],
    rows: usize,
    channels: usize,
    mean: &mut [T],
    var: &mut [T],
) {
    once!(|x: &[T], rows: usize, channels: usize, mean: &mut [T], var: &mut [T]| {
        mean_var_axis(x, 1, rows, channels, mean, var);
    });
}

/// The statistics and scale with which rows of channels are normalised:
/// `y = (x - mean) rstd gamma + beta` (Ioffe and Szegedy, 2015).
///
/// In training `mean` and `var` are those of the batch ([`batch_norm_stats`]), in evaluation the
/// running ones.
///
/// # Examples
///
/// ```
/// use purlin_backend::norm::{BatchNorm, batch_norm_stats};
///
/// let x = [1.0f64, 10.0, 3.0, 30.0]; // two rows of two channels
/// let (mut mean, mut var, mut y) = ([0.0; 2], [0.0; 2], [0.0; 4]);
/// batch_norm_stats(&x, 2, 2, &mut mean, &mut var);
/// let norm = BatchNorm { mean: &mean, var: &var, eps: 0.0, gamma: None, beta: None };
/// norm.forward(&x, 2, &mut y);
/// assert_eq!(y, [-1.0, -1.0, 1.0, 1.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BatchNorm<'a, T> {
    /// Mean per channel.
    pub mean: &'a [T],
    /// Variance per channel.
    pub var: &'a [T],
    /// Added to the variance.
    pub eps: f64,
    /// Scale per channel; 1 without.
    pub gamma: Option<&'a [T]>,
    /// Shift per channel; 0 without.
    pub beta: Option<&'a [T]>,
}

impl<T: Real> BatchNorm<'_, T> {
    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    #[track_caller]
    fn check(&self, x: &[T], rows: usize) -> usize {
        let channels = self.channels();
        assert_eq!(self.var.len(), channels, "batch_norm: var must have one element per channel");
        super::layer::check_affine("batch_norm", channels, self.gamma, self.beta);
        assert_eq!(x.len(), rows * channels, "batch_norm: x must have rows * channels elements");
        channels
    }

    fn tables(&self) -> Tables<T> {
        Tables::new(self.channels(), |c| {
            let r = rstd(self.var[c], self.eps);
            let scale = self.gamma.map_or(r, |g| r * g[c]);
            [self.mean[c], r, scale, self.beta.map_or(T::ZERO, |b| b[c])]
        })
    }

    /// `out = (x - mean) rstd gamma + beta` for `x` with shape `(rows, channels)`.
    ///
    /// # Panics
    ///
    /// When a length differs from its shape.
    #[track_caller]
    pub fn forward(&self, x: &[T], rows: usize, out: &mut [T]) {
        let channels = self.check(x, rows);
        assert_eq!(out.len(), x.len(), "batch_norm: out must be as long as x");
        if x.is_empty() {
            return;
        }
        let tables = self.tables();
        let size = block_len::<T>(channels);
        parallel::for_each_chunk(out, size, work::<T>(x.len(), 2, 3), |block, out| {
            let x = &x[block * size..][..out.len()];
            dispatch(Apply { x, tables: &tables, out });
        });
    }

    /// The gradients of [`BatchNorm::forward`].
    ///
    /// With `h = (x - mean) rstd`: `grad_gamma = sum grad_y h`, `grad_beta = sum grad_y`. With
    /// `of_batch` (training: mean and variance are functions of `x`)
    /// `grad_x = gamma rstd (grad_y - (grad_beta + h grad_gamma) / rows)`, without (evaluation)
    /// `grad_x = gamma rstd grad_y`.
    ///
    /// # Panics
    ///
    /// When a length differs from its shape.
    #[track_caller]
    #[expect(clippy::too_many_arguments, reason = "a kernel names every array it touches")]
    pub fn grad(
        &self,
        x: &[T],
        rows: usize,
        grad_y: &[T],
        of_batch: bool,
        grad_x: &mut [T],
        grad_gamma: &mut [T],
        grad_beta: &mut [T],
    ) {
        let channels = self.check(x, rows);
        assert_eq!(grad_y.len(), x.len(), "batch_norm: grad_y must be as long as x");
        assert_eq!(grad_x.len(), x.len(), "batch_norm: grad_x must be as long as x");
        super::layer::check_affine("batch_norm grad", channels, Some(grad_gamma), Some(grad_beta));
        if x.is_empty() {
            grad_gamma.fill(T::ZERO);
            grad_beta.fill(T::ZERO);
            return;
        }
        let tables = self.tables();
        let (period, size) = (tables.period, block_len::<T>(channels));
        let blocks = x.len().div_ceil(size);
        let mut sums = Buffer::<T>::zeroed(blocks * 2 * period);
        let work = work::<T>(x.len(), 2, 6);
        parallel::for_each_chunk(&mut sums, 2 * period, work, |block, sums| {
            let range = block * size..x.len().min((block + 1) * size);
            let (x, grad_y) = (&x[range.clone()], &grad_y[range]);
            dispatch(ChannelSums { x, grad_y, tables: &tables, sums });
        });
        let mut total = Buffer::<T>::scratch(2 * period);
        sum_axis(&sums, 1, blocks, 2 * period, &mut total);
        // The copies of a channel within the period.
        sum_axis(&total[..period], 1, period / channels, channels, grad_gamma);
        sum_axis(&total[period..], 1, period / channels, channels, grad_beta);

        // grad_x = scale (grad_y - share of beta - h share of gamma), multiplied out.
        let n = T::from_usize(rows);
        let shares = Tables::new(channels, |c| {
            if !of_batch {
                return [T::ZERO; 4];
            }
            let r = rstd(self.var[c], self.eps);
            let scale = self.gamma.map_or(r, |g| r * g[c]);
            [scale * (grad_gamma[c] / n), scale * (grad_beta[c] / n), T::ZERO, T::ZERO]
        });
        parallel::for_each_chunk(grad_x, size, work, |block, grad_x| {
            let range = block * size..block * size + grad_x.len();
            let (x, grad_y) = (&x[range.clone()], &grad_y[range]);
            dispatch(Backward { x, grad_y, tables: &tables, shares: &shares, grad_x });
        });
    }
}

/// The channels repeated until whole vectors fit, so that few channels fill the lanes too.
fn period<T>(channels: usize) -> usize {
    let lanes = if size_of::<T>() == 4 { 16 } else { 8 };
    if channels >= 4 * lanes { channels } else { channels * lanes }
}

/// Elements per block: whole periods.
pub(super) fn block_len<T>(channels: usize) -> usize {
    let period = period::<T>(channels);
    (BLOCK / period).max(1) * period
}

/// Four numbers per channel, each repeated over the period: mean, rstd, `rstd gamma`, `beta`.
pub(super) struct Tables<T: Real> {
    values: Buffer<T>,
    period: usize,
}

impl<T: Real> Tables<T> {
    pub(super) fn new(channels: usize, of_channel: impl Fn(usize) -> [T; 4]) -> Self {
        let period = period::<T>(channels);
        let mut values = Buffer::scratch(4 * period);
        for c in 0..channels {
            for (k, value) in of_channel(c).into_iter().enumerate() {
                for copy in (c..period).step_by(channels) {
                    values[k * period + copy] = value;
                }
            }
        }
        Self { values, period }
    }
    pub(super) fn period(&self) -> usize {
        self.period
    }
    #[inline(always)]
    fn parts(&self) -> [&[T]; 4] {
        let (a, b) = self.values.split_at(2 * self.period);
        let ((mean, r), (scale, shift)) = (a.split_at(self.period), b.split_at(self.period));
        [mean, r, scale, shift]
    }
}

/// `out = (x - mean) scale + shift`.
pub(super) struct Apply<'a, T: Real> {
    pub(super) x: &'a [T],
    pub(super) tables: &'a Tables<T>,
    pub(super) out: &'a mut [T],
}

impl<T: Real> Kernel for Apply<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let [mean, _, scale, shift] = self.tables.parts();
        let period = self.tables.period;
        for (x, out) in self.x.chunks(period).zip(self.out.chunks_mut(period)) {
            for j in (0..x.len()).step_by(T::Lanes::<I>::LANES) {
                let h = T::Lanes::<I>::load_partial(&x[j..], T::ZERO)
                    - T::Lanes::<I>::load_partial(&mean[j..], T::ZERO);
                let scale = T::Lanes::<I>::load_partial(&scale[j..], T::ZERO);
                let shift = T::Lanes::<I>::load_partial(&shift[j..], T::ZERO);
                h.mul_add(scale, shift).store_partial(&mut out[j..]);
            }
        }
    }
}

/// Sums of `grad_y h` and of `grad_y` over a block, per element of the period.
pub(super) struct ChannelSums<'a, T: Real> {
    pub(super) x: &'a [T],
    pub(super) grad_y: &'a [T],
    pub(super) tables: &'a Tables<T>,
    pub(super) sums: &'a mut [T],
}

impl<T: Real> Kernel for ChannelSums<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let [mean, r, _, _] = self.tables.parts();
        let period = self.tables.period;
        let (to_gamma, to_beta) = self.sums.split_at_mut(period);
        for (x, grad) in self.x.chunks(period).zip(self.grad_y.chunks(period)) {
            for j in (0..x.len()).step_by(T::Lanes::<I>::LANES) {
                let h = (T::Lanes::<I>::load_partial(&x[j..], T::ZERO)
                    - T::Lanes::<I>::load_partial(&mean[j..], T::ZERO))
                    * T::Lanes::<I>::load_partial(&r[j..], T::ZERO);
                let dy = T::Lanes::<I>::load_partial(&grad[j..], T::ZERO);
                let old = T::Lanes::<I>::load_partial(&to_gamma[j..], T::ZERO);
                dy.mul_add(h, old).store_partial(&mut to_gamma[j..]);
                let old = T::Lanes::<I>::load_partial(&to_beta[j..], T::ZERO);
                (old + dy).store_partial(&mut to_beta[j..]);
            }
        }
    }
}

/// `grad_x = scale grad_y - share of beta - h share of gamma`.
pub(super) struct Backward<'a, T: Real> {
    pub(super) x: &'a [T],
    pub(super) grad_y: &'a [T],
    pub(super) tables: &'a Tables<T>,
    /// Share of gamma, share of beta, unused, unused.
    pub(super) shares: &'a Tables<T>,
    pub(super) grad_x: &'a mut [T],
}

impl<T: Real> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let [mean, r, scale, _] = self.tables.parts();
        let period = self.tables.period;
        let [of_gamma, of_beta, _, _] = self.shares.parts();
        let blocks = self.x.chunks(period).zip(self.grad_y.chunks(period));
        for ((x, grad), out) in blocks.zip(self.grad_x.chunks_mut(period)) {
            for j in (0..x.len()).step_by(T::Lanes::<I>::LANES) {
                let h = (T::Lanes::<I>::load_partial(&x[j..], T::ZERO)
                    - T::Lanes::<I>::load_partial(&mean[j..], T::ZERO))
                    * T::Lanes::<I>::load_partial(&r[j..], T::ZERO);
                let dy = T::Lanes::<I>::load_partial(&grad[j..], T::ZERO);
                let scale = T::Lanes::<I>::load_partial(&scale[j..], T::ZERO);
                let of_beta = T::Lanes::<I>::load_partial(&of_beta[j..], T::ZERO);
                let of_gamma = T::Lanes::<I>::load_partial(&of_gamma[j..], T::ZERO);
                let centered = dy.mul_add(scale, -of_beta);
                (-h).mul_add(of_gamma, centered).store_partial(&mut out[j..]);
            }
        }
    }
}
