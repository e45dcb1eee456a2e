//! Checkpoints of a run: what is in them, and going on from one.

use super::fit::Tally;
use super::session::missing;
use super::{Run, Scheduled, Setup, Trainer};
use crate::Forward;
use crate::checkpoint::Checkpoint;
use purlin_core::Result;
use purlin_data::Loader;

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
        let none = || "none".to_owned();
        [
            ("seed", self.session.seed.to_string()),
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
            ("callbacks", list(self.session.with_state())),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
    }

    /// Writes the checkpoint, if there is to be one.
    pub(super) fn save<M: Forward<f32>>(&self, model: &M, run: &Run<Tally>) -> Result<()> {
        self.session.save(run, || {
            let mut checkpoint = Checkpoint::capture(model, self.optimizer.as_ref(), run.position);
            if let Some((_, plateau)) = &self.plateau {
                checkpoint.put("plateau", plateau.state())?;
            }
            for metric in &self.metrics {
                checkpoint.records.insert(format!("metric.{}", metric.name()), metric.state());
            }
            Ok(checkpoint)
        })
    }

    /// A fresh run, or the one in the checkpoint.
    pub(super) fn begin<M: Forward<f32>>(
        &mut self,
        model: &mut M,
        own: Setup,
    ) -> Result<Run<Tally>> {
        if let Some((_, plateau)) = &mut self.plateau {
            *plateau = plateau.fresh(); // of an earlier run
        }
        let Some((checkpoint, run)) = self.session.load(&own)? else {
            return Ok(Run { setup: own, ..Run::default() });
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
        self.session.restore(&checkpoint)?;
        Ok(run)
    }
}
