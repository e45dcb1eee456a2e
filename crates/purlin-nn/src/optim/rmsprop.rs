//! RMSprop.

use super::check::{check_positive, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// RMSprop: the gradient over the root of its running mean square.
///
/// ```text
/// g = g + weight_decay * p
/// s = alpha * s + (1 - alpha) * g^2
/// a = alpha * a + (1 - alpha) * g                   (centered)
/// d = g / (sqrt(s) + eps),  centered: g / (sqrt(s - a^2) + eps)
/// b = momentum * b + d;  d = b                      (with momentum)
/// p = p - lr * d
/// ```
///
/// A variance `s - a^2` that rounding pushes below zero counts as zero.
///
/// | option | default |
/// |---|---|
/// | `alpha` | 0.99 |
/// | `eps` | 1e-8 |
/// | `momentum`, `weight_decay` | 0 |
/// | `centered` | no |
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Optimizer, RmsProp};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32]));
/// let grads = (&*p * 3.0).sum().backward();
/// RmsProp::new(0.5).alpha(0.75).step(&mut p, &grads)?;
/// assert!(p.item().abs() < 1e-6); // 1 - 0.5 * 3 / sqrt(0.25 * 9)
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - T. Tieleman, G. Hinton, *Lecture 6.5: rmsprop*, Coursera, 2012.
/// - A. Graves, *Generating sequences with recurrent neural networks*, 2013 (centered).
#[derive(Debug, Clone)]
pub struct RmsProp<T: Real = f32> {
    settings: Settings<T>,
    alpha: f64,
    eps: f64,
    /// Without it there is no velocity to keep.
    momentum: Option<f64>,
    centered: bool,
}

impl<T: Real> RmsProp<T> {
    /// The defaults with this learning rate.
    pub fn new(lr: f64) -> Self {
        let settings = Settings::new(lr);
        Self { settings, alpha: 0.99, eps: 1e-8, momentum: None, centered: false }
    }

    /// The share of the mean square that is kept at each step.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Keeps the division finite.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// The share of the velocity that is kept.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum: Some(momentum), ..self }
    }

    /// Divides by the standard deviation of the gradient, not by its root mean square.
    #[must_use]
    pub fn centered(self) -> Self {
        Self { centered: true, ..self }
    }

    /// Adds `weight_decay * p` to the gradient.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.set_weight_decay(weight_decay);
        self
    }

    common_options!();
}

impl<T: Real> UpdateRule<T> for RmsProp<T> {
    rule_fields!("rmsprop");

    fn check(&self) -> Result<()> {
        check_unit("rmsprop", "alpha", self.alpha)?;
        check_positive("rmsprop", "eps", self.eps)?;
        check_unit("rmsprop", "momentum", self.momentum.unwrap_or(0.0))
    }

    fn slots(&self) -> Vec<(&'static str, f64)> {
        let mut slots = vec![("mean_square", 0.0)];
        if self.centered {
            slots.push(("mean", 0.0));
        }
        if self.momentum.is_some() {
            slots.push(("velocity", 0.0));
        }
        slots
    }

    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]) {
        let op = Op {
            sign: args.sign,
            decay: args.weight_decay,
            lr: args.lr,
            alpha: self.alpha,
            eps: self.eps,
            momentum: self.momentum.unwrap_or(0.0),
        };
        match (self.centered, self.momentum) {
            (false, None) => {
                let [s] = slots(state);
                update(op, [param, s], [grad]);
            }
            (false, Some(_)) => {
                let [s, b] = slots(state);
                update(op, [param, s, b], [grad]);
            }
            (true, None) => {
                let [s, a] = slots(state);
                update(Centered(op), [param, s, a], [grad]);
            }
            (true, Some(_)) => {
                let [s, a, b] = slots(state);
                update(op, [param, s, a, b], [grad]);
            }
        }
    }

    fn momentum(&self) -> Option<f64> {
        self.momentum
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.momentum = self.momentum.map(|_| momentum);
    }
}

#[derive(Clone, Copy)]
struct Op {
    sign: f64,
    decay: f64,
    lr: f64,
    alpha: f64,
    eps: f64,
    momentum: f64,
}

impl Op {
    #[inline(always)]
    fn gradient<V: Lanes>(self, p: V, g: V) -> V {
        V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign))
    }
    #[inline(always)]
    fn mean<V: Lanes>(self, mean: V, x: V) -> V {
        let kept = V::splat_f64(self.alpha) * mean;
        flush_subnormal(V::splat_f64(1.0 - self.alpha).mul_add(x, kept))
    }
    #[inline(always)]
    fn over_root<V: Lanes>(self, g: V, s: V) -> V {
        g / (s.sqrt() + V::splat_f64(self.eps))
    }
    #[inline(always)]
    fn over_deviation<V: Lanes>(self, g: V, s: V, a: V) -> V {
        let variance = (-a).mul_add(a, s);
        self.over_root(g, V::select(variance.lt(V::splat_f64(0.0)), V::splat_f64(0.0), variance))
    }
    #[inline(always)]
    fn moved<V: Lanes>(self, p: V, d: V) -> V {
        V::splat_f64(-self.lr).mul_add(d, p)
    }
    #[inline(always)]
    fn velocity<V: Lanes>(self, b: V, d: V) -> V {
        flush_subnormal(V::splat_f64(self.momentum).mul_add(b, d))
    }
}

/// Plain.
impl UpdateOp<2, 1> for Op {
    const COST: usize = 24; // a root and a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, s]: [V; 2], [g]: [V; 1]) -> [V; 2] {
        let g = self.gradient(p, g);
        let s = self.mean(s, g * g);
        [self.moved(p, self.over_root(g, s)), s]
    }
}

/// With momentum.
impl UpdateOp<3, 1> for Op {
    const COST: usize = 24;
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, s, b]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let g = self.gradient(p, g);
        let s = self.mean(s, g * g);
        let b = self.velocity(b, self.over_root(g, s));
        [self.moved(p, b), s, b]
    }
}

/// Centered.
#[derive(Clone, Copy)]
struct Centered(Op);

impl UpdateOp<3, 1> for Centered {
    const COST: usize = 24;
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, s, a]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let g = self.0.gradient(p, g);
        let (s, a) = (self.0.mean(s, g * g), self.0.mean(a, g));
        [self.0.moved(p, self.0.over_deviation(g, s, a)), s, a]
    }
}

/// Centered, with momentum.
impl UpdateOp<4, 1> for Op {
    const COST: usize = 24;
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, s, a, b]: [V; 4], [g]: [V; 1]) -> [V; 4] {
        let g = self.gradient(p, g);
        let (s, a) = (self.mean(s, g * g), self.mean(a, g));
        let b = self.velocity(b, self.over_deviation(g, s, a));
        [self.moved(p, b), s, a, b]
    }
}
