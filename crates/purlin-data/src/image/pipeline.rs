//! From a picture to a network's input.

use super::crop::crop;
use super::warp::convert;
use super::{Augment, Image, Pixel, RandomErasing, Resize, View};
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
    /// Covers a rectangle, in training only.
    RandomErasing(RandomErasing),
    /// Multiplies every number.
    Rescale(f32),
    /// Shifts and scales each channel.
    Standardize(StandardScaler),
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

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether training differs from evaluation.
    pub fn is_random(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(step, Step::Augment(_) | Step::RandomErasing(_) | Step::RandomCrop { .. })
        })
    }

    /// The shape that a picture of `(height, width, channels)` gets; refuses senseless steps.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: a step with a senseless parameter, a crop larger than the
    ///   picture.
    /// - [`Error::Shape`]: a scaler for another number of channels.
    pub fn output_shape(&self, height: usize, width: usize, channels: usize) -> Result<Shape> {
        let (mut h, mut w) = (height, width);
        for step in &self.steps {
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
                Step::RandomErasing(erasing) => erasing.check()?,
                Step::Rescale(factor) if factor.is_finite() => {}
                Step::Rescale(factor) => {
                    return Err(Error::param("rescale", "factor", "finite", factor));
                }
                Step::Standardize(scaler) => {
                    scaler.check()?;
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
    fn is_training_only(&self) -> bool {
        matches!(self, Self::Augment(_) | Self::RandomErasing(_))
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
    use super::super::{Erase, Filter};
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
            .random_erasing(RandomErasing::new(0.5).value(Erase::Noise));
        let json = serde_json::to_string(&pipeline).unwrap();
        assert_eq!(serde_json::from_str::<Pipeline>(&json).unwrap(), pipeline);
        assert!(
            json.starts_with(r#"[{"resize":{"target":{"shorter":32},"filter":"area"}}"#),
            "{json}"
        );
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
