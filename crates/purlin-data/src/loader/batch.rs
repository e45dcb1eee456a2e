//! A batch and its targets.

use crate::{Label, TargetKind};
use purlin_core::{Error, Result};
use purlin_tensor::Tensor;

/// Samples that are trained on together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The samples, `(n, ...)` with the sample's own axes behind the first.
    pub x: Tensor<f32>,
    /// What belongs to them, in the same order.
    pub y: Targets,
    /// Their indices in the data set.
    pub indices: Vec<usize>,
}

impl Batch {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// No samples.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// What belongs to the samples of a batch.
#[derive(Debug, Clone)]
pub enum Targets {
    /// Class indices: one per sample, or, of a data set with classes per step
    /// ([`TargetKind::Steps`]), one per step, sample by sample (`n * steps`). That is the order of
    /// the rows of logits `(n, steps, n_classes)`.
    Classes(Vec<usize>),
    /// Numbers, `(n, n_values)`.
    Values(Tensor<f32>),
    /// Nothing.
    None,
}

impl Targets {
    /// The class indices, if that is what they are.
    pub fn classes(&self) -> Option<&[usize]> {
        match self {
            Self::Classes(classes) => Some(classes),
            _ => None,
        }
    }

    /// The numbers, `(n, n_values)`, if that is what they are.
    pub fn values(&self) -> Option<&Tensor<f32>> {
        match self {
            Self::Values(values) => Some(values),
            _ => None,
        }
    }
}

/// Collects the labels of a batch as they are read.
pub(super) enum Collector {
    Classes(Vec<usize>, usize),
    Steps { classes: Vec<usize>, steps: usize, n_classes: usize },
    Values(Vec<f32>, usize),
    None,
}

impl Collector {
    pub(super) fn new(kind: TargetKind, n: usize) -> Self {
        match kind {
            TargetKind::Classes(n_classes) => Self::Classes(Vec::with_capacity(n), n_classes),
            TargetKind::Steps { steps, n_classes } => {
                Self::Steps { classes: Vec::with_capacity(n * steps), steps, n_classes }
            }
            TargetKind::Values(width) => Self::Values(Vec::with_capacity(n * width), width),
            TargetKind::None => Self::None,
        }
    }

    /// Takes the label of sample `index`.
    pub(super) fn push(&mut self, index: usize, label: Label) -> Result<()> {
        let expected = match (self, label) {
            (Self::Classes(classes, n_classes), Label::Class(class)) if class < *n_classes => {
                classes.push(class);
                return Ok(());
            }
            (Self::Steps { classes, steps, n_classes }, Label::Classes(more)) => {
                let broken = more.iter().position(|class| class >= n_classes);
                let got = match broken {
                    _ if more.len() != *steps => format!("{} classes", more.len()),
                    Some(step) => format!("class {} at step {step}", more[step]),
                    None => {
                        classes.extend(more);
                        return Ok(());
                    }
                };
                let expected = format!("{steps} classes below {n_classes}");
                return Err(Error::shape("loader", expected, format!("{got} for sample {index}")));
            }
            (Self::Values(values, 1), Label::Value(value)) => {
                values.push(value);
                return Ok(());
            }
            (Self::Values(values, width), Label::Values(more)) if more.len() == *width => {
                values.extend(more);
                return Ok(());
            }
            (Self::None, Label::None) => return Ok(()),
            (Self::Classes(_, n), label) => (format!("a class below {n}"), label),
            (Self::Steps { steps, n_classes, .. }, label) => {
                (format!("{steps} classes below {n_classes}"), label)
            }
            (Self::Values(_, width), label) => (format!("{width} values"), label),
            (Self::None, label) => ("no label".into(), label),
        };
        let (expected, label) = expected;
        Err(Error::shape("loader", expected, format!("{label:?} for sample {index}")))
    }

    pub(super) fn finish(self, n: usize) -> Result<Targets> {
        Ok(match self {
            Self::Classes(classes, _) | Self::Steps { classes, .. } => Targets::Classes(classes),
            Self::Values(values, width) => Targets::Values(Tensor::from_vec(values, [n, width])?),
            Self::None => Targets::None,
        })
    }
}
