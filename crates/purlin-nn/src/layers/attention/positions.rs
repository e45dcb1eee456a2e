//! Where in a sequence a step is.

use crate::layers::{at_least_one, checked, positive};
use crate::{Context, Forward, Init, Module, Param};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// Adds to step `t` a row of sines and cosines: `sin(t / 10000^(2i/d))` to feature `2i`, the cosine
/// to feature `2i + 1`. Nothing is learned, and sequences may have any length.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, layers::SinusoidalPositions};
/// use purlin_tensor::Tensor;
///
/// let y = SinusoidalPositions.forward(&Tensor::<f64>::zeros([1, 2, 2]), &mut Context::eval());
/// assert_eq!(y.data()[..2], [0.0, 1.0]);
/// assert!((y.data()[2] - 1f64.sin()).abs() < 1e-15);
/// ```
///
/// # References
///
/// - A. Vaswani et al., *Attention is all you need*, NeurIPS 2017, section 3.5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
pub struct SinusoidalPositions;

impl SinusoidalPositions {
    /// [`Forward::forward`] of a sequence whose first step is step `first`.
    ///
    /// # Panics
    ///
    /// Unless `x` is `(batch, steps, features)`.
    #[track_caller]
    pub fn add<T: Real>(self, x: &Tensor<T>, first: usize) -> Tensor<T> {
        checked(Forward::<T>::output_shape(&self, x.shape()));
        let (steps, d) = (x.dims()[1], x.dims()[2]);
        let value = |i: usize| {
            let (t, j) = ((first + i / d) as f64, i % d);
            let angle = t / libm::pow(10_000.0, (j / 2 * 2) as f64 / d as f64);
            T::from_f64(if j.is_multiple_of(2) { libm::sin(angle) } else { libm::cos(angle) })
        };
        let table: Vec<T> = (0..steps * d).map(value).collect();
        x + &Tensor::from_slice(&table).reshape([steps, d])
    }
}

impl<T: Real> Forward<T> for SinusoidalPositions {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        ctx.record::<T>(self, x.shape());
        self.add(x, 0)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        sequence("sinusoidal_positions", input)
    }
}

fn sequence(op: &'static str, input: &Shape) -> Result<Shape> {
    if input.rank() == 3 {
        return Ok(*input);
    }
    Err(Error::shape(op, "input (batch, steps, features)", input))
}

/// Adds to step `t` row `t` of a table that is learned.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Context, Forward, layers::LearnedPositions};
/// use purlin_tensor::Tensor;
///
/// let layer = LearnedPositions::<f32>::new(8, 2, &Stream::new(0, "positions"));
/// let y = layer.forward(&Tensor::zeros([1, 3, 2]), &mut Context::eval());
/// assert_eq!(y.data(), &layer.weight.data()[..6]);
/// ```
#[derive(Debug, Clone, Module)]
pub struct LearnedPositions<T: Real = f32> {
    /// `(max_steps, features)`.
    pub weight: Param<T>,
}

impl<T: Real> LearnedPositions<T> {
    /// For up to `max_steps` steps of `features` numbers; rows begin normal with a standard
    /// deviation of 0.02.
    ///
    /// # Panics
    ///
    /// When a size is 0.
    #[track_caller]
    pub fn new(max_steps: usize, features: usize, stream: &Stream) -> Self {
        at_least_one("learned_positions", "max_steps", max_steps);
        at_least_one("learned_positions", "features", features);
        let init = Init::Normal { mean: 0.0, std: 0.02 };
        Self { weight: Param::new(checked(init.tensor([max_steps, features], stream))) }
    }

    /// [`Forward::forward`] of a sequence whose first step is step `first`.
    ///
    /// # Panics
    ///
    /// Unless `x` is `(batch, steps, features)` and the table has so many rows.
    #[track_caller]
    pub fn add(&self, x: &Tensor<T>, first: usize) -> Tensor<T> {
        checked(self.shape_of(x.shape(), first));
        x + &self.weight.slice(0, first..first + x.dims()[1])
    }

    fn shape_of(&self, input: &Shape, first: usize) -> Result<Shape> {
        let (most, features) = (self.weight.shape()[0], self.weight.shape()[1]);
        sequence("learned_positions", input)?;
        if first + input[1] <= most && input[2] == features {
            return Ok(*input);
        }
        let expected = format!("input (batch, at most {most} steps, {features})");
        Err(Error::shape("learned_positions", expected, input))
    }
}

impl<T: Real> Forward<T> for LearnedPositions<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        ctx.record(self, x.shape());
        self.add(x, 0)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.shape_of(input, 0)
    }
}

/// Turns each head's numbers by angles that grow with the place, so that products of queries and
/// keys depend on how far they are apart: feature `i` of the first half and feature `i` of the
/// second by `t base^(-2i/d)`.
///
/// `x` is `(batch, steps, heads, d)`; its first step is step `first`.
///
/// # Panics
///
/// Unless `x` has four axes and an even number of features, and `base` is finite and above 0.
///
/// # Examples
///
/// ```
/// use purlin_nn::layers::rotary;
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::<f64>::from([1.0, 0.0, 1.0, 0.0]).reshape([1, 2, 1, 2]);
/// let y = rotary(&x, 0, 10_000.0);
/// assert_eq!(y.data()[..2], [1.0, 0.0]); // the first step stays
/// assert!((y.data()[2] - 1f64.cos()).abs() < 1e-15 && (y.data()[3] - 1f64.sin()).abs() < 1e-15);
/// ```
///
/// # References
///
/// - J. Su et al., *RoFormer: enhanced transformer with rotary position embedding*, 2021; halves as
///   in GPT-NeoX and LLaMA.
#[track_caller]
pub fn rotary<T: Real>(x: &Tensor<T>, first: usize, base: f64) -> Tensor<T> {
    let is_met = x.rank() == 4 && x.dims()[3].is_multiple_of(2);
    let error = || Error::shape("rotary", "input (batch, steps, heads, even features)", x.shape());
    assert!(is_met, "{}", error());
    positive("rotary", "base", base);
    let (steps, half) = (x.dims()[1], x.dims()[3] / 2);
    let angle = |i: usize| {
        let (t, j) = ((first + i / half) as f64, i % half);
        t * libm::pow(base, -(j as f64) / half as f64)
    };
    let table = |f: fn(f64) -> f64| {
        let items: Vec<T> = (0..steps * half).map(|i| T::from_f64(f(angle(i)))).collect();
        Tensor::from_slice(&items).reshape([steps, 1, half])
    };
    let (cos, sin) = (table(libm::cos), table(libm::sin));
    let (a, b) = (x.slice(3, ..half), x.slice(3, half..));
    Tensor::concat(&[&(&a * &cos - &b * &sin), &(&b * &cos + &a * &sin)], 3)
}
