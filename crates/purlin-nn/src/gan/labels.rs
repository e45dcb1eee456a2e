//! Classes as features.

use super::OP;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// Appends the class of each sample to its features, as the columns (of an image: the constant planes)
/// of a one-hot code: how a conditional GAN is told what to make and what to expect.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(batch, features)`, `(batch, height, width, channels)`, ... |
/// | `classes` | `(batch,)`, each below `n_classes` |
/// | result | as `x`, with `n_classes` more on the last axis |
///
/// # Errors
///
/// [`Error::Shape`] when there is not one class per sample, or `x` has fewer than two axes,
/// [`Error::InvalidParam`] when a class is `n_classes` or above.
///
/// # Examples
///
/// ```
/// use purlin_nn::gan::with_labels;
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::from([[0.5], [0.25]]);
/// assert_eq!(with_labels(&x, &[1, 0], 2)?.to_vec(), [0.5, 0.0, 1.0, 0.25, 1.0, 0.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - M. Mirza, S. Osindero, *Conditional generative adversarial nets*, 2014.
pub fn with_labels<T: Real>(
    x: &Tensor<T>,
    classes: &[usize],
    n_classes: usize,
) -> Result<Tensor<T>> {
    Ok(Tensor::concat(&[x, &planes(x.shape(), classes, n_classes)?], -1))
}

/// What [`with_labels`] appends to samples of this shape.
pub(super) fn planes<T: Real>(
    shape: &Shape,
    classes: &[usize],
    n_classes: usize,
) -> Result<Tensor<T>> {
    let n = classes.len();
    if shape.rank() < 2 || shape[0] != n {
        let expected = format!("x ({n}, ...), a sample for each of {n} classes");
        return Err(Error::shape(OP, expected, shape));
    }
    if let Some(row) = classes.iter().position(|&class| class >= n_classes) {
        let value = format!("{} at row {row}", classes[row]);
        return Err(Error::param(OP, "class", format!("below {n_classes}"), value));
    }
    let shape = shape.with(shape.rank() - 1, n_classes);
    let per_sample = (shape.numel() / n.max(1)).max(1);
    let one_hot = |i: usize| {
        let is_hot = i % n_classes == classes[i / per_sample];
        if is_hot { T::ONE } else { T::ZERO }
    };
    Ok(Tensor::from_fn(shape, one_hot))
}
