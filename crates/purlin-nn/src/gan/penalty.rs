//! What keeps the slope of a critic bounded.

use crate::Module;
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result};
use purlin_tensor::{Norm, Tensor, grad};

/// The gradient penalty of WGAN-GP: `mean((|g| - 1)^2)`, where `g` is the gradient of the critic's
/// score of a sample on the line between a real and a generated one.
///
/// ```text
/// x = a real + (1 - a) fake,    a uniform in [0, 1), one per sample
/// ```
///
/// | value | shape |
/// |---|---|
/// | `real`, `fake` | `(batch, ...)`, the same; constants here |
/// | `critic(x)` | any; the scores of a sample must depend on no other sample |
/// | result | a number |
///
/// The penalty is differentiated once more, through the gradient, so the critic may hold whatever has
/// second derivatives: linear and convolutional layers, activations, layer norm. Batch norm mixes the
/// samples of a batch, so the gradient would not be that of one sample; use layer norm or none. The
/// length of a zero gradient has slope 0 here.
///
/// Multiply it by a weight (10 in the paper) and add it to the critic's loss.
///
/// # Errors
///
/// [`Error::Shape`] when `real` and `fake` differ in shape, [`Error::TooFewSamples`] without a sample.
///
/// # Panics
///
/// In the critic, or when it holds an operation without a second derivative; the text names it.
///
/// # Examples
///
/// ```
/// use purlin_nn::gan::gradient_penalty;
/// use purlin_nn::{Param, Stream};
/// use purlin_tensor::Tensor;
///
/// // The critic's slope is the weight itself: (3, 4), of length 5.
/// let weight: Param = Param::new(Tensor::from([[3.0], [4.0]]));
/// let (real, fake) = (Tensor::ones([8, 2]), Tensor::zeros([8, 2]));
/// let penalty = gradient_penalty(|x| x.matmul(&weight), &real, &fake, &Stream::new(1, "mix"))?;
/// assert_eq!(penalty.item(), 16.0);
/// let grads = penalty.backward(); // 2 (5 - 1) w / 5
/// assert!((grads.require(&weight)?.data()[0] - 4.8).abs() < 1e-6);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - I. Gulrajani et al., *Improved training of Wasserstein GANs*, NeurIPS 2017: section 4.
pub fn gradient_penalty<T: Real>(
    critic: impl FnOnce(&Tensor<T>) -> Tensor<T>,
    real: &Tensor<T>,
    fake: &Tensor<T>,
    stream: &Stream,
) -> Result<Tensor<T>> {
    const OP: &str = "gradient_penalty";
    if real.shape() != fake.shape() {
        return Err(Error::shape(OP, format!("fake {}, as real", real.shape()), fake.shape()));
    }
    let Some(&batch) = real.dims().first().filter(|_| !real.is_empty()) else {
        return Err(Error::TooFewSamples { op: OP, expected: 1, got: 0 });
    };
    let (real, fake) = (real.detach(), fake.detach());
    let mut per_sample = vec![1; real.rank()];
    per_sample[0] = batch;
    let share = Tensor::uniform(per_sample, 0.0, 1.0, stream);
    let x = (&fake + (&real - &fake) * share).requires_grad();
    let score = critic(&x).sum();
    let slope = grad(&score, &[&x]).remove(0).reshape([batch, x.numel() / batch]);
    Ok(slope.norm_axes(Norm::L2, &[1], false).add_scalar(-1.0).square().mean())
}

/// Moves every trainable parameter into `-limit..=limit`, as the first Wasserstein GAN does after each
/// step of its critic (with 0.01).
///
/// # Errors
///
/// [`Error::InvalidParam`] unless the limit is finite and above 0 as a `T`.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::gan::clip_weights;
/// use purlin_tensor::Tensor;
///
/// let mut weight: Param = Param::new(Tensor::from([0.5, -3.0]));
/// clip_weights(&mut weight, 1.0)?;
/// assert_eq!(weight.to_vec(), [0.5, -1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein generative adversarial networks*, ICML 2017:
///   algorithm 1.
pub fn clip_weights<T: Real>(critic: &mut (impl Module<T> + ?Sized), limit: f64) -> Result<()> {
    let own = T::from_f64(limit);
    if !(own.is_finite() && own > T::ZERO) {
        let rule = format!("finite and above 0 in {}", T::NAME);
        return Err(Error::param("clip_weights", "limit", rule, limit));
    }
    let limit = own;
    critic.for_each_param_mut(&mut |_, param| {
        if param.is_trainable() {
            for w in param.data_mut() {
                // Written so that NaN stays.
                if *w > limit {
                    *w = limit;
                } else if *w < -limit {
                    *w = -limit;
                }
            }
        }
    });
    Ok(())
}
