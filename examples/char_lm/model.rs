//! Models that score the next character.

use clap::ValueEnum;
use purlin::core::rng::Stream;
use purlin::core::{Result, Shape};
use purlin::nn::decode::Decoder;
use purlin::nn::layers::{
    Dropout, Embedding, FeedForwardActivation, Gru, KeyValueCache, LayerNorm, LearnedPositions,
    Linear, Lstm, RecurrentState, TransformerEncoderLayer,
};
use purlin::nn::{Context, Forward, Init, Module};
use purlin::tensor::Tensor;

/// What reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent units.
    Gru,
    /// Causal attention.
    Transformer,
}

/// How large a model is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) symbols: usize,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    /// Steps that a transformer sees at most.
    pub(crate) steps: usize,
    pub(crate) dropout: f64,
}

/// A model that is trained on whole windows and writes step by step.
pub(crate) trait LanguageModel: Forward {
    fn decoder(&self) -> Box<dyn Decoder + '_>;
}

/// Characters to vectors, recurrent layers, scores.
#[derive(Module)]
pub(crate) struct Recurrent {
    embedding: Embedding,
    lstm: Option<Lstm>,
    gru: Option<Gru>,
    dropout: Dropout,
    head: Linear,
}

impl Recurrent {
    pub(crate) fn new(kind: Kind, sizes: Sizes, stream: &Stream) -> Self {
        let Sizes { symbols, hidden, layers, dropout, .. } = sizes;
        let stream = |name| stream.child(name);
        let is_lstm = kind == Kind::Lstm;
        let lstm = is_lstm.then(|| {
            let lstm = Lstm::new(hidden.div_ceil(2), hidden, &stream("lstm")).forget_bias(1.0);
            lstm.n_layers(layers).dropout(dropout)
        });
        let gru = (!is_lstm).then(|| {
            Gru::new(hidden.div_ceil(2), hidden, &stream("gru")).n_layers(layers).dropout(dropout)
        });
        Self {
            embedding: Embedding::new(symbols, hidden.div_ceil(2), &stream("embedding")),
            lstm,
            gru,
            dropout: Dropout::new(dropout),
            head: Linear::new(hidden, symbols, &stream("head")),
        }
    }

    fn run(
        &self,
        x: &Tensor,
        state: Option<&RecurrentState>,
        ctx: &mut Context,
    ) -> (Tensor, RecurrentState) {
        match (&self.lstm, &self.gru) {
            (Some(lstm), _) => lstm.run(x, state, None, ctx),
            (None, Some(gru)) => gru.run(x, state, None, ctx),
            (None, None) => unreachable!("one of the two was built"),
        }
    }
}

impl Forward for Recurrent {
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let x = self.embedding.forward(x, ctx);
        let (y, _) = self.run(&x, None, ctx);
        let y = self.dropout.forward(&y, ctx);
        self.head.forward(&y, ctx)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.head
            .output_shape(&Shape::new(&[input.dims(), &[self.head.weight.shape()[0]]].concat()))
    }
}

impl LanguageModel for Recurrent {
    fn decoder(&self) -> Box<dyn Decoder + '_> {
        Box::new(RecurrentDecoder { model: self, state: None })
    }
}

struct RecurrentDecoder<'a> {
    model: &'a Recurrent,
    state: Option<RecurrentState>,
}

impl Decoder for RecurrentDecoder<'_> {
    fn step(&mut self, symbols: &[usize]) -> Tensor {
        let mut ctx = Context::eval();
        let x = self.model.embedding.lookup(symbols, [symbols.len(), 1]);
        let (y, state) = self.model.run(&x, self.state.as_ref(), &mut ctx);
        self.state = Some(state);
        let y = y.reshape([symbols.len(), y.dims()[2]]);
        self.model.head.forward(&y, &mut ctx)
    }
    fn select(&mut self, sequences: &[usize]) {
        self.state = self.state.as_ref().map(|state| state.select(sequences));
    }
}

/// Characters and their places to vectors, blocks of causal attention, scores.
#[derive(Module)]
pub(crate) struct Transformer {
    embedding: Embedding,
    positions: LearnedPositions,
    dropout: Dropout,
    blocks: Vec<TransformerEncoderLayer>,
    norm: LayerNorm,
    head: Linear,
}

/// Heads of a block.
const HEADS: usize = 4;

impl Transformer {
    pub(crate) fn new(sizes: Sizes, stream: &Stream) -> Self {
        let Sizes { symbols, hidden, layers, steps, dropout } = sizes;
        let narrow = Init::Normal { mean: 0.0, std: 0.02 };
        let block = |i: usize| {
            let stream = stream.child("blocks").child_at(i as u64);
            TransformerEncoderLayer::new(hidden, HEADS, 4 * hidden, &stream)
                .activation(FeedForwardActivation::Gelu)
                .norm_first(true)
                .causal(true)
                .dropout(dropout)
        };
        Self {
            embedding: Embedding::new(symbols, hidden, &stream.child("embedding")).init(narrow),
            positions: LearnedPositions::new(steps, hidden, &stream.child("positions")),
            dropout: Dropout::new(dropout),
            blocks: (0..layers).map(block).collect(),
            norm: LayerNorm::new([hidden]),
            head: Linear::new(hidden, symbols, &stream.child("head")),
        }
    }
}

impl Forward for Transformer {
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let x = self.embedding.forward(x, ctx);
        let x = self.positions.forward(&x, ctx);
        let mut x = self.dropout.forward(&x, ctx);
        for block in &self.blocks {
            x = block.forward(&x, ctx);
        }
        let x = self.norm.forward(&x, ctx);
        self.head.forward(&x, ctx)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let features = self.embedding.output_shape(input)?;
        self.head.output_shape(&self.positions.output_shape(&features)?)
    }
}

impl LanguageModel for Transformer {
    fn decoder(&self) -> Box<dyn Decoder + '_> {
        let mut decoder = TransformerDecoder { model: self, caches: Vec::new(), seen: Vec::new() };
        decoder.forget();
        Box::new(decoder)
    }
}

struct TransformerDecoder<'a> {
    model: &'a Transformer,
    caches: Vec<KeyValueCache>,
    /// The symbols in the caches, step by step.
    seen: Vec<Vec<usize>>,
}

impl TransformerDecoder<'_> {
    fn forget(&mut self) {
        self.caches = self.model.blocks.iter().map(|_| KeyValueCache::new()).collect();
    }

    fn go_on(&mut self, symbols: &[usize]) -> Tensor {
        let Self { model, caches, .. } = self;
        let x = model.embedding.lookup(symbols, [symbols.len(), 1]);
        let mut x = model.positions.add(&x, caches[0].len());
        for (block, cache) in model.blocks.iter().zip(caches) {
            x = block.step(&x, cache);
        }
        let mut ctx = Context::eval();
        let x = model.norm.forward(&x, &mut ctx);
        let x = x.reshape([symbols.len(), x.dims()[2]]);
        model.head.forward(&x, &mut ctx)
    }
}

impl Decoder for TransformerDecoder<'_> {
    fn step(&mut self, symbols: &[usize]) -> Tensor {
        let most = self.model.positions.weight.shape()[0];
        if self.caches[0].len() == most {
            // No place is left: go on with the second half of what was seen.
            self.seen.drain(..self.seen.len() - most / 2);
            self.forget();
            for symbols in self.seen.clone() {
                let _ = self.go_on(&symbols);
            }
        }
        self.seen.push(symbols.to_vec());
        self.go_on(symbols)
    }
    fn select(&mut self, sequences: &[usize]) {
        for cache in &mut self.caches {
            *cache = cache.select(sequences);
        }
        for symbols in &mut self.seen {
            *symbols = sequences.iter().map(|&i| symbols[i]).collect();
        }
    }
}
