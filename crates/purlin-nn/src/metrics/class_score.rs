//! Precision, recall and F1 as the trainer sees them.

use super::accuracy::argmax;
use super::metric::{classes_of, from_json, json, scores_of};
use super::{Average, ConfusionMatrix, Metric, check_finite};
use purlin_core::{Error, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;

/// Precision, recall or F1 of predicted classes, for the trainer.
///
/// Output `(n, n_classes)` scores, `(n, steps, n_classes)` beside a class per step, or one logit per
/// class (class 1 where it is above 0); NaN and infinities are refused. The name says which average it is, so several may stand side by side:
/// `precision_macro`, `recall_micro`, `f1_weighted`, `recall_class_1`.
///
/// # Examples
///
/// ```
/// use purlin_data::Targets;
/// use purlin_nn::metrics::{Average, ClassScore, Metric};
/// use purlin_tensor::Tensor;
///
/// let mut recall = ClassScore::recall(2, Average::Class(1));
/// let logits = Tensor::from([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]);
/// recall.update(&logits, &Targets::Classes(vec![1, 1, 0]))?;
/// assert_eq!((recall.name().as_str(), recall.value()), ("recall_class_1", Some(0.5)));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassScore {
    kind: ClassKind,
    average: Average,
    matrix: ConfusionMatrix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClassKind {
    Precision,
    Recall,
    F1,
}

impl ClassScore {
    /// The share of predictions of a class that are right.
    pub fn precision(n_classes: usize, average: Average) -> Self {
        Self::new(ClassKind::Precision, n_classes, average)
    }

    /// The share of samples of a class that are found.
    pub fn recall(n_classes: usize, average: Average) -> Self {
        Self::new(ClassKind::Recall, n_classes, average)
    }

    /// The harmonic mean of both.
    pub fn f1(n_classes: usize, average: Average) -> Self {
        Self::new(ClassKind::F1, n_classes, average)
    }

    fn new(kind: ClassKind, n_classes: usize, average: Average) -> Self {
        Self { kind, average, matrix: ConfusionMatrix::new(n_classes) }
    }

    /// The counts behind it.
    pub fn matrix(&self) -> &ConfusionMatrix {
        &self.matrix
    }
}

impl Metric for ClassScore {
    fn name(&self) -> String {
        let kind = match self.kind {
            ClassKind::Precision => "precision",
            ClassKind::Recall => "recall",
            ClassKind::F1 => "f1",
        };
        match self.average {
            Average::Micro => format!("{kind}_micro"),
            Average::Macro => format!("{kind}_macro"),
            Average::Weighted => format!("{kind}_weighted"),
            Average::Class(class) => format!("{kind}_class_{class}"),
        }
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        if let Average::Class(class) = self.average
            && class >= self.matrix.n_classes()
        {
            let rule = format!("less than {}", self.matrix.n_classes());
            return Err(Error::param("class score", "class", rule, class));
        }
        let columns = output.dims().last().copied().unwrap_or(1);
        check_finite("class score", "scores", output.data(), columns)?;
        let classes = classes_of("class score", targets)?;
        let scores = scores_of("class score", output, classes.len())?;
        self.matrix.update(&classes, &predictions(scores, classes.len()))
    }
    fn value(&self) -> Option<f64> {
        match self.kind {
            ClassKind::Precision => self.matrix.precision(self.average),
            ClassKind::Recall => self.matrix.recall(self.average),
            ClassKind::F1 => self.matrix.f1(self.average),
        }
    }
    fn reset(&mut self) {
        self.matrix.reset();
    }
    fn state(&self) -> String {
        json(&self.matrix)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        let matrix: ConfusionMatrix = from_json("class score", state)?;
        let mut fresh = ConfusionMatrix::new(self.matrix.n_classes());
        // Checks the number of classes, and that the counts are as many as they must be.
        fresh.merge(&matrix)?;
        self.matrix = fresh;
        Ok(())
    }
}

/// Predicted classes: the greatest of several scores, or whether a single one is above 0.
fn predictions(scores: &[f32], n_targets: usize) -> Vec<usize> {
    match scores.len() / n_targets.max(1) {
        n if n > 1 => scores.chunks_exact(n).map(argmax).collect(),
        _ => scores.iter().map(|&score| usize::from(score > 0.0)).collect(),
    }
}
