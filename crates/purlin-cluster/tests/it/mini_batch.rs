//! k-means by batches: known answers, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{blobs, check_same_bits, many_rows, model_unless, too_few_distinct};
use proptest::prelude::*;
use purlin_backend::distance::naive::nearest;
use purlin_cluster::{Init, KMeans, MiniBatchKMeans, MiniBatchModel};
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, naive, strategies};

/// Everything of a model that is computed.
fn words<T: Real + Bits>(model: &MiniBatchModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.labels().iter().map(|&label| label as u64));
    words.extend([model.inertia().to_bits(), model.n_steps() as u64]);
    words
}

/// One start may end in a poor optimum, as one start of k-means may (on such blobs a tenth of
/// either, and of scikit-learn's batches, is 10 % off or more): the best and the middle are held.
#[test]
fn the_inertia_is_close_to_that_of_all_samples() {
    for (n, d, k, std) in [(20_000, 8, 12, 3.0), (5000, 3, 5, 1.0), (3000, 20, 30, 4.0)] {
        let x = blobs::<f32>(n, d, k, std, 1);
        let whole = KMeans::new(k).n_init(3).fit(x.view()).unwrap().inertia();
        let ratio = |seed| {
            let model = MiniBatchKMeans::new(k).seed(seed).fit(x.view()).unwrap();
            model.inertia() / whole
        };
        let mut ratios: Vec<f64> = (0..9).map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        assert!(ratios[0] < 1.05, "({n}, {d}, {k}): {ratios:?}");
        assert!(ratios[4] < 1.1, "({n}, {d}, {k}): {ratios:?}");
    }
}

#[test]
fn separate_blobs_are_found() {
    let x = blobs::<f64>(3000, 3, 5, 0.5, 2);
    let model = MiniBatchKMeans::new(5).batch_size(200).fit(x.view()).unwrap();
    assert_eq!(model.cluster_sizes(), [600; 5]);
    assert!(model.converged());
    assert!(model.n_steps() >= 11, "{} steps", model.n_steps());
    assert!((0..3000).all(|i| model.labels()[i] == model.labels()[i % 5]));
}

/// Centroids given, a step for each batch, by hand.
#[test]
fn a_batch_moves_running_means() {
    let start = Init::Centroids(Matrix::from_rows(&[[0.0], [10.0]]));
    let by_batch = MiniBatchKMeans::new(2).init(start).reassignment_ratio(0.0);
    let mut state = by_batch.start(Matrix::from_rows(&[[1.0], [3.0], [9.0]]).view()).unwrap();
    assert_eq!(state.centroids().to_vec(), [2.0, 9.0]); // the given ones count for nothing
    state.partial_fit(Matrix::from_rows(&[[5.0], [12.0]]).view()).unwrap();
    assert_eq!(state.centroids().to_vec(), [3.0, 10.5]); // (1 + 3 + 5) / 3, (9 + 12) / 2
    state.partial_fit_weighted(Matrix::from_rows(&[[0.0], [0.5]]).view(), &[3.0, 0.0]).unwrap();
    assert_eq!(state.centroids().to_vec(), [1.5, 10.5]); // 9 / 6
    assert_eq!(state.n_steps(), 3);
    let model = state.finish();
    assert!(model.labels().is_empty());
    assert_eq!((model.inertia(), model.cluster_sizes()), (0.0, &[0, 0][..]));
    assert_eq!(model.predict(Matrix::from_rows(&[[6.0], [6.5]]).view()).unwrap(), [0, 1]);
    assert_eq!(model.score(Matrix::from_rows(&[[2.5], [9.5]]).view()).unwrap(), -2.0);
}

#[test]
fn a_lonely_centroid_is_moved_to_a_sample() {
    let start = Init::Centroids(Matrix::from_rows(&[[0.0], [1000.0]]));
    let x = Matrix::from_rows(&[[1.0], [2.0], [3.0], [4.0]]);
    let moved = MiniBatchKMeans::new(2).init(start.clone()).start(x.view()).unwrap();
    assert!((1.0..=4.0).contains(&moved.centroids().row(1)[0]));
    let kept = MiniBatchKMeans::new(2).init(start).reassignment_ratio(0.0);
    assert_eq!(kept.start(x.view()).unwrap().centroids().row(1), [1000.0]);
}

#[test]
fn steps_end_by_each_of_the_rules() {
    let x = blobs::<f64>(1000, 2, 4, 1.0, 3);
    let base = MiniBatchKMeans::new(4).batch_size(100).max_no_improvement(None);
    let all = base.clone().max_iter(3).fit(x.view()).unwrap();
    assert_eq!((all.n_steps(), all.converged()), (30, false));
    let still = base.clone().tol(1e3).fit(x.view()).unwrap();
    assert_eq!((still.n_steps(), still.converged()), (2, true));
    let tired = base.max_no_improvement(Some(1)).fit(x.view()).unwrap();
    assert!(tired.converged() && tired.n_steps() < 1000);
}

#[test]
fn a_sample_of_weight_0_is_never_drawn() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [10.0], [11.0], [1e6]]);
    let weights = [1.0, 1.0, 1.0, 1.0, 0.0];
    let model = MiniBatchKMeans::new(2).fit_weighted(x.view(), &weights).unwrap();
    assert!(model.centroids().to_vec().iter().all(|&c| c < 12.0), "{:?}", model.centroids());
    assert_ne!(model.labels()[0], model.labels()[2]);
}

#[test]
fn degenerate_tables_are_clustered() {
    let one = Matrix::from_rows(&[[3.0, 4.0]]);
    let model = MiniBatchKMeans::new(1).fit(one.view()).unwrap();
    assert_eq!((model.labels(), model.inertia()), (&[0][..], 0.0));
    // Two values, one of them rare: the samples drawn for the start may miss it.
    let rare = Matrix::from_fn(2000, 1, |i, _| if i == 1234 { 9.0 } else { 1.0 });
    let model = MiniBatchKMeans::new(2).batch_size(4).fit(rare.view()).unwrap();
    assert_eq!(model.n_clusters(), 2);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let new = MiniBatchKMeans::new;
    for (algorithm, expected) in [
        (new(1).batch_size(0), "batch_size must be at least 1, got 0"),
        (new(1).max_no_improvement(Some(0)), "max_no_improvement must be at least 1, got 0"),
        (
            new(1).reassignment_ratio(-0.5),
            "reassignment_ratio must be finite and at least 0, got -0.5",
        ),
        (new(1).reassignment_ratio(1.5), "reassignment_ratio must be at most 1, got 1.5"),
    ] {
        let err = algorithm.fit(x.view()).unwrap_err().to_string();
        assert_eq!(err, format!("mini_batch_kmeans: {expected}"));
    }
    let mut state = new(1).start(x.view()).unwrap();
    let before = state.clone();
    let narrow = state.partial_fit(MatrixView::from_rows(&[[1.0]])).unwrap_err().to_string();
    assert_eq!(narrow, "mini_batch_kmeans: expected x with 2 columns, got 1");
    let none = MatrixView::from_slice(&[], 0, 2).unwrap();
    let empty = state.partial_fit(none).unwrap_err().to_string();
    assert_eq!(empty, "mini_batch_kmeans: expected at least 1 samples, got 0");
    assert_eq!(state, before);
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = blobs::<f32>(many_rows(17), 17, 30, 4.0, 5);
    let y = blobs::<f64>(many_rows(5), 5, 4, 2.0, 6);
    let weights: Vec<f64> = (0..y.n_rows()).map(|i| (i % 3) as f64).collect();
    let fit = || {
        let x = MiniBatchKMeans::new(30).batch_size(x.n_rows()).max_iter(4).seed(3).fit(x.view());
        let y = MiniBatchKMeans::new(4).fit_weighted(y.view(), &weights);
        (words(&x.unwrap()), words(&y.unwrap()))
    };
    check_same_bits(fit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn labels_are_predicted_again_and_the_inertia_is_its_definition(
        x in strategies::hostile_matrix(3usize..40, 1usize..5),
        seed: u64,
    ) {
        let algorithm = MiniBatchKMeans::new(3).batch_size(7).max_iter(5).seed(seed);
        let refusal = too_few_distinct(x.view(), 3);
        let Some(model) = model_unless(refusal, algorithm.fit(x.view())) else { return Ok(()) };
        prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        prop_assert_eq!(-model.score(x.view()).unwrap(), model.inertia());
        let expected = naive::inertia(x.view(), model.labels(), model.centroids());
        prop_assert!((model.inertia() - expected).abs() <= 1e-9 * expected.max(1e-300));
    }

    /// Each centroid is the running mean of the samples that it was nearest to.
    #[test]
    fn a_stream_follows_the_definition(
        x in strategies::hostile_matrix(3usize..60, 1usize..5),
        batch_size in 3usize..20,
    ) {
        let d = x.n_cols();
        let most = x.as_slice().iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        let mut centroids = x.view().row_range(0..3).to_matrix();
        let (start, mut counts) = (Init::Centroids(centroids.clone()), [0.0; 3]);
        let algorithm = MiniBatchKMeans::new(3).init(start).reassignment_ratio(0.0);
        let mut state = None;
        for first in (0..x.n_rows()).step_by(batch_size) {
            let batch = x.view().row_range(first..x.n_rows().min(first + batch_size));
            match &mut state {
                None => state = Some(algorithm.start(batch).unwrap()),
                Some(state) => state.partial_fit(batch).unwrap(),
            }
            let mut labels = vec![0; batch.n_rows()];
            nearest(batch, centroids.view(), &mut labels);
            for (c, count) in counts.iter_mut().enumerate() {
                let members = || batch.rows().zip(&labels).filter(|(_, label)| **label == c as u32);
                let n = *count + members().count() as f64;
                for j in (0..d).filter(|_| n > *count) {
                    let column: Vec<f64> = members().map(|(row, _)| row[j]).collect();
                    let value = &mut centroids.row_mut(c)[j];
                    *value = (*value * *count + naive::sum(&column)) / n;
                }
                *count = n;
            }
            let found = state.as_ref().map(|state| state.centroids().to_vec()).unwrap_or_default();
            for (got, expected) in found.iter().zip(centroids.as_slice()) {
                prop_assert!((got - expected).abs() <= 1e-15 * most, "{got:e} {expected:e}");
            }
        }
    }

    /// In a stream, a weight of w is w samples in one place.
    #[test]
    fn a_weight_is_so_many_copies(
        x in strategies::matrix(3usize..20, 1usize..4),
        weights in prop::collection::vec(1usize..4, 20),
    ) {
        let n = x.n_rows();
        let start = Init::Centroids(x.view().row_range(0..3).to_matrix());
        let algorithm = MiniBatchKMeans::new(3).init(start).reassignment_ratio(0.0);
        let copies: Vec<usize> = (0..n).flat_map(|i| vec![i; weights[i]]).collect();
        let many = algorithm.start(x.view().select_rows(&copies).view()).unwrap();
        let weights: Vec<f64> = weights[..n].iter().map(|&w| w as f64).collect();
        let one = algorithm.start_weighted(x.view(), &weights).unwrap();
        for (a, b) in one.centroids().to_vec().iter().zip(many.centroids().to_vec()) {
            prop_assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0));
        }
    }
}
