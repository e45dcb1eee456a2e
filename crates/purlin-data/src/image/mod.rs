//! Pictures: decoding, augmentation, the pipeline from bytes to a network's input.
//!
//! | item | what it is |
//! |---|---|
//! | [`Image`] | bytes, row by row, channels last |
//! | [`Pipeline`] | the steps from an image to numbers; saved with the model |
//! | [`Augment`] | Keras's random transformations, one resampling per image |
//! | [`ColorJitter`] | random brightness, contrast, saturation, hue |
//! | [`Resize`], [`RandomErasing`] | the other steps |
//! | [`ImageDataset`] | images with labels, behind a pipeline |
//! | `ImageFolder` | `<class>/*.{jpg,jpeg,png}` on disk (feature `image`) |
//!
//! Left out: blurring, and mixing pictures of a batch (mixup, cutmix).

#![allow(clippy::cast_possible_wrap, reason = "sizes of pictures are far below 2^31")]

mod affine;
mod augment;
mod color;
mod crop;
mod dataset;
#[cfg(feature = "image")]
mod decode;
mod erase;
#[cfg(feature = "image")]
mod folder;
mod pipeline;
mod resize;
#[cfg(feature = "image")]
mod structure;
mod warp;

pub use affine::Affine;
pub use augment::{Augment, Transform};
pub use color::ColorJitter;
pub use dataset::{ImageDataset, SkippedFile};
pub use erase::{Erase, RandomErasing};
#[cfg(feature = "image")]
pub use folder::{Broken, ImageFolder};

pub use pipeline::{Pipeline, Step};
pub use resize::{Filter, Resize};
pub use warp::FillMode;

use purlin_core::{Error, Result};

/// What a picture is decoded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum ColorMode {
    /// Three channels: red, green, blue. Grey pictures are repeated, transparency is dropped.
    #[default]
    Rgb,
    /// One channel: the luma of ITU-R 601, `0.299 R + 0.587 G + 0.114 B`.
    Grayscale,
}

impl ColorMode {
    /// 3 or 1.
    pub fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Grayscale => 1,
        }
    }
}

/// A picture of bytes, `(height, width, channels)`, row-major.
///
/// # Examples
///
/// ```
/// use purlin_data::image::Image;
///
/// let image = Image::new(1, 2, 3, vec![255, 0, 0, 0, 0, 255])?;
/// assert_eq!(image.pixel(0, 1), [0, 0, 255]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    height: usize,
    width: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Image {
    /// A picture from its bytes.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a size of 0.
    /// - [`Error::Shape`]: not `height * width * channels` bytes.
    pub fn new(height: usize, width: usize, channels: usize, data: Vec<u8>) -> Result<Self> {
        for (name, n) in [("height", height), ("width", width), ("channels", channels)] {
            if n == 0 {
                return Err(Error::param("image", name, "at least 1", 0));
            }
        }
        let n = height.checked_mul(width).and_then(|n| n.checked_mul(channels));
        if n != Some(data.len()) {
            let expected = format!("{height} x {width} x {channels} bytes");
            return Err(Error::shape("image", expected, format!("{} bytes", data.len())));
        }
        Ok(Self { height, width, channels, data })
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Numbers per pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The bytes, row by row, channels last.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes of one pixel.
    ///
    /// # Panics
    ///
    /// When `row` or `column` lies outside.
    #[track_caller]
    pub fn pixel(&self, row: usize, column: usize) -> &[u8] {
        assert!(
            row < self.height && column < self.width,
            "image: pixel must be in {} x {}, got row {row} and column {column}",
            self.height,
            self.width
        );
        &self.data[(row * self.width + column) * self.channels..][..self.channels]
    }

    /// The picture with each number rounded to the nearest byte (ties to even) and limited to
    /// 0..=255; NaN becomes 0. For looking at what a pipeline made, after undoing its scaling.
    ///
    /// # Errors
    ///
    /// As [`Image::new`].
    pub fn from_f32(height: usize, width: usize, channels: usize, data: &[f32]) -> Result<Self> {
        // A float-to-integer cast limits to the range and turns NaN into 0.
        let bytes = data.iter().map(|x| x.round_ties_even() as u8).collect();
        Self::new(height, width, channels, bytes)
    }

    pub(crate) fn view(&self) -> View<'_, u8> {
        let Self { height, width, channels, .. } = *self;
        View { height, width, channels, data: &self.data }
    }
}

/// A number of a picture.
pub(crate) trait Pixel: Copy + Send + Sync + 'static {
    fn value(self) -> f32;
}

impl Pixel for u8 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Pixel for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

/// A borrowed picture, `(height, width, channels)`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, P> {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) data: &'a [P],
}
