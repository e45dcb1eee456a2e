//! Softmax and cross-entropy as one operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::or_panic;
use purlin_backend::softmax::{CrossEntropy, IGNORE};
use purlin_backend::{Buffer, reduce};
use purlin_core::{Error, Real, Result, Shape};

/// What a loss makes of its values per sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reduction {
    /// Their mean (weighted, where there are weights).
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Nothing: one value per sample.
    None,
}

/// The settings of [`cross_entropy`].
///
/// # Examples
///
/// ```
/// use purlin_tensor::CrossEntropyOptions;
///
/// let options = CrossEntropyOptions::<f32> { label_smoothing: 0.1, ..Default::default() };
/// assert!(options.weight.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct CrossEntropyOptions<T: Real = f32> {
    /// A weight per class, `(n_classes,)`; 1 without.
    pub weight: Option<Tensor<T>>,
    /// The share of each target spread evenly over all classes (Szegedy et al., 2016), in
    /// `[0, 1]`; 0.
    pub label_smoothing: f64,
    /// Samples of this target count neither in the sum nor in the mean.
    pub ignore_index: Option<usize>,
    /// What is made of the values per sample.
    pub reduction: Reduction,
}

impl<T: Real> Default for CrossEntropyOptions<T> {
    fn default() -> Self {
        Self { weight: None, label_smoothing: 0.0, ignore_index: None, reduction: Reduction::Mean }
    }
}

/// Whether every target is a class, or the one that is ignored: for the door where targets
/// enter, since [`cross_entropy`] panics.
///
/// # Errors
///
/// [`Error::InvalidParam`] naming the first target that is neither, and its position.
///
/// # Examples
///
/// ```
/// use purlin_tensor::check_targets;
///
/// assert!(check_targets("cross_entropy", &[0, 2, 9], 3, Some(9)).is_ok());
/// let err = check_targets("cross_entropy", &[0, 3], 3, None).unwrap_err();
/// assert_eq!(err.to_string(), "cross_entropy: targets must be below 3 (the number of classes), got 3 at position 1");
/// ```
pub fn check_targets(
    op: &'static str,
    targets: &[usize],
    n_classes: usize,
    ignore_index: Option<usize>,
) -> Result<()> {
    let is_bad = |&target: &usize| target >= n_classes && Some(target) != ignore_index;
    match targets.iter().position(is_bad) {
        None => Ok(()),
        Some(i) => Err(Error::param(
            op,
            "targets",
            format!("below {n_classes} (the number of classes)"),
            format!("{} at position {i}", targets[i]),
        )),
    }
}

/// `loss_i = sum_c q_ic (-log p_ic)` with `p` the softmax of row `i` and `q` its target
/// distribution, so `d loss_i / d x_ic = p_ic sum_k q_ik - q_ic`.
struct CrossEntropyBackward<T: Real> {
    logits: Tensor<T>,
    probs: Buffer<T>,
    targets: Vec<u32>,
    weight: Option<Tensor<T>>,
    smoothing: f64,
    reduction: Reduction,
    /// The sum of losses is divided by it.
    divisor: T,
}

impl<T: Real> CrossEntropyBackward<T> {
    fn spec(&self) -> CrossEntropy<'_, T> {
        CrossEntropy { weight: self.weight.as_ref().map(Tensor::data), smoothing: self.smoothing }
    }

    /// The target distribution of every row, with its weights.
    fn target_distribution(&self) -> Tensor<T> {
        let cols = self.logits.dims()[self.logits.rank() - 1];
        let weight = |class: usize| self.weight.as_ref().map_or(T::ONE, |w| w.data()[class]);
        let spread = T::from_f64(self.smoothing / cols as f64);
        let mut q = Tensor::zeros([self.targets.len(), cols]);
        for (q, &target) in q.data_mut().chunks_exact_mut(cols).zip(&self.targets) {
            if target != IGNORE {
                for (class, q) in q.iter_mut().enumerate() {
                    *q = spread * weight(class);
                }
                let target = target as usize;
                q[target] += T::from_f64(1.0 - self.smoothing) * weight(target);
            }
        }
        q
    }
}

impl<T: Real> Backward<T> for CrossEntropyBackward<T> {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if flow.is_graph() {
            let q = self.target_distribution();
            compose(&grad, flow, &[(0, &self.logits)], |v| {
                let log_probs = v[0].reshape(q.shape()).log_softmax(-1);
                let loss = -(log_probs * &q).sum_axis(-1, false);
                match self.reduction {
                    Reduction::None => loss.reshape(grad.shape()),
                    Reduction::Sum | Reduction::Mean => loss.sum() / self.divisor,
                }
            });
            return;
        }
        let (rows, cols) = (self.targets.len(), self.logits.dims()[self.logits.rank() - 1]);
        let grad_loss = match self.reduction {
            Reduction::None => Buffer::copy_of(grad.data()),
            Reduction::Sum | Reduction::Mean => Buffer::filled(rows, grad.item() / self.divisor),
        };
        let mut out = Buffer::scratch(self.logits.numel());
        self.spec().grad(&self.probs, rows, cols, &self.targets, &grad_loss, &mut out);
        flow.send(0, Tensor::new(*self.logits.shape(), out));
    }
}

/// The cross-entropy of class indices under the softmax of `logits`, with its derivative in one
/// pass.
///
/// | value | shape |
/// |---|---|
/// | `logits` | `(.., n_classes)` |
/// | `targets` | one class per row, row-major |
/// | result | a scalar; with [`Reduction::None`] `(..)` |
///
/// For a row with target `t`, smoothing `s` and class weights `w`:
/// `loss = (1 - s) w[t] (-log p[t]) + s / n_classes * sum_c w[c] (-log p[c])`. The mean divides by
/// the sum of `w[t]` over the rows that count; where none counts, the loss is 0.
///
/// # Panics
///
/// When a length does not fit, a target is no class (see [`check_targets`]), or the smoothing is
/// not in `[0, 1]`.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{CrossEntropyOptions, Tensor, cross_entropy};
///
/// let logits = Tensor::from([[0.0f64, 0.0], [0.0, 0.0]]).requires_grad();
/// let loss = cross_entropy(&logits, &[0, 1], &CrossEntropyOptions::default());
/// assert!((loss.item() - 2.0f64.ln()).abs() < 1e-15);
/// let grads = loss.backward();
/// assert_eq!(grads.require(&logits)?.data(), [-0.25, 0.25, 0.25, -0.25]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[track_caller]
pub fn cross_entropy<T: Real>(
    logits: &Tensor<T>,
    targets: &[usize],
    options: &CrossEntropyOptions<T>,
) -> Tensor<T> {
    let op = "cross_entropy";
    assert!(
        logits.rank() > 0 && logits.dims()[logits.rank() - 1] > 0,
        "{op}: expected logits (.., n_classes), got {}",
        logits.shape()
    );
    let cols = logits.dims()[logits.rank() - 1];
    let rows = logits.numel() / cols;
    assert!(
        targets.len() == rows,
        "{op}: expected {rows} targets for logits {}, got {}",
        logits.shape(),
        targets.len()
    );
    or_panic(check_targets(op, targets, cols, options.ignore_index));
    let smoothing = options.label_smoothing;
    if !(0.0..=1.0).contains(&smoothing) {
        or_panic::<()>(Err(Error::param(op, "label_smoothing", "in [0, 1]", smoothing)));
    }
    if let Some(weight) = &options.weight {
        assert!(weight.dims() == [cols], "{op}: expected weight ({cols},), got {}", weight.shape());
    }
    let targets: Vec<u32> = targets
        .iter()
        .map(|&target| {
            if Some(target) == options.ignore_index {
                IGNORE
            } else {
                u32::try_from(target).expect("there are fewer than 2^32 classes")
            }
        })
        .collect();
    let weight = options.weight.as_ref().map(Tensor::detach);
    let (mut loss, mut probs) = (Buffer::scratch(rows), Buffer::scratch(logits.numel()));
    let spec = CrossEntropy { weight: weight.as_ref().map(Tensor::data), smoothing };
    spec.forward(logits.data(), rows, cols, &targets, &mut loss, &mut probs);
    let mut divisor = T::ONE;
    let result = match options.reduction {
        Reduction::None => Tensor::new(Shape::new(&logits.dims()[..logits.rank() - 1]), loss),
        Reduction::Sum => Tensor::scalar(reduce::sum(&loss)),
        Reduction::Mean => {
            let counted = targets.iter().filter(|&&target| target != IGNORE);
            let total: T = match &weight {
                Some(weight) => counted.map(|&target| weight.data()[target as usize]).sum(),
                None => T::from_usize(counted.count()),
            };
            if total != T::ZERO {
                divisor = total;
            }
            Tensor::scalar(reduce::sum(&loss) / divisor)
        }
    };
    result.record(Edges::of(&[logits]), op, |_| CrossEntropyBackward {
        logits: logits.detach(),
        probs,
        targets,
        weight,
        smoothing,
        reduction: options.reduction,
        divisor,
    })
}
