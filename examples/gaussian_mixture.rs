//! Gaussian mixtures: how many species among 150 irises, and of what shape? Or any table of one's own.
//! Run: cargo run --release --example gaussian_mixture
#![allow(clippy::print_stdout, reason = "an example prints")]

mod shared;

use clap::{Parser, ValueEnum};
use purlin::cluster::{Covariance, GaussianMixture, GaussianMixtureModel, metrics};
use purlin::core::{Matrix, MatrixView};
use purlin::data::sets;
use purlin::plot::{Figure, LinePlot, Scatter, Style};
use shared::{Data, Plane, TableArguments, number, print_classes, short};
use std::error::Error;
use std::process::ExitCode;

/// Explains a table by a few bell curves, of which BIC tells the number and the kind.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// The greatest number of components that is tried.
    #[arg(long, default_value_t = 8)]
    most: usize,
    /// This number of components instead of the best by BIC.
    #[arg(short = 'k', long)]
    n_components: Option<usize>,
    /// This kind of covariances instead of the best by BIC.
    #[arg(long, value_enum)]
    covariance: Option<Kind>,
    /// Starts of each fit, of which the best is kept.
    #[arg(long, default_value_t = 10)]
    n_init: usize,
    /// Added to every variance, in the squared units of the scaled table. Without it a component can
    /// sit on a few equal values, which rounding makes, and seem infinitely likely.
    #[arg(long, default_value_t = 1e-3)]
    reg_covar: f64,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Each component has a shape of its own.
    Full,
    /// All have the same shape.
    Tied,
    /// Each has its own shape along the columns.
    Diag,
    /// Each is a ball.
    Spherical,
}

const KINDS: [Kind; 4] = [Kind::Full, Kind::Tied, Kind::Diag, Kind::Spherical];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tied => "tied",
            Self::Diag => "diag",
            Self::Spherical => "spherical",
        }
    }

    fn covariance(self) -> Covariance {
        match self {
            Self::Full => Covariance::Full,
            Self::Tied => Covariance::Tied,
            Self::Diag => Covariance::Diag,
            Self::Spherical => Covariance::Spherical,
        }
    }
}

/// Columns that tables show.
const MOST_COLUMNS: usize = 6;

/// A fitted mixture and what speaks against it.
struct Candidate {
    kind: Kind,
    bic: f64,
    model: GaussianMixtureModel<f64>,
}

fn main() -> ExitCode {
    shared::report(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let data = arguments.table.open(|| Data::of_set("irises", sets::iris(), true))?;
    data.describe();
    let x = data.scaled()?;
    if arguments.most == 0 || arguments.n_components == Some(0) {
        return Err("expected at least 1 component, got 0".into());
    }

    let counts: Vec<usize> = match arguments.n_components {
        Some(k) => vec![k],
        None => (1..=arguments.most.min(x.n_rows())).collect(),
    };
    let kinds = arguments.covariance.map_or_else(|| KINDS.to_vec(), |kind| vec![kind]);
    let mut candidates = Vec::new();
    for &k in &counts {
        for &kind in &kinds {
            candidates.push(fit(arguments, x.view(), kind, k)?);
        }
    }
    let Some(best) = candidates.iter().min_by(|a, b| a.bic.total_cmp(&b.bic)) else {
        return Err(format!("{}: expected at least 1 row, got 0", data.name).into());
    };
    print_table(&candidates, &kinds, best);

    let model = &best.model;
    let k = model.n_components();
    println!(
        "\n{k} components, {} covariances: {} rounds, {} parameters",
        best.kind.name(),
        model.n_iter(),
        model.n_parameters()
    );
    print_components(&data, model)?;
    let shares = model.predict_proba(x.view())?;
    let most = |row: &[f64]| row.iter().copied().fold(0.0, f64::max);
    let strengths: Vec<f64> = shares.view().rows().map(|row| most(row).min(1.0)).collect();
    let unsure = strengths.iter().filter(|&&share| share < 0.9).count();
    println!("{unsure} rows belong to no component by 90 % or more");

    let labels: Vec<Option<usize>> = model.labels().iter().copied().map(Some).collect();
    if let Some(classes) = &data.classes {
        print_classes(&labels, classes);
        let ari = metrics::adjusted_rand(&classes.0, model.labels())?;
        print!("adjusted Rand index {ari:.3}");
        let n_classes = classes.1.len();
        if n_classes == k {
            println!();
        } else {
            let told = fit(arguments, x.view(), best.kind, n_classes)?;
            let ari = metrics::adjusted_rand(&classes.0, told.model.labels())?;
            println!("; told that there are {n_classes}: {ari:.3}, with BIC {:.1}", told.bic);
        }
    }

    let (new, components) = model.sample(x.n_rows(), arguments.seed)?;
    print_samples(&data, data.in_units(new.view())?.view());
    println!();

    let plane = Plane::of(x.view(), &data.columns)?;
    let style = Style::new().size(600, 520);
    let draw = |scatter: Scatter, title: String| {
        with_ellipses(scatter, &plane, model).title(title).style(style).draw()
    };
    let rows = plane.scatter(x.view(), &labels).strengths(&strengths);
    let rows = draw(rows, format!("Gaussian mixture: {}", data.name))?;
    let components: Vec<Option<usize>> = components.into_iter().map(Some).collect();
    let drawn = plane.scatter(new.view(), &components);
    let drawn = draw(drawn, "As many rows drawn from the mixture".to_owned())?;
    arguments.table.save(&rows.beside(&drawn)?, "gaussian_mixture")?;
    if counts.len() > 1 {
        let curves = curves(&candidates, &kinds, &data.name)?;
        arguments.table.save_beside(&curves, "gaussian_mixture", "_bic")?;
    }
    arguments.table.write_labels(&data, &labels)
}

fn fit(
    arguments: &Arguments,
    x: MatrixView<'_, f64>,
    kind: Kind,
    k: usize,
) -> Result<Candidate, Box<dyn Error>> {
    let mixture = GaussianMixture::new(k).covariance(kind.covariance()).n_init(arguments.n_init);
    let model = mixture.reg_covar(arguments.reg_covar).seed(arguments.seed).fit(x)?;
    Ok(Candidate { kind, bic: model.bic(x)?, model })
}

/// The criterion by number and kind, the best marked.
fn print_table(candidates: &[Candidate], kinds: &[Kind], best: &Candidate) {
    print!("\nBIC (less is better)\n{:>10}", "components");
    for kind in kinds {
        print!(" {:>11}", kind.name());
    }
    println!();
    for row in candidates.chunks(kinds.len()) {
        print!("{:>10}", row[0].model.n_components());
        for candidate in row {
            let mark = if std::ptr::eq(candidate, best) { '*' } else { ' ' };
            print!(" {:>10.1}{mark}", candidate.bic);
        }
        println!();
    }
}

/// Weights, means and deviations, in the units of the columns.
fn print_components(data: &Data, model: &GaussianMixtureModel<f64>) -> Result<(), Box<dyn Error>> {
    let (k, d) = model.means().shape();
    let means = data.in_units(model.means())?;
    let further = Matrix::from_fn(k, d, |c, j| {
        model.means()[(c, j)] + model.covariances().full(c, d)[(j, j)].sqrt()
    });
    let further = data.in_units(further.view())?;
    let columns = data.columns.len().min(MOST_COLUMNS);
    print!("{:<10} {:>6}", "component", "weight");
    for name in &data.columns[..columns] {
        print!(" {:>18}", short(name, 18));
    }
    println!();
    for (c, weight) in model.weights().iter().enumerate() {
        print!("{c:<10} {weight:>6.3}");
        for j in 0..columns {
            print!(" {:>18}", spread(means[(c, j)], further[(c, j)] - means[(c, j)]));
        }
        println!();
    }
    if d > columns {
        println!("({} more columns)", d - columns);
    }
    Ok(())
}

/// New rows beside those that were given: a good model makes rows like them.
fn print_samples(data: &Data, new: MatrixView<'_, f64>) {
    println!("\n{:<18} {:>18} {:>18}", "mean ± deviation", "rows", "drawn rows");
    for (j, name) in data.columns.iter().enumerate().take(MOST_COLUMNS) {
        let [given, drawn] = [data.x.view(), new].map(|x| {
            let n = x.n_rows() as f64;
            let mean = x.rows().map(|row| row[j]).sum::<f64>() / n;
            let variance = x.rows().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n;
            spread(mean, variance.sqrt())
        });
        println!("{:<18} {given:>18} {drawn:>18}", short(name, 18));
    }
}

fn spread(mean: f64, deviation: f64) -> String {
    format!("{} ± {}", number(mean), number(deviation))
}

/// Outlines one and two deviations of each component, as the plane sees them.
fn with_ellipses(
    mut scatter: Scatter,
    plane: &Plane,
    model: &GaussianMixtureModel<f64>,
) -> Scatter {
    let (mx, my) = plane.project(model.means());
    for (c, (x, y)) in mx.into_iter().zip(my).enumerate() {
        let covariance = model.covariances().full(c, model.n_features());
        let (variances, covariance) = plane.covariance(covariance.view());
        scatter = scatter.ellipse(c, [x, y], variances, covariance);
    }
    scatter
}

/// The criterion over the number of components, a line for each kind.
fn curves(candidates: &[Candidate], kinds: &[Kind], name: &str) -> Result<Figure, Box<dyn Error>> {
    let mut plot = LinePlot::new();
    for &kind in kinds {
        let (counts, values): (Vec<f64>, Vec<f64>) =
            (candidates.iter().filter(|candidate| candidate.kind == kind))
                .map(|candidate| (candidate.model.n_components() as f64, candidate.bic))
                .unzip();
        plot = plot.line(kind.name(), &counts, &values);
    }
    let plot = plot.title(format!("How many components? {name}")).markers();
    Ok(plot.x_label("components").y_label("BIC (less is better)").draw()?)
}
