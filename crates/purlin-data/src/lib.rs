//! Data sets, image folders, CSV/IDX/NPY readers, augmentation and batching, reproducible with any
//! number of workers. Pure Rust.
//!
//! ```
//! use purlin_data::image::{Augment, Pipeline};
//! use purlin_data::{Dataset, Loader, sets, stratified_split};
//!
//! // 1,797 handwritten digits, embedded; 70 % of each class for training.
//! let digits = sets::digits_images();
//! let pipeline = Pipeline::new()
//!     .augment(Augment::new().rotation_range(10.0).width_shift_range(0.1).height_shift_range(0.1))
//!     .rescale(1.0 / 255.0);
//! let train = stratified_split(digits.training(&pipeline)?, &[0.7, 0.3], 42)?.swap_remove(0);
//! let validation = stratified_split(digits.evaluation(&pipeline)?, &[0.7, 0.3], 42)?.swap_remove(1);
//! assert_eq!((train.len(), validation.len()), (1258, 539));
//!
//! // The same batches with any number of workers.
//! let loader = Loader::new(train).batch_size(32).shuffle(42);
//! let inline = loader.epoch(0).next().unwrap()?;
//! let threaded = loader.clone().workers(2).epoch(0).next().unwrap()?;
//! assert_eq!(inline.x.dims(), [32, 8, 8, 1]);
//! assert_eq!((inline.x.data(), inline.y.classes()), (threaded.x.data(), threaded.y.classes()));
//! # Ok::<(), purlin_data::Error>(())
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`Dataset`], [`Loader`], [`Batch`] | samples; batches in a seeded order, made ahead by worker threads |
//! | [`MemoryDataset`], [`Subset`], [`Map`], [`Concat`] | data sets in memory and made of others |
//! | [`split()`], [`stratified_split`], [`class_weights`] | training and validation parts, weights of rare classes |
//! | [`image`] | decoding, augmentation in one affine warp, the pipeline that is saved with a model, `ImageFolder` |
//! | [`StandardScaler`], [`MinMaxScaler`] | fitted scaling of features and channels |
//! | [`idx`], [`npy`], `npz`, `csv`, [`text`] | readers; a damaged file is an error with file, byte offset and reason |
//! | [`generate`] | blobs, moons, circles, spirals, swiss roll, linear relations |
//! | [`sets`] | digits, iris, wine, breast cancer, diabetes, embedded |
//!
//! | feature (all on by default) | what it adds |
//! |---|---|
//! | `image` | JPEG and PNG files: `Image::open`, `ImageFolder`, writing PNG |
//! | `csv` | `csv`: tables from CSV files |
//! | `npz` | `npz`: archives of NPY files (NPY alone needs nothing) |
//!
//! Rules that hold everywhere:
//!
//! - The order of an epoch is drawn from (seed, epoch), what happens to a sample from (seed, epoch,
//!   sample index). Workers change the time, not the batches; `Loader::epoch_from` goes on in the
//!   middle of an epoch with the same bits.
//! - Pictures are `(height, width, channels)`, their values 0 to 255 until a pipeline rescales them.
//! - Lengths in files are checked before memory is taken. What is broken is an error, or, where you
//!   say so, left out and counted.
//! - Resampling is integer coordinates and plain arithmetic: the same bits on every instruction set.
//!   JPEG files are decoded in integers by the `image` crate, whose AVX2 and plain paths gave the
//!   same bytes for all of 1,322 files tried.
//!
//! The embedded sets come from scikit-learn (BSD-3-Clause); `data/NOTICE` names their origins and holds
//! the licence.

mod adapters;
mod array;
#[cfg(feature = "csv")]
pub mod csv;
mod dataset;
pub mod generate;
pub mod idx;
pub mod image;
mod loader;
mod memory;
pub mod npy;
#[cfg(feature = "npz")]
pub mod npz;
mod scale;
pub mod sets;
mod source;
mod split;
pub mod text;

pub use adapters::{Concat, Map, Subset};
pub use array::{Array, ArrayData};
pub use dataset::{Dataset, Label, TargetKind};
pub use generate::{blobs, circles, linear, moons, regression, spirals, swiss_roll};
#[cfg(feature = "image")]
pub use image::ImageFolder;
pub use image::{Augment, Image, ImageDataset, Pipeline};
pub use loader::{Batch, Epoch, Loader, Targets};
pub use memory::MemoryDataset;
pub use purlin_core::{Error, Result};
pub use scale::{MinMaxScaler, StandardScaler};
pub use split::{class_weights, split, split_indices, stratified_indices, stratified_split};
