//! Recurrent layers: a whole batch of sequences at a time.
//!
//! The caller has multiplied all inputs with the input weights (one product, bias added); what is
//! left is the recurrence, step by step. Rows of the batch do not depend on each other, so each
//! task takes some of them through all steps, and nobody waits: the recurrent weights stay in the
//! task's second cache.
//!
//! | rule | gates | step |
//! |---|---|---|
//! | [`Cell::Elman`] | `a` | `h' = f(a)` |
//! | [`Cell::Gru`] | `r z n` | `r = s(a_r)`, `z = s(a_z)`, `n = tanh(x_n + r (h U_n + b))`, `h' = n + z (h - n)` |
//! | [`Cell::Lstm`] | `i f g o` | `c' = s(a_f) c + s(a_i) tanh(a_g)`, `h' = s(a_o) tanh(c')` |
//!
//! where `a = x + h U`, `x` is what the input gives, and `s` is the logistic function. The order of
//! each sum is that of [`gemm`](crate::gemm).
//!
//! Sequences may end early: after its length a sequence keeps its state, its outputs are 0, and
//! nothing of its padding is used. Going in reverse, it starts at its own last step.
//!
//! # References
//!
//! - J. L. Elman, *Finding structure in time*, Cognitive Science 14, 1990.
//! - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997; with the
//!   forget gate of F. A. Gers, J. Schmidhuber, F. Cummins, *Learning to forget*, 2000.
//! - K. Cho et al., *Learning phrase representations using RNN encoder-decoder*, 2014; the reset
//!   gate after the product, as in cuDNN, PyTorch and Keras.
//! - H. Sak, A. Senior, F. Beaufays, *Long short-term memory recurrent neural network
//!   architectures*, 2014, for the projection.

mod backward;
mod forward;
pub mod naive;
mod rule;
#[cfg(test)]
mod tests;
mod weights;

pub use backward::{Backward, backward};
pub use forward::{Forward, Kept, forward};

use crate::gemm::Activation;
use purlin_core::Real;
use rule::{Elman, Gru, Lstm, Rule};

/// The rule of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// One gate, with this activation.
    Elman(Activation),
    /// The gated recurrent unit: gates `r z n`.
    Gru,
    /// Long short-term memory: gates `i f g o`, and a cell beside the state.
    Lstm,
}

impl Cell {
    /// Gates of a unit.
    pub fn gates(self) -> usize {
        match self {
            Self::Elman(_) => Elman::GATES,
            Self::Gru => Gru::GATES,
            Self::Lstm => Lstm::GATES,
        }
    }
}

/// A recurrence over a batch of sequences.
///
/// With `o = outputs()`, the size of the state: `hidden`, or that of the projection.
#[derive(Debug, Clone, Copy)]
pub struct Recurrence<'a, T> {
    /// The rule.
    pub cell: Cell,
    /// Sequences.
    pub n: usize,
    /// Steps of each.
    pub steps: usize,
    /// Units.
    pub hidden: usize,
    /// `U` of shape `(o, gates * hidden)`.
    pub weight: &'a [T],
    /// Of shape `(hidden,)`, for [`Cell::Gru`] alone: the bias within the product with the reset
    /// gate.
    pub bias: Option<&'a [T]>,
    /// Of shape `(hidden, o)`, for [`Cell::Lstm`] alone: what makes the state of the `h'` above.
    pub projection: Option<&'a [T]>,
    /// Steps of each sequence, at most `steps`; all of them without.
    pub lengths: Option<&'a [usize]>,
    /// Whether time runs backwards.
    pub is_reverse: bool,
}

impl<T: Real> Recurrence<'_, T> {
    /// Items of a state.
    pub fn outputs(&self) -> usize {
        self.projection.map_or(self.hidden, |items| items.len() / self.hidden.max(1))
    }

    /// Numbers of all gates of a step of a sequence.
    fn width(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Whether sequence `i` has step `t`.
    fn has(&self, i: usize, t: usize) -> bool {
        self.lengths.is_none_or(|lengths| t < lengths[i])
    }

    /// Step `s` in the order in which the state goes.
    fn at(&self, s: usize) -> usize {
        if self.is_reverse { self.steps - 1 - s } else { s }
    }

    /// Some of the sequences.
    fn rows(&self, first: usize, n: usize) -> Self {
        Self { n, lengths: self.lengths.map(|lengths| &lengths[first..first + n]), ..*self }
    }

    /// Multiply-adds, in the unit of [`parallel::THRESHOLD`](crate::parallel::THRESHOLD).
    fn work(&self) -> usize {
        let rows = self.n.saturating_mul(self.steps);
        rows.saturating_mul(self.weight.len()) / 16 + 8 * rows.saturating_mul(self.width())
    }

    #[track_caller]
    fn check(&self) {
        let (hidden, outputs, width) = (self.hidden, self.outputs(), self.width());
        assert!(hidden > 0 && outputs > 0, "recurrent: expected at least 1 unit, got {hidden}");
        check_len("weight", outputs * width, self.weight.len());
        if let Cell::Elman(activation) = self.cell {
            activation.check("recurrent");
        }
        let (is_gru, is_lstm) = (self.cell == Cell::Gru, self.cell == Cell::Lstm);
        if let Some(bias) = self.bias {
            assert!(is_gru, "recurrent: expected no bias of the state, got one");
            check_len("bias", hidden, bias.len());
        }
        if let Some(projection) = self.projection {
            assert!(is_lstm, "recurrent: expected no projection, got one");
            check_len("projection", hidden * outputs, projection.len());
        }
        if let Some(lengths) = self.lengths {
            check_len("lengths", self.n, lengths.len());
            let longest = lengths.iter().max().copied().unwrap_or(0);
            let steps = self.steps;
            assert!(
                longest <= steps,
                "recurrent: expected lengths of at most {steps}, got {longest}"
            );
        }
    }
}

#[track_caller]
fn check_len(name: &str, expected: usize, got: usize) {
    assert!(expected == got, "recurrent: expected {name} with {expected} items, got {got}");
}

/// Sequences that one task takes through all steps: few enough that two threads share a batch of
/// 32, and as many as make a tile of the product efficient.
const ROWS: usize = 16;

/// The parts of an array that belong to each task, or as many empty ones.
fn parts<T>(items: &mut [T], per_row: usize, n: usize) -> Vec<&mut [T]> {
    if items.is_empty() {
        return (0..n.div_ceil(ROWS)).map(|_| Default::default()).collect();
    }
    items.chunks_mut(ROWS * per_row).collect()
}
