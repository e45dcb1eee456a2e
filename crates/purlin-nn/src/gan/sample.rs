//! What a generator makes.

use crate::{Context, Forward};
use purlin_core::Real;
use purlin_tensor::{Tensor, no_grad};

/// Samples that are made at a time: what a pass needs is bounded, however many are asked for.
const AT_A_TIME: usize = 256;

/// What a generator makes of latent numbers `(n, ...)`, in evaluation mode: batch norm uses its running
/// statistics, so a sample depends on its own latent numbers alone. For a conditional generator append
/// the classes to them ([`with_labels`](super::with_labels)).
///
/// # Panics
///
/// When the generator does not take this shape.
///
/// # Examples
///
/// ```
/// use purlin_nn::gan::sample;
/// use purlin_nn::layers::Tanh;
/// use purlin_tensor::Tensor;
///
/// assert_eq!(sample(&Tanh, &Tensor::<f32>::zeros([1000, 2])).dims(), [1000, 2]);
/// ```
#[track_caller]
pub fn sample<T: Real>(generator: &(impl Forward<T> + ?Sized), z: &Tensor<T>) -> Tensor<T> {
    let make = |z: &Tensor<T>| no_grad(|| generator.forward(z, &mut Context::eval()));
    let n = z.dims().first().copied().unwrap_or(0);
    if n <= AT_A_TIME {
        return make(z);
    }
    let parts: Vec<Tensor<T>> = (0..n)
        .step_by(AT_A_TIME)
        .map(|from| make(&z.slice(0, from..n.min(from + AT_A_TIME))))
        .collect();
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
}
