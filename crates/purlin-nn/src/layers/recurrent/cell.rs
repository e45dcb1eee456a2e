//! One step, for loops of one's own.

use super::{CellState, RecurrentParams, Sizes};
use crate::Module;
use crate::layers::at_least_one;
use purlin_core::rng::Stream;
use purlin_core::{Error, Real};
use purlin_tensor::{Activation, Cell, RecurrentOptions, Tensor};

macro_rules! cells {
    ($($(#[$doc:meta])* $name:ident, $op:literal, $cell:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Module)]
        pub struct $name<T: Real = f32> {
            /// The parameters.
            pub params: RecurrentParams<T>,
            #[module(skip)]
            sizes: Sizes,
        }

        impl<T: Real> $name<T> {
            /// A cell of `hidden` units for inputs of `features` numbers; parameters begin uniform
            /// within `1 / sqrt(hidden)`.
            ///
            /// # Panics
            ///
            /// When a size is 0.
            #[track_caller]
            pub fn new(features: usize, hidden: usize, stream: &Stream) -> Self {
                at_least_one($op, "features", features);
                at_least_one($op, "hidden", hidden);
                let sizes = Sizes::new(features, hidden);
                Self { params: RecurrentParams::new($cell, sizes, stream), sizes }
            }

            /// The state at the start of `batch` sequences: 0.
            pub fn start(&self, batch: usize) -> CellState<T> {
                let zeros = || Tensor::zeros([batch, self.sizes.hidden]);
                CellState { h: zeros(), c: ($cell == Cell::Lstm).then(zeros) }
            }

            /// The state after an input `(batch, features)`.
            ///
            /// # Panics
            ///
            /// When input or state do not fit.
            #[track_caller]
            pub fn step(&self, x: &Tensor<T>, state: &CellState<T>) -> CellState<T> {
                let features = self.sizes.features;
                let error = || Error::shape($op, format!("input (batch, {features})"), x.shape());
                assert!(x.rank() == 2 && x.dims()[1] == features, "{}", error());
                let x = x.reshape([x.dims()[0], 1, features]);
                let options = RecurrentOptions::default();
                let after = self.params.run($cell, &x, Some(state), options);
                let (batch, outputs) = (x.dims()[0], after.output.dims()[2]);
                CellState { h: after.output.reshape([batch, outputs]), c: after.cell }
            }
        }
    )*};
}

cells! {
    /// A step of an [`Rnn`](super::Rnn), with the hyperbolic tangent.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_nn::{Context, layers::{Rnn, RnnCell}};
    /// use purlin_tensor::Tensor;
    ///
    /// let cell = RnnCell::<f32>::new(2, 3, &Stream::new(0, "cell"));
    /// let state = cell.step(&Tensor::ones([4, 2]), &cell.start(4));
    /// assert_eq!(state.h.dims(), [4, 3]);
    /// ```
    RnnCell, "rnn_cell", Cell::Elman(Activation::Tanh);
    /// A step of a [`Gru`](super::Gru); as [`RnnCell`].
    GruCell, "gru_cell", Cell::Gru;
    /// A step of an [`Lstm`](super::Lstm); as [`RnnCell`], with a cell in its state.
    LstmCell, "lstm_cell", Cell::Lstm;
}
