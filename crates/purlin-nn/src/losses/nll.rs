//! Negative log-likelihood of classes.

use super::{Loss, Reduction, Target, each_option, reduction_option, total_weight};
use purlin_core::{Real, Result};
use purlin_tensor::Tensor;

/// Minus the log-probability of the target class: [`CrossEntropy`](super::CrossEntropy) without
/// its log-softmax.
///
/// ```
/// use purlin_nn::losses::Nll;
/// use purlin_tensor::Tensor;
///
/// let logp = Tensor::<f32>::from([[0.25, 0.75], [0.5, 0.5]]).ln();
/// let loss = Nll::new().ignore_index(0).loss(&logp, &[1, 0])?; // the second row does not count
/// assert!((loss.item() - 0.287_682_07).abs() < 1e-6); // -ln 0.75
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Nll {
    weight: Option<Vec<f64>>,
    ignore_index: Option<usize>,
    reduction: Reduction,
}

impl Nll {
    /// All classes count alike; the mean over rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The factor on the loss of each class. The mean divides by the sum of the targets'
    /// factors.
    #[must_use]
    pub fn weight(mut self, weight: impl Into<Vec<f64>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// Rows with this target (it need not be a class) have no loss and do not count in the mean.
    ///
    /// The mean of a batch in which every row is ignored is an error here: nothing was measured,
    /// and 0 would pass for a perfect batch. The formula
    /// [`purlin_tensor::cross_entropy`] gives 0 (and gradients of 0) for it, as a sum over no rows
    /// does; [`Reduction::Sum`] gives the same here.
    #[must_use]
    pub fn ignore_index(mut self, index: usize) -> Self {
        self.ignore_index = Some(index);
        self
    }

    reduction_option!();

    /// The loss of log-probabilities `(..., n_classes)` against one class per row.
    ///
    /// [`Reduction::None`] gives one loss per row, in the shape of the leading axes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](purlin_core::Error::Shape) when the number of targets or weights does not fit,
    /// [`Error::InvalidParam`](purlin_core::Error::InvalidParam) when a target is no class or a weight is negative,
    /// [`Error::TooFewSamples`](purlin_core::Error::TooFewSamples) for the mean of nothing but ignored rows.
    pub fn loss<T: Real>(&self, logp: &Tensor<T>, targets: &[usize]) -> Result<Tensor<T>> {
        let weights = self.weight.as_deref();
        let total = total_weight("nll", logp, targets, weights, self.ignore_index)?;
        let n_classes = logp.dims()[logp.rank() - 1];
        let n_rows = targets.len();
        let is_counted = |t: usize| Some(t) != self.ignore_index;
        let counted: Vec<usize> = (0..n_rows).filter(|&row| is_counted(targets[row])).collect();
        let classes: Vec<usize> = counted.iter().map(|&row| targets[row]).collect();
        let factor = |&class: &usize| T::from_f64(-weights.map_or(1.0, |w| w[class]));
        let factors = Tensor::from_vec(classes.iter().map(factor).collect(), classes.len())?;
        // Ignored rows are left out, not multiplied by 0: they may hold infinities.
        let rows = logp.reshape([n_rows, n_classes]).index_select(0, &counted);
        let picked = rows.gather(1, &classes, [classes.len(), 1]).reshape(classes.len());
        let losses = picked * factors;
        match self.reduction {
            Reduction::Mean => {
                total.check("nll")?;
                Ok(losses.sum() / T::from_f64(total.weight))
            }
            Reduction::Sum => Ok(losses.sum()),
            Reduction::None => {
                Ok(spread(&losses, &counted, n_rows).reshape(logp.shape().without(logp.rank() - 1)))
            }
        }
    }
}

/// Losses of the rows that count, and 0 between them.
fn spread<T: Real>(losses: &Tensor<T>, rows: &[usize], n_rows: usize) -> Tensor<T> {
    if rows.len() == n_rows {
        return losses.clone();
    }
    let with_zero = Tensor::concat(&[losses, &Tensor::zeros(1)], 0);
    let mut places = vec![rows.len(); n_rows];
    for (i, &row) in rows.iter().enumerate() {
        places[row] = i;
    }
    with_zero.index_select(0, &places)
}

impl<T: Real> Loss<T> for Nll {
    fn compute(&self, prediction: &Tensor<T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss(prediction, target.classes("nll")?)
    }

    each_option!();
}
