//! What a training run has seen, epoch by epoch.

use crate::exact::{self, Exact};
use crate::metrics::Goal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The results of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Which epoch, from 1.
    pub epoch: u64,
    /// Optimizer steps taken since the beginning.
    pub step: u64,
    /// The learning rate of its last step.
    #[serde(with = "exact")]
    pub lr: f64,
    /// `loss` and the metrics of training, then those of validation as `val_loss` and so on, in
    /// this order. A metric that is not defined is left out.
    #[serde(with = "named")]
    pub values: Vec<(String, f64)>,
}

impl EpochRecord {
    /// A value by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }
}

/// The results of all epochs, and why training ended.
///
/// # Examples
///
/// ```
/// use purlin_nn::metrics::Goal;
/// use purlin_nn::trainer::{EpochRecord, History};
///
/// let mut history = History::new();
/// for (epoch, loss) in [(1, 0.9), (2, 0.4), (3, 0.5)] {
///     let values = vec![("val_loss".to_owned(), loss)];
///     history.push(EpochRecord { epoch, step: 10 * epoch, lr: 0.1, values });
/// }
/// assert_eq!(history.values("val_loss"), [0.9, 0.4, 0.5]);
/// assert_eq!(history.best("val_loss", Goal::Minimize), Some((2, 0.4)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    records: Vec<EpochRecord>,
    stopped: Option<String>,
}

impl History {
    /// No epoch yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an epoch.
    pub fn push(&mut self, record: EpochRecord) {
        self.records.push(record);
    }

    /// Notes why training stopped before its last epoch.
    pub fn stop(&mut self, reason: impl Into<String>) {
        self.stopped = Some(reason.into());
    }

    /// Why training stopped before its last epoch, if it did.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// All epochs, in order.
    pub fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.records.last()
    }

    /// The names of all values, in the order in which they first appear.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (name, _) in self.records.iter().flat_map(|record| &record.values) {
            if !names.contains(&name.as_str()) {
                names.push(name.as_str());
            }
        }
        names
    }

    /// One value over the epochs: a curve to plot. NaN where an epoch lacks it.
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.records.iter().map(|record| record.get(name).unwrap_or(f64::NAN)).collect()
    }

    /// Epoch (from 1) and value of the best epoch; the first of equals. `None` if no epoch has a
    /// number there.
    pub fn best(&self, name: &str, goal: Goal) -> Option<(u64, f64)> {
        let mut best: Option<(u64, f64)> = None;
        for record in &self.records {
            let Some(value) = record.get(name).filter(|value| !value.is_nan()) else { continue };
            if best.is_none_or(|(_, than)| goal.is_better(value, than)) {
                best = Some((record.epoch, value));
            }
        }
        best
    }
}

/// `[["loss", 0.5], ...]`: a JSON object would lose the order.
mod named {
    use super::Exact;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        values: &[(String, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|(name, value)| (name, Exact(*value))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, f64)>, D::Error> {
        let values = Vec::<(String, Exact)>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|(name, value)| (name, value.0)).collect())
    }
}

/// Names of values that a monitor may ask for, for error texts.
pub(crate) fn names_of(values: &[(String, f64)]) -> String {
    let names: BTreeSet<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
