//! A residual network on colour pictures, trained as its paper did: cropped and flipped pictures,
//! SGD with momentum and weight decay. Without arguments the pictures are synthetic: shapes that the
//! program draws.
//! Run: cargo run --release --example resnet_cifar -- --data cifar-10-batches-bin
#![allow(clippy::print_stdout, reason = "an example prints")]

mod network;
#[path = "../image_classification/pictures.rs"]
mod pictures;
mod shapes;
#[path = "../shared/mod.rs"]
mod shared;

use clap::Parser;
use network::{Kind, Options, PATCH};
use purlin::core::rng::Stream;
use purlin::data::image::{Augment, ColorMode, ImageFolder, Pipeline};
use purlin::data::{Dataset, ImageDataset, Loader, cifar};
use purlin::nn::callbacks::{CsvLog, ProgressBar};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::metrics::Accuracy;
use purlin::nn::optim::{AdamW, Sgd};
use purlin::nn::schedule::WarmupCosine;
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{self, ModelInfo};
use shared::flags::{at_least_one, positive};
use shared::report;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Trains a residual network (or another) on colour pictures.
#[derive(Parser)]
struct Arguments {
    /// Folder with `train/<class>/*.jpg|png` and `test/<class>/...`, all of one size, or with the
    /// binary files of CIFAR-10 [default: synthetic shapes].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Kind::Resnet)]
    model: Kind,
    /// Layers of the residual network: 6 n + 2 [default: 20].
    #[arg(long, value_parser = depth)]
    depth: Option<usize>,
    /// Norm and ReLU before each convolution of the residual network, not after it.
    #[arg(long)]
    pre_activation: bool,
    /// Weigh the channels of each block of the residual network, with this reduction (2, 4, 8 or 16).
    #[arg(long, value_name = "REDUCTION", value_parser = reduction)]
    squeeze_excitation: Option<usize>,
    /// Passes over the training pictures.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    batch_size: usize,
    /// The highest learning rate [default: 0.02; 0.001 for the transformer].
    #[arg(long, value_parser = positive)]
    lr: Option<f64>,
    /// Seed of weights, order, augmentation and the drawn shapes.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the model, the log and the pictures go.
    #[arg(long, default_value = "out/resnet_cifar")]
    out: PathBuf,
    /// Go on where an interrupted run stopped.
    #[arg(long)]
    resume: bool,
}

fn depth(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(depth) if depth >= 8 && depth % 6 == 2 => Ok(depth),
        Ok(_) => Err("expected 6 n + 2 layers: 8, 14, 20, 32, 44, 56, 110".into()),
        Err(err) => Err(err.to_string()),
    }
}

fn reduction(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(reduction @ (2 | 4 | 8 | 16)) => Ok(reduction),
        Ok(_) => Err("expected 2, 4, 8 or 16".into()),
        Err(err) => Err(err.to_string()),
    }
}

/// Pictures to learn from and to be judged by.
fn open(arguments: &Arguments) -> Result<[ImageDataset; 2], Box<dyn Error>> {
    let Some(root) = &arguments.data else {
        println!("synthetic pictures: shapes drawn by the program");
        let stream = Stream::new(arguments.seed, "shapes");
        return Ok([
            shapes::draw(720, &stream.child("train"))?,
            shapes::draw(240, &stream.child("test"))?,
        ]);
    };
    if root.join("test_batch.bin").exists() {
        let batches: Vec<PathBuf> =
            (1..=5).map(|i| root.join(format!("data_batch_{i}.bin"))).collect();
        return Ok([cifar::cifar10(&batches)?, cifar::cifar10(&[root.join("test_batch.bin")])?]);
    }
    let folder = |part: &str| ImageFolder::new(root.join(part)).color(ColorMode::Rgb).cached(true);
    let training = folder("train").open()?;
    let test = folder("test").classes(training.class_names()).open()?;
    Ok([training, test])
}

/// Crops and flips while training.
fn pipeline(training: &ImageDataset) -> Pipeline {
    let shape = training.sample_shape();
    Pipeline::new()
        .random_crop(shape[0], shape[1], shape[0] / 8)
        .augment(Augment::new().horizontal_flip(true))
        .rescale(1.0 / 255.0)
}

fn main() -> ExitCode {
    report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let is_shaped = arguments.depth.is_some()
        || arguments.pre_activation
        || arguments.squeeze_excitation.is_some();
    if arguments.model != Kind::Resnet && is_shaped {
        let own = "--depth, --pre-activation and --squeeze-excitation";
        return Err(format!("{own} are of --model resnet").into());
    }
    let [training, test] = open(arguments)?;
    let names = training.class_names().to_vec();
    println!(
        "{} pictures of {} classes to learn from, {} to be judged by",
        training.len(),
        names.len(),
        test.len()
    );
    std::fs::create_dir_all(&arguments.out)?;
    let pipeline = pipeline(&training);
    let varied = training.training(&pipeline)?;
    let options = Options {
        kind: arguments.model,
        depth: arguments.depth.unwrap_or(20),
        pre_activation: arguments.pre_activation,
        squeeze_excitation: arguments.squeeze_excitation,
    };
    let (shape, judged) = (training.sample_shape(), test.sample_shape());
    if shape != judged {
        return Err(format!(
            "expected test pictures of {shape}, as those to learn from, got {judged}"
        )
        .into());
    }
    if arguments.model == Kind::Vit && (shape[0] % PATCH != 0 || shape[1] % PATCH != 0) {
        return Err(format!("expected sides that are multiples of {PATCH}, got {shape}").into());
    }
    let stream = Stream::new(arguments.seed, "init");
    let mut model = options.build(&varied.sample_shape(), names.len(), &stream);
    println!("{} parameters", model.n_params());

    let loader = Loader::new(varied).batch_size(arguments.batch_size).shuffle(arguments.seed);
    let judge = Loader::new(test.evaluation(&pipeline)?).batch_size(arguments.batch_size);
    let mut trainer = trainer(arguments, loader.n_batches() as u64);
    let start = Instant::now();
    let history = trainer.fit(&mut model, &loader, Some(&judge))?;
    println!("{} epochs in {:.1} s", history.records().len(), start.elapsed().as_secs_f64());
    let result = trainer.evaluate(&model, &judge)?;
    println!("test loss: {:.4}", result.loss);
    println!("test accuracy: {:.4}", result.get("accuracy").unwrap_or(f64::NAN));

    pictures::curves(&history)?.save(arguments.out.join("curves.png"))?;
    let judged = pictures::judge(&model, &pipeline, &test, &names)?;
    for guess in judged.iter().step_by(judged.len().div_ceil(6)) {
        println!("  {guess}");
    }
    pictures::write(&arguments.out, &judged, &test, &training, &pipeline, arguments.seed)?;
    save(&model, &arguments.out, names, &pipeline)
}

/// SGD for convolutions, as in the paper; AdamW for the transformer. No epoch is chosen: the last
/// one is judged.
fn trainer(arguments: &Arguments, n_batches: u64) -> Trainer<'static> {
    let is_transformer = arguments.model == Kind::Vit;
    let lr = arguments.lr.unwrap_or(if is_transformer { 1e-3 } else { 0.02 });
    let trainer = if is_transformer {
        Trainer::new(CrossEntropy::new(), AdamW::new(lr).weight_decay(0.05))
    } else {
        Trainer::new(CrossEntropy::new(), Sgd::new(lr).momentum(0.9).weight_decay(1e-4))
    };
    let steps = n_batches * arguments.epochs;
    let trainer = trainer
        .epochs(arguments.epochs)
        .seed(arguments.seed)
        .schedule(WarmupCosine::new(lr, steps / 20, steps))
        .metric(Accuracy::new())
        .checkpoint(arguments.out.join("checkpoint.safetensors"))
        .callback(ProgressBar::new())
        .callback(CsvLog::new(arguments.out.join("log.csv")));
    if arguments.resume { trainer.resume() } else { trainer }
}

fn save(
    model: &dyn purlin::nn::Forward,
    out: &Path,
    names: Vec<String>,
    pipeline: &Pipeline,
) -> Result<(), Box<dyn Error>> {
    let info = ModelInfo::new("resnet_cifar").class_names(names).preprocessing(pipeline)?;
    let file = out.join("model.safetensors");
    weights::save_with(model, &info, &file)?;
    println!("saved {}, with curves.png, confusion.png, predictions.png beside it", file.display());
    Ok(())
}
