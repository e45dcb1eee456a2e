//! From one sequence to another of another length: dates as people write them become dates as
//! machines do (`the 3rd of march 2019`, `2019-03-03`). A recurrent encoder reads, a recurrent decoder
//! writes, and attention shows where it looks. The dates are made up.
//! Run: cargo run --release --example seq2seq
#![allow(clippy::print_stdout, reason = "an example prints")]

mod dates;
mod model;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../shared/spelling.rs"]
mod spelling;

use clap::Parser;
use dates::Pair;
use model::{PADDING, Translator};
use purlin::core::rng::Stream;
use purlin::data::{Loader, MemoryDataset};
use purlin::nn::Module;
use purlin::nn::callbacks::{CsvLog, ProgressBar};
use purlin::nn::decode::{BeamSearch, Decoder, beam_search};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::optim::{AdamW, Clip};
use purlin::nn::schedule::WarmupCosine;
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{self, ModelInfo};
use purlin::plot::ImageGrid;
use purlin::tensor::{Tensor, no_grad};
use shared::flags::{at_least_one, positive, probability};
use spelling::Spelling;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Draws the dates, whatever the seed of a run.
const DATA_SEED: u64 = 2019;

/// Learns to write dates as year, month and day, and tells how many it writes without a mistake.
///
/// The dates are synthetic, each in one of six ways of writing; no day that judges is learned from.
#[derive(Parser)]
struct Arguments {
    /// Dates to learn from.
    #[arg(long, default_value_t = 4000, value_parser = at_least_one)]
    n: usize,
    /// Dates that judge.
    #[arg(long, default_value_t = 500, value_parser = at_least_one)]
    test: usize,
    /// Units of the decoder, and of both directions of the encoder together: an even number.
    #[arg(long, default_value_t = 64, value_parser = even)]
    hidden: usize,
    #[arg(long, default_value_t = 0.1, value_parser = probability)]
    dropout: f64,
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    batch_size: usize,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// The highest learning rate.
    #[arg(long, default_value_t = 5e-3, value_parser = positive)]
    lr: f64,
    /// Texts that beam search keeps at a time.
    #[arg(long, default_value_t = 4, value_parser = at_least_one)]
    beams: usize,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the model, the log and the picture go.
    #[arg(long, default_value = "out/seq2seq")]
    out: PathBuf,
    /// Also writes this date.
    #[arg(long, value_name = "TEXT")]
    say: Option<String>,
}

fn even(text: &str) -> Result<usize, String> {
    match at_least_one(text)? {
        n if n % 2 == 0 => Ok(n),
        _ => Err("expected an even number".into()),
    }
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let n = arguments.n.saturating_add(arguments.test);
    if n > dates::N_DAYS {
        return Err(format!("expected at most {} dates, got {n}", dates::N_DAYS).into());
    }
    let pairs = dates::pairs(n, DATA_SEED);
    let (learned, judging) = pairs.split_at(arguments.n);
    let alphabet = Alphabet::of(learned)?;
    let say = arguments.say.as_ref().map(|text| text.to_lowercase());
    if let Some(text) = &say {
        alphabet.sources(&[text], text.chars().count())?; // before it trains for nothing
    }
    // Room for the longest of all ways of writing.
    let longest = pairs.iter().map(|pair| pair.source.len()).max().unwrap_or(1);
    println!(
        "{} synthetic dates to learn from, {} to be judged by, {} different signs; the first: {}",
        learned.len(),
        judging.len(),
        alphabet.0.signs.len(),
        learned.iter().take(3).map(|pair| &*pair.source).collect::<Vec<_>>().join(" | ")
    );

    let stream = Stream::new(arguments.seed, "init");
    let n_symbols = alphabet.0.signs.len();
    let mut model =
        Translator::new(n_symbols, arguments.hidden, longest, arguments.dropout, &stream);
    std::fs::create_dir_all(&arguments.out)
        .map_err(|err| format!("{}: {err}", arguments.out.display()))?;
    let training = Loader::new(alphabet.dataset(learned, longest)?)
        .batch_size(arguments.batch_size)
        .shuffle(arguments.seed);
    let steps = training.n_batches() as u64 * arguments.epochs;
    let loss = CrossEntropy::new().ignore_index(PADDING);
    let mut trainer = Trainer::new(loss, AdamW::new(arguments.lr).weight_decay(0.01))
        .epochs(arguments.epochs)
        .seed(arguments.seed)
        .clip(Clip::norm(1.0))
        .schedule(WarmupCosine::new(arguments.lr, steps / 20, steps))
        .callback(ProgressBar::new())
        .callback(CsvLog::new(arguments.out.join("log.csv")));
    let start = Instant::now();
    trainer.fit(&mut model, &training, None)?;
    println!(
        "{} parameters, {} epochs in {:.1} s",
        model.n_params(),
        arguments.epochs,
        start.elapsed().as_secs_f64()
    );
    weights::save_with(
        &model,
        &ModelInfo::new("seq2seq"),
        arguments.out.join("model.safetensors"),
    )?;

    let sources: Vec<&str> = judging.iter().map(|pair| &*pair.source).collect();
    let greedy = alphabet.greedy(&model, &sources)?;
    let searched: Vec<String> = (sources.iter())
        .map(|source| alphabet.search(&model, source, arguments.beams))
        .collect::<Result<_, _>>()?;
    for (name, written) in
        [("greedy", &greedy), (&format!("beam search ({})", arguments.beams), &searched)]
    {
        let right = written.iter().zip(judging).filter(|(text, pair)| **text == pair.target);
        let share = right.count() as f64 / judging.len() as f64;
        println!("{name:<16} {:.2} % without a mistake", 100.0 * share);
    }
    println!();
    let wrong = (0..judging.len()).filter(|&i| greedy[i] != judging[i].target);
    let shown: Vec<usize> = (0..4).filter(|&i| i < judging.len()).chain(wrong.take(4)).collect();
    for i in shown {
        let Pair { source, target } = &judging[i];
        let mark = if greedy[i] == *target { "" } else { "  wrong: " };
        let right = if greedy[i] == *target { "" } else { target };
        println!("  {source:<32} {}{mark}{right}", greedy[i]);
    }
    if let Some(text) = say {
        println!("  {text:<32} {}", alphabet.search(&model, &text, arguments.beams)?);
    }
    draw(&model, &alphabet, arguments, &sources, &greedy)
}

/// Where the model looks as it writes: a row for each sign written, a column for each sign read.
fn draw(
    model: &Translator,
    alphabet: &Alphabet,
    arguments: &Arguments,
    sources: &[&str],
    written: &[String],
) -> Result<(), Box<dyn Error>> {
    let mut grid = ImageGrid::new().columns(3).cell(250).title("Where the decoder looks");
    for (source, text) in sources.iter().zip(written).take(6) {
        let symbols = alphabet.0.encode(text)?;
        let before = [&[alphabet.0.begin], &symbols[..]].concat();
        let row = |symbols: &[usize]| Tensor::from_fn([1, symbols.len()], |i| symbols[i] as f32);
        let source_row = row(&alphabet.0.encode(source)?);
        let looks = no_grad(|| model.looks(&source_row, &row(&before)));
        let [height, width] = [looks.dims()[0], looks.dims()[1]];
        let label = format!("across: {source}\ndown: {text}");
        grid = grid.image(looks.data(), height, width, 1, label);
    }
    shared::save(&grid.draw()?, &arguments.out.join("attention.png"))
}

/// The signs of both kinds of text.
struct Alphabet(Spelling);

impl Alphabet {
    fn of(pairs: &[Pair]) -> Result<Self, Box<dyn Error>> {
        let texts = pairs.iter().flat_map(|pair| [&*pair.source, &*pair.target]);
        Ok(Self(Spelling::of(texts)?))
    }

    /// Rows of sources, filled up to `width`.
    fn sources(&self, texts: &[&str], width: usize) -> Result<Tensor, Box<dyn Error>> {
        let mut rows = Vec::with_capacity(texts.len() * width);
        for (i, text) in texts.iter().enumerate() {
            let symbols = self.0.encode(text)?;
            if symbols.is_empty() || symbols.len() > width {
                return Err(format!("expected a date of 1 to {width} signs, got {text:?}").into());
            }
            rows.extend(symbols.into_iter().map(|symbol| symbol as f32));
            rows.resize((i + 1) * width, PADDING as f32);
        }
        Ok(Tensor::from_vec(rows, [texts.len(), width])?)
    }

    /// Sources with targets beside them, see [`Translator::forward`].
    fn dataset(&self, pairs: &[Pair], width: usize) -> Result<MemoryDataset, Box<dyn Error>> {
        let sources: Vec<&str> = pairs.iter().map(|pair| &*pair.source).collect();
        let targets: Vec<&str> = pairs.iter().map(|pair| &*pair.target).collect();
        let (before, after) = self.0.shifted(&targets)?;
        let steps = before.dims()[1];
        let x = Tensor::concat(&[&self.sources(&sources, width)?, &before], 1);
        Ok(MemoryDataset::per_step(x, after, steps, self.0.signs.len())?)
    }

    /// What the model writes if it always takes the likeliest sign, all texts at once.
    fn greedy(&self, model: &Translator, texts: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
        let width = texts.iter().map(|text| text.len()).max().unwrap_or(1);
        let sources = self.sources(texts, width)?;
        no_grad(|| {
            let mut writer = model.writer(&sources);
            let mut last = vec![self.0.begin; texts.len()];
            let mut written = vec![Vec::new(); texts.len()];
            for _ in 0..LONGEST {
                last = writer.step(&last).argmax_axis(1);
                for (written, &symbol) in written.iter_mut().zip(&last) {
                    written.push(symbol);
                }
            }
            Ok(written.iter().map(|symbols| self.0.decode(symbols)).collect::<Result<_, _>>()?)
        })
    }

    /// What beam search finds to be the likeliest text.
    fn search(
        &self,
        model: &Translator,
        text: &str,
        width: usize,
    ) -> Result<String, Box<dyn Error>> {
        let sources = self.sources(&[text], text.chars().count())?;
        let search =
            BeamSearch { width, max_steps: LONGEST, end: Some(self.0.end), length_penalty: 0.0 };
        let mut writer = no_grad(|| model.writer(&sources));
        let found = beam_search(&mut writer, self.0.begin, &search)?;
        Ok(self.0.decode(found.first().map_or(&[], |best| &best.symbols))?)
    }
}

/// Signs of a date with the one that ends it.
const LONGEST: usize = 11;
