//! Clustering of Gaussian blobs.

use crate::Task;
use crate::inputs::{integers, normal, to_f32, uniform};
use crate::measure::{Row, time};
use purlin_cluster::{Init, KMeans, KMeansModel};
use purlin_core::{Matrix, MatrixView, Real};
use std::hint::black_box;

/// A data set of the workloads.
#[derive(Clone, Copy)]
struct Blobs {
    name: &'static str,
    n: usize,
    d: usize,
    k: usize,
    std: f64,
    seed: u64,
}

const HALF_WIDTH: f64 = 10.0;

const KMEANS: [Blobs; 4] = [
    Blobs { name: "km-100k-16-10", n: 100_000, d: 16, k: 10, std: 6.0, seed: 101 },
    Blobs { name: "km-100k-16-10-wide", n: 100_000, d: 16, k: 10, std: 8.0, seed: 101 },
    Blobs { name: "km-100k-64-100", n: 100_000, d: 64, k: 100, std: 6.0, seed: 102 },
    Blobs { name: "km-1M-8-16", n: 1_000_000, d: 8, k: 16, std: 4.0, seed: 103 },
];

impl Blobs {
    /// `center + std * normal`, row by row.
    fn points(&self) -> Vec<f64> {
        let &Self { n, d, k, std, seed, .. } = self;
        let centers = uniform(seed, k * d);
        let labels = integers(seed + 1000, n, k as u64);
        let mut x = normal(seed + 2000, n * d);
        for (row, &label) in x.chunks_exact_mut(d).zip(&labels) {
            for (x, center) in row.iter_mut().zip(&centers[label * d..]) {
                *x = (2.0 * center - 1.0) * HALF_WIDTH + std * *x;
            }
        }
        x
    }
}

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for blobs in KMEANS {
        let name = blobs.name;
        tasks.push(Task::new(format!("kmeans-20it/{name}"), move || {
            rounds(&to_f32(&blobs.points()), blobs)
        }));
        tasks.push(Task::new(format!("kmeans-20it/{name}-f64"), move || {
            rounds(&blobs.points(), blobs)
        }));
        tasks.push(Task::new(format!("kmeans-converge/{name}"), move || {
            fit(&to_f32(&blobs.points()), blobs, &KMeans::new(blobs.k))
        }));
    }
    tasks
}

/// Twenty rounds from the first `k` points.
fn rounds<T: Real>(x: &[T], blobs: Blobs) -> Row {
    let start = Matrix::from_fn(blobs.k, blobs.d, |i, j| x[i * blobs.d + j].to_f64());
    let kmeans = KMeans::new(blobs.k).init(Init::Centroids(start)).max_iter(20).tol(0.0);
    fit(x, blobs, &kmeans)
}

fn fit<T: Real>(x: &[T], blobs: Blobs, kmeans: &KMeans) -> Row {
    let x = MatrixView::from_slice(x, blobs.n, blobs.d).expect("n rows of d");
    let mut last: Option<KMeansModel<T>> = None;
    let timing = time(|| last = Some(kmeans.fit(black_box(x)).expect("blobs can be clustered")));
    let model = last.expect("it ran");
    Row::duration(&timing, 1.0, "s").with("inertia", model.inertia()).with("n_iter", model.n_iter())
}
