//! What a recurrent layer remembers.

use purlin_core::Real;
use purlin_tensor::Tensor;

/// The state of a layer in one direction.
#[derive(Debug, Clone)]
pub struct CellState<T: Real = f32> {
    /// The state, `(batch, outputs)`.
    pub h: Tensor<T>,
    /// The cell of an LSTM, `(batch, hidden)`.
    pub c: Option<Tensor<T>>,
}

/// The states of all layers: what one call returns and the next may start from.
///
/// # Examples
///
/// A long sequence in two pieces, the gradient cut between them (truncated back-propagation
/// through time):
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, layers::Lstm};
/// use purlin_tensor::Tensor;
///
/// let lstm = Lstm::<f64>::new(1, 4, &Stream::new(0, "lstm"));
/// let x = Tensor::from_slice(&[0.1, 0.2, 0.3, 0.4]).reshape([1, 4, 1]);
/// let mut ctx = Context::eval();
/// let (whole, _) = lstm.run(&x, None, None, &mut ctx);
/// let (_, state) = lstm.run(&x.slice(1, ..2), None, None, &mut ctx);
/// let (rest, _) = lstm.run(&x.slice(1, 2..), Some(&state.detach()), None, &mut ctx);
/// assert_eq!(rest, whole.slice(1, 2..));
/// ```
#[derive(Debug, Clone)]
pub struct RecurrentState<T: Real = f32> {
    /// Layer by layer; of a bidirectional one first forwards, then backwards.
    pub cells: Vec<CellState<T>>,
}

impl<T: Real> CellState<T> {
    /// The same numbers without their past: no gradient goes back beyond.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { h: self.h.detach(), c: self.c.as_ref().map(Tensor::detach) }
    }

    /// The states of some sequences of the batch, as often as they are named.
    #[must_use]
    #[track_caller]
    pub fn select(&self, sequences: &[usize]) -> Self {
        let select = |x: &Tensor<T>| x.index_select(0, sequences);
        Self { h: select(&self.h), c: self.c.as_ref().map(select) }
    }
}

impl<T: Real> RecurrentState<T> {
    /// The same numbers without their past: no gradient goes back beyond.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { cells: self.cells.iter().map(CellState::detach).collect() }
    }

    /// The states of some sequences of the batch, as often as they are named: what beam search
    /// keeps.
    ///
    /// # Panics
    ///
    /// When there is no such sequence.
    #[must_use]
    #[track_caller]
    pub fn select(&self, sequences: &[usize]) -> Self {
        Self { cells: self.cells.iter().map(|cell| cell.select(sequences)).collect() }
    }
}
