//! First names that nobody has: a recurrent network learns how names are spelt, letter by letter, and
//! spells new ones. Without arguments it reads names that are built in (1,989 different ones);
//! `--data FILE` takes a longer list. A name counts once.
//! Run: cargo run --release --example names -- --data names.txt
#![allow(clippy::print_stdout, reason = "an example prints")]

mod model;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../shared/spelling.rs"]
mod spelling;

use clap::Parser;
use model::Speller;
use purlin::core::rng::Stream;
use purlin::data::text;
use purlin::data::{Loader, MemoryDataset, split_indices};
use purlin::nn::Module;
use purlin::nn::callbacks::{CsvLog, EarlyStopping, ProgressBar};
use purlin::nn::decode::{Sampler, generate_until};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::metrics::Perplexity;
use purlin::nn::optim::{AdamW, Clip};
use purlin::nn::schedule::WarmupCosine;
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{self, ModelInfo};
use purlin::plot::LearningCurves;
use shared::flags::{at_least_one, positive, probability};
use spelling::Spelling;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Every sixteenth line of `names.txt` of karpathy/makemore (MIT): names of the United States.
const BUILT_IN: &str = include_str!("names.txt");

/// Draws the parts, whatever the seed of a run.
const SPLIT_SEED: u64 = 32_033;

/// Learns to spell first names and makes new ones.
///
/// A tenth of the names judges at the end, another tenth tells the best epoch.
#[derive(Parser)]
struct Arguments {
    /// A text file with a name a line [default: 1,989 names, built in].
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Units of the recurrent layer.
    #[arg(long, default_value_t = 128, value_parser = at_least_one)]
    hidden: usize,
    #[arg(long, default_value_t = 0.2, value_parser = probability)]
    dropout: f64,
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    batch_size: usize,
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// The highest learning rate.
    #[arg(long, default_value_t = 5e-3, value_parser = positive)]
    lr: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Names to make.
    #[arg(long, default_value_t = 1000, value_parser = at_least_one)]
    samples: usize,
    /// Below 1 likely letters become likelier.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    temperature: f64,
    /// Draw from so many of the likeliest letters alone [default: from all].
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    top_k: Option<usize>,
    /// The letters that names are to begin with.
    #[arg(long, default_value = "")]
    begin: String,
    /// Where the model, the log, the names and the picture go.
    #[arg(long, default_value = "out/names")]
    out: PathBuf,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = match &arguments.data {
        Some(path) => text::lines(path)?,
        None => BUILT_IN.lines().map(str::to_owned).collect(),
    };
    // A name that is there twice must not be in two parts.
    let mut seen = BTreeSet::new();
    let names: Vec<String> = (names.iter().map(|name| name.trim().to_lowercase()))
        .filter(|name| !name.is_empty() && seen.insert(name.clone()))
        .collect();
    let parts = split_indices(names.len(), &[0.8, 0.1, 0.1], SPLIT_SEED)?;
    let spelling = Spelling::of(names.iter().map(String::as_str))?;
    let begin = arguments.begin.to_lowercase();
    let prompt = [&[spelling.begin], &spelling.encode(&begin)?[..]].concat();
    let loader = |part: &[usize]| -> Result<Loader, Box<dyn Error>> {
        let names: Vec<&str> = part.iter().map(|&i| &*names[i]).collect();
        let (x, targets) = spelling.shifted(&names)?;
        let steps = x.dims()[1];
        let data = MemoryDataset::per_step(x, targets, steps, spelling.signs.len())?;
        Ok(Loader::new(data).batch_size(arguments.batch_size))
    };
    let training = loader(&parts[0])?.shuffle(arguments.seed);
    let (validation, test) = (loader(&parts[1])?, loader(&parts[2])?);
    println!(
        "{} names to learn from, {} to choose the epoch by, {} to be judged by",
        parts[0].len(),
        parts[1].len(),
        parts[2].len()
    );

    let stream = Stream::new(arguments.seed, "init");
    let symbols = spelling.signs.len();
    let mut model = Speller::new(symbols, arguments.hidden, arguments.dropout, &stream);
    std::fs::create_dir_all(&arguments.out)
        .map_err(|err| format!("{}: {err}", arguments.out.display()))?;
    let steps = training.n_batches() as u64 * arguments.epochs;
    let loss = CrossEntropy::new().ignore_index(spelling.padding);
    let mut trainer = Trainer::new(loss, AdamW::new(arguments.lr).weight_decay(0.01))
        .epochs(arguments.epochs)
        .seed(arguments.seed)
        .clip(Clip::norm(1.0))
        .schedule(WarmupCosine::new(arguments.lr, steps / 20, steps))
        .metric(Perplexity::new().ignore_index(spelling.padding))
        .callback(ProgressBar::new())
        .callback(EarlyStopping::new("val_perplexity").patience(arguments.epochs))
        .callback(CsvLog::new(arguments.out.join("log.csv")));
    let start = Instant::now();
    let history = trainer.fit(&mut model, &training, Some(&validation))?;
    println!("{} epochs in {:.1} s", history.records().len(), start.elapsed().as_secs_f64());
    // The logarithm of the perplexity is the mean over all letters, however long the names are.
    let perplexity = trainer.evaluate(&model, &test)?.get("perplexity").unwrap_or(f64::NAN);
    println!("test loss: {:.4} nats per letter, the end of a name among them", perplexity.ln());
    let nats = |name: &str| history.values(name).iter().map(|x: &f64| x.ln()).collect::<Vec<f64>>();
    let curves = LearningCurves::new()
        .panel("nats per letter")
        .series("training", &nats("perplexity"))
        .series("validation", &nats("val_perplexity"))
        .mark_min()
        .title("Learning to spell names");
    shared::save(&curves.draw()?, &arguments.out.join("curves.png"))?;
    spelling.signs.save(arguments.out.join("vocabulary.json"))?;
    let file = arguments.out.join("model.safetensors");
    weights::save_with(&model, &ModelInfo::new("names"), &file)?;
    println!("saved {} ({} parameters)", file.display(), model.n_params());
    make(&model, &spelling, arguments, &prompt, &names)
}

/// Makes names and counts how many are new.
fn make(
    model: &Speller,
    spelling: &Spelling,
    arguments: &Arguments,
    prompt: &[usize],
    known: &[String],
) -> Result<(), Box<dyn Error>> {
    let mut sampler = Sampler::new().temperature(arguments.temperature);
    if let Some(k) = arguments.top_k {
        sampler = sampler.top_k(k);
    }
    let stream = Stream::new(arguments.seed, "names");
    let mut made = Vec::with_capacity(arguments.samples);
    for i in 0..arguments.samples {
        let mut rng = stream.rng(i as u64);
        let mut decoder = model.decoder();
        let name = generate_until(&mut decoder, prompt, 30, spelling.end, &sampler, &mut rng)?;
        made.push(spelling.decode(&[prompt, &name[..]].concat())?);
    }
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let different: BTreeSet<&str> = made.iter().map(String::as_str).collect();
    let is_new = |name: &&str| !known.contains(name);
    println!(
        "{} names made: {} different, {} of these in no part of the list",
        made.len(),
        different.len(),
        different.iter().filter(|name| is_new(name)).count()
    );
    println!("the first, * new:");
    let shown = &made[..made.len().min(32)];
    let width = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 3;
    for row in shown.chunks(8) {
        let star =
            |name: &String| format!("{name}{}", if is_new(&name.as_str()) { "*" } else { "" });
        let row: Vec<String> = row.iter().map(|name| format!("{:<width$}", star(name))).collect();
        println!("  {}", row.concat().trim_end());
    }
    shared::write(&arguments.out.join("made.txt"), &(made.join("\n") + "\n"))
}
