//! A vector for each of many symbols.

use super::{at_least_one, checked, positive};
use crate::{Context, Forward, Init, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// A table with a row for each symbol: symbols in, their rows out.
///
/// | value    | shape                    |
/// |----------|--------------------------|
/// | symbols  | any                      |
/// | `weight` | `(n_symbols, features)`  |
/// | rows     | symbols' shape, features |
///
/// [`Forward::forward`] takes symbols as numbers of the tensor's type, which hold integers up to
/// 2^24 (`f32`) exactly; [`Embedding::lookup`] takes them as indices.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, Forward, layers::Embedding};
/// use purlin_tensor::Tensor;
///
/// let layer = Embedding::<f32>::new(5, 3, &Stream::new(0, "embedding")).padding_index(0);
/// let rows = layer.lookup(&[4, 0, 4], [1, 3]);
/// assert_eq!(rows.dims(), [1, 3, 3]);
/// assert_eq!(rows.data()[..3], rows.data()[6..]);
/// assert_eq!(rows.data()[3..6], [0.0; 3]);
/// let same = layer.forward(&Tensor::from([[4.0, 0.0, 4.0]]), &mut Context::eval());
/// assert_eq!(same, rows);
/// ```
#[derive(Debug, Clone, Module)]
pub struct Embedding<T: Real = f32> {
    /// `(n_symbols, features)`.
    pub weight: Param<T>,
    #[module(skip)]
    padding_index: Option<usize>,
    #[module(skip)]
    max_norm: Option<f64>,
    #[module(skip)]
    stream: Stream,
}

impl<T: Real> Embedding<T> {
    /// A table of standard normal numbers.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(n_symbols: usize, features: usize, stream: &Stream) -> Self {
        at_least_one("embedding", "n_symbols", n_symbols);
        at_least_one("embedding", "features", features);
        let init = Init::Normal { mean: 0.0, std: 1.0 };
        let weight = checked(init.tensor([n_symbols, features], &stream.child("weight")));
        let weight = Param::new(weight);
        Self { weight, padding_index: None, max_norm: None, stream: *stream }
    }

    /// Draws the table anew, from the stream that the layer was made with.
    ///
    /// # Panics
    ///
    /// When the parameters of `init` are invalid.
    #[must_use]
    #[track_caller]
    pub fn init(mut self, init: Init) -> Self {
        let weight = init.tensor(*self.weight.shape(), &self.stream.child("weight"));
        self.weight = Param::new(checked(weight));
        self.with_padding()
    }

    /// A symbol whose row becomes 0 and has no gradient.
    ///
    /// # Panics
    ///
    /// When there is no such symbol.
    #[must_use]
    #[track_caller]
    pub fn padding_index(mut self, symbol: usize) -> Self {
        let n = self.n_symbols();
        let error = || Error::param("embedding", "padding_index", format!("below {n}"), symbol);
        assert!(symbol < n, "{}", error());
        self.padding_index = Some(symbol);
        self.with_padding()
    }

    fn with_padding(mut self) -> Self {
        if let Some(symbol) = self.padding_index {
            let features = self.weight.shape()[1];
            self.weight.data_mut()[symbol * features..(symbol + 1) * features].fill(T::ZERO);
        }
        self
    }

    /// Rows that are longer than this are shortened to it as they are looked up; the gradient goes
    /// through.
    ///
    /// PyTorch shortens the table itself.
    ///
    /// # Panics
    ///
    /// Unless it is finite and above 0.
    #[must_use]
    #[track_caller]
    pub fn max_norm(mut self, max_norm: f64) -> Self {
        positive("embedding", "max_norm", max_norm);
        self.max_norm = Some(max_norm);
        self
    }

    fn n_symbols(&self) -> usize {
        self.weight.shape()[0]
    }

    /// The shape of the rows of symbols of this shape.
    #[track_caller]
    fn shape_of(&self, symbols: &Shape) -> Shape {
        Shape::new(&[symbols.dims(), &[self.weight.shape()[1]]].concat())
    }

    /// The rows of `symbols`, which lie as `shape` says.
    ///
    /// # Panics
    ///
    /// When a symbol is not in the table, or the shape has another number of elements.
    #[track_caller]
    pub fn lookup(&self, symbols: &[usize], shape: impl Into<Shape>) -> Tensor<T> {
        let (n, shape) = (self.n_symbols(), shape.into());
        if let Some(symbol) = symbols.iter().find(|&&symbol| symbol >= n) {
            panic!("{}", Error::param("embedding", "symbol", format!("below {n}"), symbol));
        }
        let error =
            || Error::shape("embedding", format!("{} symbols", shape.numel()), symbols.len());
        assert!(shape.numel() == symbols.len(), "{}", error());
        let mut rows = self.weight.index_select(0, symbols);
        if let Some(max_norm) = self.max_norm {
            // The least normal number keeps the derivative of the root finite at 0.
            let norms = rows.square().sum_axes(&[-1], true) + T::MIN_POSITIVE;
            let scale = norms.sqrt().recip() * T::from_f64(max_norm);
            rows = &rows * &scale.minimum(&Tensor::ones(*scale.shape()));
        }
        if let Some(padding) = self.padding_index
            && symbols.contains(&padding)
        {
            let is_padding = |&symbol: &usize| T::from_usize(usize::from(symbol == padding));
            let is_padding: Vec<T> = symbols.iter().map(is_padding).collect();
            let is_padding = Tensor::from_slice(&is_padding).reshape([symbols.len(), 1]);
            rows =
                &(&rows * &(Tensor::ones([1, 1]) - &is_padding)) + &(&rows.detach() * &is_padding);
        }
        rows.reshape(self.shape_of(&shape))
    }

    /// The scores of all symbols from features `(.., features)`: the product with the transposed
    /// table, so that one table serves both ends of a model (tied weights).
    ///
    /// O. Press, L. Wolf, *Using the output embedding to improve language models*, EACL 2017.
    ///
    /// # Panics
    ///
    /// When the last axis has another size.
    #[track_caller]
    pub fn scores(&self, x: &Tensor<T>) -> Tensor<T> {
        x.matmul(&self.weight.permute(&[1, 0]))
    }
}

impl<T: Real> Forward<T> for Embedding<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        ctx.record(self, &shape);
        let n = self.n_symbols();
        let symbol = |x: &T| {
            let symbol = x.to_f64();
            let is_met = symbol >= 0.0 && symbol < n as f64 && symbol.fract() == 0.0;
            let rule = || format!("an integer below {n}");
            assert!(is_met, "{}", Error::param("embedding", "symbol", rule(), symbol));
            symbol as usize
        };
        let symbols: Vec<usize> = x.data().iter().map(symbol).collect();
        self.lookup(&symbols, *x.shape())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(self.shape_of(input))
    }
}
