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
        // A sample with several losses (pixels, outputs) counts with their mean.
        let each = each.reshape([n, each.numel() / n]).mean_axis(1, false);
        Ok((each * Tensor::from_vec(self.of(prepared, batch)?, n)?).mean())
    }

    fn of(&self, prepared: &Prepared<'_>, batch: &Batch) -> Result<Vec<f32>> {
        let mut weights = vec![1.0f32; batch.len()];
        if let Some(samples) = &self.samples {
            for (weight, &index) in weights.iter_mut().zip(&batch.indices) {
                *weight = samples[index] as f32;
            }
        }
        let Some(by_class) = &self.classes else { return Ok(weights) };
        let Some(classes) = batch.y.classes() else {
            let got = match prepared.target() {
                Target::Values(values) => format!("values {}", values.shape()),
                Target::Classes(_) => "none".to_owned(),
            };
            return Err(Error::shape("fit", "classes as targets, for class_weights", got));
        };
        for (weight, &class) in weights.iter_mut().zip(classes) {
            let Some(factor) = by_class.get(class) else {
                let expected = format!("class_weights for class {class}");
                return Err(Error::shape("fit", expected, format!("{} weights", by_class.len())));
            };
            *weight *= *factor as f32;
        }
        Ok(weights)
    }
}

/// Weights become `f32`.
fn is_weight(w: f64) -> bool {
    (w as f32).is_finite() && w >= 0.0
}
