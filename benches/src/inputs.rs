//! The portable generator of inputs: every library gets the same numbers.

use std::f64::consts::PI;

/// The first `n` outputs of splitmix64.
pub(crate) fn splitmix64(seed: u64, n: usize) -> impl Iterator<Item = u64> {
    (1..=n as u64).map(move |i| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// `n` numbers in [0, 1).
pub(crate) fn uniform(seed: u64, n: usize) -> Vec<f64> {
    splitmix64(seed, n).map(|out| (out >> 11) as f64 * 2f64.powi(-53)).collect()
}

/// `n` standard normal numbers, by Box and Muller in pairs.
pub(crate) fn normal(seed: u64, n: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(n + 1);
    for pair in uniform(seed, n + n % 2).chunks_exact(2) {
        let r = (-2.0 * (-pair[0]).ln_1p()).sqrt();
        let angle = 2.0 * PI * pair[1];
        out.extend([r * angle.cos(), r * angle.sin()]);
    }
    out.truncate(n);
    out
}

/// `n` integers below `k`.
pub(crate) fn integers(seed: u64, n: usize, k: u64) -> Vec<usize> {
    splitmix64(seed, n).map(|out| (out % k) as usize).collect()
}

/// Rounded to single precision.
pub(crate) fn to_f32(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&v| v as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_test_vector() {
        let bits: Vec<u64> = splitmix64(1, 3).collect();
        assert_eq!(bits, [0x910a_2dec_8902_5cc1, 0xbeeb_8da1_658e_ec67, 0xf893_a2ee_fb32_555e]);
        assert_eq!(
            uniform(1, 3),
            [0.566_561_575_172_280_9, 0.745_781_757_262_701_1, 0.971_002_753_586_796_2]
        );
        let expected =
            [-0.034_267_321_791_851_144, -1.292_608_533_237_318_5, -2.500_067_493_369_867_7];
        for (a, b) in normal(1, 3).into_iter().zip(expected) {
            assert!((a - b).abs() < 1e-14, "{a} {b}");
        }
    }
}
