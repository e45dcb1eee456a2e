//! From the targets of a batch to what a loss takes.

use crate::losses::Target;
use purlin_core::{Error, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;

/// Numbers made from classes, where there are such.
pub(super) enum Prepared<'a> {
    Classes(&'a [usize]),
    Values(&'a Tensor),
    Made(Tensor),
}

impl<'a> Prepared<'a> {
    /// Fits the targets to the output: classes stay classes where there is a score for each, and
    /// become 0 and 1 where there is one score per sample, or, for classes per step, one per step
    /// on a last axis of 1.
    pub(super) fn new(op: &'static str, output: &Tensor, targets: &'a Targets) -> Result<Self> {
        match targets {
            Targets::Values(values) => Ok(Self::Values(values)),
            Targets::Classes(classes) if is_single_score(output, classes.len()) => {
                if let Some(class) = classes.iter().find(|&&class| class > 1) {
                    let rule = "0 or 1 for a model with one output";
                    return Err(Error::param(op, "class", rule, class));
                }
                let values = classes.iter().map(|&class| class as f32).collect();
                Ok(Self::Made(Tensor::from_vec(values, *output.shape())?))
            }
            Targets::Classes(classes) => Ok(Self::Classes(classes)),
            Targets::None => Err(Error::shape(op, "targets with every sample", "none")),
        }
    }

    pub(super) fn target(&self) -> Target<'_, f32> {
        match self {
            Self::Classes(classes) => Target::Classes(classes),
            Self::Values(values) => Target::Values(values),
            Self::Made(values) => Target::Values(values),
        }
    }
}

/// Whether the output is one score for each of `n_classes` classes. As many numbers are not enough:
/// `(batch, n_classes)` beside classes per step may have them, too.
fn is_single_score(output: &Tensor, n_classes: usize) -> bool {
    let dims = output.dims();
    let is_per_sample = dims.first().is_none_or(|&n| n == n_classes);
    output.numel() == n_classes && (is_per_sample || dims.last() == Some(&1))
}
