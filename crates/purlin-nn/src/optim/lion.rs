//! Lion.

use super::check::check_unit;
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// Lion: the sign of an interpolated gradient, with decoupled weight decay.
///
/// ```text
/// p = (1 - lr * weight_decay) * p - lr * sign(beta1 * m + (1 - beta1) * g)
/// m = beta2 * m + (1 - beta2) * g
/// ```
///
/// Defaults: `betas` 0.9, 0.99, `weight_decay` 0. The usual `lr` is a third to a tenth of Adam's.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Lion, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32, 1.0, 1.0]));
/// let grads = (&*p * Tensor::from([9.0, -0.1, 0.0])).sum().backward();
/// Lion::new(0.25).step(&mut p, &grads)?;
/// assert_eq!(p.to_vec(), [0.75, 1.25, 1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - X. Chen et al., *Symbolic discovery of optimization algorithms*, NeurIPS 2023.
#[derive(Debug, Clone)]
pub struct Lion<T: Real = f32> {
    settings: Settings<T>,
    beta1: f64,
    beta2: f64,
}

impl<T: Real> Lion<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { settings: Settings::new(lr), beta1: 0.9, beta2: 0.99 }
    }

    /// The share of the mean in the step, and what the mean keeps of itself.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self { beta1, beta2, ..self }
    }

    /// Shrinks parameters by `lr * weight_decay` at each step.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.set_weight_decay(weight_decay);
        self
    }

    common_options!();
}

impl<T: Real> UpdateRule<T> for Lion<T> {
    rule_fields!("lion");

    fn check(&self) -> Result<()> {
        check_unit("lion", "beta1", self.beta1)?;
        check_unit("lion", "beta2", self.beta2)
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("mean", 0.0)]
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let op = Op {
            sign: args.sign,
            keep: 1.0 - args.lr * args.weight_decay,
            lr: args.lr,
            beta1: self.beta1,
            beta2: self.beta2,
        };
        let [m] = slots(state);
        update(op, [param, m], [grad]);
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
    keep: f64,
    lr: f64,
    beta1: f64,
    beta2: f64,
}

impl UpdateOp<2, 1> for Op {
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, m]: [V; 2], [g]: [V; 1]) -> [V; 2] {
        let g = g * V::splat_f64(self.sign);
        let mean = |beta: f64| V::splat_f64(1.0 - beta).mul_add(g, V::splat_f64(beta) * m);
        let direction = mean(self.beta1);
        let zero = V::splat_f64(0.0);
        // 0 stays 0, and NaN stays NaN.
        let is_moving = direction.lt(zero) | direction.gt(zero);
        let d = V::select(is_moving, V::splat_f64(1.0).copysign(direction), direction);
        let p = V::splat_f64(-self.lr).mul_add(d, p * V::splat_f64(self.keep));
        [p, flush_subnormal(mean(self.beta2))]
    }
}
