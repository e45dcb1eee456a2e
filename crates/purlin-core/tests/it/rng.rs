//! Random streams: fixed values, independence, moments, saved positions, the doors that stay shut.

use proptest::prelude::*;
use purlin_core::rng::{Rng, RngState, Stream};
use rand::RngExt;

fn uniforms(rng: &mut Rng, n: usize) -> Vec<f64> {
    (0..n).map(|_| rng.uniform()).collect()
}

fn mean_and_variance(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let ((mx, vx), (my, vy)) = (mean_and_variance(x), mean_and_variance(y));
    let n = x.len() as f64;
    let covariance = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / n;
    covariance / (vx * vy).sqrt()
}

// The expected numbers below come from an independent program that follows the module's text:
// ChaCha8 on 32-bit words, the key mixing, and the formula of each draw.

#[test]
fn the_keystream_has_its_committed_values() {
    let stream = Stream::new(42, "test");
    let mut rng = stream.rng(3);
    assert_eq!(
        [rng.bits(), rng.bits(), rng.bits(), rng.bits()],
        [
            0x8a52_6972_056c_82f2,
            0x9b72_4282_41fa_6fc5,
            0xaa85_2033_1fd9_0448,
            0xcd2a_fb10_6aea_1942
        ]
    );
    let child = stream.child("a purpose of more than eight bytes");
    let mut rng = child.rng(u64::MAX);
    assert_eq!([rng.bits(), rng.bits()], [0x9d1a_8df7_6f86_881e, 0x665e_3e53_51ae_f2ee]);
    assert_eq!(stream.child_at(9).rng(0).bits(), 0xe2ae_77f0_7db3_8d04);
}

#[test]
fn draws_have_their_committed_values() {
    let stream = Stream::new(42, "test");
    assert_eq!(
        uniforms(&mut stream.rng(0), 3),
        [0.329_337_708_878_386_54, 0.490_855_047_487_567_9, 0.878_500_133_454_606_2]
    );
    let mut rng = stream.rng(1);
    assert_eq!(
        [rng.normal(), rng.normal(), rng.normal()],
        [1.123_985_050_442_756_9, -0.430_038_579_461_981_4, -1.198_755_755_634_904]
    );
    let mut rng = stream.rng(2);
    let below = [10, 10, 1000, (1 << 63) + 1, 1].map(|n| rng.below(n));
    assert_eq!(below, [9, 6, 526, 231_041_606_963_639_873, 0]);
    assert_eq!(stream.rng(4).permutation(10), [4, 3, 7, 6, 2, 9, 0, 1, 5, 8]);
}

#[test]
fn seeds_purposes_and_indices_are_independent() {
    const N: usize = 20_000;
    const BOUND: f64 = 4.0 / 141.0; // four standard errors of a correlation of 20,000 pairs
    let base = uniforms(&mut Stream::new(1, "a").rng(0), N);
    let mut others = [
        Stream::new(2, "a").rng(0),
        Stream::new(1, "b").rng(0),
        Stream::new(1, "a").rng(1),
        Stream::new(1, "a").child("").rng(0),
        Stream::new(1, "a").child_at(0).rng(0),
        Stream::new(1, "").rng(0),
    ];
    for (i, other) in others.iter_mut().enumerate() {
        let draws = uniforms(other, N);
        assert!(correlation(&base, &draws).abs() < BOUND, "stream {i} follows the first");
        assert!(base.iter().zip(&draws).all(|(a, b)| a != b), "stream {i} repeats a draw");
    }
}

#[test]
fn the_split_of_a_path_matters() {
    let whole = Stream::new(1, "abc");
    let paths = [
        Stream::new(1, "ab").child("c"),
        Stream::new(1, "a").child("bc"),
        Stream::new(1, "abc").child(""),
        Stream::new(1, "abc\0"),
    ];
    for (i, path) in paths.iter().enumerate() {
        assert_ne!(*path, whole, "path {i}");
    }
    assert_eq!(whole, Stream::new(1, "abc"));
}

#[test]
fn uniform_has_the_moments_and_buckets_of_its_law() {
    const N: usize = 100_000;
    let x = uniforms(&mut Stream::new(3, "moments").rng(0), N);
    let (mean, variance) = mean_and_variance(&x);
    assert!((mean - 0.5).abs() < 4.0 * (1.0f64 / 12.0 / N as f64).sqrt());
    assert!((variance - 1.0 / 12.0).abs() < 1e-3);
    let mut counts = [0usize; 64];
    for v in &x {
        counts[(v * 64.0) as usize] += 1;
    }
    let expected = N as f64 / 64.0;
    let chi2: f64 = counts.iter().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
    assert!(chi2 < 103.4, "chi-squared {chi2} of 63 degrees of freedom: p below 0.001");
}

#[test]
fn normal_has_the_moments_and_tails_of_its_law() {
    const N: usize = 100_000;
    let mut rng = Stream::new(3, "moments").rng(1);
    let x: Vec<f64> = (0..N).map(|_| rng.normal()).collect();
    let (mean, variance) = mean_and_variance(&x);
    assert!(mean.abs() < 4.0 / (N as f64).sqrt());
    assert!((variance - 1.0).abs() < 0.02);
    let kurtosis = x.iter().map(|v| v.powi(4)).sum::<f64>() / N as f64;
    assert!((kurtosis - 3.0).abs() < 0.12);
    let outside = x.iter().filter(|v| v.abs() > 1.959_963_985).count() as f64 / N as f64;
    assert!((outside - 0.05).abs() < 0.003);
}

#[test]
fn bernoulli_and_below_hit_their_frequencies() {
    const N: usize = 60_000;
    let mut rng = Stream::new(5, "frequencies").rng(0);
    let hits = (0..N).filter(|_| rng.bernoulli(0.3)).count() as f64;
    assert!((hits / N as f64 - 0.3).abs() < 0.008);
    assert!((0..100).all(|_| rng.bernoulli(1.0)));
    assert!(!(0..100).any(|_| rng.bernoulli(0.0)));
    let mut counts = [0usize; 6];
    for _ in 0..N {
        counts[rng.below(6)] += 1;
    }
    assert!(counts.iter().all(|&c| c.abs_diff(N / 6) < 400), "{counts:?}");
}

#[test]
fn weighted_choice_follows_its_weights() {
    let mut rng = Stream::new(6, "choice").rng(0);
    let weights = [0.0, 1.0, 3.0, 0.0, 4.0, 0.0];
    let mut counts = [0usize; 6];
    for _ in 0..40_000 {
        counts[rng.choice(&weights).unwrap()] += 1;
    }
    assert_eq!((counts[0], counts[3], counts[5]), (0, 0, 0));
    assert!(counts[1].abs_diff(5_000) < 300, "{counts:?}");
    assert!(counts[2].abs_diff(15_000) < 400, "{counts:?}");
    // Subnormal weights are weights too.
    assert_eq!(rng.choice(&[0.0, 5e-324]).unwrap(), 1);
}

#[test]
fn bad_weights_are_errors_with_the_value() {
    let mut rng = Stream::new(6, "choice").rng(0);
    let before = rng.clone();
    let mut text = |weights: &[f64]| rng.choice(weights).unwrap_err().to_string();
    let rule = "choice: weights must be finite and at least 0, got";
    assert_eq!(text(&[1.0, f64::NAN]), format!("{rule} NaN at index 1"));
    assert_eq!(text(&[-0.5]), format!("{rule} -0.5 at index 0"));
    assert_eq!(text(&[0.0, 1.0, f64::INFINITY]), format!("{rule} inf at index 2"));
    let rule = "choice: sum of weights must be positive and finite, got";
    assert_eq!(text(&[]), format!("{rule} 0 from 0 weights"));
    assert_eq!(text(&[0.0, 0.0]), format!("{rule} 0 from 2 weights"));
    assert_eq!(text(&[f64::MAX, f64::MAX]), format!("{rule} inf from 2 weights"));
    assert_eq!(rng, before, "a refused draw takes nothing from the stream");
}

#[test]
fn every_permutation_of_three_is_equally_likely() {
    let mut rng = Stream::new(8, "permutation").rng(0);
    let mut counts = [0usize; 27];
    for _ in 0..12_000 {
        let p = rng.permutation(3);
        counts[p[0] * 9 + p[1] * 3 + p[2]] += 1;
    }
    let seen: Vec<usize> = counts.into_iter().filter(|&c| c > 0).collect();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|&c| c.abs_diff(2_000) < 170), "{seen:?}");
}

#[test]
#[should_panic(expected = "below: n must be at least 1, got 0")]
fn below_zero_panics() {
    Stream::new(0, "door").rng(0).below(0);
}

#[test]
#[should_panic(expected = "bernoulli: p must be in [0, 1], got NaN")]
fn a_probability_that_is_none_panics() {
    Stream::new(0, "door").rng(0).bernoulli(f64::NAN);
}

#[test]
#[should_panic(expected = "uniform_in: lo must be at most hi, got lo 2 and hi 1")]
fn an_inverted_range_panics() {
    Stream::new(0, "door").rng(0).uniform_in(2.0, 1.0);
}

#[test]
#[should_panic(expected = "uniform_in: hi - lo must be finite")]
fn a_range_wider_than_the_numbers_panics() {
    Stream::new(0, "door").rng(0).uniform_in(f64::MIN, f64::MAX);
}

#[test]
fn rand_and_rand_distr_draw_from_the_same_keystream() {
    let stream = Stream::new(9, "rand");
    let (mut a, mut b) = (stream.rng(0), stream.rng(0));
    assert_eq!(a.random::<u64>(), b.bits());
    let exponential = rand_distr::Exp::new(2.0).unwrap();
    let x: Vec<f64> = (0..20_000).map(|_| a.sample(&exponential)).collect();
    let (mean, variance) = mean_and_variance(&x);
    assert!((mean - 0.5).abs() < 0.015);
    assert!((variance - 0.25).abs() < 0.03);
}

proptest! {
    #[test]
    fn a_saved_position_goes_on_with_the_same_draws(
        seed: u64, index: u64, skip in 0usize..600, bytes in 0usize..50,
    ) {
        let mut rng = Stream::new(seed, "saved").rng(index);
        for _ in 0..skip {
            let _: u32 = rng.random(); // odd counts leave the position between 64-bit words
        }
        rand::Rng::fill_bytes(&mut rng, &mut vec![0; bytes]);
        let state = rng.state();
        prop_assert_eq!(state.index, index);
        let mut resumed = Rng::from_state(RngState::from_array(state.to_array()));
        for _ in 0..100 {
            prop_assert_eq!(rng.bits(), resumed.bits());
        }
        prop_assert_eq!(rng.state(), resumed.state());
    }

    #[test]
    fn ranges_hold_their_draws(seed: u64, lo in -1e300f64..1e300, width in 0.0f64..1e300, n in 1usize..) {
        let mut rng = Stream::new(seed, "ranges").rng(0);
        let hi = lo + width;
        let x = rng.uniform_in(lo, hi);
        prop_assert!(lo <= x && (x < hi || lo == hi));
        prop_assert!(rng.below(n) < n);
        // So narrow that rounding would reach `hi`.
        let next = lo.next_up();
        prop_assert_eq!(rng.uniform_in(lo, next), lo);
    }

    #[test]
    fn a_permutation_holds_every_number_once(seed: u64, n in 0usize..200) {
        let mut p = Stream::new(seed, "permutation").rng(0).permutation(n);
        p.sort_unstable();
        prop_assert_eq!(p, (0..n).collect::<Vec<_>>());
    }
}
