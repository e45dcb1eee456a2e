//! Scores: the reference values, limits by hand, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{check_same_bits, many_rows, model_unless};
use proptest::prelude::*;
use purlin_cluster::metrics::{self, Average};
use purlin_cluster::{CustomMetric, Metric};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{reference, strategies};
use serde_json::Value;

const AVERAGES: [(&str, Average); 4] = [
    ("min", Average::Min),
    ("geometric", Average::Geometric),
    ("arithmetic", Average::Arithmetic),
    ("max", Average::Max),
];

/// Both sides compute in double precision, by sums of at most 600 terms or pairs of rows; the
/// difference of a score is some hundred units in the last place, and less than this for an
/// expected value by logarithms of factorials.
const REFERENCE_TOL: f64 = 1e-10;

#[test]
fn reference_scores_are_met() {
    let mut n_cases = 0;
    let Some(sets) = crate::common::reference_sets() else { return };
    for (name, set) in sets {
        let x = table(&set);
        let truth = integers(&set["reference_labels"]);
        for case in set["metrics"].as_array().unwrap() {
            let place = format!("{name}, {}", case["labels_from"]);
            let labels = integers(&case["labels"]);
            against_reference(&place, &case["against_reference"], &truth, &labels);
            internal(&place, case, x.view(), &labels);
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 74);
}

fn against_reference(place: &str, expected: &Value, truth: &[i64], labels: &[i64]) {
    let close = |key: &str, got: purlin_cluster::Result<f64>| {
        let place = format!("{place}: {key}");
        close(&place, got.unwrap(), expected[key].as_f64().unwrap());
    };
    close("rand", metrics::rand(truth, labels));
    close("adjusted_rand", metrics::adjusted_rand(truth, labels));
    close("mutual_info_nats", metrics::mutual_info(truth, labels));
    let arithmetic = Average::Arithmetic;
    close("normalized_mutual_info", metrics::normalized_mutual_info(truth, labels, arithmetic));
    close("adjusted_mutual_info", metrics::adjusted_mutual_info(truth, labels, arithmetic));
    close("homogeneity", metrics::homogeneity(truth, labels));
    close("completeness", metrics::completeness(truth, labels));
    close("v_measure", metrics::v_measure(truth, labels, 1.0));
    close("fowlkes_mallows", metrics::fowlkes_mallows(truth, labels));
    for (key, average) in AVERAGES {
        let expected = &expected["normalized_mutual_info_by_average"][key];
        let got = metrics::normalized_mutual_info(truth, labels, average).unwrap();
        self::close(&format!("{place}: {key}"), got, expected.as_f64().unwrap());
    }
    let table = metrics::contingency(truth, labels).unwrap();
    let rows = table.to_rows();
    assert_eq!(table.row_sums(), rows.iter().map(|row| row.iter().sum()).collect::<Vec<u64>>());
    let column = |j: usize| rows.iter().map(|row| row[j]).sum::<u64>();
    assert_eq!(table.column_sums(), (0..table.n_columns()).map(column).collect::<Vec<_>>());
    assert_eq!(serde_json::to_value(rows).unwrap(), expected["contingency"], "{place}");
}

fn internal(place: &str, case: &Value, x: MatrixView<'_, f64>, labels: &[i64]) {
    let expected = |of: &str, key: &str| case[of][key].as_f64().unwrap();
    assert_eq!(case["internal"]["silhouette_metric"], "euclidean");
    let euclidean = metrics::silhouette(x, labels, &Metric::Euclidean).unwrap();
    close(place, euclidean, expected("internal", "silhouette"));
    let place = &format!("{place}: index");
    let got = metrics::davies_bouldin(x, labels).unwrap();
    close(place, got, expected("internal", "davies_bouldin"));
    let got = metrics::calinski_harabasz(x, labels).unwrap();
    close(place, got, expected("internal", "calinski_harabasz"));
    if case.get("internal_cityblock").is_some() {
        let got = metrics::silhouette(x, labels, &Metric::Manhattan).unwrap();
        close(place, got, expected("internal_cityblock", "silhouette"));
    }
    if let Some(samples) = case.get("silhouette_samples") {
        let got = metrics::silhouette_samples(x, labels, &Metric::Euclidean).unwrap();
        let samples = reference::numbers(samples);
        assert_eq!(got.len(), samples.len(), "{place}");
        for (i, (got, expected)) in got.into_iter().zip(samples).enumerate() {
            close(&format!("{place}, sample {i}"), got, expected);
        }
    }
}

#[track_caller]
fn close(place: &str, got: f64, expected: f64) {
    let tolerance = REFERENCE_TOL * expected.abs().max(1.0);
    assert!((got - expected).abs() <= tolerance, "{place}: {got}, expected {expected}");
}

fn table(set: &Value) -> Matrix<f64> {
    let (n, d) = (set["n"].as_u64().unwrap(), set["d"].as_u64().unwrap());
    Matrix::from_vec(reference::numbers(&set["X"]), n as usize, d as usize).unwrap()
}

fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect()
}

/// One class, a class for each sample, and both at once, as scikit-learn has them.
#[test]
fn limits_of_labels_are_those_of_the_field() {
    let (one, each) = ([0, 0, 0], [0, 1, 2]);
    let scores = |a: &[i32], b: &[i32]| {
        let nmi = metrics::normalized_mutual_info(a, b, Average::Min).unwrap();
        let ami = metrics::adjusted_mutual_info(a, b, Average::Arithmetic).unwrap();
        [
            metrics::rand(a, b).unwrap(),
            metrics::adjusted_rand(a, b).unwrap(),
            metrics::fowlkes_mallows(a, b).unwrap(),
            metrics::mutual_info(a, b).unwrap(),
            nmi,
            ami,
            metrics::homogeneity(a, b).unwrap(),
            metrics::completeness(a, b).unwrap(),
            metrics::v_measure(a, b, 1.0).unwrap(),
        ]
    };
    let ln_3 = scores(&each, &each)[3];
    assert!((ln_3 - 1.098_612_288_668_109_8).abs() < 1e-15);
    assert_eq!(scores(&one, &one), [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(scores(&each, &each), [1.0, 1.0, 0.0, ln_3, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(scores(&one, &each), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(scores(&each, &one), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(scores(&[4], &[7]), [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn limits_of_tables_are_those_of_the_field() {
    let x = |rows: &[[f64; 1]]| Matrix::from_rows(rows);
    let equal = x(&[[0.1]; 4]);
    let labels = [0, 0, 0, 1];
    let euclidean = Metric::Euclidean;
    assert_eq!(metrics::silhouette(equal.view(), &labels, &euclidean).unwrap(), 0.0);
    assert_eq!(metrics::davies_bouldin(equal.view(), &labels).unwrap(), 0.0);
    assert_eq!(metrics::calinski_harabasz(equal.view(), &labels).unwrap(), 1.0);
    assert_eq!(metrics::dunn(equal.view(), &labels, &euclidean).unwrap(), 0.0);
    let places = x(&[[0.1], [0.1], [0.1], [0.7]]);
    assert_eq!(metrics::silhouette(places.view(), &labels, &euclidean).unwrap(), 0.75);
    assert_eq!(metrics::davies_bouldin(places.view(), &labels).unwrap(), 0.0);
    assert_eq!(metrics::calinski_harabasz(places.view(), &labels).unwrap(), 1.0);
    assert_eq!(metrics::dunn(places.view(), &labels, &euclidean).unwrap(), f64::INFINITY);
    // Rings around one centre: their centroids differ by rounding alone.
    let rings = x(&[[-0.1], [0.0], [0.1], [-0.3], [0.0], [0.3]]);
    assert_eq!(metrics::davies_bouldin(rings.view(), &[0, 0, 0, 1, 1, 1]).unwrap(), 0.0);
}

#[test]
fn a_noise_label_is_one_more_cluster() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [5.0], [6.0], [9.0]]);
    let (some, named) = ([Some(3), Some(3), Some(1), Some(1), None], [0, 0, 1, 1, 2]);
    let score = |metric: &Metric| {
        let a = metrics::silhouette_samples(x.view(), &some, metric).unwrap();
        assert_eq!(a, metrics::silhouette_samples(x.view(), &named, metric).unwrap());
        a
    };
    assert_eq!(score(&Metric::Euclidean), score(&Metric::Chebyshev));
    assert_eq!(metrics::adjusted_rand(&some, &named).unwrap(), 1.0);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let text = |result: purlin_cluster::Result<f64>| result.unwrap_err().to_string();
    let (two, three) = ([0, 1], [0, 1, 2]);
    assert_eq!(
        text(metrics::adjusted_rand(&two, &three)),
        "adjusted_rand: expected labels_pred of 2 samples, got 3"
    );
    let none: [usize; 0] = [];
    assert_eq!(text(metrics::purity(&none, &none)), "purity: expected at least 1 samples, got 0");
    for (beta, value) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let expected = format!("v_measure: beta must be finite and at least 0, got {value}");
        assert_eq!(text(metrics::v_measure(&two, &two, beta)), expected);
    }
    let x = Matrix::from_rows(&[[0.0], [1.0], [2.0], [3.0]]);
    let silhouette = |x: MatrixView<'_, f64>, labels: &[i32]| {
        text(metrics::silhouette(x, labels, &Metric::Euclidean))
    };
    let sized = |labels: &[i32]| silhouette(x.view(), labels);
    assert_eq!(sized(&[0, 0, 0, 0]), "silhouette: expected 2..=3 labels, got 1");
    assert_eq!(sized(&[0, 1, 2, 3]), "silhouette: expected 2..=3 labels, got 4");
    assert_eq!(sized(&[0, 1]), "silhouette: expected labels of 4 samples, got 2");
    let small = MatrixView::from_rows(&[[1.0], [2.0]]);
    assert_eq!(silhouette(small, &two), "silhouette: expected at least 3 samples, got 2");
    let nan = MatrixView::from_rows(&[[1.0], [f64::NAN], [2.0]]);
    let at = "x must be finite, got NaN at row 1, column 0";
    let labels = [0, 0, 1];
    assert_eq!(silhouette(nan, &labels), format!("silhouette: {at}"));
    assert_eq!(text(metrics::davies_bouldin(nan, &labels)), format!("davies_bouldin: {at}"));
    assert_eq!(text(metrics::calinski_harabasz(nan, &labels)), format!("calinski_harabasz: {at}"));
    assert_eq!(text(metrics::dunn(nan, &labels, &Metric::Cosine)), format!("dunn: {at}"));
    let labels = [0, 0, 1, 1];
    assert_eq!(
        text(metrics::dunn(x.view(), &labels, &Metric::Minkowski(0.5))),
        "dunn: p must be finite and at least 1, got 0.5"
    );
    let broken = Metric::Custom(CustomMetric::new("broken", |a, b| 1.0 / (a[0] + b[0] - 3.0)));
    assert_eq!(
        text(metrics::silhouette(x.view(), &labels, &broken)),
        "silhouette: distances must be finite, got inf between rows 0 and 3"
    );
}

/// Numbers whose squares leave the range are scored in another unit.
#[test]
fn the_unit_of_the_table_changes_no_bit() {
    fn check<T: Real>(steps: [i32; 2]) {
        let (x, labels) = random::<T>(50, 3);
        for step in steps {
            let unit = T::from_f64(2f64.powi(step));
            let scaled = x.map(|x| x * unit);
            let scores = |x: MatrixView<'_, T>| {
                let silhouette = metrics::silhouette(x, &labels, &Metric::Euclidean).unwrap();
                let dunn = metrics::dunn(x, &labels, &Metric::Euclidean).unwrap();
                let centroids = metrics::davies_bouldin(x, &labels).unwrap();
                [silhouette, dunn, centroids, metrics::calinski_harabasz(x, &labels).unwrap()]
            };
            assert_eq!(scores(scaled.view()), scores(x.view()), "2^{step}");
        }
    }
    check::<f64>([-900, 900]);
    check::<f32>([-90, 90]);
}

/// Samples around three centres, and labels that mostly tell them.
fn random<T: Real>(n: usize, d: usize) -> (Matrix<T>, Vec<usize>) {
    let mut rng = Stream::new(1, "samples").rng(0);
    let x = Matrix::from_fn(n, d, |i, _| T::from_f64(rng.normal() + (i % 3) as f64));
    (x, (0..n).map(|i| if i % 7 == 0 { 1 } else { i % 3 }).collect())
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (single, labels) = random::<f32>(700, 5);
    let (double, _) = random::<f64>(700, 5);
    let ((large, labels_of_large), (wide, _)) =
        (random::<f32>(many_rows(5), 5), random::<f64>(many_rows(5), 5));
    let score = || {
        let of = |metric: Metric| {
            let single = metrics::silhouette_samples(single.view(), &labels, &metric).unwrap();
            let double = metrics::silhouette_samples(double.view(), &labels, &metric).unwrap();
            (single, double)
        };
        let gaps = [
            metrics::dunn(single.view(), &labels, &Metric::Euclidean).unwrap(),
            metrics::dunn(double.view(), &labels, &Metric::Euclidean).unwrap(),
            metrics::dunn(double.view(), &labels, &Metric::Chebyshev).unwrap(),
            metrics::davies_bouldin(wide.view(), &labels_of_large).unwrap(),
            metrics::calinski_harabasz(wide.view(), &labels_of_large).unwrap(),
            metrics::simplified_silhouette(large.view(), &labels_of_large).unwrap(),
            metrics::simplified_silhouette(wide.view(), &labels_of_large).unwrap(),
        ];
        (of(Metric::Euclidean), of(Metric::Manhattan), gaps)
    };
    check_same_bits(score);
}

/// Directions of few columns are equal but for rounding: of many they are not.
#[test]
fn directions_are_scored_as_the_definition_says() {
    let (x, labels) = random::<f64>(60, 5);
    let names: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
    for metric in [Metric::Cosine, Metric::Correlation] {
        let got = metrics::silhouette_samples(x.view(), &labels, &metric).unwrap();
        let expected = twins::silhouette(x.view(), &names, &metric);
        assert!(got.iter().zip(&expected).all(|(&a, &b)| near(a, b, TWIN_TOL)), "{metric:?}");
        let got = metrics::dunn(x.view(), &labels, &metric).unwrap();
        assert!(near(got, twins::dunn(x.view(), &names, &metric), TWIN_TOL), "{metric:?}");
    }
}

/// The same chain of sums, by panels and pair by pair.
#[test]
fn panels_have_the_bits_of_pairs() {
    let (x, labels) = random::<f64>(300, 7);
    let sum = CustomMetric::new("sum", |a, b| {
        a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b).abs())
    });
    let most = CustomMetric::new("most", |a, b| {
        a.iter().zip(b).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()))
    });
    for (panels, pairs) in [(Metric::Manhattan, sum), (Metric::Chebyshev, most)] {
        let (x, pairs) = (x.view(), Metric::Custom(pairs));
        let samples = |metric| metrics::silhouette_samples(x, &labels, metric).unwrap();
        assert_eq!(samples(&panels), samples(&pairs));
        let dunn = |metric| metrics::dunn(x, &labels, metric).unwrap();
        assert_eq!(dunn(&panels), dunn(&pairs));
    }
    let far = Matrix::from_rows(&[[0.0, 0.0], [1.0, 0.0], [f64::MAX, f64::MAX]]);
    let err = metrics::silhouette(far.view(), &[1, 0, 0], &Metric::Manhattan).unwrap_err();
    let expected = "silhouette: distances must be finite, got inf between rows 0 and 2";
    assert_eq!(err.to_string(), expected);
}

/// Single precision against double, on the same numbers: a distance is off by some units of 6e-8.
#[test]
fn single_precision_is_near_double() {
    let (x, labels) = random::<f32>(300, 8);
    for metric in [Metric::Euclidean, Metric::SquaredEuclidean, Metric::Cosine] {
        let single = metrics::silhouette(x.view(), &labels, &metric).unwrap();
        let double = metrics::silhouette(x.cast::<f64>().view(), &labels, &metric).unwrap();
        assert!((single - double).abs() < 1e-5, "{metric:?}: {single}, {double}");
    }
}

#[test]
fn many_labels_take_no_table() {
    let n = 100_000;
    let labels: Vec<usize> = (0..n).collect();
    let pairs: Vec<usize> = labels.iter().map(|i| i / 2).collect();
    let score = metrics::homogeneity(&pairs, &labels).unwrap();
    assert!((score - 1.0).abs() < 1e-15, "{score}");
    let score = metrics::adjusted_mutual_info(&labels, &pairs, Average::Arithmetic).unwrap();
    assert!(score.abs() < 1e-6, "{score}"); // all labels differ: chance does as well
    assert_eq!(metrics::contingency(&labels, &pairs).unwrap().cells().len(), n);
}

mod twins {
    //! Definitions as programs.
    use super::*;

    /// The table in a unit that keeps squares in range.
    fn in_range(x: &Matrix<f64>) -> Matrix<f64> {
        let most = x.as_slice().iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let mut unit = 1.0;
        while most > 0.0 && most * unit < 1.0 {
            unit *= 2.0;
        }
        x.map(|x| x * unit)
    }

    /// All distances.
    fn distances(x: MatrixView<'_, f64>, metric: &Metric) -> Vec<Vec<f64>> {
        let x = in_range(&x.to_matrix());
        x.rows().map(|a| x.rows().map(|b| metric.distance(a, b)).collect()).collect()
    }

    pub(super) fn silhouette(x: MatrixView<'_, f64>, labels: &[u8], metric: &Metric) -> Vec<f64> {
        let distances = distances(x, metric);
        let mean = |i: usize, label: u8| {
            let others = (0..labels.len()).filter(|&j| j != i && labels[j] == label);
            let n = others.clone().count();
            (n > 0).then(|| others.map(|j| distances[i][j]).sum::<f64>() / n as f64)
        };
        let score = |i: usize| {
            let Some(a) = mean(i, labels[i]) else { return 0.0 };
            let others = (0..=u8::MAX).filter(|&label| label != labels[i]);
            let b = others.filter_map(|label| mean(i, label)).fold(f64::INFINITY, f64::min);
            if a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) }
        };
        (0..labels.len()).map(score).collect()
    }

    pub(super) fn dunn(x: MatrixView<'_, f64>, labels: &[u8], metric: &Metric) -> f64 {
        let distances = distances(x, metric);
        let (mut gap, mut diameter) = (f64::INFINITY, 0.0f64);
        for (i, row) in distances.iter().enumerate() {
            for (j, &distance) in row.iter().enumerate().filter(|&(j, _)| j != i) {
                if labels[i] == labels[j] {
                    diameter = diameter.max(distance);
                } else {
                    gap = gap.min(distance);
                }
            }
        }
        if gap == 0.0 { 0.0 } else { gap / diameter }
    }

    /// Davies-Bouldin and Calinski-Harabasz.
    pub(super) fn by_centroids(x: MatrixView<'_, f64>, labels: &[u8]) -> [f64; 2] {
        let x = &in_range(&Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| x[(i, j)] - x[(0, j)]));
        let mut names = labels.to_vec();
        names.sort_unstable();
        names.dedup();
        let rows = |name: Option<u8>| {
            (0..labels.len()).filter(move |&i| name.is_none_or(|name| labels[i] == name))
        };
        let mean = |name: Option<u8>| -> Vec<f64> {
            let n = rows(name).count() as f64;
            let sum = |j: usize| rows(name).map(|i| x.row(i)[j]).sum::<f64>();
            (0..x.n_cols()).map(|j| sum(j) / n).collect()
        };
        let square =
            |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
        let (k, n, all) = (names.len() as f64, labels.len() as f64, mean(None));
        let centroids: Vec<_> = names.iter().map(|&name| mean(Some(name))).collect();
        let (mut within, mut between, mut scatter) = (0.0, 0.0, Vec::new());
        for (&name, centroid) in names.iter().zip(&centroids) {
            let squares: Vec<_> = rows(Some(name)).map(|i| square(x.row(i), centroid)).collect();
            within += squares.iter().sum::<f64>();
            between += squares.len() as f64 * square(centroid, &all);
            scatter.push(squares.iter().map(|x| x.sqrt()).sum::<f64>() / squares.len() as f64);
        }
        let worst = |i: usize| {
            let others = (0..names.len()).filter(|&j| j != i);
            let ratio = |j: usize| {
                let gap = square(&centroids[i], &centroids[j]).sqrt();
                // What rounding leaves of one place.
                if gap < 1e-12 { 0.0 } else { (scatter[i] + scatter[j]) / gap }
            };
            others.map(ratio).fold(0.0, f64::max)
        };
        let davies_bouldin = (0..names.len()).map(worst).sum::<f64>() / k;
        [davies_bouldin, between * (n - k) / (within * (k - 1.0))]
    }
}

/// Sums in another order: some units in the last place of at most 40 distances.
const TWIN_TOL: f64 = 1e-12;

/// The refusal of labels of which there is one alone, or one for each sample.
fn too_few_labels(labels: &[u8]) -> Option<&'static str> {
    let names: std::collections::BTreeSet<_> = labels.iter().collect();
    (!(2..labels.len()).contains(&names.len())).then_some("labels, got")
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * b.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn distances_in_tiles_are_those_of_the_definition(
        x in strategies::hostile_matrix(3usize..40, 1usize..5),
        labels in prop::collection::vec(0u8..5, 40),
    ) {
        let labels = &labels[..x.n_rows()];
        for metric in [
            Metric::Euclidean, Metric::SquaredEuclidean, Metric::Chebyshev, Metric::Minkowski(3.0),
        ] {
            let got = metrics::silhouette_samples(x.view(), labels, &metric);
            let Some(got) = model_unless(too_few_labels(labels), got) else { return Ok(()) };
            let expected = twins::silhouette(x.view(), labels, &metric);
            for (got, expected) in got.into_iter().zip(expected) {
                prop_assert!(near(got, expected, TWIN_TOL), "{:?}: {} {}", metric, got, expected);
            }
            let got = metrics::dunn(x.view(), labels, &metric).unwrap();
            prop_assert!(near(got, twins::dunn(x.view(), labels, &metric), TWIN_TOL));
        }
    }

    #[test]
    fn centroids_are_those_of_the_definition(
        x in strategies::hostile_matrix(3usize..40, 1usize..5),
        labels in prop::collection::vec(0u8..5, 40),
    ) {
        let labels = &labels[..x.n_rows()];
        let davies_bouldin = metrics::davies_bouldin(x.view(), labels);
        let Some(davies_bouldin) = model_unless(too_few_labels(labels), davies_bouldin) else {
            return Ok(());
        };
        let calinski_harabasz = metrics::calinski_harabasz(x.view(), labels).unwrap();
        let [expected, ratio] = twins::by_centroids(x.view(), labels);
        // Where centroids are close or a cluster is one place, the definition divides by rounding.
        if expected < 1e6 {
            prop_assert!(near(davies_bouldin, expected, 1e-9), "{} {}", davies_bouldin, expected);
        }
        if ratio < 1e6 {
            prop_assert!(near(calinski_harabasz, ratio, 1e-9), "{} {}", calinski_harabasz, ratio);
        }
    }

    #[test]
    fn names_of_labels_change_no_bit(
        x in strategies::matrix(3usize..40, 1usize..5),
        a in prop::collection::vec(0usize..5, 40),
        b in prop::collection::vec(0usize..5, 40),
        names in Just([0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let (a, b) = (&a[..x.n_rows()], &b[..x.n_rows()]);
        let renamed: Vec<&str> = a.iter().map(|&i| ["a", "b", "c", "d", "e"][names[i]]).collect();
        prop_assert_eq!(compare(a, b), compare(&renamed, b));
        prop_assert_eq!(judge(x.view(), a), judge(x.view(), &renamed));
    }

    #[test]
    fn comparisons_are_symmetric(
        a in prop::collection::vec(0usize..6, 60),
        b in prop::collection::vec(0usize..6, 60),
        n in 1usize..60,
    ) {
        let (a, b) = (&a[..n], &b[..n]);
        let (there, back) = (compare(a, b), compare(b, a));
        prop_assert_eq!(&there[..12], &back[..12]);
        prop_assert_eq!((there[12], there[13]), (back[13], back[12])); // homogeneity, completeness
        let bounded = there.iter().all(|score| (-1.0 - TWIN_TOL..=2.0).contains(score));
        prop_assert!(bounded, "{:?}", there);
        let pairs = metrics::pair_confusion(a, b).unwrap();
        let n = n as u64;
        prop_assert_eq!(pairs.together + pairs.split + pairs.joined + pairs.apart, n * (n - 1));
    }

    #[test]
    fn a_partition_is_like_itself(a in prop::collection::vec(0usize..4, 2..60)) {
        let scores = compare(&a, &a);
        let [rand, adjusted, fowlkes_mallows, ..] = scores[..] else { unreachable!() };
        prop_assert_eq!((rand, adjusted), (1.0, 1.0));
        let is_paired = metrics::pair_confusion(&a, &a).unwrap().together > 0;
        prop_assert_eq!(fowlkes_mallows, f64::from(u8::from(is_paired)));
        prop_assert!(scores[4..].iter().all(|&score| score == 1.0), "{:?}", scores);
        prop_assert_eq!(metrics::purity(&a, &a).unwrap(), 1.0);
    }
}

/// All comparisons, the symmetric ones first: three of pairs, the information, then eight over it,
/// homogeneity and completeness.
fn compare<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> Vec<f64> {
    let mut scores = vec![
        metrics::rand(a, b),
        metrics::adjusted_rand(a, b),
        metrics::fowlkes_mallows(a, b),
        metrics::mutual_info(a, b),
    ];
    for (_, average) in AVERAGES {
        scores.push(metrics::normalized_mutual_info(a, b, average));
    }
    for (_, average) in &AVERAGES[..3] {
        scores.push(metrics::adjusted_mutual_info(a, b, *average));
    }
    scores.push(metrics::v_measure(a, b, 1.0));
    scores.extend([metrics::homogeneity(a, b), metrics::completeness(a, b)]);
    scores.into_iter().map(Result::unwrap).collect()
}

/// All scores by the samples, or none where there are too few labels.
fn judge<L: Ord + Copy>(x: MatrixView<'_, f64>, labels: &[L]) -> Option<[f64; 4]> {
    let silhouette = metrics::silhouette(x, labels, &Metric::Euclidean).ok()?;
    let dunn = metrics::dunn(x, labels, &Metric::Euclidean).ok()?;
    let davies_bouldin = metrics::davies_bouldin(x, labels).ok()?;
    Some([silhouette, dunn, davies_bouldin, metrics::calinski_harabasz(x, labels).ok()?])
}

#[test]
fn the_simplified_silhouette_follows_its_definition() {
    let x = Matrix::from_rows(&[
        [0.0, 1.0],
        [2.0, 1.5],
        [1.0, 7.0],
        [1.5, 9.0],
        [4.0, 8.0],
        [30.0, 30.0],
    ]);
    let labels = [0, 0, 1, 1, 1, 2];
    let mean = |members: &[usize], j: usize| {
        members.iter().map(|&i| x.row(i)[j]).sum::<f64>() / members.len() as f64
    };
    let centroids =
        [&[0, 1][..], &[2, 3, 4], &[5]].map(|members| [mean(members, 0), mean(members, 1)]);
    let distance = |i: usize, c: usize| {
        let (a, b) = (x.row(i)[0] - centroids[c][0], x.row(i)[1] - centroids[c][1]);
        (a * a + b * b).sqrt()
    };
    let score = |i: usize| {
        let a = distance(i, labels[i]);
        let others = (0..3).filter(|&c| c != labels[i]).map(|c| distance(i, c));
        let b = others.fold(f64::INFINITY, f64::min);
        (b - a) / a.max(b)
    };
    let expected = (0..5).map(score).sum::<f64>() / 6.0; // the last is alone
    for unit in [1.0, 1e-170, 1e150] {
        let scaled = x.map(|x| x * unit);
        let got = purlin_cluster::metrics::simplified_silhouette(scaled.view(), &labels).unwrap();
        assert!((got - expected).abs() < 1e-12, "{got}, expected {expected}");
    }
    let equal = Matrix::from_rows(&[[1.0]; 4]);
    let got = purlin_cluster::metrics::simplified_silhouette(equal.view(), &[0, 0, 1, 1]);
    assert_eq!(got.unwrap(), 0.0);
}
