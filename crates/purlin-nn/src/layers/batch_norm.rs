//! Normalisation over the batch.

use super::{at_least_one, checked, positive, within_one};
use crate::{Buffer, Context, Forward, Module, Param};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Tensor, batch_norm, batch_norm_infer, no_grad};

macro_rules! batch_norm_layer {
    ($(#[$doc:meta])* $name:ident, $op:literal, $expected:literal, $ranks:pat) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Module)]
        pub struct $name<T: Real = f32> {
            /// The scale per channel, unless `affine` is off; begins as 1.
            pub weight: Option<Param<T>>,
            /// The shift per channel, unless `affine` is off; begins as 0.
            pub bias: Option<Param<T>>,
            /// Moving average of the batches' means; begins as 0.
            pub running_mean: Buffer<T>,
            /// Moving average of the batches' unbiased variances; begins as 1.
            pub running_var: Buffer<T>,
            #[module(skip)]
            eps: f64,
            #[module(skip)]
            momentum: f64,
            #[module(skip)]
            activation: Activation,
        }

        impl<T: Real> $name<T> {
            /// For this many channels, with `eps` 1e-5, `momentum` 0.1, scale and shift.
            ///
            /// # Panics
            ///
            /// When there are no channels.
            #[track_caller]
            pub fn new(num_features: usize) -> Self {
                at_least_one($op, "num_features", num_features);
                Self {
                    weight: Some(Param::new(Tensor::ones(num_features))),
                    bias: Some(Param::new(Tensor::zeros(num_features))),
                    running_mean: Buffer::new(Tensor::zeros(num_features)),
                    running_var: Buffer::new(Tensor::ones(num_features)),
                    eps: 1e-5,
                    momentum: 0.1,
                    activation: Activation::Identity,
                }
            }

            /// What is added to the variance. Keras's default is 1e-3.
            ///
            /// # Panics
            ///
            /// Unless it is finite and positive.
            #[must_use]
            #[track_caller]
            pub fn eps(mut self, eps: f64) -> Self {
                positive($op, "eps", eps);
                self.eps = eps;
                self
            }

            /// The weight of the newest batch in the running statistics, as in PyTorch. Keras's
            /// `momentum` is 1 minus this; its default of 0.99 is 0.01 here.
            ///
            /// # Panics
            ///
            /// Unless it lies in 0..=1.
            #[must_use]
            #[track_caller]
            pub fn momentum(mut self, momentum: f64) -> Self {
                within_one($op, "momentum", momentum);
                self.momentum = momentum;
                self
            }

            /// With (the default) or without scale and shift.
            #[must_use]
            pub fn affine(mut self, affine: bool) -> Self {
                let n = self.num_features();
                self.weight = affine.then(|| Param::new(Tensor::ones(n)));
                self.bias = affine.then(|| Param::new(Tensor::zeros(n)));
                self
            }

            /// What is applied to the output; nothing unless set.
            #[must_use]
            pub fn activation(mut self, activation: Activation) -> Self {
                self.activation = activation;
                self
            }

            /// [`Forward::forward`] with `other`, of the shape of `x`, added before the activation:
            /// `activation(norm(x) + other)`, the end of a residual block.
            ///
            /// # Panics
            ///
            /// When a shape does not fit, or as [`Forward::forward`].
            #[track_caller]
            pub fn forward_add(
                &self,
                x: &Tensor<T>,
                other: &Tensor<T>,
                ctx: &mut Context,
            ) -> Tensor<T> {
                let is_met = other.shape() == x.shape();
                let expected = || format!("other of shape {}", x.shape());
                assert!(is_met, "{}", Error::shape($op, expected(), other.shape()));
                self.run(x, Some(other), ctx)
            }

            fn num_features(&self) -> usize {
                self.running_mean.get().numel()
            }
        }

        impl<T: Real> Forward<T> for $name<T> {
            #[track_caller]
            fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
                self.run(x, None, ctx)
            }

            fn output_shape(&self, input: &Shape) -> Result<Shape> {
                let n = self.num_features();
                match input.dims() {
                    $ranks if input[input.rank() - 1] == n => Ok(*input),
                    _ => Err(Error::shape($op, format!($expected, n), input)),
                }
            }
        }

        impl<T: Real> $name<T> {
            #[track_caller]
            fn run(
                &self,
                x: &Tensor<T>,
                other: Option<&Tensor<T>>,
                ctx: &mut Context,
            ) -> Tensor<T> {
                let shape = checked(self.output_shape(x.shape()));
                ctx.record(self, &shape);
                let (weight, bias) = (self.weight.as_deref(), self.bias.as_deref());
                let is_frozen = self.running_mean.is_frozen() && self.running_var.is_frozen();
                let finish = |y: Tensor<T>| match other {
                    Some(other) => (y + other).activate(self.activation),
                    None => y.activate(self.activation),
                };
                if !ctx.is_training() || is_frozen {
                    let (mean, var) = (self.running_mean.get(), self.running_var.get());
                    return finish(batch_norm_infer(x, &mean, &var, weight, bias, self.eps));
                }
                let per_channel = x.numel() / self.num_features();
                assert!(
                    per_channel > 1,
                    "{}: expected more than 1 value per channel when training, got input {shape}",
                    $op
                );
                let out = batch_norm(x, weight, bias, self.eps);
                self.follow(&out.mean, &out.var, per_channel);
                finish(out.y)
            }

            /// Moves the running statistics towards those of a batch.
            fn follow(&self, mean: &Tensor<T>, var: &Tensor<T>, per_channel: usize) {
                let n = per_channel as f64;
                let unbiased = n / (n - 1.0);
                no_grad(|| {
                    let blend = |old: &Buffer<T>, new: &Tensor<T>, factor: f64| {
                        let kept = old.get().mul_scalar(1.0 - self.momentum);
                        old.replace(kept + new.mul_scalar(self.momentum * factor));
                    };
                    blend(&self.running_mean, mean, 1.0);
                    blend(&self.running_var, var, unbiased);
                });
            }
        }
    };
}

batch_norm_layer!(
    /// Batch normalisation of vectors `(batch, channels)` or sequences
    /// `(batch, length, channels)`: each channel gets mean 0 and variance 1 over the batch, then
    /// scale and shift. See [`BatchNorm2d`] for what training, evaluation and freezing do.
    BatchNorm1d,
    "batch_norm1d",
    "input (batch, {0}) or (batch, length, {0})",
    [_, _] | [_, _, _]
);
batch_norm_layer!(
    /// Batch normalisation of images `(batch, height, width, channels)`: each channel gets mean 0
    /// and variance 1 over the batch, then scale and shift.
    ///
    /// - **Training** normalises by the batch's (biased) statistics and moves the running ones
    ///   towards them: `running = (1 - momentum) running + momentum batch`, with the unbiased
    ///   variance. A batch with a single value per channel is refused.
    /// - **Evaluation** normalises by the running statistics.
    /// - **Frozen** ([`Module::freeze`]), it behaves as in evaluation while the rest trains, so
    ///   that a pretrained network keeps its accuracy. [`Module::freeze_params`] freezes scale
    ///   and shift only.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_nn::{Context, Forward, Module, layers::BatchNorm2d};
    /// use purlin_tensor::Tensor;
    ///
    /// let mut layer = BatchNorm2d::new(1);
    /// let x = Tensor::<f32>::from([[[[1.0], [3.0]]]]);
    /// let y = layer.forward(&x, &mut Context::train(0));
    /// assert!((y.data()[1] - 1.0).abs() < 1e-4);
    /// assert_eq!(layer.running_mean.get().to_vec(), [0.2]); // 0.9 * 0 + 0.1 * 2
    /// layer.freeze();
    /// layer.forward(&x, &mut Context::train(0));
    /// assert_eq!(layer.running_mean.get().to_vec(), [0.2]);
    /// ```
    ///
    /// # References
    ///
    /// - S. Ioffe, C. Szegedy, *Batch normalization*, ICML 2015.
    BatchNorm2d,
    "batch_norm2d",
    "input (batch, height, width, {0})",
    [_, _, _, _]
);
