//! The residual block.

use crate::layers::checked;
use crate::{Context, Forward, Module};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Activation, Tensor};
use std::fmt;

/// `y = activation(inner(x) + shortcut(x))`, where the shortcut is the identity unless it is
/// given.
///
/// Parameters are called `inner...` and `shortcut...`.
///
/// # Examples
///
/// ```
/// use purlin_core::{Shape, rng::Stream};
/// use purlin_nn::{Forward, Sequential, blocks::Residual, layers::{BatchNorm2d, Conv2d, Padding, Relu}};
/// use purlin_tensor::Activation;
///
/// let stream = Stream::new(1, "init");
/// let block: Residual = Residual::new(
///     Sequential::new()
///         .push(Conv2d::new(16, 32, 3, &stream.child("a")).stride(2).padding(1).bias(false))
///         .push(BatchNorm2d::new(32))
///         .push(Relu)
///         .push(Conv2d::new(32, 32, 3, &stream.child("b")).padding(Padding::Same).bias(false))
///         .push(BatchNorm2d::new(32)),
/// )
/// .shortcut(Conv2d::new(16, 32, 1, &stream.child("shortcut")).stride(2))
/// .activation(Activation::Relu);
/// assert_eq!(block.output_shape(&Shape::from([4, 8, 8, 16]))?, Shape::from([4, 4, 4, 32]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - K. He et al., *Deep residual learning for image recognition*, CVPR 2016.
#[derive(Module)]
pub struct Residual<T: Real = f32> {
    inner: Box<dyn Forward<T>>,
    shortcut: Option<Box<dyn Forward<T>>>,
    #[module(skip)]
    activation: Activation,
}

impl<T: Real> Residual<T> {
    /// With the identity as shortcut and no activation after the sum.
    pub fn new(inner: impl Forward<T> + 'static) -> Self {
        Self { inner: Box::new(inner), shortcut: None, activation: Activation::Identity }
    }

    /// What the shortcut does, where `inner` changes the shape.
    #[must_use]
    pub fn shortcut(mut self, shortcut: impl Forward<T> + 'static) -> Self {
        self.shortcut = Some(Box::new(shortcut));
        self
    }

    /// What is applied to the sum.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }
}

impl<T: Real> fmt::Debug for Residual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Residual")
            .field("inner", &self.inner.kind())
            .field("shortcut", &self.shortcut.as_ref().map_or("identity", Module::kind))
            .field("activation", &self.activation)
            .finish()
    }
}

impl<T: Real> Forward<T> for Residual<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        checked(self.output_shape(x.shape()));
        let y = self.inner.forward(x, ctx);
        let sum = match &self.shortcut {
            Some(shortcut) => y + shortcut.forward(x, ctx),
            None => y + x,
        };
        sum.activate(self.activation)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let inner = self.inner.output_shape(input)?;
        let shortcut = match &self.shortcut {
            Some(shortcut) => shortcut.output_shape(input)?,
            None => *input,
        };
        if inner == shortcut {
            Ok(inner)
        } else {
            Err(Error::shape(
                "residual",
                format!("a shortcut of shape {inner}, as inner gives"),
                shortcut,
            ))
        }
    }
}
