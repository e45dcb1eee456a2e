//! Density: DBSCAN, OPTICS.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::metrics::adjusted_rand;
use purlin_cluster::{Dbscan, Optics};
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

const OPTICS: Blobs = Blobs::new("opt-10k-2", (10_000, 2, 20), 1.5, 403).half_width(100.0).noisy();

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (set, eps) in DBSCAN {
        let name = format!("dbscan/{}", set.name);
        both(&mut tasks, &name, set, move |x| dbscan(&x, set, eps), move |x| dbscan(&x, set, eps));
    }
    tasks.push(Task::new("optics/opt-10k-2", || optics(&OPTICS.table_f32())));
    tasks
}

pub(super) fn dbscan<T: Real>(x: &Table<T>, set: Blobs, eps: f64) -> Row {
    row(
        || Dbscan::new(eps, 10).fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| tell(model.labels(), set, row),
    )
}

/// The cut at 1 is within the time, as it is for scikit-learn.
fn optics<T: Real>(x: &Table<T>) -> Row {
    row(
        || {
            Optics::new(10)
                .max_eps(10.0)
                .fit(black_box(x.view()))
                .and_then(|model| model.extract_dbscan(1.0))
                .expect("blobs can be clustered")
        },
        |labels, row| tell(labels, OPTICS, row),
    )
}

/// What shows that the clusters are those of the other libraries.
pub(super) fn tell(labels: &[Option<usize>], set: Blobs, row: Row) -> Row {
    row.with("n_clusters", labels.iter().flatten().max().map_or(0, |last| last + 1))
        .with("noise", labels.iter().filter(|label| label.is_none()).count())
        .with("ari", adjusted_rand(&set.labels(), labels).expect("n labels each"))
}
