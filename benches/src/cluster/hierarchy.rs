//! Hierarchical clustering.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::{Agglomerative, Linkage};
use purlin_core::Real;
use std::hint::black_box;

const SETS: [Blobs; 3] = [
    Blobs::new("hc-5k", (5_000, 10, 10), 2.0, 301),
    Blobs::new("hc-10k", (10_000, 10, 10), 2.0, 302),
    Blobs::new("hc-20k", (20_000, 10, 10), 2.0, 303),
];

const LINKAGES: [(&str, Linkage); 6] = [
    ("single", Linkage::Single),
    ("complete", Linkage::Complete),
    ("average", Linkage::Average),
    ("ward", Linkage::Ward),
    ("centroid", Linkage::Centroid),
    ("median", Linkage::Median),
];

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (word, linkage) in LINKAGES {
        for set in SETS {
            let name = format!("linkage-{word}/{}", set.name);
            both(&mut tasks, &name, set, move |x| tree(&x, linkage), move |x| tree(&x, linkage));
        }
    }
    tasks
}

pub(super) fn tree<T: Real>(x: &Table<T>, linkage: Linkage) -> Row {
    row(
        || Agglomerative::new(linkage).fit(black_box(x.view())).expect("the matrix fits"),
        |tree, row| row.with("height_sum", tree.heights().iter().sum::<f64>()),
    )
}
