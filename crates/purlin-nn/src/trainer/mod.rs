//! The training loop: `fit`, `evaluate`, `predict`.
//!
//! A [`Trainer`] joins a loss, an optimizer and whatever else a run needs, and drives a model
//! over the batches of a [`Loader`]. Nothing in it is hidden: every part (schedules, clipping,
//! metrics, callbacks, checkpoints) also works in a loop written by hand.
//!
//! # Examples
//!
//! ```
//! use purlin_core::rng::Stream;
//! use purlin_data::{Loader, MemoryDataset, Targets};
//! use purlin_nn::callbacks::TargetReached;
//! use purlin_nn::layers::Linear;
//! use purlin_nn::losses::CrossEntropy;
//! use purlin_nn::metrics::Accuracy;
//! use purlin_nn::optim::Adam;
//! use purlin_nn::trainer::Trainer;
//! use purlin_tensor::Tensor;
//!
//! // Which of two numbers is greater?
//! let x = Tensor::uniform([256, 2], -1.0, 1.0, &Stream::new(1, "data"));
//! let y = x.data().chunks(2).map(|pair| usize::from(pair[1] > pair[0])).collect();
//! let train = Loader::new(MemoryDataset::new(x, Targets::Classes(y))?).batch_size(32).shuffle(7);
//!
//! let mut model = Linear::new(2, 2, &Stream::new(2, "init"));
//! let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.05))
//!     .epochs(30)
//!     .metric(Accuracy::new())
//!     .callback(TargetReached::new("accuracy", 0.95));
//! let history = trainer.fit(&mut model, &train, None)?;
//! assert!(history.last().unwrap().get("accuracy").unwrap() >= 0.95);
//! assert!(history.stopped().is_some());
//!
//! let result = trainer.evaluate(&model, &train)?;
//! assert!(result.get("accuracy").unwrap() >= 0.95);
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod evaluate;
mod fit;
mod history;
mod resume;
mod session;
mod target;
mod weighting;

pub(crate) use evaluate::finite_loss;
pub use evaluate::{Evaluation, evaluate, predict};
pub(crate) use fit::check_weights;
pub(crate) use history::names_of;
pub use history::{EpochRecord, History};
pub(crate) use session::{Run, Session, Setup, put_state, session_options, state_of};

use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optim::{Clip, Optimizer};
use crate::schedule::{ReduceOnPlateau, Schedule};
use purlin_core::{Error, Result};
use session::unique;
use std::fmt;
use weighting::Weighting;

#[cfg(doc)]
use purlin_data::Loader;

/// Drives models over data.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `epochs` | 1 | times through the training data |
/// | `seed` | 0 | of dropout and all else that is random in a forward pass |
/// | `metric` | none | measured on training and validation data; may be called again |
/// | `callback` | none | called around the steps; may be called again |
/// | `schedule`, `schedule_by_epoch` | none | the learning rate by step or by epoch |
/// | `reduce_on_plateau` | none | the learning rate by results; not with a schedule |
/// | `clip` | none | bounds the gradients |
/// | `accumulate` | 1 | batches per optimizer step |
/// | `batches_per_epoch` | all | an epoch ends after so many |
/// | `sample_weights`, `class_weights` | all 1 | factors on the losses of training samples |
/// | `checkpoint`, `checkpoint_every` | none | a file to go on from |
/// | `resume` | no | go on from that file if it is there |
///
/// Validation data is a loader of its own; [`purlin_data::split_indices`] parts a data set in two.
///
/// The loss must be a mean over the samples of a batch, as losses are by default: epochs average
/// it over samples, and accumulated gradients are those of the joined batches.
///
/// A model with one output and targets that are classes (an image folder with two of them) is
/// trained against 0 and 1.
///
/// The lifetime is that of callbacks handed over by reference, so that they can be asked after
/// training.
pub struct Trainer<'a> {
    loss: Box<dyn Loss<f32> + 'a>,
    optimizer: Box<dyn Optimizer<f32> + 'a>,
    session: Session<'a>,
    metrics: Vec<Box<dyn Metric + 'a>>,
    schedule: Option<Scheduled>,
    plateau: Option<(String, ReduceOnPlateau)>,
    clip: Option<Clip>,
    accumulate: u64,
    weighting: Weighting,
    /// The optimizer as it was handed over: schedules move its options.
    described: String,
}

struct Scheduled {
    schedule: Box<dyn Schedule>,
    by_epoch: bool,
}

impl<'a> Trainer<'a> {
    /// One epoch with this loss and this optimizer.
    pub fn new(loss: impl Loss<f32> + 'a, optimizer: impl Optimizer<f32> + 'a) -> Self {
        Self {
            described: optimizer.describe(),
            loss: Box::new(loss),
            optimizer: Box::new(optimizer),
            session: Session::default(),
            metrics: Vec::new(),
            schedule: None,
            plateau: None,
            clip: None,
            accumulate: 1,
            weighting: Weighting::default(),
        }
    }

    session_options!();

    /// Measures this too.
    #[must_use]
    pub fn metric(mut self, metric: impl Metric + 'a) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// The learning rate (and momentum) by the number of optimizer steps taken.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Some(Scheduled { schedule: Box::new(schedule), by_epoch: false });
        self
    }

    /// The learning rate (and momentum) by the epoch, from 0.
    #[must_use]
    pub fn schedule_by_epoch(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Some(Scheduled { schedule: Box::new(schedule), by_epoch: true });
        self
    }

    /// Lowers the learning rate when the value of this name stops improving; see
    /// [`ReduceOnPlateau`].
    #[must_use]
    pub fn reduce_on_plateau(mut self, monitor: &str, plateau: ReduceOnPlateau) -> Self {
        self.plateau = Some((monitor.to_owned(), plateau));
        self
    }

    /// Bounds the gradients before each step.
    #[must_use]
    pub fn clip(self, clip: Clip) -> Self {
        Self { clip: Some(clip), ..self }
    }

    /// Takes one optimizer step for so many batches. The last step of an epoch may have fewer.
    #[must_use]
    pub fn accumulate(self, accumulate: u64) -> Self {
        Self { accumulate, ..self }
    }

    /// Multiplies the loss of each sample by a weight of its own: one per sample of the training
    /// data set, in its order. The loss of a batch is the sum of the weighted losses divided by the
    /// number of samples, as in Keras, so weights of mean 1 keep the size of the gradients.
    ///
    /// For training only: validation, `evaluate` and metrics count all samples alike. It needs a
    /// loss that tells its samples apart ([`Loss::each`]); those of this crate do.
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_data::{Loader, MemoryDataset, Targets};
    /// use purlin_nn::layers::Linear;
    /// use purlin_nn::losses::Mse;
    /// use purlin_nn::optim::Sgd;
    /// use purlin_nn::trainer::Trainer;
    /// use purlin_tensor::Tensor;
    ///
    /// let (x, y) = (Tensor::ones([2, 1]), Tensor::from([[4.0], [8.0]]));
    /// let data = Loader::new(MemoryDataset::new(x, Targets::Values(y))?);
    /// let mut model = Linear::new(1, 1, &Stream::new(1, "init")).bias(false);
    /// Trainer::new(Mse::new(), Sgd::new(0.25))
    ///     .epochs(99)
    ///     .sample_weights([0.0, 2.0])
    ///     .fit(&mut model, &data, None)?;
    /// assert_eq!(model.weight.item(), 8.0); // the first sample does not count
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "sample_weight")]
    pub fn sample_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weighting.samples = Some(weights.into());
        self
    }

    /// Multiplies the loss of each sample, or of each step where every step has a class, by the weight
    /// of its class; as [`Trainer::sample_weights`] otherwise, and on top of them where both are given. For a mean that divides by the sum of
    /// the weights, as in PyTorch, see
    /// [`CrossEntropy::weight`](crate::losses::CrossEntropy::weight).
    #[must_use]
    #[doc(alias = "class_weight")]
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weighting.classes = Some(weights.into());
        self
    }

    /// The optimizer: its learning rate, its state.
    pub fn optimizer(&self) -> &(dyn Optimizer<f32> + 'a) {
        self.optimizer.as_ref()
    }

    fn check(&self) -> Result<()> {
        if self.accumulate == 0 {
            return Err(Error::param("fit", "accumulate", "at least 1", 0));
        }
        self.session.check()?;
        if let (Some(_), Some(_)) = (&self.schedule, &self.plateau) {
            let rule = "used without a schedule: both set the learning rate";
            return Err(Error::param("fit", "reduce_on_plateau", rule, "both"));
        }
        if let Some(Scheduled { schedule, .. }) = &self.schedule {
            schedule.check()?;
        }
        if let Some((_, plateau)) = &self.plateau {
            plateau.check()?;
        }
        unique("metric", self.metrics.iter().map(|metric| metric.name()))
    }
}

impl fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("epochs", &self.session.epochs)
            .field("seed", &self.session.seed)
            .field("lr", &self.optimizer.lr())
            .field("accumulate", &self.accumulate)
            .field("checkpoint", &self.session.checkpoint)
            .finish_non_exhaustive()
    }
}
