//! Handwritten digits.

use super::ClassificationSet;
use crate::image::ImageDataset;
use crate::{Array, ArrayData, idx, stratified_indices};
use purlin_core::Matrix;
#[cfg(feature = "image")]
use purlin_core::{Error, Result};

/// The seed of [`digits_split`].
pub const DIGITS_SPLIT_SEED: u64 = 1797;

fn images() -> Array {
    idx::from_bytes("digits-images", include_bytes!("../../data/digits-images.idx3.gz"))
        .unwrap_or_else(|err| panic!("{err}"))
}

fn labels() -> Vec<usize> {
    idx::from_bytes("digits-labels", include_bytes!("../../data/digits-labels.idx1.gz"))
        .and_then(|labels| labels.to_labels())
        .unwrap_or_else(|err| panic!("{err}"))
}

fn class_names() -> Vec<String> {
    (0..10).map(|digit| digit.to_string()).collect()
}

/// 1,797 handwritten digits as rows of 64 numbers from 0 to 16, scikit-learn's `load_digits`.
///
/// # Examples
///
/// ```
/// let digits = purlin_data::sets::digits();
/// assert_eq!(digits.x.shape(), (1797, 64));
/// assert_eq!(digits.feature_names[9], "pixel_1_1");
/// assert_eq!(digits.labels[..4], [0, 1, 2, 3]);
/// ```
///
/// # References
///
/// - E. Alpaydin, C. Kaynak, *Cascading classifiers*, Kybernetika 34(4), 1998 (UCI data set 80).
pub fn digits() -> ClassificationSet {
    let x = Matrix::from_vec(images().to_f64(), 1797, 64).unwrap_or_else(|err| panic!("{err}"));
    let feature_names = (0..64).map(|i| format!("pixel_{}_{}", i / 8, i % 8)).collect();
    ClassificationSet { x, labels: labels(), feature_names, class_names: class_names() }
}

/// The digits as grey pictures of 8x8 pixels with values from 0 to 255.
///
/// # Examples
///
/// ```
/// use purlin_data::{Dataset, sets};
///
/// let digits = sets::digits_images();
/// assert_eq!((digits.len(), digits.sample_shape().dims()), (1797, &[8, 8, 1][..]));
/// ```
pub fn digits_images() -> ImageDataset {
    let (shape, data) = images().into_parts();
    let ArrayData::U8(mut data) = data else { unreachable!("the embedded file holds bytes") };
    for value in &mut data {
        *value = to_grey(*value);
    }
    Array::new(shape, ArrayData::U8(data))
        .and_then(|images| ImageDataset::from_array(images, labels()))
        .and_then(|images| images.with_class_names(&class_names()))
        .unwrap_or_else(|err| panic!("{err}"))
}

/// 0..=16 to 0..=255, rounded; different values stay different.
fn to_grey(value: u8) -> u8 {
    ((u16::from(value) * 255 + 8) / 16) as u8
}

/// The fixed split of the digits, 70 % and 30 % of each class: indices for training and for
/// validation.
///
/// # Examples
///
/// ```
/// let (train, validation) = purlin_data::sets::digits_split();
/// assert_eq!((train.len(), validation.len()), (1258, 539));
/// ```
pub fn digits_split() -> (Vec<usize>, Vec<usize>) {
    let mut parts = stratified_indices(&labels(), &[0.7, 0.3], DIGITS_SPLIT_SEED)
        .unwrap_or_else(|err| panic!("{err}"));
    let validation = parts.pop().unwrap_or_default();
    (parts.pop().unwrap_or_default(), validation)
}

/// Writes the digits as an image folder: `train/<digit>/<index>.png` and
/// `validation/<digit>/<index>.png` by [`digits_split`].
///
/// Files that are already there with the same bytes are left alone, others are replaced in one
/// step, so it may be called again at any time.
///
/// # Errors
///
/// [`Error::Io`]: a folder or file cannot be written.
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// purlin_data::sets::write_digits_folder(folder.path())?;
/// assert!(folder.path().join("train/0").is_dir());
/// assert!(folder.path().join("validation/9").is_dir());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "image")]
pub fn write_digits_folder(dir: impl AsRef<std::path::Path>) -> Result<()> {
    let dir = dir.as_ref();
    let (images, labels) = (digits_images(), labels());
    let (train, validation) = digits_split();
    for (split, indices) in [("train", train), ("validation", validation)] {
        for digit in 0..10 {
            let folder = dir.join(split).join(digit.to_string());
            std::fs::create_dir_all(&folder).map_err(|e| Error::io("digits", &folder, e))?;
        }
        for i in indices {
            let path = dir.join(split).join(labels[i].to_string()).join(format!("{i:04}.png"));
            let bytes = images.image(i)?.to_png()?;
            if std::fs::read(&path).is_ok_and(|there| there == bytes) {
                continue;
            }
            // Hidden from readers until it is whole.
            let name = format!(".{i:04}.{}.part", std::process::id());
            let part = path.with_file_name(name);
            std::fs::write(&part, bytes)
                .and_then(|()| std::fs::rename(&part, &path))
                .map_err(|e| Error::io("digits", &path, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_digits_are_there() {
        let digits = digits();
        // Sums by another program over the original file.
        assert_eq!(digits.x.as_slice().iter().sum::<f64>(), 561_718.0);
        let counts: Vec<usize> =
            (0..10).map(|d| digits.labels.iter().filter(|&&label| label == d).count()).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(digits.x.row(0)[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn grey_values_are_spread_and_distinct() {
        assert_eq!((to_grey(0), to_grey(8), to_grey(16)), (0, 128, 255));
        assert!((0..16).all(|v| to_grey(v) < to_grey(v + 1)));
    }

    #[test]
    fn the_split_has_the_share_of_each_class() {
        let labels = labels();
        let (train, validation) = digits_split();
        let mut all = [train.clone(), validation.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1797).collect::<Vec<_>>());
        for digit in 0..10 {
            let of = |v: &[usize]| v.iter().filter(|&&i| labels[i] == digit).count() as f64;
            assert!((of(&train) - 0.7 * (of(&train) + of(&validation))).abs() <= 0.5);
        }
    }

    #[cfg(feature = "image")]
    #[test]
    fn the_folder_holds_the_same_pictures_and_is_written_once() {
        use crate::Dataset;
        use crate::image::ImageFolder;
        let folder = tempfile::tempdir().unwrap();
        write_digits_folder(folder.path()).unwrap();
        let (train, _) = digits_split();
        let read = ImageFolder::new(folder.path().join("train")).grayscale().open().unwrap();
        assert_eq!(read.class_names(), class_names());
        assert_eq!(read.len(), train.len());
        let images = digits_images();
        let labels = labels();
        // The folder lists them by class, then by index.
        let mut by_class = train;
        by_class.sort_by_key(|&i| (labels[i], i));
        for (at, &i) in by_class.iter().enumerate() {
            assert_eq!(read.image(at).unwrap(), images.image(i).unwrap());
        }
        // A damaged file is replaced, the others are not touched.
        let damaged = folder.path().join("train").join(labels[by_class[0]].to_string());
        let damaged = damaged.join(format!("{:04}.png", by_class[0]));
        let whole = std::fs::read(&damaged).unwrap();
        std::fs::write(&damaged, b"x").unwrap();
        let other = folder.path().join("train/9");
        let before = std::fs::metadata(&other).unwrap().modified().unwrap();
        write_digits_folder(folder.path()).unwrap();
        assert_eq!(std::fs::read(&damaged).unwrap(), whole);
        assert_eq!(std::fs::metadata(&other).unwrap().modified().unwrap(), before);
    }
}
