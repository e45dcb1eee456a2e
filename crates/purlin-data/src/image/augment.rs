//! Random transformations with Keras's vocabulary, resampled once.

use super::warp::{self, warp};
use super::{Affine, FillMode, Pixel, View};
use purlin_core::rng::Rng;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// What may happen to a training picture, in the words of Keras's `ImageDataGenerator`.
///
/// All geometric parts become one affine map and the picture is resampled bilinearly once, so
/// nothing is blurred twice. With all ranges at their defaults a picture passes unchanged.
///
/// | part | range | order |
/// |---|---|---|
/// | rotation | degrees, both ways | 1 |
/// | height and width shift | fractions of the picture, both ways | 2 |
/// | shear | degrees, both ways | 3 |
/// | zoom | factors, one each for height and width; above 1 shows more of the picture | 4 |
/// | flips | each with probability 1/2 | 5 |
/// | channel shift | added to all channels, limited to the picture's own range | 6 |
/// | brightness | factor, limited to 0..=255 | 7 |
///
/// Values are those of bytes, 0..=255: a pipeline refuses channel shift, brightness and a constant
/// fill after rescaling. Pictures keep their size.
/// Every picture makes the same number of draws whatever is switched on, so switching one part on
/// leaves the others as they were.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_data::image::{Augment, FillMode};
///
/// let augment = Augment::new()
///     .rotation_range(40.0)
///     .width_shift_range(0.2)
///     .height_shift_range(0.2)
///     .shear_range(0.2)
///     .zoom_range(0.2)
///     .horizontal_flip(true)
///     .fill_mode(FillMode::Nearest);
/// let drawn = augment.draw(150, 150, &mut Stream::new(1, "example").rng(0))?;
/// assert!(drawn.rotation.abs() <= 40.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - F. Chollet, *Deep Learning with Python*, Manning, 2017, section 5.2.
/// - The Keras 3 documentation of `ImageDataGenerator`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Augment {
    rotation_range: f64,
    width_shift_range: f64,
    height_shift_range: f64,
    shear_range: f64,
    zoom_range: [f64; 2],
    horizontal_flip: bool,
    vertical_flip: bool,
    channel_shift_range: f64,
    brightness_range: Option<[f64; 2]>,
    fill_mode: FillMode,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            rotation_range: 0.0,
            width_shift_range: 0.0,
            height_shift_range: 0.0,
            shear_range: 0.0,
            zoom_range: [1.0, 1.0],
            horizontal_flip: false,
            vertical_flip: false,
            channel_shift_range: 0.0,
            brightness_range: None,
            fill_mode: FillMode::Nearest,
        }
    }
}

impl Augment {
    /// Nothing switched on.
    pub fn new() -> Self {
        Self::default()
    }

    /// The classic setting for small sets of photos: rotation 40, shifts 0.2, shear 0.2, zoom
    /// 0.2, horizontal flips, nearest fill.
    pub fn classic() -> Self {
        Self::new()
            .rotation_range(40.0)
            .width_shift_range(0.2)
            .height_shift_range(0.2)
            .shear_range(0.2)
            .zoom_range(0.2)
            .horizontal_flip(true)
    }

    /// Turns by up to so many degrees either way.
    #[must_use]
    pub fn rotation_range(mut self, degrees: f64) -> Self {
        self.rotation_range = degrees;
        self
    }

    /// Moves sideways by up to this fraction of the width.
    #[must_use]
    pub fn width_shift_range(mut self, fraction: f64) -> Self {
        self.width_shift_range = fraction;
        self
    }

    /// Moves up and down by up to this fraction of the height.
    #[must_use]
    pub fn height_shift_range(mut self, fraction: f64) -> Self {
        self.height_shift_range = fraction;
        self
    }

    /// Shears by up to so many degrees either way.
    #[must_use]
    pub fn shear_range(mut self, degrees: f64) -> Self {
        self.shear_range = degrees;
        self
    }

    /// Zooms by factors in `1 - range..1 + range`.
    #[must_use]
    pub fn zoom_range(self, range: f64) -> Self {
        self.zoom_between(1.0 - range, 1.0 + range)
    }

    /// Zooms by factors in `low..high`; above 1 the picture shrinks and shows its surroundings.
    #[must_use]
    pub fn zoom_between(mut self, low: f64, high: f64) -> Self {
        self.zoom_range = [low, high];
        self
    }

    /// Mirrors left and right with probability 1/2.
    #[must_use]
    pub fn horizontal_flip(mut self, on: bool) -> Self {
        self.horizontal_flip = on;
        self
    }

    /// Mirrors top and bottom with probability 1/2.
    #[must_use]
    pub fn vertical_flip(mut self, on: bool) -> Self {
        self.vertical_flip = on;
        self
    }

    /// Adds up to `range` (of 255) either way to all channels.
    #[must_use]
    pub fn channel_shift_range(mut self, range: f64) -> Self {
        self.channel_shift_range = range;
        self
    }

    /// Multiplies by factors in `low..high`.
    #[must_use]
    pub fn brightness_range(mut self, low: f64, high: f64) -> Self {
        self.brightness_range = Some([low, high]);
        self
    }

    /// What the surroundings of a moved picture show.
    #[must_use]
    pub fn fill_mode(mut self, fill_mode: FillMode) -> Self {
        self.fill_mode = fill_mode;
        self
    }

    /// Refuses ranges that make no sense.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: a negative or non-finite range, a shift above 10, a zoom outside
    /// `0.001..=1000`, bounds in the wrong order, a fill value that is not finite.
    pub fn check(&self) -> Result<()> {
        let between = |param: &'static str, x: f64, lo: f64, hi: f64| {
            if (lo..=hi).contains(&x) {
                Ok(())
            } else {
                Err(Error::param("augment", param, format!("in {lo}..={hi}"), x))
            }
        };
        between("rotation_range", self.rotation_range, 0.0, 360.0)?;
        between("width_shift_range", self.width_shift_range, 0.0, 10.0)?;
        between("height_shift_range", self.height_shift_range, 0.0, 10.0)?;
        between("shear_range", self.shear_range, 0.0, 180.0)?;
        between("channel_shift_range", self.channel_shift_range, 0.0, 255.0)?;
        let mut ordered = vec![("zoom_range", self.zoom_range, 1e-3, 1e3)];
        ordered.extend(self.brightness_range.map(|range| ("brightness_range", range, 0.0, 255.0)));
        for (param, [low, high], least, most) in ordered {
            between(param, low, least, most)?;
            between(param, high, least, most)?;
            if low > high {
                let rule = "in ascending order";
                return Err(Error::param("augment", param, rule, format!("{low}..{high}")));
            }
        }
        match self.fill_mode {
            FillMode::Constant(value) if !value.is_finite() => {
                Err(Error::param("augment", "fill_mode", "a finite constant", value))
            }
            _ => Ok(()),
        }
    }

    /// The setting that makes sense for values of 0 to 255 only.
    pub(super) fn counts_in_bytes(&self) -> Option<&'static str> {
        if self.channel_shift_range != 0.0 {
            Some("channel_shift_range")
        } else if self.brightness_range.is_some() {
            Some("brightness_range")
        } else if matches!(self.fill_mode, FillMode::Constant(_)) {
            Some("fill_mode")
        } else {
            None
        }
    }

    /// Draws what happens to one picture of this size.
    ///
    /// # Errors
    ///
    /// As [`Augment::check`].
    pub fn draw(&self, height: usize, width: usize, rng: &mut Rng) -> Result<Transform> {
        self.check()?;
        Ok(self.draw_checked(height, width, rng))
    }

    fn draw_checked(&self, height: usize, width: usize, rng: &mut Rng) -> Transform {
        let mut around = |range: f64| (2.0 * rng.uniform() - 1.0) * range;
        let rotation = around(self.rotation_range);
        let shift_rows = around(self.height_shift_range) * height as f64;
        let shift_columns = around(self.width_shift_range) * width as f64;
        let shear = around(self.shear_range);
        let channel_shift = around(self.channel_shift_range);
        let mut between = |[low, high]: [f64; 2]| low + (high - low) * rng.uniform();
        let zoom_rows = between(self.zoom_range);
        let zoom_columns = between(self.zoom_range);
        let brightness = between(self.brightness_range.unwrap_or([1.0, 1.0]));
        let mut coin = |on: bool| rng.uniform() < 0.5 && on;
        Transform {
            rotation,
            shift_rows,
            shift_columns,
            shear,
            zoom_rows,
            zoom_columns,
            flip_horizontal: coin(self.horizontal_flip),
            flip_vertical: coin(self.vertical_flip),
            channel_shift,
            brightness,
        }
    }

    /// Draws and applies, multiplying the result by `scale`.
    pub(crate) fn run<P: Pixel>(
        &self,
        src: View<'_, P>,
        rng: &mut Rng,
        scale: f32,
        out: &mut [f32],
    ) -> Result<()> {
        self.draw_checked(src.height, src.width, rng).run(src, self.fill_mode, scale, out)
    }
}

/// What happens to one picture: a draw of [`Augment`], or a choice of your own.
///
/// # Examples
///
/// ```
/// use purlin_data::image::{FillMode, Image, Transform};
///
/// let image = Image::new(1, 3, 1, vec![10, 20, 30])?;
/// let mirrored = Transform { flip_horizontal: true, ..Transform::default() };
/// assert_eq!(mirrored.apply(&image, FillMode::Nearest)?, [30.0, 20.0, 10.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform {
    /// Degrees.
    pub rotation: f64,
    /// Pixels along the height.
    pub shift_rows: f64,
    /// Pixels along the width.
    pub shift_columns: f64,
    /// Degrees.
    pub shear: f64,
    /// Factor along the height.
    pub zoom_rows: f64,
    /// Factor along the width.
    pub zoom_columns: f64,
    /// Left and right change places.
    pub flip_horizontal: bool,
    /// Top and bottom change places.
    pub flip_vertical: bool,
    /// Added to all numbers, which stay within the picture's own range.
    pub channel_shift: f64,
    /// Factor for all numbers, which stay within 0..=255.
    pub brightness: f64,
}

impl Default for Transform {
    fn default() -> Self {
        Self {
            rotation: 0.0,
            shift_rows: 0.0,
            shift_columns: 0.0,
            shear: 0.0,
            zoom_rows: 1.0,
            zoom_columns: 1.0,
            flip_horizontal: false,
            flip_vertical: false,
            channel_shift: 0.0,
            brightness: 1.0,
        }
    }
}

impl Transform {
    /// The one affine map, from output to input, for a picture of this size: flips, then zoom,
    /// shear, shift and rotation about the centre.
    pub fn map(&self, height: usize, width: usize) -> Affine {
        let sign = |flip: bool| if flip { -1.0 } else { 1.0 };
        Affine::rotation(self.rotation)
            .after(&Affine::translation(self.shift_rows, self.shift_columns))
            .after(&Affine::shear(self.shear))
            .after(&Affine::scale(self.zoom_rows, self.zoom_columns))
            .after(&Affine::scale(sign(self.flip_vertical), sign(self.flip_horizontal)))
            .about((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0)
    }

    /// The transformed picture, `(height, width, channels)`, in the values of bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: the map leads beyond 2^28 pixels, or is not finite.
    pub fn apply(&self, image: &super::Image, fill_mode: FillMode) -> Result<Vec<f32>> {
        let mut out = vec![0.0; image.data().len()];
        self.run(image.view(), fill_mode, 1.0, &mut out)?;
        Ok(out)
    }

    fn run<P: Pixel>(
        &self,
        src: View<'_, P>,
        fill: FillMode,
        scale: f32,
        out: &mut [f32],
    ) -> Result<()> {
        let changes_values = self.channel_shift != 0.0 || self.brightness != 1.0;
        let map = self.map(src.height, src.width);
        let early = if changes_values { 1.0 } else { scale };
        if map.is_identity() {
            warp::convert(src.data, early, out);
        } else {
            warp(src, &map, fill, early, src.height, src.width, out)?;
        }
        if self.channel_shift != 0.0 {
            let (low, high) = out
                .iter()
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &x| (lo.min(x), hi.max(x)));
            let shift = self.channel_shift as f32;
            for x in &mut *out {
                *x = (*x + shift).clamp(low, high);
            }
        }
        if self.brightness != 1.0 {
            let factor = self.brightness as f32;
            for x in &mut *out {
                *x = (*x * factor).clamp(0.0, 255.0);
            }
        }
        if changes_values && scale != 1.0 {
            for x in out {
                *x *= scale;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Image;
    use super::*;
    use purlin_core::rng::Stream;

    fn picture(h: usize, w: usize) -> Image {
        let data = (0..h * w * 3).map(|i| (i * i * 13 + i * 5) as u8).collect();
        Image::new(h, w, 3, data).unwrap()
    }

    #[test]
    fn nothing_switched_on_changes_nothing() {
        let image = picture(9, 6);
        let bytes: Vec<f32> = image.data().iter().map(|&b| f32::from(b)).collect();
        let mut out = vec![f32::NAN; bytes.len()];
        for i in 0..20 {
            let rng = &mut Stream::new(i, "test").rng(0);
            Augment::new().run(image.view(), rng, 1.0, &mut out).unwrap();
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn draws_fill_their_ranges_and_do_not_depend_on_each_other() {
        let all = Augment::classic()
            .vertical_flip(true)
            .channel_shift_range(20.0)
            .brightness_range(0.5, 1.5);
        let n = 2000;
        let drawn: Vec<Transform> = (0..n)
            .map(|i| all.draw(100, 50, &mut Stream::new(3, "test").rng(i)).unwrap())
            .collect();
        let range = |f: &dyn Fn(&Transform) -> f64| {
            drawn.iter().map(f).fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(x), hi.max(x)))
        };
        let covers = |(lo, hi): (f64, f64), a: f64, b: f64| {
            lo >= a && hi <= b && lo < a + 0.01 * (b - a) && hi > b - 0.01 * (b - a)
        };
        assert!(covers(range(&|t| t.rotation), -40.0, 40.0));
        assert!(covers(range(&|t| t.shift_rows), -20.0, 20.0));
        assert!(covers(range(&|t| t.shift_columns), -10.0, 10.0));
        assert!(covers(range(&|t| t.shear), -0.2, 0.2));
        assert!(covers(range(&|t| t.zoom_rows), 0.8, 1.2));
        assert!(covers(range(&|t| t.zoom_columns), 0.8, 1.2));
        assert!(covers(range(&|t| t.channel_shift), -20.0, 20.0));
        assert!(covers(range(&|t| t.brightness), 0.5, 1.5));
        let flips = drawn.iter().filter(|t| t.flip_horizontal).count();
        assert!((900..1100).contains(&flips), "{flips}"); // 1000 expected, sigma 22
        let only = Augment::new().rotation_range(40.0);
        for (i, t) in drawn.iter().enumerate() {
            let rng = &mut Stream::new(3, "test").rng(i as u64);
            assert_eq!(only.draw(100, 50, rng).unwrap().rotation, t.rotation);
        }
    }

    #[test]
    fn the_map_is_the_product_of_its_parts() {
        // Each part alone moves a known point to a known place.
        let at = |t: Transform, row: f64, column: f64| t.map(11, 21).apply(row, column);
        let near = |(a, b): (f64, f64), c: f64, d: f64| {
            assert!((a - c).abs() < 1e-9 && (b - d).abs() < 1e-9, "({a}, {b}) is not ({c}, {d})");
        };
        let none = Transform::default();
        near(at(none, 2.0, 3.0), 2.0, 3.0);
        near(at(Transform { shift_rows: 2.0, shift_columns: -3.0, ..none }, 2.0, 3.0), 4.0, 0.0);
        near(at(Transform { rotation: 90.0, ..none }, 5.0, 11.0), 4.0, 10.0);
        near(at(Transform { zoom_rows: 2.0, zoom_columns: 0.5, ..none }, 0.0, 0.0), -5.0, 5.0);
        near(at(Transform { flip_vertical: true, ..none }, 0.0, 4.0), 10.0, 4.0);
        near(at(Transform { flip_horizontal: true, ..none }, 0.0, 4.0), 0.0, 16.0);
        near(at(Transform { shear: 30.0, ..none }, 5.0, 11.0), 4.5, 10.0 + 0.75f64.sqrt());
        // Together: rotation of the shifted, sheared, zoomed, flipped point.
        let all = Transform {
            rotation: 90.0,
            shift_rows: 1.0,
            shear: 30.0,
            zoom_columns: 2.0,
            flip_horizontal: true,
            ..none
        };
        // (5, 11): centred (0, 1), flipped (0, -1), zoomed (0, -2), sheared (1, -sqrt 3),
        // shifted (2, -sqrt 3), turned (sqrt 3, 2).
        near(at(all, 5.0, 11.0), 5.0 + 3f64.sqrt(), 12.0);
    }

    #[test]
    fn values_are_changed_within_their_limits() {
        let image = Image::new(1, 3, 1, vec![10, 100, 200]).unwrap();
        let none = Transform::default();
        let run = |t: Transform| t.apply(&image, FillMode::Nearest).unwrap();
        assert_eq!(run(Transform { brightness: 2.0, ..none }), [20.0, 200.0, 255.0]);
        assert_eq!(run(Transform { channel_shift: 30.0, ..none }), [40.0, 130.0, 200.0]);
        assert_eq!(run(Transform { channel_shift: -30.0, ..none }), [10.0, 70.0, 170.0]);
        let mut out = [0.0; 3];
        let both = Transform { channel_shift: 30.0, brightness: 0.5, ..none };
        both.run(image.view(), FillMode::Nearest, 0.5, &mut out).unwrap();
        assert_eq!(out, [10.0, 32.5, 50.0]);
    }

    #[test]
    fn senseless_ranges_are_refused() {
        let text = |augment: Augment| augment.check().unwrap_err().to_string();
        assert_eq!(
            text(Augment::new().rotation_range(-1.0)),
            "augment: rotation_range must be in 0..=360, got -1"
        );
        assert_eq!(
            text(Augment::new().zoom_range(1.0)),
            "augment: zoom_range must be in 0.001..=1000, got 0"
        );
        assert_eq!(
            text(Augment::new().brightness_range(1.5, 0.5)),
            "augment: brightness_range must be in ascending order, got 1.5..0.5"
        );
        assert_eq!(
            text(Augment::new().width_shift_range(f64::NAN)),
            "augment: width_shift_range must be in 0..=10, got NaN"
        );
        assert_eq!(
            text(Augment::new().fill_mode(FillMode::Constant(f32::NAN))),
            "augment: fill_mode must be a finite constant, got NaN"
        );
    }
}
