//! Arrays of random numbers from named streams.
//!
//! Array `index` of a stream is cut into blocks of 1024 items; block `b` is drawn from
//! `stream.child_at(index).rng(b)`. So an item's value depends on the stream, the index and its
//! place, never on the thread that drew it, and a longer array begins with the shorter one.

use crate::mono::once;
use crate::parallel;
use purlin_core::Real;
use purlin_core::rng::{Rng, Stream};

/// Items per block.
const BLOCK: usize = 1024;

#[track_caller]
fn fill<T: Real>(
    stream: &Stream,
    index: u64,
    out: &mut [T],
    draw: impl Fn(&mut Rng) -> f64 + Sync + Send,
) {
    let stream = stream.child_at(index);
    let work = out.len().saturating_mul(40);
    parallel::for_each_chunk(out, BLOCK, work, |block, out| {
        let mut rng = stream.rng(block as u64);
        for x in out {
            *x = T::from_f64(draw(&mut rng));
        }
    });
}

/// Uniform numbers in `[lo, hi)`; rounding to `f32` may give `hi`.
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
/// assert!(x.iter().all(|v| (-1.0..=1.0).contains(v)));
/// ```
#[track_caller]
pub fn fill_uniform<T: Real>(stream: &Stream, index: u64, lo: f64, hi: f64, out: &mut [T]) {
    once!(|stream: &Stream, index: u64, lo: f64, hi: f64, out: &mut [T]| {
        assert!(lo <= hi, "fill_uniform: lo must be at most hi, got lo {lo} and hi {hi}");
        assert!((hi - lo).is_finite(), "fill_uniform: hi - lo must be finite, got {lo} and {hi}");
        fill(stream, index, out, |rng| rng.uniform_in(lo, hi));
    });
}

/// Normal numbers with the given mean and standard deviation.
///
/// # Panics
///
/// When `std` is negative or NaN.
#[track_caller]
pub fn fill_normal<T: Real>(stream: &Stream, index: u64, mean: f64, std: f64, out: &mut [T]) {
    once!(|stream: &Stream, index: u64, mean: f64, std: f64, out: &mut [T]| {
        assert!(std >= 0.0, "fill_normal: std must be at least 0, got {std}");
        fill(stream, index, out, |rng| rng.normal().mul_add(std, mean));
    });
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
        fill(stream, index, out, |rng| f64::from(u8::from(rng.bernoulli(p))));
    });
}
