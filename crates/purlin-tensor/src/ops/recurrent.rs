//! A recurrent layer over whole sequences as one operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, only_once};
use crate::ops::linear::bias_grad;
use crate::ops::or_panic;
use purlin_backend::Buffer;
use purlin_backend::gemm::{Activation, Epilogue, Gemm, gemm};
use purlin_backend::recurrent::{self as kernel, Cell, Recurrence};
use purlin_core::{Error, Real, Result, Shape};

/// The parameters of a recurrent layer; `g` is the number of gates ([`Cell::gates`]), `o` the size
/// of a state: `hidden`, or that of the projection.
#[derive(Debug, Clone, Copy)]
pub struct RecurrentWeights<'a, T: Real = f32> {
    /// `(features, g * hidden)`.
    pub input: &'a Tensor<T>,
    /// `(o, g * hidden)`.
    pub recurrent: &'a Tensor<T>,
    /// `(g * hidden,)`.
    pub bias: Option<&'a Tensor<T>>,
    /// `(hidden,)`, for [`Cell::Gru`] alone: the bias that its reset gate multiplies.
    pub reset_bias: Option<&'a Tensor<T>>,
    /// `(hidden, o)`, for [`Cell::Lstm`] alone.
    pub projection: Option<&'a Tensor<T>>,
}

/// How [`recurrent`] goes through the sequences.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecurrentOptions<'a> {
    /// Steps of each sequence; what follows is padding, which nothing depends on and whose outputs
    /// are 0. All steps without.
    pub lengths: Option<&'a [usize]>,
    /// Whether time runs backwards, from each sequence's own last step.
    pub reverse: bool,
}

/// What [`recurrent`] gives.
#[derive(Debug, Clone)]
pub struct RecurrentOutput<T: Real = f32> {
    /// The states after each step, `(batch, steps, o)`.
    pub output: Tensor<T>,
    /// The cells at the end, `(batch, hidden)`, for [`Cell::Lstm`].
    pub cell: Option<Tensor<T>>,
}

/// The gradients of a whole sequence in one walk back, and one product per weight.
struct RecurrentBackward<T: Real> {
    cell: Cell,
    hidden: usize,
    lengths: Option<Vec<usize>>,
    is_reverse: bool,
    /// With 0 in the padding.
    x: Tensor<T>,
    input: Tensor<T>,
    recurrent: Tensor<T>,
    reset_bias: Option<Tensor<T>>,
    projection: Option<Tensor<T>>,
    gates: Buffer<T>,
    before: Buffer<T>,
    other: Buffer<T>,
    unprojected: Buffer<T>,
    /// Inputs, for the error of second derivatives.
    sources: [Option<Tensor<T>>; N_INPUTS],
}

/// `x`, the five parameters, and the two states.
const N_INPUTS: usize = 8;
const X: usize = 0;
const INPUT: usize = 1;
const RECURRENT: usize = 2;
const BIAS: usize = 3;
const RESET_BIAS: usize = 4;
const PROJECTION: usize = 5;
const STATE: usize = 6;
const CELL: usize = 7;

impl<T: Real> Backward<T> for RecurrentBackward<T> {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let (n, steps) = (self.x.dims()[0], self.x.dims()[1]);
        let (features, hidden) = (self.x.dims()[2], self.hidden);
        let (outputs, width) = (self.recurrent.dims()[0], self.recurrent.dims()[1]);
        let rows = n * steps;
        let spec = Recurrence {
            cell: self.cell,
            n,
            steps,
            hidden,
            weight: self.recurrent.data(),
            bias: self.reset_bias.as_ref().map(Tensor::data),
            projection: self.projection.as_ref().map(Tensor::data),
            lengths: self.lengths.as_deref(),
            is_reverse: self.is_reverse,
        };
        let (is_gru, is_lstm) = (self.cell == Cell::Gru, self.cell == Cell::Lstm);
        let room = |is_there: bool, len: usize| Buffer::scratch(if is_there { len } else { 0 });
        let mut grad_gates = Buffer::scratch(rows * width);
        let mut grad_product = room(is_gru, rows * width);
        let mut grad_projected = room(self.projection.is_some(), rows * outputs);
        let mut grad_h = Buffer::zeroed(n * outputs);
        let mut grad_c = match flow.beside() {
            Some(grad) => Buffer::copy_of(grad.data()),
            None => Buffer::zeroed(if is_lstm { n * hidden } else { 0 }),
        };
        kernel::backward(
            &spec,
            kernel::Backward {
                gates: &self.gates,
                before: &self.before,
                other: &self.other,
                grad_y: grad.data(),
                grad_h: &mut grad_h,
                grad_c: &mut grad_c,
                grad_gates: &mut grad_gates,
                grad_product: &mut grad_product,
                grad_projected: &mut grad_projected,
            },
        );
        let needs: [bool; N_INPUTS] = std::array::from_fn(|i| flow.needs(i));
        let sources: Vec<Tensor<T>> = if flow.is_graph() {
            let of = |(i, x): (usize, &Option<Tensor<T>>)| x.as_ref().map(|x| flow.input(i, x));
            let inputs: Vec<Tensor<T>> = self.sources.iter().enumerate().filter_map(of).collect();
            inputs.into_iter().chain([grad]).chain(flow.beside().cloned()).collect()
        } else {
            Vec::new()
        };
        let mut send = |i: usize, grad: Tensor<T>| {
            if flow.is_graph() {
                let sources: Vec<&Tensor<T>> = sources.iter().collect();
                flow.send(i, only_once("recurrent", &grad, &sources));
            } else {
                flow.send(i, grad);
            }
        };
        // `a^T b` over all steps.
        let over_steps = |a: &[T], m: usize, b: &[T], n: usize| {
            let mut out = Buffer::scratch(m * n);
            gemm(&Gemm::new(m, rows, n).trans_a(), a, b, &mut out, &Epilogue::none());
            Tensor::new(Shape::from([m, n]), out)
        };
        let grad_gates = Tensor::new(Shape::from([rows, width]), grad_gates);
        let grad_product = if is_gru {
            Tensor::new(Shape::from([rows, width]), grad_product)
        } else {
            grad_gates.clone()
        };
        if needs[X] {
            let mut out = Buffer::scratch(rows * features);
            let spec = Gemm::new(rows, width, features).trans_b();
            let input = self.input.data();
            gemm(&spec, grad_gates.data(), input, &mut out, &Epilogue::none());
            send(X, Tensor::new(*self.x.shape(), out));
        }
        if needs[INPUT] {
            send(INPUT, over_steps(self.x.data(), features, grad_gates.data(), width));
        }
        if needs[RECURRENT] {
            send(RECURRENT, over_steps(&self.before, outputs, grad_product.data(), width));
        }
        if needs[BIAS] {
            send(BIAS, bias_grad(&grad_gates));
        }
        if needs[RESET_BIAS] {
            send(RESET_BIAS, bias_grad(&grad_product).slice(0, 2 * hidden..));
        }
        if needs[PROJECTION] {
            send(PROJECTION, over_steps(&self.unprojected, hidden, &grad_projected, outputs));
        }
        if needs[STATE] {
            send(STATE, Tensor::new(Shape::from([n, outputs]), grad_h));
        }
        if needs[CELL] {
            send(CELL, Tensor::new(Shape::from([n, hidden]), grad_c));
        }
    }
}

/// The cells at the end, which come with the outputs.
struct CellBackward {
    output: Shape,
}

impl<T: Real> Backward<T> for CellBackward {
    fn name(&self) -> &'static str {
        "recurrent"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send_beside(self.output, grad);
    }
}

/// Takes a batch of sequences through a recurrent layer of one direction.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(batch, steps, features)` |
/// | `state` | states `(batch, o)`, and cells `(batch, hidden)` for [`Cell::Lstm`]; 0 without |
/// | result | see [`RecurrentOutput`] |
///
/// What the steps compute is said in [`purlin_backend::recurrent`]. All inputs are multiplied in
/// one product; there is one node on the tape, whatever the number of steps. It has no second
/// derivative.
///
/// # Panics
///
/// When shapes do not fit, a length exceeds the steps, or the cell has no such parameter or state.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Activation, Cell, RecurrentOptions, RecurrentWeights, Tensor, recurrent};
///
/// // Running sums: h' = x + h.
/// let (input, weight) = (Tensor::from([[1.0f32]]), Tensor::from([[1.0f32]]));
/// let weights = RecurrentWeights {
///     input: &input,
///     recurrent: &weight,
///     bias: None,
///     reset_bias: None,
///     projection: None,
/// };
/// let x = Tensor::from([[[1.0f32], [2.0], [3.0]]]).requires_grad();
/// let cell = Cell::Elman(Activation::Identity);
/// let sums = recurrent(cell, &x, None, weights, RecurrentOptions::default()).output;
/// assert_eq!(sums.data(), [1.0, 3.0, 6.0]);
/// assert_eq!(sums.sum().backward().require(&x)?.data(), [3.0, 2.0, 1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[track_caller]
pub fn recurrent<T: Real>(
    cell: Cell,
    x: &Tensor<T>,
    state: Option<(&Tensor<T>, Option<&Tensor<T>>)>,
    weights: RecurrentWeights<'_, T>,
    options: RecurrentOptions<'_>,
) -> RecurrentOutput<T> {
    let sizes = or_panic(Sizes::of(cell, x, state, &weights, options.lengths));
    let Sizes { n, steps, features, hidden, outputs, width } = sizes;
    let RecurrentWeights { input, recurrent, bias, reset_bias, projection } = weights;
    let rows = n * steps;
    let x_clean = match options.lengths {
        Some(lengths) => without_padding(x, lengths),
        None => x.detach(),
    };
    let mut gates = Buffer::scratch(rows * width);
    let epilogue = Epilogue { bias: bias.map(Tensor::data), activation: Activation::Identity };
    let spec = Gemm::new(rows, features, width);
    gemm(&spec, x_clean.data(), input.data(), &mut gates, &epilogue);
    let (h, c) = state.map_or((None, None), |(h, c)| (Some(h), c));
    let start = |given: Option<&Tensor<T>>, len: usize| match given {
        Some(given) => Buffer::copy_of(given.data()),
        None => Buffer::zeroed(len),
    };
    let (is_gru, is_lstm) = (cell == Cell::Gru, cell == Cell::Lstm);
    let mut h_now = start(h, n * outputs);
    let mut c_now = start(c, if is_lstm { n * hidden } else { 0 });
    let mut y = Buffer::scratch(rows * outputs);
    let inputs = [Some(x), Some(input), Some(recurrent), bias, reset_bias, projection, h, c];
    let edges = Edges::of_some(&inputs);
    let room = |is_there: bool, size: usize| {
        Buffer::scratch(if is_there && edges.is_some() { rows * size } else { 0 })
    };
    let mut before = room(true, outputs);
    let mut other = room(is_gru || is_lstm, hidden);
    let mut unprojected = room(projection.is_some(), hidden);
    let spec = Recurrence {
        cell,
        n,
        steps,
        hidden,
        weight: recurrent.data(),
        bias: reset_bias.map(Tensor::data),
        projection: projection.map(Tensor::data),
        lengths: options.lengths,
        is_reverse: options.reverse,
    };
    let (before_out, other_out) = (&mut before, &mut other);
    let kept = edges.is_some().then(|| kernel::Kept {
        before: before_out,
        other: other_out,
        unprojected: &mut unprojected,
    });
    let arrays =
        kernel::Forward { gates: &mut gates, h: &mut h_now, c: &mut c_now, y: &mut y, kept };
    kernel::forward(&spec, arrays);
    let tracked = |i: usize| edges.as_ref().is_some_and(|edges| edges.has(i));
    let sources = std::array::from_fn(|i| inputs[i].filter(|_| tracked(i)).map(Tensor::detach));
    let output = Tensor::new(Shape::from([n, steps, outputs]), y);
    let output = output.record(edges, "recurrent", |_| RecurrentBackward {
        cell,
        hidden,
        lengths: options.lengths.map(<[usize]>::to_vec),
        is_reverse: options.reverse,
        x: x_clean,
        input: input.detach(),
        recurrent: recurrent.detach(),
        reset_bias: reset_bias.map(Tensor::detach),
        projection: projection.map(Tensor::detach),
        gates,
        before,
        other,
        unprojected,
        sources,
    });
    let cell = is_lstm.then(|| {
        let cell = Tensor::new(Shape::from([n, hidden]), c_now);
        let shape = *output.shape();
        cell.record(Edges::of(&[&output]), "recurrent", |_| CellBackward { output: shape })
    });
    RecurrentOutput { output, cell }
}

/// The sizes of a recurrence, which all shapes must agree with.
struct Sizes {
    n: usize,
    steps: usize,
    features: usize,
    hidden: usize,
    outputs: usize,
    width: usize,
}

impl Sizes {
    fn of<T: Real>(
        cell: Cell,
        x: &Tensor<T>,
        state: Option<(&Tensor<T>, Option<&Tensor<T>>)>,
        weights: &RecurrentWeights<'_, T>,
        lengths: Option<&[usize]>,
    ) -> Result<Self> {
        const OP: &str = "recurrent";
        let expect = |is_met: bool, expected: String, got: &Tensor<T>| {
            if is_met { Ok(()) } else { Err(Error::shape(OP, expected, got.shape())) }
        };
        let gates = cell.gates();
        let RecurrentWeights { input, recurrent, bias, reset_bias, projection } = *weights;
        expect(
            input.rank() == 2 && input.dims()[1] > 0 && input.dims()[1].is_multiple_of(gates),
            format!("input weight (features, {gates} * hidden)"),
            input,
        )?;
        let (features, width) = (input.dims()[0], input.dims()[1]);
        expect(
            x.rank() == 3 && x.dims()[2] == features,
            format!("input (batch, steps, {features})"),
            x,
        )?;
        let (n, steps, hidden) = (x.dims()[0], x.dims()[1], width / gates);
        let outputs = match projection {
            None => hidden,
            Some(projection) => {
                let is_met = projection.rank() == 2
                    && projection.dims()[0] == hidden
                    && projection.dims()[1] > 0;
                expect(is_met, format!("projection ({hidden}, outputs)"), projection)?;
                projection.dims()[1]
            }
        };
        let is_met = recurrent.dims() == [outputs, width];
        expect(is_met, format!("recurrent weight ({outputs}, {width})"), recurrent)?;
        if let Some(bias) = bias {
            expect(bias.dims() == [width], format!("bias ({width},)"), bias)?;
        }
        if let Some(bias) = reset_bias {
            let is_met = cell == Cell::Gru && bias.dims() == [hidden];
            expect(is_met, format!("reset bias ({hidden},) of a GRU"), bias)?;
        }
        if let (Some(projection), false) = (projection, cell == Cell::Lstm) {
            expect(false, "no projection but of an LSTM".into(), projection)?;
        }
        if let Some((h, c)) = state {
            expect(h.dims() == [n, outputs], format!("state ({n}, {outputs})"), h)?;
            match c {
                Some(c) => {
                    let is_met = cell == Cell::Lstm && c.dims() == [n, hidden];
                    expect(is_met, format!("cell ({n}, {hidden}) of an LSTM"), c)?;
                }
                None if cell == Cell::Lstm => {
                    return Err(Error::shape(OP, "a cell beside the state", "none"));
                }
                None => {}
            }
        }
        if let Some(lengths) = lengths {
            if lengths.len() != n {
                return Err(Error::shape(OP, format!("{n} lengths"), lengths.len()));
            }
            if let Some(length) = lengths.iter().find(|&&length| length > steps) {
                return Err(Error::param(OP, "lengths", format!("at most {steps}"), length));
            }
        }
        Ok(Self { n, steps, features, hidden, outputs, width })
    }
}

/// A copy of `x` with 0 in its padding.
fn without_padding<T: Real>(x: &Tensor<T>, lengths: &[usize]) -> Tensor<T> {
    let mut items = Buffer::copy_of(x.data());
    let per_row = x.dims()[1] * x.dims()[2];
    for (row, length) in items.chunks_mut(per_row.max(1)).zip(lengths) {
        row[length * x.dims()[2]..].fill(T::ZERO);
    }
    Tensor::new(*x.shape(), items)
}
