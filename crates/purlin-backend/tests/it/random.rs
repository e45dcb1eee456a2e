//! Random arrays: moments, prefixes, threads.

use crate::common::same_everywhere;
use purlin_backend::random::{fill_bernoulli, fill_mask, fill_normal, fill_uniform};
use purlin_core::rng::{Rng, Stream};

const N: usize = 200_000;

fn moments(x: &[f32]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    (mean, x.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n)
}

#[test]
fn draws_do_not_depend_on_threads_and_have_their_moments() {
    // Five standard errors of each estimate.
    let stream = Stream::new(3, "test");
    let normal = same_everywhere(|| {
        let mut x = vec![0.0f32; N];
        fill_normal(&stream, 1, 2.0, 3.0, &mut x);
        x
    });
    let (mean, var) = moments(&normal);
    let n = N as f64;
    assert!((mean - 2.0).abs() < 5.0 * 3.0 / n.sqrt(), "{mean}");
    assert!((var - 9.0).abs() < 5.0 * 9.0 * (2.0 / n).sqrt(), "{var}");
    let uniform = same_everywhere(|| {
        let mut x = vec![0.0f32; N];
        fill_uniform(&stream, 1, -1.0, 1.0, &mut x);
        x
    });
    let (mean, var) = moments(&uniform);
    assert!(mean.abs() < 5.0 * (1.0 / 3.0 / n).sqrt(), "{mean}");
    assert!((var - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / n).sqrt(), "{var}");
    let mask = same_everywhere(|| {
        let mut x = vec![0.5f32; N];
        fill_bernoulli(&stream, 1, 0.3, &mut x);
        x
    });
    assert!(mask.iter().all(|&m| m == 0.0 || m == 1.0));
    assert!((moments(&mask).0 - 0.3).abs() < 5.0 * (0.21 / n).sqrt());
}

#[test]
fn blocks_are_the_draws_of_their_generators() {
    let (stream, n) = (Stream::new(9, "test"), 2 * 1024 + 77);
    let draws = |draw: &mut dyn FnMut(&mut Rng) -> f64| -> Vec<f64> {
        let mut rngs: Vec<Rng> = (0..3).map(|block| stream.child_at(4).rng(block)).collect();
        (0..n).map(|i| draw(&mut rngs[i / 1024])).collect()
    };
    let filled = |fill: &(dyn Fn(&mut [f64]) + Sync)| {
        same_everywhere(|| {
            let mut x = vec![0.5; n];
            fill(&mut x);
            x
        })
    };
    let uniform = filled(&|x| fill_uniform(&stream, 4, -2.0, 7.0, x));
    assert_eq!(uniform, draws(&mut |rng| rng.uniform_in(-2.0, 7.0)));
    let third = 1.0 / 3.0;
    let mask = filled(&|x| fill_mask(&stream, 4, third, 1.5, x));
    assert_eq!(mask, draws(&mut |rng| if rng.bernoulli(third) { 1.5 } else { 0.0 }));
    let normal = filled(&|x| fill_normal(&stream, 4, 0.0, 1.0, x));
    for (x, y) in normal.iter().zip(draws(&mut Rng::normal)) {
        assert!((x - y).abs() <= 4.0 * f64::EPSILON * y.abs(), "{x} {y}"); // another logarithm
    }
}

#[test]
fn a_longer_array_begins_with_the_shorter_one_and_indices_differ() {
    let stream = Stream::new(3, "test");
    let draw = |index: u64, n: usize| {
        let mut x = vec![0.0f64; n];
        fill_normal(&stream, index, 0.0, 1.0, &mut x);
        x
    };
    assert_eq!(draw(0, 1500), draw(0, 5000)[..1500]);
    assert_ne!(draw(0, 10), draw(1, 10));
    assert_eq!(draw(0, 0), []);
}

#[test]
fn uniform_numbers_stay_below_the_end() {
    // One in 2^24 numbers of f64 rounds up to 1 in f32; an interval of few floats shows it sooner.
    let (lo, hi) = (1.0, 1.0 + 4.0 * f64::from(f32::EPSILON));
    let mut x = vec![0.0f32; 4000];
    fill_uniform(&Stream::new(5, "test"), 0, lo, hi, &mut x);
    assert!(x.iter().all(|&v| f64::from(v) >= lo && f64::from(v) < hi));
    assert!(x.iter().any(|&v| v > 1.0));
}

#[test]
fn certain_draws_are_certain() {
    let stream = Stream::new(0, "test");
    let mut x = [0.5f32; 40];
    fill_bernoulli(&stream, 0, 1.0, &mut x);
    assert_eq!(x, [1.0; 40]);
    fill_bernoulli(&stream, 0, 0.0, &mut x);
    assert_eq!(x, [0.0; 40]);
    fill_uniform(&stream, 0, 3.0, 3.0, &mut x);
    assert_eq!(x, [3.0; 40]);
    fill_normal(&stream, 0, -1.0, 0.0, &mut x);
    assert_eq!(x, [-1.0; 40]);
}

#[test]
#[should_panic(expected = "fill_bernoulli: p must be in [0, 1], got NaN")]
fn a_probability_must_be_one() {
    fill_bernoulli(&Stream::new(0, "test"), 0, f64::NAN, &mut [0.0f32]);
}
