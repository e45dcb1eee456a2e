//! How the time of clustering grows with the number of samples, here and in the best other library.
//!
//! ```text
//! cargo build --release -p purlin-bench
//! target/release/clustering_growth --python ../peers/bin/python >> growth.jsonl
//! target/release/clustering_growth --draw growth.jsonl --pictures docs
//! ```
//!
//! The first run measures both sides in turn, each point in a process of its own, and prints one JSON
//! object per point; a side ends where a point fails (for want of memory, say) or lasts too long, see
//! `goes_on`. The second draws the points into `growth-*.svg` and prints them as a table.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program, which prints")]

use clap::Parser;
use purlin_plot::{LinePlot, Style};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Measures how the time of clustering grows with the number of samples, or draws it.
#[derive(Parser)]
struct Arguments {
    /// Only tasks whose name contains one of these, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Threads of both sides.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A Python with benches/peers/requirements.txt installed.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Draw these lines instead of measuring.
    #[arg(long)]
    draw: Option<PathBuf>,
    /// The folder of the pictures.
    #[arg(long, default_value = ".")]
    pictures: PathBuf,
    /// Their kind: svg or png.
    #[arg(long, default_value = "svg")]
    format: String,
}

/// A family of tasks, the library it is compared with, and where both are drawn.
struct Curve {
    family: &'static str,
    name: &'static str,
    peer: &'static str,
    picture: &'static str,
}

const fn curve(
    family: &'static str,
    name: &'static str,
    peer: &'static str,
    picture: &'static str,
) -> Curve {
    Curve { family, name, peer, picture }
}

const CURVES: [Curve; 7] = [
    curve("kmeans-20it", "k-means", "sklearnex", "kmeans"),
    curve("silhouette", "silhouette", "sklearn", "silhouette"),
    curve("dbscan", "DBSCAN", "sklearn-kd_tree", "density"),
    curve("hdbscan", "HDBSCAN*", "hdbscan", "density"),
    curve("linkage-single", "single", "fastcluster-vector", "linkage"),
    curve("linkage-average", "average", "fastcluster", "linkage"),
    curve("linkage-ward", "Ward", "fastcluster-vector", "linkage"),
];

/// File name and title of each picture.
const PICTURES: [(&str, &str); 4] = [
    ("kmeans", "k-means: 20 rounds, 16 clusters, 8 columns, f32"),
    ("silhouette", "Silhouette: 10 clusters, 16 columns, f32"),
    ("density", "Density: 2 columns, f64"),
    ("linkage", "Linkage: 10 columns, f64"),
];

/// Seconds by number of samples.
type Points = BTreeMap<usize, f64>;

/// The points of each family and library.
type Found = BTreeMap<(&'static str, String), Points>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.draw {
        Some(lines) => draw(lines, &arguments.pictures, &arguments.format),
        None => measure(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clustering_growth: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Outcome<()> {
    let runner = std::env::current_exe()?.with_file_name("purlin-bench");
    let listed = Command::new(&runner).args(["--growth", "--list"]).output()?;
    let mut so_far: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for task in String::from_utf8(listed.stdout)?.lines() {
        let is_wanted =
            arguments.only.is_empty() || arguments.only.iter().any(|o| task.contains(o));
        let (curve, _) = place(task).ok_or_else(|| format!("no curve of the task {task}"))?;
        for peer in ["purlin", curve.peer] {
            let seconds = so_far.entry((curve.family, peer)).or_default();
            if is_wanted && goes_on(seconds) {
                seconds.push(point(arguments, &runner, task, peer)?);
            }
        }
    }
    Ok(())
}

/// Prints the line of one point; its seconds, infinite if it failed.
fn point(arguments: &Arguments, runner: &Path, task: &str, peer: &str) -> Outcome<f64> {
    let mut command = if peer == "purlin" {
        let mut command = Command::new(runner);
        command.args(["--task", task]);
        command
    } else {
        let mut command = Command::new(&arguments.python);
        command.args(["benches/peers/cluster.py", "--case", &format!("{task}@{peer}")]);
        command
    };
    let output =
        command.args(["--growth", "--threads", &arguments.threads.to_string()]).output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        eprintln!("{task}@{peer} ends here: {}", reason.trim());
        return Ok(f64::INFINITY);
    }
    let line = String::from_utf8(output.stdout)?;
    print!("{line}");
    let row: Value = serde_json::from_str(&line)?;
    row["value"].as_f64().ok_or_else(|| format!("{task}@{peer}: no value").into())
}

/// Whether the next point may be measured: the last took at most 20 s, and if the next takes as many
/// times as long as the last did beside the one before, it takes at most a minute.
fn goes_on(seconds: &[f64]) -> bool {
    match seconds {
        [] => true,
        [last] => *last <= 20.0,
        [.., before, last] => *last <= 20.0 && last * (last / before) <= 60.0,
    }
}

/// The curve of a task `FAMILY/grow-SET-N` or `FAMILY/grow-SET-N-f64`, and its number of samples.
fn place(task: &str) -> Option<(&'static Curve, usize)> {
    let (family, set) = task.split_once('/')?;
    let n = set.trim_end_matches("-f64").rsplit('-').next()?.parse().ok()?;
    Some((CURVES.iter().find(|curve| curve.family == family)?, n))
}

fn draw(lines: &Path, folder: &Path, format: &str) -> Outcome<()> {
    let found = read(lines)?;
    for (name, title) in PICTURES {
        if let Some(plot) = plot(&found, name) {
            plot.title(title).draw()?.save(folder.join(format!("growth-{name}.{format}")))?;
        }
    }
    print!("{}", table(&found)?);
    Ok(())
}

fn read(lines: &Path) -> Outcome<Found> {
    let mut found = Found::new();
    for line in std::fs::read_to_string(lines)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let (task, peer) = (row["task"].as_str(), row["peer"].as_str());
        let (Some((curve, n)), Some(peer), Some(value)) =
            (task.and_then(place), peer, row["value"].as_f64())
        else {
            return Err(format!("not a point of a curve: {line}").into());
        };
        found.entry((curve.family, peer.to_owned())).or_default().insert(n, value);
    }
    Ok(found)
}

/// The curves of a picture; none if none was measured.
fn plot(found: &Found, picture: &str) -> Option<LinePlot> {
    let mut plot = LinePlot::new()
        .x_label("samples")
        .y_label("seconds")
        .log_x()
        .log_y()
        .markers()
        .style(Style::new().size(520, 400));
    let mut is_empty = true;
    for curve in CURVES.iter().filter(|curve| curve.picture == picture) {
        for peer in ["purlin", curve.peer] {
            let Some(points) = found.get(&(curve.family, peer.to_owned())) else { continue };
            let n: Vec<f64> = points.keys().map(|&n| n as f64).collect();
            let seconds: Vec<f64> = points.values().copied().collect();
            plot = plot.line(format!("{}, {}", curve.name, library(peer)), &n, &seconds);
            is_empty = false;
        }
    }
    (!is_empty).then_some(plot)
}

/// The name of a library without the variant that was measured.
fn library(peer: &str) -> &str {
    match peer {
        "purlin" => "Purlin",
        "sklearn-kd_tree" | "sklearn" => "scikit-learn",
        "fastcluster-vector" => "fastcluster",
        other => other,
    }
}

/// Seconds of Purlin and of the other library by number of samples, in Markdown.
fn table(found: &Found) -> Outcome<String> {
    let sizes: BTreeSet<usize> = found.values().flat_map(Points::keys).copied().collect();
    let mut text = String::from("| | library |");
    for n in &sizes {
        write!(text, " {n} |")?;
    }
    writeln!(text, "\n|---|---|{}", "---|".repeat(sizes.len()))?;
    for curve in &CURVES {
        for peer in ["purlin", curve.peer] {
            let Some(points) = found.get(&(curve.family, peer.to_owned())) else { continue };
            write!(text, "| {} | {peer} |", curve.name)?;
            for n in &sizes {
                let cell = points.get(n).map(|seconds| format!("{seconds:.2e}"));
                write!(text, " {} |", cell.unwrap_or_default())?;
            }
            writeln!(text)?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_have_their_place() {
        let (curve, n) = place("linkage-ward/grow-hc-30000-f64").unwrap();
        assert_eq!((curve.name, n), ("Ward", 30_000));
        assert_eq!(place("kmeans-20it/grow-km-1000").unwrap().1, 1000);
        assert!(place("sgemm/64").is_none() && place("dbscan/db-100k-2x").is_none());
    }

    #[test]
    fn a_side_ends_before_it_takes_minutes() {
        assert!(goes_on(&[]) && goes_on(&[0.1, 1.0]) && goes_on(&[10.0, 19.0]));
        assert!(!goes_on(&[0.1, 21.0]), "over 20 s");
        assert!(!goes_on(&[1.0, 10.0]), "the next would take 100 s");
        assert!(!goes_on(&[0.1, f64::INFINITY]), "failed");
    }
}
