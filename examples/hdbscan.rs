//! HDBSCAN*: clusters of different densities, for which no one `eps` is right (synthetic); or any table
//! of one's own.
//! Run: cargo run --release --example hdbscan
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::{Parser, ValueEnum};
use purlin::cluster::{ClusterSelection, Dbscan, Hdbscan, HdbscanModel, metrics};
use purlin::core::MatrixView;
use purlin::plot::{CondensedTreePlot, Figure, Style};
use shared::{Data, Plane, TableArguments, number, print_classes, short};
use std::error::Error;
use std::process::ExitCode;

/// Clusters a table on all scales of density at once.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Rows of a cluster at least; smaller groups are noise.
    #[arg(long, default_value_t = 50)]
    min_cluster_size: usize,
    /// Rows that tell the density around a row, itself counted.
    #[arg(long, default_value_t = 10)]
    min_samples: usize,
    /// Which clusters of the tree are taken.
    #[arg(long, value_enum, default_value_t = Selection::Stable)]
    selection: Selection,
    /// How many of the strangest rows are listed.
    #[arg(long, default_value_t = 5)]
    outliers: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Selection {
    /// Those that are more stable than what they split into.
    Stable,
    /// Those that do not split.
    Leaf,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = arguments.table.open(shared::densities)?;
    data.describe();
    let x = data.scaled()?;
    let selection = match arguments.selection {
        Selection::Stable => ClusterSelection::ExcessOfMass,
        Selection::Leaf => ClusterSelection::Leaf,
    };
    let hdbscan = Hdbscan::new(arguments.min_cluster_size).min_samples(arguments.min_samples);
    let model = hdbscan.selection(selection).fit(x.view())?;
    let labels = model.labels();
    println!(
        "{} clusters, {} rows are noise ({:.1} %)",
        model.n_clusters(),
        model.n_noise(),
        100.0 * model.n_noise() as f64 / x.n_rows() as f64
    );

    print_clusters(&model);
    print_outliers(&data, &model, arguments.outliers);
    match &data.classes {
        Some(classes) => {
            print_classes(labels, classes);
            let ari = metrics::adjusted_rand(&classes.0, labels)?;
            let (eps, best) = best_dbscan(x.view(), &classes.0, arguments.min_samples)?;
            println!(
                "adjusted Rand index {ari:.3}; DBSCAN with the best of 100 distances, {}: {best:.3}",
                number(eps)
            );
        }
        None => data.print_means(labels, model.n_clusters()),
    }
    println!();

    arguments.table.save(&picture(&data, x.view(), &model)?, "hdbscan")?;
    arguments.table.write_labels(&data, labels)
}

/// Where each cluster begins, how long it lasts, and how dense the most of it is.
fn print_clusters(model: &HdbscanModel<f64>) {
    println!(
        "\n{:<8} {:>6} {:>12} {:>10} {:>17}",
        "cluster", "rows", "splits off", "stability", "mean probability"
    );
    let rows = model.condensed_tree().rows();
    for (label, cluster) in model.selected_clusters().into_iter().enumerate() {
        let members = model.labels().iter().zip(model.probabilities());
        let probabilities: Vec<f64> =
            members.filter(|(of, _)| **of == Some(label)).map(|(_, p)| *p).collect();
        let n = probabilities.len();
        // The root splits off from nothing.
        let begins = rows.iter().find(|row| row.child == cluster);
        let begins = begins.map_or_else(|| "-".to_owned(), |row| number(1.0 / row.lambda));
        println!(
            "{label:<8} {n:>6} {begins:>12} {:>10} {:>17.2}",
            number(model.stabilities()[label]),
            probabilities.iter().sum::<f64>() / n as f64
        );
    }
    println!("(splits off: the distance between rows at which it parts from the others)");
}

/// The rows that lie loosest beside the cluster that is nearest to them.
fn print_outliers(data: &Data, model: &HdbscanModel<f64>, most: usize) {
    const COLUMNS: usize = 6;
    let scores = model.outlier_scores();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(most);
    if order.is_empty() {
        return;
    }
    print!("\n{:<13} {:>6} {:>8}", "outliers: row", "score", "cluster");
    for name in data.columns.iter().take(COLUMNS) {
        print!(" {:>16}", short(name, 16));
    }
    println!();
    for row in order {
        let label = model.labels()[row].map_or_else(|| "noise".to_owned(), |l| l.to_string());
        print!("{row:<13} {:>6.3} {label:>8}", scores[row]);
        for value in data.x.view().row(row).iter().take(COLUMNS) {
            print!(" {:>16}", number(*value));
        }
        println!();
    }
}

/// The distance that brings DBSCAN nearest to the known classes, and how near.
fn best_dbscan(
    x: MatrixView<'_, f64>,
    classes: &[usize],
    min_samples: usize,
) -> Result<(f64, f64), Box<dyn Error>> {
    let mut best = (0.0, f64::NEG_INFINITY);
    for i in 1..=100 {
        let eps = 0.01 * f64::from(i);
        let model = Dbscan::new(eps, min_samples).fit(x)?;
        let ari = metrics::adjusted_rand(classes, model.labels())?;
        if ari > best.1 {
            best = (eps, ari);
        }
    }
    Ok(best)
}

/// The rows, fainter where they belong less, beside the tree that the clusters come from.
fn picture(
    data: &Data,
    x: MatrixView<'_, f64>,
    model: &HdbscanModel<f64>,
) -> Result<Figure, Box<dyn Error>> {
    let style = Style::new().size(640, 520);
    let labels = model.labels();
    let strengths: Vec<f64> = (labels.iter().zip(model.probabilities()))
        .map(|(label, probability)| if label.is_some() { *probability } else { 1.0 })
        .collect();
    let plane = Plane::of(x, &data.columns)?;
    let scatter = plane.scatter(x, labels).strengths(&strengths).style(style);
    let scatter = scatter.title(format!("HDBSCAN*: {}", data.name));
    let scatter = if x.n_cols() == 2 { scatter.equal_axes() } else { scatter };

    let rows = model.condensed_tree().rows();
    let parents: Vec<usize> = rows.iter().map(|row| row.parent).collect();
    let children: Vec<usize> = rows.iter().map(|row| row.child).collect();
    let lambdas: Vec<f64> = rows.iter().map(|row| row.lambda).collect();
    let sizes: Vec<usize> = rows.iter().map(|row| row.size).collect();
    let tree = CondensedTreePlot::new(&parents, &children, &lambdas, &sizes)
        .selected(&model.selected_clusters())
        .title("Clusters from sparse (top) to dense")
        .style(style);
    Ok(scatter.draw()?.beside(&tree.draw()?)?)
}
