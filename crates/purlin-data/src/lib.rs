#![doc = include_str!("../README.md")]

mod adapters;
mod array;
pub mod cifar;
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
pub mod series;
pub mod sets;
mod source;
mod split;
pub mod text;

pub use adapters::{Concat, Map, Subset};
pub use array::{Array, ArrayData};
pub use dataset::{Dataset, Label, TargetKind};
pub use generate::{
    blobs, circles, grid_centers, linear, moons, regression, ring_centers, spirals, swiss_roll,
};
#[cfg(feature = "image")]
pub use image::ImageFolder;
pub use image::{Augment, Image, ImageDataset, Pipeline};
pub use loader::{Batch, Epoch, Loader, Targets};
pub use memory::MemoryDataset;
pub use purlin_core::{Error, Result};
pub use scale::{MinMaxScaler, StandardScaler};
pub use split::{class_weights, split, split_indices, stratified_indices, stratified_split};
