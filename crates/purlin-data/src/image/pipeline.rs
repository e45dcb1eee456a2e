//! From a picture to a network's input.

use super::crop::crop;
use super::warp::convert;
use super::{Augment, ColorJitter, Image, Pixel, RandomErasing, Resize, View};
use crate::StandardScaler;
use purlin_backend::Buffer;
use purlin_core::rng::Rng;
use purlin_core::{Error, Result, Shape};
use purlin_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// One step of a [`Pipeline`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Changes the size.
    Resize(Resize),
    /// Cuts out the middle.
    CenterCrop {
        /// Rows of the window.
        height: usize,
        /// Columns of the window.
        width: usize,
    },
    /// In training cuts out a window at a random place of the picture, which is widened by
    /// `padding` zeros on each side first; in evaluation the middle.
    RandomCrop {
        /// Rows of the window.
        height: usize,
        /// Columns of the window.
        width: usize,
        /// Zeros added on each side.
        padding: usize,
    },
    /// Random transformations, in training only.
    Augment(Augment),
    /// Random colours, in training only.
    ColorJitter(ColorJitter),
    /// Adds to every number a draw from a normal distribution of mean 0, in training only.
    GaussianNoise {
        /// Standard deviation, in the unit that the numbers have at this step.
        std: f64,
    },
    /// Covers a rectangle, in training only.
    RandomErasing(RandomErasing),
    /// Multiplies every number.
    Rescale(f32),
    /// Shifts and scales each channel.
    Standardize(StandardScaler),
    /// Shifts and scales each picture to mean 0 and standard deviation 1 over all its numbers; one
    /// whose numbers are all equal becomes 0. Keras's `samplewise_center` with
    /// `samplewise_std_normalization`.
    StandardizeEach,
}

/// The steps from the bytes of a picture to the numbers that a network takes.
///
/// A pipeline has two faces. Training runs all steps; evaluation and prediction leave the random
/// ones out. It is saved with the model (`serde`), so a prediction later applies exactly the
/// evaluation part that the model was validated with.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_data::image::{Augment, Image, Pipeline};
///
/// let pipeline = Pipeline::new().resize(4, 4).augment(Augment::classic()).rescale(1.0 / 255.0);
/// let image = Image::new(2, 2, 1, vec![255; 4])?;
///
/// let x = pipeline.apply(&image)?; // for prediction
/// assert_eq!(x.dims(), [1, 4, 4, 1]);
/// assert!(x.data().iter().all(|v| (v - 1.0).abs() < 1e-6));
///
/// let json = serde_json::to_string(&pipeline)?;
/// assert_eq!(serde_json::from_str::<Pipeline>(&json)?, pipeline);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pipeline {
    steps: Vec<Step>,
}

impl Pipeline {
    /// No steps: bytes become numbers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Resizes to exactly this size, antialiased.
    #[must_use]
    pub fn resize(self, height: usize, width: usize) -> Self {
        self.step(Step::Resize(Resize::to(height, width)))
    }

    /// Resizes in another way.
    #[must_use]
    pub fn resize_with(self, resize: Resize) -> Self {
        self.step(Step::Resize(resize))
    }

    /// Cuts out the middle.
    #[must_use]
    pub fn center_crop(self, height: usize, width: usize) -> Self {
        self.step(Step::CenterCrop { height, width })
    }

    /// Cuts out a random window, of the picture with `padding` zeros around it.
    #[must_use]
    pub fn random_crop(self, height: usize, width: usize, padding: usize) -> Self {
        self.step(Step::RandomCrop { height, width, padding })
    }

    /// Transforms training pictures at random.
    #[must_use]
    pub fn augment(self, augment: Augment) -> Self {
        self.step(Step::Augment(augment))
    }

    /// Changes the colours of training pictures at random.
    #[must_use]
    pub fn color_jitter(self, jitter: ColorJitter) -> Self {
        self.step(Step::ColorJitter(jitter))
    }

    /// Adds normal noise of this standard deviation to training pictures, in the unit that the
    /// numbers have here (0 to 255 before rescaling). The sums are not limited to a range.
    #[must_use]
    pub fn gaussian_noise(self, std: f64) -> Self {
        self.step(Step::GaussianNoise { std })
    }

    /// Covers rectangles of training pictures.
    #[must_use]
    pub fn random_erasing(self, erasing: RandomErasing) -> Self {
        self.step(Step::RandomErasing(erasing))
    }

    /// Multiplies every number, by 1/255 as a rule.
    #[must_use]
    pub fn rescale(self, factor: f32) -> Self {
        self.step(Step::Rescale(factor))
    }

    /// Shifts and scales each channel.
    #[must_use]
    pub fn standardize(self, scaler: StandardScaler) -> Self {
        self.step(Step::Standardize(scaler))
    }

    /// Shifts and scales each picture by its own mean and standard deviation.
    #[must_use]
    pub fn standardize_each(self) -> Self {
        self.step(Step::StandardizeEach)
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether training differs from evaluation.
    pub fn is_random(&self) -> bool {
        self.steps
            .iter()
            .any(|step| step.is_training_only() || matches!(step, Step::RandomCrop { .. }))
    }

    /// The shape that a picture of `(height, width, channels)` gets; refuses senseless steps.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a step with a senseless parameter, a crop larger than the
    ///   picture, a step that counts in bytes (brightness, colours, a fill value, ...) after one
    ///   that rescales.
    /// - [`Error::Shape`]: a scaler for another number of channels.
    pub fn output_shape(&self, height: usize, width: usize, channels: usize) -> Result<Shape> {
        let (mut h, mut w) = (height, width);
        let mut rescaled = None;
        for (i, step) in self.steps.iter().enumerate() {
            if let (Some(by), Some((op, param))) = (rescaled, step.counts_in_bytes()) {
                let rule = format!("used before {by}, where values are 0 to 255");
                return Err(Error::param(op, param, rule, format!("it as step {}", i + 1)));
            }
            rescaled = rescaled.or(step.rescales());
            match step {
                Step::Resize(resize) => {
                    resize.check()?;
                    (h, w) = resize.checked_output_size(h, w)?;
                }
                Step::CenterCrop { height, width } => {
                    check_crop("center_crop", *height, *width, h, w)?;
                    (h, w) = (*height, *width);
                }
                Step::RandomCrop { height, width, padding } => {
                    if *padding > MAX_PADDING {
                        let rule = format!("at most {MAX_PADDING}");
                        return Err(Error::param("random_crop", "padding", rule, padding));
                    }
                    check_crop("random_crop", *height, *width, h + 2 * padding, w + 2 * padding)?;
                    (h, w) = (*height, *width);
                }
                Step::Augment(augment) => augment.check()?,
                Step::ColorJitter(jitter) => jitter.check(channels)?,
                Step::GaussianNoise { std } if *std >= 0.0 && std.is_finite() => {}
                Step::GaussianNoise { std } => {
                    return Err(Error::param(
                        "gaussian_noise",
                        "std",
                        "at least 0 and finite",
                        std,
                    ));
                }
                Step::RandomErasing(erasing) => erasing.check()?,
                Step::StandardizeEach => {}
                Step::Rescale(factor) if factor.is_finite() => {}
                Step::Rescale(factor) => {
                    return Err(Error::param("rescale", "factor", "finite", factor));
                }
                Step::Standardize(scaler) => {
                    if scaler.mean().len() != channels {
                        let expected = format!("{} channels", scaler.mean().len());
                        return Err(Error::shape("standardize", expected, channels));
                    }
                }
            }
        }
        Ok(Shape::from([h, w, channels]))
    }

    /// One picture for prediction, `(1, height, width, channels)`: the evaluation part.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::output_shape`].
    pub fn apply(&self, image: &Image) -> Result<Tensor<f32>> {
        let shape = self.output_shape(image.height(), image.width(), image.channels())?;
        let mut x = Tensor::zeros([1, shape[0], shape[1], shape[2]]);
        self.run(image.view(), None, x.data_mut())?;
        Ok(x)
    }

    /// One picture as training would see it, `(1, height, width, channels)`.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::output_shape`].
    pub fn apply_random(&self, image: &Image, rng: &mut Rng) -> Result<Tensor<f32>> {
        let shape = self.output_shape(image.height(), image.width(), image.channels())?;
        let mut x = Tensor::zeros([1, shape[0], shape[1], shape[2]]);
        self.run(image.view(), Some(rng), x.data_mut())?;
        Ok(x)
    }

    /// Runs the steps, training's when there is an `rng`, into `out` of the right length. The
    /// parameters have been checked by [`Pipeline::output_shape`].
    pub(crate) fn run(
        &self,
        image: View<'_, u8>,
        mut rng: Option<&mut Rng>,
        out: &mut [f32],
    ) -> Result<()> {
        let is_training = rng.is_some();
        let steps: Vec<&Step> =
            self.steps.iter().filter(|step| is_training || !step.is_training_only()).collect();
        let channels = image.channels;
        let (mut height, mut width) = (image.height, image.width);
        let mut numbers = Numbers::Bytes(image.data);
        let mut out = Some(out);
        let mut i = 0;
        while i < steps.len() {
            let (step, rest) = (steps[i], &steps[i + 1..]);
            i += 1;
            // What no later step moves any more is written where the caller wants it.
            let mut place = |n: usize| match out.take() {
                Some(out) if !rest.iter().any(|step| step.moves_pixels()) => Numbers::Out(out),
                kept => {
                    out = kept;
                    Numbers::Own(Buffer::scratch(n))
                }
            };
            if step.moves_pixels() {
                // Within the resampling, a rescaling that follows costs nothing.
                let scale = match (step, rest.first()) {
                    (Step::Augment(_), Some(Step::Rescale(factor))) => {
                        i += 1;
                        *factor
                    }
                    _ => 1.0,
                };
                let size = step.output_size(height, width);
                let mut target = place(size.0 * size.1 * channels);
                let rng = rng.as_deref_mut();
                match &numbers {
                    Numbers::Bytes(data) => {
                        let view = View { height, width, channels, data };
                        move_pixels(step, view, rng, scale, target.floats())?;
                    }
                    Numbers::Own(_) | Numbers::Out(_) => {
                        let view = View { height, width, channels, data: numbers.as_floats() };
                        move_pixels(step, view, rng, scale, target.floats())?;
                    }
                }
                numbers = target;
                (height, width) = size;
                continue;
            }
            if let Numbers::Bytes(data) = numbers {
                numbers = place(data.len());
                convert(data, 1.0, numbers.floats());
            }
            let x = numbers.floats();
            match (step, rng.as_deref_mut()) {
                (Step::Rescale(factor), _) => rescale(x, *factor),
                (Step::Standardize(scaler), _) => scaler.apply(x)?,
                (Step::StandardizeEach, _) => standardize_each(x),
                (Step::ColorJitter(jitter), Some(rng)) => jitter.run(channels, rng, x),
                (Step::GaussianNoise { std }, Some(rng)) => {
                    for x in x {
                        *x += (*std * rng.normal()) as f32;
                    }
                }
                (Step::RandomErasing(e), Some(rng)) => e.run(height, width, channels, rng, x),
                // The others move pixels, or were left out.
                _ => {}
            }
        }
        if let (Numbers::Bytes(data), Some(out)) = (&numbers, out) {
            convert(data, 1.0, out);
        }
        Ok(())
    }
}

impl Step {
    /// The name of a step after which values are no longer those of bytes.
    fn rescales(&self) -> Option<&'static str> {
        match self {
            Self::Rescale(_) => Some("rescale"),
            Self::Standardize(_) => Some("standardize"),
            Self::StandardizeEach => Some("standardize_each"),
            _ => None,
        }
    }

    /// The operation and the setting that need the values of bytes.
    fn counts_in_bytes(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Augment(augment) => augment.counts_in_bytes().map(|param| ("augment", param)),
            Self::ColorJitter(_) => Some(("pipeline", "color_jitter")),
            _ => None,
        }
    }

    fn is_training_only(&self) -> bool {
        matches!(
            self,
            Self::Augment(_)
                | Self::ColorJitter(_)
                | Self::GaussianNoise { .. }
                | Self::RandomErasing(_)
        )
    }

    /// Whether numbers leave their places, so that a second buffer is needed.
    fn moves_pixels(&self) -> bool {
        matches!(
            self,
            Self::Resize(_) | Self::CenterCrop { .. } | Self::RandomCrop { .. } | Self::Augment(_)
        )
    }

    fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        match self {
            Self::Resize(resize) => resize.output_size(height, width),
            Self::CenterCrop { height, width } | Self::RandomCrop { height, width, .. } => {
                (*height, *width)
            }
            _ => (height, width),
        }
    }
}

/// Where the numbers lie between two steps.
enum Numbers<'a> {
    Bytes(&'a [u8]),
    Own(Buffer<f32>),
    Out(&'a mut [f32]),
}

impl Numbers<'_> {
    fn floats(&mut self) -> &mut [f32] {
        match self {
            Self::Bytes(_) => &mut [],
            Self::Own(data) => data,
            Self::Out(data) => data,
        }
    }

    fn as_floats(&self) -> &[f32] {
        match self {
            Self::Bytes(_) => &[],
            Self::Own(data) => data,
            Self::Out(data) => data,
        }
    }
}

fn rescale(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}

/// Mean 0 and deviation 1, worked out in double precision, in order.
fn standardize_each(x: &mut [f32]) {
    let Some(&first) = x.first() else { return };
    if x.iter().all(|&v| v == first) {
        x.fill(0.0);
        return;
    }
    let n = x.len() as f64;
    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let square = |v: f64| v * v;
    let std = (x.iter().map(|&v| square(f64::from(v) - mean)).sum::<f64>() / n).sqrt();
    for x in x {
        *x = ((f64::from(*x) - mean) / std) as f32;
    }
}

fn move_pixels<P: Pixel>(
    step: &Step,
    src: View<'_, P>,
    rng: Option<&mut Rng>,
    scale: f32,
    out: &mut [f32],
) -> Result<()> {
    let middle = |n: usize, window: usize| (n as isize - window as isize) / 2;
    match (step, rng) {
        (Step::Resize(resize), _) => resize.run(src, out),
        (Step::Augment(augment), Some(rng)) => augment.run(src, rng, scale, out)?,
        (Step::RandomCrop { height, width, padding }, Some(rng)) => {
            let mut corner = |n: usize, window: usize| {
                rng.below(n + 2 * padding - window + 1) as isize - *padding as isize
            };
            let top = corner(src.height, *height);
            let left = corner(src.width, *width);
            crop(src, (top, left), (*height, *width), 0.0, out);
        }
        (Step::CenterCrop { height, width } | Step::RandomCrop { height, width, .. }, _) => {
            let corner = (middle(src.height, *height), middle(src.width, *width));
            crop(src, corner, (*height, *width), 0.0, out);
        }
        _ => {}
    }
    Ok(())
}

/// More is a mistake, and sums with it cannot overflow.
const MAX_PADDING: usize = 1 << 16;

fn check_crop(
    op: &'static str,
    height: usize,
    width: usize,
    most_rows: usize,
    most_columns: usize,
) -> Result<()> {
    for (param, n, most) in [("height", height, most_rows), ("width", width, most_columns)] {
        if !(1..=most).contains(&n) {
            return Err(Error::param(op, param, format!("in 1..={most}"), n));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Erase, FillMode, Filter};
    use super::*;
    use purlin_core::rng::Stream;

    fn picture() -> Image {
        let data = (0..10 * 8 * 3).map(|i| (i * i * 13 + i * 5) as u8).collect();
        Image::new(10, 8, 3, data).unwrap()
    }

    #[test]
    fn evaluation_leaves_the_random_steps_out() {
        let image = picture();
        let scaler = StandardScaler::new(vec![0.5, 0.4, 0.3], vec![0.2, 0.25, 0.3]).unwrap();
        let full = Pipeline::new()
            .resize(6, 7)
            .augment(Augment::classic())
            .rescale(1.0 / 255.0)
            .standardize(scaler.clone())
            .random_erasing(RandomErasing::new(1.0));
        let plain = Pipeline::new().resize(6, 7).rescale(1.0 / 255.0).standardize(scaler.clone());
        let x = full.apply(&image).unwrap();
        assert_eq!(x.data(), plain.apply(&image).unwrap().data());
        // The same, step by step.
        let mut expected = vec![0.0; 6 * 7 * 3];
        Resize::to(6, 7).run(image.view(), &mut expected);
        for x in &mut expected {
            *x *= 1.0 / 255.0;
        }
        scaler.apply(&mut expected).unwrap();
        assert_eq!(x.data(), &expected[..]);
        let rng = &mut Stream::new(1, "test").rng(0);
        assert_ne!(full.apply_random(&image, rng).unwrap().data(), x.data());
    }

    #[test]
    fn a_fused_rescaling_has_the_same_bits() {
        let image = picture();
        for augment in [Augment::classic(), Augment::new().brightness_range(0.2, 1.8)] {
            let fused = Pipeline::new().augment(augment.clone()).rescale(1.0 / 255.0);
            let apart = Pipeline::new().augment(augment).rescale(1.0).rescale(1.0 / 255.0);
            for i in 0..10 {
                let run = |p: &Pipeline| p.apply_random(&image, &mut Stream::new(2, "t").rng(i));
                assert_eq!(run(&fused).unwrap().data(), run(&apart).unwrap().data());
            }
        }
    }

    #[test]
    fn steps_work_in_any_order() {
        let image = picture();
        let bytes: Vec<f32> = image.data().iter().map(|&b| f32::from(b)).collect();
        assert_eq!(Pipeline::new().apply(&image).unwrap().data(), &bytes[..]);
        let rng = &mut Stream::new(2, "t").rng(0);
        let whole = Pipeline::new().augment(Augment::new());
        assert_eq!(whole.apply_random(&image, rng).unwrap().data(), &bytes[..]);
        let early = Pipeline::new().rescale(0.5).center_crop(4, 4).rescale(2.0).center_crop(2, 2);
        let x = early.apply(&image).unwrap();
        assert_eq!(x.dims(), [1, 2, 2, 3]);
        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let at = (row * 2 + column) * 3;
            let expected: Vec<f32> =
                image.pixel(row + 4, column + 3).iter().map(|&b| f32::from(b)).collect();
            assert_eq!(x.data()[at..at + 3], expected);
        }
    }

    #[test]
    fn random_crops_visit_every_place() {
        let image = Image::new(3, 3, 1, (1..10).collect()).unwrap();
        let pipeline = Pipeline::new().random_crop(3, 3, 1);
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..200 {
            let x = pipeline.apply_random(&image, &mut Stream::new(4, "t").rng(i)).unwrap();
            seen.insert(x.data().iter().map(|&v| v as u8).collect::<Vec<_>>());
        }
        assert_eq!(seen.len(), 9);
        assert!(seen.contains(&vec![0, 0, 0, 0, 1, 2, 0, 4, 5]));
        let x = pipeline.apply(&image).unwrap();
        assert_eq!(x.data(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    }

    #[test]
    fn saved_and_loaded_it_is_the_same() {
        let pipeline = Pipeline::new()
            .resize_with(Resize::shorter_side(32).filter(Filter::Area))
            .random_crop(28, 28, 2)
            .augment(Augment::classic().brightness_range(0.5, 1.5))
            .rescale(1.0 / 255.0)
            .standardize(
                StandardScaler::new(vec![0.1, 0.2, 0.3], vec![0.3, 1.0 / 3.0, 2.0]).unwrap(),
            )
            .random_erasing(RandomErasing::new(0.5).value(Erase::Noise))
            .gaussian_noise(0.1)
            .standardize_each();
        let json = serde_json::to_string(&pipeline).unwrap();
        assert_eq!(serde_json::from_str::<Pipeline>(&json).unwrap(), pipeline);
        assert!(
            json.starts_with(r#"[{"resize":{"target":{"shorter":32},"filter":"area"}}"#),
            "{json}"
        );
    }

    #[test]
    fn each_picture_has_mean_0_and_deviation_1() {
        let x = Pipeline::new().rescale(0.1).standardize_each().apply(&picture()).unwrap();
        let n = x.numel() as f64;
        let mean = x.data().iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let square = x.data().iter().map(|&v| f64::from(v * v)).sum::<f64>() / n;
        assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-5, "{mean} {square}");
        // 2 and 4: one below and one above the mean.
        let pair = Image::new(1, 2, 1, vec![2, 4]).unwrap();
        assert_eq!(Pipeline::new().standardize_each().apply(&pair).unwrap().data(), [-1.0, 1.0]);
        let flat = Image::new(2, 2, 1, vec![7; 4]).unwrap();
        let flat = Pipeline::new().rescale(0.1).standardize_each().apply(&flat).unwrap();
        assert_eq!(flat.data(), [0.0; 4]);
    }

    #[test]
    fn noise_has_the_asked_deviation_in_training_only() {
        let grey = Image::new(100, 100, 1, vec![100; 10_000]).unwrap();
        let noisy = Pipeline::new().gaussian_noise(5.0);
        assert!(noisy.is_random());
        assert!(noisy.apply(&grey).unwrap().data().iter().all(|&v| v == 100.0));
        let x = noisy.apply_random(&grey, &mut Stream::new(1, "t").rng(0)).unwrap();
        let off = || x.data().iter().map(|&v| f64::from(v) - 100.0);
        let (mean, square) = (off().sum::<f64>() / 1e4, off().map(|d| d * d).sum::<f64>() / 1e4);
        // Sigmas of these figures: 0.05 and 0.035.
        assert!(mean.abs() < 0.2 && (square.sqrt() - 5.0).abs() < 0.15, "{mean} {square}");
        assert_eq!(
            Pipeline::new().gaussian_noise(-1.0).apply(&grey).unwrap_err().to_string(),
            "gaussian_noise: std must be at least 0 and finite, got -1"
        );
    }

    #[test]
    fn what_counts_in_bytes_comes_before_rescaling() {
        let scaler = StandardScaler::new(vec![0.0; 3], vec![1.0; 3]).unwrap();
        let text = |p: Pipeline| p.apply(&picture()).unwrap_err().to_string();
        let rescaled = || Pipeline::new().resize(4, 4).rescale(1.0 / 255.0);
        assert_eq!(
            text(rescaled().augment(Augment::classic().channel_shift_range(20.0))),
            "augment: channel_shift_range must be used before rescale, where values are 0 to 255, \
             got it as step 3"
        );
        assert_eq!(
            text(
                Pipeline::new()
                    .standardize(scaler)
                    .augment(Augment::new().brightness_range(0.5, 1.5))
            ),
            "augment: brightness_range must be used before standardize, where values are 0 to 255, \
             got it as step 2"
        );
        let fill = Augment::classic().fill_mode(FillMode::Constant(128.0));
        assert_eq!(
            text(rescaled().augment(fill.clone())),
            "augment: fill_mode must be used before rescale, where values are 0 to 255, got it as step 3"
        );
        assert_eq!(
            text(rescaled().color_jitter(ColorJitter::new().contrast(0.5))),
            "pipeline: color_jitter must be used before rescale, where values are 0 to 255, \
             got it as step 3"
        );
        // What only moves pixels may come anywhere.
        assert!(rescaled().augment(Augment::classic()).apply(&picture()).is_ok());
        assert!(Pipeline::new().augment(fill).rescale(0.5).apply(&picture()).is_ok());
    }

    #[test]
    fn senseless_steps_are_refused() {
        let text = |p: Pipeline| p.apply(&picture()).unwrap_err().to_string();
        assert_eq!(
            text(Pipeline::new().center_crop(11, 8)),
            "center_crop: height must be in 1..=10, got 11"
        );
        assert_eq!(
            text(Pipeline::new().random_crop(4, 13, 2)),
            "random_crop: width must be in 1..=12, got 13"
        );
        assert_eq!(
            text(Pipeline::new().rescale(f32::INFINITY)),
            "rescale: factor must be finite, got inf"
        );
        let grey = StandardScaler::new(vec![0.0], vec![1.0]).unwrap();
        assert_eq!(
            text(Pipeline::new().standardize(grey)),
            "standardize: expected 1 channels, got 3"
        );
    }
}
