//! Random colours: brightness, contrast, saturation and hue of training pictures.

use purlin_core::rng::Rng;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Changes the colours of training pictures at random, in the words of torchvision's `ColorJitter`.
///
/// | part | drawn uniformly from | what happens | order |
/// |---|---|---|---|
/// | brightness | factor `f` in `1 - brightness..1 + brightness` | `f x` | 1 |
/// | contrast | factor `f` in `1 - contrast..1 + contrast` | `m + f (x - m)`, `m` the mean luma of the picture | 2 |
/// | saturation | factor `f` in `1 - saturation..1 + saturation` | `l + f (x - l)`, `l` the luma of the pixel | 3 |
/// | hue | shift `h` in `-hue..hue`, a fraction of the colour circle | hue `+ h` in HSV | 4 |
///
/// After each part numbers are limited to 0..=255, the values of bytes: a pipeline refuses this step
/// after rescaling. The luma is ITU-R 601's, `0.299 R + 0.587 G + 0.114 B`; grey pictures have
/// brightness and contrast only. Every picture makes four draws, whatever is switched on.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_data::image::{ColorJitter, Image, Pipeline};
///
/// let jitter = ColorJitter::new().brightness(0.2).contrast(0.2).saturation(0.2).hue(0.05);
/// let pipeline = Pipeline::new().color_jitter(jitter).rescale(1.0 / 255.0);
/// let image = Image::new(1, 2, 3, vec![200, 30, 30, 30, 30, 200])?;
/// let x = pipeline.apply_random(&image, &mut Stream::new(1, "example").rng(0))?;
/// assert!(x.data().iter().all(|v| (0.0..=1.0).contains(v)));
/// assert_ne!(x.data(), pipeline.apply(&image)?.data()); // evaluation keeps the colours
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ColorJitter {
    brightness: f64,
    contrast: f64,
    saturation: f64,
    hue: f64,
}

const OP: &str = "color_jitter";

impl ColorJitter {
    /// Nothing switched on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Brightens or darkens by up to this share.
    #[must_use]
    pub fn brightness(mut self, range: f64) -> Self {
        self.brightness = range;
        self
    }

    /// Moves numbers away from or towards the picture's mean luma by up to this share.
    #[must_use]
    pub fn contrast(mut self, range: f64) -> Self {
        self.contrast = range;
        self
    }

    /// Moves pixels away from or towards their own grey by up to this share.
    #[must_use]
    pub fn saturation(mut self, range: f64) -> Self {
        self.saturation = range;
        self
    }

    /// Turns hues by up to this fraction of the colour circle either way.
    #[must_use]
    pub fn hue(mut self, range: f64) -> Self {
        self.hue = range;
        self
    }

    /// Refuses ranges that make no sense, and pictures that are neither grey nor RGB.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a range outside `0..=1`, a hue outside `0..=0.5`.
    /// - [`Error::Shape`]: neither 1 nor 3 channels, or 1 and a saturation or hue.
    pub fn check(&self, channels: usize) -> Result<()> {
        let ranges = [
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("saturation", self.saturation, 1.0),
            ("hue", self.hue, 0.5),
        ];
        for (param, range, most) in ranges {
            if !(0.0..=most).contains(&range) {
                return Err(Error::param(OP, param, format!("in 0..={most}"), range));
            }
        }
        let has_colours = self.saturation != 0.0 || self.hue != 0.0;
        match channels {
            3 => Ok(()),
            1 if !has_colours => Ok(()),
            1 => Err(Error::shape(OP, "3 channels for saturation and hue", "1 channels")),
            n => Err(Error::shape(OP, "1 or 3 channels", format!("{n} channels"))),
        }
    }

    /// Draws and applies, in place.
    pub(super) fn run(&self, channels: usize, rng: &mut Rng, x: &mut [f32]) {
        let mut around = |range: f64| ((2.0 * rng.uniform() - 1.0) * range) as f32;
        let brightness = 1.0 + around(self.brightness);
        let contrast = 1.0 + around(self.contrast);
        let saturation = 1.0 + around(self.saturation);
        let hue = around(self.hue);
        if brightness != 1.0 {
            for x in &mut *x {
                *x = limit(*x * brightness);
            }
        }
        if contrast != 1.0 {
            let mean = mean_luma(channels, x);
            for x in &mut *x {
                *x = limit(mean + contrast * (*x - mean));
            }
        }
        if channels != 3 {
            return;
        }
        let (pixels, _) = x.as_chunks_mut::<3>();
        if saturation != 1.0 {
            for pixel in &mut *pixels {
                let grey = luma(*pixel);
                *pixel = pixel.map(|x| limit(grey + saturation * (x - grey)));
            }
        }
        if hue != 0.0 {
            for pixel in pixels {
                *pixel = turned(*pixel, hue).map(limit);
            }
        }
    }
}

/// The values of bytes.
fn limit(x: f32) -> f32 {
    x.clamp(0.0, 255.0)
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Added up in double precision, in order.
fn mean_luma(channels: usize, x: &[f32]) -> f32 {
    let sum: f64 = match channels {
        3 => x.as_chunks::<3>().0.iter().map(|&pixel| f64::from(luma(pixel))).sum(),
        _ => x.iter().map(|&x| f64::from(x)).sum(),
    };
    (sum / (x.len() / channels) as f64) as f32
}

/// The pixel with its hue moved by `turn` of the colour circle; value and saturation (of HSV) stay.
///
/// A. R. Smith, *Color gamut transform pairs*, SIGGRAPH 1978.
fn turned([r, g, b]: [f32; 3], turn: f32) -> [f32; 3] {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = most - least;
    if chroma == 0.0 {
        return [r, g, b];
    }
    // In sixths of the circle: red at 0, green at 2, blue at 4.
    let hue = if most == r {
        (g - b) / chroma
    } else if most == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    let hue = hue + 6.0 * turn;
    // How far each channel lies below the value: a trapezium over the circle.
    let channel = |shift: f32| {
        let k = hue + shift;
        let k = k - 6.0 * (k / 6.0).floor();
        most - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use purlin_core::rng::Stream;

    /// The first seed whose draw makes `f` true.
    fn drawn(jitter: ColorJitter, channels: usize, x: &[f32], f: impl Fn(&[f32]) -> bool) -> bool {
        (0..200).any(|i| {
            let mut out = x.to_vec();
            jitter.run(channels, &mut Stream::new(1, "jitter").rng(i), &mut out);
            f(&out)
        })
    }

    #[test]
    fn nothing_switched_on_changes_nothing() {
        let x: Vec<f32> = (0..30).map(|i| (i * 8) as f32).collect();
        assert!(!drawn(ColorJitter::new(), 3, &x, |out| out != x));
    }

    #[test]
    fn hues_turn_by_the_book() {
        let red = [200.0, 50.0, 50.0];
        let near = |a: [f32; 3], b: [f32; 3]| {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3), "{a:?} is not {b:?}");
        };
        near(turned(red, 1.0 / 3.0), [50.0, 200.0, 50.0]);
        near(turned(red, -1.0 / 3.0), [50.0, 50.0, 200.0]);
        near(turned(red, 0.5), [50.0, 200.0, 200.0]);
        near(turned(red, 1.0 / 12.0), [200.0, 125.0, 50.0]);
        for pixel in [[1.0, 2.0, 3.0], [250.0, 20.0, 90.0], [7.0, 130.0, 20.0], [9.0, 9.0, 9.0]] {
            near(turned(pixel, 0.0), pixel);
            near(turned(turned(pixel, 0.3), -0.3), pixel);
        }
    }

    #[test]
    fn each_part_keeps_what_it_should() {
        let x = [100.0, 60.0, 20.0, 30.0, 90.0, 120.0, 80.0, 80.0, 80.0];
        let pixels = |x: &[f32]| x.as_chunks::<3>().0.to_vec();
        let near = |a: f32, b: f32| (a - b).abs() < 1e-2;
        for i in 0..50 {
            let run = |jitter: ColorJitter| {
                let mut out = x.to_vec();
                jitter.run(3, &mut Stream::new(2, "jitter").rng(i), &mut out);
                out
            };
            // No limit is met, so the mean luma stays.
            let out = run(ColorJitter::new().contrast(0.3));
            assert!(near(mean_luma(3, &out), mean_luma(3, &x)));
            let out = run(ColorJitter::new().saturation(0.3));
            for (a, b) in pixels(&out).into_iter().zip(pixels(&x)) {
                assert!(near(luma(a), luma(b)));
            }
            let out = run(ColorJitter::new().hue(0.5));
            for (a, b) in pixels(&out).into_iter().zip(pixels(&x)) {
                let range = |p: [f32; 3]| (p[0].max(p[1]).max(p[2]), p[0].min(p[1]).min(p[2]));
                assert!(near(range(a).0, range(b).0) && near(range(a).1, range(b).1));
            }
        }
        let bright = ColorJitter::new().brightness(1.0);
        assert!(drawn(bright, 1, &[100.0, 200.0], |out| out[0] > 180.0 && out[1] == 255.0));
        assert!(drawn(bright, 1, &[100.0, 200.0], |out| out[1] < 20.0));
        let flat = ColorJitter::new().contrast(1.0);
        assert!(drawn(flat, 1, &[100.0, 200.0], |out| out[0] > 148.0 && out[1] < 152.0));
    }

    #[test]
    fn senseless_ranges_are_refused() {
        let text = |jitter: ColorJitter, channels| jitter.check(channels).unwrap_err().to_string();
        assert_eq!(
            text(ColorJitter::new().contrast(1.5), 3),
            "color_jitter: contrast must be in 0..=1, got 1.5"
        );
        assert_eq!(
            text(ColorJitter::new().hue(f64::NAN), 3),
            "color_jitter: hue must be in 0..=0.5, got NaN"
        );
        assert_eq!(
            text(ColorJitter::new().hue(0.1), 1),
            "color_jitter: expected 3 channels for saturation and hue, got 1 channels"
        );
        assert_eq!(
            text(ColorJitter::new(), 4),
            "color_jitter: expected 1 or 3 channels, got 4 channels"
        );
    }
}
