//! How much of a translation is in its references.

use purlin_core::{Error, Result};
use std::collections::BTreeMap;

const OP: &str = "bleu";

/// BLEU: the geometric mean of the shares of n-grams that occur in a reference, times a penalty for
/// brevity, over a whole corpus.
///
/// An n-gram counts at most as often as it occurs in the reference that has it most often. With `c`
/// the length of all candidates and `r` that of their references (of several, the one nearest in
/// length, the shorter of two), the penalty is `exp(1 - r / c)` where `c < r`, else 1. The value is
/// in 0..=1; papers often write it as a percentage. It is 0 as soon as no n-gram of one size
/// matches, which [`Bleu::smooth`] softens.
///
/// Symbols are whatever can be compared: words, numbers of a vocabulary. Values of different ways
/// to cut a text into symbols are not comparable.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::Bleu;
///
/// let words = |text: &'static str| text.split(' ').collect::<Vec<_>>();
/// let mut bleu = Bleu::new();
/// bleu.update(&words("the cat sat on the mat"), &[words("the cat sat on a mat")])?;
/// // 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples
/// let expected = (5.0 / 6.0 * 3.0 / 5.0 * 2.0 / 4.0 * 1.0 / 3.0f64).powf(0.25);
/// assert!((bleu.value().unwrap() - expected).abs() < 1e-12);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, *BLEU: a method for automatic evaluation of machine
///   translation*, ACL 2002.
/// - C.-Y. Lin, F. J. Och, *ORANGE: a method for evaluating automatic evaluation metrics for machine
///   translation*, COLING 2004, for the smoothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bleu {
    is_smooth: bool,
    /// Of each size from 1: n-grams that match, and all n-grams of candidates.
    matches: Vec<u64>,
    totals: Vec<u64>,
    candidate_length: u64,
    reference_length: u64,
}

impl Default for Bleu {
    fn default() -> Self {
        Self::new()
    }
}

impl Bleu {
    /// N-grams of sizes 1 to 4, no smoothing.
    pub fn new() -> Self {
        Self::of_order(4)
    }

    /// N-grams of sizes 1 to `order`.
    ///
    /// # Panics
    ///
    /// When `order` is 0.
    #[track_caller]
    pub fn of_order(order: usize) -> Self {
        assert!(order >= 1, "bleu: order must be at least 1, got {order}");
        Self {
            is_smooth: false,
            matches: vec![0; order],
            totals: vec![0; order],
            candidate_length: 0,
            reference_length: 0,
        }
    }

    /// Adds 1 to matches and n-grams of every size above 1, so that short corpora are not all 0.
    #[must_use]
    pub fn smooth(mut self) -> Self {
        self.is_smooth = true;
        self
    }

    /// Takes a candidate and the references that it is compared with.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] without a reference. Nothing is counted then.
    pub fn update<S: Ord>(
        &mut self,
        candidate: &[S],
        references: &[impl AsRef<[S]>],
    ) -> Result<()> {
        let distance = |length: usize| (length.abs_diff(candidate.len()), length);
        let lengths = references.iter().map(|reference| reference.as_ref().len());
        let Some(nearest) = lengths.min_by_key(|&length| distance(length)) else {
            return Err(Error::param(OP, "references", "at least one", "none"));
        };
        self.candidate_length += candidate.len() as u64;
        self.reference_length += nearest as u64;
        for (n, (matches, total)) in self.matches.iter_mut().zip(&mut self.totals).enumerate() {
            let mut most: BTreeMap<&[S], u64> = BTreeMap::new();
            for reference in references {
                for (gram, count) in counts(reference.as_ref(), n + 1) {
                    let most = most.entry(gram).or_default();
                    *most = count.max(*most);
                }
            }
            for (gram, count) in counts(candidate, n + 1) {
                *total += count;
                *matches += most.get(gram).map_or(0, |&most| count.min(most));
            }
        }
        Ok(())
    }

    /// The share of matching n-grams of each size; `None` before the first candidate.
    ///
    /// Without n-grams of a size it is 0, smoothed 1.
    pub fn precisions(&self) -> Option<Vec<f64>> {
        let share = |(n, (&matches, &total)): (usize, (&u64, &u64))| {
            let more = u64::from(self.is_smooth && n > 0);
            if total + more == 0 { 0.0 } else { (matches + more) as f64 / (total + more) as f64 }
        };
        let shares = self.matches.iter().zip(&self.totals).enumerate().map(share);
        self.is_filled().then(|| shares.collect())
    }

    /// The factor for candidates shorter than their references; `None` before the first candidate.
    pub fn brevity_penalty(&self) -> Option<f64> {
        let (c, r) = (self.candidate_length as f64, self.reference_length as f64);
        // Of no length at all, r / c is infinite and the factor 0.
        let factor = if c < r { libm::exp(1.0 - r / c) } else { 1.0 };
        self.is_filled().then_some(factor)
    }

    /// The score; `None` before the first candidate.
    pub fn value(&self) -> Option<f64> {
        let precisions = self.precisions()?;
        // The logarithm of 0 is -inf, and its exponential 0.
        let logs: f64 = precisions.iter().map(|&p| libm::log(p)).sum();
        Some(self.brevity_penalty()? * libm::exp(logs / precisions.len() as f64))
    }

    /// Begins again.
    pub fn reset(&mut self) {
        self.matches.fill(0);
        self.totals.fill(0);
        (self.candidate_length, self.reference_length) = (0, 0);
    }

    fn is_filled(&self) -> bool {
        self.candidate_length + self.reference_length > 0
    }
}

/// How often each n-gram occurs.
fn counts<S: Ord>(symbols: &[S], n: usize) -> BTreeMap<&[S], u64> {
    let mut counts = BTreeMap::new();
    for gram in symbols.windows(n) {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}
