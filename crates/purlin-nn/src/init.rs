//! How a weight begins.
//!
//! All draws come from the [`Stream`] that is handed in: item `i` of a tensor has the same draw
//! on any number of threads.

use purlin_core::rng::{Rng, Stream};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// Items per generator: a fixed block, so that threads do not matter.
const BLOCK: usize = 4096;

/// The initial values of a weight.
///
/// *Fan in* and *fan out* are read off the shape in this crate's layouts: the last axis counts
/// outputs, the one before it inputs, and all axes before those are the receptive field. So a
/// linear weight `(in_features, out_features)` has these fans, and a convolution weight
/// `(kernel_h, kernel_w, in / groups, out)` has fan in `kernel_h * kernel_w * in / groups` and
/// fan out `kernel_h * kernel_w * out`, as in PyTorch. A shape of rank 1 has both fans equal to
/// its size.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::Init;
///
/// let stream = Stream::new(3, "weight");
/// let weight = Init::XavierUniform.tensor::<f32>([300, 100], &stream)?;
/// let bound = (6.0f32 / 400.0).sqrt();
/// assert!(weight.data().iter().all(|w| w.abs() <= bound));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural
///   networks*, AISTATS 2010.
/// - K. He et al., *Delving deep into rectifiers*, ICCV 2015.
/// - A. M. Saxe et al., *Exact solutions to the nonlinear dynamics of learning in deep linear
///   neural networks*, ICLR 2014.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// All the same.
    Constant(f64),
    /// Uniform in `[lo, hi)`.
    Uniform {
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Normal, redrawn until within `[lo, hi]`.
    TruncatedNormal {
        /// Mean before truncation.
        mean: f64,
        /// Standard deviation before truncation.
        std: f64,
        /// Least value.
        lo: f64,
        /// Greatest value.
        hi: f64,
    },
    /// Glorot's uniform: within `sqrt(6 / (fan_in + fan_out))`. Keras's default for dense and
    /// convolution layers.
    #[doc(alias = "GlorotUniform")]
    XavierUniform,
    /// Glorot's normal: standard deviation `sqrt(2 / (fan_in + fan_out))`.
    #[doc(alias = "GlorotNormal")]
    XavierNormal,
    /// He's uniform: within `sqrt(6 / fan_in)`, for layers followed by ReLU.
    #[doc(alias = "HeUniform")]
    KaimingUniform,
    /// He's normal: standard deviation `sqrt(2 / fan_in)`.
    #[doc(alias = "HeNormal")]
    KaimingNormal,
    /// Within `1 / sqrt(fan_in)`: PyTorch's default for linear and convolution layers (it writes
    /// it as Kaiming with `a = sqrt(5)`), and the default here. Biases use the weight's bound.
    FanInUniform,
    /// The general form of the six above: variance `gain^2 / fan`.
    VarianceScaling {
        /// Factor on the standard deviation; see [`Gain`].
        gain: f64,
        /// Which fan divides the variance.
        fan: Fan,
        /// The shape of the distribution.
        distribution: Distribution,
    },
    /// A (semi-)orthogonal matrix times `gain`; axes before the last are joined into rows.
    Orthogonal {
        /// Factor.
        gain: f64,
    },
}

/// Which connections divide the variance of [`Init::VarianceScaling`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fan {
    /// Inputs per output: keeps the variance of activations.
    In,
    /// Outputs per input: keeps the variance of gradients.
    Out,
    /// The mean of both.
    Average,
}

/// The distribution of [`Init::VarianceScaling`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Uniform within `sqrt(3)` standard deviations.
    Uniform,
    /// Normal.
    Normal,
    /// Normal cut at two standard deviations, widened so that the standard deviation after the
    /// cut is the wanted one (Keras's `truncated_normal`).
    TruncatedNormal,
}

/// The factor on the standard deviation that makes up for an activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gain {
    /// 1: no activation, sigmoid, convolution.
    Linear,
    /// 5/3.
    Tanh,
    /// `sqrt(2)`.
    Relu,
    /// `sqrt(2 / (1 + slope^2))`.
    LeakyRelu(f64),
    /// 3/4.
    Selu,
}

impl Gain {
    /// The factor.
    pub fn value(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => 2.0f64.sqrt(),
            Self::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Self::Selu => 0.75,
        }
    }
}

/// `(fan_in, fan_out)` of a weight of this shape; see [`Init`].
pub fn fans(shape: &Shape) -> (usize, usize) {
    match shape.dims() {
        [] => (1, 1),
        &[n] => (n, n),
        [field @ .., n_in, n_out] => {
            let field: usize = field.iter().product();
            (field * n_in, field * n_out)
        }
    }
}

/// The standard deviation of a standard normal cut at two standard deviations.
const STD_CUT_AT_2: f64 = 0.879_625_661_034_239_8;

impl Init {
    /// A new tensor of this shape.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when a bound is not finite (those of a truncation may be infinite,
    /// not NaN), `lo > hi`, a standard deviation or gain is negative, a truncation leaves less than
    /// about a thousandth of the distribution, or a value that was drawn is too great for `T`;
    /// [`Error::Shape`] when [`Init::Orthogonal`] meets a rank below 2.
    pub fn tensor<T: Real>(self, shape: impl Into<Shape>, stream: &Stream) -> Result<Tensor<T>> {
        let shape = shape.into();
        self.check(&shape)?;
        let values: Tensor<T> = self.draw(shape, stream)?;
        // Parameters are f64: what they ask for may lie beyond `T`.
        match values.data().iter().find(|x| !x.is_finite()) {
            None => Ok(values),
            Some(x) => {
                let rule = format!("such that every value is finite in {}", T::NAME);
                Err(Error::param("init", "parameters", rule, format!("{x} from {self:?}")))
            }
        }
    }

    fn draw<T: Real>(self, shape: Shape, stream: &Stream) -> Result<Tensor<T>> {
        let (fan_in, fan_out) = fans(&shape);
        let scaling = |gain: f64, fan, distribution| {
            let fan = match fan {
                Fan::In => fan_in as f64,
                Fan::Out => fan_out as f64,
                Fan::Average => (fan_in + fan_out) as f64 / 2.0,
            };
            (gain / fan.max(1.0).sqrt(), distribution)
        };
        let (std, distribution) = match self {
            Self::Zeros => return Ok(Tensor::zeros(shape)),
            Self::Ones => return Ok(Tensor::ones(shape)),
            Self::Constant(value) => return Ok(Tensor::full(shape, T::from_f64(value))),
            Self::Uniform { lo, hi } => {
                return Ok(draw(shape, stream, |rng| rng.uniform_in(lo, hi)));
            }
            Self::Normal { mean, std } => {
                return Ok(draw(shape, stream, |rng| std.mul_add(rng.normal(), mean)));
            }
            Self::TruncatedNormal { mean, std, lo, hi } => {
                return Ok(draw(shape, stream, |rng| truncated(rng, mean, std, lo, hi)));
            }
            Self::Orthogonal { gain } => return orthogonal(shape, gain, stream),
            Self::XavierUniform => scaling(1.0, Fan::Average, Distribution::Uniform),
            Self::XavierNormal => scaling(1.0, Fan::Average, Distribution::Normal),
            Self::KaimingUniform => scaling(2.0f64.sqrt(), Fan::In, Distribution::Uniform),
            Self::KaimingNormal => scaling(2.0f64.sqrt(), Fan::In, Distribution::Normal),
            Self::FanInUniform => scaling((1.0f64 / 3.0).sqrt(), Fan::In, Distribution::Uniform),
            Self::VarianceScaling { gain, fan, distribution } => scaling(gain, fan, distribution),
        };
        Ok(match distribution {
            Distribution::Uniform => {
                let bound = 3.0f64.sqrt() * std;
                check_span(-bound, bound)?;
                draw(shape, stream, |rng| rng.uniform_in(-bound, bound))
            }
            Distribution::Normal => draw(shape, stream, |rng| std * rng.normal()),
            Distribution::TruncatedNormal => {
                let std = std / STD_CUT_AT_2;
                draw(shape, stream, |rng| truncated(rng, 0.0, std, -2.0 * std, 2.0 * std))
            }
        })
    }

    fn check(self, shape: &Shape) -> Result<()> {
        let finite = |param, value: f64| {
            if value.is_finite() {
                Ok(())
            } else {
                Err(Error::param("init", param, "finite", value))
            }
        };
        let not_negative = |param, value: f64| {
            finite(param, value)?;
            if value >= 0.0 {
                Ok(())
            } else {
                Err(Error::param("init", param, "at least 0", value))
            }
        };
        match self {
            Self::Constant(value) => finite("value", value),
            Self::Uniform { lo, hi } => {
                finite("lo", lo)?;
                finite("hi", hi)?;
                if lo <= hi {
                    check_span(lo, hi)
                } else {
                    Err(Error::param("init", "lo", format!("at most hi = {hi}"), lo))
                }
            }
            Self::Normal { mean, std } => {
                finite("mean", mean)?;
                not_negative("std", std)
            }
            Self::TruncatedNormal { mean, std, lo, hi } => {
                finite("mean", mean)?;
                not_negative("std", std)?;
                // `f64::max` and `f64::min` below would drop NaN, and no draw lies beside it.
                for (param, bound) in [("lo", lo), ("hi", hi)] {
                    if bound.is_nan() {
                        return Err(Error::param("init", param, "a number", bound));
                    }
                }
                // Redrawing ends soon if the interval reaches within 3 standard deviations of the
                // mean and is not a sliver.
                let (a, b) = (lo.max(mean - 3.0 * std), hi.min(mean + 3.0 * std));
                let wide_enough = b - a >= 0.1 * std && a <= b;
                if wide_enough {
                    Ok(())
                } else {
                    Err(Error::param(
                        "init",
                        "[lo, hi]",
                        "at least 0.1 std wide within 3 std of the mean",
                        format!("[{lo}, {hi}] for mean {mean}, std {std}"),
                    ))
                }
            }
            Self::VarianceScaling { gain, .. } => not_negative("gain", gain),
            Self::Orthogonal { gain } => {
                finite("gain", gain)?;
                if shape.rank() >= 2 {
                    Ok(())
                } else {
                    Err(Error::shape("init", "a weight of rank 2 or more for Orthogonal", shape))
                }
            }
            _ => Ok(()),
        }
    }
}

/// A uniform draw scales by `hi - lo`.
fn check_span(lo: f64, hi: f64) -> Result<()> {
    if (hi - lo).is_finite() {
        Ok(())
    } else {
        Err(Error::param("init", "hi - lo", "finite", format!("{} for [{lo}, {hi})", hi - lo)))
    }
}

/// Fills a tensor from one generator per block of [`BLOCK`] items.
fn draw<T: Real>(shape: Shape, stream: &Stream, f: impl Fn(&mut Rng) -> f64 + Sync) -> Tensor<T> {
    let mut out = Tensor::zeros(shape);
    let data = out.data_mut();
    let work = data.len() * 64; // some 64 operations a draw
    purlin_backend::parallel::for_each_chunk(data, BLOCK, work, |block, chunk| {
        let mut rng = stream.rng(block as u64);
        for value in chunk {
            *value = T::from_f64(f(&mut rng));
        }
    });
    out
}

fn truncated(rng: &mut Rng, mean: f64, std: f64, lo: f64, hi: f64) -> f64 {
    loop {
        let value = std.mul_add(rng.normal(), mean);
        if (lo..=hi).contains(&value) {
            return value;
        }
    }
}

/// Orthonormal rows or columns, whichever are fewer, of a random direction (Haar): Gram-Schmidt
/// with a second pass on normal draws, in f64.
fn orthogonal<T: Real>(shape: Shape, gain: f64, stream: &Stream) -> Result<Tensor<T>> {
    let cols = shape[shape.rank() - 1];
    let rows: usize = shape[..shape.rank() - 1].iter().product();
    let (n_vectors, length) = (rows.min(cols), rows.max(cols));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(n_vectors);
    for i in 0..n_vectors {
        let mut rng = stream.rng(i as u64);
        // A draw that (almost) lies in the span of the earlier ones is redrawn.
        let vector = loop {
            let mut vector: Vec<f64> = (0..length).map(|_| rng.normal()).collect();
            for _ in 0..2 {
                for earlier in &vectors {
                    let along = dot(earlier, &vector);
                    for (v, e) in vector.iter_mut().zip(earlier) {
                        *v = along.mul_add(-e, *v);
                    }
                }
            }
            let norm = dot(&vector, &vector).sqrt();
            if norm > 1e-6 {
                for v in &mut vector {
                    *v /= norm;
                }
                break vector;
            }
        };
        vectors.push(vector);
    }
    let at =
        |row: usize, col: usize| if rows <= cols { vectors[row][col] } else { vectors[col][row] };
    let values = (0..rows)
        .flat_map(|row| (0..cols).map(move |col| (row, col)))
        .map(|(row, col)| T::from_f64(gain * at(row, col)))
        .collect();
    Tensor::from_vec(values, shape)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| a.mul_add(*b, sum))
}
