//! OPTICS: known answers, the reference plots, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::check_same_bits;
use proptest::prelude::*;
use purlin_cluster::{Clustering, CustomMetric, Metric, Optics, OpticsModel, ReachabilityPlot, Xi};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::strategies;
use serde_json::Value;

/// The definition: all distances, the least reachability by a look at all.
fn naive<T: Real>(
    x: MatrixView<'_, T>,
    metric: &Metric,
    min_samples: usize,
    max_eps: f64,
) -> ReachabilityPlot {
    let n = x.n_rows();
    let distance = |i: usize, j: usize| metric.distance(x.row(i), x.row(j)).to_f64();
    let core = |i: usize| {
        let mut all: Vec<f64> = (0..n).map(|j| distance(i, j)).collect();
        all.sort_by(f64::total_cmp);
        let core = all.get(min_samples - 1).copied().unwrap_or(f64::INFINITY);
        if core <= max_eps { core } else { f64::INFINITY }
    };
    let cores: Vec<f64> = (0..n).map(core).collect();
    let (mut reach, mut predecessor) = (vec![f64::INFINITY; n], vec![None; n]);
    let (mut left, mut ordering) = ((0..n).collect::<Vec<_>>(), Vec::new());
    while !left.is_empty() {
        let at =
            (0..left.len()).min_by(|&a, &b| reach[left[a]].total_cmp(&reach[left[b]])).unwrap();
        let i = left.remove(at);
        ordering.push(i);
        for &j in left.iter().filter(|_| cores[i] < f64::INFINITY) {
            let key = cores[i].max(distance(i, j));
            if distance(i, j) <= max_eps && key < reach[j] {
                (reach[j], predecessor[j]) = (key, Some(i));
            }
        }
    }
    ReachabilityPlot::from_parts(min_samples, ordering, reach, cores, predecessor).unwrap()
}

fn check<T: Real>(x: MatrixView<'_, T>, metric: &Metric, min_samples: usize, max_eps: f64) {
    let optics = Optics::new(min_samples).metric(metric.clone()).max_eps(max_eps);
    let (found, expected) = (optics.fit(x).unwrap(), naive(x, metric, min_samples, max_eps));
    assert_eq!(found.plot(), &expected, "{metric:?}, {min_samples}, {max_eps}");
}

/// Each step of a walk leads to one of the nearest, at its reachability: within `REPLAY_TOL`, for
/// the reference orders were found by distances that are rounded otherwise.
fn replay(place: &str, x: MatrixView<'_, f64>, plot: &ReachabilityPlot) {
    let n = x.n_rows();
    let distance = |i: usize, j: usize| Metric::Euclidean.distance(x.row(i), x.row(j));
    let is_close = |a: f64, b: f64| a == b || (a - b).abs() <= REPLAY_TOL;
    let mut reach = vec![f64::INFINITY; n];
    let mut is_done = vec![false; n];
    for &i in plot.ordering() {
        let least = (0..n).filter(|&j| !is_done[j]).map(|j| reach[j]).fold(f64::INFINITY, f64::min);
        assert!(is_close(reach[i], least), "{place}: {} instead of {least}", reach[i]);
        assert!(is_close(reach[i], plot.reachability()[i]), "{place}: sample {i}");
        match plot.predecessor()[i] {
            None => assert_eq!(reach[i], f64::INFINITY, "{place}: sample {i}"),
            Some(from) => {
                let key = plot.core_distances()[from].max(distance(from, i));
                assert!(is_done[from] && is_close(key, reach[i]), "{place}: sample {i}");
            }
        }
        is_done[i] = true;
        for j in (0..n).filter(|&j| !is_done[j]) {
            reach[j] = reach[j].min(plot.core_distances()[i].max(distance(i, j)));
        }
    }
}

const REPLAY_TOL: f64 = 1e-9;

fn numbers(value: &Value) -> Vec<f64> {
    let number = |x: &Value| x.as_f64().unwrap_or(f64::INFINITY); // null
    value.as_array().unwrap().iter().map(number).collect()
}

fn indices(value: &Value) -> Vec<Option<usize>> {
    numbers(value).into_iter().map(|i| (i >= 0.0).then_some(i as usize)).collect()
}

#[test]
fn reference_plots_are_valid_and_their_clusters_are_found_again() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let mut n_cases = 0;
    for (name, set) in sets {
        let rows: Vec<Vec<f64>> = set["X"].as_array().unwrap().iter().map(numbers).collect();
        let x = Matrix::from_row_slices(&rows).unwrap();
        for case in set["optics"].as_array().unwrap() {
            let min_samples = case["min_samples"].as_u64().unwrap() as usize;
            let place = format!("{name}, min_samples {min_samples}");
            let reference = ReachabilityPlot::from_parts(
                min_samples,
                indices(&case["ordering"]).into_iter().flatten().collect(),
                numbers(&case["reachability"]),
                numbers(&case["core_distances"]),
                indices(&case["predecessor"]),
            )
            .unwrap();
            replay(&place, x.view(), &reference);
            let xi = Xi::new(case["xi"].as_f64().unwrap());
            assert_eq!(
                reference.extract_xi(&xi).unwrap().labels,
                indices(&case["labels_xi"]),
                "{place}"
            );
            let cut = reference.extract_dbscan(case["cut_eps"].as_f64().unwrap()).unwrap();
            assert_eq!(cut, indices(&case["labels_cut"]), "{place}");

            let model = Optics::new(min_samples).fit(x.view()).unwrap();
            replay(&place, x.view(), model.plot());
            let cores = model.core_distances().iter().zip(reference.core_distances());
            for (core, expected) in cores {
                assert!((core - expected).abs() <= REPLAY_TOL, "{place}");
            }
            if name == "digits-120" {
                assert_eq!(model.ordering(), reference.ordering());
                assert_eq!(model.predecessor(), reference.predecessor());
                assert_eq!(model.labels(), indices(&case["labels_xi"]));
            }
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 26);
}

#[test]
fn samples_beyond_reach_begin_anew() {
    let x = Matrix::from_rows(&[[0.0], [50.0], [1.0], [51.0], [2.0], [99.0]]);
    let model = Optics::new(2).max_eps(5.0).fit(x.view()).unwrap();
    assert_eq!(model.ordering(), [0, 2, 4, 1, 3, 5]);
    let infinite = f64::INFINITY;
    assert_eq!(model.reachability(), [infinite, infinite, 1.0, 1.0, 1.0, infinite]);
    assert_eq!(model.core_distances(), [1.0, 1.0, 1.0, 1.0, 1.0, infinite]);
    assert_eq!(model.predecessor(), [None, None, Some(0), Some(1), Some(2), None]);
    let labels = [Some(0), Some(1), Some(0), Some(1), Some(0), None];
    assert_eq!(model.extract_dbscan(3.0).unwrap(), labels);
}

#[test]
fn few_and_equal_samples() {
    for metric in [Metric::Euclidean, Metric::Cosine] {
        check(Matrix::from_rows(&[[3.0f32, 4.0]]).view(), &metric, 2, f64::INFINITY);
        check(Matrix::from_rows(&[[3.0, 4.0], [1.0, 9.0]]).view(), &metric, 2, f64::INFINITY);
        check(Matrix::from_rows(&[[3.0, 4.0]; 70]).view(), &metric, 5, f64::INFINITY);
        check(Matrix::from_rows(&[[3.0, 4.0]; 70]).view(), &metric, 71, 1.0);
    }
    let model = Optics::default().fit(Matrix::from_rows(&[[1.0, 2.0]]).view()).unwrap();
    assert_eq!((model.labels(), model.n_clusters(), model.n_features()), (&[None][..], 0, 2));
    assert_eq!(Clustering::<f64>::labels(&model), [None]);
}

/// A sample on the way to the next group, reached from a sample before the group that it ends.
#[test]
fn the_predecessor_correction_moves_ends_back() {
    let x = blobs::<f64>(400, 2, 4);
    let plot = Optics::new(5).fit(x.view()).unwrap().plot().clone();
    let extract = |is_on| plot.extract_xi(&Xi::new(0.05).predecessor_correction(is_on)).unwrap();
    let ends_within = |interval: &std::ops::Range<usize>| {
        let members = &plot.ordering()[interval.clone()];
        let last = *members.last().unwrap();
        plot.reachability()[last] <= plot.reachability()[members[0]]
            || plot.predecessor()[last].is_some_and(|from| members.contains(&from))
    };
    let (corrected, raw) = (extract(true), extract(false));
    assert_eq!(Xi::default(), Xi::new(0.05).predecessor_correction(true));
    assert!(corrected.intervals.iter().all(ends_within));
    assert!(!raw.intervals.iter().all(ends_within));
}

#[test]
fn a_long_chain_is_walked() {
    let n = 1_000_000;
    let x = Matrix::from_fn(n, 1, |i, _| i as f64);
    let model = Optics::new(2).max_eps(1.5).fit(x.view()).unwrap();
    assert!(model.ordering().iter().copied().eq(0..n));
    assert!(model.reachability()[1..].iter().all(|&reach| reach == 1.0));
    assert_eq!(model.extract_dbscan(1.0).unwrap(), vec![Some(0); n]);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let text = |optics: Optics, x: MatrixView<'_, f64>| optics.fit(x).unwrap_err().to_string();
    let of = |optics: Optics| text(optics, x.view());
    assert_eq!(of(Optics::new(1)), "optics: min_samples must be at least 2, got 1");
    for (eps, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (-1.0, "-1")] {
        let expected = format!("optics: max_eps must be above 0, got {shown}");
        assert_eq!(of(Optics::new(2).max_eps(eps)), expected);
    }
    let minkowski = Optics::new(2).metric(Metric::Minkowski(0.5));
    assert_eq!(of(minkowski), "optics: p must be finite and at least 1, got 0.5");
    for (xi, shown) in [(0.0, "0"), (1.0, "1"), (f64::NAN, "NaN")] {
        let expected = format!("optics: xi must be above 0 and below 1, got {shown}");
        assert_eq!(of(Optics::new(2).xi(Xi::new(xi))), expected);
    }
    let small = Optics::new(2).xi(Xi::default().min_cluster_size(1));
    assert_eq!(of(small), "optics: min_cluster_size must be at least 2, got 1");
    let none = MatrixView::from_slice(&[], 0, 2).unwrap();
    assert_eq!(text(Optics::new(2), none), "optics: expected at least 1 samples, got 0");
    let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
    assert_eq!(text(Optics::new(2), none), "optics: expected x with at least 1 column, got 0");
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    let expected = "optics: x must be finite, got NaN at row 1, column 1";
    assert_eq!(text(Optics::new(2), nan.view()), expected);
    let signed = CustomMetric::new("signed", |a, b| a[0] - b[0]);
    let expected = "optics: distances must be at least 0, got -2";
    assert_eq!(of(Optics::new(2).metric(Metric::Custom(signed))), expected);
    let err = Optics::new(2).fit(x.view()).unwrap().extract_dbscan(f64::NAN).unwrap_err();
    assert_eq!(err.to_string(), "optics: eps must be finite and at least 0, got NaN");

    let parts = |ordering: &[usize], reach: &[f64], from: Option<usize>| {
        let (reach, cores) = (reach.to_vec(), vec![1.0; 2]);
        let plot =
            ReachabilityPlot::from_parts(2, ordering.to_vec(), reach, cores, vec![None, from]);
        plot.unwrap_err().to_string()
    };
    let expected = "optics: expected reachability of 2 samples, got 1";
    assert_eq!(parts(&[0, 1], &[1.0], None), expected);
    let expected = "optics: expected ordering with each sample below 2 once, got 1";
    assert_eq!(parts(&[1, 1], &[1.0; 2], None), expected);
    let expected = "optics: reachability must be at least 0, got NaN at 1";
    assert_eq!(parts(&[1, 0], &[1.0, f64::NAN], None), expected);
    let expected = "optics: predecessor must be below 2, got 2";
    assert_eq!(parts(&[1, 0], &[1.0; 2], Some(2)), expected);
}

fn blobs<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..10 * d).map(|_| rng.uniform_in(-10.0, 10.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % 10 * d + j] + rng.normal()))
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(3000, 2, 5), blobs::<f64>(1500, 3, 6));
    let run = || {
        let words = |model: OpticsModel| {
            (model.ordering().to_vec(), model.reachability().to_vec(), model.predecessor().to_vec())
        };
        let fit = |optics: Optics| words(optics.fit(x.view()).unwrap());
        let manhattan = Optics::new(5).metric(Metric::Manhattan);
        let cosine = Optics::new(5).metric(Metric::Cosine).max_eps(0.1);
        let wide = words(cosine.fit(y.view()).unwrap());
        (
            fit(Optics::new(5).max_eps(0.3)),
            fit(Optics::new(5)),
            words(manhattan.fit(y.view()).unwrap()),
            wide,
        )
    };
    check_same_bits(run);
}

/// Both ways to find neighbours, at a size where the rule can choose.
#[test]
fn the_tree_and_the_walk_along_all_find_what_the_definition_says() {
    let x = blobs::<f64>(1500, 2, 8);
    for max_eps in [0.2, 1.0, 8.0, 100.0] {
        check(x.view(), &Metric::Euclidean, 5, max_eps);
    }
    check(blobs::<f32>(1200, 3, 8).view(), &Metric::Chebyshev, 10, 0.7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_walk_is_that_of_the_definition(
        x in strategies::hostile_matrix(1usize..80, 1usize..6),
        pick in 0usize..10_000,
        min_samples in 2usize..8,
        metric in prop::sample::select(vec![
            Metric::Euclidean, Metric::Euclidean, Metric::SquaredEuclidean, Metric::Manhattan,
            Metric::Chebyshev, Metric::Cosine, Metric::Correlation, Metric::Minkowski(3.0),
        ]),
        scale in prop::sample::select(vec![f64::INFINITY, 1.0, 0.3]),
    ) {
        let n = x.n_rows();
        // With ties: one of the distances.
        let distance = metric.distance(x.row(pick % n), x.row(pick / n % n));
        let max_eps = scale * if distance > 0.0 { distance } else { 1e-9 };
        check(x.view(), &metric, min_samples, max_eps);
        check(x.view().cast::<f32>().view(), &metric, min_samples, max_eps);
    }

    /// A cut finds the cores of DBSCAN in its clusters, and its noise is not within reach of one.
    #[test]
    fn a_cut_is_dbscan_on_the_cores(
        x in strategies::hostile_matrix(2usize..60, 1usize..4), pick in 0usize..1000,
    ) {
        let n = x.n_rows();
        let distance = Metric::Euclidean.distance(x.row(pick % n), x.row(pick / n % n));
        let eps = if distance > 0.0 { distance } else { 1e-9 };
        let cut = Optics::new(3).fit(x.view()).unwrap().extract_dbscan(eps).unwrap();
        let dbscan = purlin_cluster::Dbscan::new(eps, 3).fit(x.view()).unwrap();
        let cores = dbscan.core_sample_indices();
        for &i in cores {
            for &j in cores {
                let together = dbscan.labels()[i] == dbscan.labels()[j];
                prop_assert_eq!(cut[i] == cut[j], together);
            }
            prop_assert!(cut[i].is_some());
        }
        prop_assert!((0..n).all(|i| dbscan.labels()[i].is_some() || cut[i].is_none()));
    }

    /// Powers of two scale all distances exactly.
    #[test]
    fn scaling_scales_the_plot(x in strategies::matrix(2usize..50, 1usize..4)) {
        let (one, four) = (
            Optics::new(3).fit(x.view()).unwrap(),
            Optics::new(3).fit(x.map(|x| 4.0 * x).view()).unwrap(),
        );
        prop_assert_eq!(one.ordering(), four.ordering());
        let scaled: Vec<f64> = one.reachability().iter().map(|x| 4.0 * x).collect();
        prop_assert_eq!(four.reachability(), scaled);
        prop_assert_eq!(one.labels(), four.labels());
    }
}
