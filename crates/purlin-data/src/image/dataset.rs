//! Pictures with classes, behind a pipeline.

use super::{Image, Pipeline, View};
use crate::{Array, ArrayData, Dataset, Label, TargetKind};
use purlin_core::rng::Rng;
use purlin_core::{Error, Result, Shape};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pictures with a class each.
///
/// The pictures are shared: [`ImageDataset::training`] and [`ImageDataset::evaluation`] give the
/// same ones behind a pipeline, without copying.
///
/// # Examples
///
/// ```
/// use purlin_data::image::{Augment, Image, ImageDataset, Pipeline};
/// use purlin_data::{Dataset, Loader};
///
/// let images = (0..6).map(|i| Image::new(4, 4, 1, vec![i * 40; 16])).collect::<Result<_, _>>()?;
/// let images = ImageDataset::new(images, vec![0, 0, 0, 1, 1, 1])?;
///
/// let pipeline = Pipeline::new().augment(Augment::classic()).rescale(1.0 / 255.0);
/// let train = images.training(&pipeline)?;
/// assert_eq!(train.sample_shape().dims(), [4, 4, 1]);
/// let batch = Loader::new(train).batch_size(4).shuffle(1).epoch(0).next().unwrap()?;
/// assert_eq!(batch.x.dims(), [4, 4, 4, 1]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Clone)]
pub struct ImageDataset {
    source: Arc<dyn Source>,
    labels: Arc<[usize]>,
    class_names: Arc<[String]>,
    n_classes: usize,
    pipeline: Pipeline,
    is_training: bool,
    shape: Shape,
    skipped: Arc<[SkippedFile]>,
}

/// A file or class folder that was left out; see `Broken::Skip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Where pictures come from.
pub(super) trait Source: Send + Sync {
    /// Hands picture `index` to `f`.
    fn with(&self, index: usize, f: &mut dyn FnMut(View<'_, u8>) -> Result<()>) -> Result<()>;

    /// What errors call picture `index`.
    fn name(&self, index: usize) -> Cow<'_, str> {
        format!("image {index}").into()
    }
}

impl Source for Vec<Image> {
    fn with(&self, index: usize, f: &mut dyn FnMut(View<'_, u8>) -> Result<()>) -> Result<()> {
        f(self[index].view())
    }
}

/// Equally large pictures in one block.
struct Packed {
    height: usize,
    width: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Source for Packed {
    fn with(&self, index: usize, f: &mut dyn FnMut(View<'_, u8>) -> Result<()>) -> Result<()> {
        let Self { height, width, channels, ref data } = *self;
        let n = height * width * channels;
        f(View { height, width, channels, data: &data[index * n..][..n] })
    }
}

impl ImageDataset {
    /// Pictures in memory and their classes. The number of classes is the largest class and one
    /// more, or what [`ImageDataset::with_class_names`] says.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: not one class per picture. [`Error::TooFewSamples`]: no pictures.
    pub fn new(images: Vec<Image>, labels: Vec<usize>) -> Result<Self> {
        if images.len() != labels.len() {
            let expected = format!("{} labels", images.len());
            return Err(Error::shape("image_dataset", expected, labels.len()));
        }
        Self::from_source(Arc::new(images), labels)
    }

    /// Pictures of a byte array, `(n, height, width)` or `(n, height, width, channels)`, as IDX
    /// files hold them.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: another shape or type, or not one class per picture.
    /// [`Error::TooFewSamples`]: no pictures.
    pub fn from_array(images: Array, labels: Vec<usize>) -> Result<Self> {
        let (shape, data) = images.into_parts();
        let (height, width, channels) = match shape[..] {
            [_, h, w] => (h, w, 1),
            [_, h, w, c] => (h, w, c),
            _ => {
                let expected = "(n, height, width) or (n, height, width, channels)";
                return Err(Error::shape("image_dataset", expected, shape));
            }
        };
        let ArrayData::U8(data) = data else {
            return Err(Error::shape("image_dataset", "u8 numbers", data.type_name()));
        };
        if shape[0] != labels.len() {
            let expected = format!("{} labels", shape[0]);
            return Err(Error::shape("image_dataset", expected, labels.len()));
        }
        if data.is_empty() {
            return Err(Error::TooFewSamples { op: "image_dataset", expected: 1, got: 0 });
        }
        Self::from_source(Arc::new(Packed { height, width, channels, data }), labels)
    }

    /// Pictures of an IDX file and their classes of another, gzipped or not: MNIST and its kin.
    ///
    /// # Errors
    ///
    /// As [`crate::idx::read`] and [`ImageDataset::from_array`].
    pub fn from_idx(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        Self::from_array(crate::idx::read(images)?, crate::idx::read(labels)?.to_labels()?)
    }

    pub(super) fn from_source(source: Arc<dyn Source>, labels: Vec<usize>) -> Result<Self> {
        let Some(most) = labels.iter().max() else {
            return Err(Error::TooFewSamples { op: "image_dataset", expected: 1, got: 0 });
        };
        let n_classes = most + 1;
        let mut dataset = Self {
            source,
            labels: labels.into(),
            class_names: Arc::new([]),
            n_classes,
            pipeline: Pipeline::new(),
            is_training: false,
            shape: Shape::SCALAR,
            skipped: Arc::new([]),
        };
        dataset.shape = dataset.shape_behind(&Pipeline::new())?;
        Ok(dataset)
    }

    /// Names the classes, which also says how many there are.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: fewer names than classes.
    pub fn with_class_names(mut self, names: &[impl AsRef<str>]) -> Result<Self> {
        if names.len() < self.n_classes {
            let rule = format!("below {}", names.len());
            return Err(Error::param("image_dataset", "labels", rule, self.n_classes - 1));
        }
        self.n_classes = names.len();
        self.class_names = names.iter().map(|name| name.as_ref().to_owned()).collect();
        Ok(self)
    }

    #[cfg(feature = "image")]
    pub(super) fn with_skipped(mut self, skipped: Vec<SkippedFile>) -> Self {
        self.skipped = skipped.into();
        self
    }

    /// Files that were left out when a folder was opened.
    pub fn skipped(&self) -> &[SkippedFile] {
        &self.skipped
    }

    /// The same pictures behind all steps of `pipeline`, random ones included.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::output_shape`], asked for the first picture.
    pub fn training(&self, pipeline: &Pipeline) -> Result<Self> {
        self.behind(pipeline, true)
    }

    /// The same pictures behind the evaluation part of `pipeline`.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::output_shape`], asked for the first picture.
    pub fn evaluation(&self, pipeline: &Pipeline) -> Result<Self> {
        self.behind(pipeline, false)
    }

    fn behind(&self, pipeline: &Pipeline, is_training: bool) -> Result<Self> {
        let shape = self.shape_behind(pipeline)?;
        Ok(Self { pipeline: pipeline.clone(), is_training, shape, ..self.clone() })
    }

    fn shape_behind(&self, pipeline: &Pipeline) -> Result<Shape> {
        let mut shape = Shape::SCALAR;
        self.source.with(0, &mut |image| {
            shape = pipeline.output_shape(image.height, image.width, image.channels)?;
            Ok(())
        })?;
        Ok(shape)
    }

    /// The steps in front of which the pictures lie.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Picture `index`, before the pipeline.
    ///
    /// # Errors
    ///
    /// The file cannot be read or decoded.
    ///
    /// # Panics
    ///
    /// When `index` is not below the number of pictures.
    pub fn image(&self, index: usize) -> Result<Image> {
        let mut copy = None;
        self.source.with(index, &mut |image| {
            let View { height, width, channels, data } = image;
            copy = Some(Image { height, width, channels, data: data.to_vec() });
            Ok(())
        })?;
        copy.ok_or_else(|| Error::shape("image_dataset", "a picture", "none"))
    }

    /// What errors call picture `index`: its path, where it has one.
    pub fn name(&self, index: usize) -> String {
        self.source.name(index).into_owned()
    }
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn sample_shape(&self) -> Shape {
        self.shape
    }

    fn target(&self) -> TargetKind {
        TargetKind::Classes(self.n_classes)
    }

    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        let mut rng = self.is_training.then_some(rng);
        self.source.with(index, &mut |image| {
            let View { height, width, channels, .. } = image;
            let shape = self.pipeline.output_shape(height, width, channels)?;
            if shape != self.shape {
                let expected = format!(
                    "all pictures as {} behind the pipeline (add a resize step)",
                    self.shape
                );
                let got = format!("{shape} from {}", self.source.name(index));
                return Err(Error::shape("image_dataset", expected, got));
            }
            self.pipeline.run(image, rng.as_deref_mut(), out)
        })?;
        Ok(Label::Class(self.labels[index]))
    }

    fn labels(&self) -> Option<Vec<usize>> {
        Some(self.labels.to_vec())
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }
}

impl fmt::Debug for ImageDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageDataset")
            .field("n_samples", &self.labels.len())
            .field("n_classes", &self.n_classes)
            .field("shape", &self.shape)
            .field("is_training", &self.is_training)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loader;

    #[test]
    fn pictures_of_different_sizes_need_a_resize() {
        let images = vec![
            Image::new(2, 2, 1, vec![1; 4]).unwrap(),
            Image::new(2, 3, 1, vec![2; 6]).unwrap(),
        ];
        let images = ImageDataset::new(images, vec![0, 1]).unwrap();
        let text = Loader::new(images.clone()).all().unwrap_err().to_string();
        assert_eq!(
            text,
            "image_dataset: expected all pictures as (2, 2, 1) behind the pipeline (add a resize step), \
             got (2, 3, 1) from image 1"
        );
        let fitting = images.evaluation(&Pipeline::new().resize(2, 2)).unwrap();
        let x = Loader::new(fitting).all().unwrap().x;
        assert_eq!(x.data(), [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
        assert_eq!(images.image(1).unwrap().data(), [2; 6]);
    }

    #[test]
    fn arrays_of_bytes_are_pictures() {
        let array = Array::new([2, 2, 2], ArrayData::U8((0..8).collect())).unwrap();
        let images = ImageDataset::from_array(array.clone(), vec![1, 0]).unwrap();
        assert_eq!(images.sample_shape().dims(), [2, 2, 1]);
        assert_eq!(Loader::new(images).all().unwrap().x.data()[4..], [4.0, 5.0, 6.0, 7.0]);
        assert!(ImageDataset::from_array(array, vec![1]).is_err());
        let floats = Array::new([1, 1, 1], ArrayData::F32(vec![0.0])).unwrap();
        let text = ImageDataset::from_array(floats, vec![0]).unwrap_err().to_string();
        assert_eq!(text, "image_dataset: expected u8 numbers, got f32");
        assert!(ImageDataset::new(vec![], vec![]).is_err());
    }
}
