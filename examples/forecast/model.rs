//! A recurrent network that forecasts several steps at once.

use clap::ValueEnum;
use purlin::core::rng::Stream;
use purlin::core::{Result, Shape};
use purlin::nn::layers::{Dropout, Gru, Linear, Lstm};
use purlin::nn::{Context, Forward, Module};
use purlin::tensor::Tensor;

/// What reads the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent units.
    Gru,
}

/// The past to the steps that follow: what the memory says after its last step, added to the last
/// value.
#[derive(Module)]
pub(crate) struct Forecaster {
    lstm: Option<Lstm>,
    gru: Option<Gru>,
    dropout: Dropout,
    head: Linear,
}

impl Forecaster {
    pub(crate) fn new(
        kind: Kind,
        hidden: usize,
        horizon: usize,
        dropout: f64,
        stream: &Stream,
    ) -> Self {
        let lstm = || Lstm::new(1, hidden, &stream.child("lstm")).forget_bias(1.0);
        let gru = || Gru::new(1, hidden, &stream.child("gru"));
        Self {
            lstm: (kind == Kind::Lstm).then(lstm),
            gru: (kind == Kind::Gru).then(gru),
            dropout: Dropout::new(dropout),
            head: Linear::new(hidden, horizon, &stream.child("head")),
        }
    }
}

impl Forward for Forecaster {
    /// `(batch, steps, 1)` to `(batch, horizon)`.
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let (n, steps) = (x.dims()[0], x.dims()[1]);
        let (_, state) = match (&self.lstm, &self.gru) {
            (Some(lstm), _) => lstm.run(x, None, None, ctx),
            (None, Some(gru)) => gru.run(x, None, None, ctx),
            (None, None) => unreachable!("one of the two was built"),
        };
        let memory = self.dropout.forward(&state.cells[0].h, ctx);
        let last = x.slice(1, steps - 1..).reshape([n, 1]);
        self.head.forward(&memory, ctx) + last
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.head.output_shape(&Shape::from([input[0], self.head.weight.shape()[0]]))
    }
}
