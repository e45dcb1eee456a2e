//! Writing with a model of characters, one character at a time.

use crate::Task;
use crate::measure::{Row, peak_rss_mb, time};
use crate::train::VOCABULARY;
use purlin_core::rng::Stream;
use purlin_nn::decode::{Decoder, Sampler, generate};
use purlin_nn::layers::{Embedding, Linear, Lstm, RecurrentState};
use purlin_nn::{Context, Forward};
use purlin_tensor::Tensor;

/// Characters of a call.
const LENGTH: usize = 500;

pub(crate) fn tasks() -> Vec<Task> {
    vec![Task::new("generate-lstm", write)]
}

/// The network of the row `char-lstm`, step by step.
struct Writer {
    embedding: Embedding,
    lstm: Lstm,
    head: Linear,
    state: Option<RecurrentState>,
}

impl Decoder for Writer {
    fn step(&mut self, symbols: &[usize]) -> Tensor {
        let mut ctx = Context::eval();
        let x = self.embedding.lookup(symbols, [symbols.len(), 1]);
        let (y, state) = self.lstm.run(&x, self.state.as_ref(), None, &mut ctx);
        self.state = Some(state);
        self.head.forward(&y.reshape([symbols.len(), 256]), &mut ctx)
    }

    fn select(&mut self, sequences: &[usize]) {
        self.state = self.state.as_ref().map(|state| state.select(sequences));
    }
}

fn write() -> Row {
    let stream = Stream::new(0, "init");
    let mut writer = Writer {
        embedding: Embedding::new(VOCABULARY, 64, &stream.child("embedding")),
        lstm: Lstm::new(64, 256, &stream.child("recurrent")),
        head: Linear::new(256, VOCABULARY, &stream.child("head")),
        state: None,
    };
    let before = peak_rss_mb();
    let mut rng = Stream::new(0, "writing").rng(0);
    let mut sum = 0;
    let timing = time(|| {
        writer.state = None;
        let written = generate(&mut writer, &[0], LENGTH, &Sampler::new(), &mut rng);
        sum = written.expect("the sampler is sound").iter().sum();
    });
    Row::rate(&timing, LENGTH as f64, "characters/s")
        .with("sum", sum as f64)
        .with("peak_rss_mb", peak_rss_mb())
        .with("rss_before_training_mb", before)
}
