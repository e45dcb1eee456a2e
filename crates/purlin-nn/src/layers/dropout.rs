//! Dropout: random zeros while training.

use super::{checked, within_one};
use crate::{Context, Forward, Module};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Tensor, dropout_mask};

/// Sets each element to 0 with probability `p` while training, and divides the others by
/// `1 - p`, so that the mean stays. Does nothing in evaluation.
///
/// The mask comes from the context's stream: the same on any number of threads.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, layers::Dropout};
/// use purlin_tensor::Tensor;
///
/// let (layer, x) = (Dropout::new(0.5), Tensor::<f32>::ones([100]));
/// assert_eq!(layer.forward(&x, &mut Context::eval()), x);
/// let y = layer.forward(&x, &mut Context::train(1));
/// assert!(y.data().iter().all(|&v| v == 0.0 || v == 2.0));
/// assert_eq!(y, layer.forward(&x, &mut Context::train(1)));
/// ```
///
/// # References
///
/// - N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*,
///   JMLR 15, 2014.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct Dropout {
    #[module(skip)]
    p: f64,
}

/// [`Dropout`] of whole channels of a sequence `(batch, length, channels)`: neighbours in a
/// sequence repeat each other, so single zeros would hide little. Keras: `SpatialDropout1D`.
///
/// J. Tompson et al., *Efficient object localization using convolutional networks*, CVPR 2015.
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct Dropout1d {
    #[module(skip)]
    p: f64,
}

/// [`Dropout`] of whole channels of an image `(batch, height, width, channels)`. Keras:
/// `SpatialDropout2D`. See [`Dropout1d`].
#[derive(Debug, Clone, Copy, PartialEq, Module)]
pub struct Dropout2d {
    #[module(skip)]
    p: f64,
}

macro_rules! dropout_layer {
    ($name:ident, $op:literal, $expected:literal, $mask:expr) => {
        impl $name {
            /// Drops with probability `p`.
            ///
            /// # Panics
            ///
            /// Unless `0 <= p <= 1`.
            #[track_caller]
            pub fn new(p: f64) -> Self {
                within_one($op, "p", p);
                Self { p }
            }
        }

        impl<T: Real> Forward<T> for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
                let shape = checked(Forward::<T>::output_shape(self, x.shape()));
                ctx.record::<T>(self, &shape);
                if !ctx.is_training() || self.p == 0.0 {
                    return x.clone();
                }
                let mask_shape: fn(&Shape) -> Option<Shape> = $mask;
                x * dropout_mask(mask_shape(&shape).unwrap_or(shape), self.p, &ctx.stream())
            }

            fn output_shape(&self, input: &Shape) -> Result<Shape> {
                let mask_shape: fn(&Shape) -> Option<Shape> = $mask;
                match mask_shape(input) {
                    Some(_) => Ok(*input),
                    None => Err(Error::shape($op, $expected, input)),
                }
            }
        }
    };
}

dropout_layer!(Dropout, "dropout", "any input", |shape| Some(*shape));
dropout_layer!(Dropout1d, "dropout1d", "input (batch, length, channels)", |shape| {
    (shape.rank() == 3).then(|| shape.with(1, 1))
});
dropout_layer!(Dropout2d, "dropout2d", "input (batch, height, width, channels)", |shape| {
    (shape.rank() == 4).then(|| shape.with(1, 1).with(2, 1))
});
