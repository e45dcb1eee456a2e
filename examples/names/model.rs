//! A network that scores the next letter.

use purlin::core::rng::Stream;
use purlin::core::{Result, Shape};
use purlin::nn::decode::Decoder;
use purlin::nn::layers::{Dropout, Embedding, Gru, Linear, RecurrentState};
use purlin::nn::{Context, Forward, Module};
use purlin::tensor::Tensor;

/// Numbers of a letter's vector.
const FEATURES: usize = 32;

/// Letters to vectors, gated recurrent units, scores.
#[derive(Module)]
pub(crate) struct Speller {
    embedding: Embedding,
    gru: Gru,
    dropout: Dropout,
    head: Linear,
}

impl Speller {
    pub(crate) fn new(symbols: usize, hidden: usize, dropout: f64, stream: &Stream) -> Self {
        Self {
            embedding: Embedding::new(symbols, FEATURES, &stream.child("embedding")),
            gru: Gru::new(FEATURES, hidden, &stream.child("gru")),
            dropout: Dropout::new(dropout),
            head: Linear::new(hidden, symbols, &stream.child("head")),
        }
    }

    /// The same, letter by letter.
    pub(crate) fn decoder(&self) -> impl Decoder + '_ {
        Steps { model: self, state: None }
    }
}

impl Forward for Speller {
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let x = self.embedding.forward(x, ctx);
        let x = self.gru.forward(&x, ctx);
        self.head.forward(&self.dropout.forward(&x, ctx), ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let features = self.embedding.output_shape(input)?;
        self.head.output_shape(&self.gru.output_shape(&features)?)
    }
}

struct Steps<'a> {
    model: &'a Speller,
    state: Option<RecurrentState>,
}

impl Decoder for Steps<'_> {
    fn step(&mut self, symbols: &[usize]) -> Tensor {
        let mut ctx = Context::eval();
        let x = self.model.embedding.lookup(symbols, [symbols.len(), 1]);
        let (y, state) = self.model.gru.run(&x, self.state.as_ref(), None, &mut ctx);
        self.state = Some(state);
        self.model.head.forward(&y.reshape([symbols.len(), y.dims()[2]]), &mut ctx)
    }

    fn select(&mut self, sequences: &[usize]) {
        self.state = self.state.as_ref().map(|state| state.select(sequences));
    }
}
