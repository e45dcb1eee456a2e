//! Models that judge a sentence from its words.

use clap::ValueEnum;
use purlin::core::rng::Stream;
use purlin::core::{Result, Shape};
use purlin::nn::layers::{Conv1d, Dropout, Embedding, Gru, Linear, Padding};
use purlin::nn::{Activation, Context, Forward, Init, Module};
use purlin::tensor::{Tensor, dropout_mask};

/// What fills short sentences up, and what stands for words that training has not seen.
pub(crate) const PADDING: usize = 0;
pub(crate) const UNKNOWN: usize = 1;

/// What becomes of the vectors of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Their mean.
    Average,
    /// Windows of 3, 4 and 5 words, the greatest answer of each (Kim 2014).
    Cnn,
    /// Gated recurrent units, from the first word on and from the last, averaged.
    Gru,
}

/// How large a model is, and how much it forgets in training.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) words: usize,
    pub(crate) features: usize,
    pub(crate) hidden: usize,
    pub(crate) dropout: f64,
    pub(crate) word_dropout: f64,
}

/// Words to vectors, vectors to one, one to a score: above 0 for praise.
#[derive(Module)]
pub(crate) struct Judge {
    embedding: Embedding,
    convs: Vec<Conv1d>,
    gru: Option<Gru>,
    dropout: Dropout,
    head: Linear,
    #[module(skip)]
    word_dropout: f64,
}

impl Judge {
    pub(crate) fn new(kind: Kind, sizes: Sizes, stream: &Stream) -> Self {
        let Sizes { words, features, hidden, dropout, word_dropout } = sizes;
        let narrow = Init::Normal { mean: 0.0, std: 0.1 };
        let conv = |width: usize| {
            Conv1d::new(features, hidden, width, &stream.child("conv").child_at(width as u64))
                .padding(Padding::Same)
                .activation(Activation::Relu)
        };
        let (convs, gru, width): (Vec<Conv1d>, _, _) = match kind {
            Kind::Average => (Vec::new(), None, features),
            Kind::Cnn => ([3, 4, 5].map(conv).into(), None, 3 * hidden),
            Kind::Gru => {
                let gru = Gru::new(features, hidden, &stream.child("gru")).bidirectional(true);
                (Vec::new(), Some(gru), 2 * hidden)
            }
        };
        Self {
            embedding: Embedding::new(words, features, &stream.child("embedding"))
                .init(narrow)
                .padding_index(PADDING),
            convs,
            gru,
            dropout: Dropout::new(dropout),
            head: Linear::new(width, 1, &stream.child("head")),
            word_dropout,
        }
    }

    /// In training some words are hidden, so that no single one decides.
    fn hide(&self, words: &Tensor, ctx: &mut Context) -> Tensor {
        if self.word_dropout == 0.0 || !ctx.is_training() {
            return words.clone();
        }
        let hidden = dropout_mask(*words.shape(), self.word_dropout, &ctx.stream()).eq_scalar(0.0);
        let is_word = words.ne_scalar(PADDING as f64);
        words.masked_fill(&(hidden * is_word), UNKNOWN as f64)
    }
}

impl Forward for Judge {
    /// `(batch, words)`, numbers of words with padding behind, to `(batch, 1)`.
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let length = |row: &[f32]| row.iter().filter(|&&word| word != PADDING as f32).count();
        let lengths: Vec<usize> = x.data().chunks(x.dims()[1]).map(length).collect();
        // No more columns than the longest sentence of the batch needs.
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
        let words = self.hide(&x.slice(1, ..longest), ctx);
        let x = self.dropout.forward(&self.embedding.forward(&words, ctx), ctx);
        let mean = |x: &Tensor| {
            let counts: Vec<f32> = lengths.iter().map(|&n| n.max(1) as f32).collect();
            x.sum_axis(1, false) / Tensor::from_slice(&counts).reshape([counts.len(), 1])
        };
        let features = if let Some(gru) = &self.gru {
            mean(&gru.run(&x, None, Some(&lengths), ctx).0)
        } else if self.convs.is_empty() {
            mean(&x)
        } else {
            // Answers of ReLU are at least 0, so a 0 behind the sentence is never the greatest alone.
            let is_word = |i: usize| if i % longest < lengths[i / longest] { 1.0 } else { 0.0 };
            let mask = Tensor::from_fn([lengths.len(), longest, 1], is_word);
            let most = |conv: &Conv1d| (conv.forward(&x, ctx) * &mask).max_axis(1, false);
            let all: Vec<Tensor> = self.convs.iter().map(most).collect();
            Tensor::concat(&all.iter().collect::<Vec<_>>(), 1)
        };
        self.head.forward(&self.dropout.forward(&features, ctx), ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(Shape::from([input[0], 1]))
    }
}
