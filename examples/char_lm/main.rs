//! A model of language, character by character: read a text, learn which character follows, then
//! write. Without arguments it reads the beginning of Coriolanus, which is built in.
//! Run: cargo run --release --example char_lm -- --data input.txt
#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "../shared/flags.rs"]
mod flags;
mod model;

use clap::Parser;
use flags::{at_least_one, positive};
use model::{Kind, LanguageModel, Recurrent, Sizes, Transformer};
use purlin::core::rng::Stream;
use purlin::data::text::{self, Tokenizer, Vocabulary, Windows};
use purlin::data::{Dataset, Loader};
use purlin::nn::callbacks::{CsvLog, ProgressBar};
use purlin::nn::decode::{Sampler, generate};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::optim::{AdamW, Clip};
use purlin::nn::schedule::WarmupCosine;
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{self, ModelInfo};
use purlin::plot::LearningCurves;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// The first 50,000 characters of `input.txt` of karpathy/char-rnn (MIT); William Shakespeare,
/// Coriolanus.
const TEXT: &str = include_str!("shakespeare.txt");

/// The part of the text that is learned from; the rest judges.
const TRAINING: f64 = 0.9;

/// Trains a model of characters and lets it write.
#[derive(Parser)]
struct Arguments {
    /// A UTF-8 text file, plain or gzipped [default: the built-in text].
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// What reads the text.
    #[arg(long, value_enum, default_value_t = Kind::Lstm)]
    model: Kind,
    /// Units of a layer [default: 256; 128 for the transformer].
    #[arg(long, value_parser = at_least_one)]
    hidden: Option<usize>,
    /// Layers [default: 2; 4 for the transformer].
    #[arg(long, value_parser = at_least_one)]
    layers: Option<usize>,
    /// Characters of a window; a transformer sees no more at a time.
    #[arg(long, default_value_t = 128)]
    steps: usize,
    /// Characters between the beginnings of two windows.
    #[arg(long, default_value_t = 64)]
    stride: usize,
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// The highest learning rate.
    #[arg(long, default_value_t = 0.003, value_parser = positive)]
    lr: f64,
    /// The share of numbers that training hides [default: 0.2; 0.1 for the transformer].
    #[arg(long)]
    dropout: Option<f64>,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the model, its characters, the log and the picture go.
    #[arg(long, default_value = "out/char_lm")]
    out: PathBuf,
    /// Go on where an interrupted run stopped.
    #[arg(long)]
    resume: bool,
    /// Train nothing: write with the model in OUT, which must have been trained with the same sizes.
    #[arg(long)]
    write: bool,
    /// What the model goes on from.
    #[arg(long, default_value = "\n")]
    prompt: String,
    /// Characters to write.
    #[arg(long, default_value_t = 500)]
    length: usize,
    /// Below 1 likely characters become likelier.
    #[arg(long, default_value_t = 0.8, value_parser = positive)]
    temperature: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let file = arguments.out.join("vocabulary.json");
    let text = match &arguments.data {
        _ if arguments.write => String::new(), // nothing is learned
        Some(path) => text::read(path)?,
        None => TEXT.to_owned(),
    };
    let characters = Tokenizer::chars().tokenize(&text);
    let vocabulary = if arguments.write || (arguments.resume && file.exists()) {
        Vocabulary::load(&file)?
    } else {
        std::fs::create_dir_all(&arguments.out)?;
        let vocabulary = Vocabulary::of(&characters)?;
        vocabulary.save(&file)?;
        vocabulary
    };
    let is_transformer = arguments.model == Kind::Transformer;
    let sizes = Sizes {
        symbols: vocabulary.len(),
        hidden: arguments.hidden.unwrap_or(if is_transformer { 128 } else { 256 }),
        layers: arguments.layers.unwrap_or(if is_transformer { 4 } else { 2 }),
        steps: arguments.steps,
        dropout: arguments.dropout.unwrap_or(if is_transformer { 0.1 } else { 0.2 }),
    };
    let stream = Stream::new(arguments.seed, "init");
    if is_transformer {
        run(Transformer::new(sizes, &stream), &arguments, &vocabulary, &characters)
    } else {
        let model = Recurrent::new(arguments.model, sizes, &stream);
        run(model, &arguments, &vocabulary, &characters)
    }
}

fn run(
    mut model: impl LanguageModel,
    arguments: &Arguments,
    vocabulary: &Vocabulary,
    characters: &[impl AsRef<str>],
) -> Result<(), Box<dyn Error>> {
    let file = arguments.out.join("model.safetensors");
    let prompt = vocabulary.encode(&Tokenizer::chars().tokenize(&arguments.prompt))?;
    if prompt.is_empty() {
        return Err("expected a prompt of at least one character".into());
    }
    if arguments.write {
        weights::load(&mut model, &file)?;
    } else {
        train(&mut model, arguments, vocabulary, characters)?;
        weights::save_with(&model, &ModelInfo::new("char_lm"), &file)?;
        println!("saved {} ({} parameters)", file.display(), model.n_params());
    }
    let start = Instant::now();
    let sampler = Sampler::new().temperature(arguments.temperature);
    let mut rng = Stream::new(arguments.seed, "writing").rng(0);
    let written = generate(&mut *model.decoder(), &prompt, arguments.length, &sampler, &mut rng)?;
    let each = start.elapsed().as_secs_f64() / (prompt.len() + written.len()) as f64;
    println!("\n{}{}\n", arguments.prompt, vocabulary.decode(&written)?.concat());
    println!("{:.3} ms a character", 1e3 * each);
    Ok(())
}

fn train(
    model: &mut impl LanguageModel,
    arguments: &Arguments,
    vocabulary: &Vocabulary,
    characters: &[impl AsRef<str>],
) -> Result<(), Box<dyn Error>> {
    let symbols = vocabulary.encode(characters)?;
    let windows = Windows::new(symbols, vocabulary.len(), arguments.steps)?;
    let (training, held_out) = windows.split(TRAINING)?;
    let training = training.stride(arguments.stride)?;
    println!(
        "{} characters, {} different; {} windows of {} to learn from, {} to be judged by",
        characters.len(),
        vocabulary.len(),
        training.len(),
        arguments.steps,
        held_out.len()
    );
    let training = Loader::new(training).batch_size(arguments.batch_size).shuffle(arguments.seed);
    let held_out = Loader::new(held_out).batch_size(arguments.batch_size);
    let lr = arguments.lr;
    let steps = training.n_batches() as u64 * arguments.epochs;
    let mut trainer = Trainer::new(CrossEntropy::new(), AdamW::new(lr).weight_decay(0.01))
        .epochs(arguments.epochs)
        .seed(arguments.seed)
        .clip(Clip::norm(1.0))
        .schedule(WarmupCosine::new(lr, steps / 20, steps))
        .checkpoint(arguments.out.join("checkpoint.safetensors"))
        .callback(ProgressBar::new())
        .callback(CsvLog::new(arguments.out.join("log.csv")));
    if arguments.resume {
        trainer = trainer.resume();
    }
    let start = Instant::now();
    let history = trainer.fit(model, &training, Some(&held_out))?;
    println!("{} epochs in {:.1} s", history.records().len(), start.elapsed().as_secs_f64());
    if let Some(loss) = history.values("val_loss").last() {
        println!("validation loss: {loss:.4} nats per character (windows begin without memory)");
    }
    LearningCurves::new()
        .panel("nats per character")
        .series("training", &history.values("loss"))
        .series("validation", &history.values("val_loss"))
        .mark_min()
        .title("Learning to write")
        .draw()?
        .save(arguments.out.join("curves.png"))?;
    Ok(())
}
