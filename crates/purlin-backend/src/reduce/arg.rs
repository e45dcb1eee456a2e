//! Where the extreme lies.

use crate::elementwise::work;
use crate::mono::once;
use crate::{Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};

/// `out[o, j] = argmax over i of x[o, i, j]`: the smallest index of the greatest element; the
/// first NaN where there is one.
///
/// # Panics
///
/// When `size` is 0 or above `u32::MAX`, `x` is not `outer * size * inner` long or `out` not
/// `outer * inner`.
///
/// # Examples
///
/// ```
/// let mut out = [0; 2];
/// purlin_backend::reduce::argmax_axis(&[1.0f32, 3.0, 3.0, 5.0, 4.0, 0.0], 2, 3, 1, &mut out);
/// assert_eq!(out, [1, 0]);
/// ```
#[track_caller]
pub fn argmax_axis<T: Real>(x: &[T], outer: usize, size: usize, inner: usize, out: &mut [u32]) {
    once!(|x: &[T], outer: usize, size: usize, inner: usize, out: &mut [u32]| {
        arg::<T, true>(x, outer, size, inner, out);
    });
}

/// `out[o, j] = argmin over i of x[o, i, j]`: the smallest index of the least element; the first
/// NaN where there is one. Panics as [`argmax_axis`].
#[track_caller]
pub fn argmin_axis<T: Real>(x: &[T], outer: usize, size: usize, inner: usize, out: &mut [u32]) {
    once!(|x: &[T], outer: usize, size: usize, inner: usize, out: &mut [u32]| {
        arg::<T, false>(x, outer, size, inner, out);
    });
}

/// Entries whose index a float counts exactly, with room to spare.
const SPAN: usize = 1 << 20;

#[track_caller]
fn arg<T: Real, const MAX: bool>(
    x: &[T],
    outer: usize,
    size: usize,
    inner: usize,
    out: &mut [u32],
) {
    assert!(size > 0, "argmax_axis: size must be at least 1, got 0");
    assert!(u32::try_from(size).is_ok(), "argmax_axis: size must fit in u32, got {size}");
    assert_eq!(x.len(), outer * size * inner, "argmax_axis: x must be (outer, size, inner)");
    assert_eq!(out.len(), outer * inner, "argmax_axis: out must be (outer, inner)");
    if x.is_empty() {
        return;
    }
    let work = work::<T>(x.len(), 1, 2);
    if inner == 1 {
        let per_block = (super::BLOCK / size).max(1);
        parallel::for_each_chunk(out, per_block, work, |block, out| {
            let x = &x[block * per_block * size..][..out.len() * size];
            dispatch(Rows::<T, MAX> { x, size, out });
        });
    } else {
        let group = (super::BLOCK / (size * inner)).max(1);
        parallel::for_each_chunk(out, group * inner, work, |g, out| {
            let x = &x[g * group * size * inner..][..out.len() * size];
            dispatch(Columns::<T, MAX> { x, size, inner, out });
        });
    }
}

/// Best value and its index, lane by lane.
#[derive(Clone, Copy)]
struct Best<V> {
    value: V,
    index: V,
}

impl<V: Lanes> Best<V> {
    /// Takes `x` where it beats the best: strictly better, or the first NaN.
    #[inline(always)]
    fn offer<const MAX: bool>(self, x: V, index: V) -> Self {
        let worse = if MAX { x.le(self.value) } else { x.ge(self.value) };
        let wins = !(worse | self.value.is_nan());
        Self { value: V::select(wins, x, self.value), index: V::select(wins, index, self.index) }
    }
}

/// Whether `(x, i)` beats `(best, at)` where the indices come in any order.
#[inline(always)]
fn beats<T: Real, const MAX: bool>(x: T, i: u32, best: T, at: u32) -> bool {
    match (x.is_nan(), best.is_nan()) {
        (true, true) => i < at,
        (x_is_nan, false) if x_is_nan => true,
        (_, true) => false,
        _ if x == best => i < at,
        _ => (x > best) == MAX,
    }
}

struct Rows<'a, T, const MAX: bool> {
    x: &'a [T],
    size: usize,
    out: &'a mut [u32],
}

impl<T: Real, const MAX: bool> Kernel for Rows<'_, T, MAX> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (x, out) in self.x.chunks_exact(self.size).zip(self.out) {
            let (mut best, mut at) = (x[0], 0);
            for (s, span) in x.chunks(SPAN).enumerate() {
                let (value, i) = in_span::<I, T, MAX>(span);
                let i = i + (s * SPAN) as u32;
                if beats::<T, MAX>(value, i, best, at) {
                    (best, at) = (value, i);
                }
            }
            *out = at;
        }
    }
}

/// The best of up to [`SPAN`] elements.
#[inline(always)]
fn in_span<I: Isa, T: Real, const MAX: bool>(x: &[T]) -> (T, u32) {
    let n = T::Lanes::<I>::LANES;
    let (mut best, mut at) = (x[0], 0);
    let whole = x.len() / n * n;
    if whole > 0 {
        let lane: [T; MAX_LANES] = std::array::from_fn(T::from_usize);
        let mut index = T::Lanes::<I>::load(&lane);
        let step = T::Lanes::<I>::splat(T::from_usize(n));
        let mut lanes = Best { value: T::Lanes::<I>::load(x), index };
        for x in x[n..whole].chunks_exact(n) {
            index = index + step;
            lanes = lanes.offer::<MAX>(T::Lanes::<I>::load(x), index);
        }
        let (mut values, mut indices) = ([T::ZERO; MAX_LANES], [T::ZERO; MAX_LANES]);
        lanes.value.store(&mut values);
        lanes.index.store(&mut indices);
        for (&value, &index) in values[..n].iter().zip(&indices) {
            let index = index.to_f64() as u32;
            if beats::<T, MAX>(value, index, best, at) {
                (best, at) = (value, index);
            }
        }
    }
    for (i, &value) in x.iter().enumerate().skip(whole) {
        if beats::<T, MAX>(value, i as u32, best, at) {
            (best, at) = (value, i as u32);
        }
    }
    (best, at)
}

struct Columns<'a, T, const MAX: bool> {
    x: &'a [T],
    size: usize,
    inner: usize,
    out: &'a mut [u32],
}

impl<T: Real, const MAX: bool> Kernel for Columns<'_, T, MAX> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (n, inner) = (T::Lanes::<I>::LANES, self.inner);
        let planes = self.x.chunks_exact(self.size * inner);
        for (x, out) in planes.zip(self.out.chunks_exact_mut(inner)) {
            for (j, out) in (0..inner).step_by(n).zip(out.chunks_mut(n)) {
                let width = out.len();
                let mut best = [T::ZERO; MAX_LANES];
                for (s, span) in x.chunks(SPAN * inner).enumerate() {
                    let zero = T::Lanes::<I>::splat(T::ZERO);
                    let one = T::Lanes::<I>::splat(T::ONE);
                    let mut index = zero;
                    let value = T::Lanes::<I>::load_partial(&span[j..j + width], T::ZERO);
                    let mut lanes = Best { value, index };
                    for row in span.chunks_exact(inner).skip(1) {
                        index = index + one;
                        let value = T::Lanes::<I>::load_partial(&row[j..j + width], T::ZERO);
                        lanes = lanes.offer::<MAX>(value, index);
                    }
                    let (mut values, mut indices) = ([T::ZERO; MAX_LANES], [T::ZERO; MAX_LANES]);
                    lanes.value.store(&mut values);
                    lanes.index.store(&mut indices);
                    for lane in 0..width {
                        let i = indices[lane].to_f64() as u32 + (s * SPAN) as u32;
                        if s == 0 || beats::<T, MAX>(values[lane], i, best[lane], out[lane]) {
                            (best[lane], out[lane]) = (values[lane], i);
                        }
                    }
                }
            }
        }
    }
}
