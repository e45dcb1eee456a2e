//! What a training loop carries besides its models: how long it is, who is called, where it is saved.

use super::{EpochRecord, History};
use crate::Module;
use crate::callbacks::{BatchEnd, Callback, CallbackState, Flow, RunInfo};
use crate::checkpoint::{Checkpoint, Position};
use purlin_core::{Error, Result};
use purlin_data::Loader;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What must be the same in the run that goes on, by name, in the words of each part.
pub(crate) type Setup = BTreeMap<String, String>;

/// What a run carries from step to step besides models, optimizers and callbacks; `Y` is what it
/// has counted in the epoch so far.
#[derive(Default)]
pub(crate) struct Run<Y> {
    pub(crate) position: Position,
    pub(crate) tally: Y,
    pub(crate) history: History,
    /// How it was set up; a checkpoint holds it.
    pub(crate) setup: Setup,
}

/// The options that every trainer has; [`session_options`] writes their builders.
pub(crate) struct Session<'a> {
    pub(crate) epochs: u64,
    pub(crate) seed: u64,
    pub(crate) callbacks: Vec<Box<dyn Callback<f32> + 'a>>,
    pub(crate) batches_per_epoch: Option<u64>,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) checkpoint_every: Option<u64>,
    pub(crate) resume: bool,
}

impl Default for Session<'_> {
    fn default() -> Self {
        Self {
            epochs: 1,
            seed: 0,
            callbacks: Vec::new(),
            batches_per_epoch: None,
            checkpoint: None,
            checkpoint_every: None,
            resume: false,
        }
    }
}

impl Session<'_> {
    pub(crate) fn check(&self) -> Result<()> {
        if self.checkpoint_every == Some(0) {
            return Err(Error::param("fit", "checkpoint_every", "at least 1", 0));
        }
        if self.checkpoint.is_none() && (self.resume || self.checkpoint_every.is_some()) {
            let rule = "set for resume and checkpoint_every";
            return Err(Error::param("fit", "checkpoint", rule, "none"));
        }
        unique("callback", self.callbacks.iter().map(|callback| callback.name()))
    }

    /// Batches per epoch, at least 1.
    pub(crate) fn n_batches(&self, train: &Loader) -> Result<u64> {
        let all = train.n_batches() as u64;
        if all == 0 {
            // A loader that cannot run says why.
            train.epoch(0).next().transpose()?;
            return Err(Error::TooFewSamples { op: "fit", expected: 1, got: 0 });
        }
        match self.batches_per_epoch {
            None => Ok(all),
            Some(n) if (1..=all).contains(&n) => Ok(n),
            Some(n) => Err(Error::param("fit", "batches_per_epoch", format!("in 1..={all}"), n)),
        }
    }

    /// Samples per epoch.
    fn n_samples(&self, train: &Loader, n_batches: u64) -> u64 {
        let all = train.n_samples() as u64;
        if self.batches_per_epoch.is_none() {
            all
        } else {
            all.min(n_batches * train.n_per_batch() as u64)
        }
    }

    pub(crate) fn info(&self, train: &Loader, n_batches: u64, position: Position) -> RunInfo {
        RunInfo {
            n_epochs: self.epochs,
            n_batches,
            n_samples: self.n_samples(train, n_batches),
            first_epoch: position.epoch,
            first_batch: position.batch,
        }
    }

    /// Whether a run at this place has an epoch before it.
    pub(crate) fn goes_on<Y>(&self, run: &Run<Y>) -> bool {
        run.position.epoch < self.epochs && run.history.stopped().is_none()
    }

    pub(crate) fn train_begin(&mut self, info: &RunInfo) -> Result<()> {
        self.callbacks.iter_mut().try_for_each(|callback| callback.on_train_begin(info))
    }

    pub(crate) fn after_step(&mut self, model: &dyn Module<f32>) -> Result<()> {
        self.callbacks.iter_mut().try_for_each(|callback| callback.on_step(model))
    }

    pub(crate) fn batch_end(&mut self, end: &BatchEnd<'_>) -> Result<()> {
        self.callbacks.iter_mut().try_for_each(|callback| callback.on_batch_end(end))
    }

    /// Every callback sees every epoch; the first reason to stop is the one that is kept.
    pub(crate) fn epoch_end(
        &mut self,
        record: &EpochRecord,
        model: &dyn Module<f32>,
        history: &mut History,
    ) -> Result<()> {
        for callback in &mut self.callbacks {
            if let Flow::Stop(reason) = callback.on_epoch_end(record, model)?
                && history.stopped().is_none()
            {
                history.stop(reason);
            }
        }
        Ok(())
    }

    pub(crate) fn train_end(
        &mut self,
        history: &History,
        model: &mut dyn Module<f32>,
    ) -> Result<()> {
        self.callbacks.iter_mut().try_for_each(|callback| callback.on_train_end(history, model))
    }

    /// Tells the callbacks of an error, and hands it on.
    pub(crate) fn ended<R>(&mut self, result: Result<R>) -> Result<R> {
        if let Err(error) = &result {
            self.callbacks.iter_mut().for_each(|callback| callback.on_error(error));
        }
        result
    }

    /// The names of callbacks with state, for the setup.
    pub(crate) fn with_state(&self) -> Vec<String> {
        let with_state = self.callbacks.iter().filter(|callback| callback.state().is_some());
        with_state.map(|callback| callback.name()).collect()
    }

    /// Removes what killed runs left beside the checkpoint.
    pub(crate) fn sweep(&self) -> Result<()> {
        self.checkpoint.as_ref().map_or(Ok(()), Checkpoint::<f32>::sweep)
    }

    /// Whether the checkpoint is to be written after this many steps, within an epoch.
    pub(crate) fn is_due(&self, step: u64) -> bool {
        self.checkpoint_every.is_some_and(|every| step.is_multiple_of(every))
    }

    /// Writes the checkpoint, if there is to be one: what `capture` gives, the run, the callbacks.
    pub(crate) fn save<Y: Serialize>(
        &self,
        run: &Run<Y>,
        capture: impl FnOnce() -> Result<Checkpoint<f32>>,
    ) -> Result<()> {
        let Some(path) = &self.checkpoint else { return Ok(()) };
        let mut checkpoint = capture()?;
        checkpoint.put("setup", &run.setup)?;
        checkpoint.put("tally", &run.tally)?;
        checkpoint.put("history", &run.history)?;
        for callback in &self.callbacks {
            if let Some(state) = callback.state() {
                put_state(&mut checkpoint, &callback.name(), state)?;
            }
        }
        checkpoint.save(path)
    }

    /// The checkpoint to go on from, if there is one, and the run in it. Models, optimizers and
    /// callbacks have not changed yet.
    pub(crate) fn load<Y: DeserializeOwned>(
        &self,
        own: &Setup,
    ) -> Result<Option<(Checkpoint<f32>, Run<Y>)>> {
        let path = match &self.checkpoint {
            Some(path) if self.resume && path.exists() => path,
            _ => return Ok(None),
        };
        let checkpoint = Checkpoint::load(path)?;
        let saved = checkpoint.get::<Setup>("setup")?.ok_or_else(|| missing("setup"))?;
        check_same(own, &saved)?;
        let run = Run {
            position: checkpoint.position,
            tally: checkpoint.get("tally")?.ok_or_else(|| missing("tally"))?,
            history: checkpoint.get("history")?.ok_or_else(|| missing("history"))?,
            setup: saved,
        };
        Ok(Some((checkpoint, run)))
    }

    /// Puts the callbacks into the state that the checkpoint holds.
    pub(crate) fn restore(&mut self, checkpoint: &Checkpoint<f32>) -> Result<()> {
        for callback in &mut self.callbacks {
            if let Some(state) = state_of(checkpoint, &callback.name())? {
                callback.load_state(state)?;
            }
        }
        Ok(())
    }
}

/// What a checkpoint lacks that a trainer writes.
pub(crate) fn missing(what: &str) -> Error {
    Error::param("resume", "checkpoint", "one that a trainer wrote", format!("no {what}"))
}

/// An error that names all that differs.
fn check_same(own: &Setup, saved: &Setup) -> Result<()> {
    let differs = |key: &&String| own.get(*key) != saved.get(*key);
    let keys: BTreeSet<&String> = own.keys().chain(saved.keys()).filter(differs).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let words = |setup: &Setup| {
        let of = |key: &&String| setup.get(*key).map_or("nothing", String::as_str);
        let texts: Vec<_> = keys.iter().map(|key| format!("{key}: {}", of(key))).collect();
        texts.join("; ")
    };
    let rule = format!("that of a run set up like this one ({})", words(own));
    Err(Error::param("resume", "checkpoint", rule, words(saved)))
}

/// Adds what a callback remembers.
pub(crate) fn put_state(
    checkpoint: &mut Checkpoint<f32>,
    name: &str,
    state: CallbackState<f32>,
) -> Result<()> {
    let CallbackState { record, tensors } = state;
    let names: Vec<&String> = tensors.iter().map(|(tensor, _)| tensor).collect();
    checkpoint.put(&tensors_of(name), &names)?;
    for (tensor, value) in tensors {
        checkpoint.tensors.insert(format!("{name}/{tensor}"), value);
    }
    checkpoint.records.insert(record_of(name), record);
    Ok(())
}

/// What a callback remembered, if it is there.
pub(crate) fn state_of(
    checkpoint: &Checkpoint<f32>,
    name: &str,
) -> Result<Option<CallbackState<f32>>> {
    let Some(record) = checkpoint.records.get(&record_of(name)) else { return Ok(None) };
    let list: Vec<String> = checkpoint.get(&tensors_of(name))?.unwrap_or_default();
    let mut tensors = Vec::new();
    for tensor in list {
        let key = format!("{name}/{tensor}");
        let value = checkpoint.tensors.get(&key).ok_or_else(|| missing(&key))?;
        tensors.push((tensor, value.clone()));
    }
    Ok(Some(CallbackState { record: record.clone(), tensors }))
}

fn record_of(callback: &str) -> String {
    format!("callback.{callback}")
}

fn tensors_of(callback: &str) -> String {
    format!("callback.{callback}.tensors")
}

/// State is saved by name, and histories are read by name.
pub(crate) fn unique(param: &'static str, names: impl Iterator<Item = String>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(Error::param("fit", param, "of another name than the others", name));
        }
        seen.push(name);
    }
    Ok(())
}

/// The builders of a trainer with a field `session`.
macro_rules! session_options {
    () => {
        /// Times through the training data.
        #[must_use]
        pub fn epochs(mut self, epochs: u64) -> Self {
            self.session.epochs = epochs;
            self
        }

        /// The seed of all that is random in a step, such as dropout. The order of samples and
        /// augmentation have the loader's seed.
        #[must_use]
        pub fn seed(mut self, seed: u64) -> Self {
            self.session.seed = seed;
            self
        }

        /// Calls this around the steps, in the order in which callbacks are added. Hand over a
        /// `&mut` to ask it after training.
        #[must_use]
        pub fn callback(mut self, callback: impl crate::callbacks::Callback<f32> + 'a) -> Self {
            self.session.callbacks.push(Box::new(callback));
            self
        }

        /// Ends each epoch after its first so many batches instead of after the whole data set.
        /// With a shuffled loader they are others in every epoch.
        #[must_use]
        #[doc(alias = "steps_per_epoch")]
        pub fn batches_per_epoch(mut self, n_batches: u64) -> Self {
            self.session.batches_per_epoch = Some(n_batches);
            self
        }

        /// Writes a checkpoint at the end of every epoch.
        #[must_use]
        pub fn checkpoint(mut self, path: impl AsRef<std::path::Path>) -> Self {
            self.session.checkpoint = Some(path.as_ref().to_owned());
            self
        }

        /// Writes the checkpoint also after every so many optimizer steps.
        #[must_use]
        pub fn checkpoint_every(mut self, steps: u64) -> Self {
            self.session.checkpoint_every = Some(steps);
            self
        }

        /// Goes on from the checkpoint if its file is there. The run must be set up as the one that
        /// wrote it: data order, loss, optimizer and all other options are compared, and the error
        /// names those that differ. It may have more epochs.
        #[must_use]
        pub fn resume(mut self) -> Self {
            self.session.resume = true;
            self
        }
    };
}
pub(crate) use session_options;
