//! Checkpoints of a run: what is in them, and going on from one.

use super::Trainer;
use super::fit::Run;
use crate::Forward;
use crate::callbacks::CallbackState;
use crate::checkpoint::Checkpoint;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What must be the same in the run that goes on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Setup {
    seed: u64,
    n_batches: u64,
    accumulate: u64,
    metrics: Vec<String>,
    callbacks: Vec<String>,
}

impl Trainer<'_> {
    fn setup(&self, n_batches: u64) -> Setup {
        Setup {
            seed: self.seed,
            n_batches,
            accumulate: self.accumulate,
            metrics: self.metrics.iter().map(|metric| metric.name()).collect(),
            callbacks: self
                .callbacks
                .iter()
                .filter(|callback| callback.state().is_some())
                .map(|callback| callback.name())
                .collect(),
        }
    }

    /// Writes the checkpoint, if there is to be one.
    pub(super) fn save<M: Forward<f32>>(&self, model: &M, run: &Run, n_batches: u64) -> Result<()> {
        let Some(path) = &self.checkpoint else { return Ok(()) };
        let mut checkpoint = Checkpoint::capture(model, self.optimizer.as_ref(), run.position);
        checkpoint.put("setup", &self.setup(n_batches))?;
        checkpoint.put("tally", &run.tally)?;
        checkpoint.put("history", &run.history)?;
        if let Some((_, plateau)) = &self.plateau {
            checkpoint.put("plateau", plateau.state())?;
        }
        for metric in &self.metrics {
            checkpoint.records.insert(format!("metric.{}", metric.name()), metric.state());
        }
        for callback in &self.callbacks {
            let Some(CallbackState { record, tensors }) = callback.state() else { continue };
            let name = callback.name();
            checkpoint.put(&tensors_of(&name), &names(&tensors))?;
            for (tensor, value) in tensors {
                checkpoint.tensors.insert(format!("{name}/{tensor}"), value);
            }
            checkpoint.records.insert(record_of(&name), record);
        }
        checkpoint.save(path)
    }

    /// A fresh run, or the one in the checkpoint.
    pub(super) fn begin<M: Forward<f32>>(&mut self, model: &mut M, n_batches: u64) -> Result<Run> {
        let path = match &self.checkpoint {
            Some(path) if self.resume && path.exists() => path,
            _ => return Ok(Run::default()),
        };
        let checkpoint = Checkpoint::load(path)?;
        let missing = |what: &str| {
            Error::param("resume", "checkpoint", "one that a trainer wrote", format!("no {what}"))
        };
        let (own, saved) = (self.setup(n_batches), checkpoint.get::<Setup>("setup")?);
        let saved = saved.ok_or_else(|| missing("setup"))?;
        if own != saved {
            let rule = format!("that of a run set up like this one ({own:?})");
            return Err(Error::param("resume", "checkpoint", rule, format!("{saved:?}")));
        }
        let run = Run {
            position: checkpoint.position,
            tally: checkpoint.get("tally")?.ok_or_else(|| missing("tally"))?,
            history: checkpoint.get("history")?.ok_or_else(|| missing("history"))?,
        };
        checkpoint.restore(model, self.optimizer.as_mut())?;
        if let Some((_, plateau)) = &mut self.plateau {
            plateau.set_state(checkpoint.get("plateau")?.ok_or_else(|| missing("plateau"))?);
        }
        for metric in &mut self.metrics {
            let key = format!("metric.{}", metric.name());
            let state = checkpoint.records.get(&key).ok_or_else(|| missing(&key))?;
            metric.load_state(state)?;
        }
        for callback in &mut self.callbacks {
            let name = callback.name();
            let Some(record) = checkpoint.records.get(&record_of(&name)) else { continue };
            let list: Vec<String> = checkpoint.get(&tensors_of(&name))?.unwrap_or_default();
            let mut tensors = Vec::new();
            for tensor in list {
                let key = format!("{name}/{tensor}");
                let value = checkpoint.tensors.get(&key).ok_or_else(|| missing(&key))?;
                tensors.push((tensor, value.clone()));
            }
            callback.load_state(CallbackState { record: record.clone(), tensors })?;
        }
        Ok(run)
    }
}

fn names<X>(tensors: &[(String, X)]) -> Vec<&String> {
    tensors.iter().map(|(name, _)| name).collect()
}

fn record_of(callback: &str) -> String {
    format!("callback.{callback}")
}

fn tensors_of(callback: &str) -> String {
    format!("callback.{callback}.tensors")
}
