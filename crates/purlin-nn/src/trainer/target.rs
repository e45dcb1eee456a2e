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
    /// become 0 and 1 where there is one score per sample.
    pub(super) fn new(op: &'static str, output: &Tensor, targets: &'a Targets) -> Result<Self> {
        match targets {
            Targets::Values(values) => Ok(Self::Values(values)),
            Targets::Classes(classes) if output.numel() == classes.len() => {
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
