//! A Wasserstein GAN with gradient penalty learns Gaussians on a ring or on a grid: does it find all of
//! them, and how many of its samples lie at one? The data is synthetic.
//! Run: cargo run --release --example wgan_gp_gaussians -- --target grid
#![allow(clippy::print_stdout, reason = "an example prints")]

use clap::{Parser, ValueEnum};
use purlin::core::rng::Stream;
use purlin::core::{Matrix, Result};
use purlin::data::{Loader, MemoryDataset, blobs, grid_centers, ring_centers};
use purlin::nn::callbacks::CsvLog;
use purlin::nn::gan::{GanLoss, GanTrainer, sample};
use purlin::nn::layers::Linear;
use purlin::nn::metrics::{ModeCoverage, mode_coverage};
use purlin::nn::optim::Adam;
use purlin::nn::{Activation, Sequential, Tensor};
use purlin::plot::Scatter;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Trains a generator of points in the plane and counts the modes it has found.
#[derive(Parser)]
struct Arguments {
    /// Where the Gaussians lie.
    #[arg(long, value_enum, default_value_t = Target::Ring)]
    target: Target,
    /// Each has 500 steps of the critic.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// Steps of the critic for one of the generator.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    critic_steps: u64,
    /// Weight of the gradient penalty.
    #[arg(long, default_value_t = 0.1)]
    penalty: f64,
    /// Learning rate of both networks.
    #[arg(long, default_value_t = 1e-3)]
    lr: f64,
    /// Seed of data, weights and latent numbers.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the pictures and the log go.
    #[arg(long, default_value = "out/wgan_gp_gaussians")]
    out: PathBuf,
    /// Go on where an interrupted run stopped.
    #[arg(long)]
    resume: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Eight on a circle of radius 2, deviation 0.05.
    Ring,
    /// Five by five, 1 apart, deviation 0.05.
    Grid,
}

const STD: f64 = 0.05;
const LATENT: usize = 8;
const BATCH: usize = 256;
/// Points that a picture shows.
const SHOWN: usize = 2000;

impl Target {
    fn centers(self) -> Matrix<f64> {
        match self {
            Self::Ring => ring_centers(8, 2.0),
            Self::Grid => grid_centers(5, 1.0),
        }
    }
}

fn network(from: usize, to: usize, activation: Activation, stream: &Stream) -> Sequential {
    const HIDDEN: usize = 128;
    let dense = |i: u64, from, to| Linear::new(from, to, &stream.child_at(i));
    Sequential::new()
        .push(dense(0, from, HIDDEN).activation(activation))
        .push(dense(1, HIDDEN, HIDDEN).activation(activation))
        .push(dense(2, HIDDEN, HIDDEN).activation(activation))
        .push(dense(3, HIDDEN, to))
}

fn coverage(points: &Tensor, centers: &Matrix<f64>) -> Result<ModeCoverage> {
    let points = Matrix::from_vec(points.to_vec(), points.dims()[0], 2)?;
    mode_coverage(points.view(), centers.view(), STD)
}

/// Target and samples in one picture.
fn draw(target: &Matrix<f64>, made: &Tensor, title: &str, path: &Path) -> Result<()> {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for row in target.rows() {
        x.push(row[0]);
        y.push(row[1]);
    }
    for row in made.data().chunks(2) {
        x.push(f64::from(row[0]));
        y.push(f64::from(row[1]));
    }
    let classes: Vec<usize> = (0..x.len()).map(|i| usize::from(i >= target.n_rows())).collect();
    Scatter::new(&x, &y)
        .classes(&classes)
        .class_names(&["data", "generated"])
        .equal_axes()
        .title(title)
        .draw()?
        .save(path)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let Arguments { seed, epochs, .. } = arguments;
    let out = arguments.out.as_path();
    std::fs::create_dir_all(out)?;

    let centers = arguments.target.centers();
    let n_modes = centers.n_rows();
    let gaussians = blobs(0, (500 * BATCH).div_ceil(n_modes)).centers(centers.clone())?.std(STD);
    let (x, modes) = gaussians.seed(seed).generate();
    let data = Loader::new(MemoryDataset::classes(x.view(), &modes, n_modes)?)
        .batch_size(BATCH)
        .shuffle(seed)
        .drop_last(true);
    let shown = blobs(0, SHOWN / n_modes).centers(centers.clone())?.std(STD);
    let (shown, _) = shown.seed(seed + 1).generate();

    let init = Stream::new(seed, "init");
    let mut generator = network(LATENT, 2, Activation::Relu, &init.child("generator"));
    let mut critic = network(2, 1, Activation::LeakyRelu(0.2), &init.child("critic"));
    let adam = || Adam::new(arguments.lr).betas(0.0, 0.9);
    let mut trainer = GanTrainer::new(GanLoss::Wasserstein, adam(), adam())
        .latent_dim(LATENT)
        .discriminator_steps(arguments.critic_steps)
        .gradient_penalty(arguments.penalty)
        .ema(0.99)
        .epochs(epochs)
        .seed(seed)
        .callback(CsvLog::new(out.join("log.csv")))
        .checkpoint(out.join("checkpoint.safetensors"))
        .samples(SHOWN, |record, made| {
            let epoch = record.epoch;
            if epoch == 1 || epoch % epochs.div_ceil(6) == 0 || epoch == epochs {
                let found = coverage(made, &centers)?;
                println!(
                    "epoch {epoch:>3}: {} of {n_modes} modes, {:.1} % of the samples at one, \
                     distance of the mean scores {:.4}",
                    found.n_modes(),
                    100.0 * found.high_quality(),
                    record.get("real_score").unwrap_or(f64::NAN)
                        - record.get("fake_score").unwrap_or(f64::NAN),
                );
                let path = out.join(format!("samples_{epoch:03}.png"));
                draw(&shown, made, &format!("After {epoch} epochs"), &path)?;
            }
            Ok(())
        });
    if arguments.resume {
        trainer = trainer.resume();
    }
    let start = Instant::now();
    trainer.fit(&mut generator, &mut critic, &data)?;
    println!("trained in {:.1} s", start.elapsed().as_secs_f64());

    if let Some(ema) = trainer.ema_weights() {
        ema.apply(&mut generator)?;
    }
    let z = Tensor::normal([10_000, LATENT], 0.0, 1.0, &Stream::new(seed, "judged"));
    let found = coverage(&sample(&generator, &z), &centers)?;
    let fewest = found.counts().iter().min().copied().unwrap_or(0);
    println!("modes: {} of {n_modes} (fewest samples at one: {fewest})", found.n_modes());
    println!("high quality: {:.1} % of 10,000 samples", 100.0 * found.high_quality());
    println!("pictures: {}", out.display());
    Ok(())
}
