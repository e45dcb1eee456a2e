//! The options of a training of two networks.

use super::{GanLoss, OP};
use crate::callbacks::Ema;
use crate::optim::Optimizer;
use crate::trainer::{EpochRecord, Session, session_options};
use purlin_core::{Error, Result};
use purlin_tensor::Tensor;
use std::fmt;

#[cfg(doc)]
use super::{clip_weights, gradient_penalty, with_labels};
#[cfg(doc)]
use crate::trainer::Trainer;

/// Drives a generator and a discriminator over data, in alternating steps.
///
/// For every batch of real samples the generator makes as many from normal latent numbers, and the
/// discriminator takes a step on both: two passes, one gradient. After every `discriminator_steps` of
/// them the generator takes one, on what it has made of the last batch, by the scores of the
/// discriminator as it is now.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `latent_dim` | 64 | latent numbers of a sample, standard normal |
/// | `discriminator_steps` | 1 | steps of the discriminator for one of the generator |
/// | `gradient_penalty` | none | weight of the [`gradient_penalty`] |
/// | `clip_weights` | none | bound of the discriminator's weights; see [`clip_weights`] |
/// | `classes` | none | both networks are told the class of a sample |
/// | `ema` | none | averages the generator's weights; see [`Ema`] |
/// | `samples` | none | hands over what the generator makes of the same latent numbers |
/// | `epochs`, `seed`, `callback`, `batches_per_epoch`, `checkpoint`, `checkpoint_every`, `resume` | as in [`Trainer`] | |
///
/// An epoch has the values `discriminator_loss` (with its penalty), `generator_loss`,
/// `gradient_penalty` (where there is one; without its weight), and the mean scores `real_score` and
/// `fake_score` of the discriminator's step. Callbacks are shown the generator; a *step* in what they
/// are told is one of the generator, and the learning rate is the generator's.
///
/// All draws of a step are keyed by seed and batch, so the bits do not depend on the number of threads,
/// the instruction set, or on whether the run was stopped and resumed in between.
///
/// # Conditional GANs
///
/// With [`classes`](Self::classes) the data must have a class per sample. The generator is fed the
/// latent numbers and the class, `latent_dim + n_classes` numbers, the discriminator samples with the
/// class appended to their last axis ([`with_labels`]): `(height, width, channels + n_classes)` for
/// images. Generated samples have the classes of the real ones of their batch.
///
/// # Examples
///
/// See the [module](super). Two optimizers, a critic that takes five steps for one, and an average:
///
/// ```
/// use purlin_nn::gan::{GanLoss, GanTrainer};
/// use purlin_nn::optim::Adam;
///
/// let adam = || Adam::new(1e-4).betas(0.0, 0.9);
/// let trainer = GanTrainer::new(GanLoss::Wasserstein, adam(), adam())
///     .discriminator_steps(5)
///     .gradient_penalty(10.0)
///     .ema(0.999);
/// assert_eq!(trainer.generator_optimizer().lr(), 1e-4);
/// assert_eq!(trainer.ema_weights().map(|ema| ema.n_updates()), Some(0));
/// ```
///
/// # References
///
/// - I. Goodfellow et al., *Generative adversarial nets*, NeurIPS 2014: algorithm 1.
/// - A. Radford, L. Metz, S. Chintala, *Unsupervised representation learning with deep convolutional
///   generative adversarial networks*, ICLR 2016.
/// - I. Gulrajani et al., *Improved training of Wasserstein GANs*, NeurIPS 2017.
pub struct GanTrainer<'a> {
    pub(super) session: Session<'a>,
    pub(super) loss: GanLoss,
    pub(super) generator_optimizer: Box<dyn Optimizer<f32> + 'a>,
    pub(super) discriminator_optimizer: Box<dyn Optimizer<f32> + 'a>,
    /// The optimizers as they were handed over.
    pub(super) described: [String; 2],
    pub(super) latent_dim: usize,
    pub(super) discriminator_steps: u64,
    pub(super) penalty: Option<f64>,
    pub(super) clip: Option<f64>,
    pub(super) n_classes: Option<usize>,
    pub(super) ema: Option<Ema>,
    pub(super) samples: Option<Samples<'a>>,
}

/// What is called with samples.
type Show<'a> = dyn FnMut(&EpochRecord, &Tensor) -> Result<()> + 'a;

/// Who is shown samples, and how many.
pub(super) struct Samples<'a> {
    pub(super) n: usize,
    pub(super) show: Box<Show<'a>>,
}

impl<'a> GanTrainer<'a> {
    /// One epoch with this loss and these optimizers.
    pub fn new(
        loss: GanLoss,
        generator_optimizer: impl Optimizer<f32> + 'a,
        discriminator_optimizer: impl Optimizer<f32> + 'a,
    ) -> Self {
        Self {
            session: Session::default(),
            loss,
            described: [generator_optimizer.describe(), discriminator_optimizer.describe()],
            generator_optimizer: Box::new(generator_optimizer),
            discriminator_optimizer: Box::new(discriminator_optimizer),
            latent_dim: 64,
            discriminator_steps: 1,
            penalty: None,
            clip: None,
            n_classes: None,
            ema: None,
            samples: None,
        }
    }

    /// Latent numbers of a sample.
    #[must_use]
    pub fn latent_dim(self, latent_dim: usize) -> Self {
        Self { latent_dim, ..self }
    }

    /// Steps of the discriminator, each on a batch of its own, for one of the generator.
    #[must_use]
    pub fn discriminator_steps(self, steps: u64) -> Self {
        Self { discriminator_steps: steps, ..self }
    }

    /// Adds `weight` times the [`gradient_penalty`] to the discriminator's loss.
    #[must_use]
    pub fn gradient_penalty(self, weight: f64) -> Self {
        Self { penalty: Some(weight), ..self }
    }

    /// Moves the discriminator's weights into `-limit..=limit` after each of its steps.
    #[must_use]
    pub fn clip_weights(self, limit: f64) -> Self {
        Self { clip: Some(limit), ..self }
    }

    /// Tells both networks the class of a sample, below `n_classes`.
    #[must_use]
    pub fn classes(self, n_classes: usize) -> Self {
        Self { n_classes: Some(n_classes), ..self }
    }

    /// Averages the generator's weights over its steps, with this decay. The generator itself trains
    /// on; [`ema_weights`](Self::ema_weights) has the average.
    #[must_use]
    pub fn ema(self, decay: f64) -> Self {
        Self { ema: Some(Ema::new(decay)), ..self }
    }

    /// Calls `show` after every epoch with what the generator makes of `n` latent vectors, the same in
    /// every epoch, `(n, ...)`: with averaged weights, if [`ema`](Self::ema) is on. A conditional
    /// generator makes the classes in turn: sample `i` is one of class `i % n_classes`.
    #[must_use]
    pub fn samples(
        mut self,
        n: usize,
        show: impl FnMut(&EpochRecord, &Tensor) -> Result<()> + 'a,
    ) -> Self {
        self.samples = Some(Samples { n, show: Box::new(show) });
        self
    }

    session_options!();

    /// The generator's optimizer: its learning rate, its state.
    pub fn generator_optimizer(&self) -> &(dyn Optimizer<f32> + 'a) {
        self.generator_optimizer.as_ref()
    }

    /// The discriminator's optimizer.
    pub fn discriminator_optimizer(&self) -> &(dyn Optimizer<f32> + 'a) {
        self.discriminator_optimizer.as_ref()
    }

    /// The averaged weights of the generator, if there are any.
    pub fn ema_weights(&self) -> Option<&Ema> {
        self.ema.as_ref()
    }

    /// The options that a single step depends on.
    pub(super) fn check(&self) -> Result<()> {
        self.loss.check()?;
        let counts = [
            ("latent_dim", Some(self.latent_dim as u64)),
            ("discriminator_steps", Some(self.discriminator_steps)),
            ("classes", self.n_classes.map(|n| n as u64)),
            ("samples", self.samples.as_ref().map(|samples| samples.n as u64)),
        ];
        if let Some((param, _)) = counts.into_iter().find(|(_, count)| *count == Some(0)) {
            return Err(Error::param(OP, param, "at least 1", 0));
        }
        for (param, value) in [("gradient_penalty", self.penalty), ("clip_weights", self.clip)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(Error::param(OP, param, "finite and above 0", value));
            }
        }
        self.ema.as_ref().map_or(Ok(()), Ema::check)
    }
}

impl fmt::Debug for GanTrainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GanTrainer")
            .field("loss", &self.loss)
            .field("epochs", &self.session.epochs)
            .field("seed", &self.session.seed)
            .field("latent_dim", &self.latent_dim)
            .field("discriminator_steps", &self.discriminator_steps)
            .finish_non_exhaustive()
    }
}
