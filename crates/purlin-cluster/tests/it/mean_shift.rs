//! Mean shift: against scikit-learn and the definition, and what it must keep.

use crate::common::{check_same_bits, reference_sets};
use proptest::prelude::*;
use purlin_cluster::{MeanShift, MeanShiftModel, Metric, Seeding, estimate_bandwidth};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView};
use purlin_testkit::{reference, strategies};
use serde_json::Value;

const VALUES: &str = include_str!("reference/spectral_mean_shift.json");

fn labels(value: &Value) -> Vec<Option<usize>> {
    let label = |label: f64| (label >= 0.0).then_some(label as usize);
    reference::numbers(value).into_iter().map(label).collect()
}

#[test]
fn results_are_those_of_scikit_learn() {
    let Some(sets) = reference_sets() else {
        eprintln!("left out: PURLIN_DATA does not name the reference results");
        return;
    };
    let values: Value = serde_json::from_str(VALUES).unwrap();
    let mut n_cases = 0;
    for (name, set) in sets {
        let (n, d) = (set["n"].as_u64().unwrap() as usize, set["d"].as_u64().unwrap() as usize);
        let x = Matrix::from_vec(reference::numbers(&set["X"]), n, d).unwrap();
        for case in values["sets"][name]["mean_shift"].as_array().into_iter().flatten() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let place = format!("{name}, quantile {}, {}", case["quantile"], case["min_bin_freq"]);
            let bandwidth = estimate_bandwidth(x.view(), number("quantile"), None, 0).unwrap();
            assert!((bandwidth / number("bandwidth") - 1.0).abs() < 1e-13, "{place}");
            let seeding = match number("min_bin_freq") as usize {
                0 => Seeding::Samples,
                min_bin_freq => Seeding::Bins { min_bin_freq },
            };
            let model = MeanShift::new()
                .bandwidth(number("bandwidth"))
                .seeding(seeding)
                .cluster_all(case["cluster_all"].as_bool().unwrap())
                .fit(x.view())
                .unwrap();
            let centers = reference::numbers(&case["centers"]);
            assert_eq!(model.centers().to_vec().len(), centers.len(), "{place}");
            for (a, b) in model.centers().to_vec().iter().zip(&centers) {
                assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{place}: {a} {b}");
            }
            assert_eq!(model.labels(), labels(&case["labels"]), "{place}");
            assert_eq!(model.n_iter() as f64, number("n_iter"), "{place}");
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 27);
}

/// The mean of some rows by a sum without rounding.
fn mean(x: &Matrix<f64>, rows: &[usize], j: usize) -> f64 {
    // A sum of parts that do not overlap.
    let mut parts: Vec<f64> = Vec::new();
    for &i in rows {
        let mut term = x[(i, j)];
        let mut kept = Vec::new();
        for &part in &parts {
            let (large, small) = if term.abs() > part.abs() { (term, part) } else { (part, term) };
            let sum = large + small;
            let rest = small - (sum - large);
            if rest != 0.0 {
                kept.push(rest);
            }
            term = sum;
        }
        kept.push(term);
        parts = kept;
    }
    parts.iter().fold(0.0, |sum, part| sum + part) / rows.len() as f64
}

/// The definition.
fn naive(x: &Matrix<f64>, seeds: &Matrix<f64>, bandwidth: f64, max_iter: usize) -> Vec<Vec<f64>> {
    let within = |a: &[f64], b: &[f64]| Metric::Euclidean.distance(a, b) <= bandwidth;
    let mut ends: Vec<(usize, Vec<f64>)> = Vec::new();
    for seed in seeds.rows() {
        let (mut place, mut n_moves) = (seed.to_vec(), 0);
        loop {
            let near: Vec<usize> = (0..x.n_rows()).filter(|&i| within(&place, x.row(i))).collect();
            if near.is_empty() {
                break;
            }
            let new: Vec<f64> = (0..x.n_cols()).map(|j| mean(x, &near, j)).collect();
            let shift = Metric::Euclidean.distance(&new, &place);
            place = new;
            if shift <= 1e-3 * bandwidth || n_moves == max_iter {
                ends.push((near.len(), place));
                break;
            }
            n_moves += 1;
        }
    }
    ends.sort_by(|a, b| b.partial_cmp(a).expect("numbers"));
    let mut centers: Vec<Vec<f64>> = Vec::new();
    for (_, place) in ends {
        if !centers.iter().any(|center| within(center, &place)) {
            centers.push(place);
        }
    }
    centers
}

fn check(x: &Matrix<f64>, bandwidth: f64, seeds: Option<&Matrix<f64>>, max_iter: usize) {
    let mean_shift = MeanShift::new().bandwidth(bandwidth).max_iter(max_iter);
    let mean_shift = match seeds {
        None => mean_shift,
        Some(points) => mean_shift.seeding(Seeding::Points(points.clone())),
    };
    let expected = naive(x, seeds.unwrap_or(x), bandwidth, max_iter);
    let model = match mean_shift.fit(x.view()) {
        Ok(model) => model,
        Err(err) => {
            assert!(expected.is_empty(), "{err}");
            return;
        }
    };
    assert_eq!(model.centers().to_vec(), expected.concat(), "{x:?} {bandwidth}");
    let nearest = |row: &[f64]| {
        let distance = |c: &Vec<f64>| Metric::Euclidean.distance(row, c);
        let least = expected.iter().map(distance).fold(f64::INFINITY, f64::min);
        expected.iter().position(|c| distance(c) == least)
    };
    let labels: Vec<Option<usize>> = x.rows().map(nearest).collect();
    assert_eq!(model.labels(), labels);
    assert_eq!(model.predict(x.view()).expect("the samples themselves"), labels);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn centers_are_the_definitions(
        x in strategies::hostile_matrix(1usize..90, 1usize..5),
        pick in 0usize..10_000,
        scale in prop::sample::select(vec![1.0, 0.5, 0.1]),
        max_iter in prop::sample::select(vec![300, 1, 0]),
        n_seeds in 0usize..4,
    ) {
        let n = x.n_rows();
        // A distance that occurs, so that there are ties.
        let distance = Metric::Euclidean.distance(x.row(pick % n), x.row(pick / n % n));
        let bandwidth = scale * if distance > 0.0 { distance } else { 1.0 };
        let seeds = Matrix::from_fn(n_seeds, x.n_cols(), |i, j| x[(i % n, j)] + 0.3 * bandwidth);
        check(&x, bandwidth, (n_seeds > 0).then_some(&seeds), max_iter);
    }

    #[test]
    fn permuted_rows_have_the_same_centers(
        x in strategies::hostile_matrix(2usize..80, 1usize..4), seed: u64,
    ) {
        let order = Stream::new(seed, "order").rng(0).permutation(x.n_rows());
        let bandwidth = estimate_bandwidth(x.view(), 0.3, None, 0).unwrap();
        prop_assume!(bandwidth > 0.0);
        let mean_shift = MeanShift::new().bandwidth(bandwidth);
        let model = mean_shift.fit(x.view()).unwrap();
        let other = mean_shift.fit(x.view().select_rows(&order).view()).unwrap();
        prop_assert_eq!(other.centers().to_vec(), model.centers().to_vec());
        for (new, &old) in order.iter().enumerate() {
            prop_assert_eq!(other.labels()[new], model.labels()[old]);
        }
    }

    #[test]
    fn a_bandwidth_is_the_mean_distance_of_a_neighbor(
        x in strategies::matrix(1usize..60, 1usize..4), quantile in 0.0..1.0f64,
    ) {
        let n = x.n_rows();
        let k = ((n as f64 * quantile) as usize).max(1);
        let mut sum = 0.0;
        for row in x.rows() {
            let mut distances: Vec<f64> =
                x.rows().map(|other| Metric::Euclidean.distance(row, other)).collect();
            distances.sort_by(f64::total_cmp);
            sum += distances[k - 1];
        }
        let bandwidth = estimate_bandwidth(x.view(), quantile, None, 0).unwrap();
        prop_assert!((bandwidth - sum / n as f64).abs() <= 1e-13 * bandwidth);
    }
}

/// Six groups far apart.
fn blobs(n: usize, d: usize) -> Matrix<f64> {
    let mut rng = Stream::new(2, "blobs").rng(0);
    Matrix::from_fn(n, d, |i, j| 20.0 * ((i % 6 * (j + 1)) % 7) as f64 + rng.normal())
}

#[test]
fn many_samples_climb_as_the_definition_says() {
    check(&blobs(600, 2), 5.0, None, 300);
    check(&blobs(400, 3), 2.5, None, 300);
}

#[test]
fn bins_are_fewer_and_find_the_same_blobs() {
    let x = blobs(1200, 2);
    let mean_shift = MeanShift::new().bandwidth(6.0);
    let all = mean_shift.fit(x.view()).unwrap();
    let bins = mean_shift.clone().seeding(Seeding::Bins { min_bin_freq: 1 }).fit(x.view()).unwrap();
    assert_eq!(all.n_clusters(), 6);
    assert_eq!(bins.labels(), all.labels());
    let many = mean_shift.clone().seeding(Seeding::Bins { min_bin_freq: 5000 });
    let expected = "mean_shift: expected a sample within 6 of one of the 0 seeds, got none";
    assert_eq!(many.fit(x.view()).unwrap_err().to_string(), expected);
}

#[test]
fn orphans_have_no_cluster_where_that_is_asked_for() {
    let x = [[0.0], [0.5], [1.0], [9.0], [30.0]];
    let x = MatrixView::from_rows(&x);
    let seeds = Seeding::Points(Matrix::from_rows(&[[0.2], [9.5], [-100.0]]));
    let mean_shift = MeanShift::new().bandwidth(2.0).seeding(seeds);
    let model = mean_shift.fit(x).unwrap();
    assert_eq!(model.labels(), [0, 0, 0, 1, 1].map(Some));
    let model = mean_shift.cluster_all(false).fit(x).unwrap();
    assert_eq!(model.labels(), [Some(0), Some(0), Some(0), Some(1), None]);
    assert_eq!(model.predict(x).unwrap(), model.labels());
    assert_eq!(model.centers().to_vec(), [0.5, 9.0]);
}

#[test]
fn single_precision_climbs_in_double_precision() {
    let x = blobs(500, 2).cast::<f32>();
    let mean_shift = MeanShift::new().bandwidth(5.0);
    let single = mean_shift.fit(x.view()).unwrap();
    let double = mean_shift.fit(x.cast::<f64>().view()).unwrap();
    assert_eq!(single.labels(), double.labels());
    assert_eq!(single.centers().to_vec(), double.centers().cast::<f32>().as_slice());
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = blobs(1500, 3);
    let run = || {
        let words = |model: MeanShiftModel<f64>| {
            let labels: Vec<u64> =
                model.labels().iter().map(|label| label.unwrap_or(99) as u64).collect();
            (labels, model.centers().to_vec(), model.bandwidth())
        };
        let bins = MeanShift::new().seeding(Seeding::Bins { min_bin_freq: 2 });
        (
            words(MeanShift::new().bandwidth(4.0).fit(x.view()).unwrap()),
            words(bins.fit(x.view()).unwrap()),
        )
    };
    check_same_bits(run);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let text =
        |mean_shift: MeanShift, x: MatrixView<'_, f64>| mean_shift.fit(x).unwrap_err().to_string();
    let of = |mean_shift: MeanShift| text(mean_shift, x.view());
    for (bandwidth, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf")]
    {
        let expected = format!("mean_shift: bandwidth must be finite and above 0, got {shown}");
        assert_eq!(of(MeanShift::new().bandwidth(bandwidth)), expected);
    }
    let bins = MeanShift::new().bandwidth(1.0).seeding(Seeding::Bins { min_bin_freq: 0 });
    assert_eq!(of(bins), "mean_shift: min_bin_freq must be at least 1, got 0");
    let points = |points| MeanShift::new().bandwidth(1.0).seeding(Seeding::Points(points));
    let expected = "mean_shift: expected points with at least 1 row and 2 columns, got ";
    assert_eq!(of(points(Matrix::zeros(1, 3))), format!("{expected}(1, 3)"));
    assert_eq!(of(points(Matrix::zeros(0, 2))), format!("{expected}(0, 2)"));
    let expected = "mean_shift: points must be finite, got NaN at row 0, column 1";
    assert_eq!(of(points(Matrix::from_rows(&[[1.0, f64::NAN]]))), expected);
    let expected = "mean_shift: expected a sample within 1 of one of the 1 seeds, got none";
    assert_eq!(of(points(Matrix::from_rows(&[[1e6, 0.0]]))), expected);
    let equal = Matrix::from_rows(&[[1.0, 2.0]; 7]);
    let expected = "mean_shift: bandwidth must be above 0 (3 of 10 samples are in one place: set \
                    one), got 0";
    assert_eq!(text(MeanShift::new(), equal.view()), expected);
    assert_eq!(MeanShift::new().bandwidth(1.0).fit(equal.view()).unwrap().n_clusters(), 1);
    let none = MatrixView::from_slice(&[], 0, 2).unwrap();
    assert_eq!(text(MeanShift::new(), none), "mean_shift: expected at least 7 samples, got 0");
    let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
    let expected = "mean_shift: expected x with at least 1 column, got 0";
    assert_eq!(text(MeanShift::new(), none), expected);
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    let expected = "mean_shift: x must be finite, got NaN at row 1, column 1";
    assert_eq!(text(MeanShift::new().bandwidth(1.0), nan.view()), expected);
    let estimate =
        |quantile, n| estimate_bandwidth(x.view(), quantile, n, 0).unwrap_err().to_string();
    let expected = "mean_shift: quantile must be from 0 to 1, got 1.5";
    assert_eq!(estimate(1.5, None), expected);
    assert_eq!(estimate(0.3, Some(0)), "mean_shift: n_samples must be at least 1, got 0");
    let model = MeanShift::new().bandwidth(1.0).fit(x.view()).unwrap();
    let err = model.predict(MatrixView::from_rows(&[[1.0]])).unwrap_err();
    assert_eq!(err.to_string(), "mean_shift: expected x with 2 columns, got 1");
}

#[test]
fn a_sample_of_the_samples_gives_a_bandwidth_too() {
    let x = blobs(900, 2);
    let all = estimate_bandwidth(x.view(), 0.2, None, 0).unwrap();
    let some = estimate_bandwidth(x.view(), 0.2, Some(300), 7).unwrap();
    assert!((some / all - 1.0).abs() < 0.2, "{some} {all}");
    assert_eq!(some, estimate_bandwidth(x.view(), 0.2, Some(300), 7).unwrap());
    assert_eq!(all, estimate_bandwidth(x.view(), 0.2, Some(900), 7).unwrap());
}
