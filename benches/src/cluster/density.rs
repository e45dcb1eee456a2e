//! Density: DBSCAN.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::Dbscan;
use purlin_cluster::metrics::adjusted_rand;
use purlin_core::Real;
use std::hint::black_box;

/// Data sets with their `eps`.
const DBSCAN: [(Blobs, f64); 5] = [
    (Blobs::new("db-100k-2", (100_000, 2, 50), 1.5, 201).half_width(100.0).noisy(), 0.5),
    (Blobs::new("db-100k-3", (100_000, 3, 50), 2.0, 202).half_width(100.0).noisy(), 1.5),
    (Blobs::new("db-1M-2", (1_000_000, 2, 50), 1.5, 205).half_width(100.0).noisy(), 0.16),
    (Blobs::new("db-50k-8", (50_000, 8, 20), 1.0, 203).noisy(), 2.0),
    (Blobs::new("db-20k-32", (20_000, 32, 20), 1.0, 204).noisy(), 7.0),
];

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (set, eps) in DBSCAN {
        let name = format!("dbscan/{}", set.name);
        both(&mut tasks, &name, set, move |x| dbscan(&x, set, eps), move |x| dbscan(&x, set, eps));
    }
    tasks
}

fn dbscan<T: Real>(x: &Table<T>, set: Blobs, eps: f64) -> Row {
    row(
        || Dbscan::new(eps, 10).fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| {
            row.with("n_clusters", model.n_clusters())
                .with("noise", model.n_noise())
                .with("ari", adjusted_rand(&set.labels(), model.labels()).expect("n labels each"))
        },
    )
}
