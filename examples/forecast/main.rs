//! What comes next? A recurrent network reads the past of a series, says the next year month by
//! month, and is compared with two forecasts that need no learning. Without arguments the series is
//! made up: growth, season and noise.
//! Run: cargo run --release --example forecast -- --data airline-passengers.csv
#![allow(clippy::print_stdout, reason = "an example prints")]

mod model;
mod series;
#[path = "../shared/mod.rs"]
mod shared;

use clap::Parser;
use model::{Forecaster, Kind};
use purlin::core::rng::Stream;
use purlin::data::series::Windows;
use purlin::data::{Dataset, Loader};
use purlin::nn::callbacks::{CsvLog, ProgressBar};
use purlin::nn::losses::Huber;
use purlin::nn::metrics::Regression;
use purlin::nn::optim::{AdamW, Clip};
use purlin::nn::schedule::WarmupCosine;
use purlin::nn::trainer::{Trainer, predict};
use purlin::nn::{Context, Forward, Module};
use purlin::plot::LinePlot;
use purlin::tensor::{Tensor, no_grad};
use series::{Series, View, column};
use shared::flags::{at_least_one, positive, probability};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Forecasts a series with an LSTM or a GRU, beside the naive forecast (all stays as it is) and the
/// seasonal one (all is as it was a season ago).
///
/// The last part of the series judges: the network never learns from it, and knows of it only what
/// lies before the steps that it forecasts. The defaults suit months that grow; for sunspots, which
/// come and go in eleven years: --season 132 --difference 0 --levels --window 48 --batch-size 64
/// --epochs 15.
#[derive(Parser)]
struct Arguments {
    /// A CSV file with a header [default: a made-up series].
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The column to forecast [default: the last one of numbers].
    #[arg(long, requires = "data")]
    column: Option<String>,
    /// What reads the past.
    #[arg(long, value_enum, default_value_t = Kind::Lstm)]
    model: Kind,
    /// Steps that are read.
    #[arg(long, default_value_t = 24, value_parser = at_least_one)]
    window: usize,
    /// Steps that are forecast.
    #[arg(long, default_value_t = 12, value_parser = at_least_one)]
    horizon: usize,
    /// Steps after which things repeat.
    #[arg(long, default_value_t = 12, value_parser = at_least_one)]
    season: usize,
    /// Learn changes over so many steps, and not the values; 0 for the values [default: the season].
    #[arg(long)]
    difference: Option<usize>,
    /// Learn the values themselves, not their logarithms.
    #[arg(long)]
    levels: bool,
    /// Share of the series, at its end, that judges.
    #[arg(long, default_value_t = 0.25, value_parser = probability)]
    test: f64,
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    hidden: usize,
    #[arg(long, default_value_t = 0.1, value_parser = probability)]
    dropout: f64,
    #[arg(long, default_value_t = 16, value_parser = at_least_one)]
    batch_size: usize,
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// The highest learning rate.
    #[arg(long, default_value_t = 3e-3, value_parser = positive)]
    lr: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the log and the picture go.
    #[arg(long, default_value = "out/forecast")]
    out: PathBuf,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let &Arguments { window, horizon, season, .. } = arguments;
    let series = match &arguments.data {
        Some(path) => Series::read(path, arguments.column.as_deref())?,
        None => Series::synthetic(),
    };
    let values = &series.values;
    let border = values.len() - (arguments.test * values.len() as f64).round() as usize;
    let lag = arguments.difference.unwrap_or(season);
    let least = season.max(window.saturating_add(lag).saturating_add(horizon));
    let later = values.len() - border;
    if border < least || later < horizon {
        let expected = format!("{least} rows to learn from and {horizon} to be judged by");
        return Err(format!("expected at least {expected}, got {border} and {later}").into());
    }
    let view = View::new(values, !arguments.levels, lag, border)?;
    // Learning ends with the border; what is forecast later begins there.
    let at = view.place(border);
    let training = Windows::new(column(&view.scaled[..at])?, window, horizon)?;
    let judging = Windows::new(column(&view.scaled[at - window..])?, window, horizon)?;
    println!(
        "{}: {} rows, {border} to learn from, {later} to be judged by; {} windows of {window} rows \
         and the {horizon} that follow",
        series.name,
        values.len(),
        training.len()
    );

    let stream = Stream::new(arguments.seed, "init");
    let mut model =
        Forecaster::new(arguments.model, arguments.hidden, horizon, arguments.dropout, &stream);
    std::fs::create_dir_all(&arguments.out)
        .map_err(|err| format!("{}: {err}", arguments.out.display()))?;
    let training = Loader::new(training).batch_size(arguments.batch_size).shuffle(arguments.seed);
    let steps = training.n_batches() as u64 * arguments.epochs;
    let mut trainer = Trainer::new(Huber::default(), AdamW::new(arguments.lr).weight_decay(0.01))
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

    // From each month of the last part on that has a whole year before its end.
    let output = predict(&model, &Loader::new(judging).batch_size(64))?;
    let forecasts: Vec<Vec<f64>> = (output.data().chunks(horizon).enumerate())
        .map(|(i, forecast)| view.back(border + i, forecast))
        .collect::<Result<_, _>>()?;
    compare(values, border, season, &forecasts)?;
    draw(&model, &view, arguments, &series, border, &forecasts)
}

/// What comes after row `origin` if all is as it was a season ago.
fn seasonal(values: &[f64], origin: usize, season: usize, horizon: usize) -> Vec<f64> {
    (0..horizon).map(|h| values[origin + h % season - season]).collect()
}

/// The table of errors, over all forecasts and all their steps.
fn compare(
    values: &[f64],
    border: usize,
    season: usize,
    forecasts: &[Vec<f64>],
) -> Result<(), Box<dyn Error>> {
    let (mut network, mut naive, mut repeated) =
        (Regression::new(), Regression::new(), Regression::new());
    for (i, forecast) in forecasts.iter().enumerate() {
        let (origin, horizon) = (border + i, forecast.len());
        let truth = &values[origin..origin + horizon];
        network.update(forecast, truth)?;
        naive.update(&vec![values[origin - 1]; horizon], truth)?;
        repeated.update(&seasonal(values, origin, season, horizon), truth)?;
    }
    println!("\n{} forecasts      {:>9} {:>9} {:>9}", forecasts.len(), "MAE", "RMSE", "MAPE");
    for (name, errors) in [("network", &network), ("naive", &naive), ("seasonal naive", &repeated)]
    {
        let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), shared::number);
        let share = errors.mape();
        let share = share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share));
        println!("{name:<16} {:>9} {:>9} {share:>9}", text(errors.mae()), text(errors.rmse()));
    }
    println!();
    Ok(())
}

/// The end of the series with forecasts one after the other, and what comes after it.
fn draw(
    model: &Forecaster,
    view: &View,
    arguments: &Arguments,
    series: &Series,
    border: usize,
    forecasts: &[Vec<f64>],
) -> Result<(), Box<dyn Error>> {
    let &Arguments { window, horizon, .. } = arguments;
    let values = &series.values;
    let last = &view.scaled[view.scaled.len() - window..];
    let x = Tensor::from_vec(last.iter().map(|&x| x as f32).collect(), [1, window, 1])?;
    let next = no_grad(|| model.forward(&x, &mut Context::eval()));
    let next = view.back(values.len(), next.data())?;
    let next_text: Vec<String> = next.iter().map(|&x| shared::number(x)).collect();
    println!("the next {horizon}: {}", next_text.join(" "));

    let from = border.saturating_sub(2 * window.max(horizon));
    let rows = |range: std::ops::Range<usize>| range.map(|row| row as f64).collect::<Vec<f64>>();
    let mut plot = LinePlot::new()
        .line("measured", &rows(from..values.len()), &values[from..])
        .title(format!("{}: {horizon} steps at a time", series.name))
        .x_label("row")
        .style(purlin::plot::Style::new().size(900, 420));
    // Lines with gaps between them: one name, one colour.
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let blocks = forecasts.iter().enumerate().step_by(horizon);
    for (origin, forecast) in
        blocks.map(|(i, forecast)| (border + i, forecast)).chain([(values.len(), &next)])
    {
        x.extend(rows(origin - 1..origin + horizon));
        y.push(f64::NAN);
        y.extend(forecast);
    }
    plot = plot.line("forecast", &x, &y);
    shared::save(&plot.draw()?, &arguments.out.join("forecast.png"))
}
