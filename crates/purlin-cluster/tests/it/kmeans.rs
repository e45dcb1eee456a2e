//! k-means: known answers, the reference results, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{blobs, check_same_bits, many_rows, model_unless, too_few_distinct};
use proptest::prelude::*;
use purlin_backend::distance::naive::nearest;
use purlin_cluster::{EmptyCluster, Init, KMeans, KMeansModel, StopReason};
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, naive, strategies};
use serde_json::Value;

/// Everything of a model that is computed.
fn words<T: Real + Bits>(model: &KMeansModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.labels().iter().map(|&label| label as u64));
    words.extend([model.inertia().to_bits(), model.n_iter() as u64]);
    words
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
            let inertia = case["inertia"].as_f64().unwrap();
            assert!((model.inertia() - inertia).abs() <= 1e-12 * inertia, "{place}");
            // A mean near 0 is what is left of numbers of the size of the table.
            let most = x.as_slice().iter().fold(0.0, |most: f64, v| most.max(v.abs())).min(1.0);
            let close = |got: f64, expected: f64| {
                (got - expected).abs() <= 1e-12 * expected.abs().max(most)
            };
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
    let x = blobs::<f32>(300, 3, 5, 1.0, 1);
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
    let x = blobs::<f64>(200, 2, 4, 1.0, 3);
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
        let x = blobs::<f32>(1500, 12, 6, 1.0, seed);
        let kmeans = KMeans::new(9).seed(seed);
        let all = kmeans.clone().n_init(7).fit(x.view()).unwrap();
        let fewer = kmeans.n_init(all.best_init() + 1).fit(x.view()).unwrap();
        assert_eq!(words(&all), words(&fewer));
        n_fewer += usize::from(all.best_init() < 6);
    }
    assert!(n_fewer > 0);
}

#[test]
fn too_few_distinct_samples_and_too_large_ones_are_refused() {
    let text = |kmeans: KMeans, x: MatrixView<'_, f64>| kmeans.fit(x).unwrap_err().to_string();
    let equal = MatrixView::from_rows(&[[1.0, 2.0]; 5]);
    for init in [Init::Random, Init::Parallel { rounds: 3, oversampling: 2.0 }] {
        assert_eq!(
            text(KMeans::new(2).init(init), equal),
            "kmeans: expected at least 2 distinct samples, got 1"
        );
    }
    let huge = MatrixView::from_rows(&[[0.0], [0.0], [1e200]]);
    assert_eq!(
        text(KMeans::new(1), huge),
        "kmeans: x must be small enough that squared distances are finite in f64, got 1e200 at row 2"
    );
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    // Bounds for each sample where centroids are many, else for some samples together.
    let x = blobs::<f32>(many_rows(7), 7, 6, 4.0, 5);
    let y = blobs::<f64>(many_rows(64), 64, 16, 12.0, 5);
    for init in [
        Init::PlusPlus { n_local_trials: None },
        Init::Parallel { rounds: 3, oversampling: 2.0 },
        Init::Random,
    ] {
        check_same_bits(|| {
            let kmeans = |k| KMeans::new(k).init(init.clone()).seed(3).tol(0.0).max_iter(30);
            let x = kmeans(6).trace(true).fit(x.view()).unwrap();
            let y = kmeans(16).trace(true).fit(y.view()).unwrap();
            assert!(skips(&x) && skips(&y), "no bounds were kept");
            (words(&x), words(&y), x.transform(x.centroids()).unwrap().into_vec())
        });
    }
}

/// Whether a round left out distances.
fn skips<T: Real>(model: &KMeansModel<T>) -> bool {
    let all = (model.labels().len() * model.n_clusters()) as u64;
    model.trace().iter().any(|round| round.n_distances < all)
}

/// Lloyd's rounds by the definition until no label changes; a cluster without samples stays where
/// it is.
fn naive_lloyd<T: Real>(x: MatrixView<'_, T>, mut centroids: Matrix<T>) -> (Vec<u32>, Matrix<T>) {
    let mut labels = vec![u32::MAX; x.n_rows()];
    loop {
        let before = labels.clone();
        nearest(x, centroids.view(), &mut labels);
        if labels == before {
            return (labels, centroids);
        }
        for c in 0..centroids.n_rows() {
            let members: Vec<usize> =
                (0..labels.len()).filter(|&i| labels[i] == c as u32).collect();
            for j in (0..x.n_cols()).filter(|_| !members.is_empty()) {
                let column: Vec<T> = members.iter().map(|&i| x.row(i)[j]).collect();
                let mean = naive::sum(&column) / members.len() as f64;
                centroids.row_mut(c)[j] = T::from_f64(mean);
            }
        }
    }
}

fn check_lloyd<T: Real>(x: MatrixView<'_, T>, k: usize) {
    let first = Matrix::from_fn(k, x.n_cols(), |c, j| x.row(c * x.n_rows() / k)[j]);
    let kmeans = KMeans::new(k).init(Init::Centroids(first.cast())).tol(0.0);
    let model = kmeans.empty_cluster(EmptyCluster::Keep).fit(x).unwrap();
    let (labels, centroids) = naive_lloyd(x, first);
    assert!(model.labels().iter().zip(&labels).all(|(&a, &b)| a == b as usize));
    for (got, expected) in model.centroids().to_vec().iter().zip(centroids.as_slice()) {
        let (got, expected) = (got.to_f64(), expected.to_f64());
        let tolerance = 2.0 * T::EPSILON.to_f64() * expected.abs();
        assert!((got - expected).abs() <= tolerance, "{got:e}, expected {expected:e}");
    }
    // The inertia of numbers in single precision is that of their distances in it.
    let expected = naive::inertia(x, model.labels(), centroids.view());
    let tolerance = 1e3 * T::EPSILON.to_f64() * expected;
    assert!((model.inertia() - expected).abs() <= tolerance, "{} {expected}", model.inertia());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rounds_are_those_of_the_definition(
        x in strategies::hostile_matrix(1usize..60, 1usize..6),
        k in 1usize..9,
    ) {
        let k = k.min(x.n_rows());
        check_lloyd(x.view(), k);
        check_lloyd(x.view().cast::<f32>().view(), k);
    }

    #[test]
    fn labels_are_predicted_again_and_the_inertia_is_its_definition(
        x in strategies::hostile_matrix(3usize..40, 1usize..5),
        seed: u64,
        max_iter in 1usize..6,
    ) {
        let fitted = KMeans::new(3).seed(seed).max_iter(max_iter).fit(x.view());
        let Some(model) = model_unless(too_few_distinct(x.view(), 3), fitted) else { return Ok(()) };
        prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        prop_assert_eq!(-model.score(x.view()).unwrap(), model.inertia());
        let expected = naive::inertia(x.view(), model.labels(), model.centroids());
        prop_assert!((model.inertia() - expected).abs() <= 1e-9 * expected.max(1e-300));
    }

    /// From given centroids, a weight of w is w samples in one place.
    #[test]
    fn a_weight_is_so_many_copies(
        x in strategies::hostile_matrix(3usize..20, 1usize..4),
        weights in prop::collection::vec(1usize..4, 20),
    ) {
        let start = Init::Centroids(x.view().row_range(0..3).to_matrix());
        let kmeans = KMeans::new(3).init(start).empty_cluster(EmptyCluster::Keep).max_iter(20);
        let n = x.n_rows();
        let copies: Vec<usize> = (0..n).flat_map(|i| vec![i; weights[i]]).collect();
        let many = kmeans.fit(x.view().select_rows(&copies).view()).unwrap();
        let weights: Vec<f64> = weights[..n].iter().map(|&w| w as f64).collect();
        let one = kmeans.fit_weighted(x.view(), &weights).unwrap();
        prop_assert!((one.inertia() - many.inertia()).abs() <= 1e-9 * many.inertia().max(1e-300));
        let most = x.as_slice().iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        prop_assert_eq!(-one.score_weighted(x.view(), &weights).unwrap(), one.inertia());
        for (a, b) in one.centroids().to_vec().iter().zip(many.centroids().to_vec()) {
            prop_assert!((a - b).abs() <= 1e-15 * most, "{a:e} {b:e}");
        }
        for (i, &row) in copies.iter().enumerate() {
            prop_assert_eq!(many.labels()[i], one.labels()[row]);
        }
    }
}
