//! Accelerated k-means: the bits of Lloyd's rounds, whatever is skipped.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{blobs, check_same_bits};
use proptest::prelude::*;
use purlin_cluster::{Algorithm, EmptyCluster, Init, KMeans, KMeansModel, MemoryBudget};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, check_same_bits_on_all_isas, strategies};
use serde_json::Value;

const ACCELERATED: [Algorithm; 4] =
    [Algorithm::Hamerly, Algorithm::Elkan, Algorithm::Yinyang, Algorithm::Exponion];

/// Everything of a model that is computed, but for the number of distances.
fn words<T: Real + Bits>(model: &KMeansModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.labels().iter().map(|&label| label as u64));
    words.extend([model.inertia().to_bits(), model.n_iter() as u64, model.stop_reason() as u64]);
    for round in model.trace() {
        words.extend([round.inertia.to_bits(), round.n_changed as u64]);
        words.extend([round.centroid_shift.to_bits(), round.n_relocated as u64]);
    }
    words
}

/// Whether each algorithm gives what Lloyd's gives; returns the distances that Lloyd's computes,
/// then those that the others do.
fn compare<T: Real + Bits>(
    kmeans: &KMeans,
    x: MatrixView<'_, T>,
    weights: Option<&[T]>,
    place: &str,
) -> Vec<u64> {
    let fit = |algorithm| {
        let kmeans = kmeans.clone().algorithm(algorithm).trace(true);
        match weights {
            Some(weights) => kmeans.fit_weighted(x, weights),
            None => kmeans.fit(x),
        }
    };
    let n_distances =
        |model: &KMeansModel<T>| model.trace().iter().map(|round| round.n_distances).sum();
    let lloyd = fit(Algorithm::Lloyd);
    let mut counts: Vec<u64> = lloyd.iter().map(n_distances).collect();
    for algorithm in ACCELERATED {
        let model = fit(algorithm);
        match (&lloyd, model) {
            (Ok(lloyd), Ok(model)) => {
                assert_eq!(model.algorithm(), algorithm);
                assert!(words(&model) == words(lloyd), "{algorithm:?} differs: {place}");
                counts.push(n_distances(&model));
            }
            (Err(lloyd), Err(err)) => assert_eq!(lloyd.to_string(), err.to_string(), "{place}"),
            (lloyd, model) => panic!("{place}, {algorithm:?}: {lloyd:?}, {model:?}"),
        }
    }
    counts
}

fn check_blobs<T: Real + Bits>() {
    for (n, d, k, std) in [
        (3000, 2, 20, 1.0),
        (3000, 2, 40, 6.0),
        (1500, 17, 33, 3.0),
        (900, 1, 7, 2.0),
        (2500, 9, 1, 2.0),
        (2000, 40, 18, 2.0),
        (400, 3, 150, 3.0),
    ] {
        let x = blobs::<T>(n, d, k, std, 7);
        let weights: Vec<T> = (0..n).map(|i| T::from_usize(i % 4)).collect();
        let start = Init::Centroids(x.view().row_range(0..k).to_matrix().cast());
        for kmeans in
            [KMeans::new(k).init(start).tol(0.0), KMeans::new(k).init(Init::Random).max_iter(9)]
        {
            for weights in [None, Some(&weights[..])] {
                let place = format!("({n}, {d}), k {k}, weights {}", weights.is_some());
                let counts = compare(&kmeans, x.view(), weights, &place);
                // Where many rounds are done among small blobs, bounds save something.
                if std == 1.0 && k == 20 {
                    assert!(counts[1..].iter().all(|&c| c < counts[0]), "{place}: {counts:?}");
                }
            }
        }
    }
}

#[test]
fn blobs_come_out_as_by_lloyd_in_single_precision() {
    check_blobs::<f32>();
}

#[test]
fn blobs_come_out_as_by_lloyd_in_double_precision() {
    check_blobs::<f64>();
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Matrix<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Matrix::from_row_slices(&rows).unwrap()
}

#[test]
fn reference_starts_come_out_as_by_lloyd() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let mut n_cases = 0;
    for (name, set) in sets {
        let x = matrix(&set["X"]);
        let single = x.cast::<f32>();
        for case in set["kmeans"].as_array().unwrap() {
            let k = case["k"].as_u64().unwrap() as usize;
            let start = Init::Centroids(matrix(&case["init"]));
            let kmeans = KMeans::new(k).init(start).tol(case["tol"].as_f64().unwrap());
            let weights = case.get("sample_weight").map(numbers);
            compare(&kmeans, x.view(), weights.as_deref(), name);
            compare::<f32>(&kmeans, single.view(), None, name);
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 185);
}

#[test]
fn a_centroid_far_away_leaves_the_bounds_right() {
    let x = blobs::<f64>(600, 3, 5, 1.0, 3);
    for far in [1e3, 1e155, 1e200] {
        let start = Matrix::from_fn(6, 3, |i, j| if i == 2 { far } else { x.row(i)[j] });
        for policy in [EmptyCluster::Farthest, EmptyCluster::Keep, EmptyCluster::Drop] {
            let kmeans = KMeans::new(6).init(Init::Centroids(start.clone())).tol(0.0);
            let place = format!("{far} {policy:?}");
            compare(&kmeans.empty_cluster(policy), x.view(), None, &place);
        }
    }
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(9000, 7, 40, 2.0, 5), blobs::<f64>(5000, 20, 20, 4.0, 6));
    for algorithm in ACCELERATED {
        let fit = || {
            let kmeans = KMeans::new(40).algorithm(algorithm).seed(3).trace(true).max_iter(12);
            let (x, y) = (kmeans.fit(x.view()).unwrap(), kmeans.fit(y.view()).unwrap());
            let counts: Vec<u64> = x.trace().iter().map(|round| round.n_distances).collect();
            (words(&x), words(&y), counts)
        };
        check_same_bits(fit);
    }
}

#[test]
fn bounds_that_do_not_fit_are_refused_with_their_bytes() {
    let x = blobs::<f32>(100, 2, 4, 1.0, 1);
    let kmeans = KMeans::new(4).memory(MemoryBudget::new(1000));
    let err = kmeans.clone().algorithm(Algorithm::Elkan).fit(x.view()).unwrap_err();
    // 100 upper and 400 lower bounds, 16 distances between centroids, a bundle of 16 by 2.
    let expected = "kmeans: the bounds of the algorithm needs 2192 bytes, allowed are 1000";
    assert_eq!(err.to_string(), expected);
    assert_eq!(
        kmeans.clone().algorithm(Algorithm::Lloyd).fit(x.view()).unwrap().labels().len(),
        100
    );
    // What is chosen for the caller keeps no bounds.
    assert_eq!(kmeans.algorithm(Algorithm::Auto).fit(x.view()).unwrap().labels().len(), 100);
}

#[test]
fn a_sample_that_leaves_takes_nothing_along() {
    // At first the far sample shares a cluster; then it is alone, and the others are as exact as if
    // it had never been there.
    let mut rows: Vec<[f64; 1]> = (0..40).map(|i| [f64::from(i) / 7.0]).collect();
    rows.push([1e40]);
    let x = Matrix::from_rows(&rows);
    let sum: f64 = rows[..40].iter().map(|row| row[0]).sum();
    for algorithm in [Algorithm::Lloyd].into_iter().chain(ACCELERATED) {
        let start = Init::Centroids(Matrix::from_rows(&[[-1e40], [1.0]]));
        let model = KMeans::new(2).init(start).algorithm(algorithm).fit(x.view()).unwrap();
        let near = model.centroids().row(model.labels()[0])[0];
        assert!((near - sum / 40.0).abs() < 1e-14, "{algorithm:?}: {near}");
        assert_eq!(model.centroids().row(model.labels()[40])[0], 1e40);
    }
}

#[test]
fn a_great_move_hides_no_small_ones() {
    // The last centroid has no sample, and comes from far away to the farthest.
    for seed in 0..4 {
        let rng = &mut Stream::new(seed, "rows").rng(0);
        let mut numbers: Vec<f64> = (0..3200).map(|_| 20.0 * rng.uniform() - 10.0).collect();
        numbers.sort_by(f64::total_cmp);
        let x = Matrix::from_vec(numbers, 3200, 1).unwrap();
        let start = [-9.0, -8.5, -8.0, -7.5, -7.0, 7e14];
        let start = Init::Centroids(Matrix::from_fn(6, 1, |i, _| start[i]));
        let kmeans = KMeans::new(6).init(start).tol(0.0);
        compare::<f64>(&kmeans, x.view(), None, "one by one");
        let model = kmeans.fit(x.view()).unwrap();
        assert_eq!(model.predict(x.view()).unwrap(), model.labels());
    }
}

#[test]
fn rounds_leave_out_what_cannot_change() {
    let x = blobs::<f32>(20_000, 8, 10, 4.0, 3);
    check_same_bits_on_all_isas(|| {
        let kmeans = KMeans::new(10).seed(1).tol(0.0).trace(true);
        let model = kmeans.fit(x.view()).unwrap();
        model.trace().iter().map(|round| round.n_distances).collect::<Vec<u64>>()
    });
    let model = KMeans::new(10).seed(1).tol(0.0).trace(true).fit(x.view()).unwrap();
    let counts: Vec<u64> = model.trace().iter().map(|round| round.n_distances).collect();
    assert_eq!(counts[0], 200_000);
    assert!(counts[counts.len() - 1] < 100_000, "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn hostile_tables_come_out_as_by_lloyd(
        x in strategies::hostile_matrix(5usize..60, 1usize..6),
        k in 1usize..20,
        policy in prop::sample::select(vec![
            EmptyCluster::Farthest, EmptyCluster::Keep, EmptyCluster::Drop, EmptyCluster::Error,
        ]),
        seed: u64,
    ) {
        let kmeans = KMeans::new(k).seed(seed).tol(0.0).max_iter(30).empty_cluster(policy);
        compare::<f64>(&kmeans, x.view(), None, "f64");
        let start = Init::Centroids(Matrix::from_fn(k, x.n_cols(), |i, j| x.row(i % x.n_rows())[j]));
        let given = kmeans.init(start);
        compare::<f64>(&given, x.view(), None, "f64, given");
        compare::<f32>(&given, x.view().cast().view(), None, "f32, given");
    }
}
