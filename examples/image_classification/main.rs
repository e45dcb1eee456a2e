//! A convolutional network from a folder of pictures to predictions with names and probabilities:
//! folder -> decode -> augment -> train -> evaluate -> save -> load -> predict, with pictures to
//! look at. Without arguments it trains on 1,797 real handwritten digits that are built in.
//! Run: cargo run --release --example image_classification
#![allow(clippy::print_stdout, reason = "an example prints")]

mod network;
mod pictures;

use clap::{Parser, ValueEnum};
use purlin::core::rng::Stream;
use purlin::data::image::{Augment, ColorMode, Image, ImageFolder, Pipeline};
use purlin::data::{Dataset, ImageDataset, Loader, Subset, sets, stratified_indices};
use purlin::nn::callbacks::{CsvLog, EarlyStopping, ProgressBar, TargetReached};
use purlin::nn::losses::{BceWithLogits, CrossEntropy};
use purlin::nn::metrics::Accuracy;
use purlin::nn::optim::Adam;
use purlin::nn::schedule::Cosine;
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{self, ModelInfo};
use purlin::nn::{Context, Forward, Module, Sequential, summary};
use purlin::tensor::no_grad;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Trains an image classifier, saves it, loads it again and predicts.
#[derive(Parser)]
struct Arguments {
    /// Folder with `train/<class>/*.jpg|png` and `validation/<class>/...`; a folder `test` is used
    /// for the last judgement where there is one. Default: the built-in digits, written to OUT.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the model, the log and the pictures go.
    #[arg(long, default_value = "out/image_classification")]
    out: PathBuf,
    /// Seed of weights, order and augmentation.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Most passes over the training pictures; training stops earlier at the target.
    #[arg(long, default_value_t = 40)]
    epochs: u64,
    /// Validation accuracy at which training stops.
    #[arg(long, default_value_t = 0.99)]
    target: f64,
    /// Pictures are resized to this many pixels each way [default: 8 for the digits, 64 for
    /// small, 150 for keras].
    #[arg(long)]
    size: Option<usize>,
    /// The network.
    #[arg(long, value_enum, default_value_t = network::Kind::Small)]
    model: network::Kind,
    /// How training pictures are varied.
    #[arg(long, value_enum, default_value_t = Variation::Auto)]
    augment: Variation,
    /// Read pictures as grey.
    #[arg(long)]
    grayscale: bool,
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    /// Learning rate at the start; it falls along a cosine.
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
    /// Threads that read and augment pictures.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Train no network: load OUT/model.safetensors and predict these pictures.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    predict: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Variation {
    /// Mild for the digits (a turned 6 is a 9), classic otherwise.
    Auto,
    /// Every picture as it is.
    None,
    /// Up to 10 degrees, a tenth of shift and zoom, no flips.
    Mild,
    /// Up to 40 degrees, a fifth of shift, shear and zoom, horizontal flips.
    Classic,
}

/// Pictures to learn from, to stop by and to be judged by.
struct Data {
    training: ImageDataset,
    validation: ImageDataset,
    test: ImageDataset,
    /// Rows of `training` and of `validation`: they share one folder where there is no other.
    split: Option<(Vec<usize>, Vec<usize>)>,
    is_judged_on_validation: bool,
}

impl Data {
    fn open(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        let digits = arguments.out.join("digits");
        let (root, is_digits) = match &arguments.data {
            Some(root) => (root.as_path(), false),
            None => (digits.as_path(), true),
        };
        if is_digits {
            sets::write_digits_folder(root)?;
        }
        let color =
            if is_digits || arguments.grayscale { ColorMode::Grayscale } else { ColorMode::Rgb };
        let folder = |split: &str| ImageFolder::new(root.join(split)).color(color).cached(true);
        let training = folder("train").open()?;
        let names = training.class_names().to_vec();
        let held_out = folder("validation").classes(&names).open()?;
        let mut data = Self {
            validation: held_out.clone(),
            test: held_out,
            split: None,
            is_judged_on_validation: true,
            training,
        };
        if is_digits {
            // The held-out 30 % judge at the end; a tenth of the rest decides when to stop.
            let labels = data.training.labels().unwrap_or_default();
            let parts = stratified_indices(&labels, &[0.9, 0.1], arguments.seed)?;
            data.split = Some((parts[0].clone(), parts[1].clone()));
            data.validation = data.training.clone();
            data.is_judged_on_validation = false;
        } else if root.join("test").is_dir() {
            data.test = folder("test").classes(&names).open()?;
            data.is_judged_on_validation = false;
        }
        Ok(data)
    }

    /// Loaders of training, validation and test pictures behind the pipeline.
    fn loaders(
        &self,
        pipeline: &Pipeline,
        arguments: &Arguments,
    ) -> Result<[Loader; 3], Box<dyn Error>> {
        let loader =
            |dataset: ImageDataset, rows: Option<&Vec<usize>>| -> Result<Loader, Box<dyn Error>> {
                let loader = match rows {
                    Some(rows) => Loader::new(Subset::new(dataset, rows.clone())?),
                    None => Loader::new(dataset),
                };
                Ok(loader.batch_size(arguments.batch_size).workers(arguments.workers))
            };
        let (fit, stop) = self.split.as_ref().map_or((None, None), |(a, b)| (Some(a), Some(b)));
        Ok([
            loader(self.training.training(pipeline)?, fit)?.shuffle(arguments.seed),
            loader(self.validation.evaluation(pipeline)?, stop)?,
            loader(self.test.evaluation(pipeline)?, None)?,
        ])
    }
}

fn pipeline(arguments: &Arguments) -> Pipeline {
    let is_digits = arguments.data.is_none();
    let size = arguments.size.or(match (is_digits, arguments.model) {
        (true, network::Kind::Small) => None, // as they are
        (false, network::Kind::Small) => Some(64),
        (_, network::Kind::Keras) => Some(150),
    });
    let variation = match arguments.augment {
        Variation::Auto if is_digits => Variation::Mild,
        Variation::Auto => Variation::Classic,
        chosen => chosen,
    };
    let mut pipeline = Pipeline::new();
    if let Some(size) = size {
        pipeline = pipeline.resize(size, size);
    }
    match variation {
        Variation::Auto | Variation::None => {}
        Variation::Mild => {
            let mild = Augment::new().rotation_range(10.0).zoom_range(0.1);
            pipeline = pipeline.augment(mild.width_shift_range(0.1).height_shift_range(0.1));
        }
        Variation::Classic => pipeline = pipeline.augment(Augment::classic()),
    }
    pipeline.rescale(1.0 / 255.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let file = arguments.out.join("model.safetensors");
    if !arguments.predict.is_empty() {
        return predict_files(&file, &arguments.predict);
    }
    std::fs::create_dir_all(&arguments.out)?;
    let data = Data::open(&arguments)?;
    let model = train(&arguments, &data, &file)?;

    println!("\nStep two: a new network reads {}", file.display());
    let saved = Saved::open(&file)?;
    if weights::state_dict(&saved.model)
        .iter()
        .zip(weights::state_dict(&model))
        .any(|(a, b)| a.1.data() != b.1.data())
    {
        return Err("the file gives other weights than were saved".into());
    }
    let judged = pictures::judge(&saved.model, &saved.pipeline, &data.test, &saved.names)?;
    for guess in judged.iter().step_by(judged.len().div_ceil(8)) {
        println!("  {guess}");
    }
    pictures::write(
        &arguments.out,
        &judged,
        &data.test,
        &data.training,
        &saved.pipeline,
        arguments.seed,
    )?;
    println!(
        "pictures: curves.png, confusion.png, predictions.png, augmented.png in {}",
        arguments.out.display()
    );
    Ok(())
}

/// Trains, judges and saves.
fn train(arguments: &Arguments, data: &Data, file: &Path) -> Result<Sequential, Box<dyn Error>> {
    let pipeline = pipeline(arguments);
    let [training, validation, test] = data.loaders(&pipeline, arguments)?;
    let names = data.training.class_names().to_vec();
    println!(
        "{} pictures of {} classes to learn from, {} to stop by, {} to be judged by",
        training.dataset().len(),
        names.len(),
        validation.dataset().len(),
        test.dataset().len()
    );

    let input = training.dataset().sample_shape();
    let mut model =
        arguments.model.build(&input, names.len(), &Stream::new(arguments.seed, "init"))?;
    let batched: Vec<usize> = [&[1], input.dims()].concat();
    println!("\n{}", summary(&model, batched)?);

    let steps = training.n_batches() as u64 * arguments.epochs;
    let optimizer = Adam::new(arguments.lr);
    let mut trainer = if names.len() == 2 {
        Trainer::new(BceWithLogits::new(), optimizer).metric(Accuracy::binary(0.0))
    } else {
        Trainer::new(CrossEntropy::new(), optimizer).metric(Accuracy::new())
    };
    trainer = trainer
        .epochs(arguments.epochs)
        .seed(arguments.seed)
        .schedule(Cosine::new(arguments.lr, steps))
        .callback(ProgressBar::new())
        .callback(TargetReached::new("val_accuracy", arguments.target))
        .callback(EarlyStopping::new("val_loss").patience(15))
        .callback(CsvLog::new(arguments.out.join("log.csv")));
    let start = Instant::now();
    let history = trainer.fit(&mut model, &training, Some(&validation))?;
    println!("{} epochs in {:.1} s", history.records().len(), start.elapsed().as_secs_f64());
    pictures::curves(&history)?.save(arguments.out.join("curves.png"))?;

    let result = trainer.evaluate(&model, &test)?;
    if data.is_judged_on_validation {
        println!("no folder `test`: judged by the validation pictures, which also chose the epoch");
    }
    println!("test loss: {:.4}", result.loss);
    println!("test accuracy: {:.4}", result.get("accuracy").unwrap_or(f64::NAN));

    let info = ModelInfo::new(arguments.model.name())
        .class_names(names)
        .preprocessing(&pipeline)?
        .with("input", &serde_json::to_string(input.dims())?);
    weights::save_with(&model, &info, file)?;
    println!("saved {} ({} parameters)", file.display(), model.n_params());
    Ok(model)
}

/// What a weight file holds, ready to predict.
struct Saved {
    model: Sequential,
    pipeline: Pipeline,
    names: Vec<String>,
    channels: usize,
}

impl Saved {
    /// Rebuilds the network from what the file says of it.
    fn open(file: &Path) -> Result<Self, Box<dyn Error>> {
        let info = ModelInfo::of(&weights::TensorFile::open(file)?)?;
        let input: Vec<usize> = serde_json::from_str(
            info.extra.get("input").ok_or("the file does not say which input it takes")?,
        )?;
        let kind = network::Kind::from_name(&info.architecture)?;
        let channels = *input.last().ok_or("the input has no channels")?;
        let mut model =
            kind.build(&input.into(), info.class_names.len(), &Stream::new(0, "to be replaced"))?;
        weights::load(&mut model, file)?;
        let pipeline = info.preprocessing_as()?.ok_or("the file has no preprocessing")?;
        Ok(Self { model, pipeline, names: info.class_names, channels })
    }
}

fn predict_files(file: &Path, paths: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let saved = Saved::open(file)?;
    let color = if saved.channels == 1 { ColorMode::Grayscale } else { ColorMode::Rgb };
    for path in paths {
        let image = Image::open(path, color)?;
        let x = saved.pipeline.apply(&image)?;
        let logits = no_grad(|| saved.model.forward(&x, &mut Context::eval()));
        let probs = &pictures::probabilities(&logits)[0];
        let mut ranked: Vec<usize> = (0..probs.len()).collect();
        ranked.sort_by(|&a, &b| probs[b].total_cmp(&probs[a]));
        let best: Vec<String> = (ranked.iter().take(3))
            .map(|&class| format!("{} {:.1} %", saved.names[class], 100.0 * probs[class]))
            .collect();
        println!("{}: {}", path.display(), best.join(", "));
    }
    Ok(())
}
