//! Checkpoints of a run: what is in them, and going on from one.

use super::fit::Run;
use super::{Scheduled, Trainer};
use crate::Forward;
use crate::callbacks::CallbackState;
use crate::checkpoint::Checkpoint;
use purlin_core::{Error, Result};
use purlin_data::Loader;
use std::collections::{BTreeMap, BTreeSet};

/// What must be the same in the run that goes on, by name, in the words of each part.
pub(super) type Setup = BTreeMap<String, String>;

impl Trainer<'_> {
    pub(super) fn setup(&self, data: &Loader, n_batches: u64) -> Setup {
        let list = |names: Vec<String>| names.join(", ");
        let schedule = self.schedule.as_ref().map(|Scheduled { schedule, by_epoch }| {
            format!("{schedule:?} by {}", if *by_epoch { "epoch" } else { "step" })
        });
        let plateau = self.plateau.as_ref().map(|(monitor, plateau)| {
            // The settings alone: what it remembers moves on.
            format!("{:?} on {monitor}", plateau.fresh())
        });
        let with_state = self.callbacks.iter().filter(|callback| callback.state().is_some());
        let none = || "none".to_owned();
        [
            ("seed", self.seed.to_string()),
            ("n_batches", n_batches.to_string()),
            ("accumulate", self.accumulate.to_string()),
            ("data", data.describe()),
            ("loss", format!("{:?}", self.loss)),
            ("optimizer", self.described.clone()),
            ("schedule", schedule.unwrap_or_else(none)),
            ("reduce_on_plateau", plateau.unwrap_or_else(none)),
            ("clip", self.clip.map_or_else(none, |clip| format!("{clip:?}"))),
            ("weights", self.weighting.describe()),
            ("metrics", list(self.metrics.iter().map(|metric| metric.name()).collect())),
            ("callbacks", list(with_state.map(|callback| callback.name()).collect())),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
    }

    /// Writes the checkpoint, if there is to be one.
    pub(super) fn save<M: Forward<f32>>(&self, model: &M, run: &Run) -> Result<()> {
        let Some(path) = &self.checkpoint else { return Ok(()) };
        let mut checkpoint = Checkpoint::capture(model, self.optimizer.as_ref(), run.position);
        checkpoint.put("setup", &run.setup)?;
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
    pub(super) fn begin<M: Forward<f32>>(&mut self, model: &mut M, own: Setup) -> Result<Run> {
        if let Some((_, plateau)) = &mut self.plateau {
            *plateau = plateau.fresh(); // of an earlier run
        }
        let path = match &self.checkpoint {
            Some(path) if self.resume && path.exists() => path,
            _ => return Ok(Run { setup: own, ..Run::default() }),
        };
        let checkpoint = Checkpoint::load(path)?;
        let missing = |what: &str| {
            Error::param("resume", "checkpoint", "one that a trainer wrote", format!("no {what}"))
        };
        let saved = checkpoint.get::<Setup>("setup")?.ok_or_else(|| missing("setup"))?;
        let differs = |key: &&String| own.get(*key) != saved.get(*key);
        let keys: BTreeSet<&String> = own.keys().chain(saved.keys()).filter(differs).collect();
        if !keys.is_empty() {
            let words = |setup: &Setup| {
                let of = |key: &&String| setup.get(*key).map_or("nothing", String::as_str);
                let texts: Vec<_> = keys.iter().map(|key| format!("{key}: {}", of(key))).collect();
                texts.join("; ")
            };
            let rule = format!("that of a run set up like this one ({})", words(&own));
            return Err(Error::param("resume", "checkpoint", rule, words(&saved)));
        }
        let run = Run {
            position: checkpoint.position,
            tally: checkpoint.get("tally")?.ok_or_else(|| missing("tally"))?,
            history: checkpoint.get("history")?.ok_or_else(|| missing("history"))?,
            setup: own,
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
