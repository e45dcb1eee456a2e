//! Arrays of random numbers from named streams.
//!
//! Array `index` of a stream is cut into blocks of 1024 items; block `b` is drawn from
//! `stream.child_at(index).rng(b)`. So an item's value depends on the stream, the index and its
//! place, never on the thread that drew it, and a longer array begins with the shorter one.

mod draw;
mod keystream;

use crate::mono::once;
use crate::{dispatch, parallel};
use draw::{BLOCK, Block, Draw, Mask, Normal, Uniform};
use purlin_core::Real;
use purlin_core::rng::Stream;

fn fill<T: Real, D: Draw<T>>(stream: &Stream, index: u64, draw: D, out: &mut [T]) {
    let key = stream.child_at(index).key();
    let work = out.len().saturating_mul(10 * D::WORDS);
    parallel::for_each_chunk(out, BLOCK, work, |block, out| {
        dispatch(Block { key, index: block as u64, draw, out });
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
        let last = T::from_f64(hi.next_down());
        let last = if last.to_f64() >= hi { last.next_down() } else { last };
        fill(stream, index, Uniform { lo, hi, last }, out);
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
        fill(stream, index, Normal { mean, std }, out);
    });
}

/// 1 with probability `p`, else 0: a mask.
///
/// # Panics
///
/// When `p` is outside `[0, 1]`.
#[track_caller]
pub fn fill_bernoulli<T: Real>(stream: &Stream, index: u64, p: f64, out: &mut [T]) {
    mask("fill_bernoulli", stream, index, p, T::ONE, out);
}

/// `value` with probability `p`, else 0: [`fill_bernoulli`] times `value`.
///
/// # Panics
///
/// When `p` is outside `[0, 1]`.
///
/// # Examples
///
/// ```
/// use purlin_backend::random::fill_mask;
/// use purlin_core::rng::Stream;
///
/// let mut mask = [1.0f32; 100];
/// fill_mask(&Stream::new(1, "doc"), 0, 0.75, 4.0 / 3.0, &mut mask);
/// assert!(mask.iter().all(|&x| x == 0.0 || x == 4.0 / 3.0));
/// ```
#[track_caller]
pub fn fill_mask<T: Real>(stream: &Stream, index: u64, p: f64, value: T, out: &mut [T]) {
    mask("fill_mask", stream, index, p, value, out);
}

#[track_caller]
fn mask<T: Real>(op: &str, stream: &Stream, index: u64, p: f64, value: T, out: &mut [T]) {
    once!(|op: &str, stream: &Stream, index: u64, p: f64, value: T, out: &mut [T]| {
        assert!((0.0..=1.0).contains(&p), "{op}: p must be in [0, 1], got {p}");
        fill(stream, index, Mask::new(p, value), out);
    });
}
