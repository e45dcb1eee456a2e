//! Images as users hold them, made into 8-bit RGB of a fitting size.

use crate::raster::RgbImage;
use purlin_core::{Error, Result};

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A channel of a pixel: `u8` (0 to 255), or `f32`, `f64` (0 to 1 unless told otherwise).
///
/// The trait is sealed.
pub trait Pixel: sealed::Sealed + Copy {
    /// The channel as a number, and whether it is a byte (0 to 255) rather than a float.
    #[doc(hidden)]
    fn number(self) -> (f64, bool);
}

impl Pixel for u8 {
    fn number(self) -> (f64, bool) {
        (f64::from(self), true)
    }
}

impl Pixel for f32 {
    fn number(self) -> (f64, bool) {
        (f64::from(self), false)
    }
}

impl Pixel for f64 {
    fn number(self) -> (f64, bool) {
        (self, false)
    }
}

/// Which float is black, which white.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ValueRange {
    Given(f64, f64),
    /// From the least to the greatest value of each image.
    PerImage,
}

/// An image as it was handed over.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    values: Vec<f64>,
    bytes: bool,
    height: usize,
    width: usize,
    channels: usize,
}

impl Source {
    pub(crate) fn new<P: Pixel>(
        pixels: &[P],
        height: usize,
        width: usize,
        channels: usize,
    ) -> Self {
        let bytes = pixels.first().is_some_and(|pixel| pixel.number().1);
        let values = pixels.iter().map(|pixel| pixel.number().0).collect();
        Self { values, bytes, height, width, channels }
    }

    /// The image in 8-bit RGB; `index` is its place in the grid, for errors.
    pub(crate) fn to_rgb(
        &self,
        op: &'static str,
        index: usize,
        range: ValueRange,
    ) -> Result<RgbImage> {
        let &Self { height, width, channels, .. } = self;
        let length = height.checked_mul(width).and_then(|area| area.checked_mul(channels));
        let got = || format!("({height}, {width}, {channels}) with {} values", self.values.len());
        if !matches!(channels, 1 | 3) {
            let expected = format!("image {index} (height, width, 1 or 3)");
            return Err(Error::shape(op, expected, got()));
        }
        if length != Some(self.values.len()) || self.values.is_empty() {
            let expected = format!("image {index} of height * width * channels values, at least 1");
            return Err(Error::shape(op, expected, got()));
        }
        if let Some(at) = self.values.iter().position(|value| !value.is_finite()) {
            let value = self.values[at];
            return Err(Error::NonFinite { op, name: "pixels", value, row: index, column: at });
        }
        let (black, white) = if self.bytes { (0.0, 255.0) } else { self.range(op, range)? };
        let mut levels = Vec::with_capacity(self.values.len());
        for (at, value) in self.values.iter().enumerate() {
            let level = ((value - black) / (white - black) * 255.0).round_ties_even();
            // Rounding errors of an augmentation may leave the range by less than half a level.
            if !(0.0..=255.0).contains(&level) {
                let rule = format!("in {black}..={white} (see value_range and auto_range)");
                let got = format!("{value} in image {index} at offset {at}");
                return Err(Error::param(op, "pixels", rule, got));
            }
            levels.push(level as u8);
        }
        let rgb = match channels {
            1 => levels.into_iter().flat_map(|grey| [grey; 3]).collect(),
            _ => levels,
        };
        Ok(RgbImage { width, height, rgb })
    }

    fn range(&self, op: &'static str, range: ValueRange) -> Result<(f64, f64)> {
        match range {
            ValueRange::Given(black, white) => {
                if black == white || !(white - black).is_finite() {
                    let got = format!("{black}..{white}");
                    return Err(Error::param(op, "value_range", "two different numbers", got));
                }
                Ok((black, white))
            }
            ValueRange::PerImage => {
                let values = self.values.iter().copied();
                let lo = values.clone().fold(f64::INFINITY, f64::min);
                let hi = values.fold(f64::NEG_INFINITY, f64::max);
                // An image of one value is middle grey.
                let room = if lo == hi { lo.abs().max(1.0) } else { 0.0 };
                if !(hi - lo).is_finite() {
                    let got = format!("{lo}..{hi}");
                    return Err(Error::param(op, "pixels", "of a span that f64 can hold", got));
                }
                Ok((lo - room, hi + room))
            }
        }
    }
}

impl RgbImage {
    /// The image to draw in a square of `room` pixels, and how often to repeat its pixels.
    pub(crate) fn fit(self, room: usize) -> (Self, usize) {
        let longest = self.width.max(self.height);
        if longest <= room {
            let block = room / longest;
            return (self, block);
        }
        let side = |length: usize| (length * room / longest).max(1);
        let (width, height) = (side(self.width), side(self.height));
        (self.reduced(width, height), 1)
    }

    /// A smaller copy: each pixel is the mean of the area it covers, parts of pixels included.
    fn reduced(&self, width: usize, height: usize) -> Self {
        let mut rgb = Vec::with_capacity(width * height * 3);
        let columns: Vec<Vec<(usize, u64)>> =
            (0..width).map(|x| covered(x, width, self.width)).collect();
        for y in 0..height {
            let rows = covered(y, height, self.height);
            for columns in &columns {
                let mut sums = [0u64; 3];
                for &(row, row_share) in &rows {
                    for &(column, column_share) in columns {
                        let at = (row * self.width + column) * 3;
                        for (sum, &level) in sums.iter_mut().zip(&self.rgb[at..at + 3]) {
                            *sum += u64::from(level) * row_share * column_share;
                        }
                    }
                }
                // The shares of one target pixel add up to the source's size on each axis.
                let area = (self.width * self.height) as u64;
                rgb.extend(sums.map(|sum| ((sum + area / 2) / area) as u8));
            }
        }
        Self { width, height, rgb }
    }
}

/// Which of `n` source pixels the target pixel `index` of `m` covers, and how much of each.
///
/// Measured in units of 1 / m of a source pixel, so that all is whole: target pixel `i` reaches
/// from `i n` to `(i + 1) n`, source pixel `j` from `j m` to `(j + 1) m`.
fn covered(index: usize, m: usize, n: usize) -> Vec<(usize, u64)> {
    let (start, end) = (index * n, (index + 1) * n);
    (start / m..end.div_ceil(m))
        .map(|j| (j, (end.min((j + 1) * m) - start.max(j * m)) as u64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, levels: &[u8]) -> RgbImage {
        let rgb = levels.iter().flat_map(|&level| [level; 3]).collect();
        RgbImage { width, height, rgb }
    }

    #[test]
    fn small_images_grow_by_whole_factors_and_large_ones_keep_their_mean() {
        let (image, block) = grey(3, 2, &[0, 1, 2, 3, 4, 5]).fit(10);
        assert_eq!((image.width, image.height, block), (3, 2, 3));
        let (image, block) = grey(4, 2, &[0, 100, 200, 40, 0, 100, 200, 40]).fit(2);
        assert_eq!((block, image), (1, grey(2, 1, &[50, 120])));
        // 3 to 2: the middle pixel is shared.
        assert_eq!(grey(3, 1, &[0, 90, 30]).reduced(2, 1), grey(2, 1, &[30, 50]));
    }

    #[test]
    fn covered_areas_add_up_to_the_source() {
        for (m, n) in [(1, 1), (2, 3), (7, 150), (78, 224), (5, 6)] {
            let mut seen = vec![0; n];
            for index in 0..m {
                let parts = covered(index, m, n);
                assert_eq!(parts.iter().map(|part| part.1).sum::<u64>(), n as u64);
                for &(j, share) in &parts {
                    seen[j] += share;
                }
            }
            assert!(seen.iter().all(|&share| share == m as u64));
        }
    }

    #[test]
    fn floats_bytes_and_ranges_give_the_same_levels() {
        let unit = ValueRange::Given(0.0, 1.0);
        let rgb = |source: Source, range| source.to_rgb("test", 0, range).unwrap().rgb;
        let bytes = rgb(Source::new(&[0u8, 51, 255], 1, 3, 1), unit);
        assert_eq!(bytes, [0, 0, 0, 51, 51, 51, 255, 255, 255]);
        assert_eq!(rgb(Source::new(&[0.0f32, 0.2, 1.0], 1, 3, 1), unit), bytes);
        let signed = ValueRange::Given(-1.0, 1.0);
        assert_eq!(rgb(Source::new(&[-1.0f64, -0.6, 1.0], 1, 3, 1), signed), bytes);
        let inverted = ValueRange::Given(1.0, 0.0);
        assert_eq!(rgb(Source::new(&[1.0f64, 0.8, 0.0], 1, 3, 1), inverted), bytes);
        assert_eq!(rgb(Source::new(&[5.0f64, 6.0, 10.0], 1, 3, 1), ValueRange::PerImage), bytes);
        assert_eq!(rgb(Source::new(&[7.0f64], 1, 1, 1), ValueRange::PerImage), [128; 3]);
        assert_eq!(rgb(Source::new(&[1u8, 2, 3], 1, 1, 3), unit), [1, 2, 3]);
        // Just outside by rounding is inside; a level outside is an error.
        assert_eq!(rgb(Source::new(&[1.000_001f32], 1, 1, 1), unit), [255; 3]);
        let err = Source::new(&[0.5f64, 1.5], 1, 2, 1).to_rgb("image_grid", 3, unit).unwrap_err();
        assert_eq!(
            err.to_string(),
            "image_grid: pixels must be in 0..=1 (see value_range and auto_range), \
             got 1.5 in image 3 at offset 1"
        );
    }
}
