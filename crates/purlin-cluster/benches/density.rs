//! Clusters as dense regions, by size.
//! Run: cargo bench -p purlin-cluster --bench density
//!
//! One element is one sample of the table.

mod shared;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use purlin_cluster::{Dbscan, Hdbscan, MeanShift, NeighborSearch, Optics};
use shared::{blobs, brief};
use std::hint::black_box;

/// Samples, features, `eps`.
const SIZES: [(usize, usize, f64); 3] = [(1_000, 2, 0.5), (10_000, 2, 0.2), (10_000, 8, 1.5)];

const N_BLOBS: usize = 10;

fn dbscan(c: &mut Criterion) {
    let mut group = c.benchmark_group("density/dbscan_f64");
    for (n_samples, n_features, eps) in SIZES {
        let x = blobs::<f64>(n_samples, n_features, N_BLOBS);
        group.throughput(Throughput::Elements(n_samples as u64));
        for (word, search) in [("tree", NeighborSearch::Tree), ("brute", NeighborSearch::Brute)] {
            let id = BenchmarkId::new(word, format!("{n_samples}x{n_features}"));
            group.bench_with_input(id, &x, |b, x| {
                let dbscan = Dbscan::new(eps, 10).algorithm(search);
                b.iter(|| dbscan.fit(black_box(x.view())));
            });
        }
    }
    group.finish();
}

fn hierarchies(c: &mut Criterion) {
    let mut group = c.benchmark_group("density/hierarchies_f64");
    for (n_samples, n_features, _) in SIZES {
        let x = blobs::<f64>(n_samples, n_features, N_BLOBS);
        let name = format!("{n_samples}x{n_features}");
        group.throughput(Throughput::Elements(n_samples as u64));
        group.bench_with_input(BenchmarkId::new("hdbscan", &name), &x, |b, x| {
            let hdbscan = Hdbscan::new(20);
            b.iter(|| hdbscan.fit(black_box(x.view())));
        });
        group.bench_with_input(BenchmarkId::new("optics", &name), &x, |b, x| {
            let optics = Optics::new(10).max_eps(2.0);
            b.iter(|| optics.fit(black_box(x.view())));
        });
    }
    group.finish();
}

fn mean_shift(c: &mut Criterion) {
    let mut group = c.benchmark_group("density/mean_shift_f64");
    let n_samples = 1_000;
    let x = blobs::<f64>(n_samples, 2, N_BLOBS);
    group.throughput(Throughput::Elements(n_samples as u64));
    group.bench_with_input(BenchmarkId::new("flat", "1000x2"), &x, |b, x| {
        let mean_shift = MeanShift::new().bandwidth(2.0);
        b.iter(|| mean_shift.fit(black_box(x.view())));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = brief();
    targets = dbscan, hierarchies, mean_shift
}
criterion_main!(benches);
