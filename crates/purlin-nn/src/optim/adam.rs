//! Adam and AdamW.

use super::check::{check_positive, check_unit};
use super::engine::{common_options, rule_fields};
use super::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// Adam: steps of about `lr`, from running means of the gradient and of its square.
///
/// ```text
/// g = g + weight_decay * p
/// m = beta1 * m + (1 - beta1) * g
/// v = beta2 * v + (1 - beta2) * g^2
/// p = p - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
/// ```
///
/// The weight decay is part of the gradient here and is scaled with it; [`AdamW`] keeps it apart.
///
/// | option | default |
/// |---|---|
/// | `betas` | 0.9, 0.999 |
/// | `eps` | 1e-8 |
/// | `weight_decay` | 0 |
/// | `amsgrad` | no: divide by the mean of squares, not by its greatest value so far |
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{Adam, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32, -2.0]));
/// let grads = (&*p * &*p).sum().backward();
/// Adam::new(0.25).step(&mut p, &grads)?;
/// assert_eq!(p.to_vec(), [0.75, -1.75]); // the first step has the length lr
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - D. P. Kingma, J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015.
/// - S. J. Reddi, S. Kale, S. Kumar, *On the convergence of Adam and beyond*, ICLR 2018 (AMSGrad).
#[derive(Debug, Clone)]
pub struct Adam<T: Real = f32> {
    settings: Settings<T>,
    moments: Moments,
}

/// Adam with decoupled weight decay: `p = (1 - lr * weight_decay) * p` before the step of Adam.
///
/// Options as [`Adam`], but `weight_decay` is 0.01 by default.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::{AdamW, Optimizer};
/// use purlin_tensor::Tensor;
///
/// let mut p = Param::new(Tensor::from([1.0f32]));
/// let grads = (&*p * 0.0).sum().backward();
/// AdamW::new(0.5).weight_decay(0.5).step(&mut p, &grads)?;
/// assert_eq!(p.to_vec(), [0.75]); // no gradient, decay alone
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, ICLR 2019.
#[derive(Debug, Clone)]
pub struct AdamW<T: Real = f32> {
    settings: Settings<T>,
    moments: Moments,
}

/// What both share.
#[derive(Debug, Clone, Copy)]
struct Moments {
    beta1: f64,
    beta2: f64,
    eps: f64,
    amsgrad: bool,
}

impl Moments {
    const DEFAULT: Self = Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false };

    fn check(self, op: &'static str) -> Result<()> {
        check_unit(op, "beta1", self.beta1)?;
        check_unit(op, "beta2", self.beta2)?;
        check_positive(op, "eps", self.eps)
    }

    fn slots(self) -> Vec<(&'static str, f64)> {
        let mut slots = vec![("mean", 0.0), ("mean_square", 0.0)];
        if self.amsgrad {
            slots.push(("max_mean_square", 0.0));
        }
        slots
    }

    fn update<T: Real>(
        self,
        args: &UpdateArgs,
        is_decoupled: bool,
        param: &mut [T],
        grad: &[T],
        state: &mut [Tensor<T>],
    ) {
        let t = args.step as f64;
        let decay = args.weight_decay;
        let op = AdamOp {
            sign: args.sign,
            decay: if is_decoupled { 0.0 } else { decay },
            keep: if is_decoupled { 1.0 - args.lr * decay } else { 1.0 },
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            step: args.lr / (1.0 - libm::pow(self.beta1, t)),
            root: 1.0 / (1.0 - libm::pow(self.beta2, t)).sqrt(),
        };
        if self.amsgrad {
            let [m, v, max] = slots(state);
            update(Amsgrad(op), [param, m, v, max], [grad]);
        } else {
            let [m, v] = slots(state);
            update(op, [param, m, v], [grad]);
        }
    }
}

#[derive(Clone, Copy)]
struct AdamOp {
    sign: f64,
    decay: f64,
    keep: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    step: f64,
    root: f64,
}

impl AdamOp {
    #[inline(always)]
    fn moments<V: Lanes>(self, p: V, m: V, v: V, g: V) -> (V, V) {
        let g = V::splat_f64(self.decay).mul_add(p, g * V::splat_f64(self.sign));
        let m = V::splat_f64(self.beta1).mul_add(m, V::splat_f64(1.0 - self.beta1) * g);
        let v = V::splat_f64(self.beta2).mul_add(v, V::splat_f64(1.0 - self.beta2) * g * g);
        (flush_subnormal(m), flush_subnormal(v))
    }

    #[inline(always)]
    fn moved<V: Lanes>(self, p: V, m: V, v: V) -> V {
        let p = p * V::splat_f64(self.keep);
        let denominator = v.sqrt().mul_add(V::splat_f64(self.root), V::splat_f64(self.eps));
        V::splat_f64(-self.step).mul_add(m / denominator, p)
    }
}

impl UpdateOp<3, 1> for AdamOp {
    const COST: usize = 24; // a root and a division
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, m, v]: [V; 3], [g]: [V; 1]) -> [V; 3] {
        let (m, v) = self.moments(p, m, v, g);
        [self.moved(p, m, v), m, v]
    }
}

#[derive(Clone, Copy)]
struct Amsgrad(AdamOp);

impl UpdateOp<4, 1> for Amsgrad {
    const COST: usize = 24;
    #[inline(always)]
    fn eval<V: Lanes>(self, [p, m, v, max]: [V; 4], [g]: [V; 1]) -> [V; 4] {
        let (m, v) = self.0.moments(p, m, v, g);
        let max = v.max(max);
        [self.0.moved(p, m, max), m, v, max]
    }
}

macro_rules! adam {
    ($name:ident, $label:literal, $decay:expr, $is_decoupled:expr, $decay_doc:literal) => {
        impl<T: Real> $name<T> {
            /// The defaults with this learning rate.
            pub fn new(lr: f64) -> Self {
                let mut settings = Settings::new(lr);
                settings.set_weight_decay($decay);
                Self { settings, moments: Moments::DEFAULT }
            }

            /// The shares that the means of the gradient and of its square keep at each step.
            #[must_use]
            pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
                (self.moments.beta1, self.moments.beta2) = (beta1, beta2);
                self
            }

            /// Keeps the division finite.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.moments.eps = eps;
                self
            }

            #[doc = $decay_doc]
            #[must_use]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.settings.set_weight_decay(weight_decay);
                self
            }

            /// Divides by the greatest mean of squares so far.
            #[must_use]
            pub fn amsgrad(mut self) -> Self {
                self.moments.amsgrad = true;
                self
            }

            common_options!();
        }

        impl<T: Real> UpdateRule<T> for $name<T> {
            rule_fields!($label);

            fn check(&self) -> Result<()> {
                self.moments.check($label)
            }

            fn slots(&self) -> Vec<(&'static str, f64)> {
                self.moments.slots()
            }

            fn update(&self, args: &UpdateArgs, p: &mut [T], g: &[T], state: &mut [Tensor<T>]) {
                self.moments.update(args, $is_decoupled, p, g, state);
            }

            fn momentum(&self) -> Option<f64> {
                Some(self.moments.beta1)
            }

            fn set_momentum(&mut self, momentum: f64) {
                self.moments.beta1 = momentum;
            }
        }
    };
}

adam!(Adam, "adam", 0.0, false, "Adds `weight_decay * p` to the gradient.");
adam!(AdamW, "adamw", 0.01, true, "Shrinks parameters by `lr * weight_decay` at each step.");
