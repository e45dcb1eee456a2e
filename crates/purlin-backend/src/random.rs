//! Arrays of random numbers from named streams.
//!
//! Array `index` of a stream is cut into blocks of 1024 items; block `b` is drawn from
//! `stream.child_at(index).rng(b)`. So an item's value depends on the stream, the index and its
//! place, never on the thread that drew it, and a longer array begins with the shorter one.

use crate::mono::once;
use crate::{Kernel, dispatch, math, parallel};
use purlin_core::Real;
use purlin_core::rng::{Rng, Stream};
use purlin_core::simd::{Isa, Lanes};
use std::f64::consts::TAU;

/// Items per block.
const BLOCK: usize = 1024;

#[track_caller]
fn fill<T: Real>(
    stream: &Stream,
    index: u64,
    out: &mut [T],
    draw: impl Fn(&mut Rng) -> T + Sync + Send,
) {
    let stream = stream.child_at(index);
    let work = out.len().saturating_mul(40);
    parallel::for_each_chunk(out, BLOCK, work, |block, out| {
        let mut rng = stream.rng(block as u64);
        for x in out {
            *x = draw(&mut rng);
        }
    });
}

/// Uniform numbers in `[lo, hi)`: where rounding to `T` reaches `hi`, the number below it.
///
/// # Panics
///
/// When `lo > hi` or `hi - lo` is not finite.
///
/// # Examples
///
/// ```
/// use purlin_backend::random::fill_uniform;
/// use purlin_core::rng::Stream;
///
/// let stream = Stream::new(1, "doc");
/// let (mut x, mut y) = ([0.0f32; 10], [0.0f32; 20]);
/// fill_uniform(&stream, 0, -1.0, 1.0, &mut x);
/// fill_uniform(&stream, 0, -1.0, 1.0, &mut y);
/// assert_eq!(x, y[..10]);
/// assert!(x.iter().all(|v| (-1.0..1.0).contains(v)));
/// ```
#[track_caller]
pub fn fill_uniform<T: Real>(stream: &Stream, index: u64, lo: f64, hi: f64, out: &mut [T]) {
    once!(|stream: &Stream, index: u64, lo: f64, hi: f64, out: &mut [T]| {
        assert!(lo <= hi, "fill_uniform: lo must be at most hi, got lo {lo} and hi {hi}");
        assert!((hi - lo).is_finite(), "fill_uniform: hi - lo must be finite, got {lo} and {hi}");
        fill(stream, index, out, |rng| {
            let x = T::from_f64(rng.uniform_in(lo, hi));
            if x.to_f64() >= hi && lo < hi { x.next_down() } else { x }
        });
    });
}

/// Normal numbers with the given mean and standard deviation, by the transform of Box and Muller
/// (1958) of two uniform numbers each, in double precision.
///
/// # Panics
///
/// When `std` is negative or NaN.
#[track_caller]
pub fn fill_normal<T: Real>(stream: &Stream, index: u64, mean: f64, std: f64, out: &mut [T]) {
    once!(|stream: &Stream, index: u64, mean: f64, std: f64, out: &mut [T]| {
        assert!(std >= 0.0, "fill_normal: std must be at least 0, got {std}");
        let stream = stream.child_at(index);
        let work = out.len().saturating_mul(40);
        parallel::for_each_chunk(out, BLOCK, work, |block, out| {
            let mut rng = stream.rng(block as u64);
            let (mut u, mut v) = ([0.0; BLOCK], [0.0; BLOCK]);
            for (u, v) in u.iter_mut().zip(&mut v).take(out.len()) {
                (*u, *v) = (rng.uniform(), rng.uniform());
            }
            let (u, v) = (&mut u[..out.len()], &v[..out.len()]);
            dispatch(BoxMuller { u, v, mean, std });
            for (x, &u) in out.iter_mut().zip(&*u) {
                *x = T::from_f64(u);
            }
        });
    });
}

/// `u = mean + std sqrt(-2 ln(1 - u)) cos(2 pi v)`
struct BoxMuller<'a> {
    u: &'a mut [f64],
    v: &'a [f64],
    mean: f64,
    std: f64,
}

impl Kernel for BoxMuller<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let splat = I::F64::splat;
        let n = I::F64::LANES;
        for (u, v) in self.u.chunks_mut(n).zip(self.v.chunks(n)) {
            let rest = splat(1.0) - I::F64::load_partial(u, 0.0);
            let radius = (splat(-2.0) * math::ln(rest)).sqrt();
            let angle = splat(TAU) * I::F64::load_partial(v, 0.0);
            let normal = radius * math::cos(angle);
            normal.mul_add(splat(self.std), splat(self.mean)).store_partial(u);
        }
    }
}

/// 1 with probability `p`, else 0: a mask.
///
/// # Panics
///
/// When `p` is outside `[0, 1]`.
#[track_caller]
pub fn fill_bernoulli<T: Real>(stream: &Stream, index: u64, p: f64, out: &mut [T]) {
    once!(|stream: &Stream, index: u64, p: f64, out: &mut [T]| {
        assert!((0.0..=1.0).contains(&p), "fill_bernoulli: p must be in [0, 1], got {p}");
        fill(stream, index, out, |rng| if rng.bernoulli(p) { 1.0 } else { 0.0 });
    });
}
