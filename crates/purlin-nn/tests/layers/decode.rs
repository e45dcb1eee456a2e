//! Decoding: draws, and the search for the likeliest sequence.

use proptest::prelude::*;
use purlin_core::rng::Stream;
use purlin_nn::decode::{BeamSearch, Decoder, Sampler, beam_search, generate};
use purlin_tensor::Tensor;

/// Scores that depend on the last two symbols, and a memory that must follow the search.
#[derive(Clone)]
struct Chain {
    scores: Tensor<f64>,
    n: usize,
    before: Vec<usize>,
}

impl Chain {
    fn new(n: usize, seed: u64) -> Self {
        let scores = Tensor::uniform([n * n, n], -2.0, 2.0, &Stream::new(seed, "chain"));
        Self { scores, n, before: vec![0] }
    }

    /// The logarithm of the probability of a sequence after 0.
    fn log_prob(&self, symbols: &[usize]) -> f64 {
        let log_probs = self.scores.log_softmax(-1);
        let (mut before, mut last, mut sum) = (0, 0, 0.0);
        for &symbol in symbols {
            sum += log_probs.data()[(before * self.n + last) * self.n + symbol];
            (before, last) = (last, symbol);
        }
        sum
    }
}

impl Decoder<f64> for Chain {
    fn step(&mut self, symbols: &[usize]) -> Tensor<f64> {
        let rows: Vec<usize> =
            self.before.iter().zip(symbols).map(|(before, last)| before * self.n + last).collect();
        self.before = symbols.to_vec();
        self.scores.index_select(0, &rows)
    }
    fn select(&mut self, sequences: &[usize]) {
        self.before = sequences.iter().map(|&i| self.before[i]).collect();
    }
}

fn sequences(n: usize, steps: usize) -> Vec<Vec<usize>> {
    let digits = |i: usize| (0..steps).map(|t| i / n.pow(t as u32) % n).collect();
    (0..n.pow(steps as u32)).map(digits).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// A beam as wide as there are sequences finds them all, in their order.
    #[test]
    fn a_wide_beam_is_exhaustive(n in 2usize..4, steps in 1usize..5, seed: u64) {
        let chain = Chain::new(n, seed);
        let mut all: Vec<f64> =
            sequences(n, steps).iter().map(|symbols| chain.log_prob(symbols)).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        let search =
            BeamSearch { width: all.len(), max_steps: steps, end: None, length_penalty: 0.0 };
        let found = beam_search(&mut chain.clone(), 0, &search).unwrap();
        prop_assert_eq!(found.len(), all.len());
        for (h, expected) in found.iter().zip(&all) {
            prop_assert!((h.log_prob - expected).abs() < 1e-12);
            prop_assert!((h.log_prob - chain.log_prob(&h.symbols)).abs() < 1e-12);
        }
    }

    /// The narrowest beam takes the likeliest symbol each time.
    #[test]
    fn a_beam_of_one_is_greedy(n in 2usize..6, steps in 1usize..8, seed: u64) {
        let chain = Chain::new(n, seed);
        let search = BeamSearch { width: 1, max_steps: steps, end: None, length_penalty: 0.0 };
        let found = beam_search(&mut chain.clone(), 0, &search).unwrap();
        let mut rng = Stream::new(seed, "draw").rng(0);
        let greedy =
            generate(&mut chain.clone(), &[0], steps, &Sampler::greedy(), &mut rng).unwrap();
        prop_assert_eq!(&found[0].symbols, &greedy);
    }

    /// Sequences end where they are told to, and compete with longer ones by their penalty.
    #[test]
    fn sequences_end(n in 2usize..5, seed: u64, penalty in 0.0f64..1.5) {
        let chain = Chain::new(n, seed);
        let search =
            BeamSearch { width: 4, max_steps: 6, end: Some(n - 1), length_penalty: penalty };
        let found = beam_search(&mut chain.clone(), 0, &search).unwrap();
        for h in &found {
            let end = h.symbols.iter().position(|&symbol| symbol == n - 1);
            prop_assert!(end.map_or(h.symbols.len() == 6, |at| at + 1 == h.symbols.len()));
            let score = h.log_prob / (h.symbols.len() as f64).powf(penalty);
            prop_assert!((h.score - score).abs() < 1e-12);
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
}

#[test]
fn symbols_come_with_their_probabilities() {
    let scores = [0.5f64, -1.0, 1.5, 0.0];
    let mut rng = Stream::new(1, "draw").rng(0);
    let temperature = 0.7;
    let sampler = Sampler::new().temperature(temperature);
    let mut counts = [0.0; 4];
    let n = 40_000;
    for _ in 0..n {
        counts[sampler.pick(&scores, &mut rng).unwrap()] += 1.0;
    }
    let shares = scores.map(|score| (score / temperature).exp());
    let sum: f64 = shares.iter().sum();
    for (count, share) in counts.iter().zip(shares) {
        let p = share / sum;
        let deviation = (count / f64::from(n) - p).abs() / (p * (1.0 - p) / f64::from(n)).sqrt();
        assert!(deviation < 4.5, "{count} of {n}, expected {p}");
    }
}

#[test]
fn the_nucleus_is_the_fewest_that_suffice() {
    // Probabilities 0.5, 0.3, 0.15, 0.05.
    let scores = [0.5f64, 0.3, 0.15, 0.05].map(f64::ln);
    let drawn = |p: f64| {
        let mut rng = Stream::new(2, "draw").rng(0);
        let mut seen = [false; 4];
        for _ in 0..500 {
            seen[Sampler::new().top_p(p).pick(&scores, &mut rng).unwrap()] = true;
        }
        seen
    };
    assert_eq!(drawn(0.4), [true, false, false, false]);
    assert_eq!(drawn(0.7), [true, true, false, false]);
    assert_eq!(drawn(0.94), [true, true, true, false]);
    assert_eq!(drawn(1.0), [true; 4]);
}

#[test]
fn bad_scores_are_refused() {
    let mut rng = Stream::new(2, "draw").rng(0);
    let text = |scores: &[f64]| {
        Sampler::new().pick(scores, &mut Stream::new(0, "r").rng(0)).unwrap_err().to_string()
    };
    assert_eq!(text(&[]), "sampler: expected at least 1 score, got 0");
    assert_eq!(text(&[0.0, f64::NAN]), "sampler: scores must be finite, got NaN for symbol 1");
    let err = generate(&mut Chain::new(2, 0), &[], 3, &Sampler::new(), &mut rng).unwrap_err();
    assert_eq!(err.to_string(), "generate: expected a prompt of at least 1 symbol, got 0");
    let none = BeamSearch { width: 0, max_steps: 1, end: None, length_penalty: 0.0 };
    let err = beam_search(&mut Chain::new(2, 0), 0, &none).unwrap_err();
    assert_eq!(err.to_string(), "beam_search: width must be at least 1, got 0");
}
