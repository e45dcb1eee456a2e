//! k-means.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::{BisectingKMeans, Init, KMeans, MiniBatchKMeans};
use purlin_core::Real;
use std::hint::black_box;
use std::path::{Path, PathBuf};

const SETS: [Blobs; 4] = [
    Blobs::new("km-100k-16-10", (100_000, 16, 10), 6.0, 101),
    Blobs::new("km-100k-16-10-wide", (100_000, 16, 10), 8.0, 101),
    Blobs::new("km-100k-64-100", (100_000, 64, 100), 6.0, 102),
    Blobs::new("km-1M-8-16", (1_000_000, 8, 16), 4.0, 103),
];

/// Below `PURLIN_DATA`; without that the row is left out.
const FASHION: &str = "images/fashion-mnist/train-images-idx3-ubyte.gz";
const FASHION_NAME: &str = "fashion-20k-784-10";

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for set in SETS {
        let Blobs { name, k, .. } = set;
        both(
            &mut tasks,
            &format!("kmeans-20it/{name}"),
            set,
            move |x| rounds(&x, k),
            move |x| rounds(&x, k),
        );
        both(
            &mut tasks,
            &format!("kmeans-converge/{name}"),
            set,
            move |x| fit(&x, &KMeans::new(k)),
            move |x| fit(&x, &KMeans::new(k)),
        );
        both(
            &mut tasks,
            &format!("kmeans-converge10/{name}"),
            set,
            move |x| fit(&x, &KMeans::new(k).n_init(10)),
            move |x| fit(&x, &KMeans::new(k).n_init(10)),
        );
    }
    for set in [SETS[0], SETS[2]] {
        let name = format!("minibatch/{}", set.name);
        tasks.push(Task::new(name, move || mini_batch(&set.table_f32(), set.k)));
        let (single, double) = (move |x| bisecting(&x, set.k), move |x| bisecting(&x, set.k));
        both(&mut tasks, &format!("bisecting/{}", set.name), set, single, double);
    }
    if let Some(folder) = std::env::var_os("PURLIN_DATA") {
        let path = PathBuf::from(folder).join(FASHION);
        let name = format!("kmeans-converge10/{FASHION_NAME}");
        tasks.push(Task::new(name, move || fit(&fashion(&path), &KMeans::new(10).n_init(10))));
    }
    tasks
}

/// The first 20,000 training images, divided by 255.
fn fashion(path: &Path) -> Table<f32> {
    let images = purlin_data::idx::read(path).expect("the images of Fashion-MNIST");
    let (n, d) = (20_000, 784);
    let values = images.to_f32()[..n * d].iter().map(|v| v / 255.0).collect();
    Table { values, n, d }
}

/// Twenty rounds from the first `k` points.
pub(super) fn rounds<T: Real>(x: &Table<T>, k: usize) -> Row {
    fit(x, &KMeans::new(k).init(Init::Centroids(x.first(k))).max_iter(20).tol(0.0))
}

fn fit<T: Real>(x: &Table<T>, kmeans: &KMeans) -> Row {
    row(
        || kmeans.fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| row.with("inertia", model.inertia()).with("n_iter", model.n_iter()),
    )
}

fn bisecting<T: Real>(x: &Table<T>, k: usize) -> Row {
    row(
        || BisectingKMeans::new(k).fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| row.with("inertia", model.inertia()),
    )
}

fn mini_batch<T: Real>(x: &Table<T>, k: usize) -> Row {
    row(
        || MiniBatchKMeans::new(k).fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| row.with("inertia", model.inertia()),
    )
}
