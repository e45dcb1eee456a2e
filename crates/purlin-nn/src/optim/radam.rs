//! RAdam.

use super::check::{check_positive, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// RAdam: Adam whose first steps are held back while the mean square is still uncertain.
///
/// ```text
/// g = g + weight_decay * p;  m, v as Adam;  M = m / (1 - beta1^t)
/// n = 2 / (1 - beta2) - 1;  k = n - 2 t beta2^t / (1 - beta2^t)
/// r = sqrt((k - 4)(k - 2) n / ((n - 4)(n - 2) k))
/// p = p - lr * M * r * sqrt(1 - beta2^t) / (sqrt(v) + eps)     if k > 5
/// p = p - lr * M                                               otherwise
/// ```
///
/// Defaults: `betas` 0.9, 0.999, `eps` 1e-8, `weight_decay` 0.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Optimizer, RAdam};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f64]));
/// let grads = (&*p * 2.0).sum().backward();
/// RAdam::new(0.25).step(&mut p, &grads)?;
/// assert!((p.item() - 0.5).abs() < 1e-12); // the first step is lr times the gradient
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - L. Liu et al., *On the variance of the adaptive learning rate and beyond*, ICLR 2020.
#[derive(Debug, Clone)]
pub struct RAdam<T: Real = f32> {
    settings: Settings<T>,
    beta1: f64,
    beta2: f64,
    eps: f64,
}

impl<T: Real> RAdam<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { settings: Settings::new(lr), beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }

    /// The shares that the means of the gradient and of its square keep at each step.
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

impl<T: Real> UpdateRule<T> for RAdam<T> {
    rule_fields!("radam");

    fn check(&self) -> Result<()> {
        check_unit("radam", "beta1", self.beta1)?;
        check_unit("radam", "beta2", self.beta2)?;
        check_positive("radam", "eps", self.eps)
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        vec![("mean", 0.0), ("mean_square", 0.0)]
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let t = args.step as f64;
        let (kept, of_square) = (libm::pow(self.beta1, t), libm::pow(self.beta2, t));
        let n = 2.0 / (1.0 - self.beta2) - 1.0;
        let k = n - 2.0 * t * of_square / (1.0 - of_square);
        let rectified = || {
            let r = ((k - 4.0) * (k - 2.0) * n / ((n - 4.0) * (n - 2.0) * k)).sqrt();
            r * (1.0 - of_square).sqrt()
        };
        let op = Op {
            sign: args.sign,
            decay: args.weight_decay,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            step: args.lr / (1.0 - kept),
            adaptive: (k > 5.0).then(rectified),
        };
        let [m, v] = slots(state);
        update(op, [param, m, v], [grad]);
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
    adaptive: Option<f64>,
}

impl UpdateOp<3, 1> for Op {
    const COST: usize = 24; // a root and a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, m, v]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let g = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        let m = V::splat_f64(self.beta1).mul_add(m, V::splat_f64(1.0 - self.beta1) * g);
        let v = V::splat_f64(self.beta2).mul_add(v, V::splat_f64(1.0 - self.beta2) * g * g);
        let (m, v) = (flush_subnormal(m), flush_subnormal(v));
        let d = match self.adaptive {
            Some(r) => m * (V::splat_f64(r) / (v.sqrt() + V::splat_f64(self.eps))),
            None => m,
        };
        [V::splat_f64(-self.step).mul_add(d, p), m, v]
    }
}
