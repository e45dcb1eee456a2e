//! k-means: 1,797 handwritten digits sorted into ten heaps, without being told which is which; or
//! any table of one's own.
//! Run: cargo run --release --example kmeans
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::{Parser, ValueEnum};
use purlin::cluster::{Init, KMeans, Metric, metrics};
use purlin::data::sets;
use shared::{Data, Plane, TableArguments, print_classes};
use std::error::Error;
use std::process::ExitCode;

/// Clusters a table by k-means.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// The number of clusters [default: 10 for the digits, 3 for a file].
    #[arg(short = 'k', long)]
    n_clusters: Option<usize>,
    /// Starts, of which the best is kept.
    #[arg(long, default_value_t = 10)]
    n_init: usize,
    /// How the starts are drawn.
    #[arg(long, value_enum, default_value_t = Start::PlusPlus)]
    init: Start,
    /// Most rounds of a start.
    #[arg(long, default_value_t = 300)]
    max_iter: usize,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Start {
    /// k-means++: far from each other.
    PlusPlus,
    /// k-means||: the same idea in five rounds, for many clusters.
    Parallel,
    /// Any rows.
    Random,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    // Pixels have one unit; dividing each by its deviation would blow up the empty corners.
    let digits = || Data::of_set("handwritten digits, 8 x 8 pixels", sets::digits(), false);
    let data = arguments.table.open(digits)?;
    data.describe();
    let x = data.scaled()?;
    let k = arguments.n_clusters.unwrap_or(if data.classes.is_some() { 10 } else { 3 });

    let init = match arguments.init {
        Start::PlusPlus => Init::PlusPlus { n_local_trials: None },
        Start::Parallel => Init::Parallel { rounds: 5, oversampling: 2.0 },
        Start::Random => Init::Random,
    };
    let kmeans = KMeans::new(k).init(init).n_init(arguments.n_init).max_iter(arguments.max_iter);
    let model = kmeans.seed(arguments.seed).fit(x.view())?;
    println!(
        "{k} clusters after {} rounds ({:?}), inertia {:.1}, the best of {} starts",
        model.n_iter(),
        model.stop_reason(),
        model.inertia(),
        arguments.n_init
    );
    let labels: Vec<Option<usize>> = model.labels().iter().copied().map(Some).collect();
    if (2..x.n_rows()).contains(&k) {
        let silhouette = metrics::silhouette(x.view(), model.labels(), &Metric::Euclidean)?;
        println!("mean silhouette {silhouette:.3} (1: far apart, 0: touching)");
    }
    match &data.classes {
        Some(classes) => {
            print_classes(&labels, classes);
            println!(
                "adjusted Rand index {:.3} (1: the same groups, 0: as good as chance)",
                metrics::adjusted_rand(&classes.0, model.labels())?
            );
        }
        None => data.print_means(&labels, k),
    }

    // A model tells where new rows belong: here, the first ones again.
    let first = model.predict(x.view().row_range(0..x.n_rows().min(5)))?;
    println!("\nthe first rows belong to clusters {first:?}");

    let plane = Plane::of(x.view(), &data.columns)?;
    let (cx, cy) = plane.project(model.centroids());
    let picture = plane.scatter(x.view(), &labels).centroids(&cx, &cy);
    let picture = picture.title(format!("k-means: {}", data.name)).draw()?;
    arguments.table.save(&picture, "kmeans")?;
    arguments.table.write_labels(&data, &labels)
}
