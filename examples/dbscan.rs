//! DBSCAN: two half moons among noise, which no straight line parts (synthetic); or any table of
//! one's own.
//! Run: cargo run --release --example dbscan
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::Parser;
use purlin::cluster::{Dbscan, KMeans, Metric, SpatialIndex, metrics};
use purlin::core::rng::Stream;
use purlin::core::{Matrix, MatrixView};
use purlin::data::moons;
use purlin::plot::LinePlot;
use shared::{Data, Plane, TableArguments, number, print_classes};
use std::error::Error;
use std::process::ExitCode;

/// Clusters a table where its rows lie densely.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// How near neighbours are, in the units of the scaled table [default: 0.12 for the moons; for a
    /// file, the distance that nine rows of ten have their neighbours within].
    #[arg(long)]
    eps: Option<f64>,
    /// Rows within `eps`, the row itself counted, that make a core.
    #[arg(long, default_value_t = 6)]
    min_samples: usize,
}

/// 900 rows on two moons, 100 anywhere.
fn moons_and_noise() -> Result<Data, Box<dyn Error>> {
    let (moons, mut classes) = moons(900).noise(0.07).seed(3).generate();
    let mut rng = Stream::new(3, "noise").rng(0);
    let mut rows = moons.into_vec();
    for _ in 0..100 {
        rows.extend([rng.uniform_in(-1.6, 2.6), rng.uniform_in(-1.2, 1.7)]);
    }
    classes.resize(1000, 2);
    let names = ["x", "y"].map(String::from).to_vec();
    let x = Matrix::from_vec(rows, 1000, 2)?;
    let mut data = Data::built_in("two moons among noise (synthetic)", names, x, false)?;
    data.classes = Some((classes, ["upper", "lower", "noise"].map(String::from).to_vec()));
    Ok(data)
}

/// The distance of each row to its `k`-th neighbour (itself the first), in rising order.
fn neighbour_distances(x: MatrixView<'_, f64>, k: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let index = SpatialIndex::new(x, Metric::Euclidean)?;
    let nearest = index.nearest_batch(x, k.min(x.n_rows()))?;
    let mut distances: Vec<f64> =
        nearest.iter().filter_map(|row| row.last()).map(|last| last.distance).collect();
    distances.sort_by(f64::total_cmp);
    Ok(distances)
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = arguments.table.open(moons_and_noise)?;
    data.describe();
    let x = data.scaled()?;
    let min_samples = arguments.min_samples;

    // How far is it to the neighbour that makes a row a core? Where this distance begins to soar,
    // clusters end and noise begins: a good `eps` lies there.
    let distances = neighbour_distances(x.view(), min_samples.max(1))?;
    let quantile = |share: f64| distances[((distances.len() - 1) as f64 * share) as usize];
    println!("\nthe distance within which a row has {min_samples} rows, itself one of them:");
    for percent in [10, 50, 75, 90, 95, 99] {
        println!("  {percent:>3} % of the rows: {}", number(quantile(f64::from(percent) / 100.0)));
    }
    let eps = match (arguments.eps, &data.classes) {
        (Some(eps), _) => eps,
        (None, Some(_)) => 0.12,
        // Rows with so many copies that the distance is 0 need some other distance.
        (None, None) => *distances.iter().find(|&&d| d >= quantile(0.9) && d > 0.0).unwrap_or(&1.0),
    };

    let model = Dbscan::new(eps, min_samples).fit(x.view())?;
    let labels = model.labels();
    println!(
        "\neps {}: {} clusters, {} cores, {} rows are noise ({:?} search)",
        number(eps),
        model.n_clusters(),
        model.core_sample_indices().len(),
        model.n_noise(),
        model.algorithm()
    );
    match &data.classes {
        Some(classes) => {
            print_classes(labels, classes);
            let kmeans = KMeans::new(2).n_init(10).fit(x.view())?;
            println!(
                "adjusted Rand index {:.3}; k-means into two, for comparison: {:.3}",
                metrics::adjusted_rand(&classes.0, labels)?,
                metrics::adjusted_rand(&classes.0, kmeans.labels())?
            );
        }
        None => data.print_means(labels, model.n_clusters()),
    }
    println!();

    let ranks: Vec<f64> = (1..=distances.len()).map(|i| i as f64).collect();
    let curve = LinePlot::new()
        .line("distance", &ranks, &distances)
        .line("eps", &[1.0, distances.len() as f64], &[eps, eps])
        .title(format!("Distance to neighbour {min_samples}: {}", data.name))
        .x_label("rows, the densest first")
        .y_label("distance")
        .draw()?;
    let plane = Plane::of(x.view(), &data.columns)?;
    let picture = plane.scatter(x.view(), labels).title(format!("DBSCAN: {}", data.name));
    let picture = if x.n_cols() == 2 { picture.equal_axes() } else { picture };
    arguments.table.save(&picture.draw()?, "dbscan")?;
    arguments.table.save_beside(&curve, "dbscan", "_distances")?;
    arguments.table.write_labels(&data, labels)
}
