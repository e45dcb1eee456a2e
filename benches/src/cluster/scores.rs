//! Scores of a partition, and searches among rows.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::metrics::silhouette;
use purlin_cluster::{Metric, SpatialIndex};
use purlin_core::{MatrixView, Real};
use std::hint::black_box;

const SILHOUETTE: Blobs = Blobs::new("sil-20k-16", (20_000, 16, 10), 4.0, 409);

const NEIGHBORS: [Blobs; 2] = [
    Blobs::new("db-50k-8", (50_000, 8, 20), 1.0, 203).noisy(),
    Blobs::new("km-100k-16-10", (100_000, 16, 10), 6.0, 101),
];

/// Queries of a row of nearest neighbours: the first of the table.
const N_QUERIES: usize = 10_000;

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    both(
        &mut tasks,
        "silhouette/sil-20k-16",
        SILHOUETTE,
        |x| score(&x, SILHOUETTE),
        |x| score(&x, SILHOUETTE),
    );
    for set in NEIGHBORS {
        let name = format!("knn-10/{}", set.name);
        both(&mut tasks, &name, set, |x| neighbors(&x), |x| neighbors(&x));
    }
    tasks
}

pub(super) fn score<T: Real>(x: &Table<T>, set: Blobs) -> Row {
    let labels = set.labels();
    row(
        || silhouette(black_box(x.view()), &labels, &Metric::Euclidean).expect("ten blobs"),
        |&score, row| row.with("silhouette", score),
    )
}

/// The index is built within the time, as the other libraries do.
fn neighbors<T: Real>(x: &Table<T>) -> Row {
    let queries =
        MatrixView::from_slice(&x.values[..N_QUERIES * x.d], N_QUERIES, x.d).expect("rows of d");
    row(
        || {
            SpatialIndex::new(black_box(x.view()), Metric::Euclidean)
                .and_then(|index| index.nearest_batch(queries, 10))
                .expect("a table of numbers")
        },
        |found, row| {
            let sum: f64 = found.iter().flatten().map(|neighbor| neighbor.distance.to_f64()).sum();
            row.with("distance_sum", sum)
        },
    )
}
