//! Measures of how well a model does, gathered batch by batch.
//!
//! | measure | input | source |
//! |---|---|---|
//! | [`Accuracy`], [`TopK`] | scores per class, or one score | share of right answers |
//! | [`ConfusionMatrix`] | classes | counts; precision, recall, F1, kappa, Matthews |
//! | [`RocAuc`] | one score per sample | area under the ROC curve, ties handled; average precision |
//! | [`LogLoss`] | probabilities per class | mean negative log of the right class's probability |
//! | [`Perplexity`] | logits per class | `e` to the mean cross-entropy |
//! | [`Regression`] | values | MAE, MSE, RMSE, MAPE, R² |
//! | [`frechet_distance`], [`kernel_distance`], [`mode_coverage`] | features, samples | how near generated samples are; functions |
//! | [`Bleu`] | symbols | n-grams shared with references; not for the trainer |
//!
//! Each measure is a value of its own: `update` takes a batch of slices, `value` answers, `reset`
//! begins again. They work in double precision, sample by sample in the order given, so the
//! answer does not depend on how the samples were cut into batches. The trait [`Metric`] joins
//! them to tensors and to the trainer.
//!
//! # Examples
//!
//! ```
//! use purlin_nn::metrics::{Average, ConfusionMatrix};
//!
//! let mut cm = ConfusionMatrix::new(3);
//! cm.update(&[0, 1, 2, 2], &[0, 1, 1, 2])?; // targets, predictions
//! assert_eq!(cm.accuracy(), Some(0.75));
//! assert_eq!(cm.recall(Average::Macro), Some((1.0 + 1.0 + 0.5) / 3.0));
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod accuracy;
mod auc;
mod bleu;
mod class_score;
mod confusion;
mod generative;
mod log_loss;
mod metric;
mod perplexity;
mod regression;

pub use accuracy::{Accuracy, TopK};
pub use auc::RocAuc;
pub use bleu::Bleu;
pub use class_score::ClassScore;
pub use confusion::{Average, ConfusionMatrix};
pub use generative::{ModeCoverage, frechet_distance, kernel_distance, mode_coverage};
pub use log_loss::LogLoss;
pub use metric::Metric;
pub use perplexity::Perplexity;
pub use regression::{Regression, RegressionScore};

use purlin_core::{Error, Real, Result};
use serde::{Deserialize, Serialize};

/// Whether a value is to fall or to rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Smaller is better: losses, errors.
    Minimize,
    /// Greater is better: accuracies, scores.
    Maximize,
}

impl Goal {
    /// Whether `value` is strictly better than `than`; NaN never is.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            Self::Minimize => value < than,
            Self::Maximize => value > than,
        }
    }

    /// The value that every other one beats.
    pub fn worst(self) -> f64 {
        match self {
            Self::Minimize => f64::INFINITY,
            Self::Maximize => f64::NEG_INFINITY,
        }
    }

    /// The goal that a name suggests: names that end in `loss`, `mse`, `rmse`, `mae`, `mape`, `error`
    /// or `perplexity` are to fall, all others to rise.
    pub fn of_name(name: &str) -> Self {
        let falls = ["loss", "mse", "rmse", "mae", "mape", "error", "perplexity"];
        if falls.iter().any(|end| name.ends_with(end)) { Self::Minimize } else { Self::Maximize }
    }
}

/// Both lists must have one entry per sample.
fn check_lengths(op: &'static str, n_targets: usize, n_outputs: usize) -> Result<()> {
    if n_targets == n_outputs {
        Ok(())
    } else {
        Err(Error::shape(op, format!("{n_targets} outputs, one per target"), n_outputs))
    }
}

/// Every class must be below `n_classes`.
fn check_classes(op: &'static str, classes: &[usize], n_classes: usize) -> Result<()> {
    match classes.iter().find(|&&class| class >= n_classes) {
        None => Ok(()),
        Some(class) => Err(Error::param(op, "class", format!("less than {n_classes}"), class)),
    }
}

/// `scores` must hold `n_classes` numbers per target; gives the rows.
fn rows<'a, T: Real>(
    op: &'static str,
    scores: &'a [T],
    n_classes: usize,
    n_targets: usize,
) -> Result<impl Iterator<Item = &'a [T]>> {
    if n_classes == 0 || scores.len() != n_targets.saturating_mul(n_classes) {
        let expected = format!("{n_targets} rows of {n_classes} scores (at least one)");
        return Err(Error::shape(op, expected, format!("{} scores", scores.len())));
    }
    Ok(scores.chunks_exact(n_classes))
}

/// Every number must be finite; `columns` of them make a row.
fn check_finite<T: Real>(
    op: &'static str,
    name: &'static str,
    x: &[T],
    columns: usize,
) -> Result<()> {
    match x.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(i) => Err(Error::NonFinite {
            op,
            name,
            value: x[i].to_f64(),
            row: i / columns.max(1),
            column: i % columns.max(1),
        }),
    }
}
