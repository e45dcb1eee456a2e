//! Weights in files: safetensors with documented names and layouts.
//!
//! A file holds one tensor per parameter and buffer, under the dotted names of the module tree
//! (`conv1.weight`, `norm.running_mean`), in the order of the walk, in the number type of the
//! model, little-endian and row-major. Layouts are those of the layers: linear weights
//! `(in_features, out_features)`, convolutions `(kernel_h, kernel_w, in_channels / groups,
//! out_channels)`. [`ModelInfo`] stores what belongs to them: the architecture, class names,
//! preprocessing. The same model gives the same bytes.
//!
//! Files are written beside their place, synced and renamed, so a reader never sees half a file.
//! They carry a checksum over every byte. A damaged file is an error, never a panic and never a
//! wrong number.
//!
//! | function | what it does |
//! |---|---|
//! | [`save`], [`save_with`] | writes the weights of a model, with [`ModelInfo`]; they must be finite |
//! | [`save_non_finite`] | writes them whatever they are |
//! | [`load`] | reads them back; every name and shape must fit |
//! | [`LoadOptions`] | partial loading, renaming, choosing; gives a [`LoadReport`] |
//! | [`PyTorch`] | reads a PyTorch state dict: renaming and layouts |
//! | [`TensorFile`], [`TensorWriter`] | the container itself |
//!
//! # Examples
//!
//! ```
//! use purlin_core::rng::Stream;
//! use purlin_nn::weights::{self, ModelInfo};
//! use purlin_nn::{Module, layers::Linear};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.safetensors");
//! let model: Linear = Linear::new(4, 2, &Stream::new(1, "init"));
//! weights::save_with(&model, &ModelInfo::new("line").class_names(["cat", "dog"]), &path)?;
//!
//! let mut other: Linear = Linear::new(4, 2, &Stream::new(2, "init"));
//! let info = weights::load(&mut other, &path)?;
//! assert_eq!(other.weight.to_vec(), model.weight.to_vec());
//! assert_eq!(info.class_names, ["cat", "dog"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod atomic;
mod format;
mod info;
mod load;
mod pytorch;
mod pytorch_modules;

pub use format::{TensorFile, TensorWriter};
pub use info::ModelInfo;
pub use load::{LoadOptions, LoadReport, ShapeMismatch, load, load_state_dict};
pub use pytorch::{Layout, PyTorch};

use crate::{Buffer, Module, Param, Visitor};
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;
use std::path::Path;

/// Names and values of all parameters and buffers, in the order of the walk. Values share storage
/// and stay what they are when the model trains on.
pub fn state_dict<T: Real>(model: &(impl Module<T> + ?Sized)) -> Vec<(String, Tensor<T>)> {
    struct Collect<T: Real>(Vec<(String, Tensor<T>)>);
    impl<T: Real> Visitor<T> for Collect<T> {
        fn param(&mut self, name: &str, param: &Param<T>) {
            self.0.push((name.to_owned(), param.detach()));
        }
        fn buffer(&mut self, name: &str, buffer: &Buffer<T>) {
            self.0.push((name.to_owned(), buffer.get()));
        }
    }
    let mut collect = Collect(Vec::new());
    model.visit(&mut collect);
    collect.0
}

/// Writes the weights of a model.
///
/// # Errors
///
/// [`Error::InvalidParam`] when a weight is NaN or an infinity (the text names it, and the file
/// that is there stays), or when two parameters share a name; [`Error::Io`] when the system refuses.
pub fn save<T: Real>(model: &(impl Module<T> + ?Sized), path: impl AsRef<Path>) -> Result<()> {
    save_with(model, &ModelInfo::default(), path)
}

/// Writes the weights of a model and what belongs to them.
///
/// # Errors
///
/// As [`save`], and [`Error::InvalidParam`] when a further entry of `info` has a key that is taken.
pub fn save_with<T: Real>(
    model: &(impl Module<T> + ?Sized),
    info: &ModelInfo,
    path: impl AsRef<Path>,
) -> Result<()> {
    let state = state_dict(model);
    check_finite("save", &state)?;
    write(&state, info, path.as_ref())
}

/// As [`save_with`], for weights that may be NaN or infinite: a mask of negative infinities, or a
/// broken model to look at.
///
/// # Errors
///
/// As [`save_with`], apart from the finite numbers.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::weights::{self, ModelInfo};
/// use purlin_tensor::Tensor;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("mask.safetensors");
/// let mut mask: Param = Param::new(Tensor::from([0.0, f32::NEG_INFINITY]));
/// assert!(weights::save(&mask, &path).is_err());
/// weights::save_non_finite(&mask, &ModelInfo::default(), &path)?;
/// mask.data_mut().fill(1.0);
/// weights::load(&mut mask, &path)?;
/// assert_eq!(mask.to_vec(), [0.0, f32::NEG_INFINITY]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_non_finite<T: Real>(
    model: &(impl Module<T> + ?Sized),
    info: &ModelInfo,
    path: impl AsRef<Path>,
) -> Result<()> {
    write(&state_dict(model), info, path.as_ref())
}

fn write<T: Real>(state: &[(String, Tensor<T>)], info: &ModelInfo, path: &Path) -> Result<()> {
    let mut writer = TensorWriter::new();
    for (name, tensor) in state {
        writer.tensor(name, tensor)?;
    }
    info.write(&mut writer)?;
    writer.save(path)
}

/// An error that names the first weight that is NaN or an infinity.
pub(crate) fn check_finite<T: Real>(op: &'static str, state: &[(String, Tensor<T>)]) -> Result<()> {
    for (name, tensor) in state {
        if let Some(x) = tensor.data().iter().find(|x| !x.is_finite()) {
            // A model that is one parameter has no name for it.
            let of = if name.is_empty() { String::new() } else { format!(" in {name}") };
            return Err(Error::param(op, "weights", "finite", format!("{x}{of}")));
        }
    }
    Ok(())
}
