//! OPTICS: groups of different densities, seen as valleys (synthetic); or any table of one's own.
//! Run: cargo run --release --example optics
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::Parser;
use purlin::cluster::{Optics, Xi, metrics};
use purlin::plot::ReachabilityPlot;
use shared::{Plane, TableArguments, number, print_classes};
use std::error::Error;
use std::process::ExitCode;

/// Orders a table by density and cuts the order into clusters.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Rows that tell the density around a row, itself counted.
    #[arg(long, default_value_t = 25)]
    min_samples: usize,
    /// How steep the slopes of a valley are, above 0 and below 1.
    #[arg(long, default_value_t = 0.1)]
    xi: f64,
    /// Rows of a valley at least [default: as min-samples].
    #[arg(long)]
    min_cluster_size: Option<usize>,
    /// Cut at this reachability, as DBSCAN would with it, instead of looking for slopes.
    #[arg(long)]
    eps: Option<f64>,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = arguments.table.open(shared::densities)?;
    data.describe();
    let x = data.scaled()?;
    let model = Optics::new(arguments.min_samples).fit(x.view())?;
    let labels = if let Some(eps) = arguments.eps {
        model.extract_dbscan(eps)?
    } else {
        let size = arguments.min_cluster_size.unwrap_or(arguments.min_samples);
        model.extract_xi(&Xi::new(arguments.xi).min_cluster_size(size))?.labels
    };
    let n_clusters = labels.iter().flatten().max().map_or(0, |most| most + 1);
    let noise = labels.iter().filter(|label| label.is_none()).count();
    println!("{n_clusters} clusters, {noise} rows are noise");

    // The deeper a valley, the denser the cluster: no one height cuts them all.
    let reachability = model.reachability();
    println!("\n{:<8} {:>6} {:>26}", "cluster", "rows", "reachability of the middle");
    for cluster in 0..n_clusters {
        let mut values: Vec<f64> = (0..labels.len())
            .filter(|&i| labels[i] == Some(cluster))
            .map(|i| reachability[i])
            .collect();
        values.sort_by(f64::total_cmp);
        println!("{cluster:<8} {:>6} {:>26}", values.len(), number(values[values.len() / 2]));
    }

    match &data.classes {
        Some(classes) => {
            print_classes(&labels, classes);
            // DBSCAN at every height, from the one walk.
            let mut best =
                (metrics::adjusted_rand(&classes.0, &model.extract_dbscan(0.02)?)?, 0.02);
            for i in 2..=60 {
                let eps = 0.02 * f64::from(i);
                let ari = metrics::adjusted_rand(&classes.0, &model.extract_dbscan(eps)?)?;
                if ari > best.0 {
                    best = (ari, eps);
                }
            }
            let ari = metrics::adjusted_rand(&classes.0, &labels)?;
            println!(
                "adjusted Rand index {ari:.3}; the best of 60 cuts at one height: {:.3}",
                best.0
            );
        }
        None => data.print_means(&labels, n_clusters),
    }
    println!();

    let walk = model.ordering();
    let heights: Vec<f64> = walk.iter().map(|&i| reachability[i]).collect();
    let along: Vec<Option<usize>> = walk.iter().map(|&i| labels[i]).collect();
    let mut valleys = ReachabilityPlot::new(&heights).labels(&along);
    if let Some(eps) = arguments.eps {
        valleys = valleys.cut(eps);
    }
    if heights.iter().any(|height| height.is_finite()) {
        let valleys = valleys.title(format!("Valleys: {}", data.name)).draw()?;
        arguments.table.save(&valleys, "optics")?;
    }
    let plane = Plane::of(x.view(), &data.columns)?;
    let picture = plane.scatter(x.view(), &labels).title(format!("OPTICS: {}", data.name));
    let picture = if x.n_cols() == 2 { picture.equal_axes() } else { picture };
    arguments.table.save_beside(&picture.draw()?, "optics", "_scatter")?;
    arguments.table.write_labels(&data, &labels)
}
