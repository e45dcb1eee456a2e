//! Bounds on gradients.

use crate::Module;
use purlin_backend::{elementwise, reduce};
use purlin_core::simd::Lanes;
use purlin_core::{Error, Real, Result};
use purlin_tensor::{Gradients, Tensor};

/// How gradients are bounded before a step.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::optim::Clip;
/// use purlin_tensor::Tensor;
///
/// let p = Param::new(Tensor::from([1.0f32, 1.0]));
/// let mut grads = (&*p * Tensor::from([3.0, 4.0])).sum().backward();
/// let norm = Clip::norm(1.0).apply(&p, &mut grads)?;
/// assert_eq!(norm, 5.0); // before clipping
/// let clipped = grads.require(&p)?.to_vec();
/// assert!((clipped[0] - 0.6).abs() < 1e-6 && (clipped[1] - 0.8).abs() < 1e-6);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// All gradients times `min(1, max / (norm + 1e-6))`: the direction stays.
    Norm {
        /// The greatest norm.
        max: f64,
        /// Which norm.
        kind: NormKind,
    },
    /// Every number into `-max..=max`.
    Value {
        /// The greatest absolute value.
        max: f64,
    },
}

/// A norm over all gradients together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// The sum of absolute values.
    L1,
    /// The root of the sum of squares.
    L2,
    /// The greatest absolute value.
    Max,
}

impl Clip {
    /// By the Euclidean norm over all gradients.
    pub fn norm(max: f64) -> Self {
        Self::Norm { max, kind: NormKind::L2 }
    }

    /// By value.
    pub fn value(max: f64) -> Self {
        Self::Value { max }
    }

    /// Bounds the gradients of the trainable parameters of `model`, and gives their norm before
    /// (by value: the greatest absolute value).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `max` is not finite and above 0, or a gradient holds NaN or an
    /// infinity: the text names the parameter. Nothing is changed then.
    pub fn apply<T: Real>(
        self,
        model: &(impl Module<T> + ?Sized),
        grads: &mut Gradients<T>,
    ) -> Result<f64> {
        let (Self::Norm { max, .. } | Self::Value { max }) = self;
        if !(max.is_finite() && max > 0.0) {
            return Err(Error::param("clip", "max", "finite and greater than 0", max));
        }
        let kind = match self {
            Self::Norm { kind, .. } => kind,
            Self::Value { .. } => NormKind::Max,
        };
        let norm = norm(kind, model, grads)?;
        match self {
            Self::Norm { .. } => {
                let factor = max / (norm + 1e-6);
                if factor < 1.0 {
                    change(model, grads, Scale(factor));
                }
            }
            Self::Value { max } => {
                if norm > max {
                    change(model, grads, Clamp(max));
                }
            }
        }
        Ok(norm)
    }
}

/// The norm of the gradients of the trainable parameters of `model`, all together.
///
/// # Errors
///
/// [`Error::InvalidParam`] naming the first parameter whose gradient holds NaN or an infinity.
pub fn norm<T: Real>(
    kind: NormKind,
    model: &(impl Module<T> + ?Sized),
    grads: &Gradients<T>,
) -> Result<f64> {
    let mut total = 0.0f64;
    let mut result = Ok(());
    model.for_each_param(&mut |name, param| {
        let Some(grad) = grads.get(param).filter(|_| param.is_trainable()) else { return };
        let part = measure(kind, grad.data());
        if !part.is_finite() && result.is_ok() {
            let got = format!("NaN or an infinity in that of {name}");
            result = Err(Error::param("clip", "gradient", "finite", got));
        }
        total = if kind == NormKind::Max { total.max(part) } else { total + part };
    });
    result.map(|()| if kind == NormKind::L2 { total.sqrt() } else { total })
}

/// Sum of absolute values, sum of squares, or greatest absolute value; not finite where a number
/// is not.
fn measure<T: Real>(kind: NormKind, x: &[T]) -> f64 {
    let wide = x.iter().map(|x| x.to_f64());
    match kind {
        NormKind::L1 => wide.map(f64::abs).sum(),
        // `f64::max` would drop NaN.
        NormKind::Max => wide
            .map(f64::abs)
            .fold(0.0, |max: f64, x| if max.is_nan() || x <= max { max } else { x }),
        NormKind::L2 => {
            let fast = reduce::dot(x, x).to_f64();
            // Squares of single precision may leave its range; in double precision they do not.
            if fast.is_finite() && fast > T::MIN_POSITIVE.to_f64() / T::EPSILON.to_f64() {
                fast
            } else {
                wide.map(|x| x * x).sum()
            }
        }
    }
}

fn change<T: Real>(
    model: &(impl Module<T> + ?Sized),
    grads: &mut Gradients<T>,
    op: impl elementwise::MapOp,
) {
    model.for_each_param(&mut |_, param| {
        if let Some(grad) = grads.get_mut(param).filter(|_| param.is_trainable()) {
            elementwise::map_inplace(op, Tensor::data_mut(grad));
        }
    });
}

#[derive(Clone, Copy)]
struct Scale(f64);

impl elementwise::MapOp for Scale {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x * V::splat_f64(self.0)
    }
}

#[derive(Clone, Copy)]
struct Clamp(f64);

impl elementwise::MapOp for Clamp {
    #[inline(always)]
    fn eval<V: Lanes>(self, x: V) -> V {
        x.min(V::splat_f64(self.0)).max(V::splat_f64(-self.0))
    }
}
