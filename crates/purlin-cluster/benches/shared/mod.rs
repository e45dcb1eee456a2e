//! Tables and timing that the benchmarks share.

use criterion::Criterion;
use purlin_backend::random::{fill_normal, fill_uniform};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, Real};
use std::time::Duration;

/// `n_clusters` blobs of standard deviation 1 in a box of half width 10, a row from each in turn.
pub(crate) fn blobs<T: Real>(n_samples: usize, n_features: usize, n_clusters: usize) -> Matrix<T> {
    let stream = Stream::new(42, "bench");
    let mut centers = vec![T::ZERO; n_clusters * n_features];
    fill_uniform(&stream, 0, -10.0, 10.0, &mut centers);
    let mut noise = vec![T::ZERO; n_samples * n_features];
    fill_normal(&stream, 1, 0.0, 1.0, &mut noise);
    Matrix::from_fn(n_samples, n_features, |i, j| {
        centers[i % n_clusters * n_features + j] + noise[i * n_features + j]
    })
}

/// A second or two for each benchmark.
pub(crate) fn brief() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}
