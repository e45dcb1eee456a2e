//! How many clusters? Four answers side by side, on 150 irises of three species; or on any table of
//! one's own.
//! Run: cargo run --release --example choose_k
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::Parser;
use purlin::cluster::{ChooseK, ChooseKTable, KMeans, Metric, metrics};
use purlin::data::sets;
use purlin::plot::{LearningCurves, SilhouettePlot, Style};
use shared::{Data, TableArguments};
use std::error::Error;
use std::process::ExitCode;

/// Clusters a table into each number of clusters and tells what speaks for each.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// The least number of clusters.
    #[arg(long, default_value_t = 1)]
    from: usize,
    /// The greatest number of clusters.
    #[arg(long, default_value_t = 8)]
    to: usize,
    /// Tables without clusters that the gap is measured by; 0 leaves it out.
    #[arg(long, default_value_t = 20)]
    references: usize,
    /// Clusters to write and to draw silhouettes of [default: the best by silhouette].
    #[arg(short = 'k', long)]
    n_clusters: Option<usize>,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = arguments.table.open(|| Data::of_set("irises", sets::iris(), true))?;
    data.describe();
    let x = data.scaled()?;

    let table = ChooseK::new(arguments.from..=arguments.to)
        .n_references(arguments.references)
        .seed(arguments.seed)
        .fit(x.view())?;
    println!(
        "\n{:>3} {:>10} {:>11} {:>8} {:>8} {:>10}",
        "k", "inertia", "silhouette", "gap", "+-", "BIC"
    );
    let or_dash = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    for row in table.rows() {
        println!(
            "{:>3} {:>10.2} {:>11} {:>8} {:>8} {:>10.1}",
            row.n_clusters,
            row.inertia,
            or_dash(row.silhouette),
            or_dash(row.gap),
            or_dash(row.gap_std),
            row.bic
        );
    }
    println!();
    for (name, why, answer) in answers(&table) {
        let answer = answer.map_or_else(|| "no answer".to_owned(), |k| k.to_string());
        println!("{name:<11} {answer:<10} {why}");
    }
    println!("Where they differ, no number is wrong: the question is what the clusters are for.\n");

    let counts = |value: fn(&purlin::cluster::ChooseKRow) -> Option<f64>| -> Vec<f64> {
        table.rows().iter().map(|row| value(row).unwrap_or(f64::NAN)).collect()
    };
    let mut curves = LearningCurves::new().first_epoch(arguments.from).x_label("clusters");
    for (name, values) in [
        ("inertia", counts(|row| Some(row.inertia))),
        ("silhouette", counts(|row| row.silhouette)),
        ("gap", counts(|row| row.gap)),
        ("BIC", counts(|row| Some(row.bic))),
    ] {
        if values.iter().any(|value| value.is_finite()) {
            curves = curves.panel(name).series(name, &values);
        }
    }
    let curves = curves.title(format!("How many clusters? {}", data.name));
    let curves = curves.style(Style::new().size(760, 900)).draw()?;
    arguments.table.save(&curves, "choose_k")?;

    let k = arguments.n_clusters.or(table.best_by_silhouette()).unwrap_or(arguments.from);
    let model = KMeans::new(k).n_init(10).seed(arguments.seed).fit(x.view())?;
    if (2..x.n_rows()).contains(&k) {
        let values = metrics::silhouette_samples(x.view(), model.labels(), &Metric::Euclidean)?;
        let picture = SilhouettePlot::new(&values, model.labels());
        let picture = picture.title(format!("{k} clusters: {}", data.name)).draw()?;
        arguments.table.save_beside(&picture, "choose_k", "_silhouettes")?;
    }
    let labels: Vec<Option<usize>> = model.labels().iter().copied().map(Some).collect();
    arguments.table.write_labels(&data, &labels)
}

/// What each criterion says, and why.
fn answers(table: &ChooseKTable) -> [(&'static str, &'static str, Option<usize>); 4] {
    [
        ("elbow", "where the inertia stops falling steeply", table.elbow()),
        (
            "silhouette",
            "rows much nearer to their own cluster than to others",
            table.best_by_silhouette(),
        ),
        ("gap", "more order than in tables without clusters", table.best_by_gap()),
        (
            "BIC",
            "a mixture of equal balls that explains the rows for its size",
            table.best_by_bic(),
        ),
    ]
}
