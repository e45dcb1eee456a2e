//! Digits from a plane: a variational autoencoder packs handwritten digits into a few numbers, and
//! unpacks any such numbers into digits that nobody wrote. Without arguments it takes 1,797 digits
//! that are built in; `--data DIR` takes MNIST.
//! Run: cargo run --release --example vae_digits
#![allow(clippy::print_stdout, reason = "an example prints")]

mod pictures;
#[path = "../shared/mod.rs"]
mod shared;

use clap::Parser;
use purlin::core::rng::Stream;
use purlin::data::{Array, Loader, MemoryDataset, Targets, idx, sets};
use purlin::nn::Module;
use purlin::nn::callbacks::{CsvLog, ProgressBar};
use purlin::nn::losses::Elbo;
use purlin::nn::models::VariationalAutoencoder;
use purlin::nn::optim::Adam;
use purlin::nn::schedule::Cosine;
use purlin::nn::trainer::{Trainer, predict};
use purlin::nn::weights::{self, ModelInfo};
use purlin::tensor::{Tensor, no_grad};
use shared::flags::{at_least_one, positive};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Learns to pack digits into a few numbers and to make digits of numbers.
#[derive(Parser)]
struct Arguments {
    /// Folder with MNIST's four IDX files (`train-images-idx3-ubyte.gz`, ...) [default: 1,797 digits
    /// of 8 x 8 pixels, built in].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Numbers of a code; of two there is a map.
    #[arg(long, default_value_t = 2, value_parser = at_least_one)]
    latent: usize,
    /// Units of the hidden layers, from the pixels inwards.
    #[arg(long, value_delimiter = ',', default_value = "128,64", value_parser = at_least_one)]
    hidden: Vec<usize>,
    /// Factor of the divergence: below 1 reconstructions become sharper, above 1 codes more regular.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    beta: f64,
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    batch_size: usize,
    /// Passes over the digits [default: 100; 10 of MNIST].
    #[arg(long)]
    epochs: Option<u64>,
    /// The highest learning rate; it falls along a cosine.
    #[arg(long, default_value_t = 2e-3, value_parser = positive)]
    lr: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the model, the log and the pictures go.
    #[arg(long, default_value = "out/vae_digits")]
    out: PathBuf,
}

/// Pictures as rows of pixels in 0..=1, and what they show.
pub(crate) struct Digits {
    pub(crate) side: usize,
    pub(crate) x: Tensor,
    pub(crate) labels: Vec<usize>,
}

impl Digits {
    fn dataset(&self) -> purlin::core::Result<MemoryDataset> {
        MemoryDataset::new(self.x.clone(), Targets::Values(self.x.clone()))
    }
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

/// Digits to learn from and to be judged by.
fn open(data: Option<&Path>) -> Result<[Digits; 2], Box<dyn Error>> {
    let Some(folder) = data else {
        let set = sets::digits();
        let (train, test) = sets::digits_split();
        return Ok([train, test].map(|rows| {
            let pixel = |i: usize| set.x[(rows[i / 64], i % 64)] as f32 / 16.0;
            let labels = rows.iter().map(|&i| set.labels[i]).collect();
            Digits { side: 8, x: Tensor::from_fn([rows.len(), 64], pixel), labels }
        }));
    };
    let read = |kind: &str| -> Result<Digits, Box<dyn Error>> {
        let file = |what: &str| folder.join(format!("{kind}-{what}-ubyte.gz"));
        let images: Array = idx::read(file("images-idx3"))?;
        let labels = idx::read(file("labels-idx1"))?.to_labels()?;
        let &[n, height, width] = images.shape().dims() else {
            return Err(
                format!("expected images (n, height, width), got {}", images.shape()).into()
            );
        };
        if height != width || labels.len() != n {
            let got = format!("{height} x {width} and {} labels", labels.len());
            return Err(
                format!("expected {n} square pictures and as many labels, got {got}").into()
            );
        }
        let x = images.to_f32().iter().map(|pixel| pixel / 255.0).collect();
        Ok(Digits { side: height, x: Tensor::from_vec(x, [n, height * width])?, labels })
    };
    let [training, test] = [read("train")?, read("t10k")?];
    if training.side == 0 || training.side != test.side {
        let got = format!("sides of {} and {} pixels", training.side, test.side);
        return Err(
            format!("expected pictures of one size to learn from and to judge, got {got}").into()
        );
    }
    Ok([training, test])
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let [training, test] = open(arguments.data.as_deref())?;
    let numbers = training.side * training.side;
    let epochs = arguments.epochs.unwrap_or(if arguments.data.is_some() { 10 } else { 100 });
    println!(
        "{} digits of {numbers} pixels to learn from, {} to be judged by; codes of {} numbers",
        training.labels.len(),
        test.labels.len(),
        arguments.latent
    );
    let stream = Stream::new(arguments.seed, "init");
    let mut model =
        VariationalAutoencoder::mlp(numbers, &arguments.hidden, arguments.latent, &stream);
    std::fs::create_dir_all(&arguments.out)
        .map_err(|err| format!("{}: {err}", arguments.out.display()))?;
    let loader =
        Loader::new(training.dataset()?).batch_size(arguments.batch_size).shuffle(arguments.seed);
    let judging = Loader::new(test.dataset()?).batch_size(250);
    let elbo = Elbo::bernoulli(arguments.latent).beta(arguments.beta);
    let mut trainer = Trainer::new(elbo, Adam::new(arguments.lr))
        .epochs(epochs)
        .seed(arguments.seed)
        .schedule(Cosine::new(arguments.lr, loader.n_batches() as u64 * epochs))
        .callback(ProgressBar::new())
        .callback(CsvLog::new(arguments.out.join("log.csv")));
    let start = Instant::now();
    let history = trainer.fit(&mut model, &loader, Some(&judging))?;
    println!(
        "{} parameters, {epochs} epochs in {:.1} s",
        model.n_params(),
        start.elapsed().as_secs_f64()
    );
    let output = predict(&model, &judging)?;
    let parts = no_grad(|| elbo.parts(&output, &test.x))?;
    let [reconstruction, divergence] = parts.map(|part| part.mean().item());
    println!(
        "test: {reconstruction:.2} nats a digit for the reconstruction from the middle of its code, \
         {divergence:.2} for the code"
    );
    weights::save_with(
        &model,
        &ModelInfo::new("vae_digits"),
        arguments.out.join("model.safetensors"),
    )?;
    pictures::curves(&history, &arguments.out)?;
    pictures::reconstructions(&output, &test, &arguments.out)?;
    pictures::samples(&model, test.side, arguments.seed, &arguments.out)?;
    if arguments.latent == 2 {
        pictures::plane(&model, test.side, &arguments.out)?;
        pictures::map(&output, &test, &arguments.out)
    } else {
        pictures::walks(&model, &test, &arguments.out)
    }
}
