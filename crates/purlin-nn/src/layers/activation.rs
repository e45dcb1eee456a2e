//! Activations as layers. Each is also a method of the same name on
//! [`Tensor`](purlin_tensor::Tensor); [`Linear`](super::Linear) and [`Conv2d`](super::Conv2d) can
//! apply the cheap ones while they write their output.

use super::{finite, stateless_shape};
use crate::{Context, Forward, Module};
use purlin_core::{Real, Result, Shape};
use purlin_tensor::Tensor;

macro_rules! activation {
    ($(#[$doc:meta])* $name:ident, $x:ident => $y:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
        pub struct $name;

        impl<T: Real> Forward<T> for $name {
            fn forward(&self, $x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
                ctx.record::<T>(self, $x.shape());
                $y
            }
            fn output_shape(&self, input: &Shape) -> Result<Shape> {
                stateless_shape(input)
            }
        }
    };
}

activation!(
    /// `max(x, 0)`; the slope at 0 is 0.
    ///
    /// ```
    /// use purlin_nn::{Context, Forward, layers::Relu};
    /// use purlin_tensor::Tensor;
    ///
    /// let y = Relu.forward(&Tensor::<f32>::from([-1.0, 0.0, 2.0]), &mut Context::eval());
    /// assert_eq!(y.to_vec(), [0.0, 0.0, 2.0]);
    /// ```
    Relu, x => x.relu()
);
activation!(
    /// `x Phi(x)` with the exact normal distribution function. D. Hendrycks, K. Gimpel, 2016.
    Gelu, x => x.gelu()
);
activation!(
    /// The tanh form of [`Gelu`], as GPT-2 has it:
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    GeluTanh, x => x.gelu_tanh()
);
activation!(
    /// `x sigmoid(x)`, also called Swish.
    #[doc(alias = "Swish")]
    Silu, x => x.silu()
);
activation!(
    /// `1 / (1 + exp(-x))`.
    Sigmoid, x => x.sigmoid()
);
activation!(
    /// Hyperbolic tangent.
    Tanh, x => x.tanh()
);

/// `x` where it is positive, `negative_slope * x` elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct LeakyRelu {
    #[module(skip)]
    negative_slope: f64,
}

impl LeakyRelu {
    /// PyTorch's default slope is 0.01, Keras's 0.3.
    ///
    /// # Panics
    ///
    /// Unless `negative_slope` is finite.
    #[track_caller]
    pub fn new(negative_slope: f64) -> Self {
        finite("leaky_relu", "negative_slope", negative_slope);
        Self { negative_slope }
    }
}

impl Default for LeakyRelu {
    /// Slope 0.01.
    fn default() -> Self {
        Self::new(0.01)
    }
}

impl<T: Real> Forward<T> for LeakyRelu {
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        ctx.record::<T>(self, x.shape());
        x.leaky_relu(self.negative_slope)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        stateless_shape(input)
    }
}

/// `x` where it is positive, `alpha (exp(x) - 1)` elsewhere. D.-A. Clevert et al., 2015.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct Elu {
    #[module(skip)]
    alpha: f64,
}

impl Elu {
    /// With the limit `-alpha` for very negative input.
    ///
    /// # Panics
    ///
    /// Unless `alpha` is finite.
    #[track_caller]
    pub fn new(alpha: f64) -> Self {
        finite("elu", "alpha", alpha);
        Self { alpha }
    }
}

impl Default for Elu {
    /// `alpha` = 1.
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl<T: Real> Forward<T> for Elu {
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        ctx.record::<T>(self, x.shape());
        x.elu(self.alpha)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        stateless_shape(input)
    }
}

/// `ln(1 + exp(beta x)) / beta`, without overflow: a smooth `max(x, 0)`, the closer the greater
/// `beta`.
///
/// ```
/// use purlin_nn::{Context, Forward, layers::Softplus};
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::<f64>::from([0.0, 6.0]);
/// let y = Softplus::new(2.0).threshold(10.0).forward(&x, &mut Context::eval());
/// assert_eq!(y.to_vec(), [std::f64::consts::LN_2 / 2.0, 6.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct Softplus {
    #[module(skip)]
    beta: f64,
    #[module(skip)]
    threshold: f64,
}

impl Softplus {
    /// With this `beta` and no threshold.
    ///
    /// # Panics
    ///
    /// Unless `beta` is positive and finite.
    #[track_caller]
    pub fn new(beta: f64) -> Self {
        assert!(
            beta > 0.0 && beta.is_finite(),
            "softplus: beta must be positive and finite, got {beta}"
        );
        Self { beta, threshold: f64::INFINITY }
    }

    /// Above `beta x = threshold` the result is `x` itself. PyTorch's default is 20, where the
    /// difference is 2e-9; none here.
    ///
    /// # Panics
    ///
    /// Unless it is at least 0.
    #[must_use]
    #[track_caller]
    pub fn threshold(mut self, threshold: f64) -> Self {
        assert!(threshold >= 0.0, "softplus: threshold must be at least 0, got {threshold}");
        self.threshold = threshold;
        self
    }
}

impl Default for Softplus {
    /// `beta` = 1, no threshold.
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl<T: Real> Forward<T> for Softplus {
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        ctx.record::<T>(self, x.shape());
        x.softplus_with(self.beta, self.threshold)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        stateless_shape(input)
    }
}

macro_rules! along_axis {
    ($(#[$doc:meta])* $name:ident, $op:literal, $method:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Module)]
        pub struct $name {
            #[module(skip)]
            axis: isize,
        }

        impl $name {
            /// Along `axis`; negative ones count from the end.
            pub fn new(axis: isize) -> Self {
                Self { axis }
            }
        }

        impl Default for $name {
            /// Along the last axis.
            fn default() -> Self {
                Self::new(-1)
            }
        }

        impl<T: Real> Forward<T> for $name {
            fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
                ctx.record::<T>(self, x.shape());
                x.$method(self.axis)
            }
            fn output_shape(&self, input: &Shape) -> Result<Shape> {
                input.axis($op, self.axis)?;
                Ok(*input)
            }
        }
    };
}

along_axis!(
    /// `exp(x) / sum(exp(x))` along an axis, the last by default, without overflow.
    Softmax, "softmax", softmax
);
along_axis!(
    /// The logarithm of [`Softmax`], computed without taking the logarithm of a small number.
    LogSoftmax, "log_softmax", log_softmax
);
