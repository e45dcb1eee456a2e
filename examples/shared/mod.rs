//! What examples share, those of clustering above all: the table they read, the labels they write back, and the
//! plane that pictures show.
#![allow(dead_code, reason = "each example takes what it needs")]
#![allow(clippy::print_stdout, reason = "an example prints")]

pub(crate) mod flags;

use clap::Args;
use purlin::core::linalg::Pca;
use purlin::core::rng::Stream;
use purlin::core::{Matrix, MatrixView};
use purlin::data::StandardScaler;
use purlin::data::csv::{ColumnData, CsvReader, Missing, Table};
use purlin::data::sets::ClassificationSet;
use purlin::plot::{Figure, Scatter};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The column that holds the labels in a file.
const LABELS: &str = "cluster";

/// Says what went wrong, in the words of the error.
#[allow(clippy::print_stderr, reason = "a program tells its user")]
pub(crate) fn report(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}

/// Which table is clustered, and where the results go.
#[derive(Args)]
pub(crate) struct TableArguments {
    /// A CSV file with a header, plain or gzipped [default: data that is built in].
    #[arg(long, visible_alias = "data", value_name = "FILE")]
    input: Option<PathBuf>,
    /// The columns to cluster by [default: all that hold numbers].
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "input")]
    columns: Vec<String>,
    /// Leave out rows with a missing value instead of stopping there.
    #[arg(long, requires = "input")]
    drop_missing: bool,
    /// Take the columns as they are, not scaled to mean 0 and deviation 1.
    #[arg(long)]
    unscaled: bool,
    /// Writes the table to this CSV file, with a column `cluster` that is empty for noise.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the picture goes, as `.png` or `.svg` [default: out/<example>.png].
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// A table to cluster.
pub(crate) struct Data {
    /// What it is, for titles.
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// The columns to cluster by, in their own units.
    pub(crate) x: Matrix<f64>,
    /// What a judge says, who is not asked before the end.
    pub(crate) classes: Option<(Vec<usize>, Vec<String>)>,
    /// The whole file, where there is one.
    file: Option<Table>,
    scaler: Option<StandardScaler>,
}

impl Data {
    /// Data that is built in; `is_scaled` says whether its columns have different units.
    pub(crate) fn built_in(
        name: &str,
        columns: Vec<String>,
        x: Matrix<f64>,
        is_scaled: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let scaler = if is_scaled { Some(StandardScaler::fit(x.view())?) } else { None };
        Ok(Self { name: name.to_owned(), columns, x, classes: None, file: None, scaler })
    }

    /// One of the sets of `purlin::data::sets`.
    pub(crate) fn of_set(
        name: &str,
        set: ClassificationSet,
        is_scaled: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let mut data = Self::built_in(name, set.feature_names, set.x, is_scaled)?;
        data.classes = Some((set.labels, set.class_names));
        Ok(data)
    }

    /// The table that is clustered: columns of mean 0 and deviation 1, unless told otherwise.
    pub(crate) fn scaled(&self) -> Result<Matrix<f64>, Box<dyn Error>> {
        Ok(match &self.scaler {
            Some(scaler) => scaler.transform(self.x.view())?,
            None => self.x.clone(),
        })
    }

    /// Rows of the clustered table in their own units.
    pub(crate) fn in_units(
        &self,
        rows: MatrixView<'_, f64>,
    ) -> Result<Matrix<f64>, Box<dyn Error>> {
        Ok(match &self.scaler {
            Some(scaler) => scaler.inverse_transform(rows)?,
            None => rows.to_matrix(),
        })
    }

    /// A column of the file that holds numbers, clustered by or not.
    pub(crate) fn column(&self, name: &str) -> Option<&[f64]> {
        self.file.as_ref()?.numeric(name).ok()
    }

    /// Whether the columns are to be scaled.
    pub(crate) fn is_scaled(&self) -> bool {
        self.scaler.is_some()
    }

    pub(crate) fn describe(&self) {
        let (n, d) = self.x.shape();
        let scaled =
            if self.scaler.is_some() { "scaled to mean 0, deviation 1" } else { "unscaled" };
        println!("{}: {n} rows, {d} columns, {scaled}", self.name);
    }

    /// The mean of each column in each cluster, in its own units, and in the whole table.
    pub(crate) fn print_means(&self, labels: &[Option<usize>], n_clusters: usize) {
        const MOST: usize = 6;
        let shown: Vec<usize> = (0..self.columns.len().min(MOST)).collect();
        print!("\n{:<10} {:>6}", "cluster", "rows");
        for &j in &shown {
            print!(" {:>16}", short(&self.columns[j], 16));
        }
        println!();
        let groups: Vec<Option<usize>> = (0..n_clusters).map(Some).collect();
        let noise = labels.contains(&None).then_some(None);
        for group in groups.into_iter().chain(noise) {
            let rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == group).collect();
            let name = group.map_or_else(|| "noise".to_owned(), |group| group.to_string());
            self.print_mean(&name, &rows, &shown);
        }
        self.print_mean("all", &(0..labels.len()).collect::<Vec<_>>(), &shown);
        if self.columns.len() > MOST {
            println!("({} more columns)", self.columns.len() - MOST);
        }
    }

    fn print_mean(&self, name: &str, rows: &[usize], columns: &[usize]) {
        print!("{name:<10} {:>6}", rows.len());
        for &j in columns {
            let sum: f64 = rows.iter().map(|&i| self.x[(i, j)]).sum();
            match rows.len() {
                0 => print!(" {:>16}", "-"),
                n => print!(" {:>16}", number(sum / n as f64)),
            }
        }
        println!();
    }
}

impl TableArguments {
    /// The table of the command line, or the one that is built in.
    pub(crate) fn open(
        &self,
        built_in: impl FnOnce() -> Result<Data, Box<dyn Error>>,
    ) -> Result<Data, Box<dyn Error>> {
        let mut data = match &self.input {
            Some(path) => self.read(path)?,
            None => built_in()?,
        };
        if self.unscaled {
            data.scaler = None;
        }
        Ok(data)
    }

    /// Whether the command line names the columns to cluster by.
    pub(crate) fn names_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    fn read(&self, path: &Path) -> Result<Data, Box<dyn Error>> {
        let policy = if self.drop_missing { Missing::Drop } else { Missing::Error };
        let mut reader = CsvReader::new().keep_text(true);
        if self.columns.is_empty() {
            reader = reader.missing(policy);
        } else {
            // What is not looked at may have gaps.
            reader = reader.missing(Missing::Constant(String::new()));
            for name in &self.columns {
                reader = reader.numeric(name).missing_in(name, policy.clone());
            }
        }
        let table = reader.read(path)?;
        let columns: Vec<String> = if self.columns.is_empty() {
            let is_numeric = |data: &ColumnData| matches!(data, ColumnData::Numeric(_));
            let numeric = table.columns().iter().filter(|column| is_numeric(&column.data));
            numeric.map(|column| column.name.clone()).collect()
        } else {
            self.columns.clone()
        };
        if columns.is_empty() {
            return Err(format!("{}: no column holds numbers only", path.display()).into());
        }
        let values: Vec<&[f64]> =
            columns.iter().map(|name| table.numeric(name)).collect::<Result<_, _>>()?;
        let x = Matrix::from_fn(table.n_rows(), columns.len(), |i, j| values[j][i]);
        if table.n_dropped() > 0 {
            println!("{} rows left out: a value is missing", table.n_dropped());
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let mut data = Data::built_in(&name, columns, x, true)?;
        data.file = Some(table);
        Ok(data)
    }

    /// Writes the labels back, if the command line says where: behind the rows of the file as they
    /// are, with the zeros, spaces and quotes that they have.
    pub(crate) fn write_labels(
        &self,
        data: &Data,
        labels: &[Option<usize>],
    ) -> Result<(), Box<dyn Error>> {
        let Some(path) = &self.output else { return Ok(()) };
        let label = |i: usize| labels[i].map_or_else(String::new, |label| label.to_string());
        let mut text = String::new();
        let mut line = |row: String, label: &str| {
            text.extend([row.as_str(), if row.is_empty() { "" } else { "," }, label, "\n"]);
        };
        if let Some(table) = &data.file {
            // Labels of an earlier run are replaced.
            let earlier = table.names().position(|name| name == LABELS);
            line(without(table.header_text().unwrap_or_default(), earlier), LABELS);
            for i in 0..labels.len() {
                line(without(table.row_text(i).unwrap_or_default(), earlier), &label(i));
            }
        } else {
            line(joined(data.columns.iter().map(|name| quoted(name))), LABELS);
            for (i, row) in data.x.rows().enumerate() {
                line(joined(row.iter().map(f64::to_string)), &label(i));
            }
        }
        write(path, &text)?;
        println!("labels: {}", path.display());
        Ok(())
    }

    /// Saves the picture of an example.
    pub(crate) fn save(&self, figure: &Figure, example: &str) -> Result<(), Box<dyn Error>> {
        self.save_beside(figure, example, "")
    }

    /// Saves a picture beside the one of the example, with `suffix` in its name.
    pub(crate) fn save_beside(
        &self,
        figure: &Figure,
        example: &str,
        suffix: &str,
    ) -> Result<(), Box<dyn Error>> {
        let path = match &self.picture {
            None => PathBuf::from(format!("out/{example}{suffix}.png")),
            Some(path) if suffix.is_empty() => path.clone(),
            Some(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let kind = path.extension().unwrap_or_default().to_string_lossy();
                path.with_file_name(format!("{stem}{suffix}.{kind}"))
            }
        };
        save(figure, &path)
    }
}

fn joined(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",")
}

/// A line of a CSV file without one of its values.
fn without(line: &str, place: Option<usize>) -> String {
    let Some(place) = place else { return line.to_owned() };
    let mut values = values_of(line);
    values.remove(place);
    values.join(",")
}

/// The values of a line of a CSV file, with their spaces and quotes.
fn values_of(line: &str) -> Vec<&str> {
    let (mut values, mut start) = (Vec::new(), 0);
    let (mut has_quotes, mut is_open) = (false, false);
    // A byte order mark before a quote is none of the text.
    let mark = line.len() - line.trim_start_matches('\u{feff}').len();
    for (i, byte) in line.bytes().enumerate() {
        match byte {
            b'"' if i == start || start == 0 && i == mark => (has_quotes, is_open) = (true, true),
            // Two in a row close and open again.
            b'"' if has_quotes => is_open = !is_open,
            b',' if !is_open => {
                values.push(&line[start..i]);
                (start, has_quotes) = (i + 1, false);
            }
            _ => {}
        }
    }
    values.push(&line[start..]);
    values
}

/// Writes a text, and the folders above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    make_folder(path)?;
    std::fs::write(path, text).map_err(|err| format!("{}: {err}", path.display()).into())
}

/// Saves a picture, and the folders above it.
pub(crate) fn save(figure: &Figure, path: &Path) -> Result<(), Box<dyn Error>> {
    make_folder(path)?;
    figure.save(path)?;
    println!("picture: {}", path.display());
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), Box<dyn Error>> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|err| format!("{}: {err}", folder.display()).into())
}

/// A CSV field, quoted where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The first characters of a name.
pub(crate) fn short(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// Four digits or so.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 100.0 => format!("{value:.1}"),
        v if v >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Two dense heaps side by side, a loose one, a ring, and rows anywhere.
pub(crate) fn densities() -> Result<Data, Box<dyn Error>> {
    let mut rng = Stream::new(7, "densities").rng(0);
    let (mut rows, mut classes) = (Vec::new(), Vec::new());
    for (class, n) in [250, 250, 400, 400, 80].into_iter().enumerate() {
        for _ in 0..n {
            rows.extend(match class {
                0 => [-2.4 + 0.11 * rng.normal(), 2.0 + 0.11 * rng.normal()],
                1 => [-1.7 + 0.11 * rng.normal(), 2.2 + 0.11 * rng.normal()],
                2 => [3.0 + 1.1 * rng.normal(), 2.5 + 1.1 * rng.normal()],
                3 => {
                    let turn = rng.uniform_in(0.0, std::f64::consts::TAU);
                    let radius = 1.3 + 0.08 * rng.normal();
                    [-1.5 + radius * turn.cos(), -2.0 + radius * turn.sin()]
                }
                _ => [rng.uniform_in(-5.0, 6.5), rng.uniform_in(-4.5, 6.0)],
            });
            classes.push(class);
        }
    }
    let x = Matrix::from_vec(rows, classes.len(), 2)?;
    let columns = ["x", "y"].map(String::from).to_vec();
    let mut data = Data::built_in("four densities among noise (synthetic)", columns, x, false)?;
    let names = ["left heap", "right heap", "loose", "ring", "noise"].map(String::from).to_vec();
    data.classes = Some((classes, names));
    Ok(data)
}

/// Two coordinates for a picture: both columns where there are two, else the two directions along
/// which the table varies most.
pub(crate) struct Plane {
    mean: Vec<f64>,
    /// `(2, n_columns)`.
    axes: Matrix<f64>,
    names: [String; 2],
}

impl Plane {
    /// The plane of a table that is clustered.
    pub(crate) fn of(x: MatrixView<'_, f64>, columns: &[String]) -> Result<Self, Box<dyn Error>> {
        let d = x.n_cols();
        if d <= 2 || x.n_rows() < 2 {
            let axes = Matrix::from_fn(2, d, |i, j| f64::from(u8::from(i == j)));
            let name = |j: usize| columns.get(j).cloned().unwrap_or_default();
            return Ok(Self { mean: vec![0.0; d], axes, names: [name(0), name(1)] });
        }
        let pca = Pca::new(2).fit(x)?;
        let share = pca.explained_variance_ratio();
        let name =
            |i: usize| format!("component {} ({:.0} % of the variance)", i + 1, 100.0 * share[i]);
        let (mean, axes) = (pca.mean().to_vec(), pca.components().clone());
        Ok(Self { mean, axes, names: [name(0), name(1)] })
    }

    /// Where rows lie.
    pub(crate) fn project(&self, rows: MatrixView<'_, f64>) -> (Vec<f64>, Vec<f64>) {
        let along = |row: &[f64], axis: usize| {
            let centred = row.iter().zip(&self.mean).map(|(v, mean)| v - mean);
            centred.zip(self.axes.row(axis)).map(|(v, a)| v * a).sum::<f64>()
        };
        rows.rows().map(|row| (along(row, 0), along(row, 1))).unzip()
    }

    /// A covariance matrix as the plane sees it: both variances, and the covariance.
    pub(crate) fn covariance(&self, covariance: MatrixView<'_, f64>) -> ([f64; 2], f64) {
        let d = self.mean.len();
        let of = |a: usize, b: usize| -> f64 {
            let pairs = (0..d).flat_map(|i| (0..d).map(move |j| (i, j)));
            pairs.map(|(i, j)| self.axes[(a, i)] * covariance[(i, j)] * self.axes[(b, j)]).sum()
        };
        ([of(0, 0), of(1, 1)], of(0, 1))
    }

    /// A picture of the rows, coloured by cluster.
    pub(crate) fn scatter(&self, rows: MatrixView<'_, f64>, labels: &[Option<usize>]) -> Scatter {
        let (x, y) = self.project(rows);
        let [x_label, y_label] = self.names.clone();
        Scatter::new(&x, &y).labels(labels).x_label(x_label).y_label(y_label)
    }
}

/// What the judge says of each cluster: the classes it holds, the most frequent first.
pub(crate) fn print_classes(labels: &[Option<usize>], classes: &(Vec<usize>, Vec<String>)) {
    let (classes, names) = classes;
    let n_clusters = labels.iter().flatten().max().map_or(0, |most| most + 1);
    let groups: Vec<Option<usize>> = (0..n_clusters).map(Some).collect();
    let noise = labels.contains(&None).then_some(None);
    println!("\nbeside the known classes, which the clustering never saw:");
    for group in groups.into_iter().chain(noise) {
        let mut counts: Vec<(usize, &str)> = names.iter().map(|name| (0, name.as_str())).collect();
        for (_, &class) in labels.iter().zip(classes).filter(|(label, _)| **label == group) {
            counts[class].0 += 1;
        }
        counts.sort_by_key(|count| std::cmp::Reverse(count.0));
        let counts: Vec<String> = (counts.iter().filter(|count| count.0 > 0))
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        let name = group.map_or_else(|| "noise".to_owned(), |group| format!("cluster {group}"));
        println!("  {name:<10} {}", counts.join(", "));
    }
}
