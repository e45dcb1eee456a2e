//! What is strange here? An autoencoder learns to repeat windows of a series while all is well, and
//! what it cannot repeat later is strange. Labels judge and teach nothing. Without arguments the
//! series is made up, with four anomalies planted in it.
//! Run: cargo run --release --example anomaly -- --data DIR
#![allow(clippy::print_stdout, reason = "an example prints")]

mod data;
#[path = "../shared/mod.rs"]
mod shared;

use clap::Parser;
use data::Labelled;
use purlin::core::MatrixView;
use purlin::core::rng::Stream;
use purlin::data::{Loader, MemoryDataset, StandardScaler, Targets};
use purlin::nn::losses::Mse;
use purlin::nn::metrics::RocAuc;
use purlin::nn::models::Autoencoder;
use purlin::nn::optim::Adam;
use purlin::nn::schedule::Cosine;
use purlin::nn::trainer::{Trainer, predict};
use purlin::plot::{LinePlot, Style};
use purlin::tensor::Tensor;
use shared::flags::{at_least_one, positive, probability};
use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

/// Scores each moment of a series by how badly an autoencoder repeats it.
///
/// The first part of a series is taken for normal: most of it is learned from, the rest sets the
/// threshold. The labels judge what comes later, moment by moment, and count the labelled
/// stretches in which there was an alarm.
#[derive(Parser)]
struct Arguments {
    /// Folder of the Numenta Anomaly Benchmark's form: `windows.json`, and the files that it names
    /// [default: a made-up series].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only the series with this in its name [default: all that have a labelled stretch].
    #[arg(long, value_name = "NAME", requires = "data")]
    series: Option<String>,
    /// Moments of a window.
    #[arg(long, default_value_t = 48, value_parser = at_least_one)]
    window: usize,
    /// Share of the series, at its beginning, that is taken for normal.
    #[arg(long, default_value_t = 0.3, value_parser = probability)]
    known: f64,
    /// Units of the hidden layer.
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    hidden: usize,
    /// Numbers of a code.
    #[arg(long, default_value_t = 6, value_parser = at_least_one)]
    latent: usize,
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    batch_size: usize,
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// The highest learning rate; it falls along a cosine.
    #[arg(long, default_value_t = 3e-3, value_parser = positive)]
    lr: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the pictures go.
    #[arg(long, default_value = "out/anomaly")]
    out: PathBuf,
}

/// Of the part that is taken for normal, what is learned from.
const LEARNED: f64 = 0.8;

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let all = match &arguments.data {
        Some(folder) => data::read(folder, arguments.series.as_deref())?,
        None => vec![data::synthetic()],
    };
    println!(
        "{:<36} {:>6} {:>5} {:>6} {:>6} {:>9} {:>6} {:>6} {:>7} {:>6}",
        "series", "judged", "AUC", "AP", "chance", "precision", "recall", "F1", "found", "false"
    );
    for series in &all {
        let scored = Scored::new(series, arguments)?;
        scored.print(series);
        scored.draw(series, arguments)?;
    }
    println!(
        "AUC, AP (average precision; `chance`: the share of labelled moments), precision, recall and F1 \
         by moments;\nfound: labelled stretches with an alarm; false: alarms outside, those less than a \
         window apart as one"
    );
    Ok(())
}

/// How strange each moment is, and from where on that is an alarm.
struct Scored {
    scores: Vec<f64>,
    threshold: f64,
    /// The first moment that is judged.
    border: usize,
    /// Moments of a window.
    window: usize,
}

impl Scored {
    fn new(series: &Labelled, arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        let (values, window) = (&series.values, arguments.window);
        let border = (arguments.known * values.len() as f64).round() as usize;
        let learned = (LEARNED * border as f64).round() as usize;
        if learned < window || border == learned {
            let (name, known) = (&series.name, border - learned);
            let expected =
                format!("expected {window} moments to learn from and 1 to find the threshold");
            return Err(format!("{name}: {expected}, got {learned} and {known}").into());
        }
        let known = MatrixView::from_slice(&values[..learned], learned, 1)?;
        let scaler = StandardScaler::fit(known)?;
        let scaled = scaler.transform(MatrixView::from_slice(values, values.len(), 1)?)?.into_vec();
        let windows = |n: usize| -> Result<MemoryDataset, Box<dyn Error>> {
            let rows = n - window + 1;
            let at = |i: usize| scaled[i / window + i % window] as f32;
            let x = Tensor::from_fn([rows, window], at);
            Ok(MemoryDataset::new(x.clone(), Targets::Values(x))?)
        };
        let training =
            Loader::new(windows(learned)?).batch_size(arguments.batch_size).shuffle(arguments.seed);
        let stream = Stream::new(arguments.seed, "init");
        let mut model = Autoencoder::mlp(window, &[arguments.hidden], arguments.latent, &stream);
        let steps = training.n_batches() as u64 * arguments.epochs;
        Trainer::new(Mse::new(), Adam::new(arguments.lr))
            .epochs(arguments.epochs)
            .seed(arguments.seed)
            .schedule(Cosine::new(arguments.lr, steps))
            .fit(&mut model, &training, None)?;

        // A moment's score is its mean squared error in all windows that hold it, of the first `n`.
        let score = |n: usize| -> Result<Vec<f64>, Box<dyn Error>> {
            let back = predict(&model, &Loader::new(windows(n)?).batch_size(512))?;
            let (mut sums, mut counts) = (vec![0.0; n], vec![0.0; n]);
            for (first, row) in back.data().chunks(window).enumerate() {
                for (i, &value) in row.iter().enumerate() {
                    sums[first + i] += (f64::from(value) - scaled[first + i]).powi(2);
                    counts[first + i] += 1.0;
                }
            }
            Ok(sums.iter().zip(&counts).map(|(sum, n)| sum / n).collect())
        };
        // No window of what is judged has a say in the threshold.
        let threshold = score(border)?[learned..].iter().copied().fold(0.0, f64::max);
        let scores = score(values.len())?;
        Ok(Self { scores, threshold, border, window })
    }

    fn is_alarm(&self, row: usize) -> bool {
        self.scores[row] > self.threshold
    }

    /// Moments above the threshold; those that a window joins are one alarm.
    fn alarms(&self) -> Vec<Range<usize>> {
        let mut alarms: Vec<Range<usize>> = Vec::new();
        for row in (self.border..self.scores.len()).filter(|&row| self.is_alarm(row)) {
            match alarms.last_mut() {
                Some(alarm) if row < alarm.end + self.window => alarm.end = row + 1,
                _ => alarms.push(row..row + 1),
            }
        }
        alarms
    }

    fn print(&self, series: &Labelled) {
        let rows = self.border..self.scores.len();
        let targets: Vec<usize> =
            rows.clone().map(|row| usize::from(series.is_wrong(row))).collect();
        let mut auc = RocAuc::new();
        let curve = auc.update(&self.scores[self.border..], &targets);
        let alarms = rows.clone().filter(|&row| self.is_alarm(row)).count();
        let right = rows.clone().filter(|&row| self.is_alarm(row) && series.is_wrong(row)).count();
        let wrong = targets.iter().sum::<usize>();
        let share = |of: usize, all: usize| (all > 0).then(|| of as f64 / all as f64);
        let is_met = |window: &Range<usize>| {
            (window.start.max(self.border)..window.end).any(|row| self.is_alarm(row))
        };
        let judged: Vec<_> =
            series.windows.iter().filter(|window| window.end > self.border).collect();
        let found = judged.iter().filter(|window| is_met(window)).count();
        let is_false = |alarm: &Range<usize>| !alarm.clone().any(|row| series.is_wrong(row));
        let n_false = self.alarms().iter().filter(|alarm| is_false(alarm)).count();
        let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"));
        println!(
            "{:<36} {:>6} {:>5} {:>6} {:>6} {:>9} {:>6} {:>6} {:>7} {:>6}",
            shared::short(&series.name, 36),
            rows.len(),
            text(curve.as_ref().ok().and_then(|()| auc.value())),
            text(auc.average_precision()),
            text(share(wrong, rows.len())),
            text(share(right, alarms)),
            text(share(right, wrong)),
            text(share(2 * right, alarms + wrong)),
            format!("{found}/{}", judged.len()),
            n_false
        );
    }

    /// The series above, its scores below, what is labelled between.
    fn draw(&self, series: &Labelled, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
        let n = series.values.len();
        let rows: Vec<f64> = (0..n).map(|row| row as f64).collect();
        let spread = |values: &[f64], low: f64, high: f64| -> Vec<f64> {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let scale = (high - low) / (most - least).max(f64::MIN_POSITIVE);
            values.iter().map(|value| low + (value - least) * scale).collect()
        };
        // The root brings small scores into sight.
        let roots: Vec<f64> = self.scores.iter().map(|score| score.sqrt()).collect();
        let mut with_threshold = roots.clone();
        with_threshold.push(self.threshold.sqrt());
        let below = spread(&with_threshold, 0.0, 1.0);
        let at = |row: usize| if series.is_wrong(row) { 1.08 } else { f64::NAN };
        let figure = LinePlot::new()
            .line("series", &rows, &spread(&series.values, 1.16, 2.0))
            .line("score", &rows, &below[..n])
            .line("labelled", &rows, &(0..n).map(at).collect::<Vec<_>>())
            .line("threshold", &[self.border as f64, n as f64], &[below[n]; 2])
            .y_range(0.0, 2.05)
            .title(format!("{}: judged from {} on", series.name, self.border))
            .x_label("moment")
            .style(Style::new().size(1000, 460))
            .draw()?;
        shared::save(&figure, &arguments.out.join(format!("{}.png", series.name.replace(' ', "_"))))
    }
}
