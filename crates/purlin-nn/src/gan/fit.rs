//! The loop over epochs and batches, and its checkpoints.

use super::labels::planes;
use super::step::GanStep;
use super::trainer::Samples;
use super::{GanTrainer, OP, sample};
use crate::callbacks::{BatchEnd, Callback};
use crate::checkpoint::{Checkpoint, Position};
use crate::exact;
use crate::trainer::{EpochRecord, History, Run, Setup, check_weights, put_state, state_of};
use crate::weights::{load_state_dict, state_dict};
use crate::{Forward, Stream};
use purlin_core::{Error, Result, Shape};
use purlin_data::Loader;
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The file's name of the second network.
const DISCRIMINATOR: &str = "discriminator";
/// Where the average of the generator's weights lies in a checkpoint.
const EMA: &str = "generator_ema";

/// Sums over the steps of the epoch so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    discriminator_loss: Sum,
    generator_loss: Sum,
    gradient_penalty: Sum,
    real_score: Sum,
    fake_score: Sum,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Sum {
    #[serde(with = "exact")]
    sum: f64,
    n: u64,
}

impl Sum {
    fn add(&mut self, value: Option<f64>, n: u64) {
        if let Some(value) = value {
            self.sum += value * n as f64;
            self.n += n;
        }
    }
}

impl Tally {
    /// Means weigh a step by its samples.
    fn add(&mut self, step: &GanStep, n: u64) {
        self.discriminator_loss.add(Some(step.discriminator_loss), n);
        self.generator_loss.add(step.generator_loss, n);
        self.gradient_penalty.add(step.gradient_penalty, n);
        self.real_score.add(Some(step.real_score), n);
        self.fake_score.add(Some(step.fake_score), n);
    }

    /// The means by name; one without a step is left out.
    fn values(&self) -> Vec<(String, f64)> {
        let named = [
            ("discriminator_loss", self.discriminator_loss),
            ("generator_loss", self.generator_loss),
            ("gradient_penalty", self.gradient_penalty),
            ("real_score", self.real_score),
            ("fake_score", self.fake_score),
        ];
        let seen = named.into_iter().filter(|(_, sum)| sum.n > 0);
        seen.map(|(name, Sum { sum, n })| (name.to_owned(), sum / n as f64)).collect()
    }
}

impl GanTrainer<'_> {
    /// Trains both networks.
    ///
    /// # Errors
    ///
    /// - As [`step`](Self::step).
    /// - [`Error::TooFewSamples`]: `data` has no batch.
    /// - [`Error::Diverged`]: also when a weight is not finite at the end of an epoch; callbacks have
    ///   not seen it. The last checkpoint is that of a good state.
    /// - [`Error::InvalidParam`]: also when the checkpoint is of a run that was set up differently, or
    ///   an epoch has fewer batches than there are discriminator steps to one of the generator.
    /// - Whatever loader and callbacks refuse.
    ///
    /// # Panics
    ///
    /// When a network does not take what it is fed, such as a last batch of one sample in front of a batch
    /// norm (`Loader::drop_last` leaves it out).
    pub fn fit<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &mut D,
        data: &Loader,
    ) -> Result<History> {
        let result = self.run(generator, discriminator, data);
        self.session.ended(result)
    }

    fn run<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &mut D,
        data: &Loader,
    ) -> Result<History> {
        self.session.check()?;
        self.check()?;
        let n_batches = self.session.n_batches(data)?;
        if self.discriminator_steps > n_batches {
            let rule = format!("at most the {n_batches} batches of an epoch");
            return Err(Error::param(OP, "discriminator_steps", rule, self.discriminator_steps));
        }
        self.check_shapes(generator, discriminator, data)?;
        self.session.sweep()?;
        let setup = self.setup(data, n_batches);
        let mut run = self.begin(generator, discriminator, setup)?;
        let info = self.session.info(data, n_batches, run.position);
        if let Some(ema) = &mut self.ema {
            Callback::<f32>::on_train_begin(ema, &info)?;
        }
        self.session.train_begin(&info)?;
        while self.session.goes_on(&run) {
            self.epoch(generator, discriminator, data, n_batches, &mut run)?;
            self.end_epoch(generator, discriminator, &mut run)?;
            self.save(generator, discriminator, &run)?;
        }
        self.session.train_end(&run.history, generator)?;
        Ok(run.history)
    }

    /// Shapes that do not fit are told before the first step.
    fn check_shapes<G: Forward<f32>, D: Forward<f32>>(
        &self,
        generator: &G,
        discriminator: &D,
        data: &Loader,
    ) -> Result<()> {
        let n = data.n_per_batch();
        let n_classes = self.n_classes.unwrap_or(0);
        let real = Shape::new(&[&[n], data.dataset().sample_shape().dims()].concat());
        let fake = generator.output_shape(&[n, self.latent_dim + n_classes].into())?;
        if fake != real {
            let expected = format!("a generator that makes samples {real}");
            return Err(Error::shape(OP, expected, fake));
        }
        let last = real.rank() - 1;
        discriminator.output_shape(&real.with(last, real[last] + n_classes)).map(|_| ())
    }

    fn epoch<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &mut D,
        data: &Loader,
        n_batches: u64,
        run: &mut Run<Tally>,
    ) -> Result<()> {
        let Position { epoch, batch: first, .. } = run.position;
        for (i, batch) in (first..n_batches).zip(data.epoch_from(epoch, first as usize)) {
            let batch = batch?;
            let n_samples = batch.len() as u64;
            let at = epoch * n_batches + i;
            let step = self.step(generator, discriminator, &batch.x, batch.y.classes(), at)?;
            run.tally.add(&step, n_samples);
            run.position.batch = i + 1;
            let is_step = step.generator_loss.is_some();
            if is_step {
                run.position.step += 1;
                self.session.after_step(generator)?;
            }
            let tally = &run.tally;
            let end = BatchEnd {
                epoch: epoch + 1,
                batch: i + 1,
                n_samples,
                step: run.position.step,
                is_step,
                lr: self.generator_optimizer.lr(),
                values: &|| tally.values(),
            };
            self.session.batch_end(&end)?;
            if is_step && i + 1 < n_batches && self.session.is_due(run.position.step) {
                self.save(generator, discriminator, run)?;
            }
        }
        Ok(())
    }

    /// The record, the samples, the callbacks; the run then stands before the next epoch.
    fn end_epoch<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &D,
        run: &mut Run<Tally>,
    ) -> Result<()> {
        let Position { epoch, step, .. } = run.position;
        check_weights(OP, "generator.", generator, step)?;
        check_weights(OP, "discriminator.", discriminator, step)?;
        let values = std::mem::take(&mut run.tally).values();
        run.position = Position { epoch: epoch + 1, batch: 0, step };
        let lr = self.generator_optimizer.lr();
        let record = EpochRecord { epoch: epoch + 1, step, lr, values };
        run.history.push(record.clone());
        self.show(generator, &record)?;
        self.session.epoch_end(&record, generator, &mut run.history)
    }

    /// Hands samples over, if someone asked for them.
    fn show<G: Forward<f32>>(&mut self, generator: &mut G, record: &EpochRecord) -> Result<()> {
        let Some(Samples { n, show }) = &mut self.samples else { return Ok(()) };
        let stream = Stream::new(self.session.seed, "gan").child("samples");
        let mut z = Tensor::normal([*n, self.latent_dim], 0.0, 1.0, &stream);
        if let Some(n_classes) = self.n_classes {
            let classes: Vec<usize> = (0..*n).map(|i| i % n_classes).collect();
            z = Tensor::concat(&[&z, &planes(z.shape(), &classes, n_classes)?], -1);
        }
        let made = match &self.ema {
            Some(ema) if ema.n_updates() > 0 => {
                let own = state_dict(generator);
                ema.apply(generator)?;
                let made = sample(generator, &z);
                load_state_dict(generator, &own)?;
                made
            }
            _ => sample(generator, &z),
        };
        show(record, &made)
    }

    fn setup(&self, data: &Loader, n_batches: u64) -> Setup {
        let or_none = |x: Option<String>| x.unwrap_or_else(|| "none".to_owned());
        let [generator, discriminator] = self.described.clone();
        [
            ("seed", self.session.seed.to_string()),
            ("n_batches", n_batches.to_string()),
            ("data", data.describe()),
            ("loss", format!("{:?}", self.loss)),
            ("generator_optimizer", generator),
            ("discriminator_optimizer", discriminator),
            ("latent_dim", self.latent_dim.to_string()),
            ("discriminator_steps", self.discriminator_steps.to_string()),
            ("gradient_penalty", or_none(self.penalty.map(|x| x.to_string()))),
            ("clip_weights", or_none(self.clip.map(|x| x.to_string()))),
            ("classes", or_none(self.n_classes.map(|n| n.to_string()))),
            ("ema", or_none(self.ema.as_ref().map(|ema| ema.decay().to_string()))),
            ("callbacks", self.session.with_state().join(", ")),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
    }

    fn save<G: Forward<f32>, D: Forward<f32>>(
        &self,
        generator: &G,
        discriminator: &D,
        run: &Run<Tally>,
    ) -> Result<()> {
        self.session.save(run, || {
            let mut checkpoint = self.capture(generator, discriminator, run.position);
            if let Some(state) = self.ema.as_ref().and_then(Callback::state) {
                put_state(&mut checkpoint, EMA, state)?;
            }
            Ok(checkpoint)
        })
    }

    /// A fresh run, or the one in the checkpoint.
    fn begin<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &mut D,
        own: Setup,
    ) -> Result<Run<Tally>> {
        let Some((checkpoint, run)) = self.session.load(&own)? else {
            return Ok(Run { setup: own, ..Run::default() });
        };
        let before = self.capture(generator, discriminator, run.position);
        if let Err(error) = self.restore(&checkpoint, generator, discriminator) {
            self.restore(&before, generator, discriminator)?;
            return Err(error);
        }
        if let (Some(ema), Some(state)) = (&mut self.ema, state_of(&checkpoint, EMA)?) {
            ema.load_state(state)?;
        }
        self.session.restore(&checkpoint)?;
        Ok(run)
    }

    /// Both networks and their optimizers.
    fn capture<G: Forward<f32>, D: Forward<f32>>(
        &self,
        generator: &G,
        discriminator: &D,
        position: Position,
    ) -> Checkpoint<f32> {
        let optimizer = self.generator_optimizer.as_ref();
        let mut checkpoint = Checkpoint::capture(generator, optimizer, position);
        let optimizer = self.discriminator_optimizer.as_ref();
        checkpoint.add_part(DISCRIMINATOR, discriminator, optimizer);
        checkpoint
    }

    /// Puts both networks and their optimizers into the state that [`Self::capture`] saw.
    fn restore<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        checkpoint: &Checkpoint<f32>,
        generator: &mut G,
        discriminator: &mut D,
    ) -> Result<()> {
        let optimizer = self.discriminator_optimizer.as_mut();
        checkpoint.restore_part(DISCRIMINATOR, discriminator, optimizer)?;
        checkpoint.restore(generator, self.generator_optimizer.as_mut())
    }
}
