//! Hierarchical clustering by kodama. Distances are formed within the time, as by the others.

use crate::blobs::{Blobs, Table};
use crate::measure::Row;
use crate::task::{Task, both, row};
use kodama::Method;
use purlin_core::Real;
use std::hint::black_box;

const SETS: [Blobs; 3] = [
    Blobs::new("hc-5k", (5_000, 10, 10), 2.0, 301),
    Blobs::new("hc-10k", (10_000, 10, 10), 2.0, 302),
    Blobs::new("hc-20k", (20_000, 10, 10), 2.0, 303),
];

const METHODS: [(&str, Method); 4] = [
    ("linkage-single", Method::Single),
    ("linkage-complete", Method::Complete),
    ("linkage-average", Method::Average),
    ("linkage-ward", Method::Ward),
];

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (family, method) in METHODS {
        for set in SETS {
            let family = (family, "kodama");
            both(&mut tasks, family, set, move |x| tree(&x, method), move |x| tree(&x, method));
        }
    }
    tasks
}

fn tree<T: Real + kodama::Float>(x: &Table<T>, method: Method) -> Row {
    row(
        || kodama::linkage(&mut distances(black_box(x)), x.n, method),
        |tree, row| {
            let heights = tree.steps().iter().map(|step| Real::to_f64(step.dissimilarity));
            row.with("height_sum", heights.sum::<f64>())
        },
    )
}

/// The distances of all pairs `(i, j)` with `i < j`, by `i` and then `j`.
fn distances<T: Real>(x: &Table<T>) -> Vec<T> {
    let rows: Vec<&[T]> = x.values.chunks_exact(x.d).collect();
    let mut distances = Vec::with_capacity(x.n * (x.n - 1) / 2);
    for (i, a) in rows.iter().enumerate() {
        distances.extend(rows[i + 1..].iter().map(|b| {
            let squares = a.iter().zip(*b).map(|(&a, &b)| (a - b) * (a - b));
            squares.fold(T::ZERO, |sum, square| sum + square).sqrt()
        }));
    }
    distances
}
