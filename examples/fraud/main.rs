//! Fraud without a teacher: how strange is a payment? Distances, densities, mixtures and a hierarchy
//! score credit-card payments, and the labels, kept back until then, say how good the scores are.
//! Any other table is scored as well; where no column tells frauds, nobody judges.
//! Run: cargo run --release --example fraud -- --data creditcard.csv
#![allow(clippy::print_stdout, reason = "an example prints")]

mod scores;
#[path = "../shared/mod.rs"]
mod shared;

use clap::Parser;
use purlin::cluster::{Dbscan, Metric, SpatialIndex};
use purlin::core::Matrix;
use purlin::core::rng::Stream;
use purlin::nn::metrics::RocAuc;
use purlin::plot::{Figure, LinePlot, Style};
use scores::{Score, scaled, score};
use shared::{Data, Plane, TableArguments, number};
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Scores payments by how strange they are, and judges the scores by known frauds.
///
/// The file, which must be given, is the credit-card set of the Université Libre de Bruxelles, a
/// sample of it, or any other. What is written to `--output` is the cluster that DBSCAN finds for
/// each row, empty for an alarm.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// The column that is 1 for a fraud and 0 for a good payment, where there is one. It is never
    /// clustered by.
    #[arg(long, default_value = "Class")]
    label: String,
    /// Columns that tell nothing: numbers of rows, times. Looked at where `--columns` is not given.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = ",Time")]
    ignore: Vec<String>,
    /// The share of frauds among the payments that nobody has looked at.
    #[arg(long, default_value_t = 0.02)]
    share: f64,
    /// Neighbours that tell how dense it is around a payment.
    #[arg(long, default_value_t = 10)]
    neighbours: usize,
    /// Clusters of ordinary payments.
    #[arg(short = 'k', long, default_value_t = 20)]
    n_clusters: usize,
    /// Principal components that HDBSCAN sees [default: as many as columns; at most 16 where there are
    /// more than 20,000 payments, as its search slows down beyond: it then finds somewhat less].
    #[arg(long)]
    components: Option<usize>,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Writes the scores of the first part to this CSV file; of all rows where no column tells
    /// frauds.
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
}

/// Payments and whether each is a fraud (1) or not (0).
struct Payments {
    columns: Vec<String>,
    x: Matrix<f64>,
    is_scaled: bool,
    is_fraud: Vec<usize>,
}

impl Payments {
    /// The columns to look at, and whether a column tells frauds.
    fn of(arguments: &Arguments, data: &Data) -> Result<(Self, bool), Box<dyn Error>> {
        let Arguments { table, label: name, ignore, .. } = arguments;
        let label = data.column(name);
        let is_other = |value: &f64| *value != 0.0 && *value != 1.0;
        if let Some((row, value)) = label.into_iter().flatten().enumerate().find(|l| is_other(l.1))
        {
            return Err(format!("column {name} must be 0 or 1, got {value} in row {row}").into());
        }
        let is_used =
            |column: &String| column != name && (table.names_columns() || !ignore.contains(column));
        let used: Vec<usize> =
            (0..data.columns.len()).filter(|&j| is_used(&data.columns[j])).collect();
        if used.is_empty() {
            return Err("expected a column of numbers beside the label and what is ignored".into());
        }
        // Amounts of money span powers of ten: their logarithm says more.
        let is_amount =
            |j: usize| data.columns[j] == "Amount" && data.x.column(j).all(|v| v >= 0.0);
        let is_amount: Vec<bool> = used.iter().map(|&j| is_amount(j)).collect();
        let x = Matrix::from_fn(data.x.n_rows(), used.len(), |i, j| {
            let value = data.x[(i, used[j])];
            if is_amount[j] { value.ln_1p() } else { value }
        });
        let is_fraud = label.map(|label| label.iter().map(|&value| value as usize).collect());
        let is_judged = is_fraud.is_some();
        let is_fraud = is_fraud.unwrap_or_else(|| vec![0; x.n_rows()]);
        let columns = used.iter().map(|&j| data.columns[j].clone()).collect();
        Ok((Self { columns, x, is_scaled: data.is_scaled(), is_fraud }, is_judged))
    }

    /// Rows of one kind, in an order of chance.
    fn rows(&self, is_fraud: usize, seed: u64) -> Vec<usize> {
        let rows: Vec<usize> =
            (0..self.is_fraud.len()).filter(|&i| self.is_fraud[i] == is_fraud).collect();
        let order = Stream::new(seed, "rows").rng(is_fraud as u64).permutation(rows.len());
        order.into_iter().map(|i| rows[i]).collect()
    }
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let no_file = || Err("expected a file of payments: --data FILE".into());
    let data = arguments.table.open(no_file)?;
    let (payments, is_judged) = Payments::of(arguments, &data)?;
    if !is_judged {
        return unjudged(arguments, &data, &payments);
    }
    let (good, fraud) = (payments.rows(0, arguments.seed), payments.rows(1, arguments.seed));
    if good.len() < 4 || fraud.is_empty() || !(0.0..1.0).contains(&arguments.share) {
        return Err("expected 4 good payments, 1 fraud and a share of frauds below 1".into());
    }
    let (n, d) = payments.x.shape();
    println!("{n} payments, {d} columns, {} frauds ({:.1} %)", fraud.len(), percent(&fraud, n));

    println!(
        "\nPart 1: half of the good payments are known to be good; the rest and all frauds come in"
    );
    let (known, new_good) = good.split_at(good.len() / 2);
    let new: Vec<usize> = new_good.iter().chain(&fraud).copied().collect();
    let judged = score(arguments, &payments, known, &new)?;
    let is_fraud: Vec<usize> = new.iter().map(|&i| payments.is_fraud[i]).collect();
    print_judgement(&judged, &is_fraud)?;
    let labels = dbscan_alarm(arguments, &payments, known, &new)?;
    let alarms = new.iter().filter(|&&row| labels[row].is_none());
    let caught = alarms.clone().filter(|&&row| payments.is_fraud[row] == 1).count();
    println!("{} alarms, {caught} of them right; {} frauds in all", alarms.count(), fraud.len());
    if let Some(path) = &arguments.scores {
        write_scores(path, &new, Some(&is_fraud), &judged)?;
    }
    arguments.table.write_labels(&data, &labels)?;

    let n_fraud = (arguments.share * good.len() as f64 / (1.0 - arguments.share)).round() as usize;
    let n_fraud = n_fraud.clamp(1, fraud.len());
    let unknown: Vec<usize> = good.iter().chain(&fraud[..n_fraud]).copied().collect();
    let share = percent(&fraud[..n_fraud], unknown.len());
    println!(
        "\nPart 2: nothing is known; {n_fraud} frauds hide among {} ({share:.1} %)",
        unknown.len()
    );
    let judged = score(arguments, &payments, &unknown, &unknown)?;
    let is_fraud: Vec<usize> = unknown.iter().map(|&i| payments.is_fraud[i]).collect();
    print_judgement(&judged, &is_fraud)?;
    print_notes(n_fraud);

    arguments.table.save(&curves(&judged, &is_fraud, share)?, "fraud")
}

/// Scores a table of which nobody says what is strange.
fn unjudged(arguments: &Arguments, data: &Data, payments: &Payments) -> Result<(), Box<dyn Error>> {
    const TOP: usize = 5;
    let (n, d) = payments.x.shape();
    if n < 4 {
        return Err(format!("expected 4 rows, got {n}").into());
    }
    println!("{n} rows, {d} columns; no column {} tells frauds", arguments.label);
    let all: Vec<usize> = (0..n).collect();
    let scores = score(arguments, payments, &all, &all)?;
    println!("\n{:<20} the strangest rows, counted from 0, with their scores", "score");
    for score in &scores {
        let mut order = all.clone();
        order.sort_by(|&a, &b| score.values[b].total_cmp(&score.values[a]));
        let top: Vec<String> = (order.iter().take(TOP))
            .map(|&i| format!("{i} ({})", number(score.values[i])))
            .collect();
        println!("{:<20} {}", score.name, top.join(", "));
    }
    let labels = dbscan_alarm(arguments, payments, &all, &all)?;
    println!("{} alarms", labels.iter().filter(|label| label.is_none()).count());
    if let Some(path) = &arguments.scores {
        write_scores(path, &all, None, &scores)?;
    }
    let (x, _) = scaled(payments, &all, &all)?;
    let plane = Plane::of(x.view(), &payments.columns)?;
    let picture = plane.scatter(x.view(), &labels).title(format!("Alarms: {}", data.name));
    arguments.table.save(&picture.draw()?, "fraud")?;
    arguments.table.write_labels(data, &labels)
}

fn percent(part: &[usize], whole: usize) -> f64 {
    100.0 * part.len() as f64 / whole as f64
}

fn print_judgement(scores: &[Score], is_fraud: &[usize]) -> Result<(), Box<dyn Error>> {
    let n_fraud: usize = is_fraud.iter().sum();
    let chance = n_fraud as f64 / is_fraud.len() as f64;
    let top = n_fraud.min(100);
    let precision_at = format!("of the top {top}");
    println!("\n{:<20} {:>9} {:>18} {:>15}", "score", "ROC AUC", "average precision", precision_at);
    for score in scores {
        let mut auc = RocAuc::new();
        auc.update(&score.values, is_fraud)?;
        let mut order: Vec<usize> = (0..is_fraud.len()).collect();
        order.sort_by(|&a, &b| score.values[b].total_cmp(&score.values[a]));
        let hits: usize = order.iter().take(top).map(|&i| is_fraud[i]).sum();
        let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
        println!(
            "{:<20} {:>9.3} {:>18.3} {:>15}",
            score.name,
            or_nan(auc.value()),
            or_nan(auc.average_precision()),
            format!("{hits} frauds")
        );
    }
    println!("{:<20} {:>9.3} {chance:>18.3} {:>15.1}", "by chance", 0.5, chance * top as f64);
    Ok(())
}

/// What the figures do not say by themselves.
fn print_notes(n_fraud: usize) {
    println!(
        "\nOne fraud more or less among {n_fraud} moves these figures: compare a few values of --seed.\n\
         Average precision is to be read beside that of chance, which is the share of frauds: the first\n\
         part is easy because good payments were sorted out before, and because frauds are many.\n\
         Frauds that resemble each other make a dense place of their own. What asks how dense it is\n\
         beside the surroundings may take them for ordinary, and so may a mixture of any shapes, which\n\
         can give them a component; one of a single shape for all cannot shrink onto them.\n\
         A stranger is no fraud yet: what the scores put on top still needs a look."
    );
}

/// DBSCAN says yes or no: what lies near no dense region of known payments raises an alarm, and has
/// no cluster. The others have one; rows that are neither known nor new have none.
fn dbscan_alarm(
    arguments: &Arguments,
    payments: &Payments,
    known: &[usize],
    new: &[usize],
) -> Result<Vec<Option<usize>>, Box<dyn Error>> {
    let (known_x, new_x) = scaled(payments, known, new)?;
    let min_samples = arguments.neighbours.min(known.len());
    // So wide that nine known payments of ten are cores.
    let index = SpatialIndex::new(known_x.view(), Metric::Euclidean)?;
    let mut distances: Vec<f64> = (index.nearest_batch(known_x.view(), min_samples)?.iter())
        .filter_map(|row| row.last().map(|last| last.distance))
        .collect();
    distances.sort_by(f64::total_cmp);
    let eps = distances[(distances.len() - 1) * 9 / 10].max(f64::MIN_POSITIVE);
    let model = Dbscan::new(eps, min_samples).fit(known_x.view())?;
    print!("\nDBSCAN (eps {eps:.2}): ");
    let mut labels = vec![None; payments.x.n_rows()];
    for (&row, &label) in known.iter().zip(model.labels()) {
        labels[row] = label;
    }
    if known != new {
        for (&row, label) in new.iter().zip(model.predict(new_x.view())?) {
            labels[row] = label;
        }
    }
    Ok(labels)
}

/// Precision over recall.
fn curves(scores: &[Score], is_fraud: &[usize], share: f64) -> Result<Figure, Box<dyn Error>> {
    let n_fraud: usize = is_fraud.iter().sum();
    let mut plot = LinePlot::new();
    for score in scores {
        let mut order: Vec<usize> = (0..is_fraud.len()).collect();
        order.sort_by(|&a, &b| score.values[b].total_cmp(&score.values[a]));
        let (mut recall, mut precision, mut hits) = (Vec::new(), Vec::new(), 0);
        for (i, &row) in order.iter().enumerate() {
            hits += is_fraud[row];
            if is_fraud[row] == 1 {
                recall.push(hits as f64 / n_fraud as f64);
                precision.push(hits as f64 / (i + 1) as f64);
            }
        }
        plot = plot.line(score.name, &recall, &precision);
    }
    let chance = n_fraud as f64 / is_fraud.len() as f64;
    Ok(plot
        .line("by chance", &[0.0, 1.0], &[chance, chance])
        .y_range(0.0, 1.03)
        .title(format!("Alarms among payments of which {share:.1} % are frauds"))
        .x_label("share of the frauds that are found")
        .y_label("share of the alarms that are right")
        .style(Style::new().size(760, 520))
        .draw()?)
}

fn write_scores(
    path: &Path,
    rows: &[usize],
    is_fraud: Option<&[usize]>,
    scores: &[Score],
) -> Result<(), Box<dyn Error>> {
    let names: Vec<&str> = scores.iter().map(|score| score.name).collect();
    let judge = if is_fraud.is_some() { "is fraud," } else { "" };
    let mut text = format!("row,{judge}{}\n", names.join(","));
    for (i, row) in rows.iter().enumerate() {
        let judge = is_fraud.map_or_else(String::new, |is_fraud| format!("{},", is_fraud[i]));
        let values: Vec<String> = scores.iter().map(|score| score.values[i].to_string()).collect();
        writeln!(text, "{row},{judge}{}", values.join(","))?;
    }
    shared::write(path, &text)?;
    println!("scores: {}", path.display());
    Ok(())
}
