//! How well each algorithm finds the known clusters of the sets below `PURLIN_DATA/clustering`.
//!
//! ```text
//! PURLIN_DATA=DIR cargo run --release -p purlin-bench --bin clustering_table > ours.jsonl
//! python3 benches/peers/clustering_table.py ours.jsonl
//! ```
//!
//! Prints one JSON object per set and algorithm, with the parameters. The second command runs
//! scikit-learn with the same parameters and prints the table of `docs/results.md`. The rules for
//! the parameters are the same for all sets and know of the answer only the number of clusters:
//! see `algorithms`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program, which prints")]

use flate2::read::GzDecoder;
use purlin_cluster::metrics::adjusted_rand;
use purlin_cluster::{
    Affinity, Agglomerative, BisectingKMeans, Dbscan, GaussianMixture, Hdbscan, KMeans, Linkage,
    MeanShift, Metric, MiniBatchKMeans, Optics, Seeding, SpatialIndex, SpectralClustering,
    SphericalKMeans, Xi, estimate_bandwidth,
};
use purlin_core::MatrixView;
use serde_json::{Value, json};
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rows beyond which an algorithm of quadratic cost in one of the two libraries is left out.
const MANY: usize = 10_000;

/// The least size of a cluster of HDBSCAN*.
const MIN_CLUSTER: usize = 15;

/// The name of an algorithm, its parameters as scikit-learn names them, and the labels.
type Found = (&'static str, Value, Vec<Option<usize>>);

/// A table with its known clusters; 0 stands for noise, which is not judged.
struct Set {
    name: String,
    values: Vec<f64>,
    d: usize,
    truth: Vec<usize>,
}

impl Set {
    fn read(path: &Path, name: String) -> Outcome<Self> {
        let text = unzip(path)?;
        let values = numbers(&text)?;
        let d = text.lines().next().map_or(0, |line| line.split_whitespace().count());
        let labels = path.to_string_lossy().replace(".data.gz", ".labels0.gz");
        let truth = numbers(&unzip(Path::new(&labels))?)?.into_iter().map(|v| v as usize).collect();
        Ok(Self { name, values, d, truth })
    }

    fn x(&self) -> MatrixView<'_, f64> {
        MatrixView::from_slice(&self.values, self.truth.len(), self.d).expect("rows of d")
    }

    /// The number of known clusters.
    fn k(&self) -> usize {
        self.truth.iter().max().copied().unwrap_or(0)
    }

    /// The distance from a row to its fifth nearest, itself counted, that a tenth of the rows exceed.
    fn eps(&self) -> Outcome<f64> {
        let index = SpatialIndex::new(self.x(), Metric::Euclidean)?;
        let mut distances: Vec<f64> =
            index.nearest_batch(self.x(), 5)?.iter().map(|found| found[4].distance).collect();
        distances.sort_by(f64::total_cmp);
        Ok(distances[distances.len() * 9 / 10])
    }
}

fn unzip(path: &Path) -> Outcome<String> {
    let mut text = String::new();
    GzDecoder::new(File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

fn numbers(text: &str) -> Outcome<Vec<f64>> {
    Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
}

/// Each algorithm with its parameters for a set, and what it finds.
fn algorithms(set: &Set) -> Outcome<Vec<Found>> {
    let (x, k, n) = (set.x(), set.k(), set.truth.len());
    let all = |labels: &[usize]| labels.iter().copied().map(Some).collect::<Vec<_>>();
    let mut found = Vec::new();

    let model = KMeans::new(k).n_init(10).fit(x)?;
    found.push(("kmeans", json!({"n_clusters": k, "n_init": 10}), all(model.labels())));
    let model = MiniBatchKMeans::new(k).fit(x)?;
    found.push(("minibatch", json!({"n_clusters": k}), all(model.labels())));
    let model = BisectingKMeans::new(k).n_init(10).fit(x)?;
    found.push(("bisecting", json!({"n_clusters": k, "n_init": 10}), all(model.labels())));
    // Not of sets where a row is at 0, which has no direction.
    if x.rows().all(|row| row.iter().any(|&value| value != 0.0)) {
        let model = SphericalKMeans::new(k).n_init(10).fit(x)?;
        found.push(("spherical", json!({"n_clusters": k, "n_init": 10}), all(model.labels())));
    }
    for (name, linkage, is_quadratic) in [
        ("single", Linkage::Single, false),
        ("complete", Linkage::Complete, true),
        ("average", Linkage::Average, true),
        ("ward", Linkage::Ward, false),
    ] {
        if n <= MANY || !is_quadratic {
            let labels = Agglomerative::new(linkage).fit(x)?.cut(k)?;
            found.push((name, json!({"n_clusters": k}), all(&labels)));
        }
    }
    let eps = set.eps()?;
    let model = Dbscan::new(eps, 5).fit(x)?;
    found.push(("dbscan", json!({"eps": eps, "min_samples": 5}), model.labels().to_vec()));
    let (size, samples) = (MIN_CLUSTER, 5);
    let model = Hdbscan::new(size).min_samples(samples).fit(x)?;
    let parameters = json!({"min_cluster_size": size, "min_samples": samples});
    found.push(("hdbscan", parameters, model.labels().to_vec()));
    let model = GaussianMixture::new(k).fit(x)?;
    found.push(("mixture", json!({"n_components": k}), all(model.labels())));
    if n <= MANY {
        let bins = Seeding::Bins { min_bin_freq: 1 };
        let bandwidth = estimate_bandwidth(x, 1.0 / k as f64, None, 0)?;
        let model = MeanShift::new().bandwidth(bandwidth).seeding(bins).fit(x)?;
        found.push(("meanshift", json!({"bandwidth": bandwidth}), model.labels().to_vec()));
        let graph = Affinity::NearestNeighbors(10);
        let model = SpectralClustering::new(k).affinity(graph).fit(x)?;
        found.push(("spectral", json!({"n_clusters": k}), all(model.labels())));
        let labels = Optics::new(5).fit(x)?.extract_xi(&Xi::new(0.05))?.labels;
        found.push(("optics", json!({"min_samples": 5, "xi": 0.05}), labels));
    }
    Ok(found)
}

/// Agreement on the rows whose cluster is known; rows called noise count as one more cluster.
fn judge(set: &Set, labels: &[Option<usize>]) -> Outcome<f64> {
    let known = set.truth.iter().zip(labels).filter(|(truth, _)| **truth > 0);
    let (truth, labels): (Vec<usize>, Vec<Option<usize>>) = known.map(|(&t, &l)| (t, l)).unzip();
    Ok(adjusted_rand(&truth, &labels)?)
}

fn sets(folder: &Path) -> Outcome<Vec<(PathBuf, String)>> {
    let mut sets = Vec::new();
    for battery in ["fcps", "other", "sipu"] {
        for entry in std::fs::read_dir(folder.join(battery))? {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(name) = file.strip_suffix(".data.gz") {
                sets.push((path, format!("{battery}/{name}")));
            }
        }
    }
    sets.sort();
    Ok(sets)
}

fn main() -> Outcome<()> {
    let folder =
        std::env::var_os("PURLIN_DATA").ok_or("PURLIN_DATA must name the folder of real data")?;
    for (path, name) in sets(&PathBuf::from(folder).join("clustering"))? {
        let set = Set::read(&path, name)?;
        let start = Instant::now();
        for (algorithm, parameters, labels) in algorithms(&set)? {
            let adjusted_rand = judge(&set, &labels)?;
            println!(
                "{}",
                json!({"set": set.name, "algorithm": algorithm, "parameters": parameters, "adjusted_rand": adjusted_rand})
            );
        }
        eprintln!("{} in {:.1} s", set.name, start.elapsed().as_secs_f64());
    }
    Ok(())
}
