//! What the examples of generative networks share: the program, once its pictures are read.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod judge;
mod networks;

use clap::{Args, ValueEnum};
use judge::{Judge, Verdict};
use networks::{Norm, Shape};
use purlin::core::rng::Stream;
use purlin::data::{ImageDataset, Loader, MemoryDataset, Pipeline, Targets};
use purlin::nn::callbacks::CsvLog;
use purlin::nn::gan::{GanLoss, GanTrainer, sample, with_labels};
use purlin::nn::optim::Adam;
use purlin::nn::{Module, Tensor, weights};
use purlin::plot::{ImageGrid, LearningCurves};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How the networks train.
#[derive(Args)]
pub(crate) struct Training {
    /// What the two networks minimise.
    #[arg(long, value_enum, default_value_t = Kind::Nonsaturating)]
    loss: Kind,
    /// Tell both networks the class.
    #[arg(long)]
    conditional: bool,
    /// Spectral instead of batch normalisation in the discriminator.
    #[arg(long)]
    spectral_norm: bool,
    /// Passes over the training pictures [default: by the data].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: Option<u64>,
    /// Learning rate of both networks.
    #[arg(long, default_value_t = 2e-4)]
    lr: f64,
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch_size: u32,
    /// Seed of weights, order and latent numbers.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Train on the first so many pictures only.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..))]
    limit: Option<u32>,
    /// Where the networks, the classifier, the log and the pictures go.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on where an interrupted run stopped.
    #[arg(long)]
    resume: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Cross-entropy, as in DCGAN.
    Nonsaturating,
    LeastSquares,
    Hinge,
    /// With gradient penalty and 3 steps of the critic; without batch norm there.
    WassersteinGp,
}

/// Grey pictures in -1..1 to learn from and to be judged by.
pub(crate) struct Pictures {
    /// The name of the example.
    pub(crate) example: &'static str,
    pub(crate) training: MemoryDataset,
    pub(crate) held_out: MemoryDataset,
    /// Passes that give good pictures, and those of the classifier.
    pub(crate) epochs: (u64, u64),
    /// Channels of the widest layer.
    pub(crate) width: usize,
}

const N_CLASSES: usize = 10;
const LATENT: usize = 64;
/// Pictures of a grid.
const SHOWN: usize = 80;

/// From 0..255 to -1..1, all in memory.
pub(crate) fn to_memory(
    images: &ImageDataset,
    limit: Option<usize>,
) -> purlin::core::Result<MemoryDataset> {
    let images = images.evaluation(&Pipeline::new().rescale(1.0 / 127.5))?;
    let all = Loader::new(images).all()?;
    let n = limit.unwrap_or(usize::MAX).min(all.len());
    let classes = all.y.classes().unwrap_or_default()[..n].to_vec();
    let x = all.x.slice(0, 0..n).add_scalar(-1.0);
    MemoryDataset::new(x, Targets::Classes(classes))
}

/// The IDX files of MNIST and of the sets in its shape.
pub(crate) fn from_idx(
    folder: &Path,
    example: &'static str,
    training: &Training,
) -> Result<Pictures, Box<dyn Error>> {
    let open = |kind: &str| {
        ImageDataset::from_idx(
            folder.join(format!("{kind}-images-idx3-ubyte.gz")),
            folder.join(format!("{kind}-labels-idx1-ubyte.gz")),
        )
    };
    let limit = training.limit.map(|n| n as usize);
    Ok(Pictures {
        example,
        training: to_memory(&open("train")?, limit)?,
        held_out: to_memory(&open("t10k")?, Some(5000))?,
        epochs: (20, 3),
        width: 128,
    })
}

/// Trains classifier, generator and discriminator, and says how far the pictures are.
pub(crate) fn run(pictures: &Pictures, arguments: &Training) -> Result<(), Box<dyn Error>> {
    let default = PathBuf::from("out").join(pictures.example);
    let out = arguments.out.as_ref().unwrap_or(&default).as_path();
    std::fs::create_dir_all(out)?;
    let Pictures { training, held_out, .. } = pictures;
    let seed = arguments.seed;
    println!(
        "{} pictures to learn from, {} to be judged by",
        training.x().dims()[0],
        held_out.x().dims()[0]
    );
    let file = out.join("classifier.safetensors");
    let judge = Judge::new(training, held_out, pictures.epochs.1, seed, &file)?;

    let shape = Shape {
        size: training.x().dims()[1],
        width: pictures.width,
        latent: LATENT,
        n_classes: if arguments.conditional { N_CLASSES } else { 0 },
    };
    let norm = match arguments.loss {
        _ if arguments.spectral_norm => Norm::Spectral,
        Kind::WassersteinGp => Norm::None, // a penalty is one of each sample by itself
        _ => Norm::Batch,
    };
    let init = Stream::new(seed, "init");
    let mut generator = networks::generator(shape, &init.child("generator"));
    let mut discriminator = networks::discriminator(shape, norm, &init.child("discriminator"));
    println!(
        "generator of {} parameters, discriminator of {}",
        generator.n_params(),
        discriminator.n_params()
    );

    let epochs = arguments.epochs.unwrap_or(pictures.epochs.0);
    let data = Loader::new(training.clone())
        .batch_size(arguments.batch_size as usize)
        .shuffle(seed)
        .drop_last(true);
    let loss = match arguments.loss {
        Kind::Nonsaturating => GanLoss::default(),
        Kind::LeastSquares => GanLoss::LeastSquares,
        Kind::Hinge => GanLoss::Hinge,
        Kind::WassersteinGp => GanLoss::Wasserstein,
    };
    let adam = || Adam::new(arguments.lr).betas(0.5, 0.999);
    let size = shape.size;
    let mut trainer = GanTrainer::new(loss, adam(), adam())
        .latent_dim(LATENT)
        .ema(0.995)
        .epochs(epochs)
        .seed(seed)
        .callback(CsvLog::new(out.join("log.csv")))
        .checkpoint(out.join("checkpoint.safetensors"))
        .samples(SHOWN, |record, made| {
            let epoch = record.epoch;
            if epoch == 1 || epoch % epochs.div_ceil(5) == 0 || epoch == epochs {
                let value = |name: &str| record.get(name).unwrap_or(f64::NAN);
                println!(
                    "epoch {epoch:>3}: discriminator loss {:.3}, generator loss {:.3}",
                    value("discriminator_loss"),
                    value("generator_loss")
                );
                let mut grid = ImageGrid::new().columns(N_CLASSES).cell(56).value_range(-1.0, 1.0);
                for picture in made.data().chunks(size * size) {
                    grid = grid.image(picture, size, size, 1, "");
                }
                let path = out.join(format!("samples_{epoch:03}.png"));
                grid.title(format!("After {epoch} epochs")).draw()?.save(path)?;
            }
            Ok(())
        });
    if arguments.loss == Kind::WassersteinGp {
        trainer = trainer.gradient_penalty(10.0).discriminator_steps(3);
    }
    if arguments.conditional {
        trainer = trainer.classes(N_CLASSES);
    }
    if arguments.resume {
        trainer = trainer.resume();
    }
    let start = Instant::now();
    let history = trainer.fit(&mut generator, &mut discriminator, &data)?;
    println!("{epochs} epochs in {:.1} s", start.elapsed().as_secs_f64());
    if let Some(ema) = trainer.ema_weights() {
        ema.apply(&mut generator)?;
    }
    weights::save(&generator, out.join("generator.safetensors"))?;
    LearningCurves::new()
        .panel("loss")
        .series("discriminator", &history.values("discriminator_loss"))
        .series("generator", &history.values("generator_loss"))
        .title("Two networks against each other")
        .draw()?
        .save(out.join("curves.png"))?;

    let n = judge.n_real();
    let mut z = Tensor::normal([n, LATENT], 0.0, 1.0, &Stream::new(seed, "judged"));
    let classes: Vec<usize> = (0..n).map(|i| i % N_CLASSES).collect();
    if arguments.conditional {
        z = with_labels(&z, &classes, N_CLASSES)?;
    }
    let made = sample(&generator, &z);
    let Verdict { frechet, kernel } = judge.compare(&made)?;
    println!("{n} generated pictures: Fréchet distance {frechet:.3}, kernel distance {kernel:.5}");
    if arguments.conditional {
        let share = judge.agreement(&made, &classes)?;
        println!("taken for the class they were to be: {:.1} %", 100.0 * share);
    }
    println!("pictures: {}", out.display());
    Ok(())
}
