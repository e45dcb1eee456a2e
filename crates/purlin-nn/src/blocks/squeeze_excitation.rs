//! Weighing channels by what the whole image holds.

use crate::layers::{GlobalAvgPool2d, Linear, at_least_one, checked};
use crate::{Context, Forward, Module};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Tensor};

/// Squeeze and excitation: each channel of an image is multiplied by a number between 0 and 1 that
/// two layers compute from the means of all channels.
///
/// `y = x s`, `s = sigmoid(fc2(relu(fc1(mean of x over its pixels))))`
///
/// | value        | shape                                  |
/// |--------------|----------------------------------------|
/// | `x`, `y`     | `(batch, height, width, channels)`     |
/// | `fc1.weight` | `(channels, channels / reduction)`     |
/// | `fc2.weight` | `(channels / reduction, channels)`     |
///
/// Both layers have a bias and begin as [`Linear`] does.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Context, Forward, Module, Stream, Tensor, blocks::SqueezeExcitation};
///
/// let mut block: SqueezeExcitation = SqueezeExcitation::new(4, 2, &Stream::new(0, "init"));
/// let zeros = |t: &Tensor| Tensor::zeros(*t.shape());
/// block.for_each_param_mut(&mut |_, param| param.set(&zeros(param)).unwrap());
/// let x = Tensor::ones([1, 2, 2, 4]);
/// let y = block.forward(&x, &mut Context::eval());
/// assert!(y.data().iter().all(|&v| v == 0.5)); // sigmoid(0)
/// ```
///
/// # References
///
/// - J. Hu, L. Shen, G. Sun, *Squeeze-and-excitation networks*, CVPR 2018, section 3.
#[derive(Debug, Clone, Module)]
pub struct SqueezeExcitation<T: Real = f32> {
    /// From the means to fewer numbers.
    pub fc1: Linear<T>,
    /// Back to a number for each channel.
    pub fc2: Linear<T>,
    #[module(skip)]
    channels: usize,
}

impl<T: Real> SqueezeExcitation<T> {
    /// For images of `channels`, with `channels / reduction` numbers between the two layers; the
    /// paper takes a `reduction` of 16.
    ///
    /// # Panics
    ///
    /// When `channels` is 0, or `reduction` does not divide it.
    #[track_caller]
    pub fn new(channels: usize, reduction: usize, stream: &Stream) -> Self {
        let op = "squeeze_excitation";
        at_least_one(op, "channels", channels);
        let rule = || format!("a divisor of {channels} channels");
        let is_met = reduction > 0 && channels.is_multiple_of(reduction);
        assert!(is_met, "{}", Error::param(op, "reduction", rule(), reduction));
        let hidden = channels / reduction;
        Self {
            fc1: Linear::new(channels, hidden, &stream.child("fc1")).activation(Activation::Relu),
            fc2: Linear::new(hidden, channels, &stream.child("fc2"))
                .activation(Activation::Sigmoid),
            channels,
        }
    }
}

impl<T: Real> Forward<T> for SqueezeExcitation<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        let shape = checked(self.output_shape(x.shape()));
        let means = GlobalAvgPool2d.forward(x, ctx);
        let scale = self.fc2.forward(&self.fc1.forward(&means, ctx), ctx);
        x * scale.reshape([shape[0], 1, 1, self.channels])
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.dims() {
            &[_, height, width, channels] if height * width > 0 && channels == self.channels => {
                Ok(*input)
            }
            _ => {
                let expected =
                    format!("input (batch, height, width, {}) with pixels", self.channels);
                Err(Error::shape("squeeze_excitation", expected, input))
            }
        }
    }
}
