//! Segments: from a table of customers to groups with a profile in words. Without arguments the
//! customers are 178 real wines, known by 13 measures of a chemist each; who grew them is kept back
//! to judge the segments at the end.
//! Run: cargo run --release --example customer_segments
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::Parser;
use purlin::cluster::{ChooseK, KMeans, Metric, metrics};
use purlin::core::{Matrix, MatrixView};
use purlin::data::sets;
use purlin::plot::{Figure, SilhouettePlot};
use shared::{Data, Plane, TableArguments, number, print_classes};
use std::error::Error;
use std::process::ExitCode;

/// Finds segments in a table and tells what makes each special.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// The number of segments [default: where most criteria agree].
    #[arg(short = 'k', long)]
    n_clusters: Option<usize>,
    /// The most segments that are tried.
    #[arg(long, default_value_t = 8)]
    most: usize,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = arguments.table.open(|| Data::of_set("wines", sets::wine(), true))?;
    data.describe();
    let x = data.scaled()?;

    println!("\nStep 1: how many segments?");
    let k = match arguments.n_clusters {
        Some(k) => k,
        None => choose(&x, arguments.most, arguments.seed)?,
    };

    println!("\nStep 2: {k} segments by k-means, the best of 50 starts");
    let model = KMeans::new(k).n_init(50).seed(arguments.seed).fit(x.view())?;
    let labels = model.labels();
    let is_judged = (2..x.n_rows()).contains(&k);
    if is_judged {
        let silhouettes = metrics::silhouette_samples(x.view(), labels, &Metric::Euclidean)?;
        let mean = silhouettes.iter().sum::<f64>() / silhouettes.len() as f64;
        let doubtful = silhouettes.iter().filter(|&&s| s < 0.0).count();
        println!("mean silhouette {mean:.2}: {}", strength(mean));
        println!("{doubtful} of {} rows lie nearer to another segment", silhouettes.len());
        let picture = SilhouettePlot::new(&silhouettes, labels);
        let picture = picture.title(format!("How clear are the segments? {}", data.name)).draw()?;
        arguments.table.save_beside(&picture, "customer_segments", "_silhouettes")?;
    }

    println!("\nStep 3: would other rows give the same segments?");
    println!(
        "two halves, clustered apart, agree on all rows: {:.2}",
        stability(&x, k, arguments.seed)?
    );
    println!("(adjusted Rand index, mean of ten splits; 1: the same segments, 0: by chance)");

    println!("\nStep 4: what makes each segment special?");
    profile(&data, labels, k, model.centroids())?;

    let labels: Vec<Option<usize>> = labels.iter().copied().map(Some).collect();
    if let Some(classes) = &data.classes {
        println!("\nStep 5: who grew the wines?");
        print_classes(&labels, classes);
        let ari = metrics::adjusted_rand(&classes.0, &labels)?;
        println!("adjusted Rand index {ari:.3}: the chemistry tells the growers apart");
    }
    println!();
    arguments.table.save(&picture(&data, &x, &labels, &model)?, "customer_segments")?;
    arguments.table.write_labels(&data, &labels)
}

/// The number of segments that most criteria name; the smaller of equally good ones, which is easier
/// to act on.
fn choose(x: &Matrix<f64>, most: usize, seed: u64) -> Result<usize, Box<dyn Error>> {
    let most = most.min(x.n_rows());
    let table = ChooseK::new(1..=most).n_references(20).seed(seed).fit(x.view())?;
    println!("{:>3} {:>10} {:>11} {:>8} {:>9}", "k", "inertia", "silhouette", "gap", "BIC");
    let or_dash = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    for row in table.rows() {
        let (silhouette, gap) = (or_dash(row.silhouette), or_dash(row.gap));
        let (k, inertia, bic) = (row.n_clusters, row.inertia, row.bic);
        println!("{k:>3} {inertia:>10.1} {silhouette:>11} {gap:>8} {bic:>9.0}");
    }
    let named = [
        ("elbow", table.elbow()),
        ("silhouette", table.best_by_silhouette()),
        ("gap", table.best_by_gap()),
        ("BIC", table.best_by_bic()),
    ];
    let said: Vec<String> =
        (named.iter()).filter_map(|(name, k)| k.map(|k| format!("{name} {k}"))).collect();
    println!("{}", said.join(", "));
    let votes = |k: usize| named.iter().filter(|(_, named)| *named == Some(k)).count();
    let best = (2..=most).rev().max_by_key(|&k| votes(k)).unwrap_or(1);
    println!("taken: {best}");
    Ok(best)
}

fn strength(silhouette: f64) -> &'static str {
    match silhouette {
        s if s > 0.7 => "the segments lie far apart",
        s if s > 0.5 => "the segments are clear",
        s if s > 0.25 => "there is structure, and the segments touch",
        _ => "the segments are cut out of one cloud; mind what you build on them",
    }
}

/// How far two halves of the rows agree on all of them.
fn stability(x: &Matrix<f64>, k: usize, seed: u64) -> Result<f64, Box<dyn Error>> {
    let n = x.n_rows();
    if n / 2 < k {
        return Err(format!("{n} rows are too few to be halved for {k} segments").into());
    }
    let mut sum = 0.0;
    for split in 0..10 {
        let order = purlin::core::rng::Stream::new(seed, "halves").rng(split).permutation(n);
        let label = |half: &[usize]| {
            let rows = x.view().select_rows(half);
            KMeans::new(k).n_init(10).seed(seed).fit(rows.view())?.predict(x.view())
        };
        let (first, second) = order.split_at(n / 2);
        sum += metrics::adjusted_rand(&label(first)?, &label(second)?)?;
    }
    Ok(sum / 10.0)
}

/// The columns in which each segment differs most from the whole, in words.
fn profile(
    data: &Data,
    labels: &[usize],
    k: usize,
    centroids: MatrixView<'_, f64>,
) -> Result<(), Box<dyn Error>> {
    let means = data.in_units(centroids)?;
    let n = data.x.n_rows() as f64;
    let column = |j: usize| -> (f64, f64) {
        let mean = data.x.rows().map(|row| row[j]).sum::<f64>() / n;
        let square = data.x.rows().map(|row| (row[j] - mean) * (row[j] - mean)).sum::<f64>();
        (mean, (square / n).sqrt())
    };
    let columns: Vec<(f64, f64)> = (0..data.columns.len()).map(column).collect();
    for segment in 0..k {
        let size = labels.iter().filter(|&&label| label == segment).count();
        println!("segment {segment}: {size} rows, {:.0} %", 100.0 * size as f64 / n);
        let score = |j: usize| {
            let (mean, std) = columns[j];
            if std > 0.0 { (means[(segment, j)] - mean) / std } else { 0.0 }
        };
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by(|&a, &b| score(b).abs().total_cmp(&score(a).abs()));
        let mut said = false;
        for &j in order.iter().take(5).filter(|&&j| score(j).abs() >= 0.3) {
            let word = match score(j) {
                s if s >= 1.0 => "much more",
                s if s > 0.0 => "more",
                s if s > -1.0 => "less",
                _ => "much less",
            };
            println!(
                "  {word:<10} {:<30} {:>9} against {} in all ({:+.1} deviations)",
                data.columns[j],
                number(means[(segment, j)]),
                number(columns[j].0),
                score(j)
            );
            said = true;
        }
        if !said {
            println!("  like the whole in every column");
        }
    }
    Ok(())
}

fn picture(
    data: &Data,
    x: &Matrix<f64>,
    labels: &[Option<usize>],
    model: &purlin::cluster::KMeansModel<f64>,
) -> Result<Figure, Box<dyn Error>> {
    let plane = Plane::of(x.view(), &data.columns)?;
    let (cx, cy) = plane.project(model.centroids());
    let scatter = plane.scatter(x.view(), labels).centroids(&cx, &cy);
    Ok(scatter.title(format!("Segments: {}", data.name)).draw()?)
}
