//! Rounds that skip samples beside Lloyd's rounds.

use super::halves::{End, Halves, Samples};
use crate::kmeans::is_reversible;
use crate::{EmptyCluster, Init, KMeans};
use proptest::prelude::*;
use purlin_core::rng::Stream;
use purlin_core::{Matrix, Real};
use purlin_testkit::strategies;

/// The same labels and centroids as Lloyd's rounds from these two rows of `x`.
fn check<T: Real>(x: &Matrix<T>, rows: [usize; 2], weights: Option<&[T]>, max_iter: usize) {
    let first = x.view().select_rows(&rows);
    let lloyd = KMeans::new(2)
        .init(Init::Centroids(first.cast()))
        .tol(0.0)
        .max_iter(max_iter)
        .empty_cluster(EmptyCluster::Error);
    let lloyd = match weights {
        Some(weights) => lloyd.fit_weighted(x.view(), weights),
        None => lloyd.fit(x.view()),
    };
    let is_reversible = is_reversible(x.view(), weights);
    let samples = Samples { x: x.view(), weights, is_reversible };
    let halves = Halves::find(samples, first, End { max_iter, shift: 0.0 });
    let (Ok(lloyd), Some(halves)) = (lloyd, halves) else { return };
    let labels: Vec<usize> = halves.labels.iter().map(|&label| label as usize).collect();
    assert_eq!(labels, lloyd.labels());
    assert_eq!(halves.converged, lloyd.converged());
    assert_eq!(halves.centroids.as_slice(), lloyd.centroids().to_vec());
}

fn cloud<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "cloud").rng(0);
    Matrix::from_fn(n, d, |i, _| T::from_f64(rng.normal() + (i % 5) as f64))
}

#[test]
fn skipped_samples_would_have_kept_their_label() {
    for (n, d, seed) in [(9000, 1, 1), (9000, 3, 2), (5000, 17, 3)] {
        let weights: Vec<f64> = (0..n).map(|i| [1.0, 0.0, 2.5, 0.25][i % 4]).collect();
        for max_iter in [1, 2, 5, 300] {
            check(&cloud::<f64>(n, d, seed), [0, 1], None, max_iter);
            check(&cloud::<f64>(n, d, seed), [0, 2], Some(&weights), max_iter);
            check(&cloud::<f32>(n, d, seed), [0, 1], None, max_iter);
        }
    }
}

proptest! {
    #[test]
    fn labels_are_those_of_lloyd(x in strategies::hostile_matrix(2usize..60, 1usize..5)) {
        check(&x, [0, x.n_rows() - 1], None, 300);
    }
}
