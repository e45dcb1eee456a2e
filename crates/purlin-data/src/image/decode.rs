//! JPEG and PNG files.

use super::structure::{self, Outline};
use super::{ColorMode, Image};
use ::image::{DynamicImage, ImageFormat, Limits};
use purlin_core::{Error, Result};
use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;

/// Pictures that claim to be larger are refused before they are decoded.
const MAX_PIXELS: u64 = 1 << 27;

/// What decoders may allocate: every pixel in 16-bit RGBA, twice.
const MAX_ALLOC: u64 = MAX_PIXELS * 16;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

impl Image {
    /// Reads a JPEG or PNG file; which of them it is, its content says.
    ///
    /// The orientation in EXIF data is not applied, as in Keras and torchvision.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`]: the file cannot be read.
    /// - [`Error::UnsupportedFile`]: neither JPEG nor PNG, or larger than 2^27 pixels.
    /// - [`Error::CorruptFile`]: cut short, a chunk with a wrong sum, or numbers that the decoder
    ///   refuses.
    pub fn open(path: impl AsRef<Path>, color: ColorMode) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io("image", path, e))?;
        decode(path, &bytes, color)
    }

    /// Decodes the bytes of a JPEG or PNG file; `name` stands for the path in errors.
    ///
    /// # Errors
    ///
    /// As [`Image::open`].
    pub fn decode(name: &str, bytes: &[u8], color: ColorMode) -> Result<Self> {
        decode(Path::new(name), bytes, color)
    }

    /// Writes a PNG file.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: neither 1, 3 nor 4 channels.
    /// - [`Error::Io`]: the file cannot be written.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_png()?;
        std::fs::write(path, bytes).map_err(|e| Error::io("image", path, e))
    }

    /// The picture as the bytes of a PNG file.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: neither 1, 3 nor 4 channels, or a side beyond 2^32.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let size = u32::try_from(self.width).ok().zip(u32::try_from(self.height).ok());
        let (width, height) =
            size.ok_or_else(|| Error::param("image", "size", "below 2^32", self.width))?;
        let data = self.data.clone();
        let picture = match self.channels {
            1 => ::image::GrayImage::from_raw(width, height, data).map(DynamicImage::from),
            3 => ::image::RgbImage::from_raw(width, height, data).map(DynamicImage::from),
            4 => ::image::RgbaImage::from_raw(width, height, data).map(DynamicImage::from),
            n => return Err(Error::param("image", "channels", "1, 3 or 4", n)),
        };
        let mut bytes = Cursor::new(Vec::new());
        picture
            .ok_or_else(|| Error::shape("image", "a whole picture", self.data.len()))?
            .write_to(&mut bytes, ImageFormat::Png)
            .map_err(|e| Error::io("image", "png", std::io::Error::other(e)))?;
        Ok(bytes.into_inner())
    }
}

fn decode(path: &Path, bytes: &[u8], color: ColorMode) -> Result<Image> {
    let (format, outline) = if bytes.starts_with(&[0xff, 0xd8]) {
        (ImageFormat::Jpeg, structure::jpeg(bytes))
    } else if bytes.starts_with(PNG_SIGNATURE) {
        (ImageFormat::Png, structure::png(bytes))
    } else {
        let head: Vec<u8> = bytes.iter().take(8).copied().collect();
        let reason = format!("expected a JPEG or PNG file, got one that begins with {head:02x?}");
        return Err(Error::unsupported("image", path, reason));
    };
    let Outline { height, width, data } =
        outline.map_err(|(at, reason)| Error::corrupt("image", path, at, reason))?;
    if u64::from(height) * u64::from(width) > MAX_PIXELS {
        let reason = format!("size must be at most {MAX_PIXELS} pixels, got {height} x {width}");
        return Err(Error::unsupported("image", path, reason));
    }
    let refused = |reason: String| Error::corrupt("image", path, data, reason);
    // Decoders are fuzzed, but a data set of a million files is a fuzzer too: whatever one does,
    // the file is named. (The program's panic hook sees it first; the standard one prints.)
    let picture = catch_unwind(|| {
        let mut reader = ::image::ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_ALLOC);
        reader.limits(limits);
        reader.decode()
    })
    .map_err(|_| refused("the decoder panicked".into()))?
    .map_err(|e| refused(e.to_string()))?;
    from_decoded(picture, color)
}

fn from_decoded(picture: DynamicImage, color: ColorMode) -> Result<Image> {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16};
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let is_grey =
        matches!(picture, ImageLuma8(_) | ImageLuma16(_) | ImageLumaA8(_) | ImageLumaA16(_));
    match color {
        ColorMode::Rgb => Image::new(height, width, 3, picture.into_rgb8().into_raw()),
        ColorMode::Grayscale if is_grey => {
            Image::new(height, width, 1, picture.into_luma8().into_raw())
        }
        ColorMode::Grayscale => {
            let rgb = picture.into_rgb8().into_raw();
            let luma = rgb.as_chunks::<3>().0.iter().map(|&pixel| luma(pixel)).collect();
            Image::new(height, width, 1, luma)
        }
    }
}

/// ITU-R 601 luma, rounded, with weights in 65536ths.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + (1 << 15)) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture() -> Image {
        let data = (0..9 * 11 * 3).map(|i| (i * i * 13 + i * 5) as u8).collect();
        Image::new(9, 11, 3, data).unwrap()
    }

    fn jpeg() -> Vec<u8> {
        let image = picture();
        let rgb = ::image::RgbImage::from_raw(11, 9, image.data).unwrap();
        let mut bytes = Cursor::new(Vec::new());
        rgb.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn png_comes_back_as_it_was() {
        let image = picture();
        let bytes = image.to_png().unwrap();
        assert_eq!(Image::decode("a.png", &bytes, ColorMode::Rgb).unwrap(), image);
        let grey = Image::new(2, 2, 1, vec![0, 1, 128, 255]).unwrap();
        let bytes = grey.to_png().unwrap();
        assert_eq!(Image::decode("a.png", &bytes, ColorMode::Grayscale).unwrap(), grey);
        let rgb = Image::decode("a.png", &bytes, ColorMode::Rgb).unwrap();
        assert_eq!(rgb.pixel(1, 0), [128, 128, 128]);
    }

    #[test]
    fn luma_is_a_weighted_mean() {
        assert_eq!(luma([255, 255, 255]), 255);
        assert_eq!(luma([0, 0, 0]), 0);
        assert_eq!(luma([255, 0, 0]), 76); // 0.299 * 255 = 76.2
        assert_eq!(luma([0, 255, 0]), 150); // 0.587 * 255 = 149.7
        assert_eq!(luma([0, 0, 255]), 29); // 0.114 * 255 = 29.1
        let red = Image::new(1, 1, 3, vec![255, 0, 0]).unwrap().to_png().unwrap();
        assert_eq!(Image::decode("r", &red, ColorMode::Grayscale).unwrap().data(), [76]);
    }

    #[test]
    fn jpeg_is_close_to_what_went_in() {
        let flat = ::image::RgbImage::from_pixel(16, 16, ::image::Rgb([200, 100, 50]));
        let mut bytes = Cursor::new(Vec::new());
        flat.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let image = Image::decode("a.jpg", &bytes.into_inner(), ColorMode::Rgb).unwrap();
        assert_eq!((image.height(), image.width()), (16, 16));
        for (a, b) in image.data().iter().zip([200u8, 100, 50].iter().cycle()) {
            assert!(a.abs_diff(*b) <= 3, "{a} {b}");
        }
    }

    #[test]
    fn every_truncation_is_named() {
        for (name, bytes) in [("a.png", picture().to_png().unwrap()), ("a.jpg", jpeg())] {
            assert!(Image::decode(name, &bytes, ColorMode::Rgb).is_ok());
            for n in 0..bytes.len() {
                let err = Image::decode(name, &bytes[..n], ColorMode::Rgb).unwrap_err();
                let text = err.to_string();
                assert!(
                    text.starts_with(&format!("image: corrupt file {name} at byte"))
                        || text.starts_with(&format!("image: unsupported file {name}")),
                    "{n}: {text}"
                );
            }
        }
    }

    #[test]
    fn claims_of_huge_pictures_are_refused_before_decoding() {
        let mut bytes = picture().to_png().unwrap();
        bytes[16..20].copy_from_slice(&[0, 1, 0, 0]);
        bytes[20..24].copy_from_slice(&[0, 1, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let text = Image::decode("big.png", &bytes, ColorMode::Rgb).unwrap_err().to_string();
        assert_eq!(
            text,
            "image: unsupported file big.png: size must be at most 134217728 pixels, got 65536 x 65536"
        );
    }

    #[test]
    fn other_files_are_refused() {
        let text = Image::decode("a.gif", b"GIF89a..", ColorMode::Rgb).unwrap_err().to_string();
        assert!(text.contains("expected a JPEG or PNG file, got one that begins with [47, 49"));
        assert!(Image::open("/nowhere/x.png", ColorMode::Rgb).is_err());
    }

    proptest! {
        #[test]
        fn a_flipped_byte_of_a_png_is_found(at in 0usize..4000, bit in 0u32..8) {
            let image = picture();
            let mut bytes = image.to_png().unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(decoded) = Image::decode("a", &bytes, ColorMode::Rgb) {
                prop_assert_eq!(decoded, image);
            }
        }

        #[test]
        fn a_changed_byte_of_a_jpeg_never_panics(at in 0usize..4000, value: u8) {
            let mut bytes = jpeg();
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(image) = Image::decode("a", &bytes, ColorMode::Rgb) {
                prop_assert_eq!(image.data().len(), image.height() * image.width() * 3);
            }
        }
    }
}
