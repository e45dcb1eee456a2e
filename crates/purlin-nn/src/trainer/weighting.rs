//! Samples and classes that count more or less than others.

use super::target::Prepared;
use crate::losses::{Loss, Target};
use purlin_core::{Error, Result};
use purlin_data::Batch;
use purlin_tensor::Tensor;

/// What the loss of a sample is multiplied with in training.
#[derive(Debug, Clone, Default)]
pub(super) struct Weighting {
    pub(super) samples: Option<Vec<f64>>,
    pub(super) classes: Option<Vec<f64>>,
}

impl Weighting {
    pub(super) fn check(&self, n_samples: usize) -> Result<()> {
        if let Some(samples) = &self.samples
            && samples.len() != n_samples
        {
            let expected = format!("{n_samples} sample_weights, one per sample of the data set");
            return Err(Error::shape("fit", expected, samples.len()));
        }
        for (param, weights) in
            [("sample_weights", &self.samples), ("class_weights", &self.classes)]
        {
            let broken = weights.iter().flatten().enumerate().find(|(_, w)| !is_weight(**w));
            if let Some((i, w)) = broken {
                let value = format!("{w} at index {i}");
                return Err(Error::param("fit", param, "finite and at least 0", value));
            }
        }
        Ok(())
    }

    /// For the setup of a run: the numbers themselves would fill a screen.
    pub(super) fn describe(&self) -> String {
        let of = |weights: &Option<Vec<f64>>| match weights {
            None => "none".to_owned(),
            Some(weights) => {
                // FNV-1a over the bits.
                let bytes = weights.iter().flat_map(|w| w.to_bits().to_le_bytes());
                let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                format!("{} with hash {hash:016x}", weights.len())
            }
        };
        format!("samples {}, classes {}", of(&self.samples), of(&self.classes))
    }

    /// The loss of a batch: the mean, or the mean of the samples' losses times their weights. The
    /// weighted mean divides by the number of samples, not by the sum of the weights.
    pub(super) fn loss(
        &self,
        loss: &dyn Loss<f32>,
        output: &Tensor,
        prepared: &Prepared<'_>,
        batch: &Batch,
    ) -> Result<Tensor> {
        if self.samples.is_none() && self.classes.is_none() {
            return loss.compute(output, prepared.target());
        }
        let n = batch.len();
        let each = loss.each(output, prepared.target())?;
        if each.dims().first() != Some(&n) {
            return Err(Error::shape("fit", format!("losses of {n} samples"), each.shape()));
        }
        let mut each = each.reshape([n, each.numel() / n]);
        let mut weights = vec![1.0f32; n];
        if let Some(samples) = &self.samples {
            for (weight, &index) in weights.iter_mut().zip(&batch.indices) {
                *weight = samples[index] as f32;
            }
        }
        if let Some(by_class) = &self.classes {
            let factors = factors(by_class, prepared, batch)?;
            if factors.len() == n {
                for (weight, factor) in weights.iter_mut().zip(factors) {
                    *weight *= factor;
                }
            } else if factors.len() == each.numel() {
                // A class for each step: its loss is weighed by itself.
                each = &each * &Tensor::from_vec(factors, *each.shape())?;
            } else {
                let expected = format!("a loss for each of {} classes", factors.len());
                return Err(Error::shape("fit", expected, each.numel()));
            }
        }
        // A sample with several losses (pixels, outputs, steps) counts with their mean.
        Ok((each.mean_axis(1, false) * Tensor::from_vec(weights, n)?).mean())
    }
}

/// The weight of the class of each target of a batch.
fn factors(by_class: &[f64], prepared: &Prepared<'_>, batch: &Batch) -> Result<Vec<f32>> {
    let Some(classes) = batch.y.classes() else {
        let got = match prepared.target() {
            Target::Values(values) => format!("values {}", values.shape()),
            Target::Classes(_) => "none".to_owned(),
        };
        return Err(Error::shape("fit", "classes as targets, for class_weights", got));
    };
    let factor = |&class: &usize| {
        by_class.get(class).map(|factor| *factor as f32).ok_or_else(|| {
            let expected = format!("class_weights for class {class}");
            Error::shape("fit", expected, format!("{} weights", by_class.len()))
        })
    };
    classes.iter().map(factor).collect()
}

/// Weights become `f32`.
fn is_weight(w: f64) -> bool {
    (w as f32).is_finite() && w >= 0.0
}
