//! Predictions of single pictures, and what to look at afterwards.

use purlin::core::rng::Stream;
use purlin::core::{Error, Result};
use purlin::data::{Dataset, ImageDataset, Loader, Pipeline};
use purlin::nn::Forward;
use purlin::nn::trainer::{History, predict};
use purlin::plot::{ConfusionMatrix, Figure, ImageGrid, LearningCurves};
use purlin::tensor::Tensor;
use std::fmt;
use std::path::Path;

/// The probability of each class, a row for each picture. One logit means two classes.
pub(crate) fn probabilities(logits: &Tensor) -> Vec<Vec<f32>> {
    if let &[_, 1] = logits.dims() {
        return logits.sigmoid().data().iter().map(|&p| vec![1.0 - p, p]).collect();
    }
    let probs = logits.softmax(-1);
    probs.data().chunks(logits.dims()[1]).map(<[f32]>::to_vec).collect()
}

/// What the network says of one picture.
pub(crate) struct Guess {
    index: usize,
    file: String,
    name: String,
    truth: String,
    class: usize,
    label: usize,
    prob: f32,
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, name, prob, truth, .. } = self;
        write!(f, "{file}: {name} {:.1} % (is {truth})", 100.0 * prob)
    }
}

/// Predicts every picture.
pub(crate) fn judge(
    model: &(impl Forward + ?Sized),
    pipeline: &Pipeline,
    images: &ImageDataset,
    names: &[String],
) -> Result<Vec<Guess>> {
    let logits = predict(model, &Loader::new(images.evaluation(pipeline)?))?;
    let labels = images.labels().unwrap_or_default();
    let mut guesses = Vec::with_capacity(images.len());
    for (index, (probs, &label)) in probabilities(&logits).iter().zip(&labels).enumerate() {
        let best = (0..probs.len()).max_by(|&a, &b| probs[a].total_cmp(&probs[b]).then(b.cmp(&a)));
        let class = best.ok_or(Error::TooFewSamples { op: "judge", expected: 1, got: 0 })?;
        let path = images.name(index);
        let file =
            Path::new(&path).file_name().map_or(path.clone(), |f| f.to_string_lossy().into());
        let (name, truth) = (names[class].clone(), names[label].clone());
        guesses.push(Guess { index, file, name, truth, class, label, prob: probs[class] });
    }
    Ok(guesses)
}

/// Loss and accuracy over the epochs.
pub(crate) fn curves(history: &History) -> Result<Figure> {
    LearningCurves::new()
        .panel("loss")
        .series("training", &history.values("loss"))
        .series("validation", &history.values("val_loss"))
        .mark_min()
        .panel("accuracy")
        .series("training", &history.values("accuracy"))
        .series("validation", &history.values("val_accuracy"))
        .title("Learning curves")
        .draw()
}

/// Writes the confusion matrix, a grid of predictions (mistakes first) and augmented pictures.
pub(crate) fn write(
    out: &Path,
    judged: &[Guess],
    test: &ImageDataset,
    training: &ImageDataset,
    pipeline: &Pipeline,
    seed: u64,
) -> Result<()> {
    let (truths, classes): (Vec<usize>, Vec<usize>) =
        judged.iter().map(|g| (g.label, g.class)).unzip();
    ConfusionMatrix::from_classes(&truths, &classes, test.class_names())?
        .title("Test pictures: truth by prediction")
        .draw()?
        .save(out.join("confusion.png"))?;

    let mut order: Vec<&Guess> = judged.iter().collect();
    order.sort_by(|a, b| {
        let is_right = |g: &Guess| g.class == g.label;
        is_right(a).cmp(&is_right(b)).then(a.prob.total_cmp(&b.prob))
    });
    let mut grid =
        ImageGrid::new().columns(8).title("Test pictures: mistakes, then the least certain");
    for guess in order.into_iter().take(32) {
        let image = test.image(guess.index)?;
        let is_right = guess.class == guess.label;
        let truth = if is_right { String::new() } else { format!("\n(is {})", guess.truth) };
        let text = format!("{} {:.0} %{truth}", guess.name, 100.0 * guess.prob);
        grid = grid.judged(
            image.data(),
            image.height(),
            image.width(),
            image.channels(),
            &text,
            is_right,
        );
    }
    grid.draw()?.save(out.join("predictions.png"))?;

    let varied = training.training(pipeline)?;
    let shape = varied.sample_shape();
    let mut grid = ImageGrid::new().columns(8).title("One picture a row, as training sees it");
    let mut pixels = vec![0.0; shape.numel()];
    for row in 0..4 {
        let index = row * training.len() / 4;
        for column in 0..8 {
            let mut rng = Stream::new(seed, "augmented picture").child_at(row as u64).rng(column);
            varied.read(index, &mut rng, &mut pixels)?;
            grid = grid.image(&pixels, shape[0], shape[1], shape[2], "");
        }
    }
    grid.draw()?.save(out.join("augmented.png"))
}
