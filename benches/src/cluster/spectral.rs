//! Eigenvectors: spectral clustering, principal components.

use super::density::tell;
use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::{Affinity, SpectralClustering};
use purlin_core::Real;
use purlin_core::linalg::Pca;
use std::hint::black_box;

const SPECTRAL: Blobs = Blobs::new("sp-2k-2", (2_000, 2, 5), 8.0, 406).half_width(100.0);

const PCA: Blobs = Blobs::new("km-100k-64-100", (100_000, 64, 100), 6.0, 102);

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (word, affinity) in
        [("knn", Affinity::NearestNeighbors(10)), ("rbf", Affinity::Rbf { gamma: 0.01 })]
    {
        let name = format!("spectral-{word}/{}", SPECTRAL.name);
        let spectral = SpectralClustering::new(SPECTRAL.k).affinity(affinity);
        tasks.push(Task::new(name, move || clusters(&SPECTRAL.table_f32(), &spectral)));
    }
    both(&mut tasks, "pca-8/km-100k-64-100", PCA, |x| components(&x), |x| components(&x));
    tasks
}

fn clusters<T: Real>(x: &Table<T>, spectral: &SpectralClustering) -> Row {
    row(
        || spectral.fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| {
            let labels: Vec<Option<usize>> = model.labels().iter().copied().map(Some).collect();
            tell(&labels, SPECTRAL, row)
        },
    )
}

fn components<T: Real>(x: &Table<T>) -> Row {
    row(
        || Pca::new(8).fit(black_box(x.view())).expect("a table of numbers"),
        |model, row| row.with("variance", model.explained_variance().iter().sum::<f64>()),
    )
}
