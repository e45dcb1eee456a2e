//! The loop.

use super::evaluate::{check_complete, finite_loss, values};
use super::target::Prepared;
use super::{EpochRecord, History, Run, Scheduled, Trainer};
use crate::callbacks::{BatchEnd, monitored};
use crate::checkpoint::Position;
use crate::exact;
use crate::{Buffer, Context, Forward, Param, Visitor};
use purlin_core::{Error, Result};
use purlin_data::{Batch, Loader};
use purlin_tensor::{Gradients, Tensor};
use serde::{Deserialize, Serialize};

/// The loss of the epoch so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    #[serde(with = "exact")]
    sum: f64,
    n_samples: u64,
}

impl Tally {
    fn mean(&self) -> f64 {
        self.sum / self.n_samples.max(1) as f64
    }
}

/// Gradients on their way to a step.
#[derive(Default)]
struct Pending {
    grads: Gradients<f32>,
    n_samples: usize,
}

impl Trainer<'_> {
    /// Trains a model.
    ///
    /// Each epoch goes once through `train`, then measures `validation` if there is one. The
    /// results are `loss` and the metrics over the training batches as they came (the model
    /// changing all the while), and `val_loss` and so on for validation. Training ends with the
    /// last epoch or when a callback says so.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: an option breaks its rule; a callback watches a value that there
    ///   is not; a trainable parameter gets no gradient; clipping meets one that is not finite.
    /// - [`Error::TooFewSamples`]: `train` has no batch, or `validation` leaves samples out.
    /// - [`Error::Diverged`]: the loss or a gradient is not finite, and the step has not been taken;
    ///   or a weight is not finite at the end of an epoch (a step overshot), and callbacks have not
    ///   seen the epoch. The last checkpoint is that of a good state.
    /// - Whatever loader, loss, metrics and callbacks refuse.
    pub fn fit<M: Forward<f32>>(
        &mut self,
        model: &mut M,
        train: &Loader,
        validation: Option<&Loader>,
    ) -> Result<History> {
        let result = self.run(model, train, validation);
        self.session.ended(result)
    }

    fn run<M: Forward<f32>>(
        &mut self,
        model: &mut M,
        train: &Loader,
        validation: Option<&Loader>,
    ) -> Result<History> {
        self.check()?;
        self.weighting.check(train.dataset().len())?;
        let n_batches = self.session.n_batches(train)?;
        if let Some(validation) = validation {
            check_complete("evaluate", validation)?;
        }
        self.session.sweep()?;
        self.metrics.iter_mut().for_each(|metric| metric.reset());
        let setup = self.setup(train, n_batches);
        let mut run = self.begin(model, setup)?;
        let info = self.session.info(train, n_batches, run.position);
        self.session.train_begin(&info)?;
        while self.session.goes_on(&run) {
            self.epoch(model, train, n_batches, &mut run)?;
            self.end_epoch(model, validation, &mut run)?;
            self.save(model, &run)?;
        }
        self.session.train_end(&run.history, model)?;
        Ok(run.history)
    }

    /// The batches of an epoch, from where the run stands.
    fn epoch<M: Forward<f32>>(
        &mut self,
        model: &mut M,
        train: &Loader,
        n_batches: u64,
        run: &mut Run<Tally>,
    ) -> Result<()> {
        let mut pending = Pending::default();
        let Position { epoch, batch: first, .. } = run.position;
        for (i, batch) in (first..n_batches).zip(train.epoch_from(epoch, first as usize)) {
            let batch = batch?;
            self.backward(model, &batch, epoch * n_batches + i, run, &mut pending)?;
            let n_samples = batch.len() as u64;
            drop(batch);
            let is_step = (i + 1) % self.accumulate == 0 || i + 1 == n_batches;
            if is_step {
                self.step(model, std::mem::take(&mut pending), &mut run.position)?;
                run.position.batch = i + 1;
            }
            let (loss, metrics) = (run.tally.mean(), &self.metrics);
            let end = BatchEnd {
                epoch: epoch + 1,
                batch: i + 1,
                n_samples,
                step: run.position.step,
                is_step,
                lr: self.optimizer.lr(),
                values: &|| values(loss, metrics.iter().map(AsRef::as_ref)),
            };
            self.session.batch_end(&end)?;
            if is_step && i + 1 < n_batches && self.session.is_due(run.position.step) {
                self.save(model, run)?;
            }
        }
        Ok(())
    }

    /// Forward and backward; the gradients of several batches add up, each weighted by its
    /// samples.
    fn backward<M: Forward<f32>>(
        &mut self,
        model: &M,
        batch: &Batch,
        at: u64,
        run: &mut Run<Tally>,
        pending: &mut Pending,
    ) -> Result<()> {
        let mut ctx = Context::train(self.session.seed).at_step(at);
        let output = model.forward(&batch.x, &mut ctx);
        let prepared = Prepared::new("fit", &output, &batch.y)?;
        let loss = self.weighting.loss(self.loss.as_ref(), &output, &prepared, batch)?;
        let value = finite_loss("fit", run.position.step, "loss", &loss)?;
        if !loss.is_tracked() {
            let rule = "a result of the trainable parameters (are all of them frozen?)";
            return Err(Error::param("fit", "loss", rule, value));
        }
        run.tally.sum += value * batch.len() as f64;
        run.tally.n_samples += batch.len() as u64;
        let detached = output.detach();
        drop(output);
        for metric in &mut self.metrics {
            metric.update(&detached, &batch.y)?;
        }
        pending.n_samples += batch.len();
        if self.accumulate == 1 {
            pending.grads = loss.backward();
        } else {
            pending.grads.accumulate((loss * batch.len() as f32).backward());
        }
        Ok(())
    }

    fn step<M: Forward<f32>>(
        &mut self,
        model: &mut M,
        pending: Pending,
        position: &mut Position,
    ) -> Result<()> {
        let Pending { mut grads, n_samples } = pending;
        if self.accumulate > 1 {
            grads.scale(1.0 / n_samples as f32);
        }
        if let Some(clip) = self.clip {
            clip.apply(model, &mut grads)?;
        }
        if let Some(Scheduled { schedule, by_epoch }) = &self.schedule {
            let at = if *by_epoch { position.epoch } else { position.step };
            self.optimizer.set_lr(schedule.lr(at));
            if let Some(momentum) = schedule.momentum(at) {
                self.optimizer.set_momentum(momentum);
            }
        }
        self.optimizer.step(model, &grads)?;
        position.step += 1;
        self.session.after_step(model)
    }

    /// Validation, the record, the callbacks; the run then stands before the next epoch.
    fn end_epoch<M: Forward<f32>>(
        &mut self,
        model: &mut M,
        validation: Option<&Loader>,
        run: &mut Run<Tally>,
    ) -> Result<()> {
        check_weights("fit", "", model, run.position.step)?;
        let metrics = self.metrics.iter().map(AsRef::as_ref);
        let mut values = values(run.tally.mean(), metrics);
        if let Some(validation) = validation {
            let result = self.evaluate(model, validation)?;
            let named = result.values.into_iter().map(|(name, x)| (format!("val_{name}"), x));
            values.extend(named);
        }
        self.metrics.iter_mut().for_each(|metric| metric.reset());
        run.tally = Tally::default();
        let Position { epoch, step, .. } = run.position;
        run.position = Position { epoch: epoch + 1, batch: 0, step };
        let record = EpochRecord { epoch: epoch + 1, step, lr: self.optimizer.lr(), values };
        run.history.push(record.clone());
        if let Some((monitor, plateau)) = &mut self.plateau {
            let value = monitored("reduce on plateau", monitor, &record)?;
            let lr = plateau.observe(value, self.optimizer.lr());
            self.optimizer.set_lr(lr);
        }
        self.session.epoch_end(&record, model, &mut run.history)
    }
}

/// An error that names the first number that training has made NaN or infinite, with `owner` in front.
/// Frozen parameters and buffers are the user's.
pub(crate) fn check_weights<M: Forward<f32>>(
    op: &'static str,
    owner: &str,
    model: &M,
    step: u64,
) -> Result<()> {
    struct Find(Option<(String, f32)>);
    impl Find {
        fn look(&mut self, name: &str, x: &Tensor) {
            if self.0.is_none()
                && let Some(&value) = x.data().iter().find(|x| !x.is_finite())
            {
                self.0 = Some((name.to_owned(), value));
            }
        }
    }
    impl Visitor<f32> for Find {
        fn param(&mut self, name: &str, param: &Param) {
            if param.is_trainable() {
                self.look(name, param);
            }
        }
        fn buffer(&mut self, name: &str, buffer: &Buffer) {
            if !buffer.is_frozen() {
                self.look(name, &buffer.get());
            }
        }
    }
    let mut find = Find(None);
    model.visit(&mut find);
    match find.0 {
        None => Ok(()),
        Some((what, value)) => {
            let what = format!("{owner}{what}");
            Err(Error::Diverged { op, step, what, value: f64::from(value) })
        }
    }
}
