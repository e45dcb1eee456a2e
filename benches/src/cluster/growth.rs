//! Clustering of more and more samples: one task per curve and size, named `FAMILY/grow-SET-N`.

use super::Blobs;
use super::density::{dbscan, hdbscan};
use super::hierarchy::tree;
use super::kmeans::rounds;
use super::scores::score;
use crate::Task;
use crate::measure::Row;
use purlin_cluster::Linkage;

const SIZES: [usize; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];

const KMEANS: Blobs = Blobs::new("grow-km", (0, 8, 16), 4.0, 501);
const DBSCAN: Blobs = Blobs::new("grow-db", (0, 2, 50), 1.5, 502).half_width(100.0).noisy();
const HDBSCAN: Blobs = Blobs::new("grow-hdb", (0, 2, 20), 1.5, 503).half_width(100.0).noisy();
const TREE: Blobs = Blobs::new("grow-hc", (0, 10, 10), 2.0, 504);
const SILHOUETTE: Blobs = Blobs::new("grow-sil", (0, 16, 10), 4.0, 505);

/// `f32` for k-means and the silhouette, `f64` for what builds trees.
pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for n in SIZES {
        let mut add = |family: &str, set: Blobs, suffix: &str, run: fn(Blobs) -> Row| {
            let set = set.n(n);
            let name = format!("{family}/{}-{n}{suffix}", set.name);
            tasks.push(Task::new(name, move || run(set)));
        };
        add("kmeans-20it", KMEANS, "", |set| rounds(&set.table_f32(), set.k));
        add("dbscan", DBSCAN, "-f64", |set| dbscan(&set.table(), set, eps(set.n)));
        add("hdbscan", HDBSCAN, "-f64", |set| hdbscan(&set.table(), set));
        add("linkage-single", TREE, "-f64", |set| tree(&set.table(), Linkage::Single));
        add("linkage-average", TREE, "-f64", |set| tree(&set.table(), Linkage::Average));
        add("linkage-ward", TREE, "-f64", |set| tree(&set.table(), Linkage::Ward));
        add("silhouette", SILHOUETTE, "", |set| score(&set.table_f32(), set));
    }
    tasks
}

/// In two columns, a radius with as many neighbours at every size.
fn eps(n: usize) -> f64 {
    0.5 * (100_000.0 / n as f64).sqrt()
}
