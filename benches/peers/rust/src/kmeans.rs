//! k-means of linfa-clustering.

use crate::blobs::{Blobs, Table};
use crate::measure::Row;
use crate::task::{Task, both, row};
use linfa::DatasetBase;
use linfa::traits::{Fit, Transformer};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray_016::{Array2, s};
use purlin_core::Real;
use std::hint::black_box;

const PEER: &str = "linfa-clustering";

const SETS: [Blobs; 4] = [
    Blobs::new("km-100k-16-10", (100_000, 16, 10), 6.0, 101),
    Blobs::new("km-100k-16-10-wide", (100_000, 16, 10), 8.0, 101),
    Blobs::new("km-100k-64-100", (100_000, 64, 100), 6.0, 102),
    Blobs::new("km-1M-8-16", (1_000_000, 8, 16), 4.0, 103),
];

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for set in SETS {
        let k = set.k;
        let family = ("kmeans-20it", PEER);
        both(&mut tasks, family, set, move |x| rounds(x, k), move |x| rounds(x, k));
        let family = ("kmeans-converge", PEER);
        both(&mut tasks, family, set, move |x| starts(x, k, 1), move |x| starts(x, k, 1));
        let family = ("kmeans-converge10", PEER);
        both(&mut tasks, family, set, move |x| starts(x, k, 10), move |x| starts(x, k, 10));
    }
    tasks
}

pub(crate) fn array<T>(x: Table<T>) -> Array2<T> {
    Array2::from_shape_vec((x.n, x.d), x.values).expect("n rows of d")
}

/// Twenty rounds from the first `k` points; no shift of the centroids is below the tolerance.
fn rounds<T: linfa::Float + Real>(x: Table<T>, k: usize) -> Row {
    let x = array(x);
    let start = KMeansInit::Precomputed(x.slice(s![..k, ..]).to_owned());
    let tolerance = <T as num_traits::Float>::min_positive_value();
    fit(x, k, start, 1, 20, tolerance)
}

/// k-means++ until the squared shift is below 1e-4 of the mean variance of the columns, as in
/// scikit-learn and Purlin; linfa compares the shift itself.
fn starts<T: linfa::Float + Real>(x: Table<T>, k: usize, n_runs: usize) -> Row {
    let x = array(x);
    let doubles = x.mapv(Real::to_f64);
    let variances = doubles.var_axis(ndarray_016::Axis(0), 0.0);
    let tolerance = T::cast((1e-4 * variances.mean().expect("columns")).sqrt());
    fit(x, k, KMeansInit::KMeansPlusPlus, n_runs, 300, tolerance)
}

fn fit<T: linfa::Float + Real>(
    x: Array2<T>,
    k: usize,
    start: KMeansInit<T>,
    n_runs: usize,
    max_n_iterations: u64,
    tolerance: T,
) -> Row {
    let params = KMeans::params(k)
        .init_method(start)
        .n_runs(n_runs)
        .max_n_iterations(max_n_iterations)
        .tolerance(tolerance);
    let data = DatasetBase::from(x);
    row(
        || params.fit(black_box(&data)).expect("blobs can be clustered"),
        |model, row| {
            let distances = model.transform(data.records());
            row.with("inertia", distances.iter().map(|&d| Real::to_f64(d)).sum::<f64>())
        },
    )
}
