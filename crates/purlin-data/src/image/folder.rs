//! Folders of pictures, one per class.

use super::dataset::Source;
use super::{ColorMode, Image, ImageDataset, Resize, SkippedFile, View};
use purlin_core::{Error, Result};
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What happens to a file that cannot be decoded, or a class without pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Broken {
    /// An error that names it.
    #[default]
    Error,
    /// It is left out and listed in [`ImageDataset::skipped`]. All files are decoded once when
    /// the folder is opened, so that the number of samples is known. A class without pictures
    /// keeps its index.
    Skip,
}

/// A folder with one folder of pictures per class: `<class>/*.{jpg,jpeg,png}`.
///
/// Classes are the folders in alphabetical order, samples the files of each in alphabetical
/// order. Hidden files and folders (`.name`) and files with other endings are ignored, and so are
/// folders within a class.
///
/// # Examples
///
/// ```
/// use purlin_data::image::{ImageFolder, Pipeline};
/// use purlin_data::{Dataset, sets};
///
/// let folder = tempfile::tempdir()?;
/// sets::write_digits_folder(folder.path())?;
///
/// let train = ImageFolder::new(folder.path().join("train")).grayscale().cached(true).open()?;
/// let validation = ImageFolder::new(folder.path().join("validation"))
///     .grayscale()
///     .classes(train.class_names())
///     .open()?;
/// let pipeline = Pipeline::new().rescale(1.0 / 255.0);
/// assert_eq!(train.training(&pipeline)?.sample_shape().dims(), [8, 8, 1]);
/// assert_eq!(train.len() + validation.len(), 1797);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read until `open` is called"]
pub struct ImageFolder {
    path: PathBuf,
    color: ColorMode,
    broken: Broken,
    classes: Option<Vec<String>>,
    resize: Option<Resize>,
    is_cached: bool,
}

impl ImageFolder {
    /// The folder that holds the class folders, e.g. `data/train`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            color: ColorMode::Rgb,
            broken: Broken::Error,
            classes: None,
            resize: None,
            is_cached: false,
        }
    }

    /// Decodes to one channel instead of three.
    pub fn grayscale(self) -> Self {
        self.color(ColorMode::Grayscale)
    }

    /// What pictures are decoded to.
    pub fn color(mut self, color: ColorMode) -> Self {
        self.color = color;
        self
    }

    /// What happens to files that cannot be decoded.
    pub fn broken(mut self, broken: Broken) -> Self {
        self.broken = broken;
        self
    }

    /// Insists on these classes, in this order: those of the training folder, for the others.
    pub fn classes(mut self, names: &[String]) -> Self {
        self.classes = Some(names.to_vec());
        self
    }

    /// Resizes each picture right after decoding, rounded to bytes: less memory when cached.
    pub fn resized(mut self, resize: Resize) -> Self {
        self.resize = Some(resize);
        self
    }

    /// Decodes all pictures when the folder is opened and keeps them in memory, instead of
    /// decoding them each time. Which of the two does not change a bit.
    pub fn cached(mut self, is_cached: bool) -> Self {
        self.is_cached = is_cached;
        self
    }

    /// Lists the files, and decodes them where the settings ask for it.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`]: a folder cannot be listed, a file cannot be read.
    /// - [`Error::UnsupportedFile`]: no class folders, classes other than those insisted on, a
    ///   class without pictures.
    /// - Those of [`Image::open`], when files are decoded here and [`Broken::Error`] holds; the
    ///   first file is decoded always.
    pub fn open(&self) -> Result<ImageDataset> {
        if let Some(resize) = &self.resize {
            resize.check()?;
        }
        let classes = self.list_classes()?;
        let mut skipped = Vec::new();
        let mut paths = Vec::new();
        let mut labels = Vec::new();
        for (label, class) in classes.iter().enumerate() {
            let folder = self.path.join(class);
            let files = if folder.is_dir() {
                list(&folder, |path| path.is_file() && is_picture(path))?
            } else {
                Vec::new()
            };
            if files.is_empty() {
                let reason =
                    "expected at least one .jpg, .jpeg or .png file in the class folder, got none";
                match self.broken {
                    Broken::Error => return Err(Error::unsupported(OP, folder, reason)),
                    Broken::Skip => {
                        skipped.push(SkippedFile { path: folder, reason: reason.into() });
                    }
                }
            }
            labels.extend(std::iter::repeat_n(label, files.len()));
            paths.extend(files);
        }
        let decoder = Decoder { color: self.color, resize: self.resize };
        let mut images = Vec::new();
        if self.is_cached || self.broken == Broken::Skip {
            let keep = self.is_cached;
            let decoded: Vec<Result<Option<Image>>> = paths
                .par_iter()
                .map(|path| decoder.open(path).map(|image| keep.then_some(image)))
                .collect();
            let all = std::mem::take(&mut paths).into_iter().zip(std::mem::take(&mut labels));
            for ((path, label), decoded) in all.zip(decoded) {
                match (decoded, self.broken) {
                    (Ok(image), _) => {
                        images.extend(image);
                        paths.push(path);
                        labels.push(label);
                    }
                    (Err(error), Broken::Error) => return Err(error),
                    (Err(error), Broken::Skip) => {
                        skipped.push(SkippedFile { path, reason: error.to_string() });
                    }
                }
            }
        }
        if paths.is_empty() {
            let reason = format!("expected pictures, got none ({} skipped)", skipped.len());
            return Err(Error::unsupported(OP, &self.path, reason));
        }
        let images = self.is_cached.then_some(images);
        let files = Files { paths, decoder, images };
        ImageDataset::from_source(Arc::new(files), labels)?
            .with_skipped(skipped)
            .with_class_names(&classes)
    }

    fn list_classes(&self) -> Result<Vec<String>> {
        let folders = list(&self.path, Path::is_dir)?;
        let found: Vec<String> = folders.iter().map(|path| file_name(path).into_owned()).collect();
        match &self.classes {
            Some(expected) => match found.iter().find(|name| !expected.contains(name)) {
                Some(other) => {
                    let reason = format!("expected classes {expected:?}, got {other:?} as well");
                    Err(Error::unsupported(OP, &self.path, reason))
                }
                None => match expected.iter().find(|name| !found.contains(name)) {
                    Some(missing) if self.broken == Broken::Error => {
                        let reason = format!("expected a class folder {missing:?}, got {found:?}");
                        Err(Error::unsupported(OP, &self.path, reason))
                    }
                    _ => Ok(expected.clone()),
                },
            },
            None if found.is_empty() => {
                let reason = "expected one folder per class, got none";
                Err(Error::unsupported(OP, &self.path, reason))
            }
            None => Ok(found),
        }
    }
}

const OP: &str = "image_folder";

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["jpg", "jpeg", "png"].iter().any(|known| ending == *known)
}

/// The entries of a folder that are not hidden and pass, in alphabetical order.
fn list(folder: &Path, passes: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let io = |e| Error::io(OP, folder, e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if !file_name(&path).starts_with('.') && passes(&path) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

struct Decoder {
    color: ColorMode,
    resize: Option<Resize>,
}

impl Decoder {
    fn open(&self, path: &Path) -> Result<Image> {
        let image = Image::open(path, self.color)?;
        match self.resize {
            Some(resize) => resize.apply(&image),
            None => Ok(image),
        }
    }
}

/// Files on disk, and their pictures if they are kept.
struct Files {
    paths: Vec<PathBuf>,
    decoder: Decoder,
    images: Option<Vec<Image>>,
}

impl Source for Files {
    fn with(&self, index: usize, f: &mut dyn FnMut(View<'_, u8>) -> Result<()>) -> Result<()> {
        match &self.images {
            Some(images) => f(images[index].view()),
            None => f(self.decoder.open(&self.paths[index])?.view()),
        }
    }

    fn name(&self, index: usize) -> Cow<'_, str> {
        self.paths[index].to_string_lossy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Augment, Pipeline};
    use crate::{Dataset, Loader};

    fn write(folder: &Path, name: &str, value: u8) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        Image::new(4, 6, 3, vec![value; 72]).unwrap().write_png(path).unwrap();
    }

    fn sample() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [("cat/b.png", 20), ("cat/a.PNG", 10), ("ant/x.png", 30)] {
            write(folder.path(), name, value);
        }
        write(folder.path(), "cat/.hidden.png", 0);
        write(folder.path(), "cat/inner/c.png", 0);
        write(folder.path(), ".git/c.png", 0);
        std::fs::write(folder.path().join("cat/notes.txt"), "no picture").unwrap();
        std::fs::write(folder.path().join("README"), "no class").unwrap();
        folder
    }

    #[test]
    fn classes_and_files_in_alphabetical_order() {
        let folder = sample();
        for is_cached in [false, true] {
            let images = ImageFolder::new(folder.path()).cached(is_cached).open().unwrap();
            assert_eq!(images.class_names(), ["ant", "cat"]);
            assert_eq!(images.labels(), Some(vec![0, 1, 1]));
            let all = Loader::new(images.clone()).all().unwrap();
            assert_eq!(all.x.dims(), [3, 4, 6, 3]);
            let first: Vec<f32> = (0..3).map(|i| all.x.data()[i * 72]).collect();
            assert_eq!(first, [30.0, 10.0, 20.0]);
            assert!(images.name(1).ends_with("a.PNG"));
            assert!(images.skipped().is_empty());
        }
    }

    #[test]
    fn cached_or_not_the_batches_are_the_same() {
        let folder = sample();
        let pipeline = Pipeline::new().augment(Augment::classic()).rescale(1.0 / 255.0);
        let batches: Vec<Vec<f32>> = [false, true]
            .iter()
            .map(|&is_cached| {
                let images = ImageFolder::new(folder.path())
                    .cached(is_cached)
                    .resized(Resize::to(5, 5))
                    .open()
                    .unwrap();
                let train = images.training(&pipeline).unwrap();
                let loader = Loader::new(train).shuffle(3).batch_size(3);
                loader.epoch(1).next().unwrap().unwrap().x.to_vec()
            })
            .collect();
        assert_eq!(batches[0], batches[1]);
    }

    #[test]
    fn a_broken_picture_is_an_error_or_skipped_and_counted() {
        let folder = sample();
        let bad = folder.path().join("cat/aa.png");
        let whole = std::fs::read(folder.path().join("cat/b.png")).unwrap();
        std::fs::write(&bad, &whole[..whole.len() - 20]).unwrap();

        let open = |f: ImageFolder| f.open().unwrap_err().to_string();
        let text = open(ImageFolder::new(folder.path()).cached(true));
        assert!(text.contains("aa.png at byte") && text.contains("file ends within"), "{text}");
        // Lazily, the batch that holds it fails and the others do not.
        let images = ImageFolder::new(folder.path()).open().unwrap();
        let results: Vec<_> = Loader::new(images).batch_size(1).epoch(0).collect();
        assert!(results.iter().enumerate().all(|(i, r)| r.is_ok() == (i != 2)));
        for is_cached in [false, true] {
            let images = ImageFolder::new(folder.path())
                .cached(is_cached)
                .broken(Broken::Skip)
                .open()
                .unwrap();
            assert_eq!(images.len(), 3);
            assert_eq!(images.skipped().len(), 1);
            assert_eq!(images.skipped()[0].path, bad);
            assert!(Loader::new(images).all().is_ok());
        }
    }

    #[test]
    fn empty_classes_and_folders() {
        let folder = sample();
        std::fs::create_dir(folder.path().join("bee")).unwrap();
        let text = ImageFolder::new(folder.path()).open().unwrap_err().to_string();
        assert!(text.starts_with("image_folder: unsupported file"), "{text}");
        assert!(text.contains("bee: expected at least one .jpg, .jpeg or .png file"), "{text}");
        let images = ImageFolder::new(folder.path()).broken(Broken::Skip).open().unwrap();
        assert_eq!(images.class_names(), ["ant", "bee", "cat"]);
        assert_eq!(images.labels(), Some(vec![0, 2, 2]));
        assert_eq!(images.skipped().len(), 1);

        let empty = tempfile::tempdir().unwrap();
        let text = ImageFolder::new(empty.path()).open().unwrap_err().to_string();
        assert!(text.ends_with("expected one folder per class, got none"), "{text}");
        let missing = ImageFolder::new(empty.path().join("no")).open().unwrap_err();
        assert!(matches!(missing, Error::Io { .. }));
    }

    #[test]
    fn other_classes_than_the_training_folders_are_refused() {
        let folder = sample();
        let classes = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&n| n.into()).collect();
            ImageFolder::new(folder.path()).classes(&names).open()
        };
        assert_eq!(classes(&["cat", "ant"]).unwrap().labels(), Some(vec![0, 0, 1]));
        let text = classes(&["ant"]).unwrap_err().to_string();
        assert!(text.ends_with(r#"expected classes ["ant"], got "cat" as well"#), "{text}");
        let text = classes(&["ant", "cat", "dog"]).unwrap_err().to_string();
        assert!(text.contains(r#"expected a class folder "dog""#), "{text}");
    }
}
