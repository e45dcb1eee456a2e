//! Cross-entropy of logits and class indices, with class weights and label smoothing.

use super::{BLOCK, ln_of, softmax_row};
use crate::elementwise::work;
use crate::reduce::row;
use crate::{Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// A target that does not count: its loss and gradient are 0.
pub const IGNORE: u32 = u32::MAX;

/// The loss of one row of logits `x` with target class `t`:
///
/// `(1 - s) w[t] (-log p[t]) + s / cols * sum over c of w[c] (-log p[c])`
///
/// where `p` is the softmax of `x`, `s` the label smoothing (Szegedy et al., 2016) and `w` the
/// class weights (1 without). A mean over rows divides by the sum of `w[t]`; that is the caller's.
///
/// # Examples
///
/// ```
/// use purlin_backend::softmax::CrossEntropy;
///
/// let (mut loss, mut probs) = ([0.0f64], [0.0; 2]);
/// let spec = CrossEntropy::default();
/// spec.forward(&[0.0, 0.0], 1, 2, &[1], &mut loss, &mut probs);
/// assert!((loss[0] - 2.0f64.ln()).abs() < 1e-15);
///
/// let mut grad = [0.0; 2];
/// spec.grad(&probs, 1, 2, &[1], &[1.0], &mut grad);
/// assert_eq!(grad, [0.5, -0.5]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CrossEntropy<'a, T> {
    /// A weight per class.
    pub weight: Option<&'a [T]>,
    /// The share of the target that is spread evenly over all classes, in `[0, 1]`.
    pub smoothing: f64,
}

impl<T: Real> CrossEntropy<'_, T> {
    /// Writes the loss of each row and its softmax, in one pass over the logits.
    ///
    /// # Panics
    ///
    /// When a target is neither below `cols` nor [`IGNORE`], or a length differs from its shape.
    #[track_caller]
    pub fn forward(
        &self,
        logits: &[T],
        rows: usize,
        cols: usize,
        targets: &[u32],
        loss: &mut [T],
        probs: &mut [T],
    ) {
        self.check(logits, rows, cols, targets);
        assert_eq!(loss.len(), rows, "cross_entropy: loss must have one element per row");
        assert_eq!(probs.len(), logits.len(), "cross_entropy: probs must be as long as logits");
        if logits.is_empty() {
            loss.fill(T::ZERO);
            return;
        }
        let weight_sum = self.weight_sum(cols);
        let size = (BLOCK / cols).max(1);
        let work = work::<T>(logits.len(), 2, 12);
        let blocks = loss.chunks_mut(size).zip(probs.chunks_mut(size * cols));
        parallel::for_each_task(blocks, work, |block, (loss, probs)| {
            let first = block * size;
            let logits = &logits[first * cols..][..probs.len()];
            let targets = &targets[first..][..loss.len()];
            dispatch(Forward { spec: self, weight_sum, logits, cols, targets, loss, probs });
        });
    }

    /// The gradient of the logits: `grad_loss[r]` times the derivative of row `r`'s loss.
    ///
    /// # Panics
    ///
    /// As [`CrossEntropy::forward`].
    #[track_caller]
    pub fn grad(
        &self,
        probs: &[T],
        rows: usize,
        cols: usize,
        targets: &[u32],
        grad_loss: &[T],
        out: &mut [T],
    ) {
        self.check(probs, rows, cols, targets);
        assert_eq!(grad_loss.len(), rows, "cross_entropy: grad_loss must have one element per row");
        assert_eq!(out.len(), probs.len(), "cross_entropy: out must be as long as probs");
        if probs.is_empty() {
            return;
        }
        let weight_sum = self.weight_sum(cols);
        let size = (BLOCK / cols).max(1);
        parallel::for_each_chunk(out, size * cols, work::<T>(probs.len(), 2, 2), |block, out| {
            let first = block * size;
            let probs = &probs[first * cols..][..out.len()];
            let n = out.len() / cols;
            let (targets, grad_loss) = (&targets[first..][..n], &grad_loss[first..][..n]);
            dispatch(Backward { spec: self, weight_sum, probs, cols, targets, grad_loss, out });
        });
    }

    #[track_caller]
    fn check(&self, x: &[T], rows: usize, cols: usize, targets: &[u32]) {
        assert_eq!(x.len(), rows * cols, "cross_entropy: input must have rows * cols elements");
        assert_eq!(targets.len(), rows, "cross_entropy: targets must have one element per row");
        if let Some(weight) = self.weight {
            assert_eq!(weight.len(), cols, "cross_entropy: weight must have one element per class");
        }
        if let Some(t) = targets.iter().find(|&&t| t != IGNORE && t as usize >= cols) {
            panic!("cross_entropy: targets must be below {cols}, got {t}");
        }
    }

    fn weight_sum(&self, cols: usize) -> T {
        self.weight.map_or_else(|| T::from_usize(cols), crate::reduce::sum)
    }

    #[inline(always)]
    fn weight_of(&self, class: usize) -> T {
        self.weight.map_or(T::ONE, |w| w[class])
    }
}

struct Forward<'a, T> {
    spec: &'a CrossEntropy<'a, T>,
    weight_sum: T,
    logits: &'a [T],
    cols: usize,
    targets: &'a [u32],
    loss: &'a mut [T],
    probs: &'a mut [T],
}

impl<T: Real> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let smoothing = T::from_f64(self.spec.smoothing);
        let spread = smoothing / T::from_usize(self.cols);
        let rows = self.logits.chunks_exact(self.cols).zip(self.probs.chunks_exact_mut(self.cols));
        for (((x, p), &target), loss) in rows.zip(self.targets).zip(self.loss) {
            let (max, sum) = softmax_row::<I, T>(x, p);
            if target == IGNORE {
                *loss = T::ZERO;
                continue;
            }
            let target = target as usize;
            let log_sum = ln_of::<I, T>(sum);
            let own = self.spec.weight_of(target) * (log_sum - (x[target] - max));
            *loss = own;
            if smoothing > T::ZERO {
                // sum of w (log_sum - (x - max))
                let shifted = match self.spec.weight {
                    Some(weight) => row::dot_shifted::<I, T>(x, max, weight),
                    None => row::sum_shifted::<I, T>(x, max),
                };
                let even = self.weight_sum * log_sum - shifted;
                *loss = (T::ONE - smoothing) * own + spread * even;
            }
        }
    }
}

struct Backward<'a, T> {
    spec: &'a CrossEntropy<'a, T>,
    weight_sum: T,
    probs: &'a [T],
    cols: usize,
    targets: &'a [u32],
    grad_loss: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = T::Lanes::<I>::LANES;
        let smoothing = T::from_f64(self.spec.smoothing);
        let spread = smoothing / T::from_usize(self.cols);
        let rows = self.probs.chunks_exact(self.cols).zip(self.out.chunks_exact_mut(self.cols));
        for (((p, out), &target), &grad) in rows.zip(self.targets).zip(self.grad_loss) {
            if target == IGNORE {
                out.fill(T::ZERO);
                continue;
            }
            let target = target as usize;
            let hit = (T::ONE - smoothing) * self.spec.weight_of(target);
            // grad ((hit + spread W) p[c] - spread w[c] - hit [c == target])
            let scale = T::Lanes::<I>::splat(grad * (hit + spread * self.weight_sum));
            let minus = T::Lanes::<I>::splat(-(grad * spread));
            for start in (0..self.cols).step_by(n) {
                let p = T::Lanes::<I>::load_partial(&p[start..], T::ZERO);
                let weight = match self.spec.weight {
                    Some(w) => T::Lanes::<I>::load_partial(&w[start..], T::ZERO),
                    None => T::Lanes::<I>::splat(T::ONE),
                };
                scale.mul_add(p, minus * weight).store_partial(&mut out[start..]);
            }
            out[target] -= grad * hit;
        }
    }
}
