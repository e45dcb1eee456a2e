//! Adamax.

use super::check::{check_positive, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// Adamax: Adam with a decaying maximum in place of the mean square.
///
/// ```text
/// g = g + weight_decay * p
/// m = beta1 * m + (1 - beta1) * g
/// u = max(beta2 * u, |g| + eps)
/// p = p - lr / (1 - beta1^t) * m / u
/// ```
///
/// Defaults: `betas` 0.9, 0.999, `eps` 1e-8, `weight_decay` 0; the usual `lr` is 2e-3.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Adamax, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32]));
/// let grads = (&*p * 8.0).sum().backward();
/// Adamax::new(0.25).step(&mut p, &grads)?;
/// assert!((p.item() - 0.75).abs() < 1e-6); // the first step has the length lr
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - D. P. Kingma, J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015, section 7.1.
#[derive(Debug, Clone)]
pub struct Adamax<T: Real = f32> {
    settings: Settings<T>,
    beta1: f64,
    beta2: f64,
    eps: f64,
}

impl<T: Real> Adamax<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { settings: Settings::new(lr), beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }

    /// The shares that the mean and the maximum keep at each step.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self { beta1, beta2, ..self }
    }

    /// Keeps the division finite.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// Adds `weight_decay * p` to the gradient.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.set_weight_decay(weight_decay);
        self
    }

    common_options!();
}

impl<T: Real> UpdateRule<T> for Adamax<T> {
    rule_fields!("adamax");

    fn check(&self) -> Result<()> {
        check_unit("adamax", "beta1", self.beta1)?;
        check_unit("adamax", "beta2", self.beta2)?;
        check_positive("adamax", "eps", self.eps)
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("mean", 0.0), ("max", 0.0)]
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let op = Op {
            sign: args.sign,
            decay: args.weight_decay,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            step: args.lr / (1.0 - libm::pow(self.beta1, args.step as f64)),
        };
        let [m, u] = slots(state);
        update(op, [param, m, u], [grad]);
    }

    fn momentum(&self) -> Option<f64> {
        Some(self.beta1)
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.beta1 = momentum;
    }
}

#[derive(Clone, Copy)]
struct Op {
    sign: f64,
    decay: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    step: f64,
}

impl UpdateOp<3, 1> for Op {
    const COST: usize = 16; // a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, m, u]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let g = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        let m = V::splat_f64(self.beta1).mul_add(m, V::splat_f64(1.0 - self.beta1) * g);
        let m = flush_subnormal(m);
        // The new value first: a NaN in it is kept, not dropped by the comparison.
        let kept = V::splat_f64(self.beta2) * u;
        let seen = g.abs() + V::splat_f64(self.eps);
        let u = flush_subnormal(V::select(kept.gt(seen), kept, seen));
        [V::splat_f64(-self.step).mul_add(m / u, p), m, u]
    }
}
