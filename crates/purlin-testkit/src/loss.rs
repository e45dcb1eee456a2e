//! The laws of losses.

use crate::{Bits, Tolerance, assert_close, check_same_bits_on_all_isas, naive};
use purlin_core::Result;
use purlin_nn::losses::Reduction;
use purlin_tensor::Tensor;

/// Holds a loss to its laws at the prediction `x`.
///
/// `loss` computes it under a reduction, against a target of its own, with its options.
///
/// 1. `Sum` is the sum of `None`; `Mean` and `Sum` are scalars; all are finite;
/// 2. the gradient of each reduction by the prediction is that of finite differences;
/// 3. the loss is the same on any instruction set, bit for bit.
///
/// # Panics
///
/// When a law is broken or the loss refuses its input.
///
/// # Examples
///
/// ```
/// use purlin_nn::losses::Mse;
/// use purlin_tensor::Tensor;
/// use purlin_testkit::check_loss;
///
/// let target = Tensor::from([1.0f64, -1.0, 0.5]);
/// let x = Tensor::from([0.2, 0.3, -0.7]);
/// check_loss(&x, |x, reduction| Mse::new().reduction(reduction).loss(x, &target));
/// ```
#[track_caller]
pub fn check_loss(x: &Tensor<f64>, loss: impl Fn(&Tensor<f64>, Reduction) -> Result<Tensor<f64>>) {
    let at = |x: &Tensor<f64>, reduction: Reduction| {
        loss(x, reduction).unwrap_or_else(|err| panic!("law of losses: {reduction:?}: {err}"))
    };
    let each = at(x, Reduction::None);
    let (sum, mean) = (at(x, Reduction::Sum), at(x, Reduction::Mean));
    for (what, scalar) in [("Sum", &sum), ("Mean", &mean)] {
        assert_eq!(scalar.rank(), 0, "law of losses: {what} is a scalar, got {}", scalar.shape());
    }
    let all = each.data().iter().chain(sum.data()).chain(mean.data());
    assert!(all.into_iter().all(|v| v.is_finite()), "law of losses: finite at a finite input");
    assert_close(sum.data(), &[naive::sum(each.data())], Tolerance::F64);

    for reduction in [Reduction::None, Reduction::Sum, Reduction::Mean] {
        let leaf = x.detach().requires_grad();
        let grads = at(&leaf, reduction).sum().backward();
        let grad = grads.get(&leaf).cloned().unwrap_or_else(|| leaf.zeros_like());
        let expected = naive::gradient(
            |values| {
                let moved = Tensor::from_vec(values.to_vec(), x.shape()).expect("the same length");
                naive::sum(at(&moved, reduction).data())
            },
            x.data(),
        );
        assert_close(grad.data(), &expected, Tolerance::GRADIENT);
    }
    check_same_bits_on_all_isas(|| {
        let leaf = x.detach().requires_grad();
        let mean = at(&leaf, Reduction::Mean);
        (mean.to_words(), mean.backward().get(&leaf).cloned())
    });
}
