//! Stochastic gradient descent.

use super::check::{check_not_negative, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;

/// Gradient descent with momentum, dampening, Nesterov's step and weight decay.
///
/// With gradient `g` of parameter `p`:
///
/// ```text
/// d = g + weight_decay * p
/// v = momentum * v + (1 - dampening) * d      (the first step: v = d)
/// d = d + momentum * v   if Nesterov, else  d = v
/// p = p - lr * d
/// ```
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Optimizer, Sgd};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32, -2.0]));
/// let grads = (&*p * &*p).sum().backward(); // gradient 2p
/// Sgd::new(0.25).step(&mut p, &grads)?;
/// assert_eq!(p.to_vec(), [0.5, -1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - H. Robbins, S. Monro, *A stochastic approximation method*, Ann. Math. Statist. 22, 1951.
/// - I. Sutskever et al., *On the importance of initialization and momentum in deep learning*,
///   ICML 2013 (Nesterov's step in this form).
#[derive(Debug, Clone)]
pub struct Sgd<T: Real = f32> {
    settings: Settings<T>,
    /// Without it there is no velocity to keep.
    momentum: Option<f64>,
    dampening: f64,
    nesterov: bool,
}

impl<T: Real> Sgd<T> {
    /// Plain gradient descent.
    pub fn new(lr: f64) -> Self {
        Self { settings: Settings::new(lr), momentum: None, dampening: 0.0, nesterov: false }
    }

    /// The share of the velocity that is kept.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum: Some(momentum), ..self }
    }

    /// The share of the gradient that does not enter the velocity.
    #[must_use]
    pub fn dampening(self, dampening: f64) -> Self {
        Self { dampening, ..self }
    }

    /// Looks ahead along the velocity; needs momentum and no dampening.
    #[must_use]
    pub fn nesterov(self) -> Self {
        Self { nesterov: true, ..self }
    }

    /// Adds `weight_decay * p` to the gradient.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.set_weight_decay(weight_decay);
        self
    }

    common_options!();
}

impl<T: Real> UpdateRule<T> for Sgd<T> {
    rule_fields!("sgd");

    fn check(&self) -> Result<()> {
        check_unit("sgd", "momentum", self.momentum.unwrap_or(0.0))?;
        check_not_negative("sgd", "dampening", self.dampening)?;
        if self.nesterov && (self.momentum.is_none() || self.dampening != 0.0) {
            let got = format!("momentum {:?} and dampening {}", self.momentum, self.dampening);
            return Err(Error::param(
                "sgd",
                "nesterov",
                "used with momentum and no dampening",
                got,
            ));
        }
        Ok(())
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        if self.momentum.is_some() { vec![("velocity", 0.0)] } else { Vec::new() }
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let plain = Plain { sign: args.sign, decay: args.weight_decay, lr: args.lr };
        let Some(momentum) = self.momentum else {
            return update(plain, [param], [grad]);
        };
        let op = Heavy {
            plain,
            momentum,
            take: if args.is_fresh { 1.0 } else { 1.0 - self.dampening },
            nesterov: self.nesterov,
        };
        let [velocity] = slots(state);
        update(op, [param, velocity], [grad]);
    }

    fn momentum(&self) -> Option<f64> {
        self.momentum
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.momentum = self.momentum.map(|_| momentum);
    }
}

#[derive(Clone, Copy)]
struct Plain {
    sign: f64,
    decay: f64,
    lr: f64,
}

impl UpdateOp<1, 1> for Plain {
    #[inline(always)]
    fn eval<V: Lanes>(self, [p]: [V; 1], [g]: [V; 1]) -> [V; 1] {
        let d = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        [V::splat_f64(-self.lr).mul_add(d, p)]
    }
}

/// With a velocity: the heavy ball.
#[derive(Clone, Copy)]
struct Heavy {
    plain: Plain,
    momentum: f64,
    take: f64,
    nesterov: bool,
}

impl UpdateOp<2, 1> for Heavy {
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, v]: [V; 2], [g]: [V; 1]) -> [V; 2] {
        let momentum = V::splat_f64(self.momentum);
        let d = V::splat_f64(self.plain.decay).mul_add(p, g * V::splat_f64(self.plain.sign));
        let v = flush_subnormal(momentum.mul_add(v, d * V::splat_f64(self.take)));
        let d = if self.nesterov { momentum.mul_add(v, d) } else { v };
        [V::splat_f64(-self.plain.lr).mul_add(d, p), v]
    }
}
