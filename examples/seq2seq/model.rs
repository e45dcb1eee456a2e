//! An encoder, a decoder, and attention between them.

use purlin::core::rng::Stream;
use purlin::core::{Result, Shape};
use purlin::nn::decode::Decoder;
use purlin::nn::layers::{
    CellState, Dropout, Embedding, Gru, Linear, MultiHeadAttention, RecurrentState,
};
use purlin::nn::{Activation, Context, Forward, Module};
use purlin::tensor::{AttentionOptions, Tensor};

/// What fills short texts up.
pub(crate) const PADDING: usize = 0;

/// Reads a text both ways; writes another, looking at each step at the places of the first that
/// matter (Luong 2015: the attention comes after the recurrent step, so that all steps of training run at
/// once).
#[derive(Module)]
pub(crate) struct Translator {
    embedding: Embedding,
    encoder: Gru,
    /// From the encoder's last states to the decoder's first.
    bridge: Linear,
    decoder: Gru,
    attention: MultiHeadAttention,
    mix: Linear,
    dropout: Dropout,
    head: Linear,
    /// Columns of the input that hold the source.
    #[module(skip)]
    source: usize,
}

/// A text that was read.
#[derive(Clone)]
pub(crate) struct Read {
    /// `(batch, steps, hidden)`.
    values: Tensor,
    lengths: Vec<usize>,
    state: RecurrentState,
}

impl Translator {
    /// `hidden` must be even.
    pub(crate) fn new(
        symbols: usize,
        hidden: usize,
        source: usize,
        dropout: f64,
        stream: &Stream,
    ) -> Self {
        let features = hidden / 2;
        let linear = |from, to, name| Linear::new(from, to, &stream.child(name));
        Self {
            embedding: Embedding::new(symbols, features, &stream.child("embedding")),
            encoder: Gru::new(features, hidden / 2, &stream.child("encoder")).bidirectional(true),
            bridge: linear(hidden, hidden, "bridge").activation(Activation::Tanh),
            decoder: Gru::new(features, hidden, &stream.child("decoder")),
            attention: MultiHeadAttention::new(hidden, 1, &stream.child("attention")),
            mix: linear(2 * hidden, hidden, "mix").activation(Activation::Tanh),
            dropout: Dropout::new(dropout),
            head: linear(hidden, symbols, "head"),
            source,
        }
    }

    /// Reads sources `(batch, steps)` with padding behind.
    pub(crate) fn read(&self, x: &Tensor, ctx: &mut Context) -> Read {
        let length = |row: &[f32]| row.iter().filter(|&&symbol| symbol != PADDING as f32).count();
        let lengths: Vec<usize> = x.data().chunks(x.dims()[1]).map(length).collect();
        let x = self.dropout.forward(&self.embedding.forward(x, ctx), ctx);
        let (values, state) = self.encoder.run(&x, None, Some(&lengths), ctx);
        let ends: Vec<&Tensor> = state.cells.iter().map(|cell| &cell.h).collect();
        let h = self.bridge.forward(&Tensor::concat(&ends, 1), ctx);
        Read { values, lengths, state: RecurrentState { cells: vec![CellState { h, c: None }] } }
    }

    /// The decoder's outputs after symbols `(batch, steps)`, and its state behind them.
    fn go_on(
        &self,
        symbols: &Tensor,
        state: &RecurrentState,
        ctx: &mut Context,
    ) -> (Tensor, RecurrentState) {
        let x = self.dropout.forward(&self.embedding.forward(symbols, ctx), ctx);
        self.decoder.run(&x, Some(state), None, ctx)
    }

    /// Scores of the next symbols after outputs `(batch, steps, hidden)`.
    fn scores(&self, outputs: &Tensor, read: &Read, ctx: &mut Context) -> Tensor {
        let options = AttentionOptions { lengths: Some(&read.lengths), ..Default::default() };
        let seen = self.attention.attend_to(outputs, &read.values, &read.values, options);
        let both = self.mix.forward(&Tensor::concat(&[outputs, &seen], 2), ctx);
        self.head.forward(&self.dropout.forward(&both, ctx), ctx)
    }

    /// Where the model looks in a source `(1, steps)` before each symbol after those of `written`,
    /// `(1, m)`: `m` rows of `steps` shares.
    pub(crate) fn looks(&self, source: &Tensor, written: &Tensor) -> Tensor {
        let mut ctx = Context::eval();
        let read = self.read(source, &mut ctx);
        let (outputs, _) = self.go_on(written, &read.state, &mut ctx);
        let weights =
            self.attention.weights_to(&outputs, &read.values, AttentionOptions::default());
        weights.reshape([written.dims()[1], source.dims()[1]])
    }

    /// Writes step by step what belongs to the sources `(batch, steps)`.
    pub(crate) fn writer(&self, sources: &Tensor) -> Writer<'_> {
        let read = self.read(sources, &mut Context::eval());
        Writer { model: self, state: read.state.clone(), read }
    }
}

impl Forward for Translator {
    /// Sources and, beside them, what is to be written without its last symbol (the decoder is told the
    /// right symbols, not its own: teacher forcing), `(batch, source + target)`, to scores
    /// `(batch, target, symbols)`.
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let read = self.read(&x.slice(1, ..self.source), ctx);
        let (outputs, _) = self.go_on(&x.slice(1, self.source..), &read.state, ctx);
        self.scores(&outputs, &read, ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let symbols = self.head.weight.shape()[1];
        Ok(Shape::from([input[0], input[1] - self.source, symbols]))
    }
}

/// A translator at work on a batch.
pub(crate) struct Writer<'a> {
    model: &'a Translator,
    read: Read,
    state: RecurrentState,
}

impl Decoder for Writer<'_> {
    fn step(&mut self, symbols: &[usize]) -> Tensor {
        let mut ctx = Context::eval();
        let n = symbols.len();
        let symbols = Tensor::from_fn([n, 1], |i| symbols[i] as f32);
        let (outputs, state) = self.model.go_on(&symbols, &self.state, &mut ctx);
        self.state = state;
        let scores = self.model.scores(&outputs, &self.read, &mut ctx);
        scores.reshape([n, scores.dims()[2]])
    }

    fn select(&mut self, sequences: &[usize]) {
        let Read { values, lengths, state } = &self.read;
        self.read = Read {
            values: values.index_select(0, sequences),
            lengths: sequences.iter().map(|&i| lengths[i]).collect(),
            state: state.select(sequences),
        };
        self.state = self.state.select(sequences);
    }
}
