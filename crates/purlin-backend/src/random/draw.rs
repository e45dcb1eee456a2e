//! What becomes of random words.

use super::keystream::keystream;
use crate::{Kernel, math};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};
use std::f64::consts::TAU;

/// Items per block.
pub(super) const BLOCK: usize = 1024;

/// A distribution: how many 64-bit words an item takes, and what it makes of them. As the draws of
/// `purlin_core::rng::Rng`.
pub(super) trait Draw<T>: Copy + Send + Sync {
    /// Words of an item, at most 2.
    const WORDS: usize;

    /// One item for each group of words.
    fn draw<I: Isa>(self, words: &[u64], out: &mut [T]);
}

/// One block of an array.
pub(super) struct Block<'a, T, D> {
    pub(super) key: [u8; 32],
    pub(super) index: u64,
    pub(super) draw: D,
    pub(super) out: &'a mut [T],
}

impl<T: Real, D: Draw<T>> Kernel for Block<'_, T, D> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut words = [0; 2 * BLOCK];
        let words = &mut words[..self.out.len() * D::WORDS];
        keystream(&self.key, self.index, words);
        self.draw.draw::<I>(words, self.out);
    }
}

/// Uniform in `[0, 1)`: a multiple of `2^-53`.
#[inline(always)]
fn unit(word: u64) -> f64 {
    const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
    (word >> 11) as f64 * UNIT
}

/// Uniform in `[lo, hi)`.
#[derive(Clone, Copy)]
pub(super) struct Uniform<T> {
    pub(super) lo: f64,
    pub(super) hi: f64,
    /// The last number below `hi`, for those that rounding lifts up to it.
    pub(super) last: T,
}

impl<T: Real> Draw<T> for Uniform<T> {
    const WORDS: usize = 1;
    #[inline(always)]
    fn draw<I: Isa>(self, words: &[u64], out: &mut [T]) {
        let Self { lo, hi, last } = self;
        for (x, &word) in out.iter_mut().zip(words) {
            *x = T::from_f64(lo + (hi - lo) * unit(word));
        }
        for x in out {
            if x.to_f64() >= hi && lo < hi {
                *x = last;
            }
        }
    }
}

/// `mean + std sqrt(-2 ln(1 - u)) cos(2 pi v)`, in double precision.
#[derive(Clone, Copy)]
pub(super) struct Normal {
    pub(super) mean: f64,
    pub(super) std: f64,
}

impl<T: Real> Draw<T> for Normal {
    const WORDS: usize = 2;
    #[inline(always)]
    fn draw<I: Isa>(self, words: &[u64], out: &mut [T]) {
        let splat = I::F64::splat;
        let n = I::F64::LANES;
        let (mut u, mut v) = ([0.0; BLOCK], [0.0; BLOCK]);
        for ((u, v), &[first, second]) in u.iter_mut().zip(&mut v).zip(words.as_chunks().0) {
            (*u, *v) = (unit(first), unit(second));
        }
        let (u, v) = (&mut u[..out.len()], &v[..out.len()]);
        for (u, v) in u.chunks_mut(n).zip(v.chunks(n)) {
            let rest = splat(1.0) - I::F64::load_partial(u, 0.0);
            let radius = (splat(-2.0) * math::ln(rest)).sqrt();
            let angle = splat(TAU) * I::F64::load_partial(v, 0.0);
            let normal = radius * math::cos(angle);
            normal.mul_add(splat(self.std), splat(self.mean)).store_partial(u);
        }
        for (x, &mut u) in out.iter_mut().zip(u) {
            *x = T::from_f64(u);
        }
    }
}

/// `value` with probability `p`, else 0.
#[derive(Clone, Copy)]
pub(super) struct Mask<T> {
    /// `2^53 p`, rounded up: `unit(word) < p` in integers.
    below: u64,
    value: T,
}

impl<T: Real> Mask<T> {
    pub(super) fn new(p: f64, value: T) -> Self {
        Self { below: (p * (1u64 << 53) as f64).ceil() as u64, value }
    }
}

impl<T: Real> Draw<T> for Mask<T> {
    const WORDS: usize = 1;
    #[inline(always)]
    fn draw<I: Isa>(self, words: &[u64], out: &mut [T]) {
        for (x, &word) in out.iter_mut().zip(words) {
            *x = if word >> 11 < self.below { self.value } else { T::ZERO };
        }
    }
}
