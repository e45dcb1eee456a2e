//! Adadelta.

use super::check::{check_positive, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// Adadelta: steps in the unit of the parameter, from running mean squares of gradients and steps.
///
/// ```text
/// g = g + weight_decay * p
/// s = rho * s + (1 - rho) * g^2
/// d = sqrt(a + eps) / sqrt(s + eps) * g
/// a = rho * a + (1 - rho) * d^2
/// p = p - lr * d
/// ```
///
/// Defaults: `rho` 0.9, `eps` 1e-6, `weight_decay` 0; the usual `lr` is 1.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Adadelta, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f64]));
/// let grads = (&*p * 2.0).sum().backward();
/// Adadelta::new(1.0).step(&mut p, &grads)?;
/// let expected = 1.0 - (1e-6f64 / (0.1 * 4.0 + 1e-6)).sqrt() * 2.0;
/// assert!((p.item() - expected).abs() < 1e-15);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - M. D. Zeiler, *ADADELTA: an adaptive learning rate method*, 2012.
#[derive(Debug, Clone)]
pub struct Adadelta<T: Real = f32> {
    settings: Settings<T>,
    rho: f64,
    eps: f64,
}

impl<T: Real> Adadelta<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { settings: Settings::new(lr), rho: 0.9, eps: 1e-6 }
    }

    /// The share of the mean squares that is kept at each step.
    #[must_use]
    pub fn rho(self, rho: f64) -> Self {
        Self { rho, ..self }
    }

    /// What lets the first steps begin.
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

impl<T: Real> UpdateRule<T> for Adadelta<T> {
    rule_fields!("adadelta");

    fn check(&self) -> Result<()> {
        check_unit("adadelta", "rho", self.rho)?;
        check_positive("adadelta", "eps", self.eps)
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("mean_square", 0.0), ("mean_square_step", 0.0)]
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let op = Op {
            sign: args.sign,
            decay: args.weight_decay,
            lr: args.lr,
            rho: self.rho,
            eps: self.eps,
        };
        let [s, a] = slots(state);
        update(op, [param, s, a], [grad]);
    }
}

#[derive(Clone, Copy)]
struct Op {
    sign: f64,
    decay: f64,
    lr: f64,
    rho: f64,
    eps: f64,
}

impl Op {
    #[inline(always)]
    fn mean<V: Lanes>(self, mean: V, x: V) -> V {
        let kept = V::splat_f64(self.rho) * mean;
        flush_subnormal(V::splat_f64(1.0 - self.rho).mul_add(x, kept))
    }
}

impl UpdateOp<3, 1> for Op {
    const COST: usize = 40; // two roots and a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, s, a]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let eps = V::splat_f64(self.eps);
        let g = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        let s = self.mean(s, g * g);
        let d = (a + eps).sqrt() / (s + eps).sqrt() * g;
        [V::splat_f64(-self.lr).mul_add(d, p), s, self.mean(a, d * d)]
    }
}
