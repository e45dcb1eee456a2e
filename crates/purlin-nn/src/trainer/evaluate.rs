//! Measuring and predicting.

use super::Trainer;
use super::target::Prepared;
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::{Context, Forward};
use purlin_core::{Error, Result};
use purlin_data::Loader;
use purlin_tensor::{Tensor, no_grad};

/// The results of a model on data.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The mean loss over all samples.
    pub loss: f64,
    /// The number of samples.
    pub n_samples: u64,
    /// `loss`, then the metrics; one that is not defined is left out.
    pub values: Vec<(String, f64)>,
}

impl Evaluation {
    /// A value by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }
}

impl Trainer<'_> {
    /// As [`evaluate`], with the trainer's loss and metrics.
    ///
    /// # Errors
    ///
    /// As [`evaluate`].
    pub fn evaluate<M: Forward<f32> + ?Sized>(
        &mut self,
        model: &M,
        data: &Loader,
    ) -> Result<Evaluation> {
        let mut metrics: Vec<&mut dyn Metric> = Vec::with_capacity(self.metrics.len());
        for metric in &mut self.metrics {
            metrics.push(metric.as_mut());
        }
        evaluate(model, self.loss.as_ref(), &mut metrics, data)
    }

    /// As [`predict`].
    ///
    /// # Errors
    ///
    /// As [`predict`].
    pub fn predict<M: Forward<f32> + ?Sized>(&self, model: &M, data: &Loader) -> Result<Tensor> {
        predict(model, data)
    }
}

/// Measures loss and metrics of a model in evaluation mode, over every sample once.
///
/// # Errors
///
/// [`Error::TooFewSamples`] without a sample or when the loader does not visit each once (a short
/// last batch that is dropped, draws with replacement), [`Error::Diverged`] when the loss is not finite (the step is the number
/// of the batch), and whatever loader, loss and metrics refuse.
///
/// # Examples
///
/// ```
/// use purlin_data::{Loader, MemoryDataset, Targets};
/// use purlin_nn::layers::Relu;
/// use purlin_nn::losses::CrossEntropy;
/// use purlin_nn::metrics::Accuracy;
/// use purlin_nn::trainer::evaluate;
/// use purlin_tensor::Tensor;
///
/// let logits = Tensor::from([[3.0, 0.0], [0.0, 3.0], [0.0, 3.0], [0.0, 3.0]]);
/// let data = Loader::new(MemoryDataset::new(logits, Targets::Classes(vec![0, 1, 1, 0]))?);
/// let result = evaluate(&Relu, &CrossEntropy::new(), &mut [&mut Accuracy::new()], &data)?;
/// assert_eq!(result.get("accuracy"), Some(0.75));
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn evaluate<M: Forward<f32> + ?Sized>(
    model: &M,
    loss: &(impl Loss<f32> + ?Sized),
    metrics: &mut [&mut dyn Metric],
    data: &Loader,
) -> Result<Evaluation> {
    check_complete("evaluate", data)?;
    for metric in &mut *metrics {
        metric.reset();
    }
    let (mut sum, mut n_samples) = (0.0, 0u64);
    for (i, batch) in data.epoch(0).enumerate() {
        let batch = batch?;
        let output = no_grad(|| model.forward(&batch.x, &mut Context::eval()));
        let prepared = Prepared::new("evaluate", &output, &batch.y)?;
        let loss = no_grad(|| loss.compute(&output, prepared.target()))?;
        let loss = finite_loss("evaluate", i as u64, "loss", &loss)?;
        sum += loss * batch.len() as f64;
        n_samples += batch.len() as u64;
        for metric in &mut *metrics {
            metric.update(&output, &batch.y)?;
        }
    }
    if n_samples == 0 {
        return Err(Error::TooFewSamples { op: "evaluate", expected: 1, got: 0 });
    }
    let loss = sum / n_samples as f64;
    let values = values(loss, metrics.iter().map(|metric| &**metric));
    Ok(Evaluation { loss, n_samples, values })
}

/// The outputs of a model in evaluation mode, `(n_samples, ...)`, in the order of the data set,
/// whatever the order of the loader.
///
/// # Errors
///
/// [`Error::TooFewSamples`] without a sample or when the loader does not visit each once (a short
/// last batch that is dropped, draws with replacement), and whatever the loader refuses.
///
/// # Examples
///
/// ```
/// use purlin_data::{Loader, MemoryDataset, Targets};
/// use purlin_nn::layers::Relu;
/// use purlin_nn::trainer::predict;
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::from([[-1.0, 2.0], [3.0, -4.0], [5.0, 6.0]]);
/// let data = Loader::new(MemoryDataset::new(x, Targets::None)?).batch_size(2).shuffle(7);
/// assert_eq!(predict(&Relu, &data)?.to_vec(), [0.0, 2.0, 3.0, 0.0, 5.0, 6.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn predict<M: Forward<f32> + ?Sized>(model: &M, data: &Loader) -> Result<Tensor> {
    check_complete("predict", data)?;
    let (mut outputs, mut indices) = (Vec::new(), Vec::new());
    for batch in data.epoch(0) {
        let batch = batch?;
        outputs.push(no_grad(|| model.forward(&batch.x, &mut Context::eval())));
        indices.extend(batch.indices);
    }
    if outputs.is_empty() {
        return Err(Error::TooFewSamples { op: "predict", expected: 1, got: 0 });
    }
    let all = Tensor::concat(&outputs.iter().collect::<Vec<_>>(), 0);
    if indices.is_sorted() {
        return Ok(all);
    }
    let mut place = vec![0; indices.len()];
    for (row, index) in indices.into_iter().enumerate() {
        place[index] = row;
    }
    Ok(all.index_select(0, &place))
}

/// An error unless an epoch visits every sample once: a measure over a part, or over one that counts
/// some samples twice, would pass for that of all.
pub(super) fn check_complete(op: &'static str, data: &Loader) -> Result<()> {
    if data.n_batches() == 0 {
        // A loader that cannot run at all says why.
        data.epoch(0).next().transpose()?;
    }
    let expected = data.dataset().len();
    let mut is_visited = vec![false; expected];
    for index in data.order(0).into_iter().take(data.n_samples()) {
        is_visited[index] = true;
    }
    let got = is_visited.into_iter().filter(|&is_visited| is_visited).count();
    if got < expected { Err(Error::TooFewSamples { op, expected, got }) } else { Ok(()) }
}

/// The loss and the values of the metrics; one that is not defined is left out.
pub(super) fn values<'a>(
    loss: f64,
    metrics: impl Iterator<Item = &'a (dyn Metric + 'a)>,
) -> Vec<(String, f64)> {
    let mut values = vec![("loss".to_owned(), loss)];
    values.extend(metrics.filter_map(|metric| Some((metric.name(), metric.value()?))));
    values
}

/// The number of a loss, or why there is none to go on with.
pub(crate) fn finite_loss(op: &'static str, step: u64, what: &str, loss: &Tensor) -> Result<f64> {
    if loss.numel() != 1 {
        let expected = "a loss of one number (reduction mean)";
        return Err(Error::shape(op, expected, loss.shape()));
    }
    let value = f64::from(loss.item());
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::Diverged { op, step, what: what.to_owned(), value })
    }
}
