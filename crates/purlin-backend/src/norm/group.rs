//! Normalisation of groups of channels within each sample.

use super::batch::{Apply, Backward, ChannelSums, Tables, block_len};
use crate::elementwise::work;
use crate::reduce::{mean_var_axis, sum_axis};
use crate::{Buffer, dispatch, parallel};
use purlin_core::Real;

/// Group normalisation (Wu and He, 2018) of `x` with shape `(batch, spatial, channels)`: each
/// sample's channels are cut into `groups` of equal size, and mean and variance are taken over a
/// group and all places of the sample.
///
/// # Examples
///
/// ```
/// use purlin_backend::norm::GroupNorm;
///
/// // One sample of two places and two channels, each channel its own group.
/// let spec = GroupNorm { batch: 1, spatial: 2, channels: 2, groups: 2, eps: 0.0 };
/// let (mut y, mut mean, mut rstd) = ([0.0f64; 4], [0.0; 2], [0.0; 2]);
/// spec.forward(&[1.0, 10.0, 3.0, 30.0], None, None, &mut y, &mut mean, &mut rstd);
/// assert_eq!((y, mean, rstd), ([-1.0, -1.0, 1.0, 1.0], [2.0, 20.0], [1.0, 0.1]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNorm {
    /// Samples.
    pub batch: usize,
    /// Places per sample, e.g. height times width.
    pub spatial: usize,
    /// Channels.
    pub channels: usize,
    /// Groups; divides `channels`.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
}

impl GroupNorm {
    fn sample_len(&self) -> usize {
        self.spatial * self.channels
    }

    #[track_caller]
    fn check<T>(&self, x: &[T], mean: &[T], rstd: &[T]) {
        let Self { batch, channels, groups, .. } = *self;
        let divides = groups > 0 && channels.is_multiple_of(groups);
        assert!(divides, "group_norm: groups must divide {channels} channels, got {groups}");
        let expected = batch * self.sample_len();
        assert_eq!(x.len(), expected, "group_norm: x must be (batch, spatial, channels)");
        assert_eq!(mean.len(), batch * groups, "group_norm: mean must be (batch, groups)");
        assert_eq!(rstd.len(), batch * groups, "group_norm: rstd must be (batch, groups)");
    }

    /// `out = (x - mean) rstd gamma + beta`; `mean` and `rstd_out`, `(batch, groups)`, are written
    /// for the backward pass, `gamma` and `beta` are `(channels,)`, 1 and 0 without.
    ///
    /// # Panics
    ///
    /// When a length differs from its shape, or `groups` does not divide `channels`.
    #[track_caller]
    pub fn forward<T: Real>(
        &self,
        x: &[T],
        gamma: Option<&[T]>,
        beta: Option<&[T]>,
        out: &mut [T],
        mean: &mut [T],
        rstd_out: &mut [T],
    ) {
        self.check(x, mean, rstd_out);
        assert_eq!(out.len(), x.len(), "group_norm: out must be as long as x");
        super::layer::check_affine("group_norm", self.channels, gamma, beta);
        if x.is_empty() {
            mean.fill(T::NAN);
            rstd_out.fill(T::NAN);
            return;
        }
        self.statistics(x, mean, rstd_out);
        let tables = self.tables(gamma, beta, mean, rstd_out);
        self.for_each_block(out, work::<T>(x.len(), 2, 3), |sample, at, out| {
            dispatch(Apply { x: &x[at..at + out.len()], tables: &tables[sample], out });
        });
    }

    /// Mean and rstd of each group, from those of its channels.
    fn statistics<T: Real>(&self, x: &[T], mean: &mut [T], rstd_out: &mut [T]) {
        let n = self.batch * self.channels;
        let (mut means, mut vars) = (Buffer::scratch(n), Buffer::scratch(n));
        mean_var_axis(x, self.batch, self.spatial, self.channels, &mut means, &mut vars);
        let per_group = self.channels / self.groups;
        let channels = means.chunks_exact(per_group).zip(vars.chunks_exact(per_group));
        for ((means, vars), (mean, r)) in channels.zip(mean.iter_mut().zip(rstd_out)) {
            // In double precision: the spread between channels adds to their own variance.
            let count = per_group as f64;
            let center = means.iter().map(|m| m.to_f64()).sum::<f64>() / count;
            let spread = means.iter().zip(vars).map(|(m, v)| {
                let d = m.to_f64() - center;
                d.mul_add(d, v.to_f64())
            });
            *r = T::from_f64(1.0 / (spread.sum::<f64>() / count + self.eps).sqrt());
            *mean = T::from_f64(center);
        }
    }

    /// One table of channels per sample.
    fn tables<T: Real>(
        &self,
        gamma: Option<&[T]>,
        beta: Option<&[T]>,
        mean: &[T],
        rstd: &[T],
    ) -> Vec<Tables<T>> {
        let per_group = self.channels / self.groups;
        (0..self.batch)
            .map(|sample| {
                Tables::new(self.channels, |c| {
                    let group = sample * self.groups + c / per_group;
                    let scale = gamma.map_or(rstd[group], |g| rstd[group] * g[c]);
                    [mean[group], rstd[group], scale, beta.map_or(T::ZERO, |b| b[c])]
                })
            })
            .collect()
    }

    /// Calls `f(sample, offset in x, block)` for fixed blocks that do not cross samples.
    fn for_each_block<T: Real>(
        &self,
        out: &mut [T],
        work: usize,
        f: impl Fn(usize, usize, &mut [T]) + Sync + Send,
    ) {
        let (sample_len, block) = (self.sample_len(), block_len::<T>(self.channels));
        if block >= sample_len {
            let samples = block / sample_len;
            parallel::for_each_chunk(out, samples * sample_len, work, |g, out| {
                for (k, out) in out.chunks_exact_mut(sample_len).enumerate() {
                    let sample = g * samples + k;
                    f(sample, sample * sample_len, out);
                }
            });
        } else {
            for (sample, out) in out.chunks_exact_mut(sample_len).enumerate() {
                parallel::for_each_chunk(out, block, work / self.batch, |b, out| {
                    f(sample, sample * sample_len + b * block, out);
                });
            }
        }
    }

    /// The gradients of [`GroupNorm::forward`]: with `h = (x - mean) rstd` and `g = grad_y gamma`,
    /// `grad_x = rstd (g - mean(g) - h mean(g h))` over each group, `grad_gamma = sum grad_y h`,
    /// `grad_beta = sum grad_y` over samples and places.
    ///
    /// # Panics
    ///
    /// As [`GroupNorm::forward`].
    #[track_caller]
    #[expect(clippy::too_many_arguments, reason = "a kernel names every array it touches")]
    pub fn grad<T: Real>(
        &self,
        x: &[T],
        gamma: Option<&[T]>,
        mean: &[T],
        rstd: &[T],
        grad_y: &[T],
        grad_x: &mut [T],
        grad_gamma: &mut [T],
        grad_beta: &mut [T],
    ) {
        self.check(x, mean, rstd);
        assert_eq!(grad_y.len(), x.len(), "group_norm: grad_y must be as long as x");
        assert_eq!(grad_x.len(), x.len(), "group_norm: grad_x must be as long as x");
        let channels = self.channels;
        super::layer::check_affine("group_norm", channels, gamma, None);
        super::layer::check_affine("group_norm grad", channels, Some(grad_gamma), Some(grad_beta));
        if x.is_empty() {
            grad_gamma.fill(T::ZERO);
            grad_beta.fill(T::ZERO);
            return;
        }
        let tables = self.tables(gamma, None, mean, rstd);
        let work = work::<T>(x.len(), 2, 6);
        let sums = self.channel_sums(x, grad_y, &tables, work);
        // (batch, gamma | beta, channels)
        let mut total = Buffer::<T>::scratch(2 * channels);
        sum_axis(&sums, 1, self.batch, 2 * channels, &mut total);
        grad_gamma.copy_from_slice(&total[..channels]);
        grad_beta.copy_from_slice(&total[channels..]);

        // What each channel subtracts: rstd / count times the sums of its group, weighted by gamma.
        let per_group = channels / self.groups;
        let count = T::from_usize(per_group * self.spatial);
        let shares: Vec<Tables<T>> = (0..self.batch)
            .map(|sample| {
                let sums = &sums[sample * 2 * channels..][..2 * channels];
                let group_mean = |of: usize, group: usize| {
                    let range = group * per_group..(group + 1) * per_group;
                    let terms =
                        range.map(|c| gamma.map_or(T::ONE, |g| g[c]) * sums[of * channels + c]);
                    rstd[sample * self.groups + group] * (terms.sum::<T>() / count)
                };
                let means: Vec<[T; 2]> =
                    (0..self.groups).map(|g| [group_mean(0, g), group_mean(1, g)]).collect();
                Tables::new(channels, |c| {
                    let [of_gamma, of_beta] = means[c / per_group];
                    [of_gamma, of_beta, T::ZERO, T::ZERO]
                })
            })
            .collect();
        self.for_each_block(grad_x, work, |sample, at, grad_x| {
            let (x, grad_y) = (&x[at..at + grad_x.len()], &grad_y[at..at + grad_x.len()]);
            let (tables, shares) = (&tables[sample], &shares[sample]);
            dispatch(Backward { x, grad_y, tables, shares, grad_x });
        });
    }

    /// Per sample the sums of `grad_y h` and of `grad_y` of each channel.
    fn channel_sums<T: Real>(
        &self,
        x: &[T],
        grad_y: &[T],
        tables: &[Tables<T>],
        work: usize,
    ) -> Buffer<T> {
        let (sample_len, block) = (self.sample_len(), block_len::<T>(self.channels));
        let blocks = sample_len.div_ceil(block);
        let period = tables[0].period();
        let mut parts = Buffer::<T>::zeroed(self.batch * blocks * 2 * period);
        parallel::for_each_chunk(&mut parts, 2 * period, work, |i, sums| {
            let (sample, b) = (i / blocks, i % blocks);
            let range = b * block..sample_len.min((b + 1) * block);
            let x = &x[sample * sample_len..][range.clone()];
            let grad_y = &grad_y[sample * sample_len..][range];
            dispatch(ChannelSums { x, grad_y, tables: &tables[sample], sums });
        });
        let mut per_sample = Buffer::<T>::scratch(self.batch * 2 * period);
        sum_axis(&parts, self.batch, blocks, 2 * period, &mut per_sample);
        let mut sums = Buffer::<T>::scratch(self.batch * 2 * self.channels);
        let copies = period / self.channels;
        sum_axis(&per_sample, 2 * self.batch, copies, self.channels, &mut sums);
        sums
    }
}
