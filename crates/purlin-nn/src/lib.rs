//! Neural networks: layers, losses, initialisation, and what trains them.
//!
//! A layer is a struct of [`Param`]s and [`Buffer`]s; `#[derive(Module)]` gives its parameters
//! dotted names, and [`Forward`] maps a batch to a batch. Models are plain structs, or a
//! [`Sequential`]; both hold the same layers. What a program needs of `purlin-core` and
//! `purlin-tensor` is re-exported here.
//!
//! ```
//! use purlin_nn::layers::{Conv2d, Flatten, Linear, MaxPool2d, Padding};
//! use purlin_nn::losses::CrossEntropy;
//! use purlin_nn::{Activation, Context, Forward, Module, Sequential, Stream, Tensor, summary};
//!
//! let init = Stream::new(42, "init");
//! let mut model: Sequential = Sequential::new()
//!     .push(Conv2d::new(1, 8, 3, &init.child("0")).padding(Padding::Same).activation(Activation::Relu))
//!     .push(MaxPool2d::new(2))
//!     .push(Flatten)
//!     .push(Linear::new(4 * 4 * 8, 10, &init.child("3")));
//! println!("{}", summary(&model, [32, 8, 8, 1])?);
//!
//! let (x, classes) = (Tensor::uniform([32, 8, 8, 1], 0.0, 1.0, &Stream::new(1, "data")), vec![3; 32]);
//! let mut losses = Vec::new();
//! for step in 0..5 {
//!     let logits = model.forward(&x, &mut Context::train(42).at_step(step));
//!     let loss = CrossEntropy::new().loss(&logits, &classes)?;
//!     let grads = loss.backward();
//!     model.for_each_param_mut(&mut |_name, param| {
//!         if let Some(grad) = grads.get(param) {
//!             for (w, g) in param.data_mut().iter_mut().zip(grad.data()) {
//!                 *w -= 0.1 * g;
//!             }
//!         }
//!     });
//!     losses.push(loss.item());
//! }
//! assert!(losses[4] < losses[0]);
//! # Ok::<(), purlin_core::Error>(())
//! ```
//!
//! # Map
//!
//! | module | what it holds |
//! |---|---|
//! | [`Module`], [`Forward`], [`Param`], [`Buffer`] | what a layer is |
//! | [`Context`] | training or evaluation, and the random streams of a pass |
//! | [`layers`] | linear, convolution, pooling, normalisation, dropout, activations; embeddings, recurrent layers, attention |
//! | [`blocks`] | the residual blocks, squeeze and excitation, the depthwise separable convolution |
//! | [`models`] | `ResNet`, `VisionTransformer`; autoencoders, plain and variational |
//! | [`Sequential`], [`summary`] | layers one after another; the table of a model |
//! | [`decode`] | sequences from models that score the next symbol |
//! | [`losses`] | what training minimises |
//! | [`Init`] | how a weight begins |
//! | [`schedule`] | the learning rate as a function of the step |
//! | [`metrics`] | how good the predictions are, batch by batch |
//! | [`optim`] | SGD, Adam and their relatives; parameter groups, clipping |
//! | [`trainer`] | `fit`, `evaluate`, `predict` |
//! | [`gan`] | two networks against each other: losses, penalty, training, labels |
//! | [`callbacks`] | early stopping, targets, best weights, logs, progress |
//! | [`checkpoint`] | going on where a run stopped, to the bit |
//! | [`weights`] | safetensors files, partial loading, import from PyTorch |
//!
//! # Conventions
//!
//! - Images are `(batch, height, width, channels)`, sequences `(batch, length, channels)`.
//! - A linear weight is `(in_features, out_features)`, a convolution weight
//!   `(kernel_h, kernel_w, in_channels / groups, out_channels)`.
//! - Layers begin as PyTorch's do; Keras's choice is
//!   `.init(Init::XavierUniform).bias_init(Init::Zeros)`.
//! - Constructors panic on sizes that cannot be: a network is written in code. What comes from
//!   data (shapes of inputs, targets, files) gives an [`Error`].
//! - The same seed gives the same bits on any number of threads and any instruction set.

extern crate self as purlin_nn; // so that the derive's paths hold in here, too

pub mod blocks;
pub mod callbacks;
pub mod checkpoint;
mod context;
pub mod decode;
mod exact;
pub mod gan;
pub mod init;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod models;
mod module;
pub mod optim;
mod param;
pub mod schedule;
mod sequential;
mod summary;
pub mod trainer;
pub mod weights;

pub use context::Context;
pub use init::Init;
pub use module::{Child, Forward, Module, Path, Visitor, VisitorMut};
pub use param::{Buffer, Param};
pub use purlin_core::rng::Stream;
pub use purlin_core::{Error, Real, Result, Shape};
pub use purlin_nn_derive::Module;
pub use purlin_tensor::{Activation, Gradients, Tensor, no_grad};
pub use sequential::Sequential;
pub use summary::{Summary, SummaryRow, summary};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../purlin-nn-derive/README.md")]
struct ReadmeOfTheDerive;
