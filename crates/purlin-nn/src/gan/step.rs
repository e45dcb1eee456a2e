//! One batch: a step of the discriminator and, where it is due, one of the generator.

use super::labels::planes;
use super::{GanTrainer, OP, clip_weights, gradient_penalty};
use crate::trainer::finite_loss;
use crate::{Context, Forward};
use purlin_core::rng::Stream;
use purlin_core::{Error, Result};
use purlin_tensor::{Tensor, grad_once, no_grad};

/// What a step has seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GanStep {
    /// The loss of the discriminator, with its penalty.
    pub discriminator_loss: f64,
    /// The loss of the generator; `None` where only the discriminator took a step.
    pub generator_loss: Option<f64>,
    /// The gradient penalty, without its weight, if there is one.
    pub gradient_penalty: Option<f64>,
    /// The mean score of the real samples, before the steps.
    pub real_score: f64,
    /// The mean score of the generated samples, before the steps.
    pub fake_score: f64,
}

/// What is appended to the latent numbers and to the samples of a batch.
pub(super) struct Labels {
    latent: Tensor,
    sample: Tensor,
}

impl Labels {
    fn join(x: &Tensor, labels: Option<&Tensor>) -> Tensor {
        labels.map_or_else(|| x.clone(), |labels| Tensor::concat(&[x, labels], -1))
    }
}

impl GanTrainer<'_> {
    /// Takes the steps of batch number `at` (from 0, over all epochs): what [`fit`](Self::fit) does for
    /// each batch, for a loop of one's own. `classes` is one class per sample for a conditional GAN, and
    /// is not looked at otherwise.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: an option breaks its rule, a network has nothing to train, or a class
    ///   is too great.
    /// - [`Error::Shape`]: the generator makes samples of another shape than the real ones, or classes
    ///   are missing.
    /// - [`Error::Diverged`]: a loss or a gradient is not finite. No parameter of the network it
    ///   belongs to has changed then; running statistics of the pass have.
    ///
    /// # Panics
    ///
    /// When a network does not take what it is fed.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_nn::gan::{GanLoss, GanTrainer};
    /// use purlin_nn::layers::Linear;
    /// use purlin_nn::optim::Sgd;
    /// use purlin_nn::{Stream, Tensor};
    ///
    /// let mut generator = Linear::new(2, 3, &Stream::new(1, "g"));
    /// let mut critic = Linear::new(3, 1, &Stream::new(2, "d"));
    /// let mut trainer = GanTrainer::new(GanLoss::Wasserstein, Sgd::new(0.1), Sgd::new(0.1))
    ///     .latent_dim(2)
    ///     .discriminator_steps(2);
    /// let real = Tensor::ones([8, 3]);
    /// let first = trainer.step(&mut generator, &mut critic, &real, None, 0)?;
    /// let second = trainer.step(&mut generator, &mut critic, &real, None, 1)?;
    /// assert!(first.generator_loss.is_none() && second.generator_loss.is_some());
    /// assert!((first.fake_score - first.real_score - first.discriminator_loss).abs() < 1e-6);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn step<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &mut D,
        real: &Tensor,
        classes: Option<&[usize]>,
        at: u64,
    ) -> Result<GanStep> {
        self.check()?;
        let Some(&batch) = real.dims().first().filter(|&&batch| batch > 0) else {
            return Err(Error::shape(OP, "at least 1 real sample (batch, ...)", real.shape()));
        };
        let labels = self.labels(real, classes)?;
        let trainable = [
            ("generator", generator.n_trainable_params()),
            ("discriminator", discriminator.n_trainable_params()),
        ];
        for (network, n) in trainable {
            check_trained(network, n > 0)?;
        }
        let stream = Stream::new(self.session.seed, "gan").child_at(at);
        let mut ctx = Context::train(self.session.seed).at_step(at);
        let z = Tensor::normal([batch, self.latent_dim], 0.0, 1.0, &stream.child("latent"));
        let z = Labels::join(&z, labels.as_ref().map(|labels| &labels.latent));
        let trains_generator = (at + 1).is_multiple_of(self.discriminator_steps);
        let fake = if trains_generator {
            generator.forward(&z, &mut ctx)
        } else {
            no_grad(|| generator.forward(&z, &mut ctx))
        };
        if fake.shape() != real.shape() {
            let expected = format!("a generator that makes samples {}", real.shape());
            return Err(Error::shape(OP, expected, fake.shape()));
        }
        let labels = labels.as_ref().map(|labels| &labels.sample);
        let mut step =
            self.discriminator_step(discriminator, real, &fake, labels, &stream, &mut ctx, at)?;
        if trains_generator {
            let loss =
                self.generator_step(generator, discriminator, &fake, labels, &mut ctx, at)?;
            step.generator_loss = Some(loss);
        }
        Ok(step)
    }

    /// Checked labels, if the GAN is conditional.
    fn labels(&self, real: &Tensor, classes: Option<&[usize]>) -> Result<Option<Labels>> {
        let Some(n_classes) = self.n_classes else { return Ok(None) };
        let Some(classes) = classes else {
            return Err(Error::shape(OP, "a class with every sample, for classes", "none"));
        };
        let latent = planes(&[classes.len(), 1].into(), classes, n_classes)?;
        Ok(Some(Labels { latent, sample: planes(real.shape(), classes, n_classes)? }))
    }

    #[allow(clippy::too_many_arguments, reason = "what a step consists of")]
    fn discriminator_step<D: Forward<f32>>(
        &mut self,
        discriminator: &mut D,
        real: &Tensor,
        fake: &Tensor,
        labels: Option<&Tensor>,
        stream: &Stream,
        ctx: &mut Context,
        at: u64,
    ) -> Result<GanStep> {
        let fake = fake.detach();
        let real_scores = discriminator.forward(&Labels::join(real, labels), ctx);
        let fake_scores = discriminator.forward(&Labels::join(&fake, labels), ctx);
        let mean = |scores: &Tensor| f64::from(scores.detach().mean().item());
        let (real_score, fake_score) = (mean(&real_scores), mean(&fake_scores));
        let mut loss = self.loss.discriminator(&real_scores, &fake_scores)?;
        drop((real_scores, fake_scores));
        let mut gradient_penalty_value = None;
        if let Some(weight) = self.penalty {
            let critic = |x: &Tensor| discriminator.forward(&Labels::join(x, labels), ctx);
            let penalty = gradient_penalty(critic, real, &fake, &stream.child("mix"))?;
            gradient_penalty_value = Some(f64::from(penalty.item()));
            loss += penalty.mul_scalar(weight);
        }
        let discriminator_loss = finite_loss(OP, at, "discriminator loss", &loss)?;
        check_trained("discriminator", loss.is_tracked())?;
        let grads = loss.backward();
        self.discriminator_optimizer.step(discriminator, &grads)?;
        if let Some(limit) = self.clip {
            clip_weights(discriminator, limit)?;
        }
        Ok(GanStep {
            discriminator_loss,
            generator_loss: None,
            gradient_penalty: gradient_penalty_value,
            real_score,
            fake_score,
        })
    }

    /// The gradient passes through the discriminator to the samples, and to none of its weights.
    fn generator_step<G: Forward<f32>, D: Forward<f32>>(
        &mut self,
        generator: &mut G,
        discriminator: &D,
        fake: &Tensor,
        labels: Option<&Tensor>,
        ctx: &mut Context,
        at: u64,
    ) -> Result<f64> {
        check_trained("generator", fake.is_tracked())?;
        let scores = discriminator.forward(&Labels::join(fake, labels), ctx);
        let loss = self.loss.generator(&scores)?;
        drop(scores);
        let value = finite_loss(OP, at, "generator loss", &loss)?;
        let grad = grad_once(&loss, &loss.ones_like(), &[fake]).remove(0);
        drop(loss);
        let grads = fake.backward_with(&grad);
        self.generator_optimizer.step(generator, &grads)?;
        if let Some(ema) = &mut self.ema {
            ema.update(generator)?;
        }
        Ok(value)
    }
}

fn check_trained(network: &'static str, is_trained: bool) -> Result<()> {
    if is_trained {
        Ok(())
    } else {
        let rule = "one with trainable parameters (are all of them frozen?)";
        Err(Error::param(OP, network, rule, "none"))
    }
}
