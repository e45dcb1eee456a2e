//! Density: DBSCAN, HDBSCAN*, OPTICS, mean shift.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::metrics::adjusted_rand;
use purlin_cluster::{Dbscan, Hdbscan, MeanShift, Optics, Seeding};
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

const HDBSCAN: [Blobs; 4] = [
    Blobs::new("hdb-20k-2", (20_000, 2, 20), 1.5, 401).half_width(100.0).noisy(),
    Blobs::new("hdb-10k-10", (10_000, 10, 10), 2.0, 402).noisy(),
    Blobs::new("hdb-100k-2", (100_000, 2, 50), 1.5, 407).half_width(100.0).noisy(),
    Blobs::new("hdb-50k-8", (50_000, 8, 20), 1.0, 408).noisy(),
];

const MEAN_SHIFT: Blobs = Blobs::new("ms-5k-2", (5_000, 2, 10), 3.0, 405).half_width(100.0);

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (set, eps) in DBSCAN {
        let name = format!("dbscan/{}", set.name);
        both(&mut tasks, &name, set, move |x| dbscan(&x, set, eps), move |x| dbscan(&x, set, eps));
    }
    for set in HDBSCAN {
        let name = format!("hdbscan/{}", set.name);
        both(&mut tasks, &name, set, move |x| hdbscan(&x, set), move |x| hdbscan(&x, set));
    }
    tasks.push(Task::new("optics/opt-10k-2", || optics(&OPTICS.table_f32())));
    for (name, seeding) in [
        ("meanshift/ms-5k-2", Seeding::Samples),
        ("meanshift-binseed/ms-5k-2", Seeding::Bins { min_bin_freq: 1 }),
    ] {
        tasks.push(Task::new(name, move || mean_shift(&MEAN_SHIFT.table_f32(), &seeding)));
    }
    tasks
}

pub(super) fn dbscan<T: Real>(x: &Table<T>, set: Blobs, eps: f64) -> Row {
    row(
        || Dbscan::new(eps, 10).fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| tell(model.labels(), set, row),
    )
}

/// A sample counts itself, as in scikit-learn; the hdbscan package is told 10.
pub(super) fn hdbscan<T: Real>(x: &Table<T>, set: Blobs) -> Row {
    let hdbscan = Hdbscan::new(50).min_samples(11);
    row(
        || hdbscan.fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| tell(model.labels(), set, row),
    )
}

fn mean_shift<T: Real>(x: &Table<T>, seeding: &Seeding) -> Row {
    let mean_shift = MeanShift::new().bandwidth(12.0).seeding(seeding.clone());
    row(
        || mean_shift.fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| tell(model.labels(), MEAN_SHIFT, row),
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
