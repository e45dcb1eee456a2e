//! Adagrad.

use super::check::{check_not_negative, check_positive};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// Adagrad: the gradient over the root of the sum of all its squares so far.
///
/// ```text
/// g = g + weight_decay * p
/// s = s + g^2
/// p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)
/// ```
///
/// | option | default |
/// |---|---|
/// | `lr_decay`, `weight_decay`, `initial_accumulator` | 0 |
/// | `eps` | 1e-10 |
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Adagrad, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32, 1.0]));
/// let grads = (&*p * Tensor::from([4.0, -0.5])).sum().backward();
/// Adagrad::new(0.25).step(&mut p, &grads)?;
/// assert_eq!(p.to_vec(), [0.75, 1.25]); // the first step has the length lr
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - J. Duchi, E. Hazan, Y. Singer, *Adaptive subgradient methods for online learning and
///   stochastic optimization*, JMLR 12, 2011.
#[derive(Debug, Clone)]
pub struct Adagrad<T: Real = f32> {
    settings: Settings<T>,
    lr_decay: f64,
    eps: f64,
    initial_accumulator: f64,
}

impl<T: Real> Adagrad<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        let settings = Settings::new(lr);
        Self { settings, lr_decay: 0.0, eps: 1e-10, initial_accumulator: 0.0 }
    }

    /// How fast the learning rate falls.
    #[must_use]
    pub fn lr_decay(self, lr_decay: f64) -> Self {
        Self { lr_decay, ..self }
    }

    /// Keeps the division finite.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// What the sum of squares begins with.
    #[must_use]
    pub fn initial_accumulator(self, initial_accumulator: f64) -> Self {
        Self { initial_accumulator, ..self }
    }

    /// Adds `weight_decay * p` to the gradient.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.set_weight_decay(weight_decay);
        self
    }

    common_options!();
}

impl<T: Real> UpdateRule<T> for Adagrad<T> {
    rule_fields!("adagrad");

    fn check(&self) -> Result<()> {
        check_not_negative("adagrad", "lr_decay", self.lr_decay)?;
        check_positive("adagrad", "eps", self.eps)?;
        check_not_negative("adagrad", "initial_accumulator", self.initial_accumulator)
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("sum_of_squares", self.initial_accumulator)]
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let op = Op {
            sign: args.sign,
            decay: args.weight_decay,
            lr: args.lr / (1.0 + (args.step - 1) as f64 * self.lr_decay),
            eps: self.eps,
        };
        let [s] = slots(state);
        update(op, [param, s], [grad]);
    }
}

#[derive(Clone, Copy)]
struct Op {
    sign: f64,
    decay: f64,
    lr: f64,
    eps: f64,
}

impl UpdateOp<2, 1> for Op {
    const COST: usize = 24; // a root and a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, s]: [V; 2], [g]: [V; 1]) -> [V; 2] {
        let g = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        let s = flush_subnormal(g.mul_add(g, s));
        let d = g / (s.sqrt() + V::splat_f64(self.eps));
        [V::splat_f64(-self.lr).mul_add(d, p), s]
    }
}
