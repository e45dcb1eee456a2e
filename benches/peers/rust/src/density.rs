//! DBSCAN of linfa-clustering and petal-clustering, HDBSCAN of petal-clustering and hdbscan.

use crate::blobs::{Blobs, Table};
use crate::kmeans::array;
use crate::measure::Row;
use crate::task::{Task, both, row};
use hdbscan::{Hdbscan, HdbscanHyperParams};
use linfa::traits::Transformer;
use linfa_nn::CommonNearestNeighbour;
use linfa_nn::distance::L2Dist;
use ndarray::Array2;
use num_traits::FromPrimitive;
use num_traits::float::FloatCore;
use petal_clustering::{Dbscan, Fit, HDbscan};
use petal_neighbors::distance::{Euclidean, Metric};
use purlin_core::Real;
use std::hint::black_box;
use std::ops::{AddAssign, DivAssign};

/// Data sets with their `eps`.
const DBSCAN: [(Blobs, f64); 5] = [
    (Blobs::new("db-100k-2", (100_000, 2, 50), 1.5, 201).half_width(100.0).noisy(), 0.5),
    (Blobs::new("db-100k-3", (100_000, 3, 50), 2.0, 202).half_width(100.0).noisy(), 1.5),
    (Blobs::new("db-1M-2", (1_000_000, 2, 50), 1.5, 205).half_width(100.0).noisy(), 0.16),
    (Blobs::new("db-50k-8", (50_000, 8, 20), 1.0, 203).noisy(), 2.0),
    (Blobs::new("db-20k-32", (20_000, 32, 20), 1.0, 204).noisy(), 7.0),
];

const HDBSCAN: [Blobs; 4] = [
    Blobs::new("hdb-20k-2", (20_000, 2, 20), 1.5, 401).half_width(100.0).noisy(),
    Blobs::new("hdb-10k-10", (10_000, 10, 10), 2.0, 402).noisy(),
    Blobs::new("hdb-100k-2", (100_000, 2, 50), 1.5, 407).half_width(100.0).noisy(),
    Blobs::new("hdb-50k-8", (50_000, 8, 20), 1.0, 408).noisy(),
];

/// In all of them a sample counts itself.
const MIN_SAMPLES: usize = 10;
const MIN_SAMPLES_OF_HDBSCAN: usize = 11;
const MIN_CLUSTER_SIZE: usize = 50;

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (set, eps) in DBSCAN {
        let family = ("dbscan", "linfa-clustering");
        both(&mut tasks, family, set, move |x| linfa(x, eps), move |x| linfa(x, eps));
        let family = ("dbscan", "petal-clustering");
        both(&mut tasks, family, set, move |x| petal(x, eps), move |x| petal(x, eps));
    }
    for set in HDBSCAN {
        both(&mut tasks, ("hdbscan", "petal-clustering"), set, petal_tree, petal_tree);
        // The Python package has the same name.
        both(&mut tasks, ("hdbscan", "hdbscan-rs"), set, hdbscan_tree, hdbscan_tree);
    }
    tasks
}

fn linfa<T: linfa::Float>(x: Table<T>, eps: f64) -> Row {
    let x = array(x);
    let params =
        linfa_clustering::Dbscan::params_with(MIN_SAMPLES, L2Dist, CommonNearestNeighbour::KdTree)
            .tolerance(T::cast(eps));
    row(
        || params.transform(black_box(&x)).expect("the parameters are allowed"),
        |labels, row| {
            let n_clusters = labels.iter().flatten().max().map_or(0, |last| last + 1);
            let noise = labels.iter().filter(|label| label.is_none()).count();
            row.with("n_clusters", n_clusters).with("noise", noise)
        },
    )
}

/// What petal-clustering asks of numbers.
trait Number: Real + FloatCore + FromPrimitive + AddAssign + DivAssign {}
impl Number for f32 {}
impl Number for f64 {}

fn petal<T: Number>(x: Table<T>, eps: f64) -> Row
where
    Euclidean: Metric<T>,
{
    let x = Array2::from_shape_vec((x.n, x.d), x.values).expect("n rows of d");
    let mut dbscan = Dbscan::new(<T as Real>::from_f64(eps), MIN_SAMPLES, Euclidean::default());
    row(
        || dbscan.fit(black_box(&x), None),
        |(clusters, noise), row| row.with("n_clusters", clusters.len()).with("noise", noise.len()),
    )
}

fn petal_tree<T: Number>(x: Table<T>) -> Row
where
    Euclidean: Metric<T>,
{
    let x = Array2::from_shape_vec((x.n, x.d), x.values).expect("n rows of d");
    let mut hdbscan = HDbscan {
        alpha: T::ONE,
        min_samples: MIN_SAMPLES_OF_HDBSCAN,
        min_cluster_size: MIN_CLUSTER_SIZE,
        metric: Euclidean::default(),
        boruvka: true,
    };
    row(
        || hdbscan.fit(black_box(&x), None),
        |(clusters, noise, _), row| {
            row.with("n_clusters", clusters.len()).with("noise", noise.len())
        },
    )
}

fn hdbscan_tree<T: Real + num_traits::Float>(x: Table<T>) -> Row {
    let rows: Vec<Vec<T>> = x.values.chunks_exact(x.d).map(<[T]>::to_vec).collect();
    let params = HdbscanHyperParams::builder()
        .min_cluster_size(MIN_CLUSTER_SIZE)
        .min_samples(MIN_SAMPLES_OF_HDBSCAN)
        .build();
    let hdbscan = Hdbscan::new(&rows, params);
    row(
        || black_box(&hdbscan).cluster_par().expect("blobs can be clustered"),
        |labels, row| {
            let n_clusters = labels.iter().max().map_or(0, |last| last + 1);
            let noise = labels.iter().filter(|&&label| label < 0).count();
            row.with("n_clusters", n_clusters).with("noise", noise)
        },
    )
}
