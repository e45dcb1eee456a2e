//! Searches among rows, and the scores that rest on distances, by size.
//! Run: cargo bench -p purlin-cluster --bench index
//!
//! One element is one row that is searched for.

mod shared;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use purlin_cluster::metrics::silhouette;
use purlin_cluster::{Metric, SpatialIndex};
use shared::{blobs, brief};
use std::hint::black_box;

const N_BLOBS: usize = 10;

/// Rows, columns, a radius.
const SIZES: [(usize, usize, f64); 3] = [(10_000, 2, 0.2), (10_000, 8, 1.5), (2_000, 32, 7.0)];

fn searches(c: &mut Criterion) {
    let mut group = c.benchmark_group("index/f64");
    for (n_rows, n_columns, radius) in SIZES {
        let x = blobs::<f64>(n_rows, n_columns, N_BLOBS);
        let name = format!("{n_rows}x{n_columns}");
        let index = SpatialIndex::new(x.view(), Metric::Euclidean).expect("a table of numbers");
        group.throughput(Throughput::Elements(n_rows as u64));
        group.bench_with_input(BenchmarkId::new("build", &name), &x, |b, x| {
            b.iter(|| SpatialIndex::new(black_box(x.view()), Metric::Euclidean));
        });
        group.bench_with_input(BenchmarkId::new("nearest_10", &name), &x, |b, x| {
            b.iter(|| index.nearest_batch(black_box(x.view()), 10));
        });
        group.bench_with_input(BenchmarkId::new("within", &name), &x, |b, x| {
            b.iter(|| index.within_batch(black_box(x.view()), radius));
        });
        group.bench_with_input(BenchmarkId::new("count_within", &name), &x, |b, x| {
            b.iter(|| index.count_within_batch(black_box(x.view()), radius));
        });
    }
    group.finish();
}

fn scores(c: &mut Criterion) {
    let mut group = c.benchmark_group("index/silhouette_f32");
    for (n_rows, n_columns) in [(1_000, 16), (5_000, 16)] {
        let x = blobs::<f32>(n_rows, n_columns, N_BLOBS);
        let labels: Vec<usize> = (0..n_rows).map(|i| i % N_BLOBS).collect();
        group.throughput(Throughput::Elements(n_rows as u64));
        let id = BenchmarkId::new("silhouette", format!("{n_rows}x{n_columns}"));
        group.bench_with_input(id, &x, |b, x| {
            b.iter(|| silhouette(black_box(x.view()), &labels, &Metric::Euclidean));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = brief();
    targets = searches, scores
}
criterion_main!(benches);
