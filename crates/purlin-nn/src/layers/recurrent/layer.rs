//! Stacks of recurrent layers over whole sequences.

use super::{CellState, RecurrentParams, RecurrentState, Sizes};
use crate::layers::{at_least_one, checked, within_one};
use crate::{Context, Forward, Module};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Cell, RecurrentOptions, Tensor, dropout_mask};

/// One layer of a stack.
#[derive(Debug, Clone, Module)]
pub struct RecurrentLayer<T: Real = f32> {
    /// From the first step to the last.
    pub forward: RecurrentParams<T>,
    /// From the last step to the first, in a bidirectional stack.
    pub reverse: Option<RecurrentParams<T>>,
}

/// What a stack was made from.
#[derive(Debug, Clone, Copy)]
struct Setup {
    op: &'static str,
    cell: Cell,
    sizes: Sizes,
    n_layers: usize,
    is_bidirectional: bool,
    dropout: f64,
    stream: Stream,
}

impl Setup {
    #[track_caller]
    fn new(op: &'static str, cell: Cell, sizes: Sizes, stream: &Stream) -> Self {
        at_least_one(op, "features", sizes.features);
        at_least_one(op, "hidden", sizes.hidden);
        let stream = *stream;
        Self { op, cell, sizes, n_layers: 1, is_bidirectional: false, dropout: 0.0, stream }
    }

    fn n_directions(&self) -> usize {
        1 + usize::from(self.is_bidirectional)
    }

    /// Numbers of a step of the output.
    fn width(&self) -> usize {
        self.n_directions() * self.sizes.outputs()
    }

    fn layers<T: Real>(&self) -> Vec<RecurrentLayer<T>> {
        let layer = |i: usize| {
            let features = if i == 0 { self.sizes.features } else { self.width() };
            let sizes = Sizes { features, ..self.sizes };
            let stream = self.stream.child("layers").child_at(i as u64);
            let params = |name| RecurrentParams::new(self.cell, sizes, &stream.child(name));
            let reverse = self.is_bidirectional.then(|| params("reverse"));
            RecurrentLayer { forward: params("forward"), reverse }
        };
        (0..self.n_layers).map(layer).collect()
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let features = self.sizes.features;
        if input.rank() == 3 && input[2] == features {
            return Ok(input.with(2, self.width()));
        }
        Err(Error::shape(self.op, format!("input (batch, steps, {features})"), input))
    }

    /// What cannot be run.
    fn check<T: Real>(
        &self,
        x: &Tensor<T>,
        state: Option<&RecurrentState<T>>,
        lengths: Option<&[usize]>,
    ) -> Result<Shape> {
        let shape = self.output_shape(x.shape())?;
        if x.dims()[1] == 0 {
            return Err(Error::shape(self.op, "input with at least 1 step", x.shape()));
        }
        if let Some(state) = state {
            let (expected, got) = (self.n_layers * self.n_directions(), state.cells.len());
            if got != expected {
                let expected = format!("a state of {expected} cells");
                return Err(Error::shape(self.op, expected, format!("{got} cells")));
            }
        }
        match lengths {
            Some(lengths) if lengths.contains(&0) => {
                Err(Error::param(self.op, "lengths", "at least 1", 0))
            }
            _ => Ok(shape),
        }
    }

    #[track_caller]
    fn run<T: Real>(
        &self,
        layers: &[RecurrentLayer<T>],
        x: &Tensor<T>,
        state: Option<&RecurrentState<T>>,
        lengths: Option<&[usize]>,
        ctx: &mut Context,
    ) -> (Tensor<T>, RecurrentState<T>) {
        checked(self.check(x, state, lengths));
        let mut given = state.into_iter().flat_map(|state| &state.cells);
        let mut cells = Vec::with_capacity(self.n_layers * self.n_directions());
        let mut x = x.clone();
        for (i, layer) in layers.iter().enumerate() {
            if i > 0 && self.dropout > 0.0 && ctx.is_training() {
                x = &x * &dropout_mask(*x.shape(), self.dropout, &ctx.stream());
            }
            let directions = [(false, Some(&layer.forward)), (true, layer.reverse.as_ref())];
            let mut outputs = Vec::with_capacity(directions.len());
            for (reverse, params) in directions {
                let Some(params) = params else { continue };
                let options = RecurrentOptions { lengths, reverse };
                let after = params.run(self.cell, &x, given.next(), options);
                let h = last(&after.output, lengths, reverse);
                cells.push(CellState { h, c: after.cell });
                outputs.push(after.output);
            }
            x = match &outputs[..] {
                [one] => one.clone(),
                both => Tensor::concat(&both.iter().collect::<Vec<_>>(), -1),
            };
        }
        (x, RecurrentState { cells })
    }
}

/// The state after the last step of each sequence.
fn last<T: Real>(output: &Tensor<T>, lengths: Option<&[usize]>, is_reverse: bool) -> Tensor<T> {
    let (n, steps, width) = (output.dims()[0], output.dims()[1], output.dims()[2]);
    let at = match lengths {
        Some(lengths) if !is_reverse => {
            let rows: Vec<usize> =
                lengths.iter().enumerate().map(|(i, length)| i * steps + length - 1).collect();
            return output.reshape([n * steps, width]).index_select(0, &rows);
        }
        _ if is_reverse => 0,
        _ => steps - 1,
    };
    output.slice(1, at..=at).reshape([n, width])
}

macro_rules! layers {
    ($($(#[$doc:meta])* $name:ident, $op:literal, $cell:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Module)]
        pub struct $name<T: Real = f32> {
            /// From the one that reads the input on.
            pub layers: Vec<RecurrentLayer<T>>,
            #[module(skip)]
            setup: Setup,
        }

        impl<T: Real> $name<T> {
            /// One layer of `hidden` units for inputs of `features` numbers a step; parameters
            /// begin uniform within `1 / sqrt(hidden)`.
            ///
            /// # Panics
            ///
            /// When a size is 0.
            #[track_caller]
            pub fn new(features: usize, hidden: usize, stream: &Stream) -> Self {
                let setup = Setup::new($op, $cell, Sizes::new(features, hidden), stream);
                Self { layers: setup.layers(), setup }
            }

            /// The number of layers, each of which reads the outputs of the one before.
            ///
            /// # Panics
            ///
            /// When it is 0.
            #[must_use]
            #[track_caller]
            pub fn n_layers(mut self, n: usize) -> Self {
                at_least_one($op, "n_layers", n);
                self.setup.n_layers = n;
                self.anew()
            }

            /// Whether each layer also goes from the last step to the first; the outputs of both
            /// directions lie side by side.
            #[must_use]
            pub fn bidirectional(mut self, bidirectional: bool) -> Self {
                self.setup.is_bidirectional = bidirectional;
                self.anew()
            }

            /// With (the default) or without biases.
            #[must_use]
            pub fn bias(mut self, bias: bool) -> Self {
                self.setup.sizes.has_bias = bias;
                self.anew()
            }

            /// Dropout between the layers, with probability `p` while training.
            ///
            /// # Panics
            ///
            /// Unless `0 <= p <= 1`.
            #[must_use]
            #[track_caller]
            pub fn dropout(mut self, p: f64) -> Self {
                within_one($op, "p", p);
                self.setup.dropout = p;
                self
            }

            /// [`Forward::forward`] from a given state, over sequences of given lengths; returns the
            /// outputs and the states at the end.
            ///
            /// | value | shape |
            /// |---|---|
            /// | `x` | `(batch, steps, features)` |
            /// | `state` | what an earlier call returned; 0 without |
            /// | `lengths` | steps of each sequence, all without: the rest is padding, which changes nothing, and the outputs there are 0 |
            /// | outputs | `(batch, steps, directions * outputs)` |
            ///
            /// # Panics
            ///
            /// When a shape does not fit, or a length is 0 or above the number of steps.
            #[track_caller]
            pub fn run(
                &self,
                x: &Tensor<T>,
                state: Option<&RecurrentState<T>>,
                lengths: Option<&[usize]>,
                ctx: &mut Context,
            ) -> (Tensor<T>, RecurrentState<T>) {
                self.setup.run(&self.layers, x, state, lengths, ctx)
            }

            fn anew(mut self) -> Self {
                self.layers = self.setup.layers();
                self
            }
        }

        impl<T: Real> Forward<T> for $name<T> {
            #[track_caller]
            fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
                let shape = checked(self.output_shape(x.shape()));
                ctx.record(self, &shape);
                self.run(x, None, None, ctx).0
            }

            fn output_shape(&self, input: &Shape) -> Result<Shape> {
                self.setup.output_shape(input)
            }
        }
    )*};
}

layers! {
    /// Elman's recurrent network: `h' = f(x W + h U + b)`, with the hyperbolic tangent unless
    /// [`activation`](Self::activation) says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_nn::{Context, Forward, layers::Rnn};
    /// use purlin_tensor::Tensor;
    ///
    /// let rnn = Rnn::<f32>::new(3, 5, &Stream::new(0, "rnn")).n_layers(2).bidirectional(true);
    /// let y = rnn.forward(&Tensor::ones([4, 7, 3]), &mut Context::eval());
    /// assert_eq!(y.dims(), [4, 7, 10]);
    /// ```
    ///
    /// # References
    ///
    /// - J. L. Elman, *Finding structure in time*, Cognitive Science 14, 1990.
    Rnn, "rnn", Cell::Elman(Activation::Tanh);
    /// The gated recurrent unit, with the reset gate after the product (as in cuDNN, PyTorch and
    /// Keras): `r = s(x W_r + h U_r + b_r)`, `z = s(x W_z + h U_z + b_z)`,
    /// `n = tanh(x W_n + b_n + r (h U_n + c))`, `h' = n + z (h - n)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_nn::{Context, layers::Gru};
    /// use purlin_tensor::Tensor;
    ///
    /// let gru = Gru::<f32>::new(3, 5, &Stream::new(0, "gru"));
    /// let x = Tensor::ones([2, 4, 3]);
    /// let (y, state) = gru.run(&x, None, Some(&[4, 1]), &mut Context::eval());
    /// assert_eq!(state.cells[0].h.data()[5..], y.data()[4 * 5..5 * 5]); // after its only step
    /// assert_eq!(y.data()[5 * 5..], [0.0; 15]); // padding
    /// ```
    ///
    /// # References
    ///
    /// - K. Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical
    ///   machine translation*, EMNLP 2014.
    Gru, "gru", Cell::Gru;
    /// Long short-term memory: `i, f, o = s(x W + h U + b)`, `g = tanh(x W_g + h U_g + b_g)`,
    /// `c' = f c + i g`, `h' = o tanh(c')`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_nn::{Context, Forward, Module, layers::Lstm};
    /// use purlin_tensor::Tensor;
    ///
    /// let lstm = Lstm::<f32>::new(3, 8, &Stream::new(0, "lstm")).projection(2);
    /// let y = lstm.forward(&Tensor::ones([4, 7, 3]), &mut Context::eval());
    /// assert_eq!(y.dims(), [4, 7, 2]);
    /// assert_eq!(lstm.n_params(), (3 + 2 + 1) * 4 * 8 + 8 * 2);
    /// ```
    ///
    /// # References
    ///
    /// - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997.
    /// - F. A. Gers, J. Schmidhuber, F. Cummins, *Learning to forget: continual prediction with
    ///   LSTM*, Neural Computation 12, 2000.
    Lstm, "lstm", Cell::Lstm;
}

impl<T: Real> Rnn<T> {
    /// What is applied in place of the hyperbolic tangent.
    ///
    /// # Panics
    ///
    /// When a leaky slope is negative or NaN: the output would not tell the sign of the input.
    #[must_use]
    #[track_caller]
    pub fn activation(mut self, activation: Activation) -> Self {
        if let Activation::LeakyRelu(slope) = activation {
            let error = || Error::param("rnn", "slope", "at least 0", slope);
            assert!(slope >= 0.0, "{}", error());
        }
        self.setup.cell = Cell::Elman(activation);
        self
    }
}

impl<T: Real> Lstm<T> {
    /// Makes `outputs` numbers of the units' outputs by a matrix without bias: that is what is
    /// given out, and what the next step sees.
    ///
    /// H. Sak, A. Senior, F. Beaufays, *Long short-term memory recurrent neural network
    /// architectures for large scale acoustic modeling*, 2014.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub fn projection(mut self, outputs: usize) -> Self {
        at_least_one("lstm", "projection", outputs);
        self.setup.sizes.projection = Some(outputs);
        self.anew()
    }

    /// Adds a number to the biases of the forget gates, where there are biases: with 1, units remember
    /// from the start.
    ///
    /// R. Jozefowicz, W. Zaremba, I. Sutskever, *An empirical exploration of recurrent network
    /// architectures*, ICML 2015.
    ///
    /// # Panics
    ///
    /// Unless it is finite.
    #[must_use]
    #[track_caller]
    pub fn forget_bias(mut self, forget_bias: f64) -> Self {
        crate::layers::finite("lstm", "forget_bias", forget_bias);
        self.setup.sizes.forget_bias = forget_bias;
        self.anew()
    }
}
