//! Recurrent layers: Elman's network, the gated recurrent unit and long short-term memory.

mod cell;
mod layer;
mod state;

pub use cell::{GruCell, LstmCell, RnnCell};
pub use layer::{Gru, Lstm, RecurrentLayer, Rnn};
pub use state::{CellState, RecurrentState};

use crate::{Init, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};
use purlin_tensor::{Cell, RecurrentOptions, RecurrentOutput, RecurrentWeights, Tensor, recurrent};

/// The parameters of one recurrent layer in one direction.
///
/// | parameter | shape |
/// |---|---|
/// | `weight_ih` | `(features, gates * hidden)` |
/// | `weight_hh` | `(outputs, gates * hidden)` |
/// | `bias` | `(gates * hidden,)` |
/// | `reset_bias` | `(hidden,)`, in a GRU |
/// | `weight_hr` | `(hidden, outputs)`, in an LSTM with a projection |
///
/// Gates lie as in PyTorch: `i f g o` in an LSTM, `r z n` in a GRU. PyTorch has two biases of which
/// only the sum counts: `bias` is that sum, but for the last gate of a GRU, where the second one
/// is `reset_bias`.
#[derive(Debug, Clone, Module)]
pub struct RecurrentParams<T: Real = f32> {
    /// What multiplies the input.
    pub weight_ih: Param<T>,
    /// What multiplies the state.
    pub weight_hh: Param<T>,
    /// Added to both, unless switched off.
    pub bias: Option<Param<T>>,
    /// Added to what the reset gate multiplies, in a GRU with biases.
    pub reset_bias: Option<Param<T>>,
    /// What makes the output of the units, in an LSTM with a projection.
    pub weight_hr: Option<Param<T>>,
}

/// The sizes of a layer in one direction.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    features: usize,
    hidden: usize,
    projection: Option<usize>,
    has_bias: bool,
    /// Added to the bias of an LSTM's forget gate.
    forget_bias: f64,
}

impl Sizes {
    fn new(features: usize, hidden: usize) -> Self {
        Self { features, hidden, projection: None, has_bias: true, forget_bias: 0.0 }
    }

    fn outputs(&self) -> usize {
        self.projection.unwrap_or(self.hidden)
    }
}

impl<T: Real> RecurrentParams<T> {
    /// All uniform within `1 / sqrt(hidden)`.
    fn new(cell: Cell, sizes: Sizes, stream: &Stream) -> Self {
        let Sizes { features, hidden, has_bias, .. } = sizes;
        let (outputs, width) = (sizes.outputs(), cell.gates() * hidden);
        let bound = 1.0 / (hidden as f64).sqrt();
        let draw = |name: &str, shape: Shape| {
            let init = Init::Uniform { lo: -bound, hi: bound };
            super::checked(init.tensor(shape, &stream.child(name)))
        };
        let bias = has_bias.then(|| {
            let mut bias: Tensor<T> = draw("bias", Shape::from([width]));
            if cell == Cell::Lstm && sizes.forget_bias != 0.0 {
                let forget = |i: usize| (hidden..2 * hidden).contains(&i);
                let more = |i| if forget(i) { T::from_f64(sizes.forget_bias) } else { T::ZERO };
                let more: Vec<T> = (0..width).map(more).collect();
                bias = &bias + &Tensor::from_slice(&more);
            }
            Param::new(bias)
        });
        let has_reset = has_bias && cell == Cell::Gru;
        Self {
            weight_ih: Param::new(draw("weight_ih", Shape::from([features, width]))),
            weight_hh: Param::new(draw("weight_hh", Shape::from([outputs, width]))),
            bias,
            reset_bias: has_reset.then(|| Param::new(draw("reset_bias", Shape::from([hidden])))),
            weight_hr: sizes
                .projection
                .map(|outputs| Param::new(draw("weight_hr", Shape::from([hidden, outputs])))),
        }
    }

    #[track_caller]
    fn run(
        &self,
        cell: Cell,
        x: &Tensor<T>,
        state: Option<&CellState<T>>,
        options: RecurrentOptions<'_>,
    ) -> RecurrentOutput<T> {
        let weights = RecurrentWeights {
            input: &self.weight_ih,
            recurrent: &self.weight_hh,
            bias: self.bias.as_deref(),
            reset_bias: self.reset_bias.as_deref(),
            projection: self.weight_hr.as_deref(),
        };
        let state = state.map(|state| (&state.h, state.c.as_ref()));
        recurrent(cell, x, state, weights, options)
    }
}
