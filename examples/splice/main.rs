//! Where does a gene's text begin and end? Stretches of DNA with a junction between exon and intron in
//! their middle, or none, told apart by a convolution or a recurrent network. Without arguments the
//! stretches are made up, with the signals of real ones planted in them.
//! Run: cargo run --release --example splice -- --data splice-train.csv
#![allow(clippy::print_stdout, reason = "an example prints")]

mod data;
#[path = "../shared/mod.rs"]
mod shared;

use clap::{Parser, ValueEnum};
use data::{Genes, NAMES, shares};
use purlin::core::Shape;
use purlin::core::rng::Stream;
use purlin::data::{Loader, MemoryDataset, Targets, stratified_indices};
use purlin::nn::callbacks::{CsvLog, EarlyStopping, ProgressBar};
use purlin::nn::layers::{Conv1d, Dropout, Linear, Lstm, Padding};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::metrics::Accuracy;
use purlin::nn::optim::{AdamW, Clip};
use purlin::nn::trainer::{Trainer, predict};
use purlin::nn::{Activation, Context, Forward, Module};
use purlin::plot::ConfusionMatrix;
use purlin::tensor::Tensor;
use shared::flags::{at_least_one, positive, probability};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Draws the parts, whatever the seed of a run: all runs are judged by the same stretches.
const SPLIT_SEED: u64 = 3190;

/// Tells the beginnings of introns (EI) from their ends (IE) and from neither (N).
///
/// A fifth of the stretches judges at the end; a tenth decides when to stop.
#[derive(Parser)]
struct Arguments {
    /// A CSV file with the columns `class` (EI, IE, N) and `sequence` [default: made-up stretches].
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// What reads the bases.
    #[arg(long, value_enum, default_value_t = Kind::Conv)]
    model: Kind,
    /// Filters of a convolution, or units of the recurrent layer each way.
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    hidden: usize,
    #[arg(long, default_value_t = 0.4, value_parser = probability)]
    dropout: f64,
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    batch_size: usize,
    /// Most passes over the stretches.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    #[arg(long, default_value_t = 2e-3, value_parser = positive)]
    lr: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the log and the picture go.
    #[arg(long, default_value = "out/splice")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Two convolutions over neighbouring bases, then all places together.
    Conv,
    /// Long short-term memory from both ends to the middle, where the junction is.
    Lstm,
}

/// Bases to classes.
#[derive(Module)]
struct Reader {
    convs: Vec<Conv1d>,
    lstm: Option<Lstm>,
    dropout: Dropout,
    head: Linear,
}

impl Reader {
    fn new(kind: Kind, length: usize, hidden: usize, dropout: f64, stream: &Stream) -> Self {
        let conv = |from: usize, width: usize, name: &str| {
            Conv1d::new(from, hidden, width, &stream.child(name))
                .padding(Padding::Same)
                .activation(Activation::Relu)
        };
        let (convs, lstm, features) = match kind {
            Kind::Conv => {
                (vec![conv(4, 7, "first"), conv(hidden, 5, "second")], None, length * hidden)
            }
            Kind::Lstm => {
                let lstm = Lstm::new(4, hidden, &stream.child("lstm")).forget_bias(1.0);
                (Vec::new(), Some(lstm.bidirectional(true)), 2 * hidden)
            }
        };
        let head = Linear::new(features, NAMES.len(), &stream.child("head"));
        Self { convs, lstm, dropout: Dropout::new(dropout), head }
    }
}

impl Forward for Reader {
    /// `(batch, bases, 4)` to `(batch, 3)`.
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let (n, length) = (x.dims()[0], x.dims()[1]);
        let features = if let Some(lstm) = &self.lstm {
            let y = lstm.forward(x, ctx);
            let hidden = y.dims()[2] / 2;
            // What was read from the left up to the middle, and from the right.
            let left = y.slice(1, length / 2 + 4..length / 2 + 5).slice(2, ..hidden);
            let right = y.slice(1, length / 2 - 5..length / 2 - 4).slice(2, hidden..);
            Tensor::concat(&[&left, &right], 2).reshape([n, 2 * hidden])
        } else {
            let mut y = x.clone();
            for conv in &self.convs {
                y = self.dropout.forward(&conv.forward(&y, ctx), ctx);
            }
            y.flatten(1)
        };
        self.head.forward(&self.dropout.forward(&features, ctx), ctx)
    }

    fn output_shape(&self, input: &Shape) -> purlin::core::Result<Shape> {
        Ok(Shape::from([input[0], NAMES.len()]))
    }
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let genes = match &arguments.data {
        Some(path) => Genes::read(path)?,
        None => Genes::synthetic(),
    };
    let length = genes.length();
    if length < 10 {
        return Err(format!("{}: expected at least 10 bases, got {length}", genes.name).into());
    }
    let parts = stratified_indices(&genes.labels, &[0.7, 0.1, 0.2], SPLIT_SEED)?;
    let loader = |part: &[usize]| -> Result<Loader, Box<dyn Error>> {
        let mut x = Vec::with_capacity(part.len() * length * 4);
        for &row in part {
            for base in genes.sequences[row].chars() {
                let shares = shares(base)
                    .ok_or_else(|| format!("{}: row {row}: {base:?} is no base", genes.name))?;
                x.extend(shares);
            }
        }
        let x = Tensor::from_vec(x, [part.len(), length, 4])?;
        let labels = Targets::Classes(part.iter().map(|&row| genes.labels[row]).collect());
        let dataset = MemoryDataset::new(x, labels)?.with_class_names(&NAMES)?;
        Ok(Loader::new(dataset).batch_size(arguments.batch_size))
    };
    let training = loader(&parts[0])?.shuffle(arguments.seed);
    let (validation, test) = (loader(&parts[1])?, loader(&parts[2])?);
    println!(
        "{}: {} of {length} bases to learn from, {} to stop by, {} to be judged by",
        genes.name,
        parts[0].len(),
        parts[1].len(),
        parts[2].len()
    );

    let stream = Stream::new(arguments.seed, "init");
    let mut model =
        Reader::new(arguments.model, length, arguments.hidden, arguments.dropout, &stream);
    std::fs::create_dir_all(&arguments.out)
        .map_err(|err| format!("{}: {err}", arguments.out.display()))?;
    let mut trainer =
        Trainer::new(CrossEntropy::new(), AdamW::new(arguments.lr).weight_decay(0.01))
            .epochs(arguments.epochs)
            .seed(arguments.seed)
            .clip(Clip::norm(1.0))
            .metric(Accuracy::new())
            .callback(ProgressBar::new())
            .callback(EarlyStopping::new("val_loss").patience(6))
            .callback(CsvLog::new(arguments.out.join("log.csv")));
    let start = Instant::now();
    let history = trainer.fit(&mut model, &training, Some(&validation))?;
    println!(
        "{} parameters, {} epochs in {:.1} s",
        model.n_params(),
        history.records().len(),
        start.elapsed().as_secs_f64()
    );
    let result = trainer.evaluate(&model, &test)?;
    println!("test accuracy: {:.4}", result.get("accuracy").unwrap_or(f64::NAN));
    let truth: Vec<usize> = parts[2].iter().map(|&row| genes.labels[row]).collect();
    let said = predict(&model, &test)?.argmax_axis(1);
    let matrix = ConfusionMatrix::from_classes(&truth, &said, &NAMES)?.title("Junctions");
    shared::save(&matrix.draw()?, &arguments.out.join("confusion.png"))
}
