//! CIFAR-10 and CIFAR-100, the binary versions.
//!
//! A file is records of equal length: one label byte (CIFAR-10) or two (CIFAR-100: coarse, then
//! fine), then 1024 bytes each of red, green and blue, row by row. Gzipped files are recognised by
//! their content.
//!
//! Source: A. Krizhevsky, *Learning multiple layers of features from tiny images*, 2009, and the
//! section "Binary version" of the data set's page.

use crate::image::ImageDataset;
use crate::source::Source;
use crate::{Array, ArrayData};
use purlin_core::{Error, Result};
use std::path::Path;

/// The classes of CIFAR-10, by label.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Which of the two labels of a CIFAR-100 picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar100Label {
    /// One of 100 classes.
    Fine,
    /// One of 20 groups of classes.
    Coarse,
}

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;

/// Pictures of CIFAR-10, `(32, 32, 3)`, with [`CIFAR10_CLASSES`]: those of all files, in order
/// (`data_batch_1.bin` to `data_batch_5.bin` for training, `test_batch.bin`).
///
/// # Errors
///
/// - [`Error::Io`]: a file cannot be read.
/// - [`Error::CorruptFile`] with the byte offset: a length that is no whole number of records, a
///   label of 10 or above, a damaged gzip stream.
/// - [`Error::TooFewSamples`]: no files, or empty ones.
///
/// # Examples
///
/// ```
/// use purlin_data::{Dataset, cifar};
///
/// // One picture, a pure green cat.
/// let mut record = vec![3];
/// record.extend([[0u8; 1024], [255; 1024], [0; 1024]].concat());
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("data_batch_1.bin");
/// std::fs::write(&path, record)?;
///
/// let cats = cifar::cifar10(&[path])?;
/// assert_eq!(cats.sample_shape().dims(), [32, 32, 3]);
/// assert_eq!(cats.image(0)?.pixel(31, 31), [0, 255, 0]);
/// assert_eq!(cats.class_names()[cats.labels().unwrap()[0]], "cat");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cifar10(paths: &[impl AsRef<Path>]) -> Result<ImageDataset> {
    let mut records = Records::new(&[10], 0);
    for path in paths {
        records.read(Source::open("cifar", path.as_ref())?)?;
    }
    records.into_dataset()?.with_class_names(&CIFAR10_CLASSES)
}

/// Pictures of CIFAR-100, `(32, 32, 3)`, with one of their two labels: those of all files, in order
/// (`train.bin`, `test.bin`). Names come with
/// [`with_class_names`](ImageDataset::with_class_names), from `fine_label_names.txt` for example.
///
/// # Errors
///
/// As [`cifar10`]; labels are below 100 (fine) and 20 (coarse).
pub fn cifar100(paths: &[impl AsRef<Path>], label: Cifar100Label) -> Result<ImageDataset> {
    let at = match label {
        Cifar100Label::Coarse => 0,
        Cifar100Label::Fine => 1,
    };
    let mut records = Records::new(&[20, 100], at);
    for path in paths {
        records.read(Source::open("cifar", path.as_ref())?)?;
    }
    records.into_dataset()
}

struct Records {
    /// The number of classes of each label byte.
    n_classes: &'static [u8],
    /// Which of them counts.
    label: usize,
    labels: Vec<usize>,
    /// Channels last.
    pixels: Vec<u8>,
}

impl Records {
    fn new(n_classes: &'static [u8], label: usize) -> Self {
        Self { n_classes, label, labels: Vec::new(), pixels: Vec::new() }
    }

    fn read(&mut self, mut source: Source<'_>) -> Result<()> {
        let bytes = source.rest()?;
        let n_labels = self.n_classes.len();
        let size = n_labels + 3 * PLANE;
        let (whole, left) = (bytes.len() / size, bytes.len() % size);
        if left != 0 {
            let reason =
                format!("file ends within record {whole}: expected {size} bytes, got {left}");
            return Err(source.corrupt_at(bytes.len() as u64, reason));
        }
        self.pixels.reserve(whole * 3 * PLANE);
        for (i, record) in bytes.chunks_exact(size).enumerate() {
            let (labels, planes) = record.split_at(n_labels);
            for (j, (&label, &n)) in labels.iter().zip(self.n_classes).enumerate() {
                if label >= n {
                    let reason = format!("label must be below {n}, got {label}");
                    return Err(source.corrupt_at((i * size + j) as u64, reason));
                }
            }
            self.labels.push(usize::from(labels[self.label]));
            for p in 0..PLANE {
                self.pixels.extend([planes[p], planes[PLANE + p], planes[2 * PLANE + p]]);
            }
        }
        Ok(())
    }

    fn into_dataset(self) -> Result<ImageDataset> {
        if self.labels.is_empty() {
            return Err(Error::TooFewSamples { op: "cifar", expected: 1, got: 0 });
        }
        let shape = [self.labels.len(), SIDE, SIDE, 3];
        ImageDataset::from_array(Array::new(shape, ArrayData::U8(self.pixels))?, self.labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    /// A record whose number at (row, column, channel) tells where it is.
    fn record(labels: &[u8]) -> Vec<u8> {
        let mut bytes = labels.to_vec();
        for channel in 0..3 {
            bytes.extend((0..PLANE).map(|p| value(p / SIDE, p % SIDE, channel)));
        }
        bytes
    }

    fn value(row: usize, column: usize, channel: usize) -> u8 {
        (row * 7 + column * 3 + channel * 50) as u8
    }

    fn files(contents: &[Vec<u8>]) -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let write = |(i, content): (usize, &Vec<u8>)| {
            let path = folder.path().join(format!("{i}.bin"));
            std::fs::write(&path, content).unwrap();
            path
        };
        let paths = contents.iter().enumerate().map(write).collect();
        (folder, paths)
    }

    #[test]
    fn planes_become_pixels_of_all_files() {
        let (_folder, paths) = files(&[[record(&[9]), record(&[0])].concat(), record(&[4])]);
        let set = cifar10(&paths).unwrap();
        assert_eq!(set.labels().unwrap(), [9, 0, 4]);
        assert_eq!(set.class_names().len(), 10);
        let image = set.image(2).unwrap();
        for (row, column) in [(0, 0), (0, 31), (31, 0), (13, 22)] {
            assert_eq!(image.pixel(row, column), [0, 1, 2].map(|c| value(row, column, c)));
        }
    }

    #[test]
    fn either_label_of_cifar_100() {
        let (_folder, paths) = files(&[[record(&[19, 99]), record(&[3, 42])].concat()]);
        let labels = |label| cifar100(&paths, label).unwrap().labels().unwrap();
        assert_eq!(labels(Cifar100Label::Fine), [99, 42]);
        assert_eq!(labels(Cifar100Label::Coarse), [19, 3]);
    }

    #[test]
    fn damaged_files_are_named() {
        let mut cut = [record(&[1]), record(&[2])].concat();
        cut.truncate(3080);
        let (folder, paths) = files(&[cut, [record(&[1]), record(&[10])].concat(), vec![]]);
        let text = |i: usize| {
            let text = cifar10(&paths[i..=i]).unwrap_err().to_string();
            text.replace(&folder.path().join("").display().to_string(), "")
        };
        assert_eq!(
            text(0),
            "cifar: corrupt file 0.bin at byte 3080: file ends within record 1: expected 3073 bytes, \
             got 7"
        );
        assert_eq!(
            text(1),
            "cifar: corrupt file 1.bin at byte 3073: label must be below 10, got 10"
        );
        assert_eq!(text(2), "cifar: expected at least 1 samples, got 0");
        assert!(cifar10(&paths[..0]).is_err());
    }
}
