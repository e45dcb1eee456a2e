//! Resizing: a weighted mean of source pixels per axis, rows first.

use super::{Pixel, View};
use purlin_backend::{Buffer, Kernel, dispatch};
use purlin_core::simd::Isa;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// How a resized pixel is made from those under it. Pixels are areas, so the centre of the first
/// one lies at 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The pixel under the centre.
    Nearest,
    /// The two neighbours of the centre along each axis, also when shrinking.
    Bilinear,
    /// A triangle as wide as two output pixels: equal to `Bilinear` when enlarging, a weighted
    /// mean of all pixels underneath when shrinking. Pillow's `BILINEAR`, torchvision's
    /// `antialias=True`.
    #[default]
    BilinearAntialias,
    /// The mean of the area underneath. OpenCV's `INTER_AREA` when shrinking.
    Area,
    /// Keys's cubic with a = -1/2 over four output pixels, sharper than a triangle, antialiased
    /// when shrinking. Pillow's `BICUBIC`, torchvision's with `antialias=True`. Beside hard edges
    /// it overshoots: in a pipeline numbers may leave the picture's range a little, and
    /// [`Resize::apply`] limits them when it rounds to bytes.
    ///
    /// R. G. Keys, *Cubic convolution interpolation for digital image processing*, IEEE Trans.
    /// Acoustics, Speech, Signal Processing 29(6), 1981.
    Bicubic,
}

/// Changes the size of a picture.
///
/// # Examples
///
/// ```
/// use purlin_data::image::{Filter, Image, Resize};
///
/// let image = Image::new(2, 2, 1, vec![0, 100, 50, 250])?;
/// let resize = Resize::to(1, 1).filter(Filter::Area);
/// assert_eq!(resize.apply(&image)?.data(), [100]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    target: Target,
    filter: Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    Exactly { height: usize, width: usize },
    Shorter(usize),
}

impl Resize {
    /// To exactly this size, whatever that does to the proportions.
    pub fn to(height: usize, width: usize) -> Self {
        Self { target: Target::Exactly { height, width }, filter: Filter::default() }
    }

    /// So that the shorter side has `size` pixels and the proportions stay (the longer side is
    /// rounded to the nearest pixel).
    pub fn shorter_side(size: usize) -> Self {
        Self { target: Target::Shorter(size), filter: Filter::default() }
    }

    /// How pixels are mixed; [`Filter::BilinearAntialias`] unless told.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// The size that a picture of `height` by `width` gets.
    pub fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        match self.target {
            Target::Exactly { height, width } => (height, width),
            Target::Shorter(size) => {
                let longer = |long: usize, short: usize| (long * size + short / 2) / short.max(1);
                if height <= width {
                    (size, longer(width, height))
                } else {
                    (longer(height, width), size)
                }
            }
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let sizes = match self.target {
            Target::Exactly { height, width } => [("height", height), ("width", width)],
            Target::Shorter(size) => [("shorter_side", size); 2],
        };
        match sizes.into_iter().find(|(_, n)| !(1..=MAX_SIDE).contains(n)) {
            Some((name, n)) => Err(Error::param("resize", name, format!("in 1..={MAX_SIDE}"), n)),
            None => Ok(()),
        }
    }

    /// The size of the result, refused when a setting is senseless or the result would be huge.
    pub(crate) fn checked_output_size(
        &self,
        height: usize,
        width: usize,
    ) -> Result<(usize, usize)> {
        self.check()?;
        let (h, w) = self.output_size(height, width);
        if h.checked_mul(w).is_none_or(|n| n > MAX_PIXELS) {
            let rule = format!("such that the result has at most {MAX_PIXELS} pixels");
            return Err(Error::param("resize", "size", rule, format!("{h} x {w}")));
        }
        Ok((h, w))
    }

    /// The resized picture, rounded to bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: a size of 0 or above 65,536, or a result of more than 2^27 pixels.
    pub fn apply(&self, image: &super::Image) -> Result<super::Image> {
        let (height, width) = self.checked_output_size(image.height(), image.width())?;
        let mut out = Buffer::scratch(height * width * image.channels());
        self.run(image.view(), &mut out);
        super::Image::from_f32(height, width, image.channels(), &out)
    }

    /// Fills `out`, whose size is [`Resize::output_size`].
    pub(crate) fn run<P: Pixel>(&self, src: View<'_, P>, out: &mut [f32]) {
        let (height, width) = self.output_size(src.height, src.width);
        assert_eq!(out.len(), height * width * src.channels);
        let rows = Taps::new(self.filter, src.height, height);
        let columns = Taps::new(self.filter, src.width, width);
        // Rows first: they are added whole, which is fast, and afterwards fewer are left when
        // shrinking.
        let mut between = Buffer::scratch(height * src.width * src.channels);
        dispatch(Rows { src, taps: &rows, out: &mut between });
        let job = Columns { width: src.width, taps: &columns, between: &between, out };
        match src.channels {
            1 => dispatch(Fixed::<1>(job)),
            3 => dispatch(Fixed::<3>(job)),
            channels => dispatch(Any(job, channels)),
        }
    }
}

/// A long and narrow picture, resized by its shorter side, must not take all memory.
const MAX_PIXELS: usize = 1 << 27;

/// The largest side; a larger one is more likely a mistake than a picture.
const MAX_SIDE: usize = 1 << 16;

/// Which source pixels make each output pixel along one axis, and their weights.
struct Taps {
    /// First source pixel and number of weights, per output pixel.
    spans: Vec<(usize, usize)>,
    /// Rows of `width` weights, which sum to 1; unused ones are 0.
    weights: Vec<f32>,
    width: usize,
}

impl Taps {
    fn new(filter: Filter, n_in: usize, n_out: usize) -> Self {
        let scale = n_in as f64 / n_out as f64;
        let last = n_in - 1;
        let mut all: Vec<(usize, Vec<f64>)> = Vec::with_capacity(n_out);
        for i in 0..n_out {
            let centre = (i as f64 + 0.5) * scale;
            all.push(match filter {
                Filter::Nearest => ((centre.floor() as usize).min(last), vec![1.0]),
                Filter::Bilinear => {
                    let x = (centre - 0.5).clamp(0.0, last as f64);
                    let first = x.floor() as usize;
                    let t = x - x.floor();
                    (first, if t == 0.0 { vec![1.0] } else { vec![1.0 - t, t] })
                }
                Filter::BilinearAntialias => {
                    let reach = scale.max(1.0);
                    mean_of(centre - reach, centre + reach, last, |j| {
                        1.0 - (j as f64 + 0.5 - centre).abs() / reach
                    })
                }
                Filter::Bicubic => {
                    let stretch = scale.max(1.0);
                    let reach = 2.0 * stretch;
                    let first = (centre - reach + 0.5).floor().max(0.0) as usize;
                    let end = ((centre + reach + 0.5).floor() as usize).clamp(first + 1, n_in);
                    let weight = |j: usize| keys((j as f64 + 0.5 - centre) / stretch);
                    let mut weights: Vec<f64> = (first..end).map(weight).collect();
                    let sum: f64 = weights.iter().sum();
                    for w in &mut weights {
                        *w /= sum;
                    }
                    (first, weights)
                }
                Filter::Area => {
                    let (from, to) = (i as f64 * scale, (i as f64 + 1.0) * scale);
                    mean_of(from, to, last, |j| (to.min(j as f64 + 1.0)) - from.max(j as f64))
                }
            });
        }
        let width = all.iter().map(|(_, w)| w.len()).max().unwrap_or(0);
        let mut weights = vec![0.0; n_out * width];
        let mut spans = Vec::with_capacity(n_out);
        for ((first, w), out) in all.into_iter().zip(weights.chunks_exact_mut(width.max(1))) {
            spans.push((first, w.len()));
            for (out, w) in out.iter_mut().zip(w) {
                *out = w as f32;
            }
        }
        Self { spans, weights, width }
    }

    #[inline(always)]
    fn of(&self, i: usize) -> (usize, &[f32]) {
        let (first, n) = self.spans[i];
        (first, &self.weights[i * self.width..][..n])
    }
}

/// Keys's cubic with a = -1/2: 1 at 0, 0 at the other integers and from 2 on.
fn keys(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// The positive weights of the pixels that touch `from..to`, scaled to a sum of 1.
fn mean_of(from: f64, to: f64, last: usize, weight: impl Fn(usize) -> f64) -> (usize, Vec<f64>) {
    // A float-to-integer cast limits to the range.
    let candidates = (from.floor() as usize).min(last)..=(to.ceil() as usize).min(last);
    let mut first = *candidates.start();
    let mut weights = Vec::new();
    for j in candidates {
        let w = weight(j);
        // Below a millionth it is rounding of the borders.
        if w > 1e-6 {
            weights.push(w);
        } else if weights.is_empty() {
            first = j + 1;
        } else {
            break;
        }
    }
    let sum: f64 = weights.iter().sum();
    for w in &mut weights {
        *w /= sum;
    }
    (first, weights)
}

/// Mixes whole rows.
struct Rows<'a, P> {
    src: View<'a, P>,
    taps: &'a Taps,
    out: &'a mut [f32],
}

impl<P: Pixel> Kernel for Rows<'_, P> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.src.width * self.src.channels;
        for (i, out) in self.out.chunks_exact_mut(n).enumerate() {
            let (first, weights) = self.taps.of(i);
            let rows = self.src.data[first * n..].chunks_exact(n);
            for (j, (&w, row)) in weights.iter().zip(rows).enumerate() {
                if j == 0 {
                    for (out, &x) in out.iter_mut().zip(row) {
                        *out = w * x.value();
                    }
                } else {
                    for (out, &x) in out.iter_mut().zip(row) {
                        *out += w * x.value();
                    }
                }
            }
        }
    }
}

/// Mixes pixels within each row.
struct Columns<'a> {
    width: usize,
    taps: &'a Taps,
    between: &'a [f32],
    out: &'a mut [f32],
}

struct Fixed<'a, const C: usize>(Columns<'a>);

impl<const C: usize> Kernel for Fixed<'_, C> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Columns { width, taps, between, out } = self.0;
        let n_out = taps.spans.len();
        for (row, out) in between.chunks_exact(width * C).zip(out.chunks_exact_mut(n_out * C)) {
            let (pixels, _) = row.as_chunks::<C>();
            for (i, out) in out.as_chunks_mut::<C>().0.iter_mut().enumerate() {
                let (first, weights) = taps.of(i);
                let mut sum = [0.0; C];
                for (&w, pixel) in weights.iter().zip(&pixels[first..]) {
                    for c in 0..C {
                        sum[c] += w * pixel[c];
                    }
                }
                *out = sum;
            }
        }
    }
}

struct Any<'a>(Columns<'a>, usize);

impl Kernel for Any<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self(Columns { width, taps, between, out }, channels) = self;
        let n_out = taps.spans.len();
        let rows = between.chunks_exact(width * channels);
        for (row, out) in rows.zip(out.chunks_exact_mut(n_out * channels)) {
            for (i, out) in out.chunks_exact_mut(channels).enumerate() {
                let (first, weights) = taps.of(i);
                out.fill(0.0);
                let pixels = row[first * channels..].chunks_exact(channels);
                for (&w, pixel) in weights.iter().zip(pixels) {
                    for (out, &x) in out.iter_mut().zip(pixel) {
                        *out += w * x;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Image;
    use super::*;
    use proptest::prelude::*;
    use purlin_backend::isa::{self, IsaKind};

    /// Those whose weights are all positive.
    const MEANS: [Filter; 4] =
        [Filter::Nearest, Filter::Bilinear, Filter::BilinearAntialias, Filter::Area];
    const FILTERS: [Filter; 5] = [MEANS[0], MEANS[1], MEANS[2], MEANS[3], Filter::Bicubic];

    fn run(image: &Image, resize: Resize) -> Vec<f32> {
        let (h, w) = resize.output_size(image.height(), image.width());
        let mut out = vec![f32::NAN; h * w * image.channels()];
        resize.run(image.view(), &mut out);
        out
    }

    fn picture(h: usize, w: usize, channels: usize) -> Image {
        let data = (0..h * w * channels).map(|i| (i * i * 13 + i * 5) as u8).collect();
        Image::new(h, w, channels, data).unwrap()
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let image = picture(5, 4, 3);
        let bytes: Vec<f32> = image.data().iter().map(|&b| f32::from(b)).collect();
        for filter in FILTERS {
            assert_eq!(run(&image, Resize::to(5, 4).filter(filter)), bytes, "{filter:?}");
        }
    }

    #[test]
    fn values_worked_out_by_hand() {
        let row = Image::new(1, 4, 1, vec![0, 100, 200, 40]).unwrap();
        let two = |filter| run(&row, Resize::to(1, 2).filter(filter));
        // Centres of the halves lie at 1 and 3, in the middle between two pixels.
        assert_eq!(two(Filter::Area), [50.0, 120.0]);
        assert_eq!(two(Filter::Bilinear), [50.0, 120.0]);
        assert_eq!(two(Filter::Nearest), [100.0, 40.0]);
        // Triangle of reach 2 about 1: pixels at 0.5, 1.5, 2.5 weigh 3/4, 3/4, 1/4.
        let expected = (0.75 * 0.0 + 0.75 * 100.0 + 0.25 * 200.0) / 1.75;
        assert!((f64::from(two(Filter::BilinearAntialias)[0]) - expected).abs() < 1e-4);
        // Enlarged to twice the size: centres at 0.25, 0.75, ... of the source.
        let pair = Image::new(1, 2, 1, vec![0, 100]).unwrap();
        for filter in [Filter::Bilinear, Filter::BilinearAntialias] {
            assert_eq!(run(&pair, Resize::to(1, 4).filter(filter)), [0.0, 25.0, 75.0, 100.0]);
        }
    }

    #[test]
    fn cubic_values_worked_out_by_hand() {
        // Twice as large: pixel 2 of 8 lies at 1.25 of the source, pixel centres 0.5, 1.5, 2.5, 3.5
        // lie 0.75, 0.25, 1.25, 2.25 away. By Keys's formula these weigh 29, 111, -9 and 0 of 128: 131 in all.
        let row = Image::new(1, 4, 1, vec![0, 100, 200, 40]).unwrap();
        let large = run(&row, Resize::to(1, 8).filter(Filter::Bicubic));
        let expected = (111.0 * 100.0 - 9.0 * 200.0) / 131.0;
        assert!((f64::from(large[2]) - expected).abs() < 1e-4, "{large:?}");
        // Inside, with four neighbours, a ramp stays a ramp.
        let ramp = Image::new(1, 8, 1, (0..8).map(|i| i * 20).collect()).unwrap();
        let large = run(&ramp, Resize::to(1, 16).filter(Filter::Bicubic));
        for (i, x) in large.iter().enumerate().take(12).skip(4) {
            let expected = (i as f64 - 0.5) * 10.0;
            assert!((f64::from(*x) - expected).abs() < 1e-3, "{i}: {x}");
        }
        // An edge overshoots; as bytes it is limited.
        let edge = Image::new(1, 6, 1, vec![0, 0, 0, 255, 255, 255]).unwrap();
        let resize = Resize::to(1, 12).filter(Filter::Bicubic);
        let out = run(&edge, resize);
        assert!(out.iter().any(|&x| x < -1.0) && out.iter().any(|&x| x > 256.0), "{out:?}");
        assert_eq!(resize.apply(&edge).unwrap().data()[4], 0);
    }

    #[test]
    fn the_shorter_side_keeps_the_proportions() {
        assert_eq!(Resize::shorter_side(100).output_size(200, 301), (100, 151));
        assert_eq!(Resize::shorter_side(100).output_size(301, 200), (151, 100));
        assert_eq!(Resize::shorter_side(7).output_size(7, 9), (7, 9));
    }

    #[test]
    fn same_bits_on_every_instruction_set() {
        for channels in [1, 2, 3] {
            let image = picture(37, 53, channels);
            let mut reference: Option<Vec<u32>> = None;
            for kind in IsaKind::available() {
                let pin = isa::pin(kind);
                let bits: Vec<u32> = [Filter::default(), Filter::Bicubic]
                    .into_iter()
                    .flat_map(|filter| run(&image, Resize::to(17, 61).filter(filter)))
                    .map(f32::to_bits)
                    .collect();
                drop(pin);
                assert_eq!(reference.get_or_insert_with(|| bits.clone()), &bits, "{}", kind.name());
            }
        }
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        let image = picture(2, 2, 1);
        let text = Resize::to(0, 4).apply(&image).unwrap_err().to_string();
        assert_eq!(text, "resize: height must be in 1..=65536, got 0");
        let text = Resize::shorter_side(1 << 20).apply(&image).unwrap_err().to_string();
        assert_eq!(text, "resize: shorter_side must be in 1..=65536, got 1048576");
    }

    proptest! {
        #[test]
        fn weights_sum_to_one_and_stay_inside(n_in in 1usize..200, n_out in 1usize..200) {
            for filter in FILTERS {
                let taps = Taps::new(filter, n_in, n_out);
                for i in 0..n_out {
                    let (first, weights) = taps.of(i);
                    prop_assert!(!weights.is_empty() && first + weights.len() <= n_in);
                    let sum: f64 = weights.iter().map(|&w| f64::from(w)).sum();
                    prop_assert!((sum - 1.0).abs() < 1e-5, "{:?}: {}", filter, sum);
                    let lowest = if filter == Filter::Bicubic { -0.25 } else { f32::MIN_POSITIVE };
                    prop_assert!(weights.iter().all(|&w| w >= lowest), "{:?}", filter);
                }
            }
        }

        #[test]
        fn results_stay_within_the_picture(
            (h, w) in (1usize..20, 1usize..20),
            (oh, ow) in (1usize..20, 1usize..20),
            channels in 1usize..5,
        ) {
            let image = picture(h, w, channels);
            let (lo, hi) = (image.data().iter().min(), image.data().iter().max());
            let (lo, hi) = (f32::from(*lo.unwrap()), f32::from(*hi.unwrap()));
            for filter in MEANS {
                for x in run(&image, Resize::to(oh, ow).filter(filter)) {
                    prop_assert!(x >= lo - 1e-3 && x <= hi + 1e-3, "{:?}: {}", filter, x);
                }
            }
        }
    }
}
