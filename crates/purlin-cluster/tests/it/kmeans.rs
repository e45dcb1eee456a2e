//! k-means: known answers, the reference results, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use purlin_cluster::{EmptyCluster, Error, Init, KMeans, KMeansModel, StopReason};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{
    Bits, check_same_bits_on_all_isas, check_same_bits_on_threads, naive, strategies,
};
use serde_json::Value;

/// Everything of a model that is computed.
fn words<T: Real + Bits>(model: &KMeansModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.labels().iter().map(|&label| label as u64));
    words.extend([model.inertia().to_bits(), model.n_iter() as u64]);
    words
}

fn blobs<T: Real>(n: usize, d: usize, k: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..k * d).map(|_| rng.uniform_in(-10.0, 10.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % k * d + j] + rng.normal()))
}

#[test]
fn two_far_blobs_are_told_apart() {
    let x = Matrix::from_rows(&[[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]);
    let model = KMeans::new(2).seed(1).fit(x.view()).unwrap();
    assert_eq!(model.inertia(), 1.0); // by hand: four samples, each 1/2 away
    assert_eq!(model.labels()[0], model.labels()[1]);
    assert_eq!(model.cluster_sizes(), [2, 2]);
    assert!(model.converged());
    assert_eq!(model.score(x.view()).unwrap(), -1.0);
}

/// Lloyd from given starts: labels, rounds, centroids and inertia as scikit-learn gives them.
#[test]
fn reference_runs_are_met() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let mut n_cases = 0;
    for (name, set) in sets {
        let x = matrix(&set["X"]);
        for case in set["kmeans"].as_array().unwrap() {
            let k = case["k"].as_u64().unwrap() as usize;
            let start = Init::Centroids(matrix(&case["init"]));
            let kmeans = KMeans::new(k)
                .init(start)
                .tol(case["tol"].as_f64().unwrap())
                .max_iter(case["max_iter"].as_u64().unwrap() as usize);
            let model = match case.get("sample_weight") {
                Some(weights) => kmeans.fit_weighted(x.view(), &numbers(weights)),
                None => kmeans.fit(x.view()),
            };
            let model = model.unwrap();
            let place = format!("{name}, k = {k}, {}, tol {}", case["init_kind"], case["tol"]);
            let labels: Vec<usize> =
                numbers(&case["labels"]).into_iter().map(|label| label as usize).collect();
            assert_eq!(model.labels(), labels, "{place}");
            assert_eq!(model.n_iter() as u64, case["n_iter"].as_u64().unwrap(), "{place}");
            let close =
                |got: f64, expected: f64| (got - expected).abs() <= 1e-12 * expected.abs().max(1.0);
            assert!(close(model.inertia(), case["inertia"].as_f64().unwrap()), "{place}");
            let expected = matrix(&case["centroids"]);
            for (got, &expected) in model.centroids().to_vec().iter().zip(expected.as_slice()) {
                assert!(close(*got, expected), "{place}: centroid {got}, expected {expected}");
            }
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 185);
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Matrix<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Matrix::from_row_slices(&rows).unwrap()
}

#[test]
fn every_start_finds_separate_blobs() {
    let x = blobs::<f32>(300, 3, 5, 1);
    let starts = [
        Init::PlusPlus { n_local_trials: None },
        Init::PlusPlus { n_local_trials: Some(1) },
        Init::Parallel { rounds: 5, oversampling: 2.0 },
        Init::Parallel { rounds: 1, oversampling: 0.01 }, // fewer candidates than clusters
        Init::Random,
    ];
    for init in starts {
        let model = KMeans::new(5).init(init.clone()).n_init(8).fit(x.view()).unwrap();
        assert!(model.inertia() < 1.1 * 300.0 * 3.0, "{init:?}: {}", model.inertia());
        let mut sizes = model.cluster_sizes().to_vec();
        sizes.sort_unstable();
        assert_eq!(sizes, [60; 5], "{init:?}");
    }
}

#[test]
fn an_empty_cluster_follows_the_policy() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [10.0], [30.0]]);
    let start = Init::Centroids(Matrix::from_rows(&[[5.0], [-100.0]]));
    let kmeans = KMeans::new(2).init(start);
    let farthest = kmeans.clone().fit(x.view()).unwrap();
    assert_eq!(farthest.labels(), [0, 0, 0, 1]); // 30 was the farthest
    let keep = kmeans.clone().empty_cluster(EmptyCluster::Keep).fit(x.view()).unwrap();
    assert_eq!(keep.cluster_sizes(), [4, 0]);
    assert_eq!(keep.centroids().row(1), [-100.0]);
    let drop = kmeans.clone().empty_cluster(EmptyCluster::Drop).fit(x.view()).unwrap();
    assert_eq!((drop.n_clusters(), drop.cluster_sizes()), (1, &[4][..]));
    let err = kmeans.empty_cluster(EmptyCluster::Error).fit(x.view()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "kmeans: samples must be kept by every cluster (see empty_cluster), got none in cluster 1"
    );
}

#[test]
fn the_trace_tells_what_each_round_did() {
    let x = blobs::<f64>(200, 2, 4, 3);
    let model = KMeans::new(4).init(Init::Random).trace(true).tol(0.0).fit(x.view()).unwrap();
    let trace = model.trace();
    assert_eq!(trace.len(), model.n_iter());
    assert_eq!(trace[0].n_changed, 200);
    assert!(trace.windows(2).all(|pair| pair[1].inertia <= pair[0].inertia));
    assert_eq!(model.stop_reason(), StopReason::LabelsStable);
    assert_eq!(trace.last().unwrap().n_changed, 0);
    assert_eq!(trace.last().unwrap().inertia, model.inertia());
    let cut = KMeans::new(4).init(Init::Random).max_iter(1).fit(x.view()).unwrap();
    assert_eq!((cut.stop_reason(), cut.converged()), (StopReason::MaxIter, false));
    assert_eq!(cut.predict(x.view()).unwrap(), cut.labels());
    assert!(cut.trace().is_empty());
}

#[test]
fn starts_side_by_side_come_out_as_in_smaller_company() {
    let mut n_fewer = 0;
    for seed in 0..6 {
        let x = blobs::<f32>(1500, 12, 6, seed);
        let kmeans = KMeans::new(9).seed(seed);
        let all = kmeans.clone().n_init(7).fit(x.view()).unwrap();
        let fewer = kmeans.n_init(all.best_init() + 1).fit(x.view()).unwrap();
        assert_eq!(words(&all), words(&fewer));
        n_fewer += usize::from(all.best_init() < 6);
    }
    assert!(n_fewer > 0);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let text = |kmeans: KMeans, x: MatrixView<'_, f64>| kmeans.fit(x).unwrap_err().to_string();
    let of = |kmeans: KMeans| text(kmeans, x.view());
    assert_eq!(of(KMeans::new(0)), "kmeans: n_clusters must be at least 1, got 0");
    assert_eq!(of(KMeans::new(3)), "kmeans: expected at least 3 samples, got 2");
    assert_eq!(of(KMeans::new(1).n_init(0)), "kmeans: n_init must be at least 1, got 0");
    assert_eq!(of(KMeans::new(1).max_iter(0)), "kmeans: max_iter must be at least 1, got 0");
    let tol = "kmeans: tol must be finite and at least 0, got NaN";
    assert_eq!(of(KMeans::new(1).tol(f64::NAN)), tol);
    let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
    assert_eq!(text(KMeans::new(1), none), "kmeans: expected x with at least 1 column, got 0");
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    assert_eq!(
        text(KMeans::new(1), nan.view()),
        "kmeans: x must be finite, got NaN at row 1, column 1"
    );
    let equal = Matrix::from_rows(&[[1.0, 2.0]; 5]);
    for init in [Init::Random, Init::PlusPlus { n_local_trials: None }] {
        assert_eq!(
            text(KMeans::new(2).init(init), equal.view()),
            "kmeans: expected at least 2 distinct samples, got 1"
        );
    }
    let given = Init::Centroids(Matrix::from_rows(&[[1.0]]));
    assert_eq!(
        of(KMeans::new(1).init(given.clone())),
        "kmeans: expected centroids (1, 2), got (1, 1)"
    );
    assert_eq!(
        of(KMeans::new(1).init(given).n_init(2)),
        "kmeans: n_init must be 1 where the centroids are given, got 2"
    );
    let huge = Matrix::from_rows(&[[0.0], [0.0], [1e200]]);
    assert_eq!(
        text(KMeans::new(1), huge.view()),
        "kmeans: x must be small enough that squared distances are finite in f64, got 1e200 at row 2"
    );
    let weighted =
        |weights: &[f64]| KMeans::new(1).fit_weighted(x.view(), weights).unwrap_err().to_string();
    assert_eq!(weighted(&[1.0]), "kmeans: expected sample_weight of 2 samples, got 1");
    assert_eq!(
        weighted(&[1.0, -1.0]),
        "kmeans: sample_weight must be finite and at least 0, got -1 at index 1"
    );
    assert_eq!(
        weighted(&[0.0, 0.0]),
        "kmeans: sample_weight must be above 0 for at least 1 sample, got 0"
    );
    let model = KMeans::new(1).fit(x.view()).unwrap();
    let err = model.predict(MatrixView::from_rows(&[[1.0]])).unwrap_err();
    assert!(matches!(err, Error::Shape { .. }));
    assert_eq!(err.to_string(), "kmeans: expected x with 2 columns, got 1");
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(9000, 7, 6, 5), blobs::<f64>(5000, 5, 4, 6));
    for init in [
        Init::PlusPlus { n_local_trials: None },
        Init::Parallel { rounds: 3, oversampling: 2.0 },
        Init::Random,
    ] {
        let fit = || {
            let kmeans = KMeans::new(6).init(init.clone()).seed(3);
            let (x, y) = (kmeans.fit(x.view()).unwrap(), kmeans.fit(y.view()).unwrap());
            let transformed = x.transform(x.centroids()).unwrap().into_vec();
            (words(&x), words(&y), transformed)
        };
        check_same_bits_on_threads(fit);
        check_same_bits_on_all_isas(fit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inertia_agrees_with_its_definition(x in strategies::matrix(2usize..30, 1usize..5), seed: u64) {
        let Ok(model) = KMeans::new(2).seed(seed).fit(x.view()) else { return Ok(()) };
        let expected = naive::inertia(x.view(), model.labels(), model.centroids());
        prop_assert!((model.inertia() - expected).abs() <= 1e-9 * expected.max(1.0));
        prop_assert_eq!(-model.score(x.view()).unwrap(), model.inertia());
    }

    #[test]
    fn labels_are_predicted_again(x in strategies::matrix(3usize..40, 1usize..5), seed: u64, max_iter in 1usize..6) {
        let Ok(model) = KMeans::new(3).seed(seed).max_iter(max_iter).fit(x.view()) else { return Ok(()) };
        prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
    }

    /// From given centroids, a weight of w is w samples in one place.
    #[test]
    fn a_weight_is_so_many_copies(
        x in strategies::matrix(3usize..20, 1usize..4),
        weights in prop::collection::vec(1usize..4, 20),
    ) {
        let start = Init::Centroids(x.view().row_range(0..3).to_matrix());
        let kmeans = KMeans::new(3).init(start).empty_cluster(EmptyCluster::Keep).max_iter(20);
        let n = x.n_rows();
        let copies: Vec<usize> = (0..n).flat_map(|i| vec![i; weights[i]]).collect();
        let many = kmeans.fit(x.view().select_rows(&copies).view()).unwrap();
        let weights: Vec<f64> = weights[..n].iter().map(|&w| w as f64).collect();
        let one = kmeans.fit_weighted(x.view(), &weights).unwrap();
        prop_assert!((one.inertia() - many.inertia()).abs() <= 1e-9 * many.inertia().max(1.0));
        for (i, &row) in copies.iter().enumerate() {
            prop_assert_eq!(many.labels()[i], one.labels()[row]);
        }
    }
}
