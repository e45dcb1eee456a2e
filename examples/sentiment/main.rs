//! Praise or blame? Sentences of film reviews, judged by a network that learns its words from
//! nothing. Without arguments it takes 800 sentences that are built in; `--data DIR` takes all
//! 10,662.
//! Run: cargo run --release --example sentiment -- --data DIR
#![allow(clippy::print_stdout, reason = "an example prints")]

mod model;
#[path = "../shared/mod.rs"]
mod shared;

use clap::{Parser, ValueEnum};
use model::{Judge, Kind, PADDING, Sizes};
use purlin::core::rng::Stream;
use purlin::data::text::{self, Tokenizer, Vocabulary, pad};
use purlin::data::{Loader, MemoryDataset, Targets, stratified_indices};
use purlin::nn::callbacks::{CsvLog, EarlyStopping, ProgressBar};
use purlin::nn::losses::BceWithLogits;
use purlin::nn::metrics::Accuracy;
use purlin::nn::optim::{AdamW, Clip};
use purlin::nn::trainer::{Trainer, predict};
use purlin::nn::weights::{self, ModelInfo, TensorFile};
use purlin::nn::{Context, Forward, Module};
use purlin::plot::{ConfusionMatrix, LearningCurves};
use purlin::tensor::{Tensor, no_grad};
use shared::flags::{at_least_one, positive, probability};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The first 400 sentences of each file of the sentence polarity data set (B. Pang, L. Lee, *Seeing
/// stars*, ACL 2005), as they are in dennybritz/cnn-text-classification-tf (Apache-2.0).
const BUILT_IN: [&str; 2] = [include_str!("rt-polarity.neg"), include_str!("rt-polarity.pos")];

const NAMES: [&str; 2] = ["blame", "praise"];

/// Draws the parts, whatever the seed of a run: all runs are judged by the same sentences.
const SPLIT_SEED: u64 = 10_662;

/// Learns to tell praise from blame in sentences of film reviews.
///
/// A tenth of the sentences judges at the end; another tenth decides when to stop.
#[derive(Parser)]
struct Arguments {
    /// Folder with `rt-polarity.neg` and `rt-polarity.pos`, a sentence a line [default: 400 of
    /// each, built in].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What becomes of the vectors of the words.
    #[arg(long, value_enum, default_value_t = Kind::Average)]
    model: Kind,
    /// Numbers of a word's vector.
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    features: usize,
    /// Units of the recurrent layer each way, or filters of each width.
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    hidden: usize,
    /// Share of the vectors' numbers that is left out in training.
    #[arg(long, default_value_t = 0.5, value_parser = probability)]
    dropout: f64,
    /// Share of the words that is hidden in training.
    #[arg(long, default_value_t = 0.3, value_parser = probability)]
    word_dropout: f64,
    /// Words that occur less often count as unknown.
    #[arg(long, default_value_t = 1)]
    min_count: u64,
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    batch_size: usize,
    /// Most passes over the sentences.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    #[arg(long, default_value_t = 2e-3, value_parser = positive)]
    lr: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the model, its words, the log and the pictures go.
    #[arg(long, default_value = "out/sentiment")]
    out: PathBuf,
    /// Train nothing: judge these sentences with the model in OUT.
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    predict: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::report(if arguments.predict.is_empty() {
        train(&arguments)
    } else {
        judge(&arguments.out, &arguments.predict)
    })
}

/// Words and marks, in lower case: the files are cut already, what a user types is not.
fn tokenizer() -> Tokenizer {
    Tokenizer::words().lowercase().split_punctuation()
}

/// All sentences with their classes.
fn read(data: Option<&Path>) -> Result<(Vec<String>, Vec<usize>), Box<dyn Error>> {
    let (mut sentences, mut classes) = (Vec::new(), Vec::new());
    for (class, name) in ["rt-polarity.neg", "rt-polarity.pos"].into_iter().enumerate() {
        let lines = match data {
            Some(folder) => text::lines(folder.join(name))?,
            None => BUILT_IN[class].lines().map(str::to_owned).collect(),
        };
        sentences.extend(lines.into_iter().filter(|line| !line.trim().is_empty()));
        classes.resize(sentences.len(), class);
    }
    Ok((sentences, classes))
}

/// Sentences as rows of word numbers.
fn encode(vocabulary: &Vocabulary, sentences: &[&str]) -> Result<Tensor, Box<dyn Error>> {
    let numbers: Vec<Vec<usize>> = (sentences.iter())
        .map(|sentence| vocabulary.encode(&tokenizer().tokenize(sentence)))
        .collect::<Result<_, _>>()?;
    let (rows, lengths) = pad(&numbers, PADDING);
    if lengths.contains(&0) {
        return Err("expected at least one word in each sentence".into());
    }
    let rows: Vec<f32> = rows.into_iter().map(|word| word as f32).collect();
    let width = rows.len() / sentences.len().max(1);
    Ok(Tensor::from_vec(rows, [sentences.len(), width])?)
}

fn train(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (sentences, classes) = read(arguments.data.as_deref())?;
    let parts = stratified_indices(&classes, &[0.8, 0.1, 0.1], SPLIT_SEED)?;
    let of = |part: &[usize]| -> Vec<&str> { part.iter().map(|&i| &*sentences[i]).collect() };
    // The words of the training part alone: what the others hold is not known.
    let words: Vec<_> =
        of(&parts[0]).into_iter().flat_map(|sentence| tokenizer().tokenize(sentence)).collect();
    let vocabulary = Vocabulary::builder()
        .padding("<pad>")
        .unknown("<unk>")
        .min_count(arguments.min_count)
        .build(&words)?;
    let loader = |part: &[usize]| -> Result<Loader, Box<dyn Error>> {
        let targets = Targets::Classes(part.iter().map(|&i| classes[i]).collect());
        let dataset = MemoryDataset::new(encode(&vocabulary, &of(part))?, targets)?;
        let dataset = dataset.with_class_names(&NAMES)?;
        Ok(Loader::new(dataset).batch_size(arguments.batch_size))
    };
    let training = loader(&parts[0])?.shuffle(arguments.seed);
    let (validation, test) = (loader(&parts[1])?, loader(&parts[2])?);
    println!(
        "{} sentences to learn from with {} different words, {} to stop by, {} to be judged by",
        parts[0].len(),
        vocabulary.len(),
        parts[1].len(),
        parts[2].len()
    );

    let sizes = Sizes {
        words: vocabulary.len(),
        features: arguments.features,
        hidden: arguments.hidden,
        dropout: arguments.dropout,
        word_dropout: arguments.word_dropout,
    };
    let mut model = Judge::new(arguments.model, sizes, &Stream::new(arguments.seed, "init"));
    std::fs::create_dir_all(&arguments.out)
        .map_err(|err| format!("{}: {err}", arguments.out.display()))?;
    let mut trainer =
        Trainer::new(BceWithLogits::new(), AdamW::new(arguments.lr).weight_decay(0.01))
            .epochs(arguments.epochs)
            .seed(arguments.seed)
            .clip(Clip::norm(5.0))
            .metric(Accuracy::binary(0.0))
            .callback(ProgressBar::new())
            .callback(EarlyStopping::new("val_loss").patience(3))
            .callback(CsvLog::new(arguments.out.join("log.csv")));
    let start = Instant::now();
    let history = trainer.fit(&mut model, &training, Some(&validation))?;
    println!("{} epochs in {:.1} s", history.records().len(), start.elapsed().as_secs_f64());
    let result = trainer.evaluate(&model, &test)?;
    println!("test accuracy: {:.4}", result.get("accuracy").unwrap_or(f64::NAN));

    let scores = predict(&model, &test)?.to_vec();
    show(&scores, &parts[2], &sentences, &classes);
    let truth: Vec<usize> = parts[2].iter().map(|&i| classes[i]).collect();
    let said: Vec<usize> = scores.iter().map(|&score| usize::from(score > 0.0)).collect();
    let confusion = ConfusionMatrix::from_classes(&truth, &said, &NAMES)?.title("Praise or blame");
    shared::save(&confusion.draw()?, &arguments.out.join("confusion.png"))?;
    let curves = LearningCurves::new()
        .panel("loss")
        .series("training", &history.values("loss"))
        .series("validation", &history.values("val_loss"))
        .mark_min()
        .panel("accuracy")
        .series("training", &history.values("accuracy"))
        .series("validation", &history.values("val_accuracy"))
        .title("Learning to tell praise from blame");
    shared::save(&curves.draw()?, &arguments.out.join("curves.png"))?;

    vocabulary.save(arguments.out.join("vocabulary.json"))?;
    let file = arguments.out.join("model.safetensors");
    let name = arguments.model.to_possible_value().map(|value| value.get_name().to_owned());
    let info = ModelInfo::new(&name.unwrap_or_default())
        .class_names(NAMES)
        .with("features", &arguments.features.to_string())
        .with("hidden", &arguments.hidden.to_string());
    weights::save_with(&model, &info, &file)?;
    println!("saved {} ({} parameters)", file.display(), model.n_params());
    Ok(())
}

/// The sentences that the model was surest of, right and wrong.
fn show(scores: &[f32], part: &[usize], sentences: &[String], classes: &[usize]) {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].abs().total_cmp(&scores[a].abs()));
    for (title, is_right) in [("right, and sure of it:", true), ("wrong, and sure of it:", false)] {
        println!("\n{title}");
        let fits = |&&i: &&usize| (usize::from(scores[i] > 0.0) == classes[part[i]]) == is_right;
        for &i in order.iter().filter(fits).take(3) {
            println!("  {}", verdict(&sentences[part[i]], scores[i]));
        }
    }
    println!();
}

fn verdict(sentence: &str, score: f32) -> String {
    let probability = 1.0 / (1.0 + (-f64::from(score).abs()).exp());
    let name = NAMES[usize::from(score > 0.0)];
    format!("{name} {:5.1} %  {}", 100.0 * probability, shared::short(sentence.trim(), 90))
}

/// Judges sentences with the model that was saved.
fn judge(out: &Path, sentences: &[String]) -> Result<(), Box<dyn Error>> {
    let file = out.join("model.safetensors");
    let vocabulary = Vocabulary::load(out.join("vocabulary.json"))?;
    let info = ModelInfo::of(&TensorFile::open(&file)?)?;
    let size = |name: &str| -> Result<usize, Box<dyn Error>> {
        let value = info.extra.get(name).ok_or_else(|| format!("the file names no {name}"))?;
        Ok(value.parse()?)
    };
    let kind = Kind::from_str(&info.architecture, false)?;
    let sizes = Sizes {
        words: vocabulary.len(),
        features: size("features")?,
        hidden: size("hidden")?,
        dropout: 0.0,
        word_dropout: 0.0,
    };
    let mut model = Judge::new(kind, sizes, &Stream::new(0, "to be replaced"));
    weights::load(&mut model, &file)?;
    let x = encode(&vocabulary, &sentences.iter().map(String::as_str).collect::<Vec<_>>())?;
    let scores = no_grad(|| model.forward(&x, &mut Context::eval()));
    for (sentence, &score) in sentences.iter().zip(scores.data()) {
        println!("{}", verdict(sentence, score));
    }
    Ok(())
}
