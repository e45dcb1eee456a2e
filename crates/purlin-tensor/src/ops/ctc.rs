//! Connectionist temporal classification as one operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, only_once};
use crate::ops::Reduction;
use purlin_backend::softmax as kernel;
use purlin_backend::{Buffer, reduce};
use purlin_core::{Real, Shape};

/// What [`ctc`] compares with, and its settings.
///
/// # Examples
///
/// ```
/// use purlin_tensor::CtcOptions;
///
/// let spec = CtcOptions { targets: &[2, 1, 1], target_lengths: &[1, 2], ..CtcOptions::default() };
/// assert_eq!((spec.blank, spec.zero_infinity), (0, false));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CtcOptions<'a> {
    /// The labels of all samples, one after the other.
    pub targets: &'a [usize],
    /// Labels of each sample.
    pub target_lengths: &'a [usize],
    /// Steps of each sample that count; all of them without.
    pub lengths: Option<&'a [usize]>,
    /// The class that stands for no label; 0.
    pub blank: usize,
    /// Whether a sample whose target does not fit in its steps has no loss, not an infinite one;
    /// off.
    pub zero_infinity: bool,
    /// What is made of the values per sample.
    pub reduction: Reduction,
}

struct CtcBackward<T: Real> {
    logits: Tensor<T>,
    /// Of each sample's loss by itself.
    slopes: Tensor<T>,
    reduction: Reduction,
}

impl<T: Real> Backward<T> for CtcBackward<T> {
    fn name(&self) -> &'static str {
        "ctc"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let n = self.logits.dims()[0];
        let upstream = grad.detach();
        let result = match self.reduction {
            Reduction::None => &self.slopes * upstream.reshape([n, 1, 1]),
            Reduction::Sum => &self.slopes * upstream,
            Reduction::Mean => &self.slopes * (upstream / T::from_usize(n.max(1))),
        };
        if flow.is_graph() {
            let logits = flow.input(0, &self.logits);
            flow.send(0, only_once("ctc", &result, &[&logits, &grad]));
        } else {
            flow.send(0, result);
        }
    }
}

/// Connectionist temporal classification (Graves et al., 2006): minus the logarithm of the
/// probability that the steps of a sample give its labels, blanks and repetitions taken out, with
/// its derivative.
///
/// | value | shape |
/// |---|---|
/// | `logits` | `(batch, steps, n_classes)`; log-probabilities are logits, too |
/// | result | a scalar; with [`Reduction::None`] `(batch,)` |
///
/// The mean is that over samples. A sample whose target does not fit in its steps has an infinite
/// loss and a gradient of NaN, or 0 and 0 with [`CtcOptions::zero_infinity`]. There is no second
/// derivative.
///
/// # Panics
///
/// When a length does not fit, a sample has no steps or more than there are, or a target is the blank
/// or no class.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{CtcOptions, Tensor, ctc};
///
/// // Two steps of blank or "a", all equally likely: 3 of the 4 paths give "a".
/// let logits = Tensor::<f64>::zeros([1, 2, 2]);
/// let loss = ctc(&logits, &CtcOptions { targets: &[1], target_lengths: &[1], ..CtcOptions::default() });
/// assert!((loss.item() + 0.75f64.ln()).abs() < 1e-15);
/// ```
#[track_caller]
pub fn ctc<T: Real>(logits: &Tensor<T>, spec: &CtcOptions<'_>) -> Tensor<T> {
    let &[n, steps, n_classes] = logits.dims() else {
        panic!("ctc: expected logits (batch, steps, n_classes), got {}", logits.shape());
    };
    let all = vec![steps; n];
    let kernel_spec = kernel::Ctc {
        steps,
        n_classes,
        blank: spec.blank,
        lengths: spec.lengths.unwrap_or(&all),
        targets: spec.targets,
        target_lengths: spec.target_lengths,
        zero_infinity: spec.zero_infinity,
    };
    let mut loss = Buffer::scratch(n);
    let edges = Edges::of(&[logits]);
    let mut slopes = edges.as_ref().map(|_| Buffer::scratch(logits.numel()));
    kernel::ctc(&kernel_spec, logits.data(), &mut loss, slopes.as_deref_mut());
    let result = match spec.reduction {
        Reduction::None => Tensor::new(Shape::from([n]), loss),
        Reduction::Sum => Tensor::scalar(reduce::sum(&loss)),
        Reduction::Mean => Tensor::scalar(reduce::sum(&loss) / T::from_usize(n.max(1))),
    };
    let Some(slopes) = slopes else { return result.checked("ctc") };
    result.record(edges, "ctc", |_| CtcBackward {
        logits: logits.detach(),
        slopes: Tensor::new(*logits.shape(), slopes),
        reduction: spec.reduction,
    })
}
