//! Measures as the trainer sees them: tensors in, a named number out.

use super::{
    Accuracy, Average, ConfusionMatrix, Goal, LogLoss, Regression, RocAuc, TopK, accuracy::argmax,
};
use purlin_core::{Error, Result};
use purlin_data::Targets;
use purlin_tensor::Tensor;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// A measure that the trainer can be handed.
pub trait Metric: Send {
    /// The name in histories and logs: `accuracy`.
    fn name(&self) -> String;

    /// Whether it is to fall or to rise.
    fn goal(&self) -> Goal {
        Goal::of_name(&self.name())
    }

    /// Takes a batch: the output of the model, `(n, ...)`, and what belongs to it.
    ///
    /// # Errors
    ///
    /// When output and targets do not fit together or the measure.
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()>;

    /// The value so far; `None` where it is not defined.
    fn value(&self) -> Option<f64>;

    /// Begins again.
    fn reset(&mut self);

    /// What it has gathered, as JSON: a checkpoint in the middle of an epoch needs it.
    fn state(&self) -> String;

    /// Goes on from what was gathered.
    ///
    /// # Errors
    ///
    /// When the state is that of another measure.
    fn load_state(&mut self, state: &str) -> Result<()>;
}

/// Classes, or numbers that are all 0 or 1.
fn classes_of<'a>(op: &'static str, targets: &'a Targets) -> Result<Cow<'a, [usize]>> {
    match targets {
        Targets::Classes(classes) => Ok(Cow::Borrowed(classes)),
        Targets::Values(values) => {
            let class = |&x: &f32| match x {
                0.0 => Ok(0),
                1.0 => Ok(1),
                _ => Err(Error::param(op, "targets", "classes, or numbers that are 0 or 1", x)),
            };
            values.data().iter().map(class).collect::<Result<Vec<_>>>().map(Cow::Owned)
        }
        Targets::None => Err(Error::shape(op, "targets", "none")),
    }
}

/// Predicted classes: the greatest of several scores, or whether a single one is above 0.
fn predictions(output: &Tensor) -> Vec<usize> {
    match output.dims() {
        &[_, n] if n > 1 => output.data().chunks_exact(n).map(argmax).collect(),
        _ => output.data().iter().map(|&score| usize::from(score > 0.0)).collect(),
    }
}

fn json(state: &impl serde::Serialize) -> String {
    serde_json::to_string(state).expect("counts, numbers and lists of them have a JSON form")
}

fn from_json<S: DeserializeOwned>(op: &'static str, state: &str) -> Result<S> {
    serde_json::from_str(state).map_err(|e| Error::param(op, "state", "that of this metric", e))
}

/// `accuracy`. Output `(n, n_classes)`; for [`Accuracy::binary`] one score per sample.
impl Metric for Accuracy {
    fn name(&self) -> String {
        "accuracy".to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        self.update(output.data(), &classes_of("accuracy", targets)?)
    }
    fn value(&self) -> Option<f64> {
        self.value()
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn state(&self) -> String {
        json(self)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        *self = from_json("accuracy", state)?;
        Ok(())
    }
}

/// `top_5_accuracy` for k = 5. Output `(n, n_classes)`.
impl Metric for TopK {
    fn name(&self) -> String {
        format!("top_{}_accuracy", self.k())
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        self.update(output.data(), &classes_of("top-k accuracy", targets)?)
    }
    fn value(&self) -> Option<f64> {
        self.value()
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn state(&self) -> String {
        json(self)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        *self = from_json("top-k accuracy", state)?;
        Ok(())
    }
}

/// `auc`. Output one score per sample, or `(n, 2)`: the second score minus the first.
impl Metric for RocAuc {
    fn name(&self) -> String {
        "auc".to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        let classes = classes_of("roc auc", targets)?;
        if let [_, 2] = output.dims() {
            let pairs = output.data().as_chunks::<2>().0;
            let scores: Vec<f64> =
                pairs.iter().map(|[a, b]| f64::from(*b) - f64::from(*a)).collect();
            return self.update(&scores, &classes);
        }
        self.update(output.data(), &classes)
    }
    fn value(&self) -> Option<f64> {
        self.value()
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn state(&self) -> String {
        json(self)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        *self = from_json("roc auc", state)?;
        Ok(())
    }
}

/// `log_loss`. Output probabilities: `(n, n_classes)`, or one per sample.
impl Metric for LogLoss {
    fn name(&self) -> String {
        "log_loss".to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        self.update(output.data(), &classes_of("log loss", targets)?)
    }
    fn value(&self) -> Option<f64> {
        self.value()
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn state(&self) -> String {
        json(self)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        *self = from_json("log loss", state)?;
        Ok(())
    }
}

/// Precision, recall or F1 of predicted classes, for the trainer.
///
/// Output `(n, n_classes)` scores, or one logit per sample (class 1 where it is above 0).
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
/// assert_eq!((recall.name().as_str(), recall.value()), ("recall", Some(0.5)));
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
        let name = match self.kind {
            ClassKind::Precision => "precision",
            ClassKind::Recall => "recall",
            ClassKind::F1 => "f1",
        };
        name.to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        if let Average::Class(class) = self.average
            && class >= self.matrix.n_classes()
        {
            let rule = format!("less than {}", self.matrix.n_classes());
            return Err(Error::param("class score", "class", rule, class));
        }
        self.matrix.update(&classes_of("class score", targets)?, &predictions(output))
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

/// An error of predicted values, for the trainer.
///
/// Output and targets of the same number of values.
///
/// # Examples
///
/// ```
/// use purlin_data::Targets;
/// use purlin_nn::metrics::{Metric, RegressionScore};
/// use purlin_tensor::Tensor;
///
/// let mut mae = RegressionScore::mae();
/// mae.update(&Tensor::from([[1.0], [2.0]]), &Targets::Values(Tensor::from([[1.5], [2.5]])))?;
/// assert_eq!(mae.value(), Some(0.5));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionScore {
    kind: RegressionKind,
    errors: Regression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegressionKind {
    Mae,
    Mse,
    Rmse,
    R2,
}

impl RegressionScore {
    fn new(kind: RegressionKind) -> Self {
        Self { kind, errors: Regression::new() }
    }

    /// Mean absolute error.
    pub fn mae() -> Self {
        Self::new(RegressionKind::Mae)
    }

    /// Mean squared error.
    pub fn mse() -> Self {
        Self::new(RegressionKind::Mse)
    }

    /// Root of the mean squared error.
    pub fn rmse() -> Self {
        Self::new(RegressionKind::Rmse)
    }

    /// The coefficient of determination.
    pub fn r2() -> Self {
        Self::new(RegressionKind::R2)
    }
}

impl Metric for RegressionScore {
    fn name(&self) -> String {
        let name = match self.kind {
            RegressionKind::Mae => "mae",
            RegressionKind::Mse => "mse",
            RegressionKind::Rmse => "rmse",
            RegressionKind::R2 => "r2",
        };
        name.to_owned()
    }
    fn update(&mut self, output: &Tensor, targets: &Targets) -> Result<()> {
        match targets {
            Targets::Values(values) => self.errors.update(output.data(), values.data()),
            Targets::Classes(_) => {
                Err(Error::shape("regression metrics", "target values", "classes"))
            }
            Targets::None => Err(Error::shape("regression metrics", "target values", "none")),
        }
    }
    fn value(&self) -> Option<f64> {
        match self.kind {
            RegressionKind::Mae => self.errors.mae(),
            RegressionKind::Mse => self.errors.mse(),
            RegressionKind::Rmse => self.errors.rmse(),
            RegressionKind::R2 => self.errors.r2(),
        }
    }
    fn reset(&mut self) {
        self.errors.reset();
    }
    fn state(&self) -> String {
        json(&self.errors)
    }
    fn load_state(&mut self, state: &str) -> Result<()> {
        self.errors = from_json("regression metrics", state)?;
        Ok(())
    }
}
