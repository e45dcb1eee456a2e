//! Measures as the trainer sees them: tensors in, a named number out.

use super::Goal;
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
    /// When the state is that of another measure, or of this one with other options.
    fn load_state(&mut self, state: &str) -> Result<()>;
}

/// Classes, or numbers that are all 0 or 1.
pub(super) fn classes_of<'a>(op: &'static str, targets: &'a Targets) -> Result<Cow<'a, [usize]>> {
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

/// The scores of `n_targets` targets: `(.., n_classes)` with a row for each, or one score for each.
///
/// An output of as many numbers but other axes, such as `(batch, n_classes)` beside classes per
/// step, would be cut into the wrong rows.
pub(super) fn scores_of<'a>(
    op: &'static str,
    output: &'a Tensor,
    n_targets: usize,
) -> Result<&'a [f32]> {
    let rows = match output.dims() {
        [leading @ .., _] => leading.iter().product(),
        [] => 1,
    };
    if rows != n_targets && output.numel() != n_targets {
        let expected = format!("scores (.., n_classes) of {n_targets} targets");
        return Err(Error::shape(op, expected, output.shape()));
    }
    Ok(output.data())
}

pub(super) fn json(state: &impl serde::Serialize) -> String {
    serde_json::to_string(state).expect("counts, numbers and lists of them have a JSON form")
}

pub(super) fn from_json<S: DeserializeOwned>(op: &'static str, state: &str) -> Result<S> {
    serde_json::from_str(state).map_err(|e| Error::param(op, "state", "that of this metric", e))
}
