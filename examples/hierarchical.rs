//! Hierarchical clustering: a tree of 150 irises, cut into as many groups as one likes; or any table
//! of one's own.
//! Run: cargo run --release --example hierarchical
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::{Parser, ValueEnum};
use purlin::cluster::{Agglomerative, Linkage, Metric, metrics};
use purlin::data::sets;
use purlin::plot::DendrogramPlot;
use shared::{Data, TableArguments, number, print_classes};
use std::error::Error;
use std::process::ExitCode;

/// Clusters a table into a tree.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// How far apart two clusters are.
    #[arg(long, value_enum, default_value_t = Between::Ward)]
    linkage: Between,
    /// How far apart two rows are; ward, centroid and median take Euclidean only.
    #[arg(long, value_enum, default_value_t = Distance::Euclidean)]
    metric: Distance,
    /// The number of groups that the tree is cut into.
    #[arg(short = 'k', long, default_value_t = 3)]
    n_clusters: usize,
    /// Leaves of the picture at most; those left out are counted.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..))]
    leaves: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Between {
    /// The two nearest rows: finds chains.
    Single,
    /// The two farthest rows: finds balls.
    Complete,
    /// The mean of all pairs.
    Average,
    /// The mean of both parts, whatever their sizes.
    Weighted,
    /// What the merge adds to the inertia: finds groups of one size.
    Ward,
    /// The centroids; heights may fall.
    Centroid,
    /// The midpoints; heights may fall.
    Median,
}

#[derive(Clone, Copy, ValueEnum)]
enum Distance {
    Euclidean,
    Manhattan,
    Chebyshev,
    Cosine,
    Correlation,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let linkage = match arguments.linkage {
        Between::Single => Linkage::Single,
        Between::Complete => Linkage::Complete,
        Between::Average => Linkage::Average,
        Between::Weighted => Linkage::Weighted,
        Between::Ward => Linkage::Ward,
        Between::Centroid => Linkage::Centroid,
        Between::Median => Linkage::Median,
    };
    let metric = match arguments.metric {
        Distance::Euclidean => Metric::Euclidean,
        Distance::Manhattan => Metric::Manhattan,
        Distance::Chebyshev => Metric::Chebyshev,
        Distance::Cosine => Metric::Cosine,
        Distance::Correlation => Metric::Correlation,
    };
    let data = arguments.table.open(|| Data::of_set("irises", sets::iris(), true))?;
    data.describe();
    let x = data.scaled()?;
    let (n, k) = (x.n_rows(), arguments.n_clusters);

    let tree = Agglomerative::new(linkage).metric(metric.clone()).fit(x.view())?;
    let heights = tree.heights();
    println!("{linkage} linkage, {} merges; the last ones:", heights.len());
    println!("{:>9} {:>10} {:>8}", "clusters", "height", "rows");
    for (i, merge) in tree.merges().iter().enumerate().rev().take(8) {
        let before = n - i;
        println!("{before:>9} {:>10} {:>8}", number(merge.dissimilarity), merge.size);
    }
    println!("a long way between two heights speaks for the number of clusters between them");
    if tree.n_inversions() > 0 {
        println!("{} merges lie below their parts", tree.n_inversions());
    }
    if n <= 5000 {
        let distances = metric.pairwise(x.view())?;
        if let Some(r) = tree.cophenetic_correlation(&distances)? {
            println!("cophenetic correlation {r:.3} (1: the tree keeps all distances)");
        }
    }

    let groups = tree.cut(k)?;
    let labels: Vec<Option<usize>> = groups.iter().copied().map(Some).collect();
    data.print_means(&labels, k);
    if let Some(classes) = &data.classes {
        print_classes(&labels, classes);
        let ari = metrics::adjusted_rand(&classes.0, &groups)?;
        println!("adjusted Rand index {ari:.3} (1: the same groups, 0: as good as chance)");
    }

    if heights.is_empty() {
        println!("\none row is a tree without merges: no picture");
        return arguments.table.write_labels(&data, &labels);
    }
    let merges: Vec<[usize; 2]> = tree.merges().iter().map(|m| [m.left, m.right]).collect();
    let mut picture = DendrogramPlot::new(&merges, &heights)
        .labels(&groups)
        .truncate(arguments.leaves as usize)
        .title(format!("{linkage} linkage: {}", data.name))
        .y_label("height of the merge");
    if let Some(height) = height_of_cut(&heights, k) {
        picture = picture.cut(height);
    }
    println!();
    arguments.table.save(&picture.draw()?, "hierarchical")?;
    arguments.table.write_labels(&data, &labels)
}

/// Half way between the last merge that happens and the first that does not, where heights rise.
fn height_of_cut(heights: &[f64], n_clusters: usize) -> Option<f64> {
    let first_undone = (heights.len() + 1).checked_sub(n_clusters)?;
    let above = *heights.get(first_undone)?;
    let below = first_undone.checked_sub(1).map_or(0.0, |i| heights[i]);
    (below <= above).then(|| f64::midpoint(below, above))
}
