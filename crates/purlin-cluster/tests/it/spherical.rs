//! k-means of directions: known answers, the rounds by definition, the doors that stay shut, the
//! laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{check_same_bits, many_rows, model_unless, n_distinct};
use proptest::prelude::*;
use purlin_cluster::{
    EmptyCluster, Init, Metric, SphericalKMeans, SphericalModel, StopReason, metrics,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, strategies, three_groups};

/// Everything of a model that is computed.
fn words<T: Real + Bits>(model: &SphericalModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.labels().to_words());
    words.extend([model.objective().to_bits(), model.n_iter() as u64]);
    words
}

/// Directions around `k` of them, each row with a length of its own.
fn cones<T: Real>(n: usize, d: usize, k: usize, std: f64, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "cones").rng(0);
    let centers: Vec<f64> = (0..k * d).map(|_| rng.normal()).collect();
    let lengths: Vec<f64> = (0..n).map(|_| rng.uniform_in(0.1, 50.0)).collect();
    Matrix::from_fn(n, d, |i, j| {
        T::from_f64(lengths[i] * (centers[i % k * d + j] + std * rng.normal()))
    })
}

fn unit(row: &[f64]) -> Vec<f64> {
    let most = row.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let row: Vec<f64> = row.iter().map(|value| value / most).collect();
    let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
    row.iter().map(|value| value / length).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The objective by its definition.
fn objective(x: MatrixView<'_, f64>, model: &SphericalModel<f64>) -> f64 {
    let terms = x.rows().zip(model.labels());
    terms.map(|(row, &label)| 1.0 - dot(&unit(row), model.centroids().row(label))).sum()
}

/// Rounds by definition until no label changes: the labels, or nothing when a cluster has none.
fn naive_rounds(x: MatrixView<'_, f64>, first: &Matrix<f64>) -> Option<Vec<usize>> {
    let rows: Vec<Vec<f64>> = x.rows().map(unit).collect();
    let mut centroids: Vec<Vec<f64>> = first.rows().map(unit).collect();
    let mut labels = vec![usize::MAX; rows.len()];
    loop {
        let closest = |row: &Vec<f64>| {
            let cosines: Vec<f64> = centroids.iter().map(|centroid| dot(row, centroid)).collect();
            (0..cosines.len()).rev().max_by(|&a, &b| cosines[a].total_cmp(&cosines[b]))
        };
        let next: Vec<usize> = rows.iter().map(closest).collect::<Option<_>>()?;
        if next == labels {
            return Some(labels);
        }
        labels = next;
        for (c, centroid) in centroids.iter_mut().enumerate() {
            let mut sum = vec![0.0; x.n_cols()];
            for row in
                rows.iter().zip(&labels).filter(|(_, label)| **label == c).map(|(row, _)| row)
            {
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            if sum.iter().all(|&sum| sum == 0.0) {
                return None;
            }
            *centroid = unit(&sum);
        }
    }
}

#[test]
fn the_length_of_a_row_plays_no_part() {
    let x = Matrix::from_rows(&[[3.0, 0.0], [0.0, 0.5]]);
    let one = SphericalKMeans::new(1).fit(x.view()).unwrap();
    let half = 0.5f64.sqrt();
    for value in one.centroids().row(0) {
        assert!((value - half).abs() <= 1e-15);
    }
    assert!((one.objective() - 2.0 * (1.0 - half)).abs() <= 1e-15);
    let two = SphericalKMeans::new(2).fit(x.view()).unwrap();
    assert_eq!(two.objective(), 0.0);
    assert_eq!(two.cluster_sizes(), [1, 1]);
    assert_eq!(two.centroids().row(two.labels()[0]), [1.0, 0.0]);
    assert!(two.converged());
}

/// Sixty degrees on each side: by hand.
#[test]
fn weights_pull_the_direction() {
    let x = Matrix::from_rows(&[[4.0, 0.0], [0.0, 9.0]]);
    let model = SphericalKMeans::new(1).fit_weighted(x.view(), &[3.0, 4.0]).unwrap();
    assert_eq!(model.centroids().row(0), [0.6, 0.8]);
    // 3 (1 - 0.6) + 4 (1 - 0.8)
    assert!((model.objective() - 2.0).abs() <= 1e-14);
    let far = model.transform(MatrixView::from_rows(&[[-6.0, -8.0], [8.0, -6.0]])).unwrap();
    assert!((far[(0, 0)] - 2.0).abs() <= 1e-15 && (far[(1, 0)] - 1.0).abs() <= 1e-15);
    let score = model.score(x.view()).unwrap();
    assert!((score + 0.4 + 0.2).abs() <= 1e-15);
}

#[test]
fn every_start_finds_separate_directions() {
    let x = cones::<f32>(600, 8, 4, 0.1, 1);
    for init in [
        Init::PlusPlus { n_local_trials: None },
        Init::Parallel { rounds: 3, oversampling: 2.0 },
        Init::Random,
    ] {
        let model = SphericalKMeans::new(4).init(init.clone()).n_init(8).fit(x.view()).unwrap();
        assert_eq!(model.cluster_sizes(), [150; 4], "{init:?}");
        assert!((0..600).all(|i| model.labels()[i] == model.labels()[i % 4]));
    }
}

/// The least objective of 60 starts of the rounds of Dhillon and Modha in NumPy, and the adjusted
/// Rand index of its clusters with the species.
#[test]
fn iris_by_direction_is_as_in_numpy() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let set = sets.into_iter().find(|(name, _)| *name == "iris").unwrap().1;
    let rows: Vec<Vec<f64>> = serde_json::from_value(set["X"].clone()).unwrap();
    let x = Matrix::from_row_slices(&rows).unwrap();
    let model = SphericalKMeans::new(3).n_init(10).tol(0.0).fit(x.view()).unwrap();
    assert!((model.objective() - 0.161_428_720_476_7).abs() <= 1e-12, "{}", model.objective());
    let species: Vec<usize> = (0..150).map(|i| i / 50).collect();
    let agreement = metrics::adjusted_rand(&species, model.labels()).unwrap();
    assert!((agreement - 0.903_874_2).abs() <= 1e-6, "{agreement}");
}

#[test]
fn an_empty_cluster_follows_the_policy() {
    let x = Matrix::from_rows(&[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.5]]);
    let start = Init::Centroids(Matrix::from_rows(&[[1.0, 0.0], [-1.0, 0.0]]));
    let by = |policy| SphericalKMeans::new(2).init(start.clone()).empty_cluster(policy);
    let farthest = by(EmptyCluster::Farthest).fit(x.view()).unwrap();
    assert_ne!(farthest.labels()[0], farthest.labels()[3]);
    let kept = by(EmptyCluster::Keep).fit(x.view()).unwrap();
    assert_eq!((kept.cluster_sizes(), kept.centroids().row(1)), (&[4, 0][..], &[-1.0, 0.0][..]));
    let dropped = by(EmptyCluster::Drop).fit(x.view()).unwrap();
    assert_eq!((dropped.n_clusters(), dropped.labels()), (1, &[0; 4][..]));
    assert_eq!(
        by(EmptyCluster::Error).fit(x.view()).unwrap_err().to_string(),
        "spherical_kmeans: samples must be kept by every cluster (see empty_cluster), got none in \
         cluster 1"
    );
}

/// Two opposite rows have no direction in common.
#[test]
fn a_cluster_that_adds_up_to_0_counts_as_empty() {
    let x = Matrix::from_rows(&[[2.0, 0.0], [-5.0, 0.0]]);
    let start = Init::Centroids(Matrix::from_rows(&[[0.0, 1.0]]));
    let by = |policy| SphericalKMeans::new(1).init(start.clone()).empty_cluster(policy);
    let moved = by(EmptyCluster::Farthest).max_iter(5).fit(x.view()).unwrap();
    assert_eq!(moved.objective(), 2.0);
    let kept = by(EmptyCluster::Keep).fit(x.view()).unwrap();
    assert_eq!(kept.centroids().row(0), [0.0, 1.0]);
    assert_eq!((kept.objective(), kept.stop_reason()), (2.0, StopReason::CentroidsWithinTol));
    assert_eq!(
        by(EmptyCluster::Error).fit(x.view()).unwrap_err().to_string(),
        "spherical_kmeans: samples must be kept by every cluster (see empty_cluster), got a sum of 0 \
         in cluster 0"
    );
}

#[test]
fn a_row_times_a_power_of_2_has_the_same_bits() {
    let x = cones::<f64>(500, 6, 5, 0.5, 2);
    let half_to = |n: usize| (0..n).fold(1.0, |power, _| power / 2.0);
    let scaled = Matrix::from_fn(500, 6, |i, j| x[(i, j)] / half_to(300) * half_to(i * 37 % 900));
    let fit = |x: &Matrix<f64>| words(&SphericalKMeans::new(5).n_init(2).fit(x.view()).unwrap());
    assert_eq!(fit(&x), fit(&scaled));
    let (x, scaled) = (x.cast::<f32>(), x.map(|v| v * 2f64.powi(60)).cast::<f32>());
    let fit = |x: &Matrix<f32>| words(&SphericalKMeans::new(5).fit(x.view()).unwrap());
    assert_eq!(fit(&x), fit(&scaled));
}

#[test]
fn lengths_and_turns_leave_the_partition() {
    let x = three_groups::<f64>(300, 3);
    let labels = |x: &Matrix<f64>| SphericalKMeans::new(3).fit(x.view()).unwrap().labels().to_vec();
    let expected = labels(&x);
    let scaled = Matrix::from_fn(300, 3, |i, j| x[(i, j)] * (0.013 + 7.7 * i as f64));
    assert_eq!(metrics::adjusted_rand(&expected, &labels(&scaled)).unwrap(), 1.0);
    let turned = Matrix::from_fn(300, 3, |i, j| match j {
        0 => 0.6 * x[(i, 0)] - 0.8 * x[(i, 1)],
        1 => 0.8 * x[(i, 0)] + 0.6 * x[(i, 1)],
        _ => x[(i, j)],
    });
    assert_eq!(metrics::adjusted_rand(&expected, &labels(&turned)).unwrap(), 1.0);
}

#[test]
fn rows_without_a_direction_are_refused_with_their_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let new = SphericalKMeans::new;
    let given = |rows: &[[f64; 2]]| {
        let init = Init::Centroids(Matrix::from_rows(rows));
        new(1).init(init).fit(x.view()).unwrap_err().to_string()
    };
    assert_eq!(given(&[[1.0, 0.0]; 2]), "spherical_kmeans: expected centroids (1, 2), got (2, 2)");
    assert_eq!(
        given(&[[0.0, 0.0]]),
        "spherical_kmeans: centroids must be made of rows longer than 0, got a length of 0 at row 0"
    );
    assert_eq!(
        given(&[[0.0, f64::NAN]]),
        "spherical_kmeans: centroids must be finite, got NaN at row 0, column 1"
    );
    let parallel = MatrixView::from_rows(&[[1.0, 1.0], [2.0, 2.0], [0.0, 1.0]]);
    assert_eq!(
        new(3).fit(parallel).unwrap_err().to_string(),
        "spherical_kmeans: expected at least 3 distinct samples, got 2"
    );
    let zero = MatrixView::from_rows(&[[0.0, 1.0], [0.0, -0.0]]);
    let model = new(2).fit(x.view()).unwrap();
    for err in [
        new(1).fit(zero).unwrap_err(),
        model.predict(zero).unwrap_err(),
        model.transform(zero).unwrap_err(),
        model.score(zero).unwrap_err(),
    ] {
        assert_eq!(
            err.to_string(),
            "spherical_kmeans: x must be made of rows longer than 0, got a length of 0 at row 1"
        );
    }
}

/// Numbers whose squares are none of the type.
#[test]
fn rows_of_any_length_have_a_direction() {
    let rows = [[3e300, 4e300], [3e-320, 4e-320], [-4e200, 3e200], [-4e-310, 3e-310]];
    let model = SphericalKMeans::new(2).fit(MatrixView::from_rows(&rows)).unwrap();
    assert_eq!(model.labels()[0], model.labels()[1]);
    assert_eq!(model.labels()[2], model.labels()[3]);
    assert!(model.objective() <= 1e-6);
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = cones::<f32>(many_rows(17), 17, 30, 0.8, 5);
    let y = cones::<f64>(many_rows(5), 5, 4, 0.6, 6);
    let weights: Vec<f64> = (0..y.n_rows()).map(|i| (i % 3) as f64).collect();
    let fit = || {
        let x = SphericalKMeans::new(70).max_iter(12).seed(3).fit(x.view()).unwrap();
        let y = SphericalKMeans::new(4).n_init(3).fit_weighted(y.view(), &weights).unwrap();
        (words(&x), words(&y))
    };
    check_same_bits(fit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn labels_are_predicted_again_and_the_objective_is_its_definition(
        x in strategies::hostile_matrix(3usize..40, 1usize..5),
        seed: u64,
        max_iter in 1usize..30,
    ) {
        let algorithm = SphericalKMeans::new(3).max_iter(max_iter).tol(0.0).seed(seed);
        let fitted = algorithm.fit(x.view());
        let refusal = if x.rows().any(|row| row.iter().all(|&value| value == 0.0)) {
            Some("rows longer than 0")
        } else {
            // Rounding may tell parallel rows apart.
            let is_apart = |a: &[f64], b: &[f64]| {
                Metric::Euclidean.distance(&unit(a), &unit(b)) > 1e-12
            };
            let is_due = fitted.is_err() && n_distinct(x.view(), is_apart) < 3;
            is_due.then_some("distinct samples, got")
        };
        let Some(model) = model_unless(refusal, fitted) else { return Ok(()) };
        prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        let expected = objective(x.view(), &model);
        prop_assert!((model.objective() - expected).abs() <= 1e-12 * x.n_rows() as f64);
        let cosines = model.transform(x.view()).unwrap().map(|distance| 1.0 - distance);
        for (row, &label) in cosines.rows().zip(model.labels()) {
            prop_assert!(row.iter().all(|&cosine| cosine <= row[label] + 1e-14));
        }
        for (c, centroid) in model.centroids().rows().enumerate() {
            prop_assert!((dot(centroid, centroid) - 1.0).abs() <= 1e-14);
            let members: Vec<Vec<f64>> = (0..x.n_rows())
                .filter(|&i| model.labels()[i] == c && model.stop_reason() == StopReason::LabelsStable)
                .map(|i| unit(x.row(i)))
                .collect();
            let sum: Vec<f64> =
                (0..x.n_cols()).map(|j| members.iter().map(|row| row[j]).sum()).collect();
            let length = dot(&sum, &sum).sqrt();
            for (sum, value) in sum.iter().zip(centroid) {
                prop_assert!((sum - length * value).abs() <= 1e-13 * x.n_rows() as f64);
            }
        }
    }

    #[test]
    fn rounds_are_those_of_the_definition(
        n in 10usize..80,
        d in 2usize..6,
        k in 1usize..5,
        seed: u64,
    ) {
        let x = cones::<f64>(n, d, 3, 0.7, seed);
        let first = x.view().row_range(0..k).to_matrix();
        let Some(expected) = naive_rounds(x.view(), &first) else { return Ok(()) };
        let algorithm = SphericalKMeans::new(k).init(Init::Centroids(first)).tol(0.0);
        let model = algorithm.fit(x.view()).unwrap();
        prop_assert_eq!(model.labels(), expected);
        prop_assert!((model.objective() - objective(x.view(), &model)).abs() <= 1e-12 * n as f64);
        prop_assert_eq!(model.stop_reason(), StopReason::LabelsStable);
    }

    #[test]
    fn more_rounds_never_make_it_worse(n in 10usize..80, seed: u64) {
        let x = cones::<f64>(n, 3, 4, 1.0, seed);
        let mut before = f64::INFINITY;
        for max_iter in 1..8 {
            let algorithm = SphericalKMeans::new(4).tol(0.0).max_iter(max_iter);
            let now = algorithm.fit(x.view()).unwrap().objective();
            prop_assert!(now <= before + 1e-12, "{} after {}", now, before);
            before = now;
        }
    }
}
