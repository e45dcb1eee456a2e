//! k-means and its relatives, by size.
//! Run: cargo bench -p purlin-cluster --bench kmeans
//!
//! One element is one sample of the table.

mod shared;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use purlin_cluster::{
    Algorithm, BisectingKMeans, GaussianMixture, Init, KMeans, KMedoids, MiniBatchKMeans,
};
use purlin_core::{Matrix, Real};
use shared::{blobs, brief};
use std::hint::black_box;

/// Samples, features, clusters.
const SIZES: [[usize; 3]; 3] = [[1_000, 8, 8], [10_000, 8, 8], [10_000, 64, 32]];

fn name([n_samples, n_features, n_clusters]: [usize; 3]) -> String {
    format!("{n_samples}x{n_features}_k{n_clusters}")
}

/// Twenty rounds from the first rows.
fn rounds(c: &mut Criterion) {
    fn one<T: Real>(c: &mut Criterion, size: [usize; 3]) {
        let [n_samples, n_features, n_clusters] = size;
        let x = blobs::<T>(n_samples, n_features, n_clusters);
        let start = Matrix::from_fn(n_clusters, n_features, |i, j| x.view().row(i)[j].to_f64());
        let kmeans = KMeans::new(n_clusters).max_iter(20).tol(0.0);
        let mut group = c.benchmark_group(format!("kmeans/rounds_{}", T::NAME));
        group.throughput(Throughput::Elements(n_samples as u64));
        for (word, algorithm) in [("lloyd", Algorithm::Lloyd), ("hamerly", Algorithm::Hamerly)] {
            let kmeans = kmeans.clone().init(Init::Centroids(start.clone())).algorithm(algorithm);
            group.bench_with_input(BenchmarkId::new(word, name(size)), &x, |b, x| {
                b.iter(|| kmeans.fit(black_box(x.view())));
            });
        }
        group.finish();
    }
    for size in SIZES {
        one::<f32>(c, size);
        one::<f64>(c, size);
    }
}

/// From k-means++ to the end.
fn fits(c: &mut Criterion) {
    let mut group = c.benchmark_group("kmeans/fit_f32");
    for size in SIZES {
        let [n_samples, n_features, n_clusters] = size;
        let x = blobs::<f32>(n_samples, n_features, n_clusters);
        group.throughput(Throughput::Elements(n_samples as u64));
        group.bench_with_input(BenchmarkId::new("kmeans", name(size)), &x, |b, x| {
            let kmeans = KMeans::new(n_clusters).seed(1);
            b.iter(|| kmeans.fit(black_box(x.view())));
        });
        group.bench_with_input(BenchmarkId::new("mini_batch", name(size)), &x, |b, x| {
            let kmeans = MiniBatchKMeans::new(n_clusters).seed(1);
            b.iter(|| kmeans.fit(black_box(x.view())));
        });
        group.bench_with_input(BenchmarkId::new("bisecting", name(size)), &x, |b, x| {
            let kmeans = BisectingKMeans::new(n_clusters).seed(1);
            b.iter(|| kmeans.fit(black_box(x.view())));
        });
    }
    group.finish();
}

fn relatives(c: &mut Criterion) {
    let size = [1_000, 8, 8];
    let [n_samples, n_features, n_clusters] = size;
    let x = blobs::<f64>(n_samples, n_features, n_clusters);
    let mut group = c.benchmark_group("kmeans/relatives_f64");
    group.throughput(Throughput::Elements(n_samples as u64));
    group.bench_with_input(BenchmarkId::new("medoids", name(size)), &x, |b, x| {
        let medoids = KMedoids::new(n_clusters);
        b.iter(|| medoids.fit(black_box(x.view())));
    });
    group.bench_with_input(BenchmarkId::new("gaussian_mixture", name(size)), &x, |b, x| {
        let mixture = GaussianMixture::new(n_clusters).seed(1);
        b.iter(|| mixture.fit(black_box(x.view())));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = brief();
    targets = rounds, fits, relatives
}
criterion_main!(benches);
