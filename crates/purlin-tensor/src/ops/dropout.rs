//! Dropout.

use crate::Tensor;
use purlin_backend::{Buffer, random};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Shape};

/// The mask of a dropout: 0 with probability `p`, else `1 / (1 - p)`, so that the mean of what
/// it multiplies stays. Item `i` depends on the stream and `i` alone.
///
/// # Panics
///
/// When `p` is not in `[0, 1]`.
#[must_use]
#[track_caller]
pub fn dropout_mask<T: Real>(shape: impl Into<Shape>, p: f64, stream: &Stream) -> Tensor<T> {
    let shape = shape.into();
    if !(0.0..=1.0).contains(&p) {
        super::or_panic::<()>(Err(Error::param("dropout", "p", "in [0, 1]", p)));
    }
    if p == 1.0 {
        return Tensor::zeros(shape);
    }
    let mut mask = Buffer::scratch(shape.numel());
    random::fill_mask(stream, 0, 1.0 - p, T::from_f64(1.0 / (1.0 - p)), &mut mask);
    Tensor::new(shape, mask)
}

/// Every element is set to 0 with probability `p`, and the others are divided by `1 - p`
/// (Srivastava et al., 2014). For training; at evaluation leave it out.
///
/// # Panics
///
/// When `p` is not in `[0, 1]`.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_tensor::{Tensor, dropout};
///
/// let stream = Stream::new(7, "dropout");
/// let y = dropout(&Tensor::<f32>::ones([1000]), 0.5, &stream);
/// assert!(y.data().iter().all(|&v| v == 0.0 || v == 2.0));
/// assert!((y.mean().item() - 1.0).abs() < 0.1);
/// ```
#[must_use]
#[track_caller]
pub fn dropout<T: Real>(x: &Tensor<T>, p: f64, stream: &Stream) -> Tensor<T> {
    if p == 0.0 {
        return x.clone();
    }
    x * dropout_mask(x.shape(), p, stream)
}
