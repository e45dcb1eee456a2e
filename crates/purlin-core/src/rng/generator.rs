//! One generator of a stream and the draws it makes.

use crate::{Error, Result};
use rand::TryRng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use rand_distr::Distribution;
use std::convert::Infallible;
use std::f64::consts::TAU;

/// The generator of one index of a [`Stream`](super::Stream).
///
/// Every draw below is a fixed function of the keystream, made of integer arithmetic, correctly
/// rounded operations and the `libm` crate: the same on every system. Each takes its 64-bit words
/// in order, low half first.
///
/// It is also a generator in the sense of the `rand` crate (`rand::Rng` through `rand::TryRng`),
/// so code written for `rand` and every distribution of `rand_distr` can draw from it.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::{Rng, Stream};
///
/// let mut rng = Stream::new(7, "doc").rng(0);
/// let u = rng.uniform();
/// assert!((0.0..1.0).contains(&u));
///
/// let saved = rng.state();
/// let next = rng.below(100);
/// assert_eq!(Rng::from_state(saved).below(100), next);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng {
    chacha: ChaCha8Rng,
}

/// The position of an [`Rng`], in plain integers, for checkpoints.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::{RngState, Stream};
///
/// let state = Stream::new(7, "doc").rng(5).state();
/// assert_eq!((state.index, state.position), (5, 0));
/// assert_eq!(RngState::from_array(state.to_array()), state);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RngState {
    /// The key of the stream, as four little-endian words.
    pub key: [u64; 4],
    /// The index that the generator was made for.
    pub index: u64,
    /// How many 32-bit words of keystream have been used.
    pub position: u64,
}

impl RngState {
    /// `[key 0, key 1, key 2, key 3, index, position]`.
    pub fn to_array(self) -> [u64; 6] {
        let [a, b, c, d] = self.key;
        [a, b, c, d, self.index, self.position]
    }

    /// The inverse of [`RngState::to_array`].
    pub fn from_array([a, b, c, d, index, position]: [u64; 6]) -> Self {
        Self { key: [a, b, c, d], index, position }
    }
}

impl Rng {
    pub(super) fn from_key(key: [u8; 32], index: u64) -> Self {
        let mut chacha = ChaCha8Rng::from_seed(key);
        chacha.set_stream(index);
        Self { chacha }
    }

    /// The position, from which [`Rng::from_state`] goes on with the same draws.
    pub fn state(&self) -> RngState {
        let bytes = self.chacha.get_seed();
        let mut key = [0; 4];
        for (word, group) in key.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*group);
        }
        // 2^64 words are 64 EiB: no program draws that many.
        let position = self.chacha.get_word_pos() as u64;
        RngState { key, index: self.chacha.get_stream(), position }
    }

    /// The generator at a saved position.
    pub fn from_state(state: RngState) -> Self {
        let mut key = [0; 32];
        for (group, word) in key.as_chunks_mut::<8>().0.iter_mut().zip(state.key) {
            *group = word.to_le_bytes();
        }
        let mut rng = Self::from_key(key, state.index);
        rng.chacha.set_word_pos(u128::from(state.position));
        rng
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.chacha.next_u64()
    }

    /// Uniform in `[0, 1)`: a multiple of `2^-53`, from one 64-bit word.
    pub fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        (self.bits() >> 11) as f64 * UNIT
    }

    /// Uniform in `[lo, hi)`: `lo + (hi - lo) * uniform()`, and the number below `hi` where that
    /// rounds up to `hi`. `lo == hi` gives `lo`.
    ///
    /// # Panics
    ///
    /// When `lo > hi`, or when `hi - lo` is not finite.
    #[track_caller]
    pub fn uniform_in(&mut self, lo: f64, hi: f64) -> f64 {
        assert!(lo <= hi, "uniform_in: lo must be at most hi, got lo {lo} and hi {hi}");
        assert!(
            (hi - lo).is_finite(),
            "uniform_in: hi - lo must be finite, got lo {lo} and hi {hi}"
        );
        let x = lo + (hi - lo) * self.uniform();
        if x >= hi && lo < hi { hi.next_down() } else { x }
    }

    /// Standard normal, by the Box-Muller transform of two 64-bit words.
    ///
    /// `sqrt(-2 ln(1 - u)) cos(2 pi v)` with `u`, `v` uniform in `[0, 1)`. The sine of the pair
    /// is not kept: the position of the generator is then its whole state. The largest magnitude
    /// that can occur is 8.57.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(TAU * self.uniform())
    }

    /// `true` with probability `p`.
    ///
    /// # Panics
    ///
    /// When `p` is outside `[0, 1]` or NaN.
    #[track_caller]
    pub fn bernoulli(&mut self, p: f64) -> bool {
        assert!((0.0..=1.0).contains(&p), "bernoulli: p must be in [0, 1], got {p}");
        self.uniform() < p
    }

    /// Uniform in `0..n`, without bias, by Lemire's multiplication; takes 64-bit words, so 32-bit
    /// machines draw the same.
    ///
    /// # Panics
    ///
    /// When `n` is 0.
    #[track_caller]
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "below: n must be at least 1, got 0");
        let n = n as u64;
        let mut product = u128::from(self.bits()) * u128::from(n);
        if (product as u64) < n {
            let threshold = n.wrapping_neg() % n; // 2^64 mod n
            while (product as u64) < threshold {
                product = u128::from(self.bits()) * u128::from(n);
            }
        }
        (product >> 64) as usize
    }

    /// Puts `items` in a uniformly random order (Fisher-Yates, from the last item down).
    pub fn shuffle<X>(&mut self, items: &mut [X]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }

    /// The numbers `0..n` in a uniformly random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..n).collect();
        self.shuffle(&mut items);
        items
    }

    /// An index, drawn with probability proportional to its weight. Weights need not sum to 1.
    ///
    /// Weights are added from the first on; an index of weight 0 is never chosen.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when there are no weights, when one is negative, NaN or infinite,
    /// and when their sum is 0 or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    ///
    /// let mut rng = Stream::new(0, "doc").rng(0);
    /// assert_eq!(rng.choice(&[0.0, 2.5, 0.0])?, 1);
    /// let err = rng.choice(&[1.0, -1.0]).unwrap_err();
    /// assert_eq!(
    ///     err.to_string(),
    ///     "choice: weights must be finite and at least 0, got -1 at index 1"
    /// );
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn choice(&mut self, weights: &[f64]) -> Result<usize> {
        let mut total = 0.0;
        for (i, &w) in weights.iter().enumerate() {
            if !(w.is_finite() && w >= 0.0) {
                return Err(Error::param(
                    "choice",
                    "weights",
                    "finite and at least 0",
                    format!("{w} at index {i}"),
                ));
            }
            total += w;
        }
        if !(total.is_finite() && total > 0.0) {
            let got = format!("{total} from {} weights", weights.len());
            return Err(Error::param("choice", "sum of weights", "positive and finite", got));
        }
        let target = self.uniform() * total;
        let mut sum = 0.0;
        let mut last = 0;
        for (i, &w) in weights.iter().enumerate() {
            sum += w;
            if w > 0.0 {
                last = i;
                if target < sum {
                    break;
                }
            }
        }
        Ok(last)
    }

    /// A draw from any distribution of the `rand` family.
    ///
    /// The distribution computes with what its crate uses: some of `rand_distr` call `ln` or
    /// `exp` of the platform, whose last bit differs between systems. The draws above do not.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    ///
    /// let gamma = rand_distr::Gamma::new(2.0, 1.0).unwrap();
    /// let x: f64 = Stream::new(0, "doc").rng(0).sample(&gamma);
    /// assert!(x > 0.0);
    /// ```
    pub fn sample<X>(&mut self, distribution: &impl Distribution<X>) -> X {
        distribution.sample(self)
    }
}

impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.chacha.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.chacha.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.chacha.fill_bytes(bytes);
        Ok(())
    }
}
