//! Measuring and predicting.

use super::Trainer;
use super::target::Prepared;
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
    /// Measures loss and metrics in evaluation mode.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewSamples`] without a sample, [`Error::Diverged`] when the loss is not finite
    /// (the step is the number of the batch), and whatever loader, loss and metrics refuse.
    pub fn evaluate<M: Forward<f32> + ?Sized>(
        &mut self,
        model: &M,
        data: &Loader,
    ) -> Result<Evaluation> {
        self.metrics.iter_mut().for_each(|metric| metric.reset());
        let (mut sum, mut n_samples) = (0.0, 0u64);
        for (i, batch) in data.epoch(0).enumerate() {
            let batch = batch?;
            let output = no_grad(|| model.forward(&batch.x, &mut Context::eval()));
            let prepared = Prepared::new("evaluate", &output, &batch.y)?;
            let loss = no_grad(|| self.loss.compute(&output, prepared.target()))?;
            let loss = finite_loss("evaluate", i as u64, &loss)?;
            sum += loss * batch.len() as f64;
            n_samples += batch.len() as u64;
            for metric in &mut self.metrics {
                metric.update(&output, &batch.y)?;
            }
        }
        if n_samples == 0 {
            return Err(Error::TooFewSamples { op: "evaluate", expected: 1, got: 0 });
        }
        let loss = sum / n_samples as f64;
        Ok(Evaluation { loss, n_samples, values: values(loss, &self.metrics) })
    }

    /// The outputs in evaluation mode, `(n_samples, ...)`, in the order of the data set, whatever
    /// the order of the loader.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewSamples`] without a sample or when the loader leaves samples out (a short
    /// last batch that is dropped), and whatever the loader refuses.
    pub fn predict<M: Forward<f32> + ?Sized>(&self, model: &M, data: &Loader) -> Result<Tensor> {
        let n_samples = data.dataset().len();
        let (mut outputs, mut indices) = (Vec::new(), Vec::new());
        for batch in data.epoch(0) {
            let batch = batch?;
            outputs.push(no_grad(|| model.forward(&batch.x, &mut Context::eval())));
            indices.extend(batch.indices);
        }
        if outputs.is_empty() || indices.len() < n_samples {
            let (expected, got) = (n_samples.max(1), indices.len());
            return Err(Error::TooFewSamples { op: "predict", expected, got });
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
}

/// The loss and the values of the metrics; one that is not defined is left out.
pub(super) fn values(loss: f64, metrics: &[Box<dyn Metric + '_>]) -> Vec<(String, f64)> {
    let mut values = vec![("loss".to_owned(), loss)];
    values.extend(metrics.iter().filter_map(|metric| Some((metric.name(), metric.value()?))));
    values
}

/// The number of a loss, or why there is none to go on with.
pub(super) fn finite_loss(op: &'static str, step: u64, loss: &Tensor) -> Result<f64> {
    if loss.numel() != 1 {
        let expected = "a loss of one number (reduction mean)";
        return Err(Error::shape(op, expected, loss.shape()));
    }
    let value = f64::from(loss.item());
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::Diverged { op, step, what: "loss".to_owned(), value })
    }
}
