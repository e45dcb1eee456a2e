//! NAdam.

use super::check::{check_not_negative, check_positive, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;
use std::cell::RefCell;
use std::fmt;

/// NAdam: Adam that looks ahead, as Nesterov's momentum does.
///
/// ```text
/// g   = g + weight_decay * p
/// mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)
/// m   = beta1 * m + (1 - beta1) * g
/// v   = beta2 * v + (1 - beta2) * g^2
/// d   = (1 - mu_t) / (1 - mu_1 ... mu_t) * g + mu_(t+1) / (1 - mu_1 ... mu_(t+1)) * m
/// p   = p - lr * d / (sqrt(v / (1 - beta2^t)) + eps)
/// ```
///
/// Defaults: `betas` 0.9, 0.999, `eps` 1e-8, `momentum_decay` 4e-3, `weight_decay` 0; the usual
/// `lr` is 2e-3.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{NAdam, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32]));
/// let grads = (&*p * 8.0).sum().backward();
/// NAdam::new(0.25).step(&mut p, &grads)?;
/// assert!(p.item() < 0.8 && p.item() > 0.6);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - T. Dozat, *Incorporating Nesterov momentum into Adam*, ICLR workshop 2016.
#[derive(Debug, Clone)]
pub struct NAdam<T: Real = f32> {
    settings: Settings<T>,
    beta1: f64,
    beta2: f64,
    eps: f64,
    momentum_decay: f64,
    products: Products,
}

/// `mu_1 ... mu_t` by `t`, each computed once for all parameters and steps. The list ends where the
/// product adds nothing to 1: after some 350 factors for `beta1` = 0.9, 370,000 for 0.9999.
///
/// A cache of a pure function: it changes no result and is not part of the state.
#[derive(Clone, Default)]
struct Products(RefCell<Vec<f64>>);

impl Products {
    /// The product of the first `t` factors, or the last one that is above the end of the list.
    fn up_to(&self, t: u64, mu: impl Fn(u64) -> f64) -> f64 {
        let mut list = self.0.borrow_mut();
        while (list.len() as u64) < t && list.last().is_none_or(|&last| last >= NEGLIGIBLE) {
            let next = list.last().unwrap_or(&1.0) * mu(list.len() as u64 + 1);
            list.push(next);
        }
        let at = (t as usize).min(list.len());
        if at == 0 { 1.0 } else { list[at - 1] }
    }
}

/// Below this a product adds nothing to 1.
const NEGLIGIBLE: f64 = f64::EPSILON / 4.0;

impl fmt::Debug for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Products")
    }
}

impl<T: Real> NAdam<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        let settings = Settings::new(lr);
        let products = Products::default();
        Self { settings, beta1: 0.9, beta2: 0.999, eps: 1e-8, momentum_decay: 4e-3, products }
    }

    /// The shares that the means of the gradient and of its square keep at each step.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self { beta1, beta2, products: Products::default(), ..self }
    }

    /// Keeps the division finite.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// How fast the momentum rises to `beta1`.
    #[must_use]
    pub fn momentum_decay(self, momentum_decay: f64) -> Self {
        Self { momentum_decay, products: Products::default(), ..self }
    }

    /// Adds `weight_decay * p` to the gradient.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.set_weight_decay(weight_decay);
        self
    }

    /// `mu` at step `t`.
    fn mu(&self, t: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * libm::pow(0.96, t as f64 * self.momentum_decay))
    }

    common_options!();
}

impl<T: Real> UpdateRule<T> for NAdam<T> {
    rule_fields!("nadam");

    fn check(&self) -> Result<()> {
        check_unit("nadam", "beta1", self.beta1)?;
        check_unit("nadam", "beta2", self.beta2)?;
        check_positive("nadam", "eps", self.eps)?;
        check_not_negative("nadam", "momentum_decay", self.momentum_decay)
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("mean", 0.0), ("mean_square", 0.0)]
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let (now, next) = (self.mu(args.step), self.mu(args.step + 1));
        let product = self.products.up_to(args.step, |t| self.mu(t));
        let op = Op {
            sign: args.sign,
            decay: args.weight_decay,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            of_gradient: args.lr * (1.0 - now) / (1.0 - product),
            of_mean: args.lr * next / (1.0 - product * next),
            root: 1.0 / (1.0 - libm::pow(self.beta2, args.step as f64)).sqrt(),
        };
        let [m, v] = slots(state);
        update(op, [param, m, v], [grad]);
    }

    fn momentum(&self) -> Option<f64> {
        Some(self.beta1)
    }

    fn set_momentum(&mut self, momentum: f64) {
        if momentum.to_bits() != self.beta1.to_bits() {
            self.beta1 = momentum;
            self.products = Products::default();
        }
    }
}

#[derive(Clone, Copy)]
struct Op {
    sign: f64,
    decay: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    of_gradient: f64,
    of_mean: f64,
    root: f64,
}

impl UpdateOp<3, 1> for Op {
    const COST: usize = 24; // a root and a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, m, v]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let g = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        let m = V::splat_f64(self.beta1).mul_add(m, V::splat_f64(1.0 - self.beta1) * g);
        let v = V::splat_f64(self.beta2).mul_add(v, V::splat_f64(1.0 - self.beta2) * g * g);
        let (m, v) = (flush_subnormal(m), flush_subnormal(v));
        let d = V::splat_f64(self.of_gradient).mul_add(g, V::splat_f64(self.of_mean) * m);
        let denominator = v.sqrt().mul_add(V::splat_f64(self.root), V::splat_f64(self.eps));
        [p - d / denominator, m, v]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition_and_each_is_computed_once() {
        let nadam: NAdam = NAdam::new(0.1).betas(0.99, 0.999);
        let calls = std::cell::Cell::new(0);
        let mu = |t| {
            calls.set(calls.get() + 1);
            nadam.mu(t)
        };
        let mut product = 1.0;
        for t in 1..=40 {
            product *= nadam.mu(t);
            for _ in 0..3 {
                assert_eq!(nadam.products.up_to(t, mu).to_bits(), product.to_bits());
            }
        }
        assert_eq!(calls.get(), 40);
        // The list ends, and a step of a long training costs a look-up.
        assert!(nadam.products.up_to(u64::MAX, mu) < NEGLIGIBLE);
        let after = calls.get();
        assert!(after < 100);
        nadam.products.up_to(1 << 40, mu);
        assert_eq!(calls.get(), after);
    }

    #[test]
    fn another_momentum_starts_the_products_anew() {
        let mut nadam: NAdam = NAdam::new(0.1);
        nadam.products.up_to(5, |t| nadam.mu(t));
        UpdateRule::set_momentum(&mut nadam, 0.5);
        let expected: f64 = (1..=5).map(|t| nadam.mu(t)).fold(1.0, |product, mu| product * mu);
        assert_eq!(nadam.products.up_to(5, |t| nadam.mu(t)), expected);
    }
}
