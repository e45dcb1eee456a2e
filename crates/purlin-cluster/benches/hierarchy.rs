//! Hierarchical clustering by linkage and size.
//! Run: cargo bench -p purlin-cluster --bench hierarchy
//!
//! One element is one sample of the table.

mod shared;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use purlin_cluster::{Agglomerative, Linkage, MemoryBudget};
use purlin_core::Real;
use shared::{blobs, brief};
use std::hint::black_box;

const LINKAGES: [(&str, Linkage); 7] = [
    ("single", Linkage::Single),
    ("complete", Linkage::Complete),
    ("average", Linkage::Average),
    ("weighted", Linkage::Weighted),
    ("ward", Linkage::Ward),
    ("centroid", Linkage::Centroid),
    ("median", Linkage::Median),
];

fn trees(c: &mut Criterion) {
    fn one<T: Real>(c: &mut Criterion, n_samples: usize, n_features: usize) {
        let x = blobs::<T>(n_samples, n_features, 10);
        let mut group = c.benchmark_group(format!("hierarchy/{}", T::NAME));
        group.throughput(Throughput::Elements(n_samples as u64));
        for (word, linkage) in LINKAGES {
            let id = BenchmarkId::new(word, format!("{n_samples}x{n_features}"));
            group.bench_with_input(id, &x, |b, x| {
                let agglomerative = Agglomerative::new(linkage);
                b.iter(|| agglomerative.fit(black_box(x.view())));
            });
        }
        group.finish();
    }
    for (n_samples, n_features) in [(500, 10), (2_000, 10)] {
        one::<f32>(c, n_samples, n_features);
        one::<f64>(c, n_samples, n_features);
    }
}

/// From the tree to labels, and how well it keeps the distances.
fn cuts(c: &mut Criterion) {
    let x = blobs::<f64>(2_000, 10, 10);
    let tree = Agglomerative::new(Linkage::Average).fit(x.view()).expect("blobs can be clustered");
    let mut group = c.benchmark_group("hierarchy/dendrogram");
    group.bench_function(BenchmarkId::new("cut", "2000_k10"), |b| {
        b.iter(|| black_box(&tree).cut(10));
    });
    group.bench_function(BenchmarkId::new("cophenetic", 2_000), |b| {
        b.iter(|| black_box(&tree).cophenetic(MemoryBudget::default()));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = brief();
    targets = trees, cuts
}
criterion_main!(benches);
