//! Sequences from models that score the next symbol: one after the other by chance, or the best by
//! search.

use purlin_core::rng::Rng;
use purlin_core::{Error, Real, Result};
use purlin_tensor::{Tensor, no_grad};

/// A model that goes through sequences step by step, with all that it remembers of them.
pub trait Decoder<T: Real = f32> {
    /// Goes on by one symbol in each sequence; scores (logits) of the next, `(sequences, symbols)`.
    fn step(&mut self, symbols: &[usize]) -> Tensor<T>;

    /// Goes on with these sequences, each as often as it is named. Only [`beam_search`] asks.
    fn select(&mut self, sequences: &[usize]);
}

/// How a symbol is drawn from its scores.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::decode::Sampler;
///
/// let (scores, mut rng) = ([1.0f32, 3.0, 2.0, -1.0], Stream::new(0, "sample").rng(0));
/// assert_eq!(Sampler::greedy().pick(&scores, &mut rng)?, 1);
/// let two = Sampler::new().temperature(0.8).top_k(2);
/// assert!((0..50).all(|_| [1, 2].contains(&two.pick(&scores, &mut rng).unwrap())));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - A. Fan, M. Lewis, Y. Dauphin, *Hierarchical neural story generation*, ACL 2018, for the best
///   `k`.
/// - A. Holtzman et al., *The curious case of neural text degeneration*, ICLR 2020, for the nucleus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    temperature: f64,
    top_k: Option<usize>,
    top_p: f64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler {
    /// Each symbol with its probability.
    pub fn new() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0 }
    }

    /// Always the symbol with the highest score, of equals the first.
    pub fn greedy() -> Self {
        Self { top_k: Some(1), ..Self::new() }
    }

    /// Divides scores by this: below 1 likely symbols become likelier.
    ///
    /// # Panics
    ///
    /// Unless it is finite and above 0.
    #[must_use]
    #[track_caller]
    pub fn temperature(mut self, temperature: f64) -> Self {
        crate::layers::positive("sampler", "temperature", temperature);
        self.temperature = temperature;
        self
    }

    /// Draws from the `k` best symbols alone.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn top_k(mut self, k: usize) -> Self {
        crate::layers::at_least_one("sampler", "top_k", k);
        self.top_k = Some(k);
        self
    }

    /// Draws from the fewest best symbols whose probabilities sum up to `p` (the nucleus).
    ///
    /// # Panics
    ///
    /// Unless `0 < p <= 1`.
    #[must_use]
    #[track_caller]
    pub fn top_p(mut self, p: f64) -> Self {
        let is_met = p > 0.0 && p <= 1.0;
        assert!(is_met, "{}", Error::param("sampler", "top_p", "above 0 and at most 1", p));
        self.top_p = p;
        self
    }

    /// Draws a symbol.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there is no score, [`Error::InvalidParam`] when one is NaN or infinite.
    pub fn pick<T: Real>(&self, scores: &[T], rng: &mut Rng) -> Result<usize> {
        if scores.is_empty() {
            return Err(Error::shape("sampler", "at least 1 score", 0));
        }
        if let Some((symbol, score)) = scores.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            let got = format!("{score} for symbol {symbol}");
            return Err(Error::param("sampler", "scores", "finite", got));
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        // A stable sort: of equals the first.
        order.sort_by(|&a, &b| scores[b].to_f64().total_cmp(&scores[a].to_f64()));
        order.truncate(self.top_k.unwrap_or(order.len()));
        let best = scores[order[0]].to_f64();
        let share =
            |&symbol: &usize| libm::exp((scores[symbol].to_f64() - best) / self.temperature);
        let mut shares: Vec<f64> = order.iter().map(share).collect();
        if self.top_p < 1.0 {
            let enough = self.top_p * shares.iter().sum::<f64>();
            let mut sum = 0.0;
            let n = shares.iter().position(|share| {
                sum += share;
                sum >= enough
            });
            shares.truncate(n.map_or(shares.len(), |n| n + 1));
        }
        let mut target = rng.uniform() * shares.iter().sum::<f64>();
        for (share, &symbol) in shares.iter().zip(&order) {
            target -= share;
            if target < 0.0 {
                return Ok(symbol);
            }
        }
        Ok(order[shares.len() - 1])
    }
}

/// Reads `prompt` and writes `n` symbols after it.
///
/// # Errors
///
/// [`Error::Shape`] when the prompt is empty, or the decoder does not give one row of scores; and as
/// [`Sampler::pick`].
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::decode::{Decoder, Sampler, generate};
/// use purlin_tensor::Tensor;
///
/// /// Counts up to 9 and begins again.
/// struct Counter;
///
/// impl Decoder for Counter {
///     fn step(&mut self, symbols: &[usize]) -> Tensor {
///         let next = (symbols[0] + 1) % 10;
///         Tensor::from_fn([1, 10], |i| if i == next { 1.0 } else { 0.0 })
///     }
///     fn select(&mut self, _: &[usize]) {}
/// }
///
/// let mut rng = Stream::new(0, "text").rng(0);
/// assert_eq!(generate(&mut Counter, &[7], 4, &Sampler::greedy(), &mut rng)?, [8, 9, 0, 1]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn generate<T: Real>(
    decoder: &mut (impl Decoder<T> + ?Sized),
    prompt: &[usize],
    n: usize,
    sampler: &Sampler,
    rng: &mut Rng,
) -> Result<Vec<usize>> {
    write(decoder, prompt, n, None, sampler, rng)
}

/// As [`generate`], but stops after the symbol `end`, which is the last of the result then; after
/// `max` symbols without.
///
/// # Errors
///
/// As [`generate`].
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::decode::{Decoder, Sampler, generate_until};
/// use purlin_tensor::Tensor;
///
/// /// Counts up.
/// struct Counter;
///
/// impl Decoder for Counter {
///     fn step(&mut self, symbols: &[usize]) -> Tensor {
///         Tensor::from_fn([1, 10], |i| if i == symbols[0] + 1 { 1.0 } else { 0.0 })
///     }
///     fn select(&mut self, _: &[usize]) {}
/// }
///
/// let (greedy, mut rng) = (Sampler::greedy(), Stream::new(0, "text").rng(0));
/// assert_eq!(generate_until(&mut Counter, &[2], 9, 5, &greedy, &mut rng)?, [3, 4, 5]);
/// assert_eq!(generate_until(&mut Counter, &[2], 2, 5, &greedy, &mut rng)?, [3, 4]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn generate_until<T: Real>(
    decoder: &mut (impl Decoder<T> + ?Sized),
    prompt: &[usize],
    max: usize,
    end: usize,
    sampler: &Sampler,
    rng: &mut Rng,
) -> Result<Vec<usize>> {
    write(decoder, prompt, max, Some(end), sampler, rng)
}

fn write<T: Real>(
    decoder: &mut (impl Decoder<T> + ?Sized),
    prompt: &[usize],
    max: usize,
    end: Option<usize>,
    sampler: &Sampler,
    rng: &mut Rng,
) -> Result<Vec<usize>> {
    if prompt.is_empty() {
        return Err(Error::shape("generate", "a prompt of at least 1 symbol", 0));
    }
    no_grad(|| {
        let mut scores = None;
        for &symbol in prompt {
            scores = Some(decoder.step(&[symbol]));
        }
        let mut written = Vec::new();
        while written.len() < max {
            let Some(last) = &scores else { break };
            n_symbols("generate", last, 1)?;
            let symbol = sampler.pick(last.data(), rng)?;
            written.push(symbol);
            if Some(symbol) == end {
                break;
            }
            if written.len() < max {
                scores = Some(decoder.step(&[symbol]));
            }
        }
        Ok(written)
    })
}

/// The number of symbols, if there is a row of scores for each sequence.
fn n_symbols<T: Real>(op: &'static str, scores: &Tensor<T>, sequences: usize) -> Result<usize> {
    match *scores.dims() {
        [rows, n] if rows == sequences && n > 0 => Ok(n),
        _ => Err(Error::shape(op, format!("scores ({sequences}, symbols)"), scores.shape())),
    }
}

/// How [`beam_search`] goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeamSearch {
    /// Sequences that are kept at a time.
    pub width: usize,
    /// The most symbols of a sequence.
    pub max_steps: usize,
    /// The symbol that ends a sequence, if one does.
    pub end: Option<usize>,
    /// Sequences compete by the logarithm of their probability over their length to this power: 0
    /// for the probability itself, 1 for its mean per symbol.
    pub length_penalty: f64,
}

/// A sequence that [`beam_search`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The symbols, with that which ends it.
    pub symbols: Vec<usize>,
    /// The logarithm of its probability.
    pub log_prob: f64,
    /// What it competed by.
    pub score: f64,
}

/// The likeliest sequences after `first`, by a search that keeps the best `width` of each length;
/// the best first. `decoder` stands before the first symbol of one sequence.
///
/// # Errors
///
/// [`Error::InvalidParam`] when `width` or `max_steps` is 0, the penalty is not in 0..=8, or a
/// score is NaN; [`Error::Shape`] when the decoder does not give a row of scores for each sequence.
///
/// # Examples
///
/// ```
/// use purlin_nn::decode::{BeamSearch, Decoder, beam_search};
/// use purlin_tensor::Tensor;
///
/// /// Scores that depend on the last symbol.
/// struct Table(Tensor<f64>);
///
/// impl Decoder<f64> for Table {
///     fn step(&mut self, symbols: &[usize]) -> Tensor<f64> {
///         self.0.index_select(0, symbols)
///     }
///     fn select(&mut self, _: &[usize]) {}
/// }
///
/// // The likelier first step (1) leads to less likely second ones.
/// let probs = [[0.1, 0.5, 0.4], [0.4, 0.3, 0.3], [0.05, 0.05, 0.9]];
/// let mut table = Table(Tensor::from(probs).ln());
/// let search = BeamSearch { width: 2, max_steps: 2, end: None, length_penalty: 0.0 };
/// let found = beam_search(&mut table, 0, &search)?;
/// assert_eq!(found[0].symbols, [2, 2]);
/// assert!((found[0].log_prob - (0.4f64 * 0.9).ln()).abs() < 1e-12);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn beam_search<T: Real>(
    decoder: &mut (impl Decoder<T> + ?Sized),
    first: usize,
    search: &BeamSearch,
) -> Result<Vec<Hypothesis>> {
    const OP: &str = "beam_search";
    let &BeamSearch { width, max_steps, end, length_penalty } = search;
    for (name, value) in [("width", width), ("max_steps", max_steps)] {
        if value == 0 {
            return Err(Error::param(OP, name, "at least 1", value));
        }
    }
    if !(0.0..=8.0).contains(&length_penalty) {
        return Err(Error::param(OP, "length_penalty", "in 0..=8", length_penalty));
    }
    let hypothesis = |symbols: Vec<usize>, log_prob: f64| {
        let score = log_prob / libm::pow(symbols.len().max(1) as f64, length_penalty);
        Hypothesis { symbols, log_prob, score }
    };
    let by_score = |a: &Hypothesis, b: &Hypothesis| b.score.total_cmp(&a.score);
    no_grad(|| {
        let (mut open, mut done) = (vec![hypothesis(Vec::new(), 0.0)], Vec::new());
        for _ in 0..max_steps {
            let last: Vec<usize> =
                open.iter().map(|h| h.symbols.last().copied().unwrap_or(first)).collect();
            let log_probs = decoder.step(&last).log_softmax(-1);
            let n = n_symbols(OP, &log_probs, open.len())?;
            if let Some(log_prob) = log_probs.data().iter().find(|log_prob| log_prob.is_nan()) {
                return Err(Error::param(OP, "score", "a number", log_prob));
            }
            // All have one length: the likeliest have the best scores. A stable sort: of equals the
            // first.
            let all = log_probs.data().iter().enumerate();
            let mut best: Vec<(usize, f64)> =
                all.map(|(at, p)| (at, open[at / n].log_prob + p.to_f64())).collect();
            best.sort_by(|a, b| b.1.total_cmp(&a.1));
            best.truncate(width);
            let mut next: Vec<(usize, Hypothesis)> = Vec::with_capacity(best.len());
            for (at, log_prob) in best {
                let (from, symbol) = (at / n, at % n);
                let mut symbols = open[from].symbols.clone();
                symbols.push(symbol);
                next.push((from, hypothesis(symbols, log_prob)));
            }
            let is_done =
                |(_, h): &(usize, Hypothesis)| end.is_some() && h.symbols.last() == end.as_ref();
            done.extend(next.iter().filter(|x| is_done(x)).map(|(_, h)| h.clone()));
            next.retain(|x| !is_done(x));
            done.sort_by(by_score);
            done.truncate(width);
            if next.is_empty() {
                open.clear();
                break;
            }
            decoder.select(&next.iter().map(|(from, _)| *from).collect::<Vec<_>>());
            open = next.into_iter().map(|(_, h)| h).collect();
        }
        done.extend(open);
        done.sort_by(by_score);
        done.truncate(width);
        Ok(done)
    })
}
