//! Generative adversarial networks: two networks that train against each other.
//!
//! A *generator* makes samples from latent numbers, a *discriminator* (for Wasserstein losses a
//! *critic*) scores samples. The [`GanTrainer`] takes the alternating steps; every part of it also
//! works in a loop written by hand:
//!
//! | part | what it is |
//! |---|---|
//! | [`GanTrainer`] | `fit`, or single steps |
//! | [`GanLoss`] | non-saturating, least squares, hinge, Wasserstein |
//! | [`gradient_penalty`], [`clip_weights`] | what bounds the slope of a critic |
//! | [`SpectralNorm`](crate::layers::SpectralNorm) | the same, as a layer |
//! | [`with_labels`] | classes as further features, for a conditional GAN |
//! | [`sample`] | what a generator makes of latent numbers |
//! | [`Ema`](crate::callbacks::Ema) | the moving average of a generator's weights |
//! | [`frechet_distance`](crate::metrics::frechet_distance) and its kin | how good the samples are |
//!
//! # Examples
//!
//! A generator that learns where a distribution lies:
//!
//! ```
//! use purlin_data::{Loader, MemoryDataset, Targets};
//! use purlin_nn::gan::{GanLoss, GanTrainer, sample};
//! use purlin_nn::layers::{LeakyRelu, Linear};
//! use purlin_nn::optim::Adam;
//! use purlin_nn::{Sequential, Stream, Tensor};
//!
//! let data = Tensor::normal([512, 1], 3.0, 0.5, &Stream::new(1, "data"));
//! let data = Loader::new(MemoryDataset::new(data, Targets::None)?).batch_size(64).shuffle(1);
//! let init = Stream::new(2, "init");
//! let mut generator = Linear::new(1, 1, &init.child("g"));
//! let mut discriminator = Sequential::new()
//!     .push(Linear::new(1, 16, &init.child("0")))
//!     .push(LeakyRelu::new(0.2))
//!     .push(Linear::new(16, 1, &init.child("1")));
//! let adam = || Adam::new(0.01).betas(0.5, 0.999);
//! let mut trainer = GanTrainer::new(GanLoss::default(), adam(), adam()).latent_dim(1).epochs(60);
//! let history = trainer.fit(&mut generator, &mut discriminator, &data)?;
//! assert_eq!(history.values("generator_loss").len(), 60);
//! let made = sample(&generator, &Tensor::normal([512, 1], 0.0, 1.0, &Stream::new(3, "z")));
//! assert!((made.mean().item() - 3.0).abs() < 0.5);
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod fit;
mod labels;
mod loss;
mod penalty;
mod sample;
mod step;
mod trainer;

pub use labels::with_labels;
pub use loss::GanLoss;
pub use penalty::{clip_weights, gradient_penalty};
pub use sample::sample;
pub use step::GanStep;
pub use trainer::GanTrainer;

/// What errors of this module begin with.
const OP: &str = "gan";
