//! Labels whose places in time are not known.

use super::{Loss, Reduction, Target, reduction_option};
use purlin_core::{Error, Real, Result};
use purlin_tensor::{CtcOptions, Tensor, ctc};

const OP: &str = "ctc";

/// Connectionist temporal classification: minus the logarithm of the probability that the steps of
/// a sample, repetitions merged and then blanks dropped, give its labels.
///
/// One class, the blank, stands for no label; the others are labels. A target of `n` labels needs
/// at least `n` steps, and one more between any two equal neighbours.
///
/// [`Reduction::Mean`] is the mean of the samples' losses. PyTorch's `mean` divides each by the
/// number of its labels first; for that, take [`Reduction::None`] and divide.
///
/// # Examples
///
/// ```
/// use purlin_nn::losses::Ctc;
/// use purlin_tensor::Tensor;
///
/// // Two steps of blank (class 0) or "a" (class 1), all equally likely: "aa", "-a" and "a-" of the
/// // four paths give "a".
/// let logits = Tensor::<f64>::zeros([1, 2, 2]);
/// let loss = Ctc::new().loss(&logits, &[vec![1]], None)?;
/// assert!((loss.item() + 0.75f64.ln()).abs() < 1e-15);
///
/// let err = Ctc::new().loss(&logits, &[vec![1, 1]], None).unwrap_err();
/// assert_eq!(err.to_string(), "ctc: expected at least 3 steps for the target of sample 0, got 2");
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, *Connectionist temporal classification:
///   labelling unsegmented sequence data with recurrent neural networks*, ICML 2006.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ctc {
    blank: usize,
    zero_infinity: bool,
    reduction: Reduction,
}

impl Ctc {
    /// Class 0 is the blank; the mean over samples.
    pub fn new() -> Self {
        Self::default()
    }

    /// The class that stands for no label.
    #[must_use]
    pub fn blank(mut self, class: usize) -> Self {
        self.blank = class;
        self
    }

    /// A sample whose target does not fit in its steps has a loss and gradient of 0 and counts in
    /// the mean, instead of being an error. So has one whose target the logits make impossible (by
    /// -inf); without this its loss is infinite and its gradient NaN.
    #[must_use]
    pub fn zero_infinity(mut self) -> Self {
        self.zero_infinity = true;
        self
    }

    reduction_option!();

    /// The loss of logits `(batch, steps, n_classes)` against a list of labels for each sample, of
    /// which `lengths` steps count (all without). Log-probabilities are logits, too.
    ///
    /// [`Reduction::None`] gives one loss per sample, `(batch,)`. There is no second derivative.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when logits have other axes, targets or lengths are not one per sample, or a
    /// target does not fit in its steps; [`Error::InvalidParam`] when a label is the blank or no
    /// class, the blank is no class, or a length is not in `1..=steps`; [`Error::TooFewSamples`] for
    /// the mean of nothing.
    pub fn loss<T: Real>(
        &self,
        logits: &Tensor<T>,
        targets: &[impl AsRef<[usize]>],
        lengths: Option<&[usize]>,
    ) -> Result<Tensor<T>> {
        let &[n, steps, n_classes] = logits.dims() else {
            let expected = "prediction (batch, steps, n_classes)";
            return Err(Error::shape(OP, expected, logits.shape()));
        };
        let mut labels = Vec::new();
        let mut target_lengths = Vec::with_capacity(targets.len());
        for target in targets {
            labels.extend_from_slice(target.as_ref());
            target_lengths.push(target.as_ref().len());
        }
        if targets.len() != n {
            return Err(Error::shape(OP, format!("{n} targets, one per sample"), targets.len()));
        }
        if let Some(lengths) = lengths {
            check_lengths(lengths, n, steps)?;
        }
        if self.blank >= n_classes {
            let rule = format!("below n_classes = {n_classes}");
            return Err(Error::param(OP, "blank", rule, self.blank));
        }
        for (sample, target) in targets.iter().enumerate() {
            let steps = lengths.map_or(steps, |lengths| lengths[sample]);
            self.check_target(target.as_ref(), sample, steps, n_classes)?;
        }
        if n == 0 && self.reduction == Reduction::Mean {
            return Err(Error::TooFewSamples { op: OP, expected: 1, got: 0 });
        }
        let options = CtcOptions {
            targets: &labels,
            target_lengths: &target_lengths,
            lengths,
            blank: self.blank,
            zero_infinity: self.zero_infinity,
            reduction: self.reduction,
        };
        Ok(ctc(logits, &options))
    }

    fn check_target(
        self,
        target: &[usize],
        sample: usize,
        steps: usize,
        n_classes: usize,
    ) -> Result<()> {
        let is_label = |&label: &usize| label < n_classes && label != self.blank;
        if let Some(at) = target.iter().position(|label| !is_label(label)) {
            let rule = format!("below n_classes = {n_classes} and not the blank {}", self.blank);
            let value = format!("{} at place {at} of sample {sample}", target[at]);
            return Err(Error::param(OP, "target", rule, value));
        }
        let needed = target.len() + target.windows(2).filter(|pair| pair[0] == pair[1]).count();
        if needed > steps && !self.zero_infinity {
            let expected = format!("at least {needed} steps for the target of sample {sample}");
            return Err(Error::shape(OP, expected, steps));
        }
        Ok(())
    }
}

fn check_lengths(lengths: &[usize], n: usize, steps: usize) -> Result<()> {
    if lengths.len() != n {
        return Err(Error::shape(OP, format!("{n} lengths, one per sample"), lengths.len()));
    }
    match lengths.iter().position(|length| !(1..=steps).contains(length)) {
        None => Ok(()),
        Some(at) => {
            let value = format!("{} at sample {at}", lengths[at]);
            Err(Error::param(OP, "lengths", format!("in 1..={steps}"), value))
        }
    }
}

impl<T: Real> Loss<T> for Ctc {
    /// Classes are the targets of all samples, filled up with blanks to one length; all steps count.
    ///
    /// ```
    /// use purlin_nn::losses::{Ctc, Loss, Target};
    /// use purlin_tensor::Tensor;
    ///
    /// let logits = Tensor::<f32>::zeros([2, 4, 3]);
    /// let by_rows = Ctc::new().compute(&logits, Target::Classes(&[1, 0, 0, 2, 2, 1]))?;
    /// let by_lists = Ctc::new().loss(&logits, &[vec![1], vec![2, 2, 1]], None)?;
    /// assert_eq!(by_rows, by_lists);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let classes = target.classes(OP)?;
        let n = prediction.dims().first().copied().unwrap_or(0);
        if n == 0 || !classes.len().is_multiple_of(n) {
            let expected = format!("as many target classes for each of {n} samples");
            return Err(Error::shape(OP, expected, format!("{} classes", classes.len())));
        }
        let width = classes.len() / n;
        let targets: Vec<&[usize]> = (0..n)
            .map(|i| {
                let row = &classes[i * width..][..width];
                let n_labels = row.iter().rposition(|&class| class != self.blank);
                &row[..n_labels.map_or(0, |last| last + 1)]
            })
            .collect();
        self.loss(prediction, &targets, None)
    }

    super::each_option!();
}
